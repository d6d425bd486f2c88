package check

import (
	"fmt"
	"strings"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// An instant is when a moment of the scenario happened. It lies between
// early and at: a sampler knows only that it happened since its last look.
type instant struct {
	early, at probes.Mono
	source    probes.Source
	grade     probes.Grade
	event     uint64
	frame     int    // 0 if it is no segment
	never     bool   // it did not happen
	doubt     *doubt // why the rest is not certain
}

// moment finds when a moment happened.
func (j *judge) moment(m *scenarios.Moment) instant {
	switch m.Point {
	case "started", "ended":
		return j.stepMoment(m)
	case "matched":
		return j.ruleMoment(m)
	}
	c := Connection(j.tl, j.sc, m.Name)
	if c == nil {
		var v Verdict
		j.missing(&v, m.Name)
		if v.Outcome == Fail {
			return instant{never: true}
		}
		return instant{never: true, doubt: &doubt{reason: *v.Reason}}
	}
	frames := j.read(c)
	conflict := firstDoubt(j.conflictDoubt(c.Opener, c.Acceptor), j.gateDoubt(c))
	if m.Point == "" {
		e, d := findEnd(c, m.End)
		if d != nil {
			return instant{never: true, doubt: d}
		}
		switch m.Word {
		case "":
			return j.stateMoment(c, e, m.State)
		case scenarios.WordCloseNotify, scenarios.WordAlert:
			return j.secureMoment(c, e, m.Word)
		}
		for _, f := range frames {
			if f.Counts && f.End == e && f.Word == m.Word {
				return frameInstant(f, conflict)
			}
		}
		return instant{never: true, doubt: j.wireDoubt(c)}
	}
	var f *Frame
	if m.Point == "opened" {
		f = firstSYN(frames)
	} else {
		f = lastOfClosing(frames)
	}
	if f == nil {
		return instant{never: true, doubt: j.wireDoubt(c)}
	}
	if m.Point == "closed" {
		// A later segment may have been overlooked.
		conflict = firstDoubt(conflict, j.wireDoubt(c))
	}
	return frameInstant(*f, conflict)
}

// ruleMoment finds when a rule of a gate first matched: one that acts tells by
// what it does.
func (j *judge) ruleMoment(m *scenarios.Moment) instant {
	var acts []timeline.Act
	for _, g := range j.tl.Gates {
		acts = append(acts, g.First...)
	}
	var first *timeline.Act
	for _, a := range append(acts, j.tl.Acts...) {
		if a.Rule == m.Name && j.inWindow(a.Time) && (first == nil || a.Time < first.Time) {
			first = &a
		}
	}
	if first == nil {
		return instant{never: true, doubt: firstDoubt(j.runDoubt(), j.lostAtGates(func(string) bool { return true }))}
	}
	return instant{early: first.Time, at: first.Time, source: probes.Gate, grade: probes.Recorded, event: first.Event}
}

func (j *judge) stepMoment(m *scenarios.Moment) instant {
	s := j.step(stepIndex(j.sc, m.Name))
	switch {
	case s == nil:
		return instant{never: true, doubt: because(words.CheckStepNotRun)}
	case m.Point == "started":
		return instant{early: s.Start, at: s.Start, source: probes.Lab, grade: probes.Recorded, event: s.Begun}
	case s.End == 0:
		return instant{never: true, doubt: because(words.CheckStepNotEnded)}
	}
	return instant{early: s.End, at: s.End, source: probes.Lab, grade: probes.Recorded, event: s.Ended}
}

// stateMoment finds when an end entered a state. It needs what a state path
// needs: a recorder, or two classes that agree.
func (j *judge) stateMoment(c *timeline.Connection, e *timeline.Endpoint, state probes.State) instant {
	visit := visitTo(e, state)
	if visit == nil {
		return instant{never: true, doubt: j.modelDoubt(c, e)}
	}
	if len(visit.Witnesses) == 0 {
		return instant{early: visit.From, at: visit.From, doubt: j.unobserved(c, e, []probes.State{state})}
	}
	w := visit.Witnesses[0]
	x := instant{early: visit.From, at: visit.From, source: w.Source, grade: w.Grade, event: w.Event, doubt: j.conflictDoubt(e)}
	if w.Grade == probes.Sampled {
		if ev := j.event(w.Event); ev != nil && ev.Sample != nil && ev.Sample.Since != 0 {
			x.early = min(x.early, ev.Sample.Since)
		}
	}
	if visit.Seen(probes.Model) && !visit.Seen(probes.KernelEvents) { // then when it began is the model's word
		x.doubt = firstDoubt(x.doubt, j.modelDoubt(c, e))
	}
	if weak, _ := unwitnessed([]timeline.Visit{*visit}); len(weak) > 0 {
		x.doubt = firstDoubt(x.doubt, j.unobserved(c, e, weak))
	}
	return x
}

func (j *judge) event(seq uint64) *probes.Event {
	if seq == 0 || seq > uint64(len(j.tl.Events)) {
		return nil
	}
	return &j.tl.Events[seq-1]
}

func frameInstant(f Frame, d *doubt) instant {
	x := instant{source: probes.Wire, grade: probes.Recorded, frame: f.Frame, doubt: d}
	if len(f.Taps) > 0 {
		x.early, x.at, x.event = f.Sent(), f.Sent(), f.Taps[0].Event
	}
	return x
}

func firstSYN(frames []Frame) *Frame {
	for i, f := range frames {
		if f.Counts && f.Word == scenarios.WordSYN {
			return &frames[i]
		}
	}
	return nil
}

// lastOfClosing returns the last frame of a closing that was completed: both
// FINs were sent, or a RST.
func lastOfClosing(frames []Frame) *Frame {
	var fin [2]bool
	done := false
	closing := Closing(frames)
	for _, f := range closing {
		if f.Flags.Has(probes.FIN) {
			if f.Opener {
				fin[0] = true
			} else {
				fin[1] = true
			}
		}
		done = done || f.Word == scenarios.WordRST
	}
	if !done && !(fin[0] && fin[1]) {
		return nil
	}
	return &closing[len(closing)-1]
}

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
