package bpf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/probes/clock"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// newTracer loads with a ring of the given size, 0 for the default, and checks.
// It closes with the test.
func newTracer(tb testing.TB, ring uint32) *Tracer {
	tb.Helper()
	if ring == 0 {
		ring = ringBytes
	}
	t, err := LoadRing(ring)
	netnstest.Require(tb, "bpf", err)
	ns := netnstest.New(tb)
	if err := t.Check(ns.Cookie(), func() error { return ns.Do(Rehearse) }); err != nil || len(t.lacks) > 0 {
		tb.Errorf("self-check: error %v, lacks %+v", err, t.lacks)
	}
	tb.Cleanup(func() {
		if err := t.Close(); err != nil {
			tb.Error(err)
		}
	})
	return t
}

// A recorder is a run of a probe, and its events.
type recorder struct {
	ready  <-chan struct{}
	cancel context.CancelFunc
	done   chan error
	news   chan struct{} // holds one after an event

	mu     sync.Mutex
	events []probes.Event
}

// start runs a probe of the namespaces, which are called a, b, c..., and
// waits until it records.
func start(t *Tracer, namespaces ...*netns.NS) *recorder {
	var nodes []probes.NodeInfo
	for i, ns := range namespaces {
		nodes = append(nodes, probes.NodeInfo{Name: string(rune('a' + i)), Cookie: ns.Cookie()})
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := t.Probe(nodes)
	r := &recorder{ready: p.Ready(), cancel: cancel, done: make(chan error, 1), news: make(chan struct{}, 1)}
	go func() { r.done <- p.Run(ctx, r.emit) }()
	select {
	case <-r.ready:
	case err := <-r.done:
		r.done <- err // for end
	}
	return r
}

func (r *recorder) emit(e probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// end ends the run and returns everything it emitted.
func (r *recorder) end() ([]probes.Event, error) {
	r.cancel()
	err := <-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events, err
}

// watch is start for a test's own goroutine.
func watch(tb testing.TB, t *Tracer, namespaces ...*netns.NS) *recorder {
	tb.Helper()
	r := start(t, namespaces...)
	tb.Cleanup(r.cancel)
	select {
	case <-r.ready:
	default:
		tb.Fatal(<-r.done)
	}
	return r
}

// stop is end for a test's own goroutine.
func (r *recorder) stop(tb testing.TB) []probes.Event {
	tb.Helper()
	events, err := r.end()
	if err != nil {
		tb.Fatal(err)
	}
	return events
}

// pathsOf gives the states of each socket, in the order in which the sockets
// appeared, each as "local > remote: states"; ports chosen by the kernel are
// left out. Any loss is an error.
func pathsOf(tb testing.TB, events []probes.Event) []string {
	tb.Helper()
	slices.SortStableFunc(events, func(a, b probes.Event) int { return int(a.Time.Sub(b.Time)) })
	var order []probes.SocketID
	path := map[probes.SocketID]string{}
	last := map[probes.SocketID]probes.State{}
	for _, e := range events {
		if e.Kind == probes.KindLoss {
			tb.Errorf("event %+v, loss %+v", e, e.Loss)
		}
		if e.Kind != probes.KindState {
			continue
		}
		if path[e.Sock] == "" {
			order = append(order, e.Sock)
			path[e.Sock] = fmt.Sprintf("%s %s > %s: %v", e.Node, end(e.Flow.Local), end(e.Flow.Remote), e.Old)
		} else if last[e.Sock] != e.Old {
			tb.Errorf("socket %v left %v while in %v", e.Sock, e.Old, last[e.Sock])
		}
		path[e.Sock] += " " + e.New.String()
		last[e.Sock] = e.New
	}
	var out []string
	for _, s := range order {
		out = append(out, path[s])
	}
	return out
}

func end(a netip.AddrPort) string {
	switch {
	case !a.IsValid():
		return "-"
	case a.Port() == servicePort:
		return a.String()
	case a.Port() == 0:
		return a.Addr().String() + " no port"
	}
	return a.Addr().String() + " port"
}

const servicePort = 7002

// connection makes a loopback connection in ns and closes it, the client
// first. When it returns, there were 12 transitions and no more will come.
func connection(ns *netns.NS, addr string) error {
	at := netip.AddrPortFrom(netip.MustParseAddr(addr), servicePort)
	return ns.Do(func() error { return converse(at) })
}

// converse uses plain system calls: package net would start goroutines
// outside the namespace.
func converse(at netip.AddrPort) (err error) {
	listener, err := socket(at)
	if err != nil {
		return err
	}
	defer closeInto(&err, listener)
	if err := unix.SetsockoptInt(listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.Bind(listener, sockaddr(at)); err != nil {
		return err
	}
	if err := unix.Listen(listener, 5); err != nil {
		return err
	}
	client, err := socket(at)
	if err != nil {
		return err
	}
	if err := unix.Connect(client, sockaddr(at)); err != nil {
		return err
	}
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.Shutdown(client, unix.SHUT_WR); err != nil { // FIN-WAIT-1
		return err
	}
	if _, err := unix.Read(server, make([]byte, 1)); err != nil { // end of input: CLOSE-WAIT
		return err
	}
	// An ACK due is sent at once. Left to its timer, it would come 40 ms later
	// in an interrupt, and not all of those are traced everywhere (see chains).
	if err := unix.SetsockoptInt(server, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1); err != nil {
		return err
	}
	if err := awaitState(client, 5); err != nil { // FIN-WAIT-2: the FIN is acknowledged
		return err
	}
	// LAST-ACK; with a linger time, close waits for the ACK, and CLOSED.
	if err := unix.SetsockoptLinger(server, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 5}); err != nil {
		return err
	}
	if err := unix.Close(server); err != nil {
		return err
	}
	if _, err := unix.Read(client, make([]byte, 1)); err != nil { // end of input: TIME-WAIT
		return err
	}
	return unix.Close(client)
}

// awaitState waits until the socket is in a state of the kernel's numbering.
func awaitState(fd int, state uint8) error {
	for limit := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return err
		}
		if info.State == state {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("socket is in state %d, want %d", info.State, state)
		}
	}
}

