package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A CloseStyle says in which order a program does the last things to a
// connection.
type CloseStyle string

// The close styles. The zero value is read as AtOnce.
const (
	// AtOnce calls close. What the peer sends later is answered by RST, and
	// so is what it has sent but was not read.
	AtOnce CloseStyle = "at_once"
	// AfterReply reads the reply that says goodbye, then calls close. For a
	// server, whose goodbye has been sent, it is AtOnce.
	AfterReply CloseStyle = "after_reply"
	// AfterPeer reads and discards until the peer's FIN, then calls close:
	// the peer is the first to close.
	AfterPeer CloseStyle = "after_peer"
	// HalfThenDrain calls shutdown(write), reads and discards until the
	// peer's FIN, then calls close: first to close, and no data is lost.
	HalfThenDrain CloseStyle = "half_then_drain"
	// Reset sets SO_LINGER to 0 and calls close: RST instead of FIN.
	Reset CloseStyle = "reset"
)

// CloseStyles lists the styles, in the order of their documentation.
func CloseStyles() []CloseStyle {
	return []CloseStyle{AtOnce, AfterReply, AfterPeer, HalfThenDrain, Reset}
}

// DefaultCap is how long a close waits for the peer where nothing else is said.
const DefaultCap = 3 * time.Second

// A Close is a style with its times. The zero value closes at once. In JSON it
// is the style's name, or the name with its times:
// {"after_peer": {"delay": "60ms", "cap": "1s"}}.
type Close struct {
	Style CloseStyle
	// Delay passes between what the style waits for (nothing, the reply, the
	// peer's FIN) and the call of close.
	Delay time.Duration
	// Cap bounds the wait for the peer; 0 means DefaultCap. When it has
	// passed the connection is closed all the same, and the recorded call
	// says so.
	Cap time.Duration
}

// style returns the style with the zero value resolved.
func (c Close) style() CloseStyle {
	if c.Style == "" {
		return AtOnce
	}
	return c.Style
}

// limit returns the cap with the zero value resolved.
func (c Close) limit() time.Duration {
	if c.Cap == 0 {
		return DefaultCap
	}
	return c.Cap
}

// Validate says what is wrong with c.
func (c Close) Validate() error {
	if !slices.Contains(CloseStyles(), c.style()) {
		return fmt.Errorf("close style %q is none of %s", c.Style, styleNames())
	}
	if c.Delay < 0 || c.Cap < 0 {
		return fmt.Errorf("close style %s: delay %v and cap %v must not be negative", c.style(), c.Delay, c.Cap)
	}
	return nil
}

