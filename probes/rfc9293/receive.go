package rfc9293

import "netlab/probes"

// receive takes in a segment that arrived, as section 3.10.7 says.
func (m *Machine) receive(in Input) {
	switch m.state {
	case probes.Closed:
		// 3.10.7.1: answered with a RST, if at all.
	case probes.Listen:
		m.listen(in)
	case probes.SynSent:
		m.synSent(in)
	default:
		m.otherwise(in)
	}
}

// listen is section 3.10.7.2.
func (m *Machine) listen(in Input) {
	s := in.Segment
	switch {
	case s.Flags.Has(probes.RST):
	case s.Flags.Has(probes.ACK):
		// The answer to the SYN was not recorded, but it was acknowledged.
		if m.syn == nil || s.Flags.Has(probes.SYN) || s.Seq != m.irs+1 {
			m.violate(BadHalf, in, "3.10.7.2", "%s arrived in LISTEN", s.Flags)
			return
		}
		m.sending, m.iss, m.una, m.nxt = true, s.Ack-1, s.Ack-1, s.Ack
		m.acceptSYN(in.Event)
		m.otherwise(in)
	case s.Flags.Has(probes.SYN):
		if m.syn == nil || s.Seq != m.irs {
			m.syn = &in
			m.receivedSYN(s)
		}
	}
}

// receivedSYN notes the peer's numbers. Data on a SYN waits in the inbox.
func (m *Machine) receivedSYN(s *probes.Segment) {
	m.receiving, m.irs = true, s.Seq
	m.in = inbox{next: end(s)}
	m.peerScales = s.WScale > 0
	m.right, m.finSeen = 0, false
	if s.Flags.Has(probes.FIN) {
		m.in.next-- // the FIN is not acted on before ESTABLISHED; it will be sent again
	}
}

// synSent is section 3.10.7.3.
func (m *Machine) synSent(in Input) {
	s := in.Segment
	ack := s.Flags.Has(probes.ACK)
	acceptable := ack && before(m.iss, s.Ack) && !before(m.nxt, s.Ack)
	switch {
	case ack && !acceptable:
		if !s.Flags.Has(probes.RST) {
			m.violate(BadHalf, in, "3.10.7.3", "an ACK of %d arrived in SYN-SENT, where %d was sent", s.Ack, m.iss)
		}
	case s.Flags.Has(probes.RST):
		if acceptable {
			m.take(RcvRST, probes.Closed, in)
		}
	case s.Flags.Has(probes.SYN) && acceptable:
		m.receivedSYN(s)
		m.una = s.Ack
		m.take(RcvSYNACK, probes.Established, in)
		m.text(in)
	case s.Flags.Has(probes.SYN):
		m.receivedSYN(s)
		m.take(RcvSYN, probes.SynReceived, in)
	}
}

// otherwise is section 3.10.7.4, for the states from SYN-RECEIVED on.
//
// Acceptability is a little wider than the RFC's four cases: a segment whose
// end is RCV.NXT exactly, a pure repetition, is still read for its ACK, as
// Linux does (tcp_sequence in net/ipv4/tcp_input.c).
func (m *Machine) otherwise(in Input) {
	s := in.Segment
	if !m.receiving { // its beginning was not recorded
		m.receiving, m.irs, m.in.next = true, s.Seq-1, s.Seq
	}
	crossed := m.state == probes.SynReceived && s.Flags.Has(probes.SYN|probes.ACK) && s.Seq == m.irs
	acceptable := !before(end(s), m.in.next) && !before(m.window(), s.Seq)
	switch {
	case s.Flags.Has(probes.RST): // second; RFC 5961 section 3.2: only the exact number resets
		if s.Seq == m.in.next {
			m.receivedRST(in)
		}
		return
	case crossed: // figure 7: the SYN is repeated with the ACK that we wait for
	case !acceptable: // first; section 3.4 keeps an old duplicate out
		return
	case s.Flags.Has(probes.SYN): // fourth
		if m.state == probes.SynReceived && m.role == Passive && s.Seq != m.irs {
			m.take(RcvSYN, probes.Listen, in)
			m.relisten()
		}
		return
	}
	if !s.Flags.Has(probes.ACK) || !m.receivedACK(in) { // fifth
		return
	}
	if !crossed {
		m.text(in) // seventh and eighth
	}
}

func (m *Machine) receivedRST(in Input) {
	if m.state == probes.SynReceived && m.role == Passive {
		m.take(RcvRST, probes.Listen, in) // note 1
		m.relisten()
		return
	}
	m.take(RcvRST, probes.Closed, in)
}

// relisten forgets the connection that did not come about.
func (m *Machine) relisten() {
	m.sending, m.receiving, m.syn = false, false, nil
	m.right, m.peerScales = 0, false
}

// receivedACK acts on the ACK field and reports whether the rest of the
// segment counts.
func (m *Machine) receivedACK(in Input) bool {
	s := in.Segment
	if !m.sending { // its beginning was not recorded
		m.sending, m.iss, m.una, m.nxt = true, s.Ack-1, s.Ack, s.Ack
	}
	if before(m.nxt, s.Ack) {
		m.violate(AckOfUnsent, in, "3.10.7.4", "an ACK of %d arrived, only %d was sent", s.Ack, m.nxt)
		return false
	}
	if m.state == probes.SynReceived {
		if !before(m.iss, s.Ack) {
			m.violate(BadHalf, in, "3.10.7.4", "an ACK of %d arrived in SYN-RECEIVED, where %d was sent", s.Ack, m.iss)
			return false
		}
		m.take(RcvACKOfSYN, probes.Established, in)
	}
	m.una = later(m.una, s.Ack)
	if !m.finSent || before(s.Ack, m.finEnd) {
		return true
	}
	switch m.state {
	case probes.FinWait1:
		m.take(RcvACKOfFIN, probes.FinWait2, in)
	case probes.Closing:
		m.take(RcvACKOfFIN, probes.TimeWait, in)
	case probes.LastAck:
		m.take(RcvACKOfFIN, probes.Closed, in)
		return false
	}
	return true
}

// text takes in data and FIN. A FIN ahead of a hole waits until it is filled.
func (m *Machine) text(in Input) {
	s := in.Segment
	from := s.Seq
	if s.Flags.Has(probes.SYN) {
		from++
	}
	if s.Flags.Has(probes.FIN) && !m.finSeen {
		m.finSeen, m.peerEnd, m.peerFIN = true, end(s), in
	}
	m.in.add(from, end(s))
	m.takeFIN(in)
}

// takeFIN acts on the peer's FIN once all before it is there.
func (m *Machine) takeFIN(in Input) {
	if !m.finSeen || m.gotFIN || before(m.in.next, m.peerEnd) {
		return
	}
	m.gotFIN = true
	var filled uint64
	if m.peerFIN.Event != in.Event {
		filled = in.Event
	}
	switch m.state {
	case probes.Established:
		m.take(RcvFIN, probes.CloseWait, m.peerFIN, filled)
	case probes.FinWait1:
		m.take(RcvFIN, probes.Closing, m.peerFIN, filled)
	case probes.FinWait2:
		m.take(RcvFIN, probes.TimeWait, m.peerFIN, filled)
	default:
		m.gotFIN = false
	}
}
