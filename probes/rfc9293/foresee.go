package rfc9293

import (
	"slices"

	"netlab/probes"
)

// A Forecast is what RFC 9293 says that a segment does which arrives next.
type Forecast struct {
	From    probes.State // before it arrives
	Taken   []Transition // what it changes, in order
	Answer  probes.Flags // of what it is answered with; 0 if with nothing
	Section string       // of RFC 9293
	Why     string       // English, technical
}

// Foresee says what a segment will do that arrives next: in.Segment, whatever
// in.Kind says. It changes nothing. A SYN that comes to LISTEN is taken to be
// answered, which the user may still refuse.
func (m *Machine) Foresee(in Input) Forecast {
	if in.Segment == nil {
		return Forecast{From: m.state}
	}
	in.Kind = Received
	c := *m
	c.in.ahead = slices.Clone(m.in.ahead)
	taken, _ := c.Step(in)
	if c.state == probes.Listen && c.syn != nil && in.flags()&(probes.SYN|probes.ACK|probes.RST) == probes.SYN {
		c.acceptSYN(0)
		taken = c.taken
	}
	f := m.answer(in.Segment)
	f.From, f.Taken = m.state, taken
	if len(taken) > 0 {
		f.Section, f.Why = taken[0].Section, string(taken[0].Event)
		for _, t := range taken[1:] {
			f.Why += ", " + string(t.Event)
		}
	}
	return f
}

// rst, ack and synAck are what a segment may be answered with.
const (
	rst    = probes.RST
	ack    = probes.ACK
	synAck = probes.SYN | probes.ACK
)

// answer says what a segment is answered with in the state that the machine is
// in, and why if it changes nothing.
func (m *Machine) answer(s *probes.Segment) Forecast {
	switch m.state {
	case probes.Closed:
		if s.Flags.Has(probes.RST) {
			return Forecast{Section: "3.10.7.1", Why: "nobody is there, and a RST is not answered"}
		}
		return Forecast{Answer: rst, Section: "3.10.7.1", Why: "nobody is there"}
	case probes.Listen:
		return m.answerListening(s)
	case probes.SynSent:
		return m.answerOpening(s)
	}
	return m.answerOpen(s)
}

// answerListening is section 3.10.7.2.
func (m *Machine) answerListening(s *probes.Segment) Forecast {
	f := Forecast{Section: "3.10.7.2"}
	switch {
	case s.Flags.Has(probes.RST):
		f.Why = "a RST means nothing to a listener"
	case s.Flags.Has(probes.ACK):
		f.Answer, f.Why = rst, "a listener has sent nothing that could be acknowledged"
	case s.Flags.Has(probes.SYN):
		f.Answer = synAck
	default:
		f.Why = "neither SYN nor ACK nor RST: dropped"
	}
	return f
}

// answerOpening is section 3.10.7.3.
func (m *Machine) answerOpening(s *probes.Segment) Forecast {
	f := Forecast{Section: "3.10.7.3"}
	acks := s.Flags.Has(probes.ACK)
	acceptable := acks && before(m.iss, s.Ack) && !before(m.nxt, s.Ack)
	switch {
	case acks && !acceptable && s.Flags.Has(probes.RST):
		f.Why = "a RST that acknowledges what was not sent: dropped"
	case acks && !acceptable:
		f.Answer, f.Why = rst, "it acknowledges what was not sent"
	case s.Flags.Has(probes.RST):
		f.Why = "a RST without ACK: dropped"
	case s.Flags.Has(probes.SYN) && acks:
		f.Answer = ack
	case s.Flags.Has(probes.SYN):
		f.Answer = synAck
	default:
		f.Why = "neither SYN nor RST: dropped"
	}
	return f
}

// answerOpen is section 3.10.7.4.
func (m *Machine) answerOpen(s *probes.Segment) Forecast {
	f := Forecast{Section: "3.10.7.4"}
	occupies := s.Len > 0 || s.Flags&(probes.SYN|probes.FIN) != 0
	crossed := m.state == probes.SynReceived && s.Flags.Has(synAck) && s.Seq == m.irs
	old := m.receiving && !crossed && (before(end(s), m.in.next) || occupies && end(s) == m.in.next)
	beyond := m.receiving && before(m.window(), s.Seq)
	switch {
	case s.Flags.Has(probes.RST) && (before(s.Seq, m.in.next) || beyond):
		f.Why = "a RST out of the window: dropped"
	case s.Flags.Has(probes.RST) && s.Seq != m.in.next:
		f.Answer, f.Why = ack, "a RST in the window, but not the next number: challenged (RFC 5961 section 3.2)"
	case s.Flags.Has(probes.RST):
	case m.state == probes.SynReceived && s.Flags.Has(probes.SYN) && s.Seq == m.irs && !crossed:
		f.Answer, f.Why = synAck, "the SYN again: it is answered again"
	case s.Flags.Has(probes.SYN) && !crossed && m.state != probes.SynReceived:
		f.Answer, f.Why = ack, "a SYN of a connection that is open: challenged (RFC 5961 section 4)"
	case old:
		f.Answer, f.Why = ack, "old duplicate: only acknowledged"
	case beyond:
		f.Answer, f.Why = ack, "beyond the window: only acknowledged"
	case !s.Flags.Has(probes.ACK):
		f.Why = "without ACK: dropped"
	case m.sending && before(m.nxt, s.Ack) || m.state == probes.SynReceived && !before(m.iss, s.Ack):
		f.Answer, f.Why = ack, "it acknowledges what was not sent"
		if m.state == probes.SynReceived {
			f.Answer = rst
		}
	case m.closed && s.Len > 0 && before(m.in.next, s.Seq+uint32(s.Len)):
		f.Answer, f.Section, f.Why = rst, "3.6.1", "data to a user that has closed"
	case occupies:
		f.Answer, f.Why = ack, m.takes(s)
	default:
		f.Why = "no state changes"
	}
	return f
}

// takes says what becomes of data and of a FIN that changes no state.
func (m *Machine) takes(s *probes.Segment) string {
	switch {
	case before(m.in.next, s.Seq):
		return "ahead of a hole: it waits, and the hole is told of"
	case s.Len > 0:
		return "data: no state changes"
	}
	return "no state changes"
}

// Newer reports whether a SYN may open a new connection where the old one is in
// TIME-WAIT: its number is beyond all that the peer sent. Section 3.6.1.
func (m *Machine) Newer(s *probes.Segment) bool {
	return !m.receiving || before(m.in.next, s.Seq+1)
}
