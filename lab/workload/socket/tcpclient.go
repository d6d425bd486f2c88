package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A Dial says how a client connects. The zero value leaves all to the kernel.
type Dial struct {
	FromPort uint16  // the socket is bound to it first, unless it is 0
	ISN      *uint32 // initial sequence number; see [calls.InitialSequence]
	Options  Options // set before connect
}

// A TCPClient is a connection, of whichever side. Each operation ends at the
// latest when its context does; what had come by then is in the Result that
// comes with the error. They may be called at once: what receives, and what
// sends, is done one after the other.
//
// It reads from the kernel only what it is asked for: what was not received is
// unread, as far as the kernel is concerned, and turns a close into a reset.
type TCPClient struct {
	caller *calls.Caller
	*connection
}

// A connection is what all TCPClients of one socket share.
type connection struct {
	conn               *calls.Conn
	receiving, sending turn
	closed             atomic.Bool
}

// A turn is held by the one operation of its kind that is under way.
type turn chan struct{}

// take waits for the turn, which the caller gives back.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) giveBack() { <-t }

func newTCPClient(caller *calls.Caller, conn *calls.Conn) *TCPClient {
	return &TCPClient{caller, &connection{conn: conn, receiving: make(turn, 1), sending: make(turn, 1)}}
}

// DialTCP opens a connection.
func DialTCP(ctx context.Context, caller *calls.Caller, target netip.AddrPort) (*TCPClient, error) {
	c, err := NewTCP(caller, target.Addr(), Dial{})
	if err != nil {
		return nil, err
	}
	if err := c.Connect(ctx, target); err != nil {
		return nil, err
	}
	return c, nil
}

// NewTCP makes a socket to connect to an address with: it can be closed while
// it does so.
func NewTCP(caller *calls.Caller, to netip.Addr, dial Dial) (*TCPClient, error) {
	network := "tcp6"
	if to.Unmap().Is4() {
		network = "tcp4"
	}
	conn, err := caller.Socket(network)
	if err != nil {
		return nil, workload.Failed(context.Background(), "make a socket", err)
	}
	if err := dial.prepare(conn); err != nil {
		_ = conn.Close() // it has done nothing yet
		return nil, err
	}
	return newTCPClient(caller, conn), nil
}

// prepare does what comes before connect. The initial sequence number is first:
// leaving TCP_REPAIR takes SO_REUSEADDR back, which bind sets.
func (d Dial) prepare(conn *calls.Conn) error {
	if d.ISN != nil {
		if err := chooseISN(conn, *d.ISN); err != nil {
			return fmt.Errorf("choose initial sequence number %d: %w", *d.ISN, err)
		}
	}
	if err := setAll(conn, d.Options.connecting()); err != nil {
		return err
	}
	if d.FromPort == 0 {
		return nil
	}
	err := conn.Bind(netip.AddrPortFrom(netip.Addr{}, d.FromPort))
	return workload.Failed(context.Background(), fmt.Sprintf("bind to port %d", d.FromPort), err)
}

func chooseISN(conn *calls.Conn, isn uint32) error {
	if isn == 0 {
		return errors.New("the kernel takes 0 for none")
	}
	return setAll(conn, calls.InitialSequence(isn))
}

// Connect connects the socket. Where that fails it is closed.
func (c *TCPClient) Connect(ctx context.Context, target netip.AddrPort) error {
	conn := c.conn.By(c.caller)
	err := conn.Connect(ctx, target)
	if err != nil && !c.closed.Swap(true) {
		_ = conn.Close() // there is nothing to wait for
	}
	return workload.Failed(ctx, "connect to "+target.String(), err)
}

// StartConnect connects the socket and waits for nothing: connect(2) of a socket
// that does not block. What comes of it the next operation tells. Where the call
// itself fails the socket is closed.
func (c *TCPClient) StartConnect(target netip.AddrPort) error {
	conn := c.conn.By(c.caller)
	err := conn.StartConnect(target)
	if err != nil && !c.closed.Swap(true) {
		_ = conn.Close() // it has done nothing yet
	}
	return workload.Failed(context.Background(), "connect to "+target.String(), err)
}

// Reopen connects the socket once more, which the kernel refuses while there is
// a connection.
func (c *TCPClient) Reopen(target netip.AddrPort) error {
	err := c.conn.By(c.caller).StartConnect(target)
	return workload.Failed(context.Background(), "connect to "+target.String(), err)
}

// Relisten makes the socket listen, which the kernel refuses while there is a
// connection.
func (c *TCPClient) Relisten(backlog int) error {
	_, err := c.conn.By(c.caller).Listen(backlog)
	return workload.Failed(context.Background(), "listen", err)
}

// At returns the same connection, whose calls belong to another step.
func (c *TCPClient) At(step int) *TCPClient { return &TCPClient{c.caller.At(step), c.connection} }

