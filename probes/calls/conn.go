package calls

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// A Socket is what a Conn needs of a TCP connection; *net.TCPConn is one.
type Socket interface {
	net.Conn
	syscall.Conn
	CloseRead() error
	CloseWrite() error
	SetLinger(sec int) error
	SetKeepAlive(on bool) error
}

// A Conn is a TCP socket, mostly that of a connection, whose calls are
// recorded. Its methods are safe for concurrent use, as those of net.Conn are.
// It offers no ReadFrom or WriteTo on purpose: they would move data by
// sendfile and splice, unseen.
type Conn struct {
	caller *Caller
	*end
}

// An end is what all Conns of one socket share.
type end struct {
	socket  Socket
	network string // of a bare socket: tcp, tcp4 or tcp6
	id      probes.SocketID
	flow    atomic.Pointer[probes.Flow]
	closed  atomic.Bool
}

var _ Socket = (*Conn)(nil)

func (c *Caller) newConn(s Socket, id probes.SocketID, flow probes.Flow) *Conn {
	conn := &Conn{caller: c, end: &end{socket: s, id: id}}
	conn.flow.Store(&flow)
	return conn
}

// Adopt records from now on what is done with a connection that a library
// made. The call that made it is not known and is not recorded. Keepalive
// probes are turned off.
func (c *Caller) Adopt(s Socket) *Conn {
	conn := c.adopt(s)
	_ = s.SetKeepAlive(false)
	return conn
}

// adopt is Adopt that leaves the socket as it is.
func (c *Caller) adopt(s Socket) *Conn {
	var id probes.SocketID
	// Errors mean that the socket is closed already; the next call will say so.
	if raw, err := s.SyscallConn(); err == nil {
		id = identify(raw)
	}
	return c.newConn(s, id, probes.Flow{Local: addrPort(s.LocalAddr()), Remote: addrPort(s.RemoteAddr())})
}

// By returns the same connection, whose calls are recorded as those of another
// caller: so that two steps can be under way on it at once.
func (c *Conn) By(caller *Caller) *Conn { return &Conn{caller: caller, end: c.end} }

// ID returns the kernel's name of the socket.
func (c *Conn) ID() probes.SocketID { return c.id }

// Flow returns both addresses, seen from this side, as far as they are known.
func (c *Conn) Flow() probes.Flow { return *c.flow.Load() }

func (c *Conn) record(start probes.Mono, call probes.Call) {
	c.caller.record(start, c.id, c.Flow(), call)
}

// Read records a receive.
func (c *Conn) Read(p []byte) (int, error) {
	start := clock.Now()
	n, err := c.socket.Read(p)
	c.record(start, probes.Call{Name: "receive", Bytes: n, Errno: Errno(err)})
	return n, err
}

// Write records a send. Go writes all of p or fails; it may take the kernel
// several calls, which are recorded as one.
func (c *Conn) Write(p []byte) (int, error) {
	start := clock.Now()
	n, err := c.socket.Write(p)
	c.record(start, probes.Call{Name: "send", Bytes: n, Errno: Errno(err)})
	return n, err
}

// CloseWrite records a shutdown of the sending half: FIN once all is sent.
func (c *Conn) CloseWrite() error { return c.Shutdown(Write) }

// CloseRead records a shutdown of the receiving half, which sends nothing.
func (c *Conn) CloseRead() error { return c.Shutdown(Read) }

// SetLinger records the setting of SO_LINGER; see [net.TCPConn.SetLinger].
func (c *Conn) SetLinger(sec int) error { return c.SetOption(Linger(sec)) }

// Close records a close. Closing again does nothing and returns net.ErrClosed.
func (c *Conn) Close() error { return c.CloseWithin(context.Background(), "") }

// CloseBecause is Close with a reason, which is kept in Call.Args: for a close
// that did not come about as asked.
func (c *Conn) CloseBecause(reason string) error { return c.CloseWithin(context.Background(), reason) }

// LocalAddr returns the address of this side.
func (c *Conn) LocalAddr() net.Addr { return c.socket.LocalAddr() }

// RemoteAddr returns the address of the peer.
func (c *Conn) RemoteAddr() net.Addr { return c.socket.RemoteAddr() }

// SetDeadline bounds pending and later calls; it is no socket call.
func (c *Conn) SetDeadline(t time.Time) error { return c.socket.SetDeadline(t) }

// SetReadDeadline bounds pending and later receives.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.socket.SetReadDeadline(t) }

// SetWriteDeadline bounds pending and later sends.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.socket.SetWriteDeadline(t) }

// SetKeepAlive turns keepalive probes on or off; they are off.
func (c *Conn) SetKeepAlive(on bool) error { return c.socket.SetKeepAlive(on) }

// SyscallConn gives access to the descriptor. What is done with it is not
// recorded.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return c.socket.SyscallConn() }
