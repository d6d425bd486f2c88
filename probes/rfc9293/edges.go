// Package rfc9293 is the connection state machine of RFC 9293: the edges of
// its figure 5 and of the text of section 3.10 as data, and a [Machine] that
// runs them for one endpoint.
//
// The machine is an oracle. It is told which segments its endpoint sent and
// received, as seen at that endpoint's own link, and which calls its user
// made; never what a kernel says its state is. So where a kernel's word and
// the machine's agree, that means something. The package is pure.
package rfc9293

import (
	"slices"

	"netlab/probes"
)

// An Event is what an edge waits for, in the words of figure 5.
type Event string

// The events. Those of the user are the calls of section 3.9.1.
const (
	PassiveOpen Event = "passive OPEN"
	ActiveOpen  Event = "active OPEN"
	Send        Event = "SEND"
	Close       Event = "CLOSE"
	Abort       Event = "ABORT"
	RcvSYN      Event = "rcv SYN"
	RcvSYNACK   Event = "rcv SYN,ACK"
	RcvACKOfSYN Event = "rcv ACK of SYN"
	RcvFIN      Event = "rcv FIN"
	RcvACKOfFIN Event = "rcv ACK of FIN"
	RcvFINACK   Event = "rcv FIN and ACK of FIN"
	RcvRST      Event = "rcv RST"
	SndRST      Event = "snd RST"
	UserTimeout Event = "user timeout"
	TwoMSL      Event = "Timeout=2MSL"
	Unreachable Event = "ICMP unreachable"
)

// An Edge is one way from a state to another.
type Edge struct {
	From    probes.State
	Event   Event
	To      probes.State
	Action  string // what figure 5 writes below the line, for example "snd FIN"
	Section string // of RFC 9293
	Drawn   bool   // figure 5 draws it; the others are in the text only
	Note    int    // the note of figure 5 that names it, 0 if none
	Erratum int    // the erratum that adds it to the figure, 0 if none
	// Untaken says why the machine never takes the edge: another way of the
	// RFC leads on from the same event, or nothing that the machine is told
	// shows it. Empty for the others.
	Untaken string
}

const (
	throughFinWait2    = "section 3.10.7.4 acts on the ACK first: the way leads through FIN-WAIT-2"
	throughEstablished = "section 3.10.7.4 acts on the ACK first: the way leads through ESTABLISHED"
	abortCloses        = "section 3.10.5 deletes the TCB: the way leads to CLOSED"
	unseenTimer        = "neither the wire nor a call shows that the timer ran out"
	silentAbort        = "nobody holds the socket any more: no call aborts it"
	nothingToTime      = "nothing was sent that could take too long"
)

// drawn is figure 5.
var drawn = []Edge{
	{From: probes.Closed, Event: PassiveOpen, To: probes.Listen, Action: "create TCB", Section: "3.10.1"},
	{From: probes.Closed, Event: ActiveOpen, To: probes.SynSent, Action: "create TCB, snd SYN", Section: "3.10.1"},
	{From: probes.Listen, Event: Close, To: probes.Closed, Action: "delete TCB", Section: "3.10.4"},
	{From: probes.Listen, Event: RcvSYN, To: probes.SynReceived, Action: "snd SYN,ACK", Section: "3.10.7.2"},
	{From: probes.Listen, Event: Send, To: probes.SynSent, Action: "snd SYN", Section: "3.10.2"},
	{From: probes.SynSent, Event: Close, To: probes.Closed, Action: "delete TCB", Section: "3.10.4"},
	{From: probes.SynSent, Event: RcvSYN, To: probes.SynReceived, Action: "snd SYN,ACK", Section: "3.10.7.3"},
	{From: probes.SynSent, Event: RcvSYNACK, To: probes.Established, Action: "snd ACK", Section: "3.10.7.3"},
	{From: probes.SynReceived, Event: RcvACKOfSYN, To: probes.Established, Section: "3.10.7.4"},
	{From: probes.SynReceived, Event: Close, To: probes.FinWait1, Action: "snd FIN", Section: "3.10.4"},
	{From: probes.SynReceived, Event: RcvRST, To: probes.Listen, Section: "3.10.7.4", Note: 1},
	{From: probes.Established, Event: Close, To: probes.FinWait1, Action: "snd FIN", Section: "3.10.4"},
	{From: probes.Established, Event: RcvFIN, To: probes.CloseWait, Action: "snd ACK", Section: "3.10.7.4"},
	{From: probes.FinWait1, Event: RcvACKOfFIN, To: probes.FinWait2, Section: "3.10.7.4"},
	{From: probes.FinWait1, Event: RcvFIN, To: probes.Closing, Action: "snd ACK", Section: "3.10.7.4"},
	{From: probes.FinWait2, Event: RcvFIN, To: probes.TimeWait, Action: "snd ACK", Section: "3.10.7.4"},
	{From: probes.CloseWait, Event: Close, To: probes.LastAck, Action: "snd FIN", Section: "3.10.4"},
	{From: probes.Closing, Event: RcvACKOfFIN, To: probes.TimeWait, Section: "3.10.7.4"},
	{From: probes.LastAck, Event: RcvACKOfFIN, To: probes.Closed, Section: "3.10.7.4"},
	{From: probes.TimeWait, Event: TwoMSL, To: probes.Closed, Action: "delete TCB", Section: "3.10.8", Untaken: unseenTimer},
}

