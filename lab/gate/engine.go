package gate

import (
	"bytes"
	"container/heap"
	"errors"
	"slices"

	"netlab/probes"
	"netlab/scenarios"
)

// Bounds of what waits at a gate.
const (
	maxWaiting      = 10_000
	maxWaitingBytes = 64 << 20
)

// A frame is a frame at the gate.
type frame struct {
	id     uint64
	end    int // that it came from
	since  probes.Mono
	header header
	data   []byte
	owned  bool // data is the frame's own; else it is gone after the next flush
	// doubled says that it is the copy that an impairment here has made.
	doubled bool

	flow               *flow // nil unless TCP
	seq, ack           uint32
	seqKnown, ackKnown bool // relative to SYNs that were seen

	stay
}

// A stay is what is to be known of a frame that waits; zero of others.
type stay struct {
	rule  *rule       // what keeps it; nil for lockstep, the hand, and impairments
	why   string      // the rule's name, or what stands for one
	kept  probes.Mono // since when
	left  int         // of reorder: frames that are to pass before it
	due   probes.Mono // when it goes on by itself, unless 0
	index int         // in the heap of those that are due
	then  stage       // what follows when the observers have looked, or when due

	copies int // repetitions that came while it was held
	// What has let it go, and what is to be told of that, while it still waits
	// for the observers.
	freed string
	deed  probes.Deed
	again int // copies that are to follow it
}

// A stage is where a frame goes next.
type stage uint8

// The stages.
const (
	thenEnter stage = iota // it has just come
	thenJudge              // the rules have yet to see it
	thenGo                 // out
)

// A sending is a frame that goes out.
type sending struct {
	id   uint64
	end  int // that it came from
	data []byte
}

// An engine decides what becomes of frames. The caller gives it frames and
// commands with the time, and then sends what is in out, in that order, tells
// what is in events, and calls flushed.
type engine struct {
	link     string
	ends     [2]string
	impair   [2]*impairment
	lockstep bool // TCP frames wait until step is called
	all      bool // TCP frames that no rule takes are held

	rules   []*rule // all that ever were, in the order in which they were given
	flows   flows
	next    uint64                // number of the next frame
	waiting []*frame              // in the order of their coming
	bytes   int                   // of those
	aside   int                   // of those: until others have passed
	repeats map[repetition]*frame // of those: what a repetition is merged with
	looking []*frame              // of those: for the observers, in this order
	due     dueHeap               // of those, and what impairments delay
	scratch frame

	out    []sending
	events []probes.Event
	news   bool // something changed that others may wait for

	came, passed, octets [2]uint64 // frames by the end that they came from; bytes that passed
	impaired             int       // frames that impairments delay
	impairedBytes        int
}

// A repetition is what is the same in all copies of a segment.
type repetition struct {
	flow  probes.Flow
	end   int
	seq   uint32
	len   int
	flags probes.Flags
}

// newEngine makes the engine of a gate.
func newEngine(cfg *Config) *engine {
	e := &engine{
		link: cfg.Link, ends: cfg.Ends, lockstep: cfg.Lockstep != nil, all: cfg.HoldAll,
		flows: newFlows(), repeats: map[repetition]*frame{},
	}
	for i, spec := range cfg.Impair {
		e.impair[i] = newImpairment(spec, cfg.Seed, cfg.Link, i)
	}
	return e
}

// flushed is done with what went out and what was told.
func (e *engine) flushed() {
	clear(e.out)
	clear(e.events)
	e.out, e.events = e.out[:0], e.events[:0]
}

// arrive takes a frame that came from an end. data is kept until flushed, and
// may be changed.
func (e *engine) arrive(now probes.Mono, end int, data []byte) {
	e.came[end]++
	e.next++
	f := &e.scratch
	f.id, f.end, f.since, f.data, f.owned, f.doubled = e.next, end, now, data, false, false
	f.flow, f.seq, f.ack, f.seqKnown, f.ackKnown = nil, 0, 0, false, false
	f.stay = stay{}
	f.header.parse(data)
	if i := e.impair[end]; i != nil {
		e.worsen(now, i, f)
		return
	}
	e.enter(now, f)
}

// enter takes a frame as the link brings it.
func (e *engine) enter(now probes.Mono, f *frame) {
	if f.header.kind != kindTCP {
		e.judge(now, f)
		return
	}
	e.track(f)
	if e.merge(now, f) || e.answered(now, f) {
		return
	}
	if e.lockstep {
		e.look(now, f, thenJudge)
		return
	}
	e.judge(now, f)
}

// track learns from a segment.
func (e *engine) track(f *frame) {
	s := &f.header.Segment
	f.flow = e.flows.get(f.header.Flow)
	f.flow.came(f.end, s, f.data[:f.header.link])
	e.number(f, f.flow)
}

// number counts a segment's numbers from the SYNs of its connection.
func (e *engine) number(f *frame, of *flow) {
	s := &f.header.Segment
	f.seq, f.ack, f.seqKnown, f.ackKnown = s.Seq, s.Ack, of.known, false
	if of.known {
		f.seq -= of.isn
	}
	if s.Flags.Has(probes.ACK) && of.peer.known {
		f.ack, f.ackKnown = s.Ack-of.peer.isn, true
	}
}

// merge drops a repetition of a segment that waits, and reports whether it did.
// One that was not sent again, but doubled on the way, is none.
func (e *engine) merge(now probes.Mono, f *frame) bool {
	first := e.repeats[f.repetition()]
	if first == nil || f.doubled || !bytes.Equal(first.header.payload(first.data), f.header.payload(f.data)) ||
		f.header.Segment.IPID != 0 && bytes.Equal(first.data, f.data) {
		return false // who numbers packets gives what is sent again another number
	}
	first.copies++
	e.news = true
	ev := e.event(now, probes.Merged, f, first.why)
	ev.Gate.Frame, ev.Gate.Copies = first.id, first.copies
	e.tell(ev)
	return true
}

