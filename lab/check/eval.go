package check

import (
	"slices"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// Eval judges a run: one verdict for each expectation of the scenario, in
// the order of its file, one for each step that did not go as it was meant to,
// one for each change that a proxy never made, and one for each rule of a gate that
// never matched; of a mutation, one for each expectation that must fail. It only
// reads its arguments.
func Eval(tl *timeline.Timeline, sc *scenarios.Scenario) *Judgement {
	j := &judge{tl: tl, sc: sc, frames: map[*timeline.Connection][]Frame{}}
	for i := range sc.Expect.Connections {
		j.connection(&sc.Expect.Connections[i]).answer()
	}
	for i := range sc.Expect.Steps {
		j.stepResult(&sc.Expect.Steps[i])
	}
	for i := range sc.Expect.ConnectionCount {
		j.connectionCount(&sc.Expect.ConnectionCount[i])
	}
	for i := range sc.Expect.Counters {
		j.counters(&sc.Expect.Counters[i])
	}
	j.order(sc.Expect.Order)
	for i := range sc.Expect.Durations {
		j.duration(&sc.Expect.Durations[i])
	}
	for i := range sc.Expect.Ratios {
		j.ratio(&sc.Expect.Ratios[i])
	}
	j.carried()
	j.impliedSteps()
	j.edits()
	j.gates()

	out := &Judgement{Outcome: Pass, Verdicts: j.verdicts, Tally: j.tally()}
	if d := j.runDoubt(); d != nil {
		out.Outcome, out.Problem = Inconclusive, &d.reason
	}
	for _, v := range j.verdicts {
		out.Outcome = Worst(out.Outcome, v.Outcome)
	}
	if len(sc.MustFail) > 0 {
		return caught(out, sc.MustFail)
	}
	return out
}

// A judge holds what the evaluators share.
type judge struct {
	tl       *timeline.Timeline
	sc       *scenarios.Scenario
	frames   map[*timeline.Connection][]Frame
	verdicts []Verdict
	secure   []*probes.Event // calls of TLS, once they are listed
	listed   bool
}

// read returns the frames of a connection.
func (j *judge) read(c *timeline.Connection) []Frame {
	if f, ok := j.frames[c]; ok {
		return f
	}
	f := Frames(c)
	j.frames[c] = f
	return f
}

// add completes a verdict and keeps it.
func (j *judge) add(v Verdict) {
	slices.Sort(v.Evidence.Events)
	v.Evidence.Events = slices.Compact(v.Evidence.Events)
	slices.Sort(v.Evidence.Frames)
	v.Evidence.Frames = slices.Compact(v.Evidence.Frames)
	j.verdicts = append(j.verdicts, v)
}

// pass, fail and inconclusive decide a verdict.

func (v *Verdict) pass() { v.Outcome = Pass }

func (v *Verdict) fail(reason words.Message) {
	v.Outcome, v.Reason, v.Remedy = Fail, &reason, nil
}

func (v *Verdict) inconclusive(d *doubt) {
	v.Outcome, v.Reason, v.Remedy = Inconclusive, &d.reason, nil
	if !d.remedy.IsZero() {
		v.Remedy = &d.remedy
	}
}

// limited says what a pass rests on.
func (v *Verdict) limited(reason words.Message) { v.Reason = &reason }

// seen notes what a source contributed.
func (v *Verdict) seen(src probes.Source, grade probes.Grade, count, of int, event uint64) {
	v.SeenBy = append(v.SeenBy, Seen{Source: src, Class: src.Class().String(), Grade: grade, Count: count, Of: of, Event: event})
}
