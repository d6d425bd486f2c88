package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// A Reset is a RST that an endpoint sent, or the end of its socket as if one
// had come. It is known by the kernel's word, or by the segment, or by both.
type Reset struct {
	Dir     probes.Direction // Out: it was sent
	Time    probes.Mono
	Event   uint64       // Seq of the kernel's word; 0 if it gave none
	State   probes.State // of the socket then, by the kernel's word; Unknown if there was none
	Reason  string       // of one that was sent, as [probes.Reset] has it; "" if the kernel does not say
	Segment *Segment     // on the wire; nil if none is known
	Cause   Cause        // why, as far as it is known
}

// A Cause says why a RST was sent, or why a socket ended without one: the
// kernel's reason, read in the light of what else was observed.
type Cause string

// The causes. The files are those of Linux 6.18 below net/ipv4.
const (
	UnreadData     Cause = "unread-data"     // closed with data that it had not read: RFC 2525 section 2.17, __tcp_close in tcp.c
	LingerZero     Cause = "linger-zero"     // closed with SO_LINGER 0: ABORT of RFC 9293 section 3.10.5
	Aborted        Cause = "aborted"         // ended by its program, by which call is not known: tcp_disconnect in tcp.c
	ListenerClosed Cause = "listener-closed" // nobody had accepted it when its listener closed: inet_csk_listen_stop
	Destroyed      Cause = "destroyed"       // from outside, as ss -K does: tcp_abort in tcp.c
	LateData       Cause = "late-data"       // data came to a socket whose program had closed: RFC 9293 section 3.6.1
	LingerTwo      Cause = "linger-two"      // it was not to wait in FIN-WAIT-2: TCP_LINGER2
	Unanswered     Cause = "unanswered"      // the peer did not answer keepalives: tcp_keepalive_timer
	TimedOut       Cause = "timed-out"       // what it sent was not acknowledged for too long
	NobodyListens  Cause = "nobody-listens"  // a SYN came to a port where nobody listens: RFC 9293 section 3.10.7.1
	NoConnection   Cause = "no-connection"   // a segment came of a connection that was not there any more
	BadACK         Cause = "bad-ack"         // a segment acknowledged what was never sent: RFC 9293 section 3.10.7.2, 3.10.7.3
	BadSYN         Cause = "bad-syn"         // another SYN came in SYN-RECEIVED: RFC 9293 section 3.10.7.4, erratum 8710
	QueueFull      Cause = "queue-full"      // the listener's queue was full, and tcp_abort_on_overflow set: tcp_check_req
	OldSegment     Cause = "old-segment"     // TIME-WAIT could not make sense of what came
	NoMemory       Cause = "no-memory"       // too many orphaned sockets, or too little memory: tcp_out_of_resources
	NoRST          Cause = "no-rst"          // data after shutdown of both directions ended the socket, no RST came: tcp_reset in tcp_input.c
)

// near is how far a RST may be from the kernel's word of it.
const near probes.Mono = 5e6 // 5 ms

// findResets gathers the RSTs of a lane: the kernel's words and the segments,
// each word with the segment that it is about.
func (b *builder) findResets(l *lane) {
	opener := l == l.inc.lanes[0]
	for _, e := range l.events {
		if e.Kind == probes.KindReset {
			l.Resets = append(l.Resets, Reset{Dir: e.Reset.Dir, Time: e.Time, Event: e.Seq, State: e.Old, Reason: e.Reset.Reason})
		}
	}
	for _, s := range l.inc.conn.Segments {
		if !s.Flags.Has(probes.RST) || s.Forged {
			continue
		}
		dir, at := probes.Out, s.Sent()
		if s.Opener != opener {
			dir, at = probes.In, s.Arrived()
		}
		if at == 0 || dir == probes.Out && s.Injected {
			continue
		}
		if r := l.unmatched(dir, at); r != nil {
			r.Segment = s
		} else if dir == probes.Out {
			l.Resets = append(l.Resets, Reset{Dir: dir, Time: at, Segment: s})
		}
	}
	slices.SortStableFunc(l.Resets, func(x, y Reset) int { return cmp.Compare(x.Time, y.Time) })
	for i := range l.Resets {
		r := &l.Resets[i]
		if r.Cause = b.cause(l, r); r.Cause == NoRST && !b.teardown(r.Time) {
			b.note(l, ResetByData, r.Event)
		}
	}
}

// unmatched returns the kernel's word of a RST that was sent, or arrived, at a
// time: said before the one, after the other.
func (l *lane) unmatched(dir probes.Direction, at probes.Mono) *Reset {
	for i := range l.Resets {
		r := &l.Resets[i]
		apart := at - r.Time
		if dir == probes.In {
			apart = -apart
		}
		if r.Dir == dir && r.Segment == nil && apart >= -slack && apart <= near {
			return r
		}
	}
	return nil
}

