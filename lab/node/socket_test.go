package node

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/workload/socket"
	"netlab/probes"
	"netlab/probes/calls"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

// A socketBench is an agent's part that takes steps on sockets.
type socketBench struct {
	agent *agent
	index int

	mu    sync.Mutex
	calls []string // "step workload name args errno"
}

func newSocketBench() *socketBench {
	b := &socketBench{agent: &agent{node: "node", sessions: map[string]client{}}}
	b.agent.calls = calls.New("node", 0, func(e probes.Event) {
		c := e.Call
		b.mu.Lock()
		defer b.mu.Unlock()
		b.calls = append(b.calls, strings.Join(strings.Fields(c.Workload+" "+c.Protocol+" "+c.Name+" "+c.Args+" "+c.Errno), " "))
	})
	return b
}

// step takes a step and returns its result in short: its error, or its
// content.
func (b *socketBench) step(t *testing.T, target netip.AddrPort, s scenarios.Step) string {
	t.Helper()
	b.index++
	s.Index = b.index
	result, err := b.agent.step(t.Context(), StepRequest{Step: s, Timeout: 5 * time.Second, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	if result.Error != "" {
		return result.Error
	}
	return result.Content
}

func named(name string) scenarios.Common { return scenarios.Common{As: name} }

func TestSocketSteps(t *testing.T) {
	b := newSocketBench()
	var none netip.AddrPort
	on, off := new(scenarios.YesNo(true)), new(scenarios.YesNo(false))
	zero := &scenarios.Duration{}
	if got := b.step(t, none, scenarios.Step{TCPListen: &scenarios.TCPListen{Common: named("l"), Backlog: 2}}); got != "" {
		t.Fatal(got)
	}
	listener := b.agent.sessions["l"].(*listenSession).listener
	target := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), listener.Addr().(*net.TCPAddr).AddrPort().Port())
	steps := []struct {
		name string
		step scenarios.Step
		want string
	}{
		{"connect", scenarios.Step{TCPConnect: &scenarios.TCPConnect{Common: named("c"), SocketOptions: scenarios.SocketOptions{NoDelay: off}}}, ""},
		{"accept", scenarios.Step{TCPAccept: &scenarios.TCPAccept{Common: named("s"), Listener: "l"}}, ""},
		{"send more", scenarios.Step{TCPSend: &scenarios.TCPSend{Session: "c", Content: "one\n", More: true}}, ""},
		{"send", scenarios.Step{TCPSend: &scenarios.TCPSend{Session: "c", Content: "two"}}, ""},
		{"peek", scenarios.Step{TCPReceive: &scenarios.TCPReceive{Session: "s", Bytes: 7, Peek: true}}, "one\ntwo"},
		{"receive a line", scenarios.Step{TCPReceive: &scenarios.TCPReceive{Session: "s"}}, "one\n"},
		{"receive bytes", scenarios.Step{TCPReceive: &scenarios.TCPReceive{Session: "s", Bytes: 3}}, "two"},
		{"shutdown", scenarios.Step{TCPShutdown: &scenarios.TCPShutdown{Session: "c", Half: scenarios.HalfWrite}}, ""},
		{"receive to the end", scenarios.Step{TCPReceive: &scenarios.TCPReceive{Session: "s", ToEnd: true}}, ""},
		{"option", scenarios.Step{TCPOption: &scenarios.TCPOption{Session: "s", SocketOptions: scenarios.SocketOptions{Linger: zero}}}, ""},
		{"option of the listener", scenarios.Step{TCPOption: &scenarios.TCPOption{Session: "l", SocketOptions: scenarios.SocketOptions{FastOpen: on}}}, ""},
		{"close", scenarios.Step{TCPClose: &scenarios.TCPClose{Session: "s"}}, ""},
		{"reset", scenarios.Step{TCPReceive: &scenarios.TCPReceive{Session: "c"}}, "receive: ECONNRESET (connection reset by peer)"},
		{"close the other", scenarios.Step{TCPClose: &scenarios.TCPClose{Session: "c"}}, ""},
		{"close again", scenarios.Step{TCPClose: &scenarios.TCPClose{Session: "c"}}, "close: it was closed before"},
		{"send on what is closed", scenarios.Step{TCPSend: &scenarios.TCPSend{Session: "c", Content: "x"}}, "send: EBADF (use of closed network connection)"},
		{"send by the listener", scenarios.Step{Verb: "tcp.send", TCPSend: &scenarios.TCPSend{Session: "l"}}, `a socket that listens cannot do "tcp.send"`},
		{"accept of a connection", scenarios.Step{TCPAccept: &scenarios.TCPAccept{Common: named("x"), Listener: "c"}}, `session "c" is no socket that listens`},
		{"accept of nothing", scenarios.Step{TCPAccept: &scenarios.TCPAccept{Common: named("x"), Listener: "y"}}, `no session "y": it was not opened`},
		{"shutdown of the listener", scenarios.Step{TCPShutdown: &scenarios.TCPShutdown{Session: "l", Half: scenarios.HalfBoth}}, ""},
		{"close the listener", scenarios.Step{TCPClose: &scenarios.TCPClose{Session: "l"}}, ""},
		{"connect to nobody", scenarios.Step{TCPConnect: &scenarios.TCPConnect{Common: named("d")}},
			"connect to " + target.String() + ": ECONNREFUSED (connection refused)"},
		{"a session that did not come about", scenarios.Step{TCPClose: &scenarios.TCPClose{Session: "d"}}, `no session "d": it was not opened`},
		{"a number too great", scenarios.Step{TCPConnect: &scenarios.TCPConnect{Common: named("e"), ISN: new(uint64(1 << 32))}},
			"initial sequence number 4294967296 is greater than 4294967295"},
	}
	for _, s := range steps {
		if got := b.step(t, target, s.step); got != s.want {
			t.Errorf("%s: %q, want %q", s.name, got, s.want)
		}
	}
	want := []string{
		"l bind", "l listen backlog 2", "c option TCP_NODELAY off", "c connect", "s accept", "c send MSG_MORE", "c send",
		"s receive MSG_PEEK", "s receive", "s receive", "c shutdown write", "s receive EOF", "s linger 0", "l option TCP_FASTOPEN 4096",
		"s close", "c receive ECONNRESET", "c close", "l shutdown both", "l close", "d connect ECONNREFUSED", "d close",
	}
	if diff := cmp.Diff(want, b.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// A session can be closed while its connect is under way.
func TestCloseWhileConnecting(t *testing.T) {
	b := newSocketBench()
	l, err := socket.ListenTCP(b.agent.calls.Caller("l"), 0, 0, socket.Options{})
	if err != nil {
		t.Fatal(err)
	}
	target := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), l.Addr().(*net.TCPAddr).AddrPort().Port())
	connect := func(name string) scenarios.Step {
		return scenarios.Step{Index: 1, TCPConnect: &scenarios.TCPConnect{Common: named(name)}}
	}
	if got := b.step(t, target, connect("first")); got != "" { // fills the queue
		t.Fatal(got)
	}
	done := make(chan string, 1)
	go func() {
		result, _ := b.agent.step(t.Context(), StepRequest{Step: connect("stuck"), Timeout: 5 * time.Second, Target: target})
		done <- result.Error
	}()
	for { // nothing tells that the connect is under way but that the session is there
		if _, err := b.agent.session("stuck"); err == nil {
			break
		}
		time.Sleep(time.Millisecond) // a table of sessions wakes nobody
	}
	if got := b.step(t, target, scenarios.Step{TCPClose: &scenarios.TCPClose{Session: "stuck"}}); got != "" {
		t.Errorf("close: %s", got)
	}
	if got, want := <-done, "connect to "+target.String()+": EBADF (use of closed network connection)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := b.step(t, target, scenarios.Step{TCPClose: &scenarios.TCPClose{Session: "first"}}); got != "" {
		t.Error(got)
	}
	if err := l.Close(t.Context(), closeOf(scenarios.Close{})); err != nil {
		t.Error(err)
	}
}

