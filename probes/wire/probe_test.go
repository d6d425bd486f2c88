package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// TestBeforeRun: what passes between Open and Run is told, and what passes
// just before the end too.
func TestBeforeRun(t *testing.T) {
	p := newPair(t, false)
	probe, err := Open(Config{Places: p.places})
	check(t, err)
	p.talk(t, serverV4, []byte("hello"), []byte("bye"))
	rec := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, probe.Run(ctx, rec.emit))
	client, server := rec.of(probes.KindSegment, "client"), rec.of(probes.KindSegment, "server")
	sameSegments(t, client, server)
	if len(client) < 9 {
		t.Errorf("client saw %v", lines(client))
	}
	if l := rec.of(probes.KindLoss, ""); len(l) > 0 {
		t.Errorf("loss %+v", *l[0].Loss)
	}
}

// TestOrder: events come in the order of their time over all taps, and so do
// the frames of the file.
func TestOrder(t *testing.T) {
	p := newPair(t, false)
	rec, err := running(t, Config{Places: p.places}, func() {
		for range 50 {
			p.talk(t, serverV4, []byte("hello"), []byte("bye"))
		}
	})
	check(t, err)
	events := rec.of(probes.KindSegment, "")
	if len(events) < 50*9*2 {
		t.Fatalf("%d segments", len(events))
	}
	misplaced := 0
	for i, e := range events[1:] {
		// On a starved machine a ring may be read late: then, and only then,
		// what it holds comes behind newer frames of another.
		late := e.Node != events[i].Node && misplaced < len(events)/100
		if late && e.Time < events[i].Time && e.Segment.Capture > events[i].Segment.Capture {
			misplaced++
			continue
		}
		if e.Time < events[i].Time || e.Segment.Capture <= events[i].Segment.Capture {
			t.Errorf("%s at %d, frame %d, came after %s at %d, frame %d", e.Node, e.Time, e.Segment.Capture, events[i].Node, events[i].Time, events[i].Segment.Capture)
		}
	}
}

// TestLoss: when nobody reads, the ring fills; what it could not take is
// counted, and what it took is told.
func TestLoss(t *testing.T) {
	p := newPair(t, false)
	places := p.places[:1]
	probe, err := Open(Config{Places: places, Memory: 128 << 10})
	check(t, err)
	p.talk(t, serverV4, make([]byte, 1<<20), []byte("bye"))
	rec := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, probe.Run(ctx, rec.emit))
	losses := rec.of(probes.KindLoss, "client")
	if len(losses) != 1 || !strings.HasPrefix(losses[0].Loss.What, "capture ring full") {
		t.Fatalf("losses %+v", losses)
	}
	told := len(rec.of(probes.KindSegment, "client"))
	if total := told + int(losses[0].Loss.Count); told == 0 || total < 724 {
		t.Errorf("%d segments told and %d lost, want 724 together at least", told, losses[0].Loss.Count)
	}
}

// TestSlowConsumer: an emit that takes its time loses nothing as long as the
// ring has room.
func TestSlowConsumer(t *testing.T) {
	p := newPair(t, false)
	first := make(chan struct{})
	var n atomic.Int64
	probe, err := Open(Config{Places: p.places})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- probe.Run(ctx, func(e probes.Event) {
			if e.Kind == probes.KindSegment && n.Add(1) == 1 {
				<-first
			}
			if e.Kind == probes.KindLoss {
				t.Errorf("loss %+v", *e.Loss)
			}
		})
	}()
	p.talk(t, serverV4, make([]byte, 1<<20), []byte("bye"))
	close(first)
	cancel()
	check(t, <-done)
	if n.Load() < 2*724 {
		t.Errorf("%d segments", n.Load())
	}
}

func TestSnaplen(t *testing.T) {
	p := newPair(t, false)
	rec, err := running(t, Config{Places: p.places, Snaplen: 1}, func() {
		p.talk(t, serverV4, []byte(strings.Repeat("long line ", 100)), []byte("bye"))
	})
	check(t, err)
	snapped := 0
	for _, e := range rec.of(probes.KindSegment, "client") {
		s := e.Segment
		if s.Snapped != (s.Len > minSnaplen) || s.BadSum {
			t.Errorf("segment %+v", *s)
		}
		if s.Snapped {
			snapped++
			if s.Len != 1000 || s.Text != strings.Repeat("long line ", 4) {
				t.Errorf("cut segment %+v", *s)
			}
		}
	}
	if snapped != 1 {
		t.Errorf("%d segments were cut, want 1", snapped)
	}
}

