package calls

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// Content types of TLS records, RFC 8446 section 5.1.
const (
	recordAlert       = 21
	recordApplication = 23
)

// A recordReader follows a stream of TLS records by their headers, which are
// never encrypted, in whatever pieces it passes.
type recordReader struct {
	head   [5]byte
	have   int // of head
	left   int // of the body
	length int
	body   []byte // of an alert: its first two bytes
	// ended is called at the end of each record; plain holds an alert that is
	// not encrypted: its level and description.
	ended func(kind byte, length int, plain []byte)
}

// pass takes the next piece.
func (r *recordReader) pass(p []byte) {
	for len(p) > 0 {
		if r.have < len(r.head) {
			n := copy(r.head[r.have:], p)
			r.have, p = r.have+n, p[n:]
			if r.have < len(r.head) {
				return
			}
			r.length = int(r.head[3])<<8 | int(r.head[4])
			r.left, r.body = r.length, r.body[:0]
		}
		n := min(r.left, len(p))
		if r.head[0] == recordAlert && len(r.body) < 2 {
			r.body = append(r.body, p[:min(n, 2-len(r.body))]...)
		}
		r.left, p = r.left-n, p[n:]
		if r.left > 0 {
			return
		}
		r.have = 0
		var plain []byte
		if r.head[0] == recordAlert && r.length == 2 { // else there is a tag behind
			plain = r.body
		}
		r.ended(r.head[0], r.length, plain)
	}
}

// A tap is the connection below TLS. It notes what can be seen there: alerts
// in clear text, and whether the peer's FIN has been read.
type tap struct {
	net.Conn
	in, out recordReader
	ended   atomic.Bool // a receive has returned the end of input, or failed for good
	// lastSealed is the length of the last record sent, if it was one of
	// application data, which in TLS 1.3 an alert looks like.
	lastSealed atomic.Int64
}

// newTap puts a tap on a connection; alert is told of alerts in clear text.
func newTap(below net.Conn, alert func(direction string, description uint8)) *tap {
	t := &tap{Conn: below}
	t.in.ended = func(_ byte, _ int, plain []byte) {
		if plain != nil {
			alert("received", plain[1])
		}
	}
	t.out.ended = func(kind byte, length int, plain []byte) {
		t.lastSealed.Store(0)
		if kind == recordApplication {
			t.lastSealed.Store(int64(length))
		}
		if plain != nil {
			alert("sent", plain[1])
		}
	}
	return t
}

// Read receives.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.in.pass(p[:n])
	var timeout net.Error
	if err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
		t.ended.Store(true)
	}
	return n, err
}

// Write sends.
func (t *tap) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.out.pass(p[:n])
	return n, err
}

// Close breaks off what is under way. TLS calls it when the context of a
// handshake ends; how the socket is closed is for its owner to say.
func (t *tap) Close() error { return t.Conn.SetDeadline(time.Unix(1, 0)) }

// sealedAlert is the length of the body of an encrypted alert in TLS 1.3: two
// bytes, the content type, and a tag of 16 bytes (RFC 8446 section 5.2).
const sealedAlert = 2 + 1 + 16

// sentSealedAlert reports whether the last record sent can have been one.
func (t *tap) sentSealedAlert() bool { return t.lastSealed.Load() == sealedAlert }

// note records something that TLS did on the connection.
func (c *Conn) note(start probes.Mono, grade probes.Grade, call probes.Call) {
	call.End = clock.Now()
	call.Workload = c.caller.workload
	call.Step = int(c.caller.step.Load())
	c.caller.emit(start, grade, c.id, c.Flow(), call)
}

// NoteHandshake records that a library has agreed on a version of TLS
// ("1.3"), where it shows no more of its handshake than that.
func (c *Conn) NoteHandshake(version string) {
	c.note(clock.Now(), probes.Recorded, probes.Call{Name: "handshake", Args: version})
}

// SendCloseNotify records that close_notify is sent, by a library whose TLS it
// is.
func (c *Conn) SendCloseNotify(send func() error) error {
	start := clock.Now()
	err := send()
	c.note(start, probes.Recorded, probes.Call{Name: "close_notify", Args: "sent", Errno: Errno(err)})
	return err
}
