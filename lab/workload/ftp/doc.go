// Package ftp is the FTP workload: a server on github.com/fclairamb/ftpserverlib
// and a client on github.com/jlaffaye/ftp, with a small control client of its
// own beside it for what the library lacks. All their socket calls are
// recorded, and how each connection is closed is a choice; see package
// workload.
//
// # Server
//
// [Start] returns when the server listens. Its files live in memory unless a
// directory is named; big files are generated while they are sent. Calls that
// cannot be recorded: of active mode's data connections the connect, and for a
// LIST, NLST or MLSD all (the library makes that socket and shows it only to
// the file being transferred). Of passive listeners the listen call is known
// only from just after it.
//
// The library makes the server's TLS itself. Of it are recorded the version
// that was agreed on and the server's own close_notify, which is held back
// until the close style's turn; alerts, and the client's close_notify, are not.
//
// # Client
//
// [Connect] chooses by itself which client a session has: the library, or,
// for active mode and where asked for, the client of this package ("raw").
// ABOR and raw commands exist in raw sessions only, so a session in which a
// later step needs one must be made raw from its beginning; [NeedsRaw] tells.
// The two differ on the wire: the library sends FEAT and OPTS UTF8 ON after a
// login, the raw client only what the step says (and TYPE I).
//
// Names of commands and reply codes are those of RFC 959, RFC 2228, RFC 2428
// and RFC 4217.
package ftp