func styleNames() string {
	var names []string
	for _, s := range CloseStyles() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// times is the object in a Close's longer form.
type times struct {
	Delay Duration `json:"delay,omitzero"`
	Cap   Duration `json:"cap,omitzero"`
}

// MarshalJSON writes the shorter form where it says everything.
func (c Close) MarshalJSON() ([]byte, error) {
	if c.Delay == 0 && c.Cap == 0 {
		return json.Marshal(c.style())
	}
	return json.Marshal(map[CloseStyle]times{c.style(): {Duration(c.Delay), Duration(c.Cap)}})
}

// UnmarshalJSON reads either form, strictly.
func (c *Close) UnmarshalJSON(data []byte) error {
	var read Close
	var forms map[CloseStyle]json.RawMessage
	if err := json.Unmarshal(data, &read.Style); err != nil {
		if json.Unmarshal(data, &forms) != nil || len(forms) != 1 {
			return fmt.Errorf("close: want one of %s, or one of them with its delay and cap", styleNames())
		}
	}
	for style, body := range forms {
		var t times
		if err := decodeStrict(body, &t); err != nil {
			return fmt.Errorf("close %s: %w", style, err)
		}
		read = Close{Style: style, Delay: time.Duration(t.Delay), Cap: time.Duration(t.Cap)}
	}
	if err := read.Validate(); err != nil {
		return err
	}
	*c = read
	return nil
}

// A Conn is what a close does things to. *net.TCPConn is one; the recorded
// connections of package calls are, too.
type Conn interface {
	Read(p []byte) (int, error)
	Close() error
	CloseWrite() error
	SetLinger(sec int) error
	SetReadDeadline(t time.Time) error
}

// A because is a Conn that keeps the reason of an unusual close.
type because interface {
	CloseBecause(reason string) error
}

// A notifier is a Conn with TLS on it. That it says close_notify (RFC 8446
// section 6.1) belongs to its style's turn: just before what makes the FIN.
// CloseNotify does so at most once, and not at all where there is nothing to
// end or TLS was told to be silent.
type notifier interface {
	CloseNotify() error
}

// A sealed is a Conn whose Read ends with the peer's close_notify, before its
// FIN. Sealed is false before the end of the handshake, which Read would
// otherwise begin.
type sealed interface {
	Sealed() bool
	ReadBelow(p []byte) (int, error)
}

// ErrCapped is in the chain of the error of a close that did not come about as
// asked: the peer did not do its part in time. The connection is closed.
var ErrCapped = errors.New("the peer did not do its part in time")

// notify says close_notify. The connection's end is none of its errors: what
// broke it is in the record.
func notify(conn Conn) {
	if n, ok := conn.(notifier); ok {
		_ = n.CloseNotify()
	}
}

// Do closes conn in the style of c. With TLS, close_notify comes before the
// FIN in every style but Reset; what is waited for is the FIN itself, also
// after the peer's close_notify. readReply, which only clients have, reads
// the goodbye; it is called by AfterReply, with conn's read deadline set, and
// must return when that passes. When ctx ends, what is still waited for is
// given up and conn is closed at once. Do always closes conn.
//
// Do may be called while another goroutine reads from conn only for AtOnce and
// Reset: the others read themselves.
func (c Close) Do(ctx context.Context, conn Conn, readReply func() error) error {
	// Whatever is being read when ctx ends is broken off.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(Past()) })
	defer stop()

	var waited error
	switch c.style() {
	case AfterReply:
		if readReply != nil {
			waited = c.wait(ctx, conn, "goodbye", readReply)
		}
	case AfterPeer:
		waited = c.wait(ctx, conn, "FIN", func() error { return drain(conn) })
	case HalfThenDrain:
		notify(conn)
		// ENOTCONN: the peer has reset the connection. It is over, as with a
		// reset that drain meets.
		if waited = conn.CloseWrite(); errors.Is(waited, syscall.ENOTCONN) {
			waited = nil
		} else if waited == nil {
			waited = c.wait(ctx, conn, "FIN", func() error { return drain(conn) })
		}
	}
	if waited == nil {
		c.delay(ctx)
	}
	if c.style() == Reset {
		// If this fails the socket is closed already, which the close says too.
		_ = conn.SetLinger(0)
	} else if ctx.Err() == nil || c.style() == AtOnce {
		notify(conn) // a peer that was given up is not waited for to take it
	}
	if b, ok := conn.(because); ok && errors.Is(waited, ErrCapped) {
		return errors.Join(waited, b.CloseBecause(c.capped(ctx)))
	}
	return errors.Join(waited, conn.Close())
}

// wait calls read with conn's read deadline at the cap.
func (c Close) wait(ctx context.Context, conn Conn, what string, read func() error) error {
	if ctx.Err() == nil {
		if err := conn.SetReadDeadline(time.Now().Add(c.limit())); err != nil {
			return err
		}
		if ctx.Err() != nil { // it ended between the check and the deadline
			_ = conn.SetReadDeadline(Past())
		}
	}
	err := read()
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("close %s: no %s: %w", c.style(), what, ErrCapped)
	}
	return err
}

// capped is the reason that the recorded close bears.
func (c Close) capped(ctx context.Context) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("%s given up: stopped", c.style())
	}
	return fmt.Sprintf("%s given up after %v", c.style(), c.limit())
}

// delay waits: the scenario asks for this much time between two events, there
// is nothing else that could be awaited.
func (c Close) delay(ctx context.Context) {
	if c.Delay <= 0 {
		return
	}
	timer := time.NewTimer(c.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// drain reads and discards until the peer's FIN, first what is sealed by TLS,
// then what comes after its end. A reset ends the connection as well: there is
// nothing left to wait for, and the record has the errno.
func drain(conn Conn) error {
	s, secure := conn.(sealed)
	if secure && s.Sealed() {
		if err := drainFrom(conn.Read); err != nil {
			return err
		}
	}
	if secure {
		return drainFrom(s.ReadBelow)
	}
	return drainFrom(conn.Read)
}

// drainFrom reads to the end. Only running out of time is an error.
func drainFrom(read func([]byte) (int, error)) error {
	buf := make([]byte, 16<<10)
	for {
		if _, err := read(buf); err != nil {
			var timeout interface{ Timeout() bool }
			if errors.As(err, &timeout) && timeout.Timeout() {
				return err
			}
			return nil
		}
	}
}
