package calls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// Socket makes a TCP socket that does nothing yet, as socket(2) does, to be
// bound, connected or listened with. network is tcp4, tcp6 (and no IPv4), or
// tcp for both, which is for listening. Nothing is recorded: a socket that
// nothing is done with is nobody's concern. The caller closes it.
func (c *Caller) Socket(network string) (*Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("network %q is not tcp, tcp4 or tcp6", network)
	}
	s, err := bareSocket(network)
	if err != nil {
		return nil, err
	}
	conn := c.adopt(s)
	conn.network = network
	conn.flow.Store(&probes.Flow{})
	return conn, nil
}

var errNotBare = errors.New("the socket was not made by Socket")

// Bind records a bind, with SO_REUSEADDR: the port may be one that is in
// TIME-WAIT. A zero address stands for every one.
func (c *Conn) Bind(local netip.AddrPort) error {
	s, ok := c.socket.(*bare)
	if !ok {
		return errNotBare
	}
	sa, err := toSockaddr(c.network, local)
	if err != nil {
		return err
	}
	if err := s.set(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	start := clock.Now()
	err = s.try(func(fd int) error { return unix.Bind(fd, sa) })
	if err == nil {
		local = addrPort(s.LocalAddr())
	}
	c.flow.Store(&probes.Flow{Local: local, Remote: c.Flow().Remote})
	c.record(start, probes.Call{Name: "bind", Errno: Errno(err)})
	return err
}

// Connect records a connect, which is broken off when ctx ends; the socket is
// then still connecting, for the caller to close. With [FastOpenConnect] it
// may return before anything is sent.
func (c *Conn) Connect(ctx context.Context, remote netip.AddrPort) error {
	s, ok := c.socket.(*bare)
	if !ok {
		return errNotBare
	}
	sa, err := toSockaddr(c.network, remote)
	if err != nil {
		return err
	}
	start := clock.Now()
	asked := false
	err = Within(ctx, s.SetWriteDeadline, func() error {
		return s.writing(func(fd int) error {
			if asked {
				return connected(fd)
			}
			asked = true
			err := unix.Connect(fd, sa)
			c.name(fd, remote)
			if errors.Is(err, unix.EINPROGRESS) {
				return unix.EAGAIN
			}
			return err
		})
	})
	c.record(start, probes.Call{Name: "connect", Errno: connectErrno(err)})
	return err
}

// StartConnect records a connect that waits for nothing: of a socket that does
// not block, which is then connecting, and is no error. On a socket that is
// open already it is the call that the kernel refuses: EISCONN, EALREADY.
func (c *Conn) StartConnect(remote netip.AddrPort) error {
	s, ok := c.socket.(*bare)
	if !ok {
		return errNotBare
	}
	sa, err := toSockaddr(c.network, remote)
	if err != nil {
		return err
	}
	start := clock.Now()
	err = s.try(func(fd int) error {
		err := unix.Connect(fd, sa)
		if !errors.Is(err, unix.EISCONN) && !errors.Is(err, unix.EALREADY) { // else it keeps the name that it has
			c.name(fd, remote)
		}
		return err
	})
	c.record(start, probes.Call{Name: "connect", Errno: Errno(err)})
	if errors.Is(err, unix.EINPROGRESS) {
		return nil
	}
	return err
}

// connected says how far a connect has come: EAGAIN if it goes on.
func connected(fd int) error {
	no, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return err
	case no != 0:
		return syscall.Errno(no)
	}
	// ENOTCONN: the poller said too much (net/fd_unix.go of Go says why).
	if _, err := unix.Getpeername(fd); err != nil {
		return unix.EAGAIN
	}
	return nil
}

