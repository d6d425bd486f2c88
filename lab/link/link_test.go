package link_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"netlab/lab/link"
	"netlab/lab/link/linktest"
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

// connect connects from one node to an address in another, and returns how
// long that took.
func (l lab) connect(tb testing.TB, from, to, address string) time.Duration {
	tb.Helper()
	return connect(tb, l[from], l[to], netip.MustParseAddr(address))
}

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
		err := connectSocket(at)
		took = time.Since(start)
		return err
	}); err != nil {
		tb.Fatalf("connect to %v: %v", at, err)
	}
	return took
}

// connectSocket connects by system call: the net package might do it on
// another thread.
func connectSocket(at netip.AddrPort) error {
	family, sa := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()})
	if at.Addr().Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, sa)
}

// A stall is what a lost first packet costs: the retransmission timer of a SYN
// is 1 s, as is that of ARP and of neighbour solicitation.
const stall = 900 * time.Millisecond

func TestTwoNodesDirectly(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server")
	w.Link("wire", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.End("server", "10.77.0.2/24", "fd77::2/64"))
	l := up(t, &w.Plan)
	for _, address := range []string{"10.77.0.2", "fd77::2"} {
		if took := l.connect(t, "client", "server", address); took > stall {
			t.Errorf("connecting to %s took %v", address, took)
		} else {
			t.Logf("connected to %s in %v", address, took)
		}
	}
}

func TestThreeNodesOnASwitch(t *testing.T) {
	p := linktest.Star(3)
	l := up(t, p)
	for from := range 3 {
		for to := range 3 {
			if from == to {
				continue
			}
			v4, v6 := linktest.Addresses(to)
			for _, a := range []netip.Prefix{v4, v6} {
				if took := l.connect(t, fmt.Sprintf("h%d", from), fmt.Sprintf("h%d", to), a.Addr().String()); took > stall {
					t.Errorf("h%d to %v took %v", from, a, took)
				}
			}
		}
	}
}
