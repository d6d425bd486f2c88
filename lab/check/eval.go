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
// and one for each change that a proxy never made. It only reads its arguments.
func Eval(tl *timeline.Timeline, sc *scenarios.Scenario) *Judgement {
	j := &judge{tl: tl, sc: sc, frames: map[*timeline.Connection][]Frame{}}
	for i := range sc.Expect.Connections {
		j.connection(&sc.Expect.Connections[i])
	}
	for i := range sc.Expect.Steps {
		j.stepResult(&sc.Expect.Steps[i])
	}
	for i := range sc.Expect.ConnectionCount {
		j.connectionCount(&sc.Expect.ConnectionCount[i])
	}
	j.order(sc.Expect.Order)
	for i := range sc.Expect.Durations {
		j.duration(&sc.Expect.Durations[i])
	}
	j.impliedSteps()
	j.edits()

	out := &Judgement{Outcome: Pass, Verdicts: j.verdicts, Tally: j.tally()}
	if d := j.runDoubt(); d != nil {
		out.Outcome, out.Problem = Inconclusive, &d.reason
	}
	for _, v := range j.verdicts {
		out.Outcome = Worst(out.Outcome, v.Outcome)
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

// connection judges all that is expected of one connection.
func (j *judge) connection(x *scenarios.ConnectionExpect) {
	c := Connection(j.tl, j.sc, x.Name)
	about := func(name string, kind Kind, reference string, at scenarios.Pos, judge func(*Verdict), want string) {
		v := Verdict{Name: x.Name + "." + name, Kind: kind, Want: want, Reference: reference, At: at}
		if c == nil {
			j.missing(&v, x.Name)
		} else {
			judge(&v)
		}
		if v.Outcome == Pass {
			if d := j.conflictDoubt(c.Opener, c.Acceptor); d != nil {
				v.inconclusive(d)
			}
		}
		j.excuse(&v, c)
		j.add(v)
	}
	if p := x.Opening; p != nil {
		about("opening", OpeningKind, "RFC 9293 section 3.5", x.At,
			func(v *Verdict) { j.pattern(v, c, Opening(j.read(c)), *p, true) }, patternText(c, *p, true))
	}
	if p := x.Closing; p != nil {
		about("closing", ClosingKind, "RFC 9293 section 3.6", x.At,
			func(v *Verdict) { j.pattern(v, c, Closing(j.read(c)), *p, false) }, patternText(c, *p, false))
	}
	for i := range x.Ends {
		e := &x.Ends[i]
		if len(e.States) > 0 {
			want := wantedStates(e)
			about(e.Name+".states", StatesKind, "RFC 9293 section 3.3.2", e.At,
				func(v *Verdict) { j.states(v, c, e.Name, want) }, pathText(want))
		}
	}
	if w := x.FirstFIN; w != nil {
		about("first_fin", FirstFINKind, "RFC 9293 section 3.6", x.At, func(v *Verdict) { j.firstFIN(v, c, *w) }, whoText(*w))
	}
	if w := x.TimeWait; w != nil {
		about("time_wait", TimeWaitKind, "RFC 9293 section 3.6.1", x.At, func(v *Verdict) { j.timeWait(v, c, *w) }, whoText(*w))
	}
	if n := x.Resets; n != nil {
		about("resets", ResetsKind, "RFC 9293 section 3.5.2", x.At, func(v *Verdict) { j.resets(v, c, *n) }, countText(*n))
	}
	if n := x.Retransmissions; n != nil {
		about("retransmissions", RetransmissionsKind, "RFC 9293 section 3.8.1", x.At,
			func(v *Verdict) { j.retransmissions(v, c, *n) }, countText(*n))
	}
	for i, text := range x.Visible {
		about(numbered(VisibleKind, i, len(x.Visible)), VisibleKind, "RFC 3552 section 3.2.1", x.At,
			func(v *Verdict) { j.readable(v, c, text, true) }, quoted(text))
	}
	for i, text := range x.Hidden {
		about(numbered(HiddenKind, i, len(x.Hidden)), HiddenKind, "RFC 3552 section 3.2.1", x.At,
			func(v *Verdict) { j.readable(v, c, text, false) }, "not "+quoted(text))
	}
	if w := x.TLS; w != nil {
		about("tls", TLSKind, "RFC 8446 section 4.2.1", x.At, func(v *Verdict) { j.tlsVersion(v, c, *w) }, string(*w))
	}
	if w := x.Alerts; w != nil {
		about("alerts", AlertsKind, "RFC 8446 section 6", x.At, func(v *Verdict) { j.alerts(v, c, *w) }, alertsText(*w))
	}
	if w := x.CloseNotify; w != nil {
		about("close_notify", CloseNotifyKind, "RFC 8446 section 6.1", x.At, func(v *Verdict) { j.closeNotify(v, c, *w) }, whoText(*w))
	}
}

func alertsText(want []scenarios.Alert) string {
	var parts []string
	for _, a := range want {
		parts = append(parts, a.End+" "+a.Description)
	}
	return listText(parts)
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
