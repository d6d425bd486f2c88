package gate

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
	"unsafe"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"github.com/vishvananda/netlink"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Addresses of the two nodes of a lab.
const (
	clientV4, serverV4 = "10.9.0.1", "10.9.0.2"
	clientV6, serverV6 = "fd00:9::1", "fd00:9::2"
)

// The ends of a gate.
const (
	client = 0
	server = 1
)

// A testLab is two nodes and the namespace of a gate between them; or, if it
// is direct, two nodes alone.
type testLab struct {
	nodes [2]*netns.NS
	gate  *netns.NS
	ports [2]Port
	mtu   int
}

// newLab builds one. The nodes' checksum offload is off unless offloads is set.
func newLab(tb testing.TB, mtu int, direct, offloads bool) *testLab {
	tb.Helper()
	l := &testLab{nodes: [2]*netns.NS{netnstest.New(tb), netnstest.New(tb)}, mtu: mtu}
	for _, ns := range l.nodes {
		check(tb, ns.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0)
		}))
	}
	if direct {
		l.join(tb, l.nodes[0], l.nodes[1], "eth0", "eth0")
	} else {
		l.gate = netnstest.New(tb)
		check(tb, l.gate.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
		}))
		for end, ns := range l.nodes {
			name := fmt.Sprintf("port%d", end)
			l.ports[end] = Port{Name: name, Ifindex: l.join(tb, l.gate, ns, name, "eth0")}
			withLinks(tb, l.gate, func(h *netlink.Handle) {
				link, err := h.LinkByName(name)
				check(tb, err)
				check(tb, h.LinkSetUp(link))
			})
		}
	}
	addresses := [2][]string{{clientV4 + "/24", clientV6 + "/64"}, {serverV4 + "/24", serverV6 + "/64"}}
	for end, ns := range l.nodes {
		if !offloads {
			check(tb, ns.Do(func() error { return checksumOffloadOff("eth0") }))
		}
		withLinks(tb, ns, func(h *netlink.Handle) {
			link, err := h.LinkByName("eth0")
			check(tb, err)
			for _, a := range addresses[end] {
				addr, err := netlink.ParseAddr(a)
				check(tb, err)
				check(tb, h.AddrAdd(link, addr))
			}
			check(tb, h.LinkSetUp(link))
		})
	}
	for _, ns := range l.nodes {
		waitUp(tb, ns)
	}
	return l
}

// join makes a veth pair and returns the index of the first end.
func (l *testLab) join(tb testing.TB, from, to *netns.NS, name, peer string) (ifindex int) {
	tb.Helper()
	withLinks(tb, from, func(h *netlink.Handle) {
		veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: peer, PeerNamespace: netlink.NsFd(to.FD())}
		veth.Name, veth.MTU = name, l.mtu
		check(tb, h.LinkAdd(veth))
		link, err := h.LinkByName(name)
		check(tb, err)
		ifindex = link.Attrs().Index
	})
	withLinks(tb, to, func(h *netlink.Handle) {
		link, err := h.LinkByName(peer)
		check(tb, err)
		check(tb, h.LinkSetMTU(link, l.mtu))
	})
	return ifindex
}

func withLinks(tb testing.TB, ns *netns.NS, fn func(h *netlink.Handle)) {
	tb.Helper()
	h, err := netlink.NewHandleAt(vnetns.NsHandle(ns.FD()), unix.NETLINK_ROUTE)
	check(tb, err)
	defer h.Close()
	fn(h)
}

// waitUp asks until eth0 is ready; the kernel says so in its own time, a few
// hundred microseconds later.
func waitUp(tb testing.TB, ns *netns.NS) {
	tb.Helper()
	withLinks(tb, ns, func(h *netlink.Handle) {
		for end := time.Now().Add(5 * time.Second); ; {
			link, err := h.LinkByName("eth0")
			check(tb, err)
			if link.Attrs().OperState == netlink.OperUp {
				return
			}
			if time.Now().After(end) {
				tb.Fatal("interface does not come up")
			}
		}
	})
}

// checksumOffloadOff is what package link does to the ends of a gate
// (include/uapi/linux/ethtool.h).
func checksumOffloadOff(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	value := struct{ cmd, data uint32 }{cmd: unix.ETHTOOL_STXCSUM}
	req := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(req.name[:], name)
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); e != 0 {
		return e
	}
	return nil
}

// A recorder collects events.
type recorder struct {
	mu     sync.Mutex
	events []probes.Event
}

func (r *recorder) emit(e probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// of returns the events of a deed.
func (r *recorder) of(do probes.Deed) []probes.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []probes.Event
	for _, e := range r.events {
		if e.Gate != nil && e.Gate.Do == do {
			out = append(out, e)
		}
	}
	return out
}

// run runs a gate in the lab, which ends with the test, or when the function
// that is returned is called. change may change the configuration.
func (l *testLab) run(tb testing.TB, change func(*Config)) (*Gate, *recorder, func()) {
	tb.Helper()
	rec := &recorder{}
	cfg := Config{Link: "wire", Ends: [2]string{"client", "server"}, Ports: l.ports, NS: l.gate, MTU: l.mtu, Emit: rec.emit}
	if change != nil {
		change(&cfg)
	}
	g, err := Open(cfg)
	netnstest.Require(tb, "gate", err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	<-g.Ready()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("run: %v", err)
		}
	})
	tb.Cleanup(stop)
	return g, rec, stop
}

// endVar makes the test binary one end of a measurement, or the body of
// TestRootless: see ends_test.go.
const endVar = "NETLAB_TEST_GATE_END"

// start starts an end in a node: the process's own namespace, as labs have it.
func (l *testLab) start(tb testing.TB, end int, what string) (*exec.Cmd, *bufio.Reader) {
	tb.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), endVar+"="+what)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	check(tb, err)
	check(tb, l.nodes[end].Do(cmd.Start))
	return cmd, bufio.NewReader(pipe)
}

// listen listens in the server's namespace.
func (l *testLab) listen(tb testing.TB, at string) *net.TCPListener {
	tb.Helper()
	var listener *net.TCPListener
	check(tb, l.nodes[server].Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(at)))
		return err
	}))
	tb.Cleanup(func() { _ = listener.Close() })
	return listener
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
