package sockdiag

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"golang.org/x/sys/unix"
)

// patience bounds what these tests wait for; it is never waited out.
const patience = 10 * time.Second

// newPlace makes a node with a fresh namespace.
func newPlace(tb testing.TB) probes.Place {
	tb.Helper()
	ns := netnstest.New(tb)
	at := probes.Place{Node: "node", Cookie: ns.Cookie(), NS: ns}
	_, err := Listening(ns)
	netnstest.Require(tb, "sockdiag", err)
	return at
}

// newProbe makes a probe that ends with the test.
func newProbe(tb testing.TB, config Config) *Probe {
	tb.Helper()
	p, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	})
	return p
}

// A sock is a raw socket of a test, so that nothing but TCP is in the way.
type sock struct {
	tb   testing.TB
	fd   int
	once *sync.Once
}

func adopt(tb testing.TB, fd int) sock {
	s := sock{tb: tb, fd: fd, once: new(sync.Once)}
	tb.Cleanup(s.close)
	return s
}

func (s sock) close() {
	s.once.Do(func() { s.check("close", unix.Close(s.fd)) })
}

func (s sock) check(what string, err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatalf("%s: %v", what, err)
	}
}

func (s sock) cookie() uint64 {
	s.tb.Helper()
	c, err := unix.GetsockoptUint64(s.fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	s.check("SO_COOKIE", err)
	return c
}

func (s sock) local() netip.AddrPort {
	s.tb.Helper()
	sa, err := unix.Getsockname(s.fd)
	s.check("getsockname", err)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	s.tb.Fatalf("local address %T", sa)
	return netip.AddrPort{}
}

func sockaddr(a netip.AddrPort) (int, unix.Sockaddr) {
	if a.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// open makes a TCP socket in the place.
func open(tb testing.TB, at probes.Place, family int) sock {
	tb.Helper()
	fd := -1
	err := at.NS.Do(func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return adopt(tb, fd)
}

func listen(tb testing.TB, at probes.Place, addr string, options ...int) sock {
	tb.Helper()
	family, sa := sockaddr(netip.MustParseAddrPort(addr))
	s := open(tb, at, family)
	for _, option := range options {
		s.check("set option", unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, option, 30))
	}
	s.check("bind", unix.Bind(s.fd, sa))
	s.check("listen", unix.Listen(s.fd, 7))
	return s
}

func connect(tb testing.TB, at probes.Place, addr netip.AddrPort) sock {
	tb.Helper()
	family, sa := sockaddr(addr)
	s := open(tb, at, family)
	s.check("connect", unix.Connect(s.fd, sa))
	return s
}

func (s sock) accept() sock {
	s.tb.Helper()
	fd, _, err := unix.Accept4(s.fd, unix.SOCK_CLOEXEC)
	s.check("accept", err)
	return adopt(s.tb, fd)
}

// pair connects to a listener over loopback.
func (s sock) pair(at probes.Place, host string) (client, server sock) {
	s.tb.Helper()
	client = connect(s.tb, at, netip.AddrPortFrom(netip.MustParseAddr(host), s.local().Port()))
	return client, s.accept()
}

// await takes snapshots until one shows the socket in the state. The kernel
// says nowhere when it does (the delayed ACK takes 40 ms), so it is looked at.
func await(tb testing.TB, p *Probe, cookie uint64, state probes.State, o probes.Object) Socket {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for {
		list, err := p.Snapshot(ctx)
		if err != nil {
			tb.Fatalf("cookie %d never was %s %s: %v; last %+v", cookie, o, state, err, list)
		}
		for _, s := range list {
			if s.ID.Cookie == cookie && s.State == state && s.Sample.Object == o {
				return s
			}
		}
	}
}

func (s sock) send(text string) {
	s.tb.Helper()
	_, err := unix.Write(s.fd, []byte(text))
	s.check("send", err)
}

// receive waits for n bytes.
func (s sock) receive(n int) {
	s.tb.Helper()
	for buf := make([]byte, n); n > 0; {
		k, err := unix.Read(s.fd, buf)
		s.check("receive", err)
		n -= k
	}
}

// tryConnect connects to where nobody listens.
func tryConnect(tb testing.TB, at probes.Place, addr netip.AddrPort) {
	tb.Helper()
	family, sa := sockaddr(addr)
	s := open(tb, at, family)
	if err := unix.Connect(s.fd, sa); err != unix.ECONNREFUSED {
		tb.Fatalf("connect: %v, want ECONNREFUSED", err)
	}
	s.close()
}