// TestForwards: where most of what passes is not the node's own, Local is
// the sender in both directions.
func TestForwards(t *testing.T) {
	p := newPair(t, false)
	p.places[1].Forwards = true
	rec, err := running(t, Config{Places: p.places}, func() {
		p.talk(t, serverV4, []byte("hello"), []byte("bye"))
	})
	check(t, err)
	for _, e := range rec.of(probes.KindSegment, "server") {
		want := map[probes.Direction]string{probes.In: clientV4, probes.Out: serverV4}[e.Segment.Dir]
		if got := e.Flow.Local.Addr().String(); got != want {
			t.Errorf("%s %s: local is %s, want %s", e.Segment.Dir, e.Segment.Flags, got, want)
		}
	}
}

// TestVLAN: the kernel takes the tag out of a frame that comes in; the file
// has it again, and the segment is told at both ends.
func TestVLAN(t *testing.T) {
	p := newPair(t, false)
	frame := frameOf(t, ethernet(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4}, ip4(), data(), gopacket.Payload("tagged"))
	var file bytes.Buffer
	rec, err := running(t, Config{Places: p.places, Capture: &file}, func() {
		check(t, p.client.Do(func() error { return inject(p.places[0].Ports[0].Ifindex, frame) }))
	})
	check(t, err)
	client, server := rec.of(probes.KindSegment, "client"), rec.of(probes.KindSegment, "server")
	if diff := cmp.Diff([]string{"out PSH+ACK 6 tagged"}, lines(client)); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"in PSH+ACK 6 tagged"}, lines(server)); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	if n := bytes.Count(file.Bytes(), frame); n != 2 {
		t.Errorf("the file has the frame with its tag %d times, want 2", n)
	}
}

// inject sends a frame as it is.
func inject(ifindex int, frame []byte) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ifindex})
}

// TestFrameLargerThanBlock: the kernel cuts what does not fit, and the
// segment says so.
func TestFrameLargerThanBlock(t *testing.T) {
	p := newPair(t, true)
	rec, err := running(t, Config{Places: p.places, Memory: 4 << 20}, func() {
		p.talk(t, serverV4, make([]byte, 300<<10), []byte("bye"))
	})
	check(t, err)
	bytes, cut := 0, 0
	for _, e := range rec.of(probes.KindSegment, "client") {
		s := e.Segment
		if s.Snapped {
			cut++
		}
		if s.BadSum || s.Snapped && s.Len < 16<<10 {
			t.Errorf("segment %+v", *s)
		}
		if s.Dir == probes.Out {
			bytes += s.Len
		}
	}
	if bytes < 300<<10 || cut == 0 { // more where the sender repeated itself
		t.Errorf("%d bytes in segments, %d of them cut, want %d at least, and some", bytes, cut, 300<<10)
	}
}

// TestInterfaceLater: the rings may be made before the interfaces are.
func TestInterfaceLater(t *testing.T) {
	p := newPair(t, false)
	late := netnstest.New(t)
	probe, err := Open(Config{Places: []probes.Place{{Node: "late", NS: late, Ports: []probes.Port{{Link: "l", Ifindex: 77, MTU: 1500}}}}})
	check(t, err)
	h, err := netlink.NewHandleAt(vnetns.NsHandle(late.FD()), unix.NETLINK_ROUTE)
	check(t, err)
	defer h.Close()
	veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "eth1", PeerNamespace: netlink.NsFd(p.client.FD())}
	veth.Name, veth.Index = "eth0", 77
	check(t, h.LinkAdd(veth))
	addr, err := netlink.ParseAddr("10.8.0.1/24")
	check(t, err)
	check(t, h.AddrAdd(veth, addr))
	peers, err := netlink.NewHandleAt(vnetns.NsHandle(p.client.FD()), unix.NETLINK_ROUTE)
	check(t, err)
	defer peers.Close()
	peer, err := peers.LinkByName("eth1")
	check(t, err)
	check(t, peers.LinkSetUp(peer))
	check(t, h.LinkSetUp(veth))
	waitUp(t, probes.Place{Node: "late", NS: late, Ports: []probes.Port{{Ifindex: 77}}})
	check(t, h.NeighAdd(&netlink.Neigh{LinkIndex: 77, State: unix.NUD_PERMANENT, IP: net.IPv4(10, 8, 0, 2), HardwareAddr: peer.Attrs().HardwareAddr}))
	check(t, late.Do(func() error {
		c, err := net.DialTimeout("tcp", "10.8.0.2:9", time.Millisecond)
		if err == nil {
			c.Close()
		}
		return nil // nobody answers; the SYN went out
	}))
	rec := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, probe.Run(ctx, rec.emit))
	if got := lines(rec.of(probes.KindSegment, "late")); len(got) == 0 || got[0] != "out SYN 0" {
		t.Errorf("segments %v", got)
	}
}

