// Package timelinetest writes recorded runs for tests: what the probes would
// have recorded of connections that a script opens, uses and closes, on a
// clock of its own. Nothing runs; two calls of the same script give the same
// events to the byte.
//
// A [Script] is the run: two nodes, "client" and "server", joined directly,
// by a switch or by a router. A [Conn] is one connection of it with its two
// [End] values. The methods of Conn play whole phases (Open, FourWay, Reset);
// those of End and [Packet] play single moments, for what the phases do not
// cover. The kernel that is imitated is Linux: see the comments of End.
package timelinetest

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlab/probes"
)

// A Path says what lies between the two nodes.
type Path int

// The paths. Their links are "wire"; or "left" and "right", with the switch
// "sw" or the router "router" between them. Translated is Routed with a router
// that masquerades the client.
const (
	Direct Path = iota
	Switched
	Routed
	Translated
)

// middle returns the node between the two.
func (s *Script) middle() string {
	if s.opts.Path == Switched {
		return "sw"
	}
	return Router
}

// Options choose how the run was recorded. The zero Options are a direct IPv4
// link and every probe.
type Options struct {
	Path    Path
	IPv6    bool
	Without []probes.Source // probes that were missing

	// PortShift is added to the client's ports by a router that translates.
	PortShift uint16

	// Addressed says that the header names the addresses of the nodes, as that
	// of a run does.
	Addressed bool

	// Observe says what waited for the observers.
	Observe probes.Observe

	// Lives says that bpf records the lives of mini-sockets, resets, drops and
	// all else that it can, and sockdiag counters.
	Lives bool
}

// The nodes of every script, with the cookies of their namespaces.
const (
	Client       = "client"
	Server       = "server"
	Router       = "router"
	ClientCookie = 4001
	ServerCookie = 4002
	RouterCookie = 4003
)

// A Script is a run being written. It is not safe for concurrent use.
type Script struct {
	opts      Options
	now       probes.Mono
	events    []probes.Event
	steps     int
	step      int // the step that runs, 0 outside
	cookies   uint64
	ports     uint16
	isn       uint32
	capture   uint64
	frames    uint64 // that gates did something to
	listeners []*listener
	ends      []*End
	looked    probes.Mono
}

type listener struct {
	sock     probes.SocketID
	flow     probes.Flow
	workload string
	looked   bool
}

// New starts a script: the run's clock stands at one second, the window is
// not open yet.
func New(opts Options) *Script {
	return &Script{opts: opts, now: 1e9, cookies: 100, ports: 41822, isn: 1000}
}

// Header returns the first line of the run's record.
func (s *Script) Header() probes.Header {
	h := probes.Header{
		Format: probes.Format, Version: "test", Kernel: "6.18.44", BootID: "00000000-0000-4000-8000-000000000000",
		Started: time.Date(2026, 8, 1, 15, 4, 21, 0, time.UTC), Scenario: "script", Variant: "base", Seed: 1,
		Root: !s.without(probes.BPF), Observe: s.opts.Observe,
		Nodes: []probes.NodeInfo{{Name: Client, Cookie: ClientCookie}, {Name: Server, Cookie: ServerCookie}},
	}
	if s.opts.Path == Translated || s.opts.Addressed {
		for i := range h.Nodes {
			h.Nodes[i].Addresses = []netip.Addr{s.Addr(h.Nodes[i].Name)}
		}
	}
	if s.opts.Path == Translated {
		h.Nodes = append(h.Nodes, probes.NodeInfo{Name: Router, Cookie: RouterCookie, Addresses: []netip.Addr{s.Addr(Router)}})
	}
	for _, p := range []probes.ProbeStatus{
		{Source: probes.BPF, Grade: probes.Recorded},
		{Source: probes.SockDiag, Grade: probes.Sampled},
		{Source: probes.SS, Grade: probes.Sampled},
		{Source: probes.Wire, Grade: probes.Recorded},
		{Source: probes.Calls, Grade: probes.Recorded},
	} {
		if s.opts.Lives && p.Source == probes.BPF {
			p.Kinds = []probes.Kind{probes.KindLife, probes.KindReset, probes.KindResent, probes.KindFault, probes.KindDrop, probes.KindTally}
		}
		if s.opts.Lives && p.Source == probes.SockDiag {
			p.Kinds = []probes.Kind{probes.KindTally, probes.KindCounter}
		}
		if s.without(p.Source) {
			p = probes.ProbeStatus{Source: p.Source, Reason: "refused (EPERM)", Remedy: "run it as root"}
		}
		h.Probes = append(h.Probes, p)
	}
	return h
}

// Events returns what was recorded so far, in the order of time, numbered.
func (s *Script) Events() []probes.Event {
	events := slices.Clone(s.events)
	slices.SortStableFunc(events, func(a, b probes.Event) int { return cmp.Compare(a.Time, b.Time) })
	for i := range events {
		events[i].Seq = uint64(i + 1)
	}
	return events
}

// Now returns the run's clock.
func (s *Script) Now() probes.Mono { return s.now }

// Wait lets time pass.
func (s *Script) Wait(d time.Duration) { s.now += probes.Mono(d) }

