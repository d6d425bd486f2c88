package check

import (
	"fmt"
	"strings"
	"time"

	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// This file judges when moments were: whether one followed another, and after
// how long.

// order judges whether moments followed one another.
func (j *judge) order(moments []scenarios.Moment) {
	if len(moments) == 0 {
		return
	}
	v := Verdict{Name: "order", Kind: OrderKind, At: moments[0].At}
	texts := make([]string, len(moments))
	found := make([]instant, len(moments))
	for i := range moments {
		texts[i] = moments[i].Text
		found[i] = j.moment(&moments[i])
		v.note(found[i])
		if !found[i].never {
			v.Moments = append(v.Moments, Passed{texts[i], found[i].at})
		}
	}
	v.Want = strings.Join(texts, " < ")
	v.Got = j.inOrder(texts, found)
	if d, failed := neverDoubt(texts, found); failed {
		j.decideNever(&v, texts, found, d)
		return
	}
	for i := 1; i < len(found); i++ {
		a, b := found[i-1], found[i]
		if b.at < a.early { // later than all doubt about when
			reason := words.M(words.CheckReversed, texts[i], j.ms(b.at), texts[i-1], j.ms(a.at))
			j.decideTime(&v, found, reason, j.tooNear(b.at, a.early, b, a, texts[i], texts[i-1]))
			return
		}
		if a.frame != 0 && a.frame == b.frame {
			j.decideTime(&v, found, words.M(words.CheckSameTime, texts[i-1], texts[i]), nil)
			return
		}
		if d := j.tooNear(a.at, b.early, a, b, texts[i-1], texts[i]); d != nil || a.at >= b.early {
			if d == nil {
				d = because(words.CheckTooClose, texts[i-1], texts[i], a.at.Sub(b.early).String())
			}
			v.inconclusive(d)
			j.add(v)
			return
		}
	}
	j.decideTime(&v, found, words.Message{}, nil)
}

// duration judges the time between two moments.
func (j *judge) duration(x *scenarios.DurationExpect) {
	v := Verdict{Name: "durations." + x.Name, Kind: DurationKind, At: x.At, Want: boundsText(x)}
	texts := []string{x.From.Text, x.To.Text}
	found := []instant{j.moment(&x.From), j.moment(&x.To)}
	v.note(found[0])
	v.note(found[1])
	if d, failed := neverDoubt(texts, found); failed {
		v.Got = "never"
		j.decideNever(&v, texts, found, d)
		return
	}
	longest, shortest := found[1].at.Sub(found[0].early), found[1].early.Sub(found[0].at)
	v.Got = shortDuration(longest)
	slack := j.slack(found[0], found[1])
	longest, shortest = longest+slack, shortest-slack
	var reason words.Message
	var d *doubt
	between := because(words.CheckInBetween, shortDuration(shortest), shortDuration(longest))
	if longest < 0 { // whatever the bounds: it does not lead from one to the other
		j.decideTime(&v, found, words.M(words.CheckWrongOrder, texts[1], texts[0]), nil)
		return
	}
	if b := x.AtLeast; b != nil && shortest < b.Duration {
		if reason = words.M(words.CheckTooShort, v.Got, shortDuration(b.Duration)); longest >= b.Duration {
			d = between
		}
	}
	if b := x.AtMost; b != nil && longest > b.Duration {
		if reason = words.M(words.CheckTooLong, v.Got, shortDuration(b.Duration)); shortest <= b.Duration {
			d = between
		}
	}
	if x.AtLeast != nil || !reason.IsZero() { // waiting makes nothing shorter
		d = firstDoubt(d, firstDoubt(j.timerDoubt(), j.handDoubt()))
	}
	starved := j.starvedBetween(found)
	// Being kept waiting makes everything longer, never shorter.
	most, known := j.starvedTime(found[0].early, found[1].at)
	if reason.IsZero() && known && (x.AtLeast == nil || shortest-most >= x.AtLeast.Duration) {
		starved = nil
	}
	j.decide(&v, found, reason, firstDoubt(starved, d))
}

// decideNever decides where a moment was not seen.
func (j *judge) decideNever(v *Verdict, texts []string, found []instant, d *doubt) {
	for i, x := range found {
		if !x.never {
			continue
		}
		if d == nil {
			v.fail(words.M(words.CheckNever, texts[i]))
			break
		}
		if x.doubt != nil {
			v.inconclusive(because(words.CheckNotSure, texts[i], x.doubt.reason).remediedBy(x.doubt))
			break
		}
	}
	j.excuse(v, nil)
	j.add(*v)
}

// neverDoubt reports whether a moment was not seen and, if that is not
// certain of any of those, why.
func neverDoubt(texts []string, found []instant) (d *doubt, never bool) {
	for _, x := range found {
		if x.never && x.doubt == nil {
			return nil, true
		}
		if x.never {
			never, d = true, firstDoubt(d, x.doubt)
		}
	}
	return d, never
}

// decideTime decides a verdict on times: reason says why it does not hold.
// A clock that was set makes every time doubtful; a machine that kept the run
// waiting every duration, and an order that does not hold.
func (j *judge) decideTime(v *Verdict, found []instant, reason words.Message, d *doubt) {
	if v.Kind == DurationKind || v.Kind == OrderKind && !reason.IsZero() {
		d = firstDoubt(j.starvedBetween(found), d)
	}
	j.decide(v, found, reason, d)
}

// decide decides a verdict on times whose doubts are known but for those of
// the moments themselves.
func (j *judge) decide(v *Verdict, found []instant, reason words.Message, d *doubt) {
	for _, x := range found {
		d = firstDoubt(d, x.doubt)
	}
	if d = firstDoubt(j.clockDoubt(found), d); d != nil {
		v.inconclusive(d)
	} else if !reason.IsZero() {
		v.fail(reason)
	} else {
		v.pass()
	}
	j.add(*v)
}

// clockDoubt says that the wall clock, which stamps the wire, was set.
func (j *judge) clockDoubt(found []instant) *doubt {
	wire := false
	for _, x := range found {
		wire = wire || x.source == probes.Wire
	}
	for i := range j.tl.Events {
		if ev := &j.tl.Events[i]; wire && ev.Clock != nil && ev.Clock.Step {
			return because(words.CheckClockStep).remedied(words.M(words.CheckRunAgain))
		}
	}
	return nil
}

// slack returns by how much the clocks of two instants may differ: the wire
// is stamped by the wall clock, everything else by CLOCK_MONOTONIC.
func (j *judge) slack(a, b instant) time.Duration {
	if (a.source == probes.Wire) == (b.source == probes.Wire) {
		return 0
	}
	var width int64
	for i := range j.tl.Events {
		if c := j.tl.Events[i].Clock; c != nil {
			width = max(width, c.Width)
		}
	}
	return time.Duration(width)
}

// tooNear says that two times, first before second, are nearer to each
// other than the clocks can tell.
func (j *judge) tooNear(first, second probes.Mono, a, b instant, nameA, nameB string) *doubt {
	slack := j.slack(a, b)
	if gap := second.Sub(first); slack > 0 && gap <= slack && gap >= 0 {
		return because(words.CheckTooClose, nameA, nameB, slack.String())
	}
	return nil
}

// note adds an instant to the evidence.
func (v *Verdict) note(x instant) {
	if x.event != 0 {
		v.Evidence.Events = append(v.Evidence.Events, x.event)
	}
	if x.frame != 0 {
		v.Evidence.Frames = append(v.Evidence.Frames, x.frame)
	}
	if x.source == "" {
		return
	}
	for i := range v.SeenBy {
		if s := &v.SeenBy[i]; s.Source == x.source && s.Grade == x.grade {
			s.Count, s.Of = s.Count+1, s.Of+1
			return
		}
	}
	v.seen(x.source, x.grade, 1, 1, 0)
}

// inOrder writes the moments in the order in which they happened.
func (j *judge) inOrder(texts []string, found []instant) string {
	left := make([]int, 0, len(found))
	for i, x := range found {
		if x.never {
			continue
		}
		k := len(left)
		for k > 0 && found[left[k-1]].at > x.at {
			k--
		}
		left = append(left[:k], append([]int{i}, left[k:]...)...)
	}
	var parts []string
	for _, i := range left {
		parts = append(parts, texts[i])
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " < ")
}

// ms writes a time of the run in milliseconds since the window opened.
func (j *judge) ms(m probes.Mono) string {
	return fmt.Sprintf("%.3f ms", float64(m.Sub(j.tl.Open))/1e6)
}

// shortDuration writes a duration to three digits behind the point of its
// unit at most.
func shortDuration(d time.Duration) string {
	switch abs := d.Abs(); {
	case abs >= time.Second:
		return d.Round(time.Millisecond).String()
	case abs >= time.Millisecond:
		return d.Round(time.Microsecond).String()
	}
	return d.String()
}
