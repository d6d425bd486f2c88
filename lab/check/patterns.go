package check

import (
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// pattern judges the opening or the closing of a connection. Only the wire
// sees segments, and it records them: where it is whole it decides alone.
func (j *judge) pattern(v *Verdict, c *timeline.Connection, got []Frame, want scenarios.Pattern, plain bool) {
	v.Got = framesText(c, got, plain)
	v.Evidence.Frames = ordinals(got)
	v.Evidence.Events = tapEvents(got)
	v.seen(probes.Wire, probes.Recorded, tapped(c), 2, 0)
	if d := j.namesDoubt(c, want); d != nil {
		v.inconclusive(d)
		return
	}
	reason := mismatch(c, got, want)
	if d := firstDoubt(j.wireDoubt(c), j.ackDoubt(c, got)); d != nil {
		v.inconclusive(d)
		return
	}
	if d := j.handDoubt(); !reason.IsZero() && d != nil {
		v.inconclusive(d)
		return
	}
	if !reason.IsZero() {
		v.fail(reason)
		return
	}
	v.pass()
	v.limited(words.M(words.CheckWireAlone))
}

// mismatch says why the frames are none of a pattern's alternatives: of the
// one that they go along with furthest. It says nothing if they are one.
func mismatch(c *timeline.Connection, got []Frame, want scenarios.Pattern) words.Message {
	alternatives := want.Alternatives
	if len(alternatives) == 0 {
		alternatives = []scenarios.Sequence{nil} // no segment at all
	}
	furthest := -1
	var reason words.Message
	for _, seq := range alternatives {
		n, why := compare(c, got, seq)
		if why.IsZero() {
			return why
		}
		if n > furthest {
			furthest, reason = n, why
		}
	}
	return reason
}

// compare says how far the frames go along with a sequence and, if not to
// its end, why.
func compare(c *timeline.Connection, got []Frame, want scenarios.Sequence) (int, words.Message) {
	for i, el := range want {
		wanted := elementText(c, el, false)
		if i >= len(got) {
			return i, words.M(words.CheckFrameMissing, wanted)
		}
		if !matches(c, got[i], el) {
			f := got[i]
			return i, words.M(words.CheckFrameDiffers, f.Frame, short(c, f.End)+" "+string(f.Word), wanted)
		}
	}
	if len(got) > len(want) {
		f := got[len(want)]
		return len(want), words.M(words.CheckFrameExtra, f.Frame, short(c, f.End)+" "+string(f.Word))
	}
	return len(want), words.Message{}
}

func matches(c *timeline.Connection, f Frame, el scenarios.Element) bool {
	for _, sp := range el {
		if f.Word == sp.Word && isEnd(c, sp.End, f.Opener) {
			return true
		}
	}
	return false
}

// namesDoubt says which end of a pattern's elements is ambiguous.
func (j *judge) namesDoubt(c *timeline.Connection, p scenarios.Pattern) *doubt {
	for _, seq := range p.Alternatives {
		for _, el := range seq {
			for _, sp := range el {
				if _, d := findEnd(c, sp.End); d != nil && d.reason.ID == words.CheckSameNode {
					return d
				}
			}
		}
	}
	return nil
}
