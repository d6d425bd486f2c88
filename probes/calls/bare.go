package calls

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A bare is a TCP socket without what package net does to its own: it has no
// keepalive that would have to be turned off again, it inherits what its
// listener has, and its calls are those that it is asked for. Its methods are
// safe for concurrent use.
type bare struct {
	file *os.File
	raw  syscall.RawConn

	under   sync.RWMutex // held for reading by every call under way
	mu      sync.Mutex   // guards closing, and that no deadline is set after it
	closing bool
}

var _ Socket = (*bare)(nil)

// newBare takes over a descriptor, which does not block.
func newBare(fd int) (*bare, error) {
	file := os.NewFile(uintptr(fd), "tcp")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &bare{file: file, raw: raw}, nil
}

// bareSocket makes a socket; see [Caller.Socket].
func bareSocket(network string) (*bare, error) {
	family := unix.AF_INET6
	if network == "tcp4" {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if network == "tcp" && errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6
		return bareSocket("tcp4")
	}
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s, err := newBare(fd)
	if err != nil {
		return nil, err
	}
	err = s.set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if family == unix.AF_INET6 {
		only := 1
		if network == "tcp" {
			only = 0
		}
		err = errors.Join(err, s.set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only))
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// closed reports whether Close was called.
func (s *bare) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// during makes a call that Close waits for. One that Close broke off returns
// net.ErrClosed.
func (s *bare) during(call func() error) error {
	if s.closed() { // Close may be waiting in the kernel
		return net.ErrClosed
	}
	s.under.RLock()
	defer s.under.RUnlock()
	if s.closed() {
		return net.ErrClosed
	}
	err := call()
	if errors.Is(err, os.ErrDeadlineExceeded) && s.closed() {
		return net.ErrClosed
	}
	return err
}

// try makes one call that returns at once.
func (s *bare) try(call func(fd int) error) error {
	return s.during(func() error { return ready(once(s.raw), call) })
}

// reading makes a call again whenever there is something to read, until it
// returns other than EAGAIN.
func (s *bare) reading(call func(fd int) error) error {
	return s.during(func() error { return ready(s.raw.Read, call) })
}

// writing does the same whenever something can be written.
func (s *bare) writing(call func(fd int) error) error {
	return s.during(func() error { return ready(s.raw.Write, call) })
}

// Read is recv(2).
func (s *bare) Read(p []byte) (n int, err error) {
	err = s.reading(func(fd int) (err error) {
		n, err = unix.Read(fd, p)
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write is send(2), as often as it takes.
func (s *bare) Write(p []byte) (int, error) { return sendAll(s.writing, p, 0) }

// sendAll sends all of p by sendmsg(2).
func sendAll(writing func(func(fd int) error) error, p []byte, flags int) (sent int, err error) {
	for {
		err := writing(func(fd int) error {
			n, err := unix.SendmsgN(fd, p[sent:], nil, nil, flags|unix.MSG_NOSIGNAL)
			sent += max(n, 0)
			return err
		})
		if err != nil || sent >= len(p) {
			return sent, err
		}
	}
}

// CloseRead is shutdown(2) of the receiving half.
func (s *bare) CloseRead() error { return s.shutdown(unix.SHUT_RD) }

// CloseWrite is shutdown(2) of the sending half.
func (s *bare) CloseWrite() error { return s.shutdown(unix.SHUT_WR) }

func (s *bare) shutdown(how int) error {
	return s.try(func(fd int) error { return unix.Shutdown(fd, how) })
}

// SetLinger sets SO_LINGER; see [net.TCPConn.SetLinger].
func (s *bare) SetLinger(sec int) error { return s.try(Linger(sec).set) }

// SetKeepAlive sets SO_KEEPALIVE.
func (s *bare) SetKeepAlive(on bool) error { return s.try(KeepAlive(on).set) }

func (s *bare) set(level, name, value int) error {
	return s.try(func(fd int) error { return unix.SetsockoptInt(fd, level, name, value) })
}

// Close closes the socket and breaks off every call under way.
func (s *bare) Close() error { return s.closeWithin(context.Background()) }

// closeWithin is Close whose wait in the kernel for what was sent, if SO_LINGER
// asks for one, is broken off when ctx ends. The socket is closed then, too;
// what was sent stays with the kernel.
func (s *bare) closeWithin(ctx context.Context) error {
	s.mu.Lock()
	before := s.closing
	s.closing = true
	if !before {
		_ = s.file.SetDeadline(time.Unix(1, 0)) // breaks off what is under way
	}
	s.mu.Unlock()
	if before {
		return net.ErrClosed
	}
	// Only the last user of a descriptor closes it: that is to be this one.
	s.under.Lock()
	defer s.under.Unlock()
	lingers := false
	err := s.raw.Control(func(fd uintptr) {
		linger, err := unix.GetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER)
		lingers = err == nil && linger.Onoff != 0 && linger.Linger > 0
	})
	if err != nil || !lingers {
		return s.file.Close()
	}
	return s.linger(ctx)
}

// linger closes the descriptor, which waits in the kernel although the
// descriptor is one that does not block (inet_release in net/ipv4/af_inet.c,
// sk_stream_wait_close in net/core/stream.c). Only a signal to the thread that
// waits breaks that off. SIGURG is Go's own for its threads, which it takes
// without effect at any time.
func (s *bare) linger(ctx context.Context) error {
	threads, done := make(chan int, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		threads <- unix.Gettid()
		done <- s.file.Close()
	}()
	thread := <-threads
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	for {
		// The thread may not have come to its call yet: nothing tells.
		_ = unix.Tgkill(unix.Getpid(), thread, unix.SIGURG)
		select {
		case err := <-done:
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(time.Millisecond):
		}
	}
}

// SetDeadline bounds pending and later calls.
func (s *bare) SetDeadline(t time.Time) error { return s.bound(s.file.SetDeadline, t) }

// SetReadDeadline bounds pending and later receives, or accepts.
func (s *bare) SetReadDeadline(t time.Time) error { return s.bound(s.file.SetReadDeadline, t) }

// SetWriteDeadline bounds pending and later sends, and connect.
func (s *bare) SetWriteDeadline(t time.Time) error { return s.bound(s.file.SetWriteDeadline, t) }

func (s *bare) bound(set func(time.Time) error, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return net.ErrClosed
	}
	return set(t)
}

// LocalAddr is getsockname(2); the zero address where that fails.
func (s *bare) LocalAddr() net.Addr { return s.name(unix.Getsockname) }

// RemoteAddr is getpeername(2); the zero address where that fails.
func (s *bare) RemoteAddr() net.Addr { return s.name(unix.Getpeername) }

func (s *bare) name(of func(int) (unix.Sockaddr, error)) net.Addr {
	var addr netip.AddrPort
	_ = s.try(func(fd int) error { // fails on a socket that has no such name, or is closed
		sa, err := of(fd)
		addr = fromSockaddr(sa)
		return err
	})
	return net.TCPAddrFromAddrPort(addr)
}

// SyscallConn gives access to the descriptor.
func (s *bare) SyscallConn() (syscall.RawConn, error) { return bareRaw{s}, nil }

// A bareRaw is the raw access to a bare, which Close waits for and breaks off.
type bareRaw struct{ s *bare }

func (r bareRaw) Control(f func(fd uintptr)) error {
	return r.s.during(func() error { return r.s.raw.Control(f) })
}

func (r bareRaw) Read(f func(fd uintptr) bool) error {
	return r.s.during(func() error { return r.s.raw.Read(f) })
}

func (r bareRaw) Write(f func(fd uintptr) bool) error {
	return r.s.during(func() error { return r.s.raw.Write(f) })
}

// fromSockaddr converts an address of the kernel, unmapped; zero if it is none.
func fromSockaddr(sa unix.Sockaddr) netip.AddrPort {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// toSockaddr converts an address for a socket of network; the zero address
// stands for every address.
func toSockaddr(network string, a netip.AddrPort) (unix.Sockaddr, error) {
	addr := a.Addr()
	if network == "tcp4" || network == "udp4" {
		if !addr.IsValid() {
			addr = netip.IPv4Unspecified()
		}
		if addr = addr.Unmap(); !addr.Is4() {
			return nil, os.NewSyscallError("address", unix.EAFNOSUPPORT)
		}
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: addr.As4()}, nil
	}
	if !addr.IsValid() {
		addr = netip.IPv6Unspecified()
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: addr.As16()}
	if zone := addr.Zone(); zone != "" {
		link, err := net.InterfaceByName(zone)
		if err != nil {
			return nil, err
		}
		sa.ZoneId = uint32(link.Index)
	}
	return sa, nil
}
