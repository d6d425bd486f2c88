package calls

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// A Listener is a TCP listener whose calls are recorded, and those of the
// connections that it accepts. It is safe for concurrent use.
type Listener struct {
	caller *Caller
	tcp    *net.TCPListener
	id     probes.SocketID
	flow   probes.Flow
	closed atomic.Bool
}

var _ net.Listener = (*Listener)(nil)

// Listen listens on addr, "host:port". Without a host, one socket serves IPv4
// and IPv6.
func (c *Caller) Listen(ctx context.Context, network, addr string) (*Listener, error) {
	start := clock.Now()
	var id probes.SocketID
	config := net.ListenConfig{
		KeepAlive: -1,
		Control: func(_, _ string, raw syscall.RawConn) error {
			id = identify(raw)
			start = clock.Now()
			return nil
		},
	}
	config.SetMultipathTCP(false)
	l, err := config.Listen(ctx, network, addr)
	if err != nil {
		// The library's names of addresses may not be numeric; then Local is zero.
		local, _ := netip.ParseAddrPort(addr)
		c.record(start, id, probes.Flow{Local: local}, probes.Call{Name: "listen", Errno: Errno(err)})
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("listen on %s: %q is not a network of TCP", addr, network)
	}
	flow := probes.Flow{Local: addrPort(tcp.Addr())}
	c.record(start, id, flow, probes.Call{Name: "listen"})
	return &Listener{caller: c, tcp: tcp, id: id, flow: flow}, nil
}

// AdoptListener records from now on what is done with a listener that a
// library made. Its listen call is emitted as inferred: it happened shortly
// before the time that the event bears.
func (c *Caller) AdoptListener(l *net.TCPListener) *Listener {
	adopted := &Listener{caller: c, tcp: l, flow: probes.Flow{Local: addrPort(l.Addr())}}
	if raw, err := l.SyscallConn(); err == nil {
		adopted.id = identify(raw)
	}
	now := clock.Now()
	c.emit(now, probes.Inferred, adopted.id, adopted.flow, probes.Call{
		Name: "listen", Args: "called before, by a library",
		Workload: c.workload, Step: int(c.step.Load()), End: now,
	})
	return adopted
}

// Accept records an accept and returns a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.AcceptConn()
	if err != nil {
		return nil, err // not conn: a nil *Conn is not a nil net.Conn
	}
	return conn, nil
}

// AcceptConn is Accept with the concrete type. A successful accept is recorded
// with the identity of the new connection, a failed one with the listener's.
func (l *Listener) AcceptConn() (*Conn, error) {
	start := clock.Now()
	tcp, err := l.tcp.AcceptTCP()
	if err != nil {
		l.caller.record(start, l.id, l.flow, probes.Call{Name: "accept", Errno: Errno(err)})
		return nil, err
	}
	conn := l.caller.Adopt(tcp)
	conn.record(start, probes.Call{Name: "accept"})
	return conn, nil
}

// Close records a close, which breaks off pending accepts.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return net.ErrClosed
	}
	start := clock.Now()
	err := l.tcp.Close()
	l.caller.record(start, l.id, l.flow, probes.Call{Name: "close", Errno: Errno(err)})
	return err
}

// Addr returns the address listened on.
func (l *Listener) Addr() net.Addr { return l.tcp.Addr() }

// SetDeadline bounds pending and later accepts.
func (l *Listener) SetDeadline(t time.Time) error { return l.tcp.SetDeadline(t) }

// ID returns the kernel's name of the listening socket.
func (l *Listener) ID() probes.SocketID { return l.id }
