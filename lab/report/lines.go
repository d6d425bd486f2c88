package report

import (
	"slices"
	"time"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// This file says which frames of a ladder have a line of their own where they
// arrive, and what gates did to them.

// A line of a ladder is a frame where it was sent, or where it arrives.
type line struct {
	frame   int // index in the frames
	arrives bool
	at      probes.Mono
}

// longApart is from when on it is told that frames crossed: less is the time
// that they take through a machine.
const longApart = probes.Mono(time.Millisecond)

// maxActs bounds how many frames are shown because a gate did something to them.
const maxActs = 16

// linesOf makes the lines of frames, in the order of time, and says which have
// a line of their own where they arrive.
func linesOf(frames []check.Frame) ([]line, []bool) {
	apart := apart(frames)
	lines := make([]line, 0, len(frames))
	var coming []line // in the order of time
	for i, f := range frames {
		for len(coming) > 0 && coming[0].at < f.Sent() {
			lines, coming = append(lines, coming[0]), coming[1:]
		}
		lines = append(lines, line{frame: i, at: f.Sent()})
		if !apart[i] {
			continue
		}
		k := len(coming)
		for k > 0 && coming[k-1].at > f.Arrived() {
			k--
		}
		coming = append(coming[:k], append([]line{{frame: i, arrives: true, at: f.Arrived()}}, coming[k:]...)...)
	}
	return append(lines, coming...), apart
}

// apart says which frames have a line of their own where they arrive: those
// that were held or delayed, as ordered, or while which were on their way others
// were sent, or such as were held arrived.
func apart(frames []check.Frame) []bool {
	out := make([]bool, len(frames))
	var late []probes.Mono // when those arrived that were held
	for i, f := range frames {
		switch {
		case f.Arrived() == 0 || f.Injected:
		case slowed(f):
			out[i] = true
			late = append(late, f.Arrived())
		case f.Arrived()-f.Sent() >= longApart && i+1 < len(frames) && frames[i+1].Sent() < f.Arrived():
			out[i] = true
		}
	}
	late = late[:min(len(late), maxActs)]
	for i, f := range frames {
		crossed := slices.ContainsFunc(late, func(at probes.Mono) bool { return f.Sent() < at && at < f.Arrived() })
		out[i] = out[i] || crossed && !f.Injected
	}
	return out
}

// slowed reports whether a gate made a frame come later, as ordered: not
// because everything there is let on by hand.
func slowed(f check.Frame) bool {
	return slices.ContainsFunc(f.Acts, func(a timeline.Act) bool {
		return a.Ordered() && !steppedOn(a) && (a.Do == probes.Released || a.Do == probes.Delayed || a.Do == probes.Reordered)
	})
}

// steppedOn reports whether an act is only that a frame waited for the hand, as
// all do in a run that is stepped.
func steppedOn(a timeline.Act) bool {
	return a.Rule == probes.ByHand && (a.Do == probes.Held || a.Do == probes.Released || a.Do == probes.Merged)
}

// sentIn returns the frames that were sent in some lines, which follow one
// another.
func sentIn(frames []check.Frame, lines []line) []check.Frame {
	first, last := -1, -1
	for _, l := range lines {
		if !l.arrives {
			if first < 0 {
				first = l.frame
			}
			last = l.frame
		}
	}
	if first < 0 {
		return nil
	}
	return frames[first : last+1]
}

// did reports whether a gate did something to a frame.
func did(f check.Frame, do probes.Deed) bool {
	return slices.ContainsFunc(f.Acts, func(a timeline.Act) bool { return a.Do == do })
}

// noteworthy reports whether a gate did something to a frame that is shown: as
// ordered, or because it could not do otherwise.
func noteworthy(f check.Frame) bool {
	return slices.ContainsFunc(f.Acts, func(a timeline.Act) bool { return a.Ordered() && !steppedOn(a) || a.Do == probes.Refused })
}

// waiting reports whether a gate had a frame when the record ended.
func waiting(f check.Frame) bool {
	return len(f.Acts) > 0 && f.Acts[len(f.Acts)-1].Do == probes.Held
}

// overdue returns the act by which a gate still kept a frame at the end of the
// record that was to go on by itself: after a while, or after others. It is nil
// where there is none.
func overdue(f check.Frame) *timeline.Act {
	if f.Arrived() != 0 || len(f.Acts) == 0 {
		return nil
	}
	last := &f.Acts[len(f.Acts)-1]
	if last.Do != probes.Delayed && last.Do != probes.Reordered {
		return nil
	}
	if n := len(f.Taps); n > 0 && f.Taps[n-1].Time > last.Time {
		return nil // it has left the gate, and was lost behind it
	}
	return last
}

// heldFor returns for how long a gate held a frame, as ordered; 0 if it did
// not.
func heldFor(f check.Frame) probes.Mono {
	var held probes.Mono
	for _, a := range f.Acts {
		if a.Do == probes.Released && a.Ordered() {
			held += a.Waited
		}
	}
	return held
}

// fate says what became of a frame that the arrow alone does not tell, "" if
// there is nothing to say.
func (t *text) fate(f check.Frame) string {
	if f.Undelivered {
		return t.say(words.ReportUndelivered, clean(f.To))
	}
	note := ""
	for _, a := range f.Acts {
		switch {
		case a.Do == probes.Dropped && f.Arrived() != 0: // a copy of it
		case a.Do == probes.Dropped && a.Rule == probes.ByImpair:
			note = t.say(words.ReportImpaired)
		case a.Do == probes.Dropped:
			note = t.say(words.ReportDropped, t.rule(a.Rule))
		case a.Do == probes.Refused:
			note = t.say(words.ReportRefused, clean(a.What))
		case a.Do == probes.Merged:
			note = t.say(words.ReportMerged)
		case a.Do == probes.Duplicated:
			note = t.say(words.ReportDuplicated, t.rule(a.Rule), a.Copies)
		case a.Do == probes.Corrupted && f.Corrupted:
			note = t.say(words.ReportCorrupted, t.rule(a.Rule))
		case a.Do == probes.Corrupted:
			note = t.say(words.ReportMended, t.rule(a.Rule))
		}
	}
	if f.Stopped() && waiting(f) {
		note = t.say(words.ReportStillHeld, t.rule(f.Acts[len(f.Acts)-1].Rule))
	}
	if a := overdue(f); a != nil {
		id := words.ReportDelayedOver
		if a.Do == probes.Reordered {
			id = words.ReportReorderedOver
		}
		note = t.say(id, t.rule(a.Rule))
	}
	return note
}

// rule names a rule of a gate.
func (t *text) rule(name string) string {
	switch name {
	case probes.ByImpair:
		return t.say(words.ReportByImpair)
	case probes.ByLockstep:
		return t.say(words.ReportInLockstep)
	case probes.ByHand:
		return t.say(words.ReportByHand)
	}
	return t.cut(clean(name), 40)
}