func TestUDPSteps(t *testing.T) {
	b := newSocketBench()
	var none netip.AddrPort
	if got := b.step(t, none, scenarios.Step{UDPBind: &scenarios.UDPBind{Common: named("u")}}); got != "" {
		t.Fatal(got)
	}
	port := b.agent.sessions["u"].(*udpSession).udp.LocalAddr().Port()
	target := netip.AddrPortFrom(netip.MustParseAddr("::1"), 9) // the step's port is another
	steps := []struct {
		step scenarios.Step
		want string
	}{
		{scenarios.Step{UDPSend: &scenarios.UDPSend{Session: "u"}}, "send: nobody has sent anything yet that could be answered"},
		{scenarios.Step{UDPOpen: &scenarios.UDPOpen{Common: named("v"), Port: int(port)}}, ""},
		{scenarios.Step{UDPSend: &scenarios.UDPSend{Session: "v", Content: "ask"}}, ""},
		{scenarios.Step{UDPReceive: &scenarios.UDPSession{Session: "u"}}, "ask"},
		{scenarios.Step{UDPSend: &scenarios.UDPSend{Session: "u", Content: "told"}}, ""},
		{scenarios.Step{UDPReceive: &scenarios.UDPSession{Session: "v"}}, "told"},
		{scenarios.Step{UDPClose: &scenarios.UDPSession{Session: "u"}}, ""},
		{scenarios.Step{UDPSend: &scenarios.UDPSend{Session: "v", Content: "again"}}, ""},
		{scenarios.Step{UDPReceive: &scenarios.UDPSession{Session: "v"}}, "receive: ECONNREFUSED (connection refused)"},
		{scenarios.Step{Verb: "tcp.send", TCPSend: &scenarios.TCPSend{Session: "v"}}, `a UDP socket cannot do "tcp.send"`},
		{scenarios.Step{UDPClose: &scenarios.UDPSession{Session: "v"}}, ""},
		{scenarios.Step{UDPClose: &scenarios.UDPSession{Session: "v"}}, "close: it was closed before"},
	}
	for i, s := range steps {
		if got := b.step(t, target, s.step); got != s.want {
			t.Errorf("step %d: %q, want %q", i, got, s.want)
		}
	}
	want := []string{
		"u udp bind", "v udp connect", "v udp send", "u udp receive", "u udp send", "v udp receive", "u udp close",
		"v udp send", "v udp receive ECONNREFUSED", "v udp close",
	}
	if diff := cmp.Diff(want, b.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestOptionsOf(t *testing.T) {
	got := optionsOf(scenarios.SocketOptions{
		Cork: new(scenarios.YesNo(true)), UserTimeout: &scenarios.Duration{Duration: time.Second},
		KeepAlive:     &scenarios.KeepAlive{Idle: scenarios.Duration{Duration: time.Second}, Interval: scenarios.Duration{Duration: time.Minute}, Probes: 3},
		ReceiveBuffer: new(scenarios.Size(1 << 40)), MaxSegment: new(500),
	})
	want := socket.Options{
		Cork: new(true), UserTimeout: new(time.Second),
		KeepAlive:     &socket.KeepAlive{Idle: time.Second, Interval: time.Minute, Probes: 3},
		ReceiveBuffer: new(1<<31 - 1), MaxSegment: new(500),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
