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

	"golang.org/x/sys/unix"
)

// A Listener is a TCP listener whose calls are recorded, and those of the
// connections that it accepts. It is safe for concurrent use.
type Listener struct {
	caller *Caller
	*listener
}

// A listener is what all Listeners of one socket share.
type listener struct {
	socket listening
	id     probes.SocketID
	flow   probes.Flow
	closed atomic.Bool
}

var _ net.Listener = (*Listener)(nil)

// A listening is what a Listener needs of its socket.
type listening interface {
	syscall.Conn
	accept() (Socket, error)
	Close() error
	Addr() net.Addr
	SetDeadline(t time.Time) error
}

// A goListener is a listener of package net, whose connections have keepalive
// probes: they are turned off.
type goListener struct{ *net.TCPListener }

func (l goListener) accept() (Socket, error) {
	tcp, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	_ = tcp.SetKeepAlive(false) // fails on a closed socket, as the next call will
	return tcp, nil
}

// A bareListener is one of ours: a connection is as the kernel makes it.
type bareListener struct{ *bare }

func (l bareListener) accept() (Socket, error) {
	var accepted int
	err := l.reading(func(fd int) (err error) {
		accepted, _, err = unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, err
	}
	s, err := newBare(accepted)
	if err != nil {
		return nil, err // not s: a nil *bare is not a nil Socket
	}
	return s, nil
}

// Addr returns the address listened on.
func (l bareListener) Addr() net.Addr { return l.LocalAddr() }

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
	return &Listener{c, &listener{socket: goListener{tcp}, id: id, flow: flow}}, nil
}

// AdoptListener records from now on what is done with a listener that a
// library made. Its listen call is emitted as inferred: it happened shortly
// before the time that the event bears.
func (c *Caller) AdoptListener(l *net.TCPListener) *Listener {
	adopted := &Listener{c, &listener{socket: goListener{l}, flow: probes.Flow{Local: addrPort(l.Addr())}}}
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
func (l *Listener) AcceptConn() (*Conn, error) { return l.AcceptBy(l.caller) }

// AcceptBy is AcceptConn for another caller, whose the connection is then.
func (l *Listener) AcceptBy(caller *Caller) (*Conn, error) {
	start := clock.Now()
	s, err := l.socket.accept()
	if err != nil {
		l.caller.record(start, l.id, l.flow, probes.Call{Name: "accept", Errno: Errno(err)})
		return nil, err
	}
	conn := caller.adopt(s)
	conn.record(start, probes.Call{Name: "accept"})
	return conn, nil
}

// By returns the same listener, whose calls are recorded as those of another
// caller.
func (l *Listener) By(caller *Caller) *Listener {
	return &Listener{caller: caller, listener: l.listener}
}

// Shutdown records a shutdown. That of the receiving half, or of both, ends
// the listener, whose socket stays; that of the sending half does nothing
// (inet_shutdown in net/ipv4/af_inet.c).
func (l *Listener) Shutdown(half Half) error {
	l.caller.before("shutdown")
	start := clock.Now()
	err := shutdown(l.socket, half)
	l.caller.record(start, l.id, l.flow, probes.Call{Name: "shutdown", Args: string(half), Errno: Errno(err)})
	return err
}

// Connect records a connect of a socket that listens, which the kernel refuses
// (EISCONN; inet_stream_connect in net/ipv4/af_inet.c).
func (l *Listener) Connect(remote netip.AddrPort) error {
	s, ok := l.socket.(bareListener)
	if !ok {
		return errNotBare
	}
	network := "tcp"
	if addr := l.flow.Local.Addr(); addr.Is4() && remote.Addr().Is4() {
		network = "tcp4"
	}
	sa, err := toSockaddr(network, remote)
	if err != nil {
		return err
	}
	start := clock.Now()
	err = s.try(func(fd int) error { return unix.Connect(fd, sa) })
	l.caller.record(start, l.id, l.flow, probes.Call{Name: "connect", Errno: Errno(err)})
	return err
}

// Relisten records a listen on a socket that listens, or did until a shutdown.
func (l *Listener) Relisten(backlog int) error {
	s, ok := l.socket.(bareListener)
	if !ok {
		return errNotBare
	}
	start := clock.Now()
	err := s.try(func(fd int) error { return unix.Listen(fd, backlog) })
	l.caller.record(start, l.id, l.flow, probes.Call{Name: "listen", Args: fmt.Sprintf("backlog %d", backlog), Errno: Errno(err)})
	return err
}

// Close records a close, which breaks off pending accepts.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return net.ErrClosed
	}
	l.caller.before("close")
	start := clock.Now()
	err := l.socket.Close()
	l.caller.record(start, l.id, l.flow, probes.Call{Name: "close", Errno: Errno(err)})
	return err
}

// Addr returns the address listened on.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// SetDeadline bounds pending and later accepts.
func (l *Listener) SetDeadline(t time.Time) error { return l.socket.SetDeadline(t) }

// ID returns the kernel's name of the listening socket.
func (l *Listener) ID() probes.SocketID { return l.id }
