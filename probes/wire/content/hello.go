package content

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"strings"

	"netlab/probes"
)

// Extensions that are read: RFC 6066 section 3, RFC 7301, RFC 8446 section
// 4.2.1.
const (
	serverNameExtension = 0
	alpnExtension       = 16
	versionsExtension   = 43
)

// Bounds of what is shown of a message.
const (
	maxNames = 16
	maxName  = 255
)

// read fills in what a handshake message says. One that is malformed is told
// by its name alone.
func read(r *probes.TLS, kind byte, body []byte) {
	r.Message = messageName(kind)
	switch kind {
	case clientHello:
		readClientHello(r, cursor(body))
	case serverHello:
		readServerHello(r, cursor(body))
	case certificateMsg:
		readCertificate(r, cursor(body))
	}
}

// readClientHello reads RFC 8446 section 4.1.2: the server's name and the
// application protocols.
func readClientHello(r *probes.TLS, c cursor) {
	c.skip(2 + 32)
	c.vector(1) // session
	c.vector(2) // cipher suites
	c.vector(1) // compression
	extensions(c, func(kind int, c cursor) {
		switch kind {
		case serverNameExtension:
			list := c.vector(2)
			for len(list) > 0 {
				kind := list.number(1)
				if name := list.vector(2); kind == 0 {
					r.Names = addName(r.Names, string(name))
				}
			}
		case alpnExtension:
			r.ALPN = protocols(c)
		}
	})
}

// helloRetry is the random of a server_hello that is a hello_retry_request,
// RFC 8446 section 4.1.3: SHA-256 of "HelloRetryRequest".
func helloRetry() []byte {
	return []byte("\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c")
}

// readServerHello reads RFC 8446 section 4.1.3: the version, the cipher suite
// and, up to TLS 1.2, the application protocol.
func readServerHello(r *probes.TLS, c cursor) {
	agreed := c.number(2)
	if bytes.Equal(c.take(32), helloRetry()) {
		r.Message = "hello_retry_request"
	}
	c.vector(1) // session
	if len(c) < 2 {
		return
	}
	r.Cipher = tls.CipherSuiteName(uint16(c.number(2)))
	c.skip(1) // compression
	extensions(c, func(kind int, c cursor) {
		switch kind {
		case versionsExtension:
			if len(c) == 2 {
				agreed = c.number(2)
			}
		case alpnExtension:
			r.ALPN = protocols(c)
		}
	})
	r.Version = version(uint16(agreed))
}

// readCertificate reads the names of the first certificate as TLS 1.2 sends
// it, RFC 5246 section 7.4.2. TLS 1.3 never sends it readable.
func readCertificate(r *probes.TLS, c cursor) {
	list := c.vector(3)
	cert, err := x509.ParseCertificate(list.vector(3))
	if err != nil {
		return
	}
	for _, n := range cert.DNSNames {
		r.Names = addName(r.Names, n)
	}
	for _, ip := range cert.IPAddresses {
		r.Names = addName(r.Names, ip.String())
	}
	if len(r.Names) == 0 {
		r.Names = addName(r.Names, cert.Subject.CommonName)
	}
}

// extensions calls fn for each of a list of extensions.
func extensions(c cursor, fn func(kind int, c cursor)) {
	list := c.vector(2)
	for len(list) >= 4 {
		kind := list.number(2)
		fn(kind, list.vector(2))
	}
}

// protocols reads the list of RFC 7301 section 3.1.
func protocols(c cursor) []string {
	var names []string
	for list := c.vector(2); len(list) > 0; {
		names = addName(names, string(list.vector(1)))
	}
	return names
}

// addName adds a name as far as there is room, with "." for everything that
// is not printable ASCII: a wire is not to be trusted.
func addName(names []string, name string) []string {
	if len(names) == maxNames || name == "" {
		return names
	}
	return append(names, strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, name[:min(len(name), maxName)]))
}

// A cursor reads numbers and vectors of RFC 8446 section 3. What is not there
// reads as nothing.
type cursor []byte

func (c *cursor) take(n int) []byte {
	n = min(n, len(*c))
	b := (*c)[:n]
	*c = (*c)[n:]
	return b
}

func (c *cursor) skip(n int) { c.take(n) }

// number reads a number of n bytes, 0 if they are not there.
func (c *cursor) number(n int) int {
	b := c.take(n)
	if len(b) < n {
		return 0
	}
	v := 0
	for _, x := range b {
		v = v<<8 | int(x)
	}
	return v
}

// vector reads a vector whose length is given in n bytes, cut where it is
// longer than what there is.
func (c *cursor) vector(n int) cursor { return cursor(c.take(c.number(n))) }
