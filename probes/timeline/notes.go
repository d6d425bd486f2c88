package timeline

import (
	"fmt"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// note names a legitimate disagreement about an endpoint.
func (b *builder) note(l *lane, name NoteName, events ...uint64) {
	b.t.Notes = append(b.t.Notes, Note{Endpoint: l.Endpoint, Name: name, Events: events})
}

// conflict says that observers contradict each other about an endpoint.
func (b *builder) conflict(l *lane, events []uint64, format string, args ...any) {
	b.t.Conflicts = append(b.t.Conflicts, Conflict{Endpoint: l.Endpoint, Events: events, Text: fmt.Sprintf(format, args...)})
}

// ordinals returns the events of a visit's witnesses.
func ordinals(visits ...Visit) []uint64 {
	var list []uint64
	for _, v := range visits {
		for _, w := range v.Witnesses {
			list = append(list, w.Event)
		}
	}
	return list
}

// find returns the first visit of a path to a state, nil if there is none.
func find(path []Visit, state probes.State) *Visit {
	for i := range path {
		if path[i].State == state {
			return &path[i]
		}
	}
	return nil
}

// noteTwo notes that one segment led through FIN-WAIT-2 to TIME-WAIT.
func (l *lane) noteTwo(b *builder, taken []rfc9293.Transition, i int) {
	if i > 0 && taken[i].To == probes.TimeWait && taken[i].From == probes.FinWait2 && taken[i-1].Cause.Event == taken[i].Cause.Event {
		b.note(l, NoteTwo, taken[i].Cause.Event)
	}
}

// noteOpening notes what is particular about an acceptor's beginning.
func (b *builder) noteOpening(inc *incarnation) {
	opener, acceptor := inc.lanes[0], inc.lanes[1]
	if !acceptor.passive {
		return
	}
	if v := find(acceptor.History, probes.SynReceived); v != nil {
		b.noteRequest(acceptor, v)
	}
	established := find(opener.History, probes.Established)
	if established == nil || find(acceptor.History, probes.Established) != nil || !inc.syn {
		return
	}
	b.note(acceptor, ThirdACK, ordinals(*established)...)
}

// noteState notes what is particular about what the samplers saw.
func (b *builder) noteState(l *lane) {
	for _, e := range l.events {
		dead := e.Kind == probes.KindSample && e.New == probes.Closed && !e.Sample.Gone
		if dead && find(l.History, probes.TimeWait) != nil {
			b.note(l, DeadSocket, e.Seq)
			break
		}
	}
	seen, all := 0, 0
	for _, v := range l.History {
		if v.State == probes.Closed || v.Teardown {
			continue
		}
		all++
		if v.Seen(probes.KernelState) {
			seen++
		}
	}
	if seen > 0 && seen < all {
		b.note(l, NotSampled, ordinals(l.Views[probes.KernelState].Visits...)...)
	}
}

// noteRequest says what stood for an acceptor in SYN-RECEIVED: a request
// socket, or none where the child came with the SYN (RFC 7413) or a cookie kept
// its place (RFC 4987 section 3.6).
func (b *builder) noteRequest(l *lane, v *Visit) {
	child := l.child()
	switch request := slices.ContainsFunc(l.Objects, func(s Span) bool { return s.Object == probes.RequestObject }); {
	case request || !l.Views[probes.KernelEvents].Whole || !b.records(probes.KindLife):
		b.note(l, RequestSocket, ordinals(*v)...)
	case child == nil:
		b.note(l, SYNCookie, ordinals(*v)...)
	case l.completed(child.Time):
		b.note(l, SYNCookie, child.Seq)
	default:
		b.note(l, FastOpen, child.Seq)
	}
}

// completed reports whether the segment that completes an opening had come by
// a time.
func (l *lane) completed(at probes.Mono) bool {
	return slices.ContainsFunc(l.inputs, func(in rfc9293.Input) bool {
		return in.Kind == rfc9293.Received && in.Segment.Flags&(probes.SYN|probes.ACK) == probes.ACK && in.Time <= at
	})
}

// noteResets notes every RST that arrived and had no effect on its receiver,
// or one that was none on a full socket.
func (b *builder) noteResets(l *lane) {
	effect := make(map[uint64]bool)
	for _, tr := range l.taken {
		effect[tr.Cause] = true
	}
	told := b.records(probes.KindReset) && l.Views[probes.KernelEvents].Whole
	for _, in := range l.inputs {
		if in.Kind != rfc9293.Received || !in.Segment.Flags.Has(probes.RST) {
			continue
		}
		taken := slices.ContainsFunc(l.Resets, func(r Reset) bool {
			return r.Dir == probes.In && r.Segment != nil && r.Segment.Taps[len(r.Segment.Taps)-1].Event == in.Event
		})
		if !effect[in.Event] || told && !taken {
			b.note(l, ResetNoTarget, in.Event)
		}
	}
}

// noteQueued notes a FIN that the kernel held back: FIN-WAIT-1 or LAST-ACK
// began long before it was on the wire, or it never was.
func (b *builder) noteQueued(l *lane) {
	for _, state := range []probes.State{probes.FinWait1, probes.LastAck} {
		k, m := find(l.Views[probes.KernelEvents].Visits, state), find(l.Views[probes.Model].Visits, state)
		if k == nil || !l.tapped {
			continue
		}
		if m == nil && l.Views[probes.Model].Whole || m != nil && m.From-k.From > slack {
			b.note(l, FINQueued, ordinals(*k)...)
		}
	}
}
