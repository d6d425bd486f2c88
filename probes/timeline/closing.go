package timeline

import (
	"slices"
	"time"

	"netlab/probes"
)

// A Closing says how many segments the close of a connection took, and how
// many were to be foreseen: RFC 9293 figure 12 draws four, section 3.10.7.4
// has the ACK of the first FIN travel with the second where it can. It can
// where the second end closes before it would acknowledge by itself.
type Closing struct {
	First, Second *Endpoint // in the order of their FINs
	Foreseen      int       // segments: 3 or 4; 0 if it may be either
	Came          int       // 3 or 4
	Rule          ClosingRule
	Took          probes.Mono // from the first FIN's arrival to the second end's close
	Received      bool        // the second end had received data before
	// Due is the time after the first FIN's arrival for which the second end
	// was to hold its ACK back: less than one may think where data waited for
	// an ACK already. It is 0 where the rule does not ask for it.
	Due probes.Mono
}

// A ClosingRule says why a close takes as many segments as is foreseen.
type ClosingRule string

// The rules.
const (
	FINsCrossed  ClosingRule = "crossed"   // the second FIN was sent before the first came: four
	AcksAtOnce   ClosingRule = "at-once"   // the second end acknowledges every segment: four
	MuchToAck    ClosingRule = "much"      // more than one full segment had no ACK yet: four (__tcp_ack_snd_check)
	ClosedBefore ClosingRule = "before"    // the second end closed before its ACK was due: three
	ClosedAfter  ClosingRule = "after"     // and after: four
	ClosedAbout  ClosingRule = "about-due" // and about when it was due: either
)

// How long Linux holds back the ACK of a FIN, as measured on 6.18 at 250 Hz:
// it never came before the one, and always before the other. A socket that has
// received data waits for TCP_ATO_MIN, 40 ms; one that never has, to the next
// tick (tcp_send_delayed_ack in net/ipv4/tcp_output.c).
const (
	heldData      = probes.Mono(40 * time.Millisecond)
	heldDataMost  = probes.Mono(48 * time.Millisecond)
	heldFirst     = probes.Mono(1 * time.Millisecond)
	heldFirstMost = probes.Mono(9 * time.Millisecond)
)

// Closed says how the connection was closed by the FINs of both ends, and how
// that was to be foreseen from what the second end had received before and when
// it closed. atOnce says that the second end was set to acknowledge every
// segment, as the scenario may have it. It reports false where there is nothing
// to foresee: a FIN is missing, or did not arrive, or data followed the first
// and took its ACK along.
func (c *Connection) Closed(atOnce func(node string) bool) (Closing, bool) {
	first, second := c.fins()
	if first == nil || second == nil || first.Arrived() == 0 {
		return Closing{}, false
	}
	x := Closing{First: c.sender(first), Second: c.sender(second)}
	if before(second.Acks(), space(&first.Segment)) {
		if second.Sent() > first.Arrived()+slack {
			return Closing{}, false // it says that the first never came to its TCP
		}
		x.Rule, x.Foreseen, x.Came = FINsCrossed, 4, 4
		return x, true
	}
	x.Came = 3
	for _, s := range c.Segments {
		between := s.Opener == second.Opener && !s.Injected && s.Sent() >= first.Arrived() && s.Sent() < second.Sent()
		if !between || !s.Flags.Has(probes.ACK) || before(s.Acks(), space(&first.Segment)) {
			continue
		}
		if s.Len > 0 {
			return Closing{}, false
		}
		x.Came = 4
		break
	}
	x.foresee(c, first, second, atOnce(x.Second.Node))
	return x, true
}

// foresee fills in what was to be foreseen.
func (x *Closing) foresee(c *Connection, first, second *Segment, atOnce bool) {
	came := first.Arrived()
	x.Took = max(0, x.Second.closedAt(came, second.Sent())-came)
	acked, acks := second.Acks(), false // by the second end, before the FIN came
	for _, s := range c.Segments {
		if s.Opener == second.Opener && s.Flags.Has(probes.ACK) && s.Sent() < came {
			if !acks || before(acked, s.Acks()) {
				acked, acks = s.Acks(), true
			}
		}
	}
	waits, oldest, full := 0, came, 536
	for _, s := range c.Segments {
		at := s.Arrived()
		if s.Opener != first.Opener || s.Len == 0 || at == 0 || at > came {
			continue
		}
		x.Received = true
		full = max(full, s.Len)
		if acks && before(acked, s.Seq+uint32(s.Len)) && s.Acks() != 0 {
			waits += s.Len
			oldest = min(oldest, at)
		}
	}
	least, most := heldFirst, heldFirstMost
	if x.Received {
		least, most = heldData, heldDataMost
	}
	pending := came - oldest
	switch {
	case atOnce:
		x.Rule, x.Foreseen = AcksAtOnce, 4
	case waits > full:
		x.Rule, x.Foreseen = MuchToAck, 4
	case x.Took < least-pending:
		x.Rule, x.Foreseen, x.Due = ClosedBefore, 3, least-pending
	case x.Took > most-pending:
		x.Rule, x.Foreseen, x.Due = ClosedAfter, 4, max(0, least-pending)
	default:
		x.Rule, x.Due = ClosedAbout, max(0, least-pending)
	}
}

// fins returns the first FIN that was sent and came, or the first that was
// sent, and the first of the other end.
func (c *Connection) fins() (first, second *Segment) {
	for _, s := range c.Segments {
		if !s.Flags.Has(probes.FIN) || s.Injected || s.Flags.Has(probes.RST) {
			continue
		}
		switch {
		case first == nil, s.Opener == first.Opener && first.Arrived() == 0 && second == nil:
			first = s
		case s.Opener != first.Opener && second == nil:
			second = s
		}
	}
	return first, second
}

// sender returns the end that a segment comes from.
func (c *Connection) sender(s *Segment) *Endpoint {
	if s.Opener {
		return c.Opener
	}
	return c.Acceptor
}

// closedAt returns when the end closed, by the kernel's word or its user's
// call, after the other's FIN had come and before its own was sent.
func (e *Endpoint) closedAt(came, sent probes.Mono) probes.Mono {
	for _, v := range e.History {
		if v.State == probes.LastAck && v.Seen(probes.KernelEvents) && v.From >= came {
			return min(v.From, sent)
		}
	}
	i := slices.IndexFunc(e.History, func(v Visit) bool { return v.State == probes.LastAck })
	if i >= 0 {
		for _, w := range e.History[i].Witnesses {
			if w.Source == probes.Calls && w.Time >= came {
				return min(w.Time, sent)
			}
		}
	}
	return sent
}
