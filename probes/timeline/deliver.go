package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// A tap is before the firewall of its node: what arrived there may never have
// come to TCP. Nothing on the wire says so at once, but what the endpoint does
// later may: it does not acknowledge what then comes again, sends again what
// was acknowledged, or goes on after a RST. The model is not told of such
// segments; of others it cannot be known.
//
// An endpoint that is silent may as well have been muted: its firewall drops
// what it sends before the tap. Then the model is not whole.

// patience is how long an endpoint may take to act on a segment: less than
// the 200 ms after which Linux sends again at the earliest (TCP_RTO_MIN), more
// than the 40 ms for which it may hold back an ACK (TCP_DELACK_MIN).
const patience probes.Mono = 100e6

// maxScan bounds how far one segment's fate is followed.
const maxScan = 4096

// A fate is what became of segments that arrived, by their events: true where
// they were dropped, false where they may have been.
type fate map[uint64]bool

// delivered returns the inputs without those that did not come to TCP, or may
// not have, and marks the segments that they were.
func (b *builder) delivered(l *lane) []rfc9293.Input {
	if !slices.ContainsFunc(l.inc.conn.Segments, func(s *Segment) bool { return s.Retransmission || s.Flags.Has(probes.RST) }) {
		return l.inputs // nothing was repeated, nothing ended early
	}
	list := slices.Clone(l.inputs)
	slices.SortStableFunc(list, func(x, y rfc9293.Input) int { return cmp.Compare(x.Time, y.Time) })
	dropped := make(fate)
	ignored(list, dropped)
	unheard(list, dropped)
	unanswered(list, dropped)
	if len(dropped) == 0 {
		return l.inputs
	}
	var events []uint64
	for _, s := range l.inc.conn.Segments {
		last := s.Taps[len(s.Taps)-1]
		sure, suspect := dropped[last.Event]
		if s.Undelivered = sure; suspect {
			events = append(events, last.Event)
			l.unclear = l.unclear || !sure
		}
	}
	b.note(l, NotDelivered, events...)
	return slices.DeleteFunc(list, func(in rfc9293.Input) bool { _, suspect := dropped[in.Event]; return suspect })
}

// occupies reports whether a segment is part of the stream.
func occupies(s *probes.Segment) bool { return s.Len > 0 || s.Flags&(probes.SYN|probes.FIN) != 0 }

// ignored finds what arrived, was not acknowledged in time, and came again.
func ignored(list []rfc9293.Input, dropped fate) {
	copies := make(map[uint32][]int) // by sequence number
	for i, in := range list {
		if in.Kind == rfc9293.Received && occupies(in.Segment) && !in.Segment.Flags.Has(probes.RST) {
			copies[in.Segment.Seq] = append(copies[in.Segment.Seq], i)
		}
	}
	for _, at := range copies {
		if len(at) == 1 {
			continue
		}
		all := true
		for k, i := range at {
			answer := acknowledged(list, i)
			last := k+1 == len(at)
			switch {
			case last && answer < 0 && all, !last && ignoredUntil(list, i, answer, list[at[k+1]]):
				dropped[list[i].Event] = echoes(list, i, answer) || heedless(list, i)
			default:
				all = false
			}
		}
	}
}

// heedless reports whether the endpoint of the segment at i spoke long after
// it, and did not acknowledge it.
func heedless(list []rfc9293.Input, i int) bool {
	end := space(list[i].Segment)
	for k := i + 1; k < min(len(list), i+maxScan); k++ {
		s := list[k].Segment
		if list[k].Kind == rfc9293.Sent && list[k].Time-list[i].Time >= patience && s.Flags.Has(probes.ACK) {
			return before(s.Ack, end)
		}
	}
	return false
}

// acknowledged returns the index of the first segment that acknowledges all
// of that at i, -1 if there is none.
func acknowledged(list []rfc9293.Input, i int) int {
	end := space(list[i].Segment)
	for k := i + 1; k < min(len(list), i+maxScan); k++ {
		s := list[k].Segment
		if list[k].Kind == rfc9293.Sent && s.Flags.Has(probes.ACK) && !before(s.Ack, end) {
			return k
		}
	}
	return -1
}

