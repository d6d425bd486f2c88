package rfc9293

import "netlab/probes"

// send takes in a segment that the endpoint sent.
func (m *Machine) send(in Input) {
	s := in.Segment
	switch {
	case s.Flags.Has(probes.RST):
		m.sendRST(in)
		return
	case s.Flags.Has(probes.SYN):
		if !m.sendSYN(in) {
			return
		}
	case m.state == probes.Closed || m.state == probes.Listen || m.state == probes.SynSent:
		m.violate(Outside, in, "3.10", "a segment was sent in %s", m.state)
		return
	case !m.sending: // its beginning was not recorded
		m.sending, m.iss, m.una, m.nxt = true, s.Seq-1, s.Seq, s.Seq
	}
	m.nxt = later(m.nxt, end(s))
	m.offer(in)
	if s.Flags.Has(probes.FIN) && !m.finSent {
		m.sendFIN(in)
	}
}

// sendSYN takes in a SYN of ours and reports whether it belongs to the
// connection.
func (m *Machine) sendSYN(in Input) bool {
	s := in.Segment
	if m.sending && s.Seq != m.iss {
		m.violate(SecondISN, in, "3.4.1", "SYN with sequence number %d after one with %d", s.Seq, m.iss)
		return false
	}
	first := !m.sending
	m.scale = s.WScale
	if first {
		m.sending, m.iss, m.una, m.nxt = true, s.Seq, s.Seq, s.Seq
	}
	answer := s.Flags.Has(probes.ACK)
	switch {
	case m.state == probes.Closed && first && !answer:
		m.take(ActiveOpen, probes.SynSent, in, m.opening)
	case m.state == probes.Listen && answer && m.syn != nil:
		m.acceptSYN(in.Event)
	case m.state == probes.Listen && !answer:
		// Linux refuses both with EISCONN or EPIPE.
		event := Send
		if m.opening != 0 {
			event = ActiveOpen
		}
		m.take(event, probes.SynSent, in, m.opening)
	case m.state == probes.Closed || m.state == probes.Listen:
		m.violate(Outside, in, "3.10", "%s was sent in %s", s.Flags, m.state)
		m.sending = false
		return false
	}
	return true
}

// acceptSYN enters SYN-RECEIVED by the SYN that waited for its answer: until
// then it may still be refused or dropped.
func (m *Machine) acceptSYN(answer uint64) {
	syn := *m.syn
	m.syn = nil
	now := m.now
	m.now = syn.Time
	m.take(RcvSYN, probes.SynReceived, syn, answer)
	m.now = now
}

func (m *Machine) sendFIN(in Input) {
	switch m.state {
	case probes.SynReceived, probes.Established:
		m.take(Close, probes.FinWait1, in, m.closing)
	case probes.CloseWait:
		m.take(Close, probes.LastAck, in, m.closing)
	default:
		m.violate(Outside, in, "3.10.4", "a FIN was sent in %s", m.state)
		return
	}
	m.finSent, m.finEnd = true, end(in.Segment)
}

// sendRST tells an abort of the connection from a RST that answers a single
// bad segment: the former continues what was sent, section 3.5.2.
func (m *Machine) sendRST(in Input) {
	s := in.Segment
	switch m.state {
	case probes.Listen:
		m.syn = nil // refused
	case probes.Closed, probes.SynSent, probes.TimeWait:
	default:
		if !m.sending || before(m.iss, s.Seq) && !before(s.Seq, m.una) && !before(m.nxt, s.Seq) {
			m.take(Abort, probes.Closed, in, m.closing)
		}
	}
}

// offer notes what the endpoint acknowledges and how much more it takes.
func (m *Machine) offer(in Input) {
	s := in.Segment
	if !s.Flags.Has(probes.ACK) {
		return
	}
	if !m.receiving {
		m.receiving, m.irs, m.in.next = true, s.Ack-1, s.Ack
	}
	if before(m.in.next, s.Ack) {
		m.violate(Unseen, in, "3.4", "%d bytes were acknowledged that were not seen to arrive", s.Ack-m.in.next)
		m.in.next = s.Ack
		m.takeFIN(in)
	}
	shift := uint(0)
	switch {
	case s.Flags.Has(probes.SYN):
	case m.role == Resumed && m.scale == 0:
		shift = 14 // the greatest; ours was not seen
	case m.scale > 0 && m.peerScales:
		shift = min(uint(m.scale-1), 14)
	}
	if right := s.Ack + uint32(s.Window)<<shift; m.right == 0 || before(m.right, right) {
		m.right = right
	}
}

// call takes in a call of the user. Most only explain what the wire then
// shows: a close is not a FIN before it is sent.
func (m *Machine) call(in Input) {
	switch c := in.Call; c.Name {
	case "listen":
		if m.state == probes.Closed && c.Errno == "" && !m.sending {
			m.take(PassiveOpen, probes.Listen, in)
		}
	case "connect":
		m.opening = in.Event
		if m.state == probes.SynSent {
			m.failed(in)
		}
	case "linger":
		if c.Errno == "" {
			m.aborting = c.Args == "0"
		}
	case "close", "shutdown":
		if c.Name == "shutdown" && c.Args == "read" || c.Errno == "EBADF" || c.Errno == "ENOTCONN" {
			return
		}
		if m.closing == 0 {
			m.closing = in.Event
		}
		m.closed = m.closed || c.Name == "close" && c.Errno == ""
		if m.state == probes.Listen && m.syn == nil || m.state == probes.SynSent {
			event := Close
			if m.aborting && c.Name == "close" {
				event = Abort
			}
			m.take(event, probes.Closed, in)
		}
		// Both sides have closed: no RST is sent that would show it (section 3.10.5).
		if m.aborting && c.Name == "close" && (m.state == probes.Closing || m.state == probes.LastAck) {
			m.take(Abort, probes.Closed, in)
		}
	case "send", "receive":
		if c.Errno == "ETIMEDOUT" && m.sending {
			switch m.state {
			case probes.Closed, probes.Listen, probes.TimeWait:
			default:
				m.take(UserTimeout, probes.Closed, in)
			}
		}
	}
}

// failed takes in the result of a connect in SYN-SENT.
func (m *Machine) failed(in Input) {
	switch in.Call.Errno {
	case "ETIMEDOUT":
		m.take(UserTimeout, probes.Closed, in)
	case "ECONNREFUSED", "ECONNRESET": // the RST itself was not recorded
		m.take(RcvRST, probes.Closed, in)
	case "EHOSTUNREACH", "ENETUNREACH", "EPROTO", "ENOPROTOOPT":
		m.take(Unreachable, probes.Closed, in)
	}
}
