package timeline

import (
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// This file explains disagreements by what is beyond an endpoint: its node's
// counters, its interface, middleboxes.

// counted returns the moves of counters of a node that may lie between two
// times.
func (b *builder) counted(node string, from, to probes.Mono, names ...string) []uint64 {
	var list []uint64
	for _, e := range b.counters {
		if e.Node == node && e.Counter.Delta > 0 && e.Time >= from && e.Counter.Since <= to && slices.Contains(names, e.Counter.Name) {
			list = append(list, e.Seq)
		}
	}
	return list
}

// cookies reports whether an acceptor's SYN may have been answered by a cookie:
// nothing is kept of it then.
func (b *builder) cookies(l *lane) bool {
	syn := l.first(func(in *rfc9293.Input) bool { return in.Kind == rfc9293.Received && in.Segment.Flags.Has(probes.SYN) })
	return syn != nil && len(b.counted(l.Node, syn.Time, syn.Time+near, "SyncookiesSent")) > 0
}

// noteOverflow notes a SYN to a listener that was neither answered nor refused:
// its queue was full. No event tells of it (the segment is freed as if it had
// been used), only counters do.
func (b *builder) noteOverflow(l *lane) {
	for _, in := range l.inputs {
		switch {
		case in.Kind != rfc9293.Received || in.Segment.Flags&(probes.SYN|probes.ACK) != probes.SYN || b.teardown(in.Time):
			continue
		case slices.ContainsFunc(l.Drops, func(e *probes.Event) bool { return e.Drop.Seq == in.Segment.Seq && e.Drop.Flags.Has(probes.SYN) }):
			continue // told of, with its reason
		case l.first(func(x *rfc9293.Input) bool {
			return x.Kind == rfc9293.Sent && x.Time >= in.Time && x.Time <= in.Time+patience
		}) != nil:
			continue
		}
		if moved := b.counted(l.Node, in.Time-near, in.Time+near, "ListenOverflows", "ListenDrops", "TCPReqQFullDrop"); len(moved) > 0 {
			b.note(l, QueueOverflow, append([]uint64{in.Event}, moved...)...)
			return
		}
	}
}

// notKept drops TIME-WAIT from the model of an endpoint whose node had too many
// of them (tcp_max_tw_buckets): the kernel counts that, and keeps none.
func (b *builder) notKept(l *lane, model, kernel []Visit) []Visit {
	n := len(model)
	if n == 0 || model[n-1].State != probes.TimeWait || l.mini || l.died == nil || !b.records(probes.KindLife) {
		return model
	}
	moved := b.counted(l.Node, l.died.Time, l.died.Time, "TCPTimeWaitOverflow")
	if len(moved) == 0 || len(kernel) == 0 || kernel[len(kernel)-1].State != probes.Closed {
		return model
	}
	b.note(l, NotKept, append([]uint64{l.died.Seq}, moved...)...)
	return model[:n-1]
}

// notWaited has CLOSED for the TIME-WAIT of a model whose peer's FIN came when
// nobody waited for it any more: FIN-WAIT-2 of a socket without a program had
// run out (tcp_fin_timeout, TCP_LINGER2), which RFC 9293 does not know. The RST
// that answers shows it on the wire, too.
func (b *builder) notWaited(l *lane, model []Visit) []Visit {
	n := len(model)
	if n == 0 || model[n-1].State != probes.TimeWait {
		return model
	}
	if slices.ContainsFunc(l.events, func(e *probes.Event) bool {
		over := e.Kind == probes.KindLife && e.Life.Stage == probes.Expired && e.Old == probes.FinWait2 ||
			e.Kind == probes.KindSample && e.Sample.Gone && e.New == probes.FinWait2 // listed no more
		return over && e.Time < model[n-1].From
	}) {
		closed := model[n-1]
		closed.State = probes.Closed
		return append(slices.Clone(model[:n-1]), closed)
	}
	return model
}

// overflowed reports whether an acceptor's request ended as there was no room
// for its connection, and a RST said so (tcp_abort_on_overflow): an ABORT, not
// the way back to LISTEN.
func (b *builder) overflowed(l *lane, at probes.Mono) bool {
	sent := func(in *rfc9293.Input) bool {
		return in.Kind == rfc9293.Sent && in.Segment.Flags.Has(probes.RST) && in.Time >= at-near && in.Time <= at+near
	}
	return len(b.counted(l.Node, at-near, at+near, "ListenOverflows")) > 0 && l.first(sent) != nil
}

// notReset drops the CLOSED that a RST brings about in the model of an endpoint
// whose TIME-WAIT the kernel kept all the same: RFC 1337 advises so, and
// tcp_rfc1337 has Linux follow.
func (b *builder) notReset(l *lane, model, kernel []Visit) []Visit {
	n, m := len(model), len(kernel)
	if n == 0 || m == 0 || model[n-1].State != probes.Closed || kernel[m-1].State != probes.TimeWait ||
		!l.Views[probes.KernelEvents].Whole || !b.records(probes.KindLife) {
		return model
	}
	last := l.taken[len(l.taken)-1]
	if last.From != probes.TimeWait || last.Event != rfc9293.RcvRST {
		return model
	}
	b.note(l, ResetIgnored, last.Cause)
	return model[:n-1]
}

// countedGap says what the counters of an endpoint's node tell that the model
// cannot know: that a listener's queue was full and what arrived was dropped, or
// that a TIME-WAIT was not kept. Kernel events say of which endpoint; without
// them it may be any that it fits, and the model's word is not enough.
func (b *builder) countedGap(l *lane) string {
	n := len(l.taken)
	if n == 0 || b.kernelGap(l) == "" {
		return ""
	}
	last := l.taken[n-1]
	if last.To == probes.TimeWait && !l.listedIn(last.To) && len(b.counted(l.Node, l.inc.start-near, last.Time+near, "TCPTimeWaitOverflow")) > 0 {
		return "the node had more TIME-WAITs than it keeps (TCPTimeWaitOverflow)"
	}
	for _, tr := range l.taken { // by the third segment, which a full queue has no room for
		opened := l.passive && tr.From == probes.SynReceived && tr.To == probes.Established
		if opened && len(b.counted(l.Node, tr.Time-near, tr.Time+near, "ListenOverflows", "ListenDrops", "TCPReqQFullDrop")) > 0 {
			return "the queue of a listener was full, and what arrived may have been dropped (ListenOverflows)"
		}
	}
	return ""
}

// listedIn reports whether a look listed the endpoint in a state.
func (l *lane) listedIn(state probes.State) bool {
	return slices.ContainsFunc(l.events, func(e *probes.Event) bool {
		return e.Kind == probes.KindSample && e.New == state && !e.Sample.Gone
	})
}

// defaultMSS is what an end may send that was told nothing: RFC 9293 section
// 3.7.1, IPv4.
const defaultMSS = 536

// noteOffloads notes segments that left an endpoint with a checksum that does
// not fit, or longer than the peer's MSS: the interface was to finish them.
func (b *builder) noteOffloads(l *lane) {
	mss := 0
	for _, in := range l.inputs {
		if in.Kind == rfc9293.Received && in.Segment.Flags.Has(probes.SYN) && !in.Segment.Flags.Has(probes.RST) {
			mss = max(mss, int(in.Segment.MSS), defaultMSS)
		}
	}
	for _, in := range l.inputs {
		if in.Kind == rfc9293.Sent && (in.Segment.BadSum || mss > 0 && in.Segment.Len > mss) {
			b.note(l, Offloaded, in.Event)
			return
		}
	}
}

// trackerStates are the names that conntrack has for states of a connection,
// and those of the RFC of which at least one end is in one.
var trackerStates = map[string][]probes.State{
	"ESTABLISHED": {probes.Established},
	"FIN_WAIT":    {probes.FinWait1, probes.FinWait2},
	"CLOSE_WAIT":  {probes.CloseWait},
	"LAST_ACK":    {probes.LastAck},
	"TIME_WAIT":   {probes.TimeWait},
}

// noteMiddlebox notes where a connection tracker had a state that neither end
// was ever in, or none of one that an end was in: it has one state for both
// ends, and no CLOSING.
func (b *builder) noteMiddlebox(inc *incarnation) {
	var tracked []string
	var events []uint64
	for _, t := range inc.conn.Tracks {
		if t.State != "" {
			tracked, events = append(tracked, t.State), append(events, t.Event)
		}
	}
	if len(tracked) == 0 {
		return
	}
	been := func(states ...probes.State) bool {
		return slices.ContainsFunc(states, func(s probes.State) bool {
			return find(inc.lanes[0].History, s) != nil || find(inc.lanes[1].History, s) != nil
		})
	}
	differs := been(probes.Closing)
	for _, name := range tracked {
		if states, ok := trackerStates[name]; ok {
			differs = differs || !been(states...)
		}
	}
	over := slices.Contains(tracked, "LAST_ACK") || slices.Contains(tracked, "TIME_WAIT")
	if differs || over && been(probes.CloseWait) && !slices.Contains(tracked, "CLOSE_WAIT") {
		b.note(inc.lanes[0], Middlebox, events...)
	}
}
