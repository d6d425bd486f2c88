package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// An Edge is a way that an endpoint, or a listener, took from one state to
// another within the window, and who confirms it.
//
// An observer class confirms an edge where it saw the endpoint in both states,
// one after the other; the state that an endpoint begins in (CLOSED of an
// opener, LISTEN of an acceptor, and CLOSED of a listener) need not be seen.
type Edge struct {
	From, To probes.State
	Event    rfc9293.Event // what took it there; "" where nobody tells
	Time     probes.Mono
	Seen     []Witness // of the state that it led to; one for each class that confirms the edge, best grade first
}

// Confirmed reports whether a class confirms the edge.
func (e *Edge) Confirmed(class probes.Class) bool {
	return slices.ContainsFunc(e.Seen, func(w Witness) bool { return w.Source.Class() == class })
}

// Edges returns the edges that an endpoint took, in order.
func (t *Timeline) Edges(e *Endpoint) []Edge {
	var l *lane
	if t.oracle != nil {
		l = t.oracle.laneOf(e)
	}
	var list []Edge
	for i, v := range e.History {
		if v.Teardown {
			break
		}
		before := Visit{State: probes.Listen}
		switch {
		case i > 0:
			before = e.History[i-1]
		case v.State != probes.SynReceived:
			continue // an opener's CLOSED, or what was there before the record
		}
		edge := Edge{From: before.State, To: v.State, Time: v.From}
		if l != nil {
			edge.Event = l.eventOf(edge.From, edge.To)
		}
		if edge.Event == "" {
			edge.Event = onlyEvent(edge.From, edge.To)
		}
		for _, class := range []probes.Class{probes.KernelEvents, probes.KernelState, probes.Model} {
			if w, ok := confirms(class, before, v, i < 2); ok {
				edge.Seen = append(edge.Seen, w)
			}
		}
		list = append(list, edge)
	}
	return list
}

// confirms returns the witness of a class for the step from one visit to the
// next. first says that the former may be one that nobody enters.
func confirms(class probes.Class, from, to Visit, first bool) (Witness, bool) {
	began := first && (from.State == probes.Closed || from.State == probes.Listen)
	if !began && !from.Seen(class) {
		return Witness{}, false
	}
	for _, w := range to.Witnesses { // best grade first
		if w.Source.Class() == class && (class == probes.Model || w.Grade != probes.Inferred) {
			return w, true
		}
	}
	return Witness{}, false
}

// laneOf returns the lane of an endpoint, nil if it has none: see number.
func (b *builder) laneOf(e *Endpoint) *lane {
	i := e.Ordinal - 1
	if i < 0 || i/2 >= len(b.all) || b.all[i/2].lanes[i%2].Endpoint != e {
		return nil
	}
	return b.all[i/2].lanes[i%2]
}

// eventOf returns what the model says took the endpoint from one state to
// another; where the model does not know, what the kernel says ended it.
func (l *lane) eventOf(from, to probes.State) rfc9293.Event {
	for _, tr := range l.taken {
		if tr.From == from && tr.To == to {
			return tr.Event
		}
	}
	if to != probes.Closed {
		return ""
	}
	for _, e := range l.events {
		switch {
		case e.Kind == probes.KindReset && e.Reset.Dir == probes.In:
			return rfc9293.RcvRST
		case e.Kind == probes.KindFault && (e.Fault.Errno == "ETIMEDOUT" || e.Fault.Errno == "EHOSTUNREACH"):
			return rfc9293.UserTimeout
		case e.Kind == probes.KindFault && e.Fault.Errno == "ECONNREFUSED":
			return rfc9293.Unreachable
		case e.Kind == probes.KindLife && e.Life.Stage == probes.Expired && from == probes.TimeWait:
			return rfc9293.TwoMSL
		case e.Kind == probes.KindLife && e.Life.Stage == probes.Expired:
			return rfc9293.UserTimeout
		}
	}
	return ""
}

// onlyEvent returns the event of the only edge between two states, "" if
// there are several or none.
func onlyEvent(from, to probes.State) rfc9293.Event {
	var found rfc9293.Event
	for _, e := range rfc9293.Edges() {
		if e.From == from && e.To == to && e.Untaken == "" {
			if found != "" {
				return ""
			}
			found = e.Event
		}
	}
	return found
}

// Edges returns the edges that a listener took: to LISTEN and, where it ended
// within the window, to CLOSED.
func (l *Listener) Edges() []Edge {
	var list []Edge
	if len(l.Witnesses) > 0 {
		list = append(list, Edge{From: probes.Closed, To: probes.Listen, Event: rfc9293.PassiveOpen, Time: l.Witnesses[0].Time, Seen: byClass(l.Witnesses)})
	}
	if len(l.Ended) > 0 {
		list = append(list, Edge{From: probes.Listen, To: probes.Closed, Event: rfc9293.Close, Time: l.Ended[0].Time, Seen: byClass(l.Ended)})
	}
	return list
}

// byClass returns the best witness of each class.
func byClass(all []Witness) []Witness {
	list := slices.Clone(all)
	slices.SortStableFunc(list, func(x, y Witness) int { return cmp.Compare(x.Grade, y.Grade) })
	var out []Witness
	for _, w := range list {
		if !slices.ContainsFunc(out, func(o Witness) bool { return o.Source.Class() == w.Source.Class() }) {
			out = append(out, w)
		}
	}
	return out
}