// Mark records a mark.
func (s *Script) Mark(m probes.Mark) {
	s.record(probes.Event{Source: probes.Lab, Kind: probes.KindMark, Mark: m})
}

// Finish ends a whole record: a last look at the sockets, the end of the
// window, and the mark that nothing is missing.
func (s *Script) Finish() {
	s.Look()
	s.Wait(time.Millisecond)
	s.Mark(probes.WindowClose)
	s.Wait(time.Millisecond)
	s.Mark(probes.Complete)
}

// Loss records that count records of a probe are missing; node may be "".
func (s *Script) Loss(source probes.Source, node, what string, count uint64) {
	s.record(probes.Event{Source: source, Kind: probes.KindLoss, Node: node, Loss: &probes.Loss{What: what, Count: count}})
}

// Step records a step around fn: the calls of fn belong to it. The first step
// opens the window. result may be nil; it gives Reply, Text, Error, Bytes.
func (s *Script) Step(verb, name string, result *probes.Step, fn func()) {
	if s.steps == 0 {
		s.Mark(probes.WindowOpen)
		s.Wait(time.Microsecond)
	}
	s.steps++
	s.step = s.steps
	s.record(probes.Event{Source: probes.Lab, Kind: probes.KindStep, Step: &probes.Step{Index: s.step, Verb: verb, Name: name}})
	fn()
	end := probes.Step{}
	if result != nil {
		end = *result
	}
	end.Index, end.Verb, end.Name, end.Ended = s.step, verb, name, true
	s.record(probes.Event{Source: probes.Lab, Kind: probes.KindStep, Step: &end})
	s.step = 0
	s.Wait(time.Microsecond)
}

// Listen opens a listener at the server.
func (s *Script) Listen(port uint16, workload string) { s.ListenAt(Server, port, workload) }

// ListenAt opens a listener at a node.
func (s *Script) ListenAt(node string, port uint16, workload string) {
	l := &listener{
		sock:     probes.SocketID{NetNS: s.cookieOf(node), Cookie: s.cookie()},
		flow:     probes.Flow{Local: netip.AddrPortFrom(netip.IPv6Unspecified(), port)},
		workload: workload,
	}
	s.listeners = append(s.listeners, l)
	s.record(probes.Event{Source: probes.Calls, Kind: probes.KindCall, Grade: probes.Recorded, Node: node, Sock: l.sock, Flow: l.flow,
		Call: &probes.Call{Name: "listen", Workload: workload, End: s.now + 5000}})
	s.Wait(2 * time.Microsecond)
	s.record(probes.Event{Source: probes.BPF, Kind: probes.KindState, Grade: probes.Recorded, Node: node, Sock: l.sock, Flow: l.flow,
		Old: probes.Closed, New: probes.Listen})
	s.Wait(10 * time.Microsecond)
}

// Look lets sockdiag and ss look at the kernel's tables of both nodes. Like
// the probes, it records only what changed since the look before.
func (s *Script) Look() {
	for _, l := range s.listeners {
		if l.looked {
			continue
		}
		l.looked = true
		s.sample(probes.Event{Node: s.nodeOf(l.sock.NetNS), Sock: l.sock, Flow: l.flow, New: probes.Listen,
			Sample: &probes.Sample{Object: probes.ListenerObject, WQueue: 128}})
	}
	for _, e := range s.ends {
		e.look()
	}
	s.looked = s.now
	s.Wait(50 * time.Microsecond)
}

// sample records what both samplers say; ss(8) shows no cookie of a request.
func (s *Script) sample(ev probes.Event) {
	ev.Kind, ev.Grade = probes.KindSample, probes.Sampled
	ev.Sample.Since = s.looked
	ev.Source = probes.SockDiag
	s.record(ev)
	again := *ev.Sample
	ev.Sample, ev.Source = &again, probes.SS
	if again.Object == probes.RequestObject {
		ev.Sock.Cookie = 0
	}
	s.record(ev)
}

// record notes an event at the run's clock, unless its probe is missing.
func (s *Script) record(ev probes.Event) {
	if s.without(ev.Source) {
		return
	}
	if ev.Time == 0 {
		ev.Time = s.now
	}
	s.events = append(s.events, ev)
}

func (s *Script) without(source probes.Source) bool { return slices.Contains(s.opts.Without, source) }

func (s *Script) cookie() uint64 { s.cookies++; return s.cookies }

func (s *Script) cookieOf(node string) uint64 {
	if node == Client {
		return ClientCookie
	}
	return ServerCookie
}

func (s *Script) nodeOf(cookie uint64) string {
	if cookie == ClientCookie {
		return Client
	}
	return Server
}

// Addr returns the address of a node.
func (s *Script) Addr(node string) netip.Addr {
	last := 1
	switch node {
	case Server:
		last = 2
	case Router: // on the server's side
		last = 254
	}
	subnet := 0
	if s.opts.Path >= Routed && node != Client {
		subnet = 1
	}
	if s.opts.IPv6 {
		return netip.MustParseAddr(fmt.Sprintf("fd00:77:%d::%d", subnet, last))
	}
	return netip.MustParseAddr(fmt.Sprintf("10.77.%d.%d", subnet, last))
}
