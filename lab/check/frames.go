package check

import (
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// A Frame is a segment of a connection, read in the words of the scenario
// language.
type Frame struct {
	*timeline.Segment
	End  *timeline.Endpoint // the sender
	Word scenarios.SegmentWord
	// Counts says that patterns count it: it is a first transmission inside
	// the window and, if it is a pure ACK, acknowledges something that its
	// sender had not acknowledged before. Keep-alives, window updates and
	// the answers to segments sent again do not count, nor does what a gate
	// made: neither end sent it.
	Counts bool
}

// reader follows one side while the frames are read.
type reader struct {
	sentSYN    bool
	isn        uint32 // of its SYN
	sentSYNACK bool
	acks       bool   // it has acknowledged something
	acked      uint32 // the highest acknowledgement that it sent
	fin        bool   // it has sent FIN
	finEnd     uint32 // the sequence number after its FIN
	ackedFIN   bool   // it has acknowledged the peer's FIN
}

// Frames reads the segments of a connection, in the order of sending.
func Frames(c *timeline.Connection) []Frame {
	var sides [2]reader // opener, acceptor
	frames := make([]Frame, 0, len(c.Segments))
	for _, s := range c.Segments {
		end, me, peer := c.Opener, &sides[0], &sides[1]
		if !s.Opener {
			end, me, peer = c.Acceptor, &sides[1], &sides[0]
		}
		f := Frame{Segment: s, End: end}
		f.Word = me.word(s, peer)
		if !s.Injected { // else the end did not send it
			f.Counts = me.counts(s) && !s.Teardown
			me.sent(s, peer)
		}
		frames = append(frames, f)
	}
	return frames
}

// word says what the segment is, given what was sent before.
func (me *reader) word(s *timeline.Segment, peer *reader) scenarios.SegmentWord {
	acksFIN := peer.fin && s.Flags.Has(probes.ACK) && !before(s.Acks(), peer.finEnd)
	first := acksFIN && !me.ackedFIN
	switch {
	case s.Flags.Has(probes.RST):
		return scenarios.WordRST
	case s.Flags.Has(probes.SYN | probes.ACK):
		return scenarios.WordSYNACK
	case s.Flags.Has(probes.SYN):
		return scenarios.WordSYN
	case s.Flags.Has(probes.FIN) && s.Len > 0 && first:
		return scenarios.WordDATAFINACK
	case s.Flags.Has(probes.FIN) && s.Len > 0:
		return scenarios.WordDATAFIN
	case s.Flags.Has(probes.FIN) && first:
		return scenarios.WordFINACK
	case s.Flags.Has(probes.FIN):
		return scenarios.WordFIN
	case s.Len > 0:
		return scenarios.WordDATA
	}
	return scenarios.WordACK
}

// counts reports whether the segment is a first transmission that says
// something new. The SYN+ACK of a simultaneous open repeats the sequence
// space of the SYN before it, yet is new (RFC 9293 figure 7).
func (me *reader) counts(s *timeline.Segment) bool {
	switch {
	case s.Flags.Has(probes.RST):
		return true
	case s.Flags.Has(probes.SYN|probes.ACK) && !me.sentSYNACK:
		return true
	case s.Retransmission:
		return false
	case s.Len == 0 && s.Flags&(probes.SYN|probes.FIN) == 0:
		return !me.acks || before(me.acked, s.Ack)
	}
	return true
}

// sent notes what the segment was.
func (me *reader) sent(s *timeline.Segment, peer *reader) {
	if s.Flags.Has(probes.RST) {
		return
	}
	if s.Flags.Has(probes.SYN) && !me.sentSYN {
		me.sentSYN, me.isn = true, s.Seq
	}
	if s.Flags.Has(probes.SYN | probes.ACK) {
		me.sentSYNACK = true
	}
	if s.Flags.Has(probes.ACK) {
		if !me.acks || before(me.acked, s.Ack) {
			me.acks, me.acked = true, s.Ack
		}
		if peer.fin && !before(s.Acks(), peer.finEnd) {
			me.ackedFIN = true
		}
	}
	if s.Flags.Has(probes.FIN) && !me.fin {
		me.fin, me.finEnd = true, s.Seq+uint32(s.Len)+1
	}
}

// before compares sequence numbers modulo 2^32, RFC 9293 section 3.4.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// Opening returns the frames from the first SYN on, up to the one with which
// both SYNs are acknowledged, or to a RST: of those that count, the SYNs and
// SYN+ACKs, and the frame that completes it. In a simultaneous open (RFC 9293
// figure 7) that is the second SYN+ACK, with whose arrival both ends are in
// ESTABLISHED; the ACKs that Linux then sends say nothing new. What counts is
// what was sent, whether or not it arrived.
func Opening(frames []Frame) []Frame {
	var out []Frame
	var syn, acked [2]bool // of opener, acceptor; the side's SYN was sent, was acknowledged
	var isn [2]uint32
	for _, f := range frames {
		if !f.Counts {
			continue
		}
		me, peer := 1, 0
		if f.Opener {
			me, peer = 0, 1
		}
		if len(out) == 0 && f.Word != scenarios.WordSYN {
			return nil // it was open before the record began
		}
		if f.Flags.Has(probes.SYN) && !syn[me] {
			syn[me], isn[me] = true, f.Seq
		}
		if syn[peer] && f.Flags.Has(probes.ACK) && before(isn[peer], f.Ack) {
			acked[peer] = true
		}
		out = append(out, f)
		if f.Word == scenarios.WordRST || acked[0] && acked[1] {
			return out
		}
	}
	return out
}

// Closing returns the frames that count from the first FIN or RST on.
func Closing(frames []Frame) []Frame {
	var out []Frame
	for _, f := range frames {
		ends := f.Flags&(probes.FIN|probes.RST) != 0
		if f.Counts && (len(out) > 0 || ends) {
			out = append(out, f)
		}
	}
	return out
}

// ordinals returns the frames' numbers.
func ordinals(frames []Frame) []int {
	var out []int
	for _, f := range frames {
		out = append(out, f.Frame)
	}
	return out
}

// tapEvents returns the events behind the frames: their first sightings.
func tapEvents(frames []Frame) []uint64 {
	var out []uint64
	for _, f := range frames {
		if len(f.Taps) > 0 {
			out = append(out, f.Taps[0].Event)
		}
	}
	return out
}
