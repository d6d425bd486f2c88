package check

import (
	"slices"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// states judges the path of states of one end.
//
// It fails where the path is refuted: by a state that was seen and that the
// wanted path does not have there, or by a state that is missing although a
// whole record would show it. A path that the model finds on a wire recorded
// whole counts as such a record: segments are recorded, and what follows
// from them by RFC 9293 refutes as well as they do. It does not confirm
// alone: a pass needs, for each state, two classes of observers, or one that
// recorded it where no other could see it.
func (j *judge) states(v *Verdict, c *timeline.Connection, end string, want []probes.State) {
	e, d := findEnd(c, end)
	if d != nil {
		v.Got = "no such end"
		if d.reason.ID != words.CheckSameNode {
			run := j.runDoubt()
			if run == nil { // else the end may have come to light later
				v.fail(d.reason)
				return
			}
			d = run
		}
		v.inconclusive(d)
		return
	}
	visits := judged(e)
	got := path(visits)
	v.Got = pathText(got)
	j.countWitnesses(v, visits)
	conflict := j.conflictDoubt(e)
	if !samePath(got, want) {
		if d := firstDoubt(conflict, j.cannotRefutePath(c, e, visits, want)); d != nil {
			v.inconclusive(d)
			return
		}
		v.fail(pathReason(visits, want))
		return
	}
	if d := firstDoubt(conflict, j.silence(c, e, visits)); d != nil {
		v.inconclusive(d)
		return
	}
	weak, alone := unwitnessed(visits)
	if len(weak) > 0 {
		v.inconclusive(j.unobserved(c, e, weak))
		return
	}
	v.pass()
	if len(alone) > 0 {
		v.limited(words.M(words.CheckOneClass, stateNames(alone), string(probes.BPF)))
	}
}

// judged returns the visits inside the window.
func judged(e *timeline.Endpoint) []timeline.Visit {
	var out []timeline.Visit
	for _, v := range e.History {
		if !v.Teardown {
			out = append(out, v)
		}
	}
	return out
}

func path(visits []timeline.Visit) []probes.State {
	var out []probes.State
	for _, v := range visits {
		if len(out) == 0 || out[len(out)-1] != v.State {
			out = append(out, v.State)
		}
	}
	return out
}

func wantedStates(x *scenarios.EndExpect) []probes.State {
	var out []probes.State
	for _, s := range x.States {
		if len(out) == 0 || out[len(out)-1] != s.State {
			out = append(out, s.State)
		}
	}
	return out
}

// visitTo returns the visit to a state inside the window, nil if none.
func visitTo(e *timeline.Endpoint, state probes.State) *timeline.Visit {
	for i := range e.History {
		if e.History[i].State == state && !e.History[i].Teardown {
			return &e.History[i]
		}
	}
	return nil
}

// lastVisit returns the last visit inside the window, nil if none.
func lastVisit(e *timeline.Endpoint) *timeline.Visit {
	for i := len(e.History) - 1; i >= 0; i-- {
		if !e.History[i].Teardown {
			return &e.History[i]
		}
	}
	return nil
}

// samePath compares paths as note 2 of RFC 9293 figure 5 reads them: from
// FIN-WAIT-1 to TIME-WAIT, with or without FIN-WAIT-2 in between.
func samePath(a, b []probes.State) bool { return slices.Equal(noteTwo(a), noteTwo(b)) }

func noteTwo(states []probes.State) []probes.State {
	var out []probes.State
	for i, s := range states {
		if s == probes.FinWait2 && optional(states, i) {
			continue
		}
		out = append(out, s)
	}
	return out
}

// optional reports whether states[i] is a FIN-WAIT-2 that note 2 lets go
// without saying.
func optional(states []probes.State, i int) bool {
	return states[i] == probes.FinWait2 && i > 0 && states[i-1] == probes.FinWait1 &&
		i+1 < len(states) && states[i+1] == probes.TimeWait
}

// countWitnesses notes what each source saw of the path. The opener's first
// CLOSED is seen by whoever sees it leave. The model counts once, by
// whichever of its sources drove it.
func (j *judge) countWitnesses(v *Verdict, visits []timeline.Visit) {
	counts := map[probes.Source]int{}
	grades := map[probes.Source]probes.Grade{}
	for i, visit := range visits {
		ws := visit.Witnesses
		if i == 0 && visit.State == probes.Closed && len(ws) == 0 && len(visits) > 1 {
			ws = visits[1].Witnesses
		}
		here := map[probes.Source]bool{}
		for _, w := range ws {
			src := w.Source
			if src.Class() == probes.Model {
				src = probes.Wire
			}
			if !here[src] {
				here[src] = true
				counts[src]++
			}
			grades[src] = max(grades[src], w.Grade)
			v.Evidence.Events = append(v.Evidence.Events, w.Event)
		}
	}
	for _, src := range []probes.Source{probes.BPF, probes.SockDiag, probes.SS, probes.Wire} {
		if counts[src] > 0 {
			v.seen(src, grades[src], counts[src], len(visits), 0)
		}
	}
}

// unwitnessed returns the states that were merely inferred or sampled, and
// those that one class recorded alone. A FIN-WAIT-2 that note 2 lets go
// without saying needs no other witness than the model: where one segment
// leads through it there is nothing to look at.
func unwitnessed(visits []timeline.Visit) (weak, alone []probes.State) {
	states := path(visits)
	for i, visit := range visits {
		if i < len(states) && optional(states, i) && visit.Until == visit.From {
			continue
		}
		if i == 0 && visit.State == probes.Closed && len(visits) > 1 {
			continue // what it was before its first transition
		}
		classes, recorded := map[probes.Class]bool{}, false
		for _, w := range visit.Witnesses {
			classes[w.Source.Class()] = true
			recorded = recorded || w.Grade == probes.Recorded || w.Grade == probes.RecordedMini
		}
		switch {
		case len(classes) > 1:
		case recorded:
			alone = append(alone, visit.State)
		default:
			weak = append(weak, visit.State)
		}
	}
	return weak, alone
}

// silence says which state one class did not see although it recorded the
// whole of the path and its kind can see that state. Two who could see must
// agree.
func (j *judge) silence(c *timeline.Connection, e *timeline.Endpoint, visits []timeline.Visit) *doubt {
	model := j.modelDoubt(c, e) == nil
	states := path(visits)
	for i, visit := range visits {
		if i == 0 && visit.State == probes.Closed {
			continue
		}
		if j.kernelShows(e, visit.State) && !visit.Seen(probes.KernelEvents) {
			return because(words.CheckNotWitnessed, visit.State.String(), string(probes.BPF))
		}
		note := i < len(states) && optional(states, i)
		if model && !note && !byTimer(visits, i) && !visit.Seen(probes.Model) {
			return because(words.CheckNotWitnessed, visit.State.String(), "model")
		}
	}
	return nil
}

// byTimer reports whether a visit began because the time of TIME-WAIT was over:
// neither the wire nor a call shows that to the model (RFC 9293 section 3.10.8).
func byTimer(visits []timeline.Visit, i int) bool {
	return i > 0 && visits[i].State == probes.Closed && visits[i-1].State == probes.TimeWait
}

// kernelShows reports whether bpf must have recorded a visit of an end to a
// state: it recorded all that it can see, and that is one of it.
func (j *judge) kernelShows(e *timeline.Endpoint, s probes.State) bool {
	if !j.kernelWhole(e) {
		return false
	}
	inMini := s == probes.SynReceived || s == probes.TimeWait
	return mustBeAnEvent(s) || inMini && j.lives() && e.Views[probes.KernelEvents].Sees(s)
}

// lives reports whether bpf recorded the lives of mini-sockets.
func (j *judge) lives() bool {
	p, ok := j.status(probes.BPF)
	return ok && p.Records(probes.KindLife)
}

// mustBeAnEvent reports whether every visit to a state passes through the
// kernel's state tracepoint. The others may be spent in a mini-socket.
func mustBeAnEvent(s probes.State) bool {
	switch s {
	case probes.SynSent, probes.Established, probes.FinWait1, probes.CloseWait, probes.Closing, probes.LastAck:
		return true
	}
	return false
}

// unobserved says which states nobody could record, and why.
func (j *judge) unobserved(c *timeline.Connection, e *timeline.Endpoint, states []probes.State) *doubt {
	d := j.eventsDoubt(e)
	if slices.Equal(states, []probes.State{probes.TimeWait}) && !j.lives() {
		// No event of its socket shows it: a look at the table does.
		d = firstDoubt(j.sourceDoubt(probes.SockDiag), j.modelDoubt(c, e), j.lackDoubt(probes.KindLife), because(words.CheckNoLook, e.Node))
	}
	id := words.CheckNotObservables
	if len(states) == 1 {
		id = words.CheckNotObservable
	}
	return because(id, stateNames(states), d.reason).remediedBy(d)
}

func stateNames(states []probes.State) words.List {
	var out words.List
	for _, s := range states {
		if !slices.Contains(out, s.String()) {
			out = append(out, s.String())
		}
	}
	return out
}

// cannotRefutePath says why a path that differs does not refute. What was
// seen refutes by itself where the wanted path has no room for it: missing
// records do not add states. What was not seen refutes only where it would
// have been recorded.
func (j *judge) cannotRefutePath(c *timeline.Connection, e *timeline.Endpoint, visits []timeline.Visit, want []probes.State) *doubt {
	model := j.modelDoubt(c, e)
	var seen []probes.State
	for _, visit := range visits {
		if model == nil || visit.Seen(probes.KernelEvents) || visit.Seen(probes.KernelState) {
			seen = append(seen, visit.State)
		}
	}
	if !contains(roomy(want), seen) || model == nil {
		return nil
	}
	if j.kernelWhole(e) && !slices.Contains(want, probes.TimeWait) || j.lives() && j.kernelShows(e, probes.TimeWait) {
		return nil
	}
	return model
}

// roomy returns the path with the FIN-WAIT-2 that note 2 allows.
func roomy(states []probes.State) []probes.State {
	var out []probes.State
	for i, s := range states {
		out = append(out, s)
		if s == probes.FinWait1 && i+1 < len(states) && states[i+1] == probes.TimeWait {
			out = append(out, probes.FinWait2)
		}
	}
	return out
}

// contains reports whether b is what is left of a after leaving some out.
func contains(a, b []probes.State) bool {
	for _, s := range a {
		if len(b) > 0 && b[0] == s {
			b = b[1:]
		}
	}
	return len(b) == 0
}

// pathReason says where the path first differs from what is wanted.
func pathReason(visits []timeline.Visit, want []probes.State) words.Message {
	got := path(visits)
	i, k := 0, 0
	for i < len(got) && k < len(want) {
		switch {
		case got[i] == want[k]:
			i++
			k++
			continue
		case optional(got, i):
			i++
			continue
		case optional(want, k):
			k++
			continue
		}
		return words.M(words.CheckStateDiffers, got[i].String(), want[k].String(), eventOf(visits, i))
	}
	if i < len(got) {
		return words.M(words.CheckStateExtra, got[i].String(), eventOf(visits, i))
	}
	for k < len(want)-1 && optional(want, k) {
		k++
	}
	return words.M(words.CheckStateMissing, want[min(k, len(want)-1)].String())
}

// eventOf returns the event of the best witness of the nth state of a path,
// 0 if it has none.
func eventOf(visits []timeline.Visit, n int) uint64 {
	for i, v := range visits {
		if i > 0 && visits[i-1].State == v.State {
			continue
		}
		if n--; n < 0 && len(v.Witnesses) > 0 {
			return v.Witnesses[0].Event
		} else if n < 0 {
			return 0
		}
	}
	return 0
}
