// Package authority is the certificate authority of one lab: it makes the
// certificates that servers with TLS show, good ones and ones that a client
// must refuse, and the list of those it has revoked (RFC 5280).
//
// An [Authority] lives in memory for as long as its run. Its own key and those
// of its certificates are P-256; nothing else is needed by any client since
// 2010, and making one takes less than a millisecond.
package authority
