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
	// Event is what took it there, by the model's word, or by the kernel's where
	// the model has none, or sees no more than a RST that leaves. It is "" where
	// nobody tells.
	Event rfc9293.Event
	Time  probes.Mono
	Seen  []Witness // of the state that it led to; one for each class that confirms the edge, best grade first
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
	told := 0 // of the model's transitions, those before
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
			edge.Event, told = l.modelEvent(edge.From, edge.To, told)
			// A RST that leaves is an ABORT to the model, even if a timer sent it.
			kernel := l.kernelEvent(&edge)
			if edge.Event == "" || edge.Event == rfc9293.Abort && kernel == rfc9293.UserTimeout {
				edge.Event = kernel
			}
		}
		edge.Event = cmp.Or(edge.Event, onlyEvent(edge.From, edge.To))
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

// modelEvent returns what the model says took the endpoint from one state to
// another, with how many of its transitions are told then. skip of them are
// told already: a path may come by the same edge twice.
func (l *lane) modelEvent(from, to probes.State, skip int) (rfc9293.Event, int) {
	for i := skip; i < len(l.taken); i++ {
		if tr := l.taken[i]; tr.From == from && tr.To == to {
			return tr.Event, i + 1
		}
	}
	return "", skip
}

// kernelEvent returns what the kernel says ended an endpoint, "" if it does
// not say. A FIN-WAIT-2 that nobody holds ends by a timer that the RFC does not
// have (tcp_fin_timeout); its user timeout, "for any state", is what comes
// nearest.
func (l *lane) kernelEvent(edge *Edge) rfc9293.Event {
	if edge.To != probes.Closed {
		return ""
	}
	about := func(at probes.Mono) bool { return max(at, edge.Time)-min(at, edge.Time) <= near }
	if edge.From == probes.TimeWait {
		return l.lastOf(about)
	}
	for _, r := range l.Resets {
		switch {
		case r.Event == 0 || !about(r.Time) || r.Cause == NoRST || r.Cause == NoConnection || r.Cause == NobodyListens:
		case r.Dir == probes.In:
			return rfc9293.RcvRST
		case r.Cause == Unanswered || r.Cause == TimedOut:
			return rfc9293.UserTimeout
		default:
			return rfc9293.Abort
		}
	}
	for _, e := range l.events {
		switch {
		case !about(e.Time):
		case e.Kind == probes.KindLife && e.Life.Stage == probes.Expired:
			return rfc9293.UserTimeout
		case e.Kind == probes.KindFault:
			if event := faulted(edge.From, e.Fault.Errno); event != "" {
				return event
			}
		}
	}
	return ""
}

// lastOf returns what ended a TIME-WAIT, "" if nobody says. What it answers
// with a RST does not end it.
func (l *lane) lastOf(about func(probes.Mono) bool) rfc9293.Event {
	for _, e := range l.events {
		if e.Kind == probes.KindLife && e.Life.Object == probes.MiniObject && e.Life.Stage == probes.Expired && about(e.Time) {
			return rfc9293.TwoMSL
		}
	}
	for _, o := range l.Objects {
		if o.Object == probes.MiniObject && o.End == ByNewSYN {
			return rfc9293.RcvSYN // MAY-2 of section 3.6.1: no edge of this connection
		}
	}
	return ""
}

// faulted returns the event that an error of a socket stands for, "" if it may
// be of another.
func faulted(from probes.State, errno string) rfc9293.Event {
	switch errno {
	case "ETIMEDOUT":
		return rfc9293.UserTimeout
	case "EHOSTUNREACH", "ENETUNREACH":
		if from == probes.SynSent {
			return rfc9293.Unreachable
		}
		return rfc9293.UserTimeout // an ICMP message had come meanwhile: tcp_write_err
	case "ECONNREFUSED":
		return rfc9293.Unreachable // a RST would have been told first
	}
	return ""
}

// onlyEvent returns the event of the only edge between two states, "" if
// there are several or none. To CLOSED lead more ways than the RFC has: a
// socket is destroyed from outside, a namespace ends.
func onlyEvent(from, to probes.State) rfc9293.Event {
	var found rfc9293.Event
	if to == probes.Closed {
		return ""
	}
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