// written is what the text adds, state by state below.
var written = []Edge{
	{From: probes.Listen, Event: ActiveOpen, To: probes.SynSent, Action: "snd SYN", Section: "3.10.1"},
	{From: probes.Listen, Event: Abort, To: probes.Closed, Action: "delete TCB", Section: "3.10.5"},
	{From: probes.SynSent, Event: Abort, To: probes.Closed, Action: "delete TCB", Section: "3.10.5"},
	{From: probes.Listen, Event: UserTimeout, To: probes.Closed, Action: "delete TCB", Section: "3.10.8", Untaken: nothingToTime},
	{From: probes.SynSent, Event: RcvRST, To: probes.Closed, Action: "delete TCB", Section: "3.10.7.3", Note: 3},
	{From: probes.SynSent, Event: UserTimeout, To: probes.Closed, Action: "delete TCB", Section: "3.10.8"},
	{From: probes.SynSent, Event: Unreachable, To: probes.Closed, Action: "delete TCB", Section: "3.9.2.2"},
	{From: probes.SynReceived, Event: RcvSYN, To: probes.Listen, Section: "3.10.7.4", Erratum: 8710},
	{From: probes.SynReceived, Event: RcvRST, To: probes.Closed, Action: "delete TCB", Section: "3.10.7.4", Note: 1},
	{From: probes.SynReceived, Event: RcvFIN, To: probes.CloseWait, Action: "snd ACK", Section: "3.10.7.4", Untaken: throughEstablished},
	{From: probes.FinWait1, Event: RcvFINACK, To: probes.TimeWait, Action: "snd ACK", Section: "3.10.7.4", Note: 2, Untaken: throughFinWait2},
}

// all is every edge; nothing changes it.
var all = build()

// Edges returns every edge: those of figure 5, those that its notes and its
// erratum name, and those that section 3.10 adds. The slice is the caller's.
func Edges() []Edge { return slices.Clone(all) }

func build() []Edge {
	edges := slices.Clone(drawn)
	for i := range edges {
		edges[i].Drawn = true
	}
	edges = append(edges, written...)
	for _, from := range []probes.State{
		probes.SynReceived, probes.Established, probes.FinWait1, probes.FinWait2, probes.CloseWait,
		probes.Closing, probes.LastAck, probes.TimeWait,
	} {
		abort := Edge{From: from, Event: Abort, To: probes.Closed, Action: "snd RST, delete TCB", Section: "3.10.5"}
		if from == probes.Closing || from == probes.LastAck || from == probes.TimeWait {
			abort.Action = "delete TCB"
		}
		if from == probes.TimeWait {
			abort.Untaken = silentAbort
		}
		edges = append(edges, abort)
		if from != probes.TimeWait {
			edges = append(edges, Edge{From: from, Event: SndRST, To: probes.TimeWait, Section: "3.3.2", Note: 3, Untaken: abortCloses})
		}
		timeout := Edge{From: from, Event: UserTimeout, To: probes.Closed, Action: "delete TCB", Section: "3.10.8"}
		if from == probes.TimeWait {
			timeout.Untaken = nothingToTime
		}
		edges = append(edges, timeout)
		if from != probes.SynReceived {
			edges = append(edges, Edge{From: from, Event: RcvRST, To: probes.Closed, Action: "delete TCB", Section: "3.10.7.4", Note: 3})
		}
	}
	return edges
}

// Find returns the edge between two states that an event takes.
func Find(from probes.State, event Event, to probes.State) (Edge, bool) {
	for _, e := range all {
		if e.From == from && e.Event == event && e.To == to {
			return e, true
		}
	}
	return Edge{}, false
}

// Legal reports whether any edge that the machine may take leads straight
// from one state to another.
func Legal(from, to probes.State) bool {
	return slices.ContainsFunc(all, func(e Edge) bool { return e.From == from && e.To == to && e.Untaken == "" })
}
