package link_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"netlab/lab/link"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"

	"golang.org/x/sys/unix"
)

// A lab is what a test has built.
type lab map[string]*netns.NS

func (l lab) find(name string) *netns.NS { return l[name] }

// spaces makes the namespaces for a plan.
func spaces(tb testing.TB, p *plan.Plan) lab {
	tb.Helper()
	netnstest.Require(tb, "netns", netns.Supported())
	l := lab{}
	tb.Cleanup(func() {
		for _, ns := range l {
			if err := ns.Close(); err != nil {
				tb.Error(err)
			}
		}
	})
	add := func(name string) {
		ns, err := netns.New()
		if err != nil {
			tb.Fatal(err)
		}
		l[name] = ns
	}
	for _, n := range p.Nodes {
		add(n.Name)
	}
	for _, s := range p.Switches {
		add(s.Name)
	}
	for _, x := range p.Links {
		if x.Gate != nil {
			add(x.Gate.Name)
		}
	}
	return l
}

// up builds a plan.
func up(tb testing.TB, p *plan.Plan) lab {
	tb.Helper()
	l := spaces(tb, p)
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	if err := link.Build(ctx, p, l.find); err != nil {
		tb.Fatal(err)
	}
	return l
}

// connect connects from one namespace to an address in another, and returns
// how long that took.
func connect(tb testing.TB, from, to *netns.NS, address netip.Addr) time.Duration {
	tb.Helper()
	var listener net.Listener
	at := netip.AddrPortFrom(address, 7)
	if err := to.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		return err
	}); err != nil {
		tb.Fatalf("listen on %v: %v", at, err)
	}
	defer listener.Close()
	var took time.Duration
	if err := from.Do(func() error {
		start := time.Now()
		fd, err := connected(at)
		took = time.Since(start)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}); err != nil {
		tb.Fatalf("connect to %v: %v", at, err)
	}
	return took
}

// connected returns a connected socket of the calling thread's namespace; the
// net package might make it on another thread.
func connected(at netip.AddrPort) (fd int, err error) {
	family, sa := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()})
	if at.Addr().Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, sa); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// stall is what a lost first packet costs, nearly: the retransmission timer of
// a SYN is 1 s, as is that of ARP and of neighbour solicitation.
const stall = 900 * time.Millisecond

// mustConnect connects to addresses and fails the test if one took as long as
// it does when a packet is lost.
func (l lab) mustConnect(tb testing.TB, from, to string, addresses ...string) {
	tb.Helper()
	for _, a := range addresses {
		if took := connect(tb, l[from], l[to], netip.MustParseAddr(a)); took > stall {
			tb.Errorf("connecting from %s to %s (%s) took %v: a packet was lost", from, to, a, took)
		}
	}
}
