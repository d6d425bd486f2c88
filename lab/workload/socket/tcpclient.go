package socket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/netip"
	"time"

	"netlab/lab/workload"
	"netlab/probes"
	"netlab/probes/calls"

	"golang.org/x/sys/unix"
)

// A Result is what an operation of a client moved.
type Result struct {
	Bytes   int64
	SHA256  string
	Content string // the beginning of what came; see workload.Readable
	Cut     bool
}

// A tally collects a Result while bytes pass.
type tally struct {
	bytes int64
	sum   hash.Hash
	kept  []byte // at most one more than can be shown
}

func newTally() *tally { return &tally{sum: sha256.New()} }

// Write takes notice of bytes that came.
func (t *tally) Write(p []byte) (int, error) {
	t.bytes += int64(len(p))
	t.sum.Write(p)
	t.kept = append(t.kept, p[:min(len(p), probes.MaxContent+1-len(t.kept))]...)
	return len(p), nil
}

func (t *tally) result() Result {
	r := Result{Bytes: t.bytes}
	if t.bytes > 0 {
		r.SHA256 = hex.EncodeToString(t.sum.Sum(nil))
	}
	r.Content, r.Cut = workload.Readable(t.kept)
	return r
}

// sent is a result without the content, which the caller knows.
func (t *tally) sent() Result {
	return Result{Bytes: t.bytes, SHA256: t.result().SHA256}
}

// A TCPClient is a connection of a client. Its operations are made one at a
// time. Each ends at the latest when its context does; what had come by then is
// in the Result that comes with the error.
//
// It reads from the kernel only what it is asked for: what was not received is
// unread, as far as the kernel is concerned, and turns a close into a reset.
type TCPClient struct {
	conn *calls.Conn
}

// DialTCP opens a connection.
func DialTCP(ctx context.Context, caller *calls.Caller, target netip.AddrPort) (*TCPClient, error) {
	conn, err := caller.DialContext(ctx, "tcp", target.String(), calls.DialOptions{})
	if err != nil {
		return nil, workload.Failed(ctx, "connect to "+target.String(), err)
	}
	return &TCPClient{conn}, nil
}

// deadline is what can be set on a connection.
type deadline interface{ SetDeadline(time.Time) error }

// within calls op, whose calls on conn are broken off when ctx ends.
func within(ctx context.Context, conn deadline, op func() error) error {
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetDeadline(workload.Past()) // fails only on a closed connection
	})
	err := op()
	if !stop() {
		<-done // the next operation must not meet this deadline
	}
	return err
}

// Send sends everything that content has.
func (c *TCPClient) Send(ctx context.Context, content io.Reader) (Result, error) {
	t := newTally()
	err := within(ctx, c.conn, func() error {
		// The wrapping hides what would move data in other ways.
		_, err := io.CopyBuffer(struct{ io.Writer }{c.conn}, struct{ io.Reader }{io.TeeReader(content, t)}, make([]byte, copySize))
		return err
	})
	return t.sent(), workload.Failed(ctx, "send", err)
}

// ReceiveLine receives up to and including the next newline. A peer that ends
// before is an error, and so is a line of more than 64 KiB.
func (c *TCPClient) ReceiveLine(ctx context.Context) (Result, error) {
	t := newTally()
	err := within(ctx, c.conn, func() error {
		for {
			n, whole, err := c.peekLine()
			if err != nil {
				return err
			}
			if _, err := io.CopyN(t, struct{ io.Reader }{c.conn}, int64(n)); err != nil {
				return early(err, t.bytes)
			}
			if whole {
				return nil
			}
			if t.bytes > maxLine {
				return fmt.Errorf("no line's end within %d bytes", maxLine)
			}
		}
	})
	return t.result(), workload.Failed(ctx, "receive", err)
}

// peekLine waits for data and returns how much of it belongs to the line, and
// whether the line ends there. It returns at least 1: reading tells the end.
func (c *TCPClient) peekLine() (n int, whole bool, err error) {
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	buf := make([]byte, copySize)
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for failed = unix.EINTR; errors.Is(failed, unix.EINTR); {
			n, _, failed = unix.Recvfrom(int(fd), buf, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		}
		return !errors.Is(failed, unix.EAGAIN)
	})
	if err != nil {
		return 0, false, err
	}
	if failed != nil {
		n = 0 // reading will say why, and record it
	}
	if end := bytes.IndexByte(buf[:n], '\n'); end >= 0 {
		return end + 1, true, nil
	}
	return max(n, 1), false, nil
}

// Receive receives exactly n bytes. A peer that ends before is an error.
func (c *TCPClient) Receive(ctx context.Context, n int64) (Result, error) {
	t := newTally()
	err := within(ctx, c.conn, func() error {
		_, err := io.CopyN(t, struct{ io.Reader }{c.conn}, n)
		return early(err, t.bytes)
	})
	return t.result(), workload.Failed(ctx, "receive", err)
}

// early explains the peer's FIN where more was to come.
func early(err error, got int64) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the peer closed after %d bytes: %w", got, io.ErrUnexpectedEOF)
	}
	return err
}

// ReceiveAll receives everything until the peer's FIN.
func (c *TCPClient) ReceiveAll(ctx context.Context) (Result, error) {
	t := newTally()
	err := within(ctx, c.conn, func() error {
		_, err := io.CopyBuffer(t, struct{ io.Reader }{c.conn}, make([]byte, copySize))
		return err
	})
	return t.result(), workload.Failed(ctx, "receive", err)
}

// Close closes the connection in the given style.
func (c *TCPClient) Close(ctx context.Context, style workload.Close) error {
	return style.Do(ctx, c.conn, nil)
}
