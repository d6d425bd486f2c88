package gate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/scenarios"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func addrOf(a net.Addr) netip.AddrPort {
	at := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// mac is the link-layer address of a node.
func (l *testLab) mac(tb testing.TB, end int) (mac net.HardwareAddr) {
	tb.Helper()
	withLinks(tb, l.nodes[end], func(h *netlink.Handle) {
		link, err := h.LinkByName("eth0")
		check(tb, err)
		mac = link.Attrs().HardwareAddr
	})
	return mac
}

// tap opens a ring on a node's own interface.
func (l *testLab) tap(t *testing.T, end int) *port {
	t.Helper()
	var ifindex int
	withLinks(t, l.nodes[end], func(h *netlink.Handle) {
		link, err := h.LinkByName("eth0")
		check(t, err)
		ifindex = link.Attrs().Index
	})
	p, err := openPort(Port{Name: "eth0", Ifindex: ifindex}, l.nodes[end], l.mtu, ringSize)
	check(t, err)
	t.Cleanup(func() { check(t, p.close()) })
	return p
}

// read returns the next frame that came to the tap and is one of want.
func (p *port) read(t *testing.T, want map[string]bool) []byte {
	t.Helper()
	for end := time.Now().Add(timeLimit); time.Now().Before(end); {
		if a, ok := p.next(); ok {
			data := bytes.Clone(a.data)
			p.giveBack()
			if want[string(data)] {
				return data
			}
			continue // some talk of the kernels, as of multicast groups
		}
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		_, _ = unix.Poll(fds, 100)
	}
	t.Fatal("no frame comes")
	return nil
}

// Whatever a node sends comes as it was sent, and in order.
func TestAnyFrame(t *testing.T) {
	l := newLab(t, 1500, false, false)
	in, out := l.tap(t, client), l.tap(t, server)
	g, rec, stop := l.run(t, nil)
	check(t, g.AddRule("tcp", dropping(scenarios.FrameMatch{Protocol: scenarios.TCPFrame}, 0)))
	tag := func(id uint16, next layers.EthernetType) *layers.Dot1Q {
		return &layers.Dot1Q{VLANIdentifier: id, Priority: 3, Type: next}
	}
	full := gopacket.Payload(bytes.Repeat([]byte("f"), 1500-28))
	frames := [][]byte{
		frameOf(t, ethernet(client, layers.EthernetTypeDot1Q), tag(5, layers.EthernetTypeIPv4), ip4(client, layers.IPProtocolUDP), udpOf(client), gopacket.Payload("tagged")),
		frameOf(t, ethernet(client, layers.EthernetTypeDot1Q), tag(0, layers.EthernetTypeIPv4), ip4(client, layers.IPProtocolUDP), udpOf(client), full),
		frameOf(t, ethernet(client, layers.EthernetTypeQinQ), tag(7, layers.EthernetTypeDot1Q), tag(5, layers.EthernetTypeIPv4), ip4(client, layers.IPProtocolUDP), udpOf(client), gopacket.Payload("two tags")),
		frameOf(t, ethernet(client, layers.EthernetTypeIPv4), ip4(client, layers.IPProtocolUDP), udpOf(client), full),
		with(seg(t, client, probes.ACK, 1, 1, "a fragment of TCP, which no rule on TCP takes"), 20, 0x20),
		with(seg(t, client, probes.ACK, 1, 1, "the data offset is wrong"), 46, 0xf0),
		with(arp(t, client), 12, 0x12, 0x34),
		with(ping(t, client), 14, 0x4f),
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		b := make([]byte, 14+random.IntN(1500))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if random.IntN(2) == 0 {
			copy(b[12:], []byte{0x08, 0x00, 0x45})
		}
		frames = append(frames, b)
	}
	want := map[string]bool{}
	for _, f := range frames {
		want[string(f)] = true
	}
	for _, f := range frames {
		if _, err := new(batch).sendAll(in, [][]byte{f}, patience); err != nil {
			t.Fatal(err)
		}
		if got := out.read(t, want); !bytes.Equal(got, f) {
			t.Fatalf("came as %x, want %x", got, f)
		}
	}
	stop()
	if e := append(rec.of(probes.Refused), rec.of(probes.Dropped)...); len(e) > 0 {
		t.Errorf("refused or dropped %+v", *e[0].Gate)
	}
}