// name notes both addresses once connect has been called. That it was refused
// at once may have made the kernel forget its side; then it is not known.
func (c *Conn) name(fd int, remote netip.AddrPort) {
	flow := probes.Flow{Remote: remote}
	if sa, err := unix.Getsockname(fd); err == nil {
		if local := fromSockaddr(sa); !local.Addr().IsUnspecified() && local.Port() != 0 {
			flow.Local = local
		}
	}
	c.flow.Store(&flow)
}

// Listen records a listen with the backlog as it is. The socket is the
// listener's from then on.
func (c *Conn) Listen(backlog int) (*Listener, error) {
	s, ok := c.socket.(*bare)
	if !ok {
		return nil, errNotBare
	}
	start := clock.Now()
	err := s.try(func(fd int) error { return unix.Listen(fd, backlog) })
	c.record(start, probes.Call{Name: "listen", Args: fmt.Sprintf("backlog %d", backlog), Errno: Errno(err)})
	if err != nil {
		return nil, err
	}
	return &Listener{c.caller, &listener{socket: bareListener{s}, id: c.id, flow: c.Flow()}}, nil
}

// A Half is a direction of a connection, or both, for shutdown.
type Half string

// The halves.
const (
	Read  Half = "read"
	Write Half = "write"
	Both  Half = "both"
)

// how returns the argument of shutdown(2).
func (h Half) how() int {
	return map[Half]int{Read: unix.SHUT_RD, Write: unix.SHUT_WR, Both: unix.SHUT_RDWR}[h]
}

// Shutdown records a shutdown. Of the sending half and of both it sends FIN
// once all is sent.
func (c *Conn) Shutdown(half Half) error {
	if half != Read {
		c.caller.before("shutdown")
	}
	start := clock.Now()
	var err error
	switch half {
	case Read:
		err = c.socket.CloseRead()
	case Write:
		err = c.socket.CloseWrite()
	default:
		err = shutdown(c.socket, half)
	}
	c.record(start, probes.Call{Name: "shutdown", Args: string(half), Errno: Errno(err)})
	return err
}

// CloseWithin is Close with a reason, see CloseBecause. If SO_LINGER makes it
// wait for what was sent, that ends when ctx does, with its cause: the socket
// is closed then, too, and what was sent stays with the kernel.
func (c *Conn) CloseWithin(ctx context.Context, reason string) error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.caller.before("close")
	start := clock.Now()
	var err error
	if s, ok := c.socket.(*bare); ok {
		err = s.closeWithin(ctx)
	} else {
		err = c.socket.Close()
	}
	c.record(start, probes.Call{Name: "close", Args: reason, Errno: Errno(err)})
	return err
}

// ready makes a call, and again when poll says so, until it returns other than
// EAGAIN. What a signal breaks off is done again at once.
func ready(poll func(func(uintptr) bool) error, call func(fd int) error) error {
	var failed error
	err := poll(func(fd uintptr) bool {
		for failed = unix.EINTR; errors.Is(failed, unix.EINTR); {
			failed = call(int(fd))
		}
		return !errors.Is(failed, unix.EAGAIN)
	})
	if err != nil {
		return err
	}
	return failed
}

// once polls nothing: the call is made once.
func once(raw syscall.RawConn) func(func(uintptr) bool) error {
	return func(f func(uintptr) bool) error {
		return raw.Control(func(fd uintptr) { f(fd) })
	}
}

// setOption and shutdown do their calls on any socket.
func setOption(s syscall.Conn, o Option) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	return ready(once(raw), o.set)
}

func shutdown(s syscall.Conn, half Half) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	return ready(once(raw), func(fd int) error { return unix.Shutdown(fd, half.how()) })
}

// Within calls op, whose calls are broken off when ctx ends by the deadline
// that set sets. It returns when that deadline cannot meet a later call.
func Within(ctx context.Context, set func(time.Time) error, op func() error) error {
	if err := set(time.Time{}); err != nil {
		return err
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = set(time.Unix(1, 0)) // fails only on a closed socket
	})
	err := op()
	if !stop() {
		<-done
	}
	return err
}