// cause says why a RST was sent, or why the socket ended.
func (b *builder) cause(l *lane, r *Reset) Cause {
	if r.Dir == probes.In {
		if r.Segment == nil && l.tapped && b.loss(probes.Wire, l.Node) == "" {
			return NoRST
		}
		return "" // the sender's
	}
	trigger := l.answered(r)
	switch r.Reason {
	case "TCP_ABORT_ON_CLOSE":
		return UnreadData
	case "TCP_ABORT_ON_LINGER":
		return LingerTwo
	case "TCP_ABORT_ON_DATA":
		if trigger == nil || trigger.Len == 0 {
			return LingerTwo
		}
		return LateData
	case "TCP_ABORT_ON_MEMORY":
		return NoMemory
	case "TCP_KEEPALIVE_TIMEOUT":
		return Unanswered
	case "TCP_TIMEOUT":
		return TimedOut
	case "NO_SOCKET":
		return unknownTo(trigger)
	case "TCP_FLAGS", "TCP_ACK_UNSENT_DATA", "TCP_INVALID_ACK_SEQUENCE", "TCP_TOO_OLD_ACK":
		return BadACK
	case "INVALID_SYN", "TCP_INVALID_SYN":
		if trigger != nil && !trigger.Flags.Has(probes.SYN) {
			return QueueFull
		}
		return BadSYN
	case "TCP_TIMEWAIT_SOCKET":
		if trigger != nil && trigger.Len > 0 && r.State != probes.TimeWait {
			return LateData
		}
		return OldSegment
	case "TCP_STATE", "TCP_DISCONNECT_WITH_DATA":
		return b.aborted(l, r)
	case "", "NOT_SPECIFIED":
		return b.unsaid(l, r, trigger)
	}
	return ""
}

// unknownTo says why nobody took a segment.
func unknownTo(trigger *probes.Segment) Cause {
	if trigger != nil && trigger.Flags&(probes.SYN|probes.ACK) == probes.SYN {
		return NobodyListens
	}
	return NoConnection
}

// aborted tells apart what the kernel calls by one name: the user, the
// listener or a third party ended a socket.
func (b *builder) aborted(l *lane, r *Reset) Cause {
	fault := ""
	for _, e := range l.Faults {
		if e.Time >= r.Time-near && e.Time <= r.Time+near {
			fault = e.Fault.Errno
		}
	}
	switch linger, taken := l.called(r.Time); {
	case fault == "ECONNABORTED":
		return Destroyed
	case linger:
		return LingerZero
	case l.passive && !taken && b.unlistened(l, r.Time):
		return ListenerClosed
	}
	return Aborted
}

// called reports whether the user of a lane had set SO_LINGER to 0 before a
// time, and whether anybody had accepted or used the socket by a call of ours.
func (l *lane) called(before probes.Mono) (linger, taken bool) {
	for _, e := range l.events {
		if e.Kind != probes.KindCall || e.Time > before {
			continue
		}
		taken = true
		if e.Call.Name == "linger" && e.Call.Errno == "" {
			linger = e.Call.Args == "0"
		}
	}
	return linger, taken
}

// unsaid finds the cause of a RST for which the kernel gave no reason, in what
// the wire and the calls show.
func (b *builder) unsaid(l *lane, r *Reset, trigger *probes.Segment) Cause {
	linger, _ := l.called(r.Time)
	arrived, sent := uint64(0), false // in order or not: what came
	for _, in := range l.inputs {
		if in.Time > r.Time || in.Segment == nil {
			continue
		}
		if in.Kind == rfc9293.Sent {
			sent = sent || !in.Segment.Flags.Has(probes.RST)
		} else if !in.Segment.Flags.Has(probes.RST) {
			arrived += uint64(in.Segment.Len)
		}
	}
	closed, read := l.closedBy(r.Time)
	fin := slices.ContainsFunc(l.History, func(v Visit) bool { return v.State >= probes.FinWait1 && v.From <= r.Time })
	switch {
	case l.Views[probes.Model].Visits == nil || !sent:
		if trigger == nil {
			return ""
		}
		return unknownTo(trigger)
	case linger && closed:
		return LingerZero
	case fin && trigger != nil && trigger.Len > 0:
		return LateData
	case closed && arrived > read:
		return UnreadData
	}
	return ""
}

// closedBy reports whether the user of a lane had called close by a time, and
// how many bytes it had read until then.
func (l *lane) closedBy(at probes.Mono) (closed bool, read uint64) {
	for _, e := range l.events {
		if e.Kind != probes.KindCall || e.Time > at {
			continue
		}
		switch e.Call.Name {
		case "close":
			closed = true
		case "receive":
			if e.Call.Args != "MSG_PEEK" {
				read += uint64(e.Call.Bytes)
			}
		}
	}
	return closed, read
}

// answered returns the segment that a RST answers: the last that had arrived
// shortly before. It is nil where there is none.
func (l *lane) answered(r *Reset) *probes.Segment {
	var last *probes.Segment
	at := r.Time - near
	for _, in := range l.inputs { // not in the order of time
		if in.Kind == rfc9293.Received && in.Time <= r.Time && in.Time >= at {
			last, at = in.Segment, in.Time
		}
	}
	return last
}
