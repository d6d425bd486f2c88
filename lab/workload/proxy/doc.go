// Package proxy is a proxy for TCP: it takes connections and passes what comes
// on to a server, byte for byte, whatever the bytes mean; TLS is as good as
// text. It can harm what passes on purpose: invert one bit, or end both
// connections in an orderly way when so much has passed, which is what a
// receiver without a length or a checksum cannot notice.
//
// # Ends
//
// When one side closes its direction (FIN), the proxy closes the same direction
// towards the other, and goes on with the opposite one: half-closes are passed
// on. When both directions have ended, or one connection broke, it closes both
// in its style; a broken one at once. In the style reset the first FIN is
// answered by resetting the other side.
package proxy
