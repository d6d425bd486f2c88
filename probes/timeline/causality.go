package timeline

import (
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// The kernel's events and the wire are stamped by one clock each, on the one
// machine: what causes another is stamped before it, however long the machine
// then kept it waiting. Measured on an idle one are 1.5 to 51 us from a state
// event to the tap on the way out, and 1.2 to 19 us from the tap on the way in
// to the event. So only the comparison of the two clocks can turn the order
// round: by its width at either reading, and by what the wall clock is slewed
// between two readings (at most 500 ppm of a second, adjtime(3), of which a
// reading each second leaves little).

// slewed is what is allowed beside the width of the clocks' comparison.
const slewed probes.Mono = 200e3 // 200 us

// tolerance is how far the kernel's events and the wire may seem to be in the
// wrong order before it is a contradiction.
func (b *builder) tolerance() probes.Mono { return slewed + 2*b.width }

// judgeTimes holds what the kernel says against what passed the endpoint's own
// tap: what its user brings about is seen before its segment leaves, what a
// segment brings about is seen after it came, and before its answer where the
// kernel answers afterwards.
func (b *builder) judgeTimes(l *lane) {
	if !l.tapped || b.loss(probes.Wire, l.Node) != "" {
		return
	}
	model := l.Views[probes.Model].Visits
	for i, k := range l.told {
		w := k.Witnesses[0]
		if w.Grade == probes.Inferred || k.From == 0 {
			continue
		}
		switch k.State {
		case probes.SynSent:
			b.precedes(l, k, l.firstSent(probes.SYN))
		case probes.FinWait1, probes.LastAck:
			b.precedes(l, k, l.firstSent(probes.FIN))
		}
		m := find(model, k.State)
		if m == nil || i == 0 {
			continue
		}
		if in := l.inputOf(m); in != nil {
			b.follows(l, k, in)
			b.precedes(l, k, l.answering(k, in))
		}
	}
	for i := range l.Resets {
		b.judgeReset(l, &l.Resets[i])
	}
}

// firstSent returns the first segment with a flag that the endpoint sent, nil
// if it sent none.
func (l *lane) firstSent(flag probes.Flags) *rfc9293.Input {
	return l.first(func(in *rfc9293.Input) bool { return in.Kind == rfc9293.Sent && in.Segment.Flags.Has(flag) })
}

// first returns the earliest of the endpoint's segments that fit.
func (l *lane) first(fits func(*rfc9293.Input) bool) *rfc9293.Input {
	var first *rfc9293.Input
	for i := range l.inputs { // not in the order of time
		in := &l.inputs[i]
		if in.Segment != nil && fits(in) && (first == nil || in.Time < first.Time) {
			first = in
		}
	}
	return first
}

// inputOf returns the segment that brought the model to a visit, nil if none
// that came did.
func (l *lane) inputOf(m *Visit) *rfc9293.Input {
	for _, w := range m.Witnesses {
		if w.Source != probes.Wire || w.Filled != 0 {
			continue
		}
		i := slices.IndexFunc(l.inputs, func(in rfc9293.Input) bool { return in.Event == w.Event && in.Kind == rfc9293.Received })
		if i >= 0 {
			return &l.inputs[i]
		}
	}
	return nil
}

// answering returns the first segment that acknowledges what led to a visit, if
// the kernel enters the state before it acknowledges. It acknowledges before
// it enters CLOSING (tcp_fin in net/ipv4/tcp_input.c) and TIME-WAIT.
func (l *lane) answering(k Visit, in *rfc9293.Input) *rfc9293.Input {
	opened := k.State == probes.Established && !l.passive
	if !opened && k.State != probes.CloseWait {
		return nil
	}
	end := space(in.Segment)
	return l.first(func(x *rfc9293.Input) bool {
		return x.Kind == rfc9293.Sent && x.Segment.Flags.Has(probes.ACK) && !before(x.Segment.Ack, end) && x.Time >= in.Time
	})
}

// precedes says that the kernel entered a state before a segment left.
func (b *builder) precedes(l *lane, k Visit, sent *rfc9293.Input) {
	if sent == nil || b.teardown(sent.Time) || k.From <= sent.Time+b.tolerance() {
		return
	}
	w := k.Witnesses[0]
	b.conflict(l, []uint64{w.Event, sent.Event}, "the kernel entered %s (e%d) %s after its segment was sent (e%d)",
		k.State, w.Event, k.From.Sub(sent.Time), sent.Event)
}

// follows says that the kernel entered a state after a segment had come.
func (b *builder) follows(l *lane, k Visit, came *rfc9293.Input) {
	if b.teardown(came.Time) || k.From >= came.Time-b.tolerance() {
		return
	}
	w := k.Witnesses[0]
	b.conflict(l, []uint64{w.Event, came.Event}, "the kernel entered %s (e%d) %s before the segment arrived (e%d)",
		k.State, w.Event, came.Time.Sub(k.From), came.Event)
}

// judgeReset holds the end of a full socket against its RST: it is CLOSED
// first, unless a timer or a third party ends it (tcp_keepalive_timer,
// tcp_abort, tcp_out_of_resources), or it is not known who did.
func (b *builder) judgeReset(l *lane, r *Reset) {
	if r.Dir != probes.Out || r.Segment == nil || l.died == nil || b.teardown(r.Time) {
		return
	}
	switch r.Cause {
	case UnreadData, LingerZero, ListenerClosed:
	default:
		return
	}
	tap := r.Segment.Taps[0]
	if tap.Node == l.Node && l.died.Time > tap.Time+b.tolerance() {
		b.conflict(l, []uint64{l.died.Seq, tap.Event}, "the kernel entered %s (e%d) %s after its RST was sent (e%d)",
			probes.Closed, l.died.Seq, l.died.Time.Sub(tap.Time), tap.Event)
	}
}
