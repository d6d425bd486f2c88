package web

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A conn is a connection as net/http has it, of the server or the client: a
// plain stream, whatever is below, whose Close obeys a style.
type conn struct {
	socket *calls.Conn
	secure *calls.Secure   // nil without TLS
	style  workload.Close  // of Close
	ctx    context.Context // when it ends, nothing is waited for any more
	until  *atomic.Int64   // Unix nanoseconds after which a close gives up waiting; 0 or nil: when ctx ends
	silent atomic.Bool     // the last receive ran into the idle timeout

	mu       sync.Mutex // guards closing, bound, and the order of deadlines
	closing  bool
	bound    time.Time  // of receives
	reading  sync.Mutex // held by Read
	once     sync.Once
	closed   chan struct{} // closed when the socket is
	err      error         // of the close; read after closed
	release  sync.Once
	released chan struct{} // closed when net/http is through with it
}

func newConn(ctx context.Context, socket *calls.Conn, secure *calls.Secure, style workload.Close) *conn {
	return &conn{
		ctx: ctx, socket: socket, secure: secure, style: style,
		closed: make(chan struct{}), released: make(chan struct{}),
	}
}

// Read receives from the stream.
func (c *conn) Read(p []byte) (n int, err error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.mu.Lock()
	closing := c.closing
	c.mu.Unlock()
	if closing {
		return 0, net.ErrClosed
	}
	if c.secure != nil {
		n, err = c.secure.Read(p)
	} else {
		n, err = c.socket.Read(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent.Store(errors.Is(err, os.ErrDeadlineExceeded) && c.bound.After(workload.Past())) // net/http breaks off its own reads with it, too
	if err != nil && c.closing {
		err = net.ErrClosed // broken off
	}
	return n, err
}

// Write sends to the stream.
func (c *conn) Write(p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.Write(p)
	}
	return c.socket.Write(p)
}

// Close closes in the conn's style, once. A server's client that was silent
// until the idle timeout is not waited for.
func (c *conn) Close() error {
	defer c.release.Do(func() { close(c.released) })
	style := c.style
	if c.silent.Load() && style.Style == workload.AfterPeer {
		style = workload.Close{Style: workload.AtOnce}
	}
	return c.closeIn(style)
}

// closeIn closes in a style, and returns when that is done, whoever began it.
func (c *conn) closeIn(style workload.Close) error {
	c.once.Do(func() {
		defer close(c.closed)
		reads := style.Style == workload.AfterPeer || style.Style == workload.HalfThenDrain
		c.mu.Lock()
		c.closing = true
		if reads { // whoever reads now makes room for the style
			_ = c.socket.SetReadDeadline(workload.Past()) // fails only on a closed connection
		}
		c.mu.Unlock()
		if reads {
			c.reading.Lock()
			defer c.reading.Unlock()
		}
		ctx, cancel := c.patience()
		defer cancel()
		if c.secure != nil {
			c.err = style.Do(ctx, c.secure, nil)
		} else {
			c.err = style.Do(ctx, c.socket, nil)
		}
	})
	<-c.closed
	return c.err
}

// patience is for how long a close may wait.
func (c *conn) patience() (context.Context, context.CancelFunc) {
	if c.until == nil || c.until.Load() == 0 {
		return context.WithCancel(c.ctx)
	}
	return context.WithDeadline(c.ctx, time.Unix(0, c.until.Load()))
}

// version returns the version of TLS, "" without.
func (c *conn) version() string {
	if c.secure == nil {
		return ""
	}
	return c.secure.Version()
}

// LocalAddr returns the address of this side.
func (c *conn) LocalAddr() net.Addr { return c.socket.LocalAddr() }

// RemoteAddr returns the address of the peer.
func (c *conn) RemoteAddr() net.Addr { return c.socket.RemoteAddr() }

// SetDeadline bounds pending and later calls.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline bounds pending and later receives, until the close begins.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return nil
	}
	c.bound = t
	return c.socket.SetReadDeadline(t)
}

// SetWriteDeadline bounds pending and later sends, until the close begins.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return nil
	}
	return c.socket.SetWriteDeadline(t)
}
