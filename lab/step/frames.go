package step

import (
	"fmt"

	"netlab/lab/check"
	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// What a frame is called here is what reports and patterns call it: by the one
// word that says most, so that FIN+ACK is the FIN that is the first to
// acknowledge the peer's, whatever flags its header has. Those are told with
// the header.

// A called is what a segment is called.
type called struct {
	frame int // its number, as reports have it; 0 if nothing is recorded of it
	word  scenarios.SegmentWord
	again bool // it repeats what was sent before
}

// names returns what the segments of a connection are called. One that is sent
// again keeps its word.
func names(frames []check.Frame) []called {
	type like struct {
		opener bool
		seq    uint32
		len    int
		flags  probes.Flags
	}
	first := make(map[like]scenarios.SegmentWord)
	out := make([]called, len(frames))
	for i, f := range frames {
		k := like{f.Opener, f.Seq, f.Len, f.Flags}
		word, known := first[k]
		if again := f.Retransmission && !f.Counts; again && known {
			out[i] = called{f.Frame, word, true}
			continue
		} else if out[i] = (called{f.Frame, f.Word, again}); !again {
			first[k] = f.Word
		}
	}
	return out
}

// called returns what a frame is called that waits: as the record has it, else
// as its flags say.
func (v *View) called(f gate.Frame) called {
	if f.Segment == nil {
		return called{}
	}
	if c, sender := v.connection(f.Flow); c != nil {
		frames := check.Frames(c)
		for i := len(frames) - 1; i >= 0; i-- {
			if s := frames[i].Segment; s.Opener == (sender == 0) && s.Arrived() == 0 && same(s, f.Segment) && !did(s, probes.Merged) {
				return names(frames)[i]
			}
		}
	}
	return called{word: plainWord(f.Segment)}
}

// plainWord is the word of a segment of whose connection nothing is known.
func plainWord(s *probes.Segment) scenarios.SegmentWord {
	switch {
	case s.Flags.Has(probes.RST):
		return scenarios.WordRST
	case s.Flags.Has(probes.SYN | probes.ACK):
		return scenarios.WordSYNACK
	case s.Flags.Has(probes.SYN):
		return scenarios.WordSYN
	case s.Flags.Has(probes.FIN) && s.Len > 0:
		return scenarios.WordDATAFIN
	case s.Flags.Has(probes.FIN):
		return scenarios.WordFIN
	case s.Len > 0:
		return scenarios.WordDATA
	}
	return scenarios.WordACK
}

// same reports whether both are transmissions of the same segment.
func same(s *timeline.Segment, t *probes.Segment) bool {
	stream := s.Len > 0 || s.Flags&(probes.SYN|probes.FIN) != 0 // else only its ACK tells it from others
	return s.Seq == t.Seq && s.Flags == t.Flags && s.Len == t.Len && (stream || s.Ack == t.Ack)
}

// did reports whether a gate did one of the deeds to a segment.
func did(s *timeline.Segment, deeds ...probes.Deed) bool {
	for _, a := range s.Acts {
		for _, d := range deeds {
			if a.Do == d {
				return true
			}
		}
	}
	return false
}

// label tells a frame in a few words: "FIN seq=84 ack=354", "DATA seq=1 ack=30
// +14".
func (p pen) label(v *View, f gate.Frame) string {
	s := f.Segment
	if s == nil {
		return plainly(f.What)
	}
	return p.segmentLabel(v.called(f), s, f.Seq, f.Ack, f.Copies)
}

// segmentLabel is label for a segment that came so many times more while it
// waited.
func (p pen) segmentLabel(c called, s *probes.Segment, seq, ack uint32, repeats int) string {
	text := fmt.Sprintf("%s seq=%d", c.word, seq)
	if s.Flags.Has(probes.ACK) {
		text += fmt.Sprintf(" ack=%d", ack)
	}
	if s.Len > 0 {
		text += fmt.Sprintf(" +%d", s.Len)
	}
	if c.again {
		text += " " + p.say(words.ReportAgain)
	}
	if repeats > 0 && !p.stable { // how many depends on the time that passes
		text += fmt.Sprintf(" x%d", repeats+1)
	}
	return text
}
