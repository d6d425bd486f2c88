package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A TCPListener is a socket that listens, and accepts nothing by itself. Its
// operations may be called at once; accepts are made one after the other.
type TCPListener struct {
	caller *calls.Caller
	*listener
}

// A listener is what all TCPListeners of one socket share.
type listener struct {
	socket    *calls.Listener
	accepting turn
	closed    atomic.Bool
}

// ListenTCP makes a socket that listens at a port, on IPv4 and IPv6; 0 lets the
// kernel choose one. The queue of connections not accepted yet holds one more
// than the backlog.
func ListenTCP(caller *calls.Caller, port uint16, backlog int, options Options) (*TCPListener, error) {
	socket, err := caller.Socket("tcp")
	if err != nil {
		return nil, workload.Failed(context.Background(), "make a socket", err)
	}
	l, err := listenTCP(socket, port, backlog, options)
	if err != nil {
		_ = socket.Close() // it has done nothing yet
		return nil, err
	}
	return &TCPListener{caller, &listener{socket: l, accepting: make(turn, 1)}}, nil
}

func listenTCP(socket *calls.Conn, port uint16, backlog int, options Options) (*calls.Listener, error) {
	if err := setAll(socket, options.listening()); err != nil {
		return nil, err
	}
	err := socket.Bind(netip.AddrPortFrom(netip.Addr{}, port))
	if err != nil {
		return nil, workload.Failed(context.Background(), fmt.Sprintf("bind to port %d", port), err)
	}
	l, err := socket.Listen(backlog)
	return l, workload.Failed(context.Background(), fmt.Sprintf("listen on port %d", port), err)
}

// At returns the same listener, whose calls belong to another step.
func (l *TCPListener) At(step int) *TCPListener { return &TCPListener{l.caller.At(step), l.listener} }

// Addr returns the address listened on.
func (l *TCPListener) Addr() net.Addr { return l.socket.Addr() }

// Accept takes a connection, as the caller's, and sets its options. Where the
// kernel refuses one of them the connection is closed.
func (l *TCPListener) Accept(ctx context.Context, caller *calls.Caller, options Options) (*TCPClient, error) {
	conn, err := l.accept(ctx, caller)
	if err != nil {
		return nil, workload.Failed(ctx, "accept", err)
	}
	if err := setAll(conn, options.connecting()); err != nil {
		_ = conn.Close() // the step has failed
		return nil, err
	}
	return newTCPClient(caller, conn), nil
}

func (l *TCPListener) accept(ctx context.Context, caller *calls.Caller) (conn *calls.Conn, err error) {
	if err := l.accepting.take(ctx); err != nil {
		return nil, err
	}
	defer l.accepting.giveBack()
	err = calls.Within(ctx, l.socket.SetDeadline, func() error {
		conn, err = l.socket.By(l.caller).AcceptBy(caller)
		return err
	})
	return conn, err
}

// Shutdown ends the listener, but for half write, which does nothing to one;
// the socket stays.
func (l *TCPListener) Shutdown(half calls.Half) error {
	err := l.socket.By(l.caller).Shutdown(half)
	return workload.Failed(context.Background(), fmt.Sprintf("shutdown %s", half), err)
}

// Reopen connects the socket, which the kernel refuses while it listens.
func (l *TCPListener) Reopen(target netip.AddrPort) error {
	err := l.socket.By(l.caller).Connect(target)
	return workload.Failed(context.Background(), "connect to "+target.String(), err)
}

// Relisten makes the socket listen again, with another backlog, or because a
// shutdown has ended that.
func (l *TCPListener) Relisten(backlog int) error {
	return workload.Failed(context.Background(), "listen", l.socket.By(l.caller).Relisten(backlog))
}

// SetOptions sets options, up to the first that the kernel refuses.
func (l *TCPListener) SetOptions(options Options) error {
	return setAll(l.socket.By(l.caller), options.listening())
}

// Close closes the socket, after the style's delay, which is all that a style
// can say of one that listens. Connections that nobody has accepted are reset.
func (l *TCPListener) Close(ctx context.Context, style workload.Close) error {
	if style.Style != "" && style.Style != workload.AtOnce {
		return fmt.Errorf("close: a socket that listens can only be closed at_once, not %s", style.Style)
	}
	if l.closed.Swap(true) {
		return errClosed
	}
	wait(ctx, style.Delay)
	err := l.socket.By(l.caller).Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return workload.Failed(ctx, "close", err)
}