// What is too large for the other end is refused, and said so.
func TestTooLarge(t *testing.T) {
	l := newLab(t, 9000, false, false)
	withLinks(t, l.gate, func(h *netlink.Handle) {
		link, err := h.LinkByName("port1")
		check(t, err)
		check(t, h.LinkSetMTU(link, 1500))
	})
	for _, tt := range []struct {
		name string
		mtu  int // that the gate believes
		want string
	}{
		{"for the link", 9000, "it has 5014 bytes, too many for the link to server"},
		{"for the slot", 1500, "it has 5014 bytes, more than an interface with an MTU of 1500 sends"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := l.tap(t, client)
			g, rec, stop := l.run(t, func(c *Config) { c.MTU = tt.mtu })
			big := with(make([]byte, 5014), 12, 0x88, 0xb5) // an EtherType for experiments
			_, err := new(batch).sendAll(in, [][]byte{big, arp(t, client)}, patience)
			check(t, err)
			for g.Counters().Came < 2 {
				runtime.Gosched()
			}
			stop()
			e := rec.of(probes.Refused)
			if len(e) != 1 || e[0].Gate.What != tt.want {
				t.Errorf("refused %+v", e)
			}
			if p := rec.of(probes.Passed); p[0].Gate.Frames < 1 {
				t.Errorf("passed %+v", *p[0].Gate)
			}
		})
	}
}

// A link that goes down does not end the gate.
func TestPortDown(t *testing.T) {
	l := newLab(t, 1500, false, false)
	g, rec, _ := l.run(t, nil)
	p := l.connect(t, serverV4)
	p.send(t, "before")
	set := func(end int, up bool) {
		withLinks(t, l.nodes[end], func(h *netlink.Handle) {
			link, err := h.LinkByName("eth0")
			check(t, err)
			if up {
				check(t, h.LinkSetUp(link))
				return
			}
			check(t, h.LinkSetDown(link))
		})
	}
	set(server, false)
	_, err := io.WriteString(p.client, "while it is down")
	check(t, err)
	for len(rec.of(probes.Refused)) == 0 {
		runtime.Gosched()
	}
	if e := rec.of(probes.Refused)[0]; e.Gate.What != "the link to server is down" || e.Node != "client" {
		t.Errorf("refused %+v", *e.Gate)
	}
	set(client, false) // and its port loses its carrier
	set(client, true)
	set(server, true)
	p.want(t, "while it is down")
	withLinks(t, l.gate, func(h *netlink.Handle) { // the port itself
		link, err := h.LinkByName("port0")
		check(t, err)
		check(t, h.LinkSetDown(link))
		check(t, h.LinkSetUp(link))
	})
	p.send(t, "after")
	check(t, g.AddRule("alive", watching(scenarios.FrameMatch{})))
}

// What comes before Run waits; what the ring has no room for is counted.
func TestRingFull(t *testing.T) {
	l := newLab(t, 1500, false, false)
	in := l.tap(t, client)
	rec := &recorder{}
	g, err := Open(Config{Link: "wire", Ends: [2]string{"client", "server"}, Ports: l.ports, NS: l.gate, MTU: 1500, Emit: rec.emit})
	check(t, err)
	const n = 5000
	frame := [][]byte{arp(t, client)}
	for range n {
		_, err := new(batch).sendAll(in, frame, patience)
		check(t, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	for g.Counters().Came < ringSize/2048 {
		runtime.Gosched()
	}
	cancel()
	check(t, <-done)
	var lost uint64
	for _, e := range rec.events {
		if e.Kind == probes.KindLoss && e.Source == probes.Gate && e.Node == "client" {
			lost += e.Loss.Count
		}
	}
	if passed := rec.of(probes.Passed)[0].Gate.Frames; passed+lost < n || lost == 0 {
		t.Errorf("%d passed and %d were lost, of %d", passed, lost, n)
	}
}

// An impairment loses the same datagrams every time.
func TestSeedOnTheWire(t *testing.T) {
	play := func(seed uint64) string {
		l := newLab(t, 1500, false, false)
		for end, ns := range l.nodes { // so that nothing else is sent, which would take its part of the dice
			check(t, ns.Do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0) }))
			withLinks(t, l.nodes[end], func(h *netlink.Handle) {
				link, err := h.LinkByName("eth0")
				check(t, err)
				check(t, h.NeighAdd(&netlink.Neigh{
					LinkIndex: link.Attrs().Index, Family: unix.AF_INET, State: netlink.NUD_PERMANENT,
					IP: net.ParseIP([2]string{serverV4, clientV4}[end]), HardwareAddr: l.mac(t, 1-end),
				}))
			})
		}
		in, out := l.tap(t, client), l.tap(t, server)
		g, rec, _ := l.run(t, func(c *Config) {
			c.Seed, c.Impair[client] = seed, &scenarios.Impair{Loss: 200_000, Delay: ms(20), Queue: 1000}
		})
		want := map[string]bool{}
		start := time.Now()
		var first time.Duration
		const n = 200
		for i := range n {
			f := datagram(t, client, fmt.Sprint("datagram ", i))
			want[string(f)] = true
			_, err := new(batch).sendAll(in, [][]byte{f}, patience)
			check(t, err)
		}
		for g.Counters().Came < n || g.Holding() {
			runtime.Gosched()
		}
		var got []string
		for range n - len(rec.of(probes.Dropped)) {
			data := out.read(t, want)
			if first == 0 {
				first = time.Since(start)
			}
			got = append(got, string(data[42:]))
		}
		if first < 20*time.Millisecond {
			t.Errorf("the first came after %v", first)
		}
		if len(got) > 180 || len(got) < 140 {
			t.Errorf("%d came", len(got))
		}
		if came := g.Counters().Came; came != n {
			t.Errorf("%d frames came to the gate, want %d", came, n)
		}
		return strings.Join(got, ",")
	}
	first := play(3)
	if second := play(3); first != second {
		t.Errorf("the same seed, another fate:\n%s\n%s", first, second)
	}
}

