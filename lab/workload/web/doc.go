// Package web is the HTTP workload, with and without TLS: a server and a
// client on net/http, whose socket calls are recorded, and whose connections
// are closed as a scenario says; see package workload.
//
// # Who closes
//
// net/http decides when a connection ends; how it is closed is decided by the
// connection that it is given. So TLS is done here, below net/http, which sees
// a plain stream: crypto/tls would send its close_notify before any style's
// turn. HTTP/2 is agreed on by ALPN here and then spoken by net/http as
// "unencrypted" HTTP/2 with prior knowledge.
//
// Session tickets are off. A TLS 1.3 server sends them after the handshake
// without being asked; a client that closes without reading would have them
// answered by RST instead of FIN.
//
// # HTTP/1.0
//
// net/http reads requests of version 1.0 but sends none, and answers 1.0 only
// to those. A client of version 1.0 is this package's own, one connection for
// each request; a server that speaks 1.0 alone is told that every request was.
//
// Names are those of RFC 9110, RFC 9112, RFC 9113 and RFC 6265.
package web