func socket(at netip.AddrPort) (int, error) {
	family := unix.AF_INET6
	if at.Addr().Is4() {
		family = unix.AF_INET
	}
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
	}
	return &unix.SockaddrInet6{Addr: at.Addr().As16(), Port: int(at.Port())}
}

func closeInto(err *error, fd int) { *err = errors.Join(*err, unix.Close(fd)) }

func TestClientClosesFirst(t *testing.T) {
	tests := []struct {
		name, addr string
		want       []string
	}{
		{"IPv4", "127.0.0.1", []string{
			"a 127.0.0.1:7002 > -: CLOSED LISTEN CLOSED",
			"a 127.0.0.1 no port > 127.0.0.1:7002: CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED",
			"a 127.0.0.1:7002 > 127.0.0.1 port: LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED",
		}},
		{"IPv6", "::1", []string{
			"a [::1]:7002 > -: CLOSED LISTEN CLOSED",
			"a ::1 no port > [::1]:7002: CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED",
			"a [::1]:7002 > ::1 port: LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED",
		}},
		{"IPv4 on IPv6 sockets", "::ffff:127.0.0.1", []string{
			"a 127.0.0.1:7002 > -: CLOSED LISTEN CLOSED",
			"a 127.0.0.1 no port > 127.0.0.1:7002: CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED",
			"a 127.0.0.1:7002 > 127.0.0.1 port: LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED",
		}},
	}
	tracer := newTracer(t, 0)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ns := netnstest.New(t)
			before := clock.Now()
			r := watch(t, tracer, ns)
			if err := connection(ns, tt.addr); err != nil {
				t.Fatal(err)
			}
			events := r.stop(t)
			after := clock.Now()
			if diff := cmp.Diff(tt.want, pathsOf(t, events)); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			for _, e := range events {
				if e.Time < before || e.Time > after {
					t.Errorf("event at %d, outside %d..%d: %+v", e.Time, before, after, e)
				}
				if e.Source != probes.BPF || e.Sock.NetNS != ns.Cookie() {
					t.Errorf("event not labelled: %+v", e)
				}
				if e.Kind == probes.KindState && (e.Grade != probes.Recorded || e.Sock.Cookie == 0) {
					t.Errorf("event not labelled: %+v", e)
				}
			}
		})
	}
}

func TestOwnerIsWhoeverHeldTheSocket(t *testing.T) {
	tracer, ns := newTracer(t, 0), netnstest.New(t)
	r := watch(t, tracer, ns)
	if err := connection(ns, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	owned := map[probes.State]bool{}
	for _, e := range r.stop(t) {
		if e.Owner == nil {
			continue
		}
		if e.Kind == probes.KindState {
			owned[e.New] = true
		}
		if want := (probes.Owner{PID: os.Getpid(), Comm: string(comm[:len(comm)-1])}); *e.Owner != want {
			t.Errorf("%v -> %v: owner %+v, want %+v", e.Old, e.New, *e.Owner, want)
		}
	}
	for _, s := range []probes.State{probes.Listen, probes.SynSent, probes.FinWait1, probes.LastAck} {
		if !owned[s] {
			t.Errorf("the change to %v is a system call's, but has no owner", s)
		}
	}
	if owned[probes.SynReceived] {
		t.Error("SYN-RECEIVED is entered when a segment arrives, but has an owner")
	}
}

func TestRunsSeeTheirOwnNamespacesOnly(t *testing.T) {
	tracer := newTracer(t, 0)
	one, two, three, four := netnstest.New(t), netnstest.New(t), netnstest.New(t), netnstest.New(t)
	first, second := watch(t, tracer, one, two), watch(t, tracer, three)
	for _, ns := range []*netns.NS{one, two, three, four} {
		if err := connection(ns, "127.0.0.1"); err != nil {
			t.Fatal(err)
		}
	}
	type node struct {
		name   string
		cookie uint64
	}
	tests := []struct {
		name string
		got  []probes.Event
		want map[node]int
	}{
		{"first", first.stop(t), map[node]int{{"a", one.Cookie()}: 12, {"b", two.Cookie()}: 12}},
		{"second", second.stop(t), map[node]int{{"a", three.Cookie()}: 12}},
	}
	for _, tt := range tests {
		got := map[node]int{}
		for _, e := range tt.got {
			if e.Kind == probes.KindState {
				got[node{e.Node, e.Sock.NetNS}]++
			}
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(node{})); diff != "" {
			t.Errorf("%s run, events by node (-want +got):\n%s", tt.name, diff)
		}
	}
}
