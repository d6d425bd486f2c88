package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// A Span is the time for which the kernel kept an endpoint as one kind of
// object: a request socket, a full socket, a mini-socket. It is another thing
// than the state: FIN-WAIT-2 may begin in a full socket and last in a
// mini-socket.
type Span struct {
	Object      probes.Object
	From, Until probes.Mono // Until is 0 where nobody saw it end
	End         Ending      // why it ended, as far as that is known
	Teardown    bool        // it began after the window
	Witnesses   []Witness   // one for each source
}

// An Ending says what ended an object of the kernel.
type Ending string

// The endings.
const (
	BecameChild   Ending = "child"       // of a request: the third segment came
	HandedOver    Ending = "handed-over" // of a full socket: a mini-socket took its place
	WentClosed    Ending = "closed"      // of a full socket: CLOSED, and nothing is left
	RanOut        Ending = "expired"     // its time was over
	ByReset       Ending = "reset"       // a RST came, or was sent
	ByNewSYN      Ending = "syn"         // a new SYN took the place, or had another number
	WithListener  Ending = "listener"    // of a request: nobody listens any more
	WithNamespace Ending = "namespace"   // its node was taken down
)

// A Told is what the kernel told of an endpoint beside its states. Where it is
// of a class that is empty, nothing was told: see [probes.Header.Probes] for
// what was not recorded.
type Told struct {
	Objects []Span          // in the order of their beginning
	Resets  []Reset         // that it sent, and that ended it, in the order of time
	Resent  []*probes.Event // segments that it sent again, by the kernel's word
	Faults  []*probes.Event // errors that its socket was given
	Drops   []*probes.Event // segments for it that TCP threw away
	Tally   *probes.Event   // what its full socket had done; nil if nobody told
}

// tell gathers what the kernel told of a lane.
func (b *builder) tell(l *lane) {
	l.Objects = b.objects(l)
	for _, e := range l.events {
		switch e.Kind {
		case probes.KindResent:
			l.Resent = append(l.Resent, e)
		case probes.KindFault:
			l.Faults = append(l.Faults, e)
		case probes.KindDrop:
			l.Drops = append(l.Drops, e)
		case probes.KindTally: // that of kernel events is exact, and there first
			if l.Tally == nil || l.Tally.Source != probes.BPF {
				l.Tally = e
			}
		}
	}
}

// objects says what the kernel kept for an endpoint, and when.
func (b *builder) objects(l *lane) []Span {
	var list []Span
	span := func(object probes.Object, e *probes.Event) *Span {
		i := slices.IndexFunc(list, func(s Span) bool { return s.Object == object })
		if i < 0 {
			i = len(list)
			list = append(list, Span{Object: object, From: e.Time, Teardown: b.teardown(e.Time)})
		}
		list[i].Witnesses = addWitness(list[i].Witnesses, Witness{Source: e.Source, Grade: grade(e), Event: e.Seq, Time: e.Time})
		return &list[i]
	}
	for _, e := range l.events { // in the order of time
		switch e.Kind {
		case probes.KindState:
			if e.Grade == probes.RecordedMini || e.Old == e.New || e.Source.Class() != probes.KernelEvents {
				continue
			}
			if s := span(probes.FullObject, e); e.New == probes.Closed {
				s.Until = e.Time
			}
		case probes.KindLife:
			if s := span(e.Life.Object, e); over(e.Life) {
				s.Until, s.End = e.Time, b.ended(l, e)
			}
		case probes.KindSample:
			switch {
			case e.Sample.Object == probes.ListenerObject || e.New == probes.Closed && !e.Sample.Gone:
			case !e.Sample.Gone:
				span(e.Sample.Object, e)
			default:
				if s := span(e.Sample.Object, e); s.Until == 0 {
					s.Until = e.Time
				}
			}
		}
	}
	slices.SortStableFunc(list, func(x, y Span) int { return cmp.Compare(x.From, y.From) })
	mini := slices.ContainsFunc(list, func(s Span) bool { return s.Object == probes.MiniObject })
	for i := range list {
		if s := &list[i]; s.Object == probes.FullObject && s.Until != 0 {
			if s.End = WentClosed; mini {
				s.End = HandedOver
			}
		}
	}
	return list
}

// ended says what ended a mini-socket.
func (b *builder) ended(l *lane, e *probes.Event) Ending {
	syn, rst := l.received(e.Time, probes.SYN), l.received(e.Time, probes.RST)
	switch request := e.Life.Object == probes.RequestObject; {
	case request && l.child() != nil:
		return BecameChild
	case e.Life.Stage == probes.Expired:
		return RanOut
	case rst, l.sentReset(e.Time):
		return ByReset
	case syn, b.reopened(l, e.Time):
		return ByNewSYN
	case request && b.unlistened(l, e.Time):
		return WithListener
	case b.teardown(e.Time):
		return WithNamespace
	}
	return ""
}

// received reports whether a segment with a flag had come shortly before a
// time.
func (l *lane) received(at probes.Mono, flag probes.Flags) bool {
	return slices.ContainsFunc(l.inputs, func(in rfc9293.Input) bool {
		return in.Kind == rfc9293.Received && in.Segment.Flags.Has(flag) && in.Time <= at+slack && in.Time >= at-near
	})
}

// sentReset reports whether the kernel sent a RST for a lane about a time.
func (l *lane) sentReset(at probes.Mono) bool {
	return slices.ContainsFunc(l.events, func(e *probes.Event) bool {
		return e.Kind == probes.KindReset && e.Reset.Dir == probes.Out && e.Time <= at+near && e.Time >= at-near
	})
}

// reopened reports whether another connection with the addresses and ports of
// a lane's began about a time.
func (b *builder) reopened(l *lane, at probes.Mono) bool {
	t := b.tuples[l.flow&^1]
	return t != nil && slices.ContainsFunc(t.incarnations, func(inc *incarnation) bool {
		return inc != l.inc && inc.start <= at+slack && inc.start >= at-near
	})
}

// over reports whether a moment of a mini-socket's life is its last.
func over(l *probes.Life) bool { return l.Stage == probes.Expired || l.Stage == probes.Ended }

// elsewhere reports whether an event with the cookie of a listener is about
// one of its connections: the segment that it speaks of says which.
func elsewhere(e *probes.Event) bool {
	switch e.Kind {
	case probes.KindReset, probes.KindDrop, probes.KindResent:
		return e.Old == probes.Listen && e.Flow.Complete()
	}
	return false
}
