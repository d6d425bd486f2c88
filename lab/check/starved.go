package check

import (
	"slices"
	"strings"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// This file judges what a machine that has too much to do is to blame for. It
// never makes a pass of a fail, nor the other way round.

// Bounds of what counts as kept waiting.
const (
	starvedFor  = 10 * time.Millisecond // less is noise
	starvedFrom = time.Second           // before something: what it held up may come as late
)

// starvedIn returns the longest time for which the machine kept the run
// waiting between two moments, or shortly before; nil if it did not.
func (j *judge) starvedIn(from, to probes.Mono) *timeline.Starved {
	var worst *timeline.Starved
	for i := range j.tl.Starved {
		s := &j.tl.Starved[i]
		noise := s.Late != 0 && time.Duration(s.Late) <= starvedFor
		if noise || s.Time < from-probes.Mono(starvedFrom) || s.Time-s.Late > to {
			continue
		}
		if worst == nil || s.Late > worst.Late {
			worst = s
		}
	}
	return worst
}

// starvedTime returns for how long the machine kept the run waiting, all in
// all, within or around a time; known is false where that was not measured.
// What it did may be twice that: not every wait is noticed.
func (j *judge) starvedTime(from, to probes.Mono) (most time.Duration, known bool) {
	for i := range j.tl.Starved {
		s := &j.tl.Starved[i]
		if s.Time < from || s.Time-s.Late > to {
			continue
		}
		if s.Late == 0 {
			return 0, false
		}
		most += 2 * time.Duration(s.Late)
	}
	return most, true
}

// starvedDoubt says that the machine kept the run waiting, by how much and
// where; nil for nil.
func starvedDoubt(s *timeline.Starved) *doubt {
	if s == nil {
		return nil
	}
	d := because(words.CheckStarved)
	switch late := shortDuration(time.Duration(s.Late)); {
	case s.Late == 0:
	case s.Node == "":
		d = because(words.CheckStarvedBy, late)
	default:
		d = because(words.CheckStarvedAt, s.Node, late)
	}
	return d.remedied(words.M(words.CheckRunAgain))
}

// starvedBetween says that the machine kept the run waiting between moments.
func (j *judge) starvedBetween(found []instant) *doubt {
	if len(found) == 0 {
		return nil
	}
	from, to := found[0].early, found[0].at
	for _, x := range found {
		from, to = min(from, x.early), max(to, x.at)
	}
	return starvedDoubt(j.starvedIn(from, to))
}

// excuse makes a failed verdict inconclusive where a machine that kept the run
// waiting may have caused what was seen: another order of segments, a
// retransmission, a timeout. c is the connection that it is about, nil for the
// whole run.
func (j *judge) excuse(v *Verdict, c *timeline.Connection) {
	if v.Outcome != Fail || timeless(v) && c != nil {
		return
	}
	from, to := j.tl.Open, j.tl.Close
	if c != nil && len(c.Segments) > 0 && len(c.Segments[0].Taps) > 0 {
		from = c.Segments[0].Sent()
		if f := lastOfClosing(j.read(c)); f != nil && len(f.Taps) > 0 {
			to = f.Sent()
		}
	}
	if d := starvedDoubt(j.starvedIn(from, to)); d != nil {
		v.inconclusive(d)
	}
}

// timeless reports whether what a verdict says is no matter of time: that a
// text was to be read, or which version was agreed on. That something was not
// sent may be.
func timeless(v *Verdict) bool {
	return v.Kind == HiddenKind || v.Kind == TLSKind && v.Got != "none"
}

// starvedShare is the part of a step's time from which on the machine may be to
// blame that the time ran out: 90 ms do not explain a limit of ten seconds.
const starvedShare = 10

// excuseStep does so for a step that failed because something took too long:
// whether that was wanted or not, the machine may have made it so, or a gate
// that lost frames. Where the run was cut short, what ended it may have made
// any step fail before that was known: a process of the lab that was killed.
func (j *judge) excuseStep(v *Verdict, s *timeline.Step) {
	if d := j.runDoubt(); d != nil && v.Outcome == Fail && s.Error != "" {
		v.inconclusive(d)
		return
	}
	wanted := v.Outcome == Pass && slices.Contains([]Kind{FailsKind, ErrorKind, StepKind}, v.Kind)
	if s.Left && (wanted && s.Error != "" || v.Kind == ErrorKind) {
		// Nobody knows how it would have ended.
		v.inconclusive(because(words.CheckStepLeft, s.Error).remedied(words.M(words.CheckAwaitStep)))
		return
	}
	if v.Outcome != Fail && !wanted || !tookTooLong(s.Error) {
		return
	}
	if d := j.lostAtGates(func(string) bool { return true }); d != nil {
		v.inconclusive(d)
		return
	}
	worst := j.starvedIn(s.Start, s.End)
	if worst == nil || worst.Late != 0 && worst.Late*starvedShare < s.End-s.Start {
		return
	}
	v.inconclusive(starvedDoubt(worst))
}

// tookTooLong reports whether an error says that time ran out: in the words of
// Go, of curl, of lftp, of the kernel and of our own.
func tookTooLong(err string) bool {
	err = strings.ToLower(err)
	for _, word := range []string{"timeout", "timed out", "time out", "deadline", "within", "in time"} {
		if strings.Contains(err, word) {
			return true
		}
	}
	return false
}