// receive has op receive, broken off when ctx ends.
func (c *TCPClient) receive(ctx context.Context, op func(conn *calls.Conn, t *tally) error) (Result, error) {
	t := newTally()
	err := c.receiving.take(ctx)
	if err == nil {
		defer c.receiving.giveBack()
		conn := c.conn.By(c.caller)
		err = calls.Within(ctx, conn.SetReadDeadline, func() error { return op(conn, t) })
	}
	return t.result(), workload.Failed(ctx, "receive", err)
}

// Send sends everything that content has.
func (c *TCPClient) Send(ctx context.Context, content io.Reader) (Result, error) {
	return c.send(ctx, content, (*calls.Conn).Write)
}

// SendMore is Send that says that more is to follow (MSG_MORE): what does not
// fill a segment waits for it.
func (c *TCPClient) SendMore(ctx context.Context, content io.Reader) (Result, error) {
	return c.send(ctx, content, (*calls.Conn).WriteMore)
}

func (c *TCPClient) send(ctx context.Context, content io.Reader, write func(*calls.Conn, []byte) (int, error)) (Result, error) {
	t := newTally()
	err := c.sending.take(ctx)
	if err == nil {
		defer c.sending.giveBack()
		conn := c.conn.By(c.caller)
		err = calls.Within(ctx, conn.SetWriteDeadline, func() error {
			to := writer(func(p []byte) (int, error) {
				n, err := write(conn, p)
				_, _ = t.Write(p[:n]) // cannot fail
				return n, err
			})
			// The wrapping hides what would move data in other ways.
			_, err := io.CopyBuffer(to, struct{ io.Reader }{content}, make([]byte, copySize))
			return err
		})
	}
	return t.sent(), workload.Failed(ctx, "send", err)
}

// A writer is a Write as a function.
type writer func(p []byte) (int, error)

// Write calls w.
func (w writer) Write(p []byte) (int, error) { return w(p) }

// ReceiveLine receives up to and including the next newline. A peer that ends
// before is an error, and so is a line of more than 64 KiB.
func (c *TCPClient) ReceiveLine(ctx context.Context) (Result, error) {
	return c.receive(ctx, func(conn *calls.Conn, t *tally) error {
		for buf := make([]byte, copySize); ; {
			n, err := conn.ReadSome(buf, lineIn)
			_, _ = t.Write(buf[:n]) // cannot fail
			switch {
			case err != nil:
				return early(err, t.bytes)
			case buf[n-1] == '\n':
				return nil
			case t.bytes > maxLine:
				return fmt.Errorf("no line's end within %d bytes", maxLine)
			}
		}
	})
}

// lineIn returns how much of what has come belongs to the line.
func lineIn(queued []byte) int {
	if end := bytes.IndexByte(queued, '\n'); end >= 0 {
		return end + 1
	}
	return len(queued)
}

// Receive receives exactly n bytes. A peer that ends before is an error.
func (c *TCPClient) Receive(ctx context.Context, n int64) (Result, error) {
	return c.receive(ctx, func(conn *calls.Conn, t *tally) error {
		_, err := io.CopyN(t, struct{ io.Reader }{conn}, n)
		return early(err, t.bytes)
	})
}

// Peek waits until n bytes have come and leaves them unread. A peer that ends
// before is an error. More than the receive buffer holds never comes.
func (c *TCPClient) Peek(ctx context.Context, n int64) (Result, error) {
	return c.receive(ctx, func(conn *calls.Conn, t *tally) error {
		queued, err := conn.Peek(int(n))
		_, _ = t.Write(queued) // cannot fail
		return early(err, t.bytes)
	})
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
	return c.receive(ctx, func(conn *calls.Conn, t *tally) error {
		_, err := io.CopyBuffer(t, struct{ io.Reader }{conn}, make([]byte, copySize))
		return err
	})
}

// Shutdown ends a direction or both; the socket stays.
func (c *TCPClient) Shutdown(half calls.Half) error {
	err := c.conn.By(c.caller).Shutdown(half)
	return workload.Failed(context.Background(), fmt.Sprintf("shutdown %s", half), err)
}

// SetOptions sets options, up to the first that the kernel refuses.
func (c *TCPClient) SetOptions(options Options) error {
	return setAll(c.conn.By(c.caller), options.connecting())
}

var errClosed = errors.New("close: it was closed before")

// Close closes the connection in the given style, and breaks off what is under
// way. A style that waits for the peer's FIN receives until then itself, also
// what a Receive that is under way waits for, and breaks that off when it
// gives the peer up. A close that SO_LINGER makes wait ends when ctx does.
func (c *TCPClient) Close(ctx context.Context, style workload.Close) error {
	if c.closed.Swap(true) {
		return errClosed
	}
	return style.Do(ctx, closing{c.conn.By(c.caller), ctx}, nil)
}

// A closing is a connection whose close does not outlast a context.
type closing struct {
	*calls.Conn
	ctx context.Context
}

// Close closes.
func (c closing) Close() error { return c.CloseBecause("") }

// CloseBecause closes, with a reason.
func (c closing) CloseBecause(reason string) error {
	return workload.Failed(c.ctx, "close", c.CloseWithin(c.ctx, reason))
}
