package check

import (
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// In lockstep frames wait for the observers. That changes no state and no
// order of what one end does, but it changes what a timer decides: whether a
// delayed ACK goes by itself, and whether something is sent again.

// lockstep reports whether the run was observed in lockstep.
func (j *judge) lockstep() bool { return j.tl.Header.Observe != "" }

// ackDoubt says at which end of a run in lockstep the waiting may have decided
// which segments there are: where it delays ACKs and something came for which
// it may. A SYN, and a FIN that ends the connection, are acknowledged at once.
func (j *judge) ackDoubt(c *timeline.Connection, got []Frame) *doubt {
	if !j.lockstep() {
		return nil
	}
	for _, e := range c.Ends() {
		if mayDelay(got, e) && !j.immediate(c, e) {
			return because(words.CheckLockstepAcks, EndName(c, e)).remedied(words.M(words.CheckSetAcks))
		}
	}
	return nil
}

// mayDelay reports whether something among the frames came to an end that it
// may acknowledge later: data, or a FIN before its own.
func mayDelay(frames []Frame, e *timeline.Endpoint) bool {
	closed := false
	for _, f := range frames {
		fin := f.Flags.Has(probes.FIN)
		switch {
		case f.Injected:
		case f.End == e:
			closed = closed || fin
		case f.Len > 0 || fin && !closed:
			return true
		}
	}
	return false
}

// immediate reports whether an end acknowledges everything at once, as the
// link says over which it is reached.
func (j *judge) immediate(c *timeline.Connection, e *timeline.Endpoint) bool {
	link := ""
	for _, s := range c.Segments {
		for _, t := range s.Taps {
			if t.Node == e.Node {
				link = t.Link
			}
		}
	}
	for _, l := range j.sc.Links {
		for _, end := range l.Ends {
			if l.Name == link && end.Name == e.Node {
				return end.Acks == scenarios.ImmediateAcks
			}
		}
	}
	return false
}

// timerDoubt says that times are not those of an undisturbed run.
func (j *judge) timerDoubt() *doubt {
	if !j.lockstep() {
		return nil
	}
	return because(words.CheckLockstepTime).remedied(words.M(words.CheckObserveFree))
}

// resentDoubt says that one of the segments that were sent again may have
// been only because everything waited: no gate stopped or held, as ordered,
// what was sent before, or its acknowledgement. It says so, too, where nothing
// was sent again.
func (j *judge) resentDoubt(c *timeline.Connection, found []Frame) *doubt {
	d := j.timerDoubt()
	if d == nil {
		return nil
	}
	for _, f := range found {
		if !explained(c, f) {
			return d
		}
	}
	if len(found) == 0 { // a timer that is raised lets nothing be sent again
		return d
	}
	return nil
}

func explained(c *timeline.Connection, again Frame) bool {
	end := again.Seq + uint32(again.Len)
	if again.Flags&(probes.SYN|probes.FIN) != 0 {
		end++
	}
	for _, s := range c.Segments {
		if s == again.Segment {
			return false
		}
		first := s.Opener == again.Opener && !s.Injected && before(again.Seq-1, s.Seq) && before(s.Seq, end)
		answer := s.Opener != again.Opener && s.Flags.Has(probes.ACK) && !before(s.Acks(), end)
		if (first || answer) && delayed(s) {
			return true
		}
	}
	return false
}

// delayed reports whether a gate kept a segment from coming in time, as
// somebody ordered.
func delayed(s *timeline.Segment) bool {
	for _, a := range s.Acts {
		if a.Ordered() && a.Do != probes.Injected && a.Do != probes.Duplicated && a.Do != probes.Released {
			return true
		}
	}
	return false
}