func (f *frame) repetition() repetition {
	s := &f.header.Segment
	same := probes.SYN | probes.FIN
	if s.Flags.Has(probes.SYN) {
		// The SYN+ACK of a simultaneous open is no repetition of the SYN
		// before it (RFC 9293 figure 7).
		same |= probes.ACK
	}
	return repetition{flow: f.header.Flow, end: f.end, seq: s.Seq, len: s.Len, flags: s.Flags & same}
}

// judge lets the rules decide.
func (e *engine) judge(now probes.Mono, f *frame) {
	var over []*rule
	for _, r := range e.rules {
		if r.until != nil && !r.over && r.until.takes(f, false) {
			r.end()
			e.news = true
			over = append(over, r)
		}
	}
	e.act(now, e.choose(now, f), f)
	for _, r := range over {
		e.releaseAll(now, r)
	}
}

// choose returns the rule that acts on f: of those that match the one that was
// given last, or nil. Every watch that matches counts, and none decides.
func (e *engine) choose(now probes.Mono, f *frame) *rule {
	var chosen *rule
	for i := len(e.rules) - 1; i >= 0; i-- {
		r := e.rules[i]
		if r.ended {
			r.miss(f)
			continue
		}
		if !r.takes(f, e.busy(r, f.end)) {
			continue
		}
		if r.does != watch {
			if chosen != nil {
				r.hide(chosen)
				continue
			}
			chosen = r
		}
		r.acted()
		e.news = true
		if r.does == watch && r.matched == 1 {
			e.tellFirst(now, f, r)
		}
	}
	return chosen
}

// busy reports whether a reorder rule has a frame waiting that came from end.
func (e *engine) busy(r *rule, end int) bool {
	return r.does == reorder && e.aside > 0 &&
		slices.ContainsFunc(e.waiting, func(f *frame) bool { return f.rule == r && f.end == end })
}

// act does what a rule says; nil stands for no rule.
func (e *engine) act(now probes.Mono, r *rule, f *frame) {
	if r == nil {
		if e.all && f.header.kind == kindTCP {
			e.keep(now, probes.Held, nil, probes.ByHand, f)
			return
		}
		e.pass(now, f)
		return
	}
	switch r.does {
	case hold:
		e.keep(now, probes.Held, r, r.name, f)
	case drop:
		e.tell(e.event(now, probes.Dropped, f, r.name))
	case duplicate:
		ev := e.event(now, probes.Duplicated, f, r.name)
		ev.Gate.Copies = r.copies
		e.tell(ev)
		e.copies(now, f, 1+r.copies)
	case reorder:
		f.left = r.after
		e.keep(now, probes.Reordered, r, r.name, f)
	case delay:
		f.due, f.then = now+probes.Mono(r.by), thenGo
		e.keep(now, probes.Delayed, r, r.name, f)
	case corrupt:
		ev := e.event(now, probes.Corrupted, f, r.name)
		if ev.Gate.What = string(scenarios.KeepChecksum); r.fix {
			ev.Gate.What = string(scenarios.FixChecksum)
		}
		e.tell(ev)
		corruptByte(f.data, &f.header, r.octet, r.fix)
		e.pass(now, f)
	}
}

// pass sends a frame on.
func (e *engine) pass(now probes.Mono, f *frame) { e.copies(now, f, 1) }

// copies sends a frame on n times, and behind it what waited for it to pass.
func (e *engine) copies(now probes.Mono, f *frame, n int) {
	for range n {
		e.out = append(e.out, sending{id: f.id, end: f.end, data: f.data})
	}
	if f.flow != nil {
		f.flow.went(&f.header.Segment)
	}
	e.overtake(now, f)
}

// overtake lets those go on that waited until f, or so many, had passed before
// them. What has nothing to do with them does not count: frames of other kinds
// come when they like.
func (e *engine) overtake(now probes.Mono, f *frame) {
	if e.aside == 0 {
		return
	}
	var overtaken []*frame
	for _, w := range e.waiting {
		if w.left > 0 && w.end == f.end && w.header.kind == f.header.kind {
			if w.left--; w.left == 0 {
				overtaken = append(overtaken, w)
				e.aside--
			}
		}
	}
	for _, w := range overtaken {
		e.remove(w)
		e.goOn(now, w)
	}
}

// advance lets go on what is due.
func (e *engine) advance(now probes.Mono) {
	for len(e.due) > 0 && e.due[0].due <= now {
		f := heap.Pop(&e.due).(*frame)
		f.due = 0
		if f.then == thenEnter {
			e.impair[f.end].queued--
			e.impaired--
			e.impairedBytes -= len(f.data)
			e.enter(now, f)
			continue
		}
		e.remove(f)
		e.goOn(now, f)
	}
}

// wakeAt returns when advance is to be called next; 0 for never.
func (e *engine) wakeAt() probes.Mono {
	if len(e.due) == 0 {
		return 0
	}
	return e.due[0].due
}

// addRule adds a rule of a step.
func (e *engine) addRule(name string, s *scenarios.Step) error {
	if e.rule(name) != nil {
		return errors.New("there is a rule of that name")
	}
	r, err := newRule(name, s, e.ends)
	if err != nil {
		return err
	}
	e.rules = append(e.rules, r)
	return nil
}

// rule returns the rule with that name, nil if there never was one.
func (e *engine) rule(name string) *rule {
	for _, r := range e.rules {
		if r.name == name {
			return r
		}
	}
	return nil
}
