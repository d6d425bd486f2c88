// Package socket holds plain servers and clients for TCP and UDP: what is left
// of a protocol when there is no protocol. A server echoes, swallows, is
// silent, or follows a script; a client does one call at a time. There are
// clients for every call of the socket interface: [NewTCP] binds and connects,
// [ListenTCP] listens and accepts, [DialUDP] and [BindUDP] send and receive
// datagrams. They bear several calls at once, and whatever waits ends with its
// context or when the socket is closed.
//
// # Scripts
//
// A script is a list of lines, each connection of a TCP server goes through it
// from its beginning:
//
//	send TEXT      sends TEXT and a newline
//	send "TEXT"    sends exactly TEXT, in which Go's escapes (\r\n, \x00) hold
//	expect TEXT    reads lines until one contains TEXT; also "TEXT"
//	wait 100ms     does nothing for that long
//	close          closes the connection; the end of the script does so, too
//
// Where the peer ends before the line that is expected, or sends one of more
// than 64 KiB, the script does not match: that is logged and the connection is
// closed.
//
// A UDP server goes through its script once: each expect takes one datagram,
// which must contain the text, and each send answers whoever sent the last.
// After the end, or when a datagram does not match, it answers no more.
//
// # Closing
//
// Echo and sink read to the peer's FIN and then close in their style. A silent
// server reads nothing, so it cannot notice that FIN: it holds its connections,
// whatever the style, until it is stopped. What it has been sent is unread then,
// which makes that close a reset.
package socket
