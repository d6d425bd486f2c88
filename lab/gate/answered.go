package gate

import "netlab/probes"

// answered drops a segment that is sent again only because the gate keeps what
// acknowledges it, where everything is let on by hand: time is to stand still
// there, and nobody would have sent it. It reports whether it did. The timer of a SYN, which nothing raises, is one
// second; a person reads for longer.
func (e *engine) answered(now probes.Mono, f *frame) bool {
	s := &f.header.Segment
	after := s.Seq + space(s)
	if !e.all || after == s.Seq || s.Flags.Has(probes.RST) || !f.flow.passed || int32(after-f.flow.got) > 0 {
		return false
	}
	back := f.header.Flow.Reverse()
	for _, w := range e.waiting {
		a := &w.header.Segment
		if both := probes.SYN | probes.ACK; s.Flags.Has(both) && a.Flags.Has(both) {
			continue // ends that open at once: each has sent SYN before (RFC 9293 figure 7)
		}
		if w.end == f.end || w.header.Flow != back || !a.Flags.Has(probes.ACK) || int32(a.Ack-after) < 0 {
			continue
		}
		e.tell(e.event(now, probes.Merged, f, probes.ByHand))
		e.news = true
		return true
	}
	return false
}
