package check

import (
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
