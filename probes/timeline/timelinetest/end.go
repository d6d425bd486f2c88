package timelinetest

import (
	"time"

	"netlab/probes"
)

// An End is one side of a connection: its socket in the imitated kernel, its
// sequence numbers and the workload that holds it.
//
// As in Linux, a passive end is a request socket until the third segment, its
// child is born with LISTEN -> SYN-RECEIVED, and the step into TIME-WAIT is
// recorded as X -> CLOSED while a mini-socket with the same cookie lives on.
type End struct {
	Node     string
	Sock     probes.SocketID
	Flow     probes.Flow // Local is this side
	Workload string
	Seq, Ack uint32 // the next to send and to receive
	State    probes.State
	Passive  bool

	script  *Script
	peer    *End
	object  probes.Object
	ipid    uint16
	shifts  []growth
	recent  uint32 // TS.Recent of RFC 7323
	server  bool   // its calls belong to a server, not to a step
	looked  probes.State
	lookedO probes.Object
}

// Enter records that the kernel's socket goes to state to, as the state
// tracepoint would.
func (e *End) Enter(to probes.State) {
	from, flow := e.State, e.Flow
	if from == probes.Closed && to == probes.SynSent {
		flow.Local = portless(flow.Local) // chosen after the event
	}
	e.script.record(probes.Event{Source: probes.BPF, Kind: probes.KindState, Grade: probes.Recorded,
		Node: e.Node, Sock: e.Sock, Flow: flow, Old: from, New: to})
	e.State, e.object = to, probes.FullObject
	if to == probes.Closed {
		e.object = ""
	}
	e.script.Wait(2 * time.Microsecond)
}

// Mini records the hand-over to a mini-socket in state, TIME-WAIT or
// FIN-WAIT-2: the kernel says CLOSED, the table says state.
func (e *End) Mini(state probes.State) {
	e.life(probes.MiniObject, probes.Born, probes.Unknown, state)
	e.Enter(probes.Closed)
	e.State, e.object = state, probes.MiniObject
}

// Step lets a mini-socket go from FIN-WAIT-2 to TIME-WAIT.
func (e *End) Step() {
	e.life(probes.MiniObject, probes.Stepped, probes.FinWait2, probes.TimeWait)
	e.State = probes.TimeWait
}

// Request makes the end a request socket: an entry in the kernel's table,
// and no event but those of its life.
func (e *End) Request() {
	e.State, e.object = probes.SynReceived, probes.RequestObject
	e.life(probes.RequestObject, probes.Born, probes.Unknown, probes.SynReceived)
}

// Child records the birth of a passive end's full socket.
func (e *End) Child() {
	request := e.object == probes.RequestObject
	e.State = probes.Listen
	e.Enter(probes.SynReceived)
	if request {
		e.life(probes.RequestObject, probes.Ended, probes.SynReceived, probes.Unknown)
	}
	e.Wait(3 * time.Microsecond)
	e.Enter(probes.Established)
}

// Vanish takes a mini-socket out of the kernel's table.
func (e *End) Vanish() { e.Die(probes.Ended) }

// Die ends a mini-socket as stage says.
func (e *End) Die(stage probes.Stage) {
	if e.object == probes.RequestObject || e.object == probes.MiniObject {
		e.life(e.object, stage, e.State, probes.Unknown)
	}
	e.State, e.object = probes.Closed, ""
}

// life records a moment of a mini-socket's life, where such are recorded. A
// request socket has no cookie yet.
func (e *End) life(object probes.Object, stage probes.Stage, from, to probes.State) {
	if !e.script.opts.Lives {
		return
	}
	ev := probes.Event{Kind: probes.KindLife, Grade: probes.RecordedMini, Old: from, New: to, Sock: e.Sock, Life: &probes.Life{Object: object, Stage: stage}}
	if object == probes.RequestObject {
		ev.Sock.Cookie = 0
	}
	e.Kernel(ev)
}

// Kernel records what bpf tells of the end's socket.
func (e *End) Kernel(ev probes.Event) {
	ev.Source, ev.Node, ev.Flow = probes.BPF, e.Node, e.Flow
	if ev.Grade == probes.Ungraded {
		ev.Grade = probes.Recorded
	}
	if ev.Sock.NetNS == 0 {
		ev.Sock = e.Sock
	}
	e.script.record(ev)
	e.script.Wait(time.Microsecond)
}

// Count records that a counter of a node grew since the look before.
func (s *Script) Count(node, name string, by uint64) {
	s.record(probes.Event{Source: probes.SockDiag, Kind: probes.KindCounter, Grade: probes.Recorded, Node: node,
		Counter: &probes.Counter{Name: name, Delta: by, Since: s.looked}})
}

// Wait lets time pass.
func (e *End) Wait(d time.Duration) { e.script.Wait(d) }

// Call records a call of the end's workload that takes d; fn, which may be
// nil, plays what happens meanwhile. errno is "" for success. In lockstep the
// observers look before it closes anything.
func (e *End) Call(name, args, errno string, bytes int, fn func()) {
	s := e.script
	if s.opts.Observe != "" && (name == "close" || name == "shutdown") {
		s.Look()
	}
	at, step := s.now, s.step
	if e.server {
		step = 0
	}
	s.Wait(time.Microsecond)
	if fn != nil {
		fn()
	}
	s.Wait(time.Microsecond)
	s.record(probes.Event{Time: at, Source: probes.Calls, Kind: probes.KindCall, Grade: probes.Recorded,
		Node: e.Node, Sock: e.Sock, Flow: e.Flow,
		Call: &probes.Call{Name: name, Workload: e.Workload, Step: step, Args: args, Errno: errno, Bytes: bytes, End: s.now}})
}

// look records what the samplers see of the end, if it changed.
func (e *End) look() {
	if e.State == e.looked && e.object == e.lookedO {
		return
	}
	gone := e.object == ""
	if gone && e.lookedO == "" {
		return // never seen
	}
	sample := probes.Sample{Object: e.object, Gone: gone}
	state := e.State
	if gone {
		state, sample.Object = e.looked, e.lookedO
	}
	switch e.object {
	case probes.MiniObject:
		sample.Timer, sample.Expires = "timewait", 60000
	case probes.RequestObject:
		sample.Timer, sample.Expires = "on", 1000
	}
	e.script.sample(probes.Event{Node: e.Node, Sock: e.Sock, Flow: e.Flow, New: state, Sample: &sample})
	e.looked, e.lookedO = e.State, e.object
}

// Sample records that sockdiag found the end's socket in a state, and as an
// object, whatever it is.
func (s *Script) Sample(e *End, state probes.State, object probes.Object) {
	s.record(probes.Event{Source: probes.SockDiag, Kind: probes.KindSample, Grade: probes.Sampled, Node: e.Node, Sock: e.Sock, Flow: e.Flow,
		New: state, Sample: &probes.Sample{Object: object, Since: s.looked}})
}

// Track records that the router's connection tracker gives a connection a
// state, in its words.
func (s *Script) Track(c *Conn, state string) {
	s.record(probes.Event{Source: probes.Conntrack, Kind: probes.KindTrack, Grade: probes.Recorded, Node: Router, Flow: c.Opener.Flow,
		Track: &probes.Track{Change: "update", State: state, Reply: c.Acceptor.Flow}})
}
