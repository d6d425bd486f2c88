package calls

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// A Secure is TLS on a recorded connection. Beside the calls of the socket it
// records what TLS does there, as calls of the same socket: "handshake" (Args:
// the version agreed on, or "failed" and why), "close_notify" and "alert"
// (Args: "sent" or "received", and the alert's name).
//
// How an alert is known decides its grade. One in clear text was read as it
// passed, and one that the peer sent, or that this side's TLS named in its
// error, was said by crypto/tls: recorded. That this side sent an encrypted
// one for a certificate that it refused is seen from the record's length, and
// which is inferred: crypto/tls sends bad_certificate then, whatever it found.
// A received close_notify is the end of the stream without the end of the
// connection; crypto/tls by itself gives io.EOF for either.
//
// Unlike [tls.Conn] it never sends close_notify of its own accord: Close
// closes the socket, as it is. Its methods are safe for concurrent use.
type Secure struct {
	*Conn      // the socket: CloseWrite, SetLinger, Close and so on are its own
	lower *tap // between TLS and the socket
	below net.Conn
	tls   *tls.Conn

	shake    sync.Once
	shakeErr error
	done     atomic.Bool   // the handshake is complete
	writing  chan struct{} // holds a token during Write
	silent   atomic.Bool
	notified atomic.Bool // close_notify was sent, or is being sent
	heard    atomic.Bool // close_notify was received, and recorded
	cried    atomic.Bool // the alert that this side sent was recorded,
	warned   atomic.Bool // and the one that it received
}

// SecureClient puts the client's side of TLS on a connection. below is what it
// reads from and writes to: the connection itself, or something around it that
// sets its deadlines.
func (c *Conn) SecureClient(below net.Conn, config *tls.Config) *Secure {
	return c.secure(below, func(l net.Conn) *tls.Conn { return tls.Client(l, config) })
}

// SecureServer puts the server's side of TLS on a connection.
func (c *Conn) SecureServer(below net.Conn, config *tls.Config) *Secure {
	return c.secure(below, func(l net.Conn) *tls.Conn { return tls.Server(l, config) })
}

func (c *Conn) secure(below net.Conn, over func(net.Conn) *tls.Conn) *Secure {
	s := &Secure{Conn: c, below: below, writing: make(chan struct{}, 1)}
	s.lower = newTap(below, func(direction string, description uint8) { s.alert(direction, description, probes.Recorded) })
	s.tls = over(s.lower)
	return s
}

// Silent makes CloseNotify do nothing.
func (s *Secure) Silent() { s.silent.Store(true) }

// Handshake shakes hands, once. Read and Write do so by themselves.
func (s *Secure) Handshake(ctx context.Context) error {
	s.shake.Do(func() {
		start := clock.Now()
		s.shakeErr = s.tls.HandshakeContext(ctx)
		call := probes.Call{Name: "handshake", Args: s.Version(), Errno: Errno(s.shakeErr)}
		if s.shakeErr != nil {
			call.Args = "failed: " + s.shakeErr.Error()
		}
		s.note(start, probes.Recorded, call)
		if s.shakeErr == nil {
			s.done.Store(true)
			return
		}
		s.explain(s.shakeErr)
	})
	return s.shakeErr
}

// Sealed reports whether the handshake is complete.
func (s *Secure) Sealed() bool { return s.done.Load() }

// State returns what the handshake agreed on.
func (s *Secure) State() tls.ConnectionState { return s.tls.ConnectionState() }

// Version returns the version agreed on, as 1.3; "" before the handshake.
func (s *Secure) Version() string {
	state := s.tls.ConnectionState()
	if !state.HandshakeComplete {
		return ""
	}
	return TLSVersion(state.Version)
}

// TLSVersion names a version of TLS: 1.3.
func TLSVersion(version uint16) string { return strings.TrimPrefix(tls.VersionName(version), "TLS ") }

// Heard reports whether the peer has sent close_notify: what it sent is
// complete.
func (s *Secure) Heard() bool { return s.heard.Load() }

// Read receives from the stream.
func (s *Secure) Read(p []byte) (int, error) {
	if err := s.Handshake(context.Background()); err != nil {
		return 0, err
	}
	start := clock.Now()
	n, err := s.tls.Read(p)
	if err == io.EOF && !s.lower.ended.Load() {
		if !s.heard.Swap(true) {
			s.note(start, probes.Recorded, probes.Call{Name: "close_notify", Args: "received"})
		}
	} else if err != nil {
		s.explain(err)
	}
	return n, err
}

// Write sends to the stream.
func (s *Secure) Write(p []byte) (int, error) {
	if err := s.Handshake(context.Background()); err != nil {
		return 0, err
	}
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	return s.tls.Write(p)
}

// ReadBelow receives from the socket, below TLS: what comes after its end.
func (s *Secure) ReadBelow(p []byte) (int, error) { return s.below.Read(p) }

// stuck is how long CloseNotify waits for a Write to end.
const stuck = time.Second

var errUnsealed = errors.New("no close_notify before the end of the handshake")

// CloseNotify says that nothing more will be sent, once (RFC 8446 section
// 6.1). Before the end of the handshake, behind a Write that is stuck, or when
// told to be silent, it does not. It does not block for longer than crypto/tls
// lets it, five seconds.
func (s *Secure) CloseNotify() error {
	if s.silent.Load() || s.notified.Swap(true) {
		return nil
	}
	if !s.done.Load() {
		return errUnsealed
	}
	// The answer can be here before the goroutine goes on that sent the request.
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-time.After(stuck):
		return errors.New("no close_notify: a send does not end")
	}
	start := clock.Now()
	err := s.tls.CloseWrite()
	s.note(start, probes.Recorded, probes.Call{Name: "close_notify", Args: "sent", Errno: Errno(err)})
	return err
}

// SetDeadline bounds pending and later calls.
func (s *Secure) SetDeadline(t time.Time) error { return s.below.SetDeadline(t) }

// SetReadDeadline bounds pending and later receives.
func (s *Secure) SetReadDeadline(t time.Time) error { return s.below.SetReadDeadline(t) }

// SetWriteDeadline bounds pending and later sends. TLS cannot go on after a
// send that ran into it.
func (s *Secure) SetWriteDeadline(t time.Time) error { return s.below.SetWriteDeadline(t) }

// alert records an alert. One that passed in clear text comes back as the
// error of the call under way: in each direction there is one, the last, and
// it is recorded once.
func (s *Secure) alert(direction string, description uint8, grade probes.Grade) {
	once := &s.cried
	if direction == "received" {
		once = &s.warned
	}
	if description == 0 || once.Swap(true) { // close_notify is recorded on its own
		return
	}
	s.note(clock.Now(), grade, probes.Call{Name: "alert", Args: direction + " " + probes.AlertName(description)})
}

// badCertificate is the alert that crypto/tls sends for every certificate
// that it refuses.
const badCertificate = 42

// explain records the alert that an error of TLS tells of.
func (s *Secure) explain(err error) {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		// crypto/tls's own type of alerts is not exported; it is a number.
		if v := reflect.ValueOf(op.Err); v.IsValid() && v.Kind() == reflect.Uint8 {
			direction := "received"
			if op.Op == "local error" {
				direction = "sent"
			}
			s.alert(direction, uint8(v.Uint()), probes.Recorded)
		}
		return
	}
	if _, refused := errors.AsType[*tls.CertificateVerificationError](err); refused && s.lower.sentSealedAlert() {
		s.alert("sent", badCertificate, probes.Inferred)
	}
}