// ignoredUntil reports whether the segment at i had no effect that is seen
// before its next copy came: no ACK was sent, and the first that was does not
// say that it is about this one.
func ignoredUntil(list []rfc9293.Input, i, answer int, next rfc9293.Input) bool {
	in := list[i]
	switch {
	case next.Time-in.Time < patience:
		return false
	case answer < 0:
		return true
	case list[answer].Time < next.Time:
		return false
	}
	ecr := list[answer].Segment.TSEcr
	return ecr == 0 || in.Segment.TSVal == 0 || before(in.Segment.TSVal, ecr)
}

// echoes reports whether the answer to the segment at i echoes a timestamp
// (RFC 7323 section 4.3) that only a later copy bore: TCP saw that one first.
func echoes(list []rfc9293.Input, i, answer int) bool {
	if answer < 0 {
		return false
	}
	ecr, val := list[answer].Segment.TSEcr, list[i].Segment.TSVal
	return ecr != 0 && val != 0 && before(val, ecr)
}

// unheard finds ACKs after which the endpoint sends again what they
// acknowledge, and RSTs after which it sends at all.
func unheard(list []rfc9293.Input, dropped fate) {
	var edge uint32
	var arrived []int // what the endpoint had time to act on
	var limits bounds
	known, next := false, 0
	for _, in := range list {
		if in.Kind != rfc9293.Sent || in.Segment.Flags.Has(probes.RST) {
			continue
		}
		for ; next < len(list) && in.Time-list[next].Time >= patience; next++ {
			r := list[next]
			if r.Kind == rfc9293.Received && !(r.Segment.Flags.Has(probes.RST) && limits.outside(r.Segment.Seq)) {
				arrived = append(arrived, next)
			}
			limits.learn(r)
		}
		end := space(in.Segment)
		again := known && occupies(in.Segment) && !before(edge, end)
		if !known || before(edge, end) {
			edge, known = end, true
		}
		for _, k := range slices.Backward(arrived[max(0, len(arrived)-maxScan):]) {
			r := list[k].Segment
			reset := r.Flags.Has(probes.RST)
			if !reset && (!again || !r.Flags.Has(probes.ACK) || before(r.Ack, end)) {
				break
			}
			if reset || !occupies(r) || acknowledged(list, k) < 0 {
				dropped[list[k].Event] = true
			}
		}
	}
}

// A bounds is between which numbers a RST resets an endpoint: others do
// nothing (RFC 5961 section 3.2), and that it goes on after those says nothing.
type bounds struct {
	acked, end  uint32 // what it had acknowledged, and the end of all that it was sent
	acks, known bool
}

// learn takes in what happened next.
func (b *bounds) learn(in rfc9293.Input) {
	switch s := in.Segment; {
	case in.Kind == rfc9293.Sent && s.Flags.Has(probes.ACK):
		b.acked, b.acks = s.Ack, true
	case in.Kind == rfc9293.Received && !s.Flags.Has(probes.RST) && (!b.known || before(b.end, space(s))):
		b.end, b.known = space(s), true
	}
}

// outside reports whether a RST with the number resets nothing.
func (b *bounds) outside(seq uint32) bool {
	return b.acks && (before(seq, b.acked) || b.known && before(b.end, seq))
}

// unanswered finds ACKs at the end of the record that say what earlier ones
// said, which were dropped: it ends before the endpoint could show that these
// were, too.
func unanswered(list []rfc9293.Input, dropped fate) {
	said := make(map[uint32]bool) // by those that were dropped
	for _, in := range list {
		if in.Kind != rfc9293.Received || occupies(in.Segment) || in.Segment.Flags.Has(probes.RST) {
			continue
		}
		if dropped[in.Event] {
			said[in.Segment.Ack] = true
		}
	}
	for _, in := range slices.Backward(list) {
		if in.Kind == rfc9293.Sent || len(said) == 0 {
			break
		}
		if in.Kind == rfc9293.Received && !occupies(in.Segment) && said[in.Segment.Ack] && !dropped[in.Event] {
			dropped[in.Event] = false
		}
	}
}