// Nothing is left when a gate ends, with frames that wait.
func TestNothingLeft(t *testing.T) {
	l := newLab(t, 1500, false, false)
	count := func() (goroutines, fds int) {
		list, err := os.ReadDir("/proc/self/fd")
		check(t, err)
		return runtime.NumGoroutine(), len(list)
	}
	// The first connection makes the runtime's poller.
	p := l.listen(t, serverV4+":9")
	check(t, p.Close())
	goroutines, fds := count()
	for _, lockstep := range []bool{false, true} {
		held := make(chan struct{})
		g, rec, stop := l.run(t, func(c *Config) {
			c.Impair[server] = &scenarios.Impair{Delay: ms(100_000), Queue: 10}
			if lockstep {
				c.Lockstep = func(func()) { close(held) } // it never calls on
			}
		})
		check(t, g.AddRule("syn", holding(scenarios.FrameMatch{Flags: []scenarios.TCPFlag{"SYN"}}, nil)))
		in := l.tap(t, client)
		_, err := new(batch).sendAll(in, [][]byte{seg(t, client, probes.SYN, 0, 0, ""), seg(t, client, probes.SYN, 0, 0, "")}, patience)
		check(t, err)
		check(t, in.close())
		if lockstep {
			<-held
		} else {
			check(t, g.Await(timely(t), "syn", 1))
		}
		waiting := make(chan error, 1)
		go func() { waiting <- g.Await(context.Background(), "syn", 5) }()
		stop()
		if err := <-waiting; err == nil || err.Error() != "gate wire: await: it has ended" {
			t.Errorf("error %v", err)
		}
		if err := g.Clear(""); err == nil {
			t.Error("a gate takes commands after its end")
		}
		check(t, g.Close())
		if len(g.Waiting()) != 1 || len(rec.of(probes.Passed)) != 2 {
			t.Errorf("waiting %v", g.Waiting())
		}
		<-g.Changed()
	}
	g, err := Open(Config{Link: "wire", Ports: l.ports, NS: l.gate, MTU: 1500})
	check(t, err)
	check(t, g.Close())
	check(t, g.Close())
	for end := time.Now().Add(timeLimit); ; runtime.Gosched() { // what has ended is counted for a moment still
		a, b := count()
		if a <= goroutines && b <= fds {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines and %d descriptors, there were %d and %d", a, b, goroutines, fds)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	ns := netnstest.New(t)
	_, err := Open(Config{Link: "wire", Ports: [2]Port{{Name: "port0", Ifindex: 99}, {Name: "port1", Ifindex: 98}}, NS: ns, MTU: 1500})
	if err == nil || !strings.HasPrefix(err.Error(), "gate wire: open: port port0: bind AF_PACKET: no such device") {
		t.Errorf("error %v", err)
	}
}

// TestRootless runs the tests of real connections in a user namespace.
func TestRootless(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run", "TestEcho|TestHoldFIN|TestInject|TestAnyFrame|TestPortDown|TestNeighbours|TestLockstepOn", "-test.v")
	cmd.Env = append(os.Environ(), endVar+"=")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		netnstest.Require(t, "userns", err)
	}
	if err != nil || strings.Contains(string(out), "--- SKIP") {
		t.Errorf("%v: %s", err, out)
	}
}
