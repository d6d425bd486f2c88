package wire

import (
	"bufio"
	"context"
	"fmt"
	"io"
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

// Addresses of the two nodes of a pair.
const (
	clientV4, serverV4 = "10.9.0.1", "10.9.0.2"
	clientV6, serverV6 = "fd00:9::1", "fd00:9::2"
)

// A pair is two namespaces joined by a veth pair.
type pair struct {
	client, server *netns.NS
	places         []probes.Place
}

// newPair builds one; offloads says whether segmentation and checksum
// offloads stay as the kernel sets them.
func newPair(tb testing.TB, offloads bool) *pair {
	tb.Helper()
	p := &pair{client: netnstest.New(tb), server: netnstest.New(tb)}
	probe, err := Open(Config{Places: []probes.Place{{Node: "probe", NS: p.client, Ports: []probes.Port{{Ifindex: 1, MTU: 1500}}}}, Memory: 1 << 20})
	netnstest.Require(tb, "wire", err)
	check(tb, probe.Close())
	h, err := netlink.NewHandleAt(vnetns.NsHandle(p.client.FD()), unix.NETLINK_ROUTE)
	check(tb, err)
	defer h.Close()
	for _, ns := range []*netns.NS{p.client, p.server} {
		check(tb, ns.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0)
		}))
	}
	veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "eth0", PeerNamespace: netlink.NsFd(p.server.FD())}
	veth.Name = "eth0"
	check(tb, h.LinkAdd(veth))
	p.places = []probes.Place{
		p.end(tb, "client", p.client, offloads, clientV4+"/24", clientV6+"/64"),
		p.end(tb, "server", p.server, offloads, serverV4+"/24", serverV6+"/64"),
	}
	for _, place := range p.places {
		waitUp(tb, place)
	}
	return p
}

// end configures one end.
func (p *pair) end(tb testing.TB, node string, ns *netns.NS, offloads bool, addrs ...string) probes.Place {
	tb.Helper()
	h, err := netlink.NewHandleAt(vnetns.NsHandle(ns.FD()), unix.NETLINK_ROUTE)
	check(tb, err)
	defer h.Close()
	link, err := h.LinkByName("eth0")
	check(tb, err)
	if !offloads {
		check(tb, ns.Do(func() error { return offloadsOff("eth0") }))
	}
	for _, a := range addrs {
		addr, err := netlink.ParseAddr(a)
		check(tb, err)
		check(tb, h.AddrAdd(link, addr))
	}
	check(tb, h.LinkSetUp(link))
	return probes.Place{Node: node, Cookie: ns.Cookie(), NS: ns, Ports: []probes.Port{
		{Link: "wire", Ifindex: link.Attrs().Index, Name: "eth0", MTU: link.Attrs().MTU},
	}}
}

// waitUp asks until the interface is ready; the kernel says so in its own
// time, a few hundred microseconds later.
func waitUp(tb testing.TB, place probes.Place) {
	tb.Helper()
	h, err := netlink.NewHandleAt(vnetns.NsHandle(place.NS.(*netns.NS).FD()), unix.NETLINK_ROUTE)
	check(tb, err)
	defer h.Close()
	for end := time.Now().Add(5 * time.Second); ; {
		link, err := h.LinkByIndex(place.Ports[0].Ifindex)
		check(tb, err)
		if link.Attrs().OperState == netlink.OperUp {
			return
		}
		if time.Now().After(end) {
			tb.Fatalf("interface of %s does not come up", place.Node)
		}
	}
}

// offloadsOff turns off what makes taps see something else than segments
// (include/uapi/linux/ethtool.h).
func offloadsOff(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, cmd := range []uint32{unix.ETHTOOL_STXCSUM, unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO} {
		value := struct{ cmd, data uint32 }{cmd: cmd}
		req := struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(req.name[:], name)
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); e != 0 {
			return fmt.Errorf("ethtool command %#x on %s: %w", cmd, name, e)
		}
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

// of returns the events of a kind, of one node or ("") of all.
func (r *recorder) of(kind probes.Kind, node string) []probes.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []probes.Event
	for _, e := range r.events {
		if e.Kind == kind && (node == "" || e.Node == node) {
			out = append(out, e)
		}
	}
	return out
}

// running runs a probe while fn does, and returns its events and error.
func running(tb testing.TB, cfg Config, fn func()) (*recorder, error) {
	tb.Helper()
	p, err := Open(cfg)
	check(tb, err)
	<-p.Ready()
	rec := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, rec.emit) }()
	fn()
	cancel()
	return rec, <-done
}

// talk opens a connection from client to server; the client sends request,
// the server reads it and sends reply, then the client closes first.
func (p *pair) talk(tb testing.TB, server string, request, reply []byte) {
	tb.Helper()
	var listener *net.TCPListener
	check(tb, p.server.Do(func() (err error) {
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(server), 7))
		listener, err = net.ListenTCP("tcp", addr)
		return err
	}))
	defer listener.Close()
	served := make(chan error, 1)
	go func() { served <- serve(listener, len(request), reply) }()
	var conn net.Conn
	check(tb, p.client.Do(func() (err error) {
		conn, err = net.Dial("tcp", listener.Addr().String())
		return err
	}))
	defer conn.Close()
	_, err := conn.Write(request)
	check(tb, err)
	check(tb, conn.(*net.TCPConn).CloseWrite())
	_, err = io.Copy(io.Discard, conn)
	check(tb, err)
	check(tb, <-served)
}

// transferVar makes the test binary one end of a transfer ("read" or "write",
// and the number of bytes), or the body of TestRootless.
const transferVar = "NETLAB_TEST_TRANSFER"

func TestMain(m *testing.M) {
	if what := os.Getenv(transferVar); what != "" {
		if err := transferEnd(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func transferEnd(what string) error {
	var role string
	var size int64
	if _, err := fmt.Sscanf(what, "%s %d", &role, &size); err != nil {
		return err
	}
	if role == "rootless" {
		return rootless()
	}
	if role == "read" {
		l, err := net.Listen("tcp", serverV4+":7")
		if err != nil {
			return err
		}
		fmt.Println("listening")
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, conn)
		if n != size {
			return fmt.Errorf("read %d of %d bytes: %v", n, size, err)
		}
		return conn.Close()
	}
	conn, err := net.Dial("tcp", serverV4+":7")
	if err != nil {
		return err
	}
	if _, err := conn.Write(make([]byte, size)); err != nil {
		return err
	}
	return conn.Close()
}

// transfer sends size bytes from client to server, between processes of
// their own, as labs do.
func (p *pair) transfer(tb testing.TB, size int) {
	tb.Helper()
	start := func(ns *netns.NS, role string) (cmd *exec.Cmd, out *bufio.Reader) {
		cmd = exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", transferVar, role, size))
		cmd.Stderr = os.Stderr
		pipe, err := cmd.StdoutPipe()
		check(tb, err)
		check(tb, ns.Do(cmd.Start))
		return cmd, bufio.NewReader(pipe)
	}
	server, out := start(p.server, "read")
	_, err := out.ReadString('\n')
	check(tb, err)
	client, _ := start(p.client, "write")
	check(tb, client.Wait())
	check(tb, server.Wait())
}

// serve takes one connection.
func serve(l *net.TCPListener, want int, reply []byte) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	if n, err := io.Copy(io.Discard, conn); err != nil || int(n) != want {
		return fmt.Errorf("server read %d of %d bytes: %v", n, want, err)
	}
	_, err = conn.Write(reply)
	return err
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