// TestLinkDown: an interface that goes down and comes up again is captured on.
func TestLinkDown(t *testing.T) {
	p := newPair(t, false)
	h, err := netlink.NewHandleAt(vnetns.NsHandle(p.client.FD()), unix.NETLINK_ROUTE)
	check(t, err)
	defer h.Close()
	link, err := h.LinkByName("eth0")
	check(t, err)
	rec, err := running(t, Config{Places: p.places}, func() {
		check(t, h.LinkSetDown(link))
		check(t, h.LinkSetUp(link))
		waitUp(t, p.places[0])
		waitUp(t, p.places[1])
		p.talk(t, serverV4, []byte("hello"), []byte("bye"))
	})
	check(t, err)
	if got := lines(rec.of(probes.KindSegment, "client")); len(got) < 9 {
		t.Errorf("segments %v", got)
	}
}

// A refusing namespace is one where packet sockets are not allowed.
type refusing struct{ err error }

func (r refusing) Do(func() error) error { return r.err }

func TestUnavailable(t *testing.T) {
	before := descriptors(t)
	_, err := Open(Config{Places: []probes.Place{{Node: "client", NS: refusing{os.NewSyscallError("socket AF_PACKET", unix.EPERM)}}}})
	if !errors.Is(err, probes.ErrUnavailable) {
		t.Fatalf("error %v is not ErrUnavailable", err)
	}
	var u *probes.Unavailable
	if !errors.As(err, &u) || !strings.Contains(u.Reason, "EPERM") || !strings.Contains(u.Reason, "client") || u.Remedy == "" {
		t.Errorf("explanation %+v", u)
	}
	if _, err := Open(Config{Places: []probes.Place{{Node: "client", NS: refusing{errors.New("gone")}}}}); err == nil || errors.Is(err, probes.ErrUnavailable) {
		t.Errorf("error %v, want one that does not say unavailable", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

// TestLeaks: nothing is left, whether the probe ran or not.
func TestLeaks(t *testing.T) {
	p := newPair(t, false)
	file, err := os.Create(t.TempDir() + "/x.pcapng")
	check(t, err)
	defer file.Close()
	use := func() {
		probe, err := Open(Config{Places: p.places, Capture: file})
		check(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- probe.Run(ctx, func(probes.Event) {}) }()
		p.talk(t, serverV4, []byte("hello"), []byte("bye"))
		cancel()
		check(t, <-done)
		probe, err = Open(Config{Places: p.places, Capture: io.Discard})
		check(t, err)
		check(t, probe.Close())
		check(t, probe.Close())
	}
	use() // what the runtime opens for good
	fds, goroutines := descriptors(t), runtime.NumGoroutine()
	use()
	if got := descriptors(t); got != fds {
		t.Errorf("%d descriptors open, %d before", got, fds)
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; runtime.Gosched() { // goroutines that have answered may still be returning
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	check(t, err)
	if strings.Contains(string(maps), "socket:") {
		t.Error("a ring is still mapped")
	}
}

func descriptors(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	check(tb, err)
	return len(entries)
}

// TestRootless captures as root of a user namespace only.
func TestRootless(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), transferVar+"=rootless 0")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		netnstest.Require(t, "userns", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &out)
	}
}

// here is the process's own namespace.
type here struct{}

func (here) Do(fn func() error) error { return fn() }

// rootless captures one connection over the loopback of its own namespace.
func rootless() error {
	up := exec.Command("ip", "link", "set", "lo", "up")
	if out, err := up.CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo up: %w: %s", err, out)
	}
	probe, err := Open(Config{Places: []probes.Place{{Node: "lo", NS: here{}, Ports: []probes.Port{{Link: "lo", Ifindex: 1, MTU: 65536}}}}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	if err := errors.Join(conn.Close(), l.Close()); err != nil {
		return err
	}
	rec := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := probe.Run(ctx, rec.emit); err != nil {
		return err
	}
	if got := lines(rec.of(probes.KindSegment, "lo")); len(got) < 6 || got[0] != "out SYN 0" || got[1] != "in SYN 0" {
		return fmt.Errorf("segments %v", got)
	}
	return nil
}
