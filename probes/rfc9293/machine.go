package rfc9293

import (
	"fmt"

	"netlab/probes"
)

// A Role says how an endpoint began.
type Role uint8

// The roles.
const (
	Active  Role = iota // in CLOSED; its SYN is an active OPEN
	Passive             // in LISTEN
	Resumed             // in ESTABLISHED: its beginning was not recorded
)

// A Transition is an edge that the machine took.
type Transition struct {
	Edge
	Time  probes.Mono
	Cause Input    // what drove it
	With  []uint64 // ordinals of other events that explain it: the call behind a FIN, the answer to a SYN
}

// A Name names a kind of violation.
type Name string

// The kinds of violation.
const (
	Outside     Name = "outside"       // a segment was sent in a state in which none may be
	AckOfUnsent Name = "ack-of-unsent" // it acknowledges what was never sent
	SecondISN   Name = "second-isn"    // a SYN with another number within one connection
	Unseen      Name = "unseen"        // the endpoint acknowledges what was not seen to arrive: the record has a hole
	BadHalf     Name = "half-open"     // it fits no connection here; section 3.5.1
)

// A Violation is an input that RFC 9293 does not expect in the state.
type Violation struct {
	Name    Name
	Event   uint64
	State   probes.State
	Text    string // English, technical
	Section string
}

// A Machine runs the state machine for one endpoint. The zero Machine is not
// ready for use; see New. It is not safe for concurrent use.
type Machine struct {
	role  Role
	state probes.State
	now   probes.Mono

	iss, una, nxt uint32 // ISS, SND.UNA, SND.NXT
	sending       bool   // they are known
	finSent       bool
	finEnd        uint32 // what acknowledges our FIN
	scale         uint8  // our window scale plus 1, 0 if we offered none
	peerScales    bool

	irs       uint32
	receiving bool // irs and in are known
	in        inbox
	right     uint32 // right edge of the window that we offered
	finSeen   bool
	peerEnd   uint32 // RCV.NXT after the peer's FIN
	peerFIN   Input
	gotFIN    bool // the peer's FIN was acted on

	syn      *Input       // in LISTEN: a SYN that has no answer yet
	closing  uint64       // the call that closed our direction
	opening  uint64       // the call that opened the connection
	taken    []Transition // by the input at hand
	broken   []Violation  // likewise
	aborting bool         // SO_LINGER is 0: close is ABORT
	closed   bool         // the user has closed, and takes no more
}

// New returns a machine in the role's first state.
func New(role Role) *Machine {
	m := &Machine{role: role}
	switch role {
	case Active:
		m.state = probes.Closed
	case Passive:
		m.state = probes.Listen
	case Resumed:
		m.state = probes.Established
	}
	return m
}

// State returns the state that the endpoint is in.
func (m *Machine) State() probes.State { return m.state }

// Step takes in what happened next, in the order of [Order], and returns the
// edges that it took, in order, and what the RFC did not expect. One segment
// may take several edges: an ACK of our FIN that carries the peer's FIN leads
// from FIN-WAIT-1 through FIN-WAIT-2 to TIME-WAIT. The slices are the
// caller's.
func (m *Machine) Step(in Input) ([]Transition, []Violation) {
	m.taken, m.broken = nil, nil
	m.now = max(m.now, in.Time)
	switch {
	case in.Kind == Sent && in.Segment != nil:
		m.send(in)
	case in.Kind == Received && in.Segment != nil:
		m.receive(in)
	case in.Kind == Called && in.Call != nil:
		m.call(in)
	}
	return m.taken, m.broken
}

// Run orders the inputs and runs a machine over them.
func Run(role Role, inputs []Input) (*Machine, []Transition, []Violation) {
	m := New(role)
	var all []Transition
	var broken []Violation
	for _, in := range Order(inputs) {
		t, v := m.Step(in)
		all, broken = append(all, t...), append(broken, v...)
	}
	return m, all, broken
}

// take follows the edge for an event. A missing edge is a mistake in this
// package; it is reported, not followed.
func (m *Machine) take(event Event, to probes.State, cause Input, with ...uint64) {
	e, ok := Find(m.state, event, to)
	if !ok || e.Untaken != "" {
		m.violate(Outside, cause, "", "no edge for %s to %s", event, to)
		return
	}
	t := Transition{Edge: e, Time: m.now, Cause: cause}
	for _, w := range with {
		if w != 0 {
			t.With = append(t.With, w)
		}
	}
	m.state = to
	m.taken = append(m.taken, t)
}

func (m *Machine) violate(name Name, in Input, section, format string, args ...any) {
	m.broken = append(m.broken, Violation{
		Name: name, Event: in.Event, State: m.state, Section: section, Text: fmt.Sprintf(format, args...),
	})
}

// window returns the right edge of what may be received, exclusive of nothing:
// a segment that begins at it still fits, as a zero window takes ACKs and FINs.
func (m *Machine) window() uint32 {
	if m.right == 0 || before(m.right, m.in.next) {
		return m.in.next + 1<<16
	}
	return m.right
}
