package check

import (
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// firstFIN judges whose FIN was sent first. The wire decides; bpf, where it
// recorded that end whole, must have seen it enter FIN-WAIT-1.
func (j *judge) firstFIN(v *Verdict, c *timeline.Connection, want scenarios.Who) {
	f := firstFIN(j.read(c))
	var ends []*timeline.Endpoint
	reason := words.M(words.CheckNoFIN)
	if f != nil {
		ends = append(ends, f.End)
		v.Evidence.Frames = []int{f.Frame}
		v.Evidence.Events = tapEvents([]Frame{*f})
		reason = words.M(words.CheckFirstFIN, f.Frame, EndName(c, f.End))
	}
	v.Got = endsText(c, ends)
	v.seen(probes.Wire, probes.Recorded, tapped(c), 2, 0)
	ok, d := among(c, want, ends)
	if d = firstDoubt(d, j.wireDoubt(c)); d != nil {
		v.inconclusive(d)
		return
	}
	if !ok {
		v.fail(reason)
		return
	}
	v.pass()
	if f != nil {
		j.confirmFirstFIN(v, c, f.End)
	}
}

// confirmFirstFIN asks bpf whether an end was the active one.
func (j *judge) confirmFirstFIN(v *Verdict, c *timeline.Connection, e *timeline.Endpoint) {
	w := witness(e, probes.FinWait1, probes.KernelEvents)
	switch {
	case w != nil:
		v.seen(w.Source, w.Grade, 1, 1, w.Event)
		v.Evidence.Events = append(v.Evidence.Events, w.Event)
	case j.kernelWhole(e):
		v.inconclusive(because(words.CheckKernelSilent, EndName(c, e), probes.FinWait1.String()))
	default:
		v.limited(words.M(words.CheckWireAlone))
	}
}

func firstFIN(frames []Frame) *Frame {
	for i, f := range frames {
		if f.Counts && f.Flags.Has(probes.FIN) {
			return &frames[i]
		}
	}
	return nil
}

// witness returns the class's witness of an end's visit to a state inside
// the window, nil if there is none.
func witness(e *timeline.Endpoint, state probes.State, class probes.Class) *timeline.Witness {
	for i := range e.History {
		v := &e.History[i]
		if v.State != state || v.Teardown {
			continue
		}
		for k := range v.Witnesses {
			if v.Witnesses[k].Source.Class() == class {
				return &v.Witnesses[k]
			}
		}
	}
	return nil
}

// among reports whether the ends are one of the alternatives of want, or why
// a name of it is not clear.
func among(c *timeline.Connection, want scenarios.Who, ends []*timeline.Endpoint) (bool, *doubt) {
	var unclear *doubt
	for _, name := range want.Any {
		switch name {
		case scenarios.Nobody:
			if len(ends) == 0 {
				return true, nil
			}
		case scenarios.Both:
			if len(ends) == 2 {
				return true, nil
			}
		default:
			e, d := findEnd(c, name)
			if d != nil && d.reason.ID == words.CheckSameNode {
				unclear = d
			}
			if e != nil && len(ends) == 1 && ends[0] == e {
				return true, nil
			}
		}
	}
	return false, unclear
}

func endsText(c *timeline.Connection, ends []*timeline.Endpoint) string {
	switch len(ends) {
	case 0:
		return scenarios.Nobody
	case 1:
		return EndName(c, ends[0])
	}
	return scenarios.Both
}

func whoText(w scenarios.Who) string { return strings.Join(w.Any, arrow) }

// timeWait judges who kept TIME-WAIT. That an end did is positive evidence:
// the kernel's table showed it and the model agrees. That an end did not is
// an absence: see absent.
func (j *judge) timeWait(v *Verdict, c *timeline.Connection, want scenarios.Who) {
	var holders []*timeline.Endpoint
	var weak, never *doubt
	strict := len(want.Any) == 1 && want.Any[0] == scenarios.Nobody
	for _, e := range c.Ends() {
		if visit := visitTo(e, probes.TimeWait); visit != nil {
			holders = append(holders, e)
			weak = firstDoubt(weak, j.present(v, c, e, visit))
		}
	}
	for _, e := range c.Ends() {
		if visitTo(e, probes.TimeWait) == nil {
			never = firstDoubt(never, j.absent(v, c, e, strict))
		}
	}
	v.Got = endsText(c, holders)
	ok, unclear := among(c, want, holders)
	if unclear != nil {
		v.inconclusive(unclear)
		return
	}
	conflict := j.conflictDoubt(c.Opener, c.Acceptor)
	if !ok {
		if d := firstDoubt(conflict, j.cannotRefute(c, want)); d != nil {
			v.inconclusive(d)
			return
		}
		v.fail(timeWaitReason(c, want, holders))
		return
	}
	if d := firstDoubt(conflict, weak, never); d != nil {
		v.inconclusive(d)
		return
	}
	v.pass()
}

// present notes who saw the visit to TIME-WAIT, and says what it lacks.
func (j *judge) present(v *Verdict, c *timeline.Connection, e *timeline.Endpoint, visit *timeline.Visit) *doubt {
	classes := map[probes.Class]bool{}
	recorded := false
	for _, w := range visit.Witnesses {
		classes[w.Source.Class()] = true
		recorded = recorded || w.Grade == probes.Recorded || w.Grade == probes.RecordedMini
		v.seen(w.Source, w.Grade, 1, 1, w.Event)
		v.Evidence.Events = append(v.Evidence.Events, w.Event)
	}
	if recorded || len(classes) > 1 {
		return nil
	}
	return j.unobserved(c, e, []probes.State{probes.TimeWait})
}

// absent says why it is not certain that an end did not enter TIME-WAIT. Two
// classes must agree: the model, fed by a whole record, did not go there;
// and either somebody looked at the node after the close or bpf recorded the
// end's way into CLOSED from a state that does not lead to TIME-WAIT. Where
// nobody at all is expected to be there, only a look will do, or a record of
// every mini-socket's life.
func (j *judge) absent(v *Verdict, c *timeline.Connection, e *timeline.Endpoint, strict bool) *doubt {
	if d := j.modelDoubt(c, e); d != nil {
		return d
	}
	if src, event := j.look(e); event != 0 {
		v.seen(src, probes.Sampled, 1, 1, event)
		v.Evidence.Events = append(v.Evidence.Events, event)
		return nil
	}
	if !strict && j.closedOtherwise(e) {
		return nil
	}
	if last := lastVisit(e); j.lives() && j.kernelShows(e, probes.TimeWait) && last != nil && last.Seen(probes.KernelEvents) {
		v.seen(probes.BPF, probes.RecordedMini, 1, 1, last.Witnesses[0].Event)
		return nil
	}
	return firstDoubt(j.sourceDoubt(probes.SockDiag), j.lossDoubt(e.Node, probes.SockDiag), because(words.CheckNoLook, e.Node))
}

// look returns an event that proves that the node's sockets were listed
// after the end had come to its last state: what the listing did not show
// was not there. That is a sample of any socket of the node, but for one of a
// look at it alone, or the mark that every node was looked at.
func (j *judge) look(e *timeline.Endpoint) (probes.Source, uint64) {
	if j.lossDoubt(e.Node, probes.SockDiag) != nil {
		return "", 0 // a look failed, perhaps this one
	}
	last := lastVisit(e)
	for _, ev := range j.tl.Events {
		if j.tl.Close != 0 && ev.Time > j.tl.Close || last != nil && ev.Time <= last.From {
			continue
		}
		switch {
		case ev.Kind == probes.KindSample && ev.Node == e.Node && !ev.Sample.Single:
			return ev.Source, ev.Seq
		case ev.Kind == probes.KindMark && ev.Mark == probes.Looked:
			return probes.SockDiag, ev.Seq
		}
	}
	return "", 0
}

// closedOtherwise reports whether bpf recorded the end's way to CLOSED from
// a state from which no TIME-WAIT follows (RFC 9293 figure 5).
func (j *judge) closedOtherwise(e *timeline.Endpoint) bool {
	for i := 1; i < len(e.History); i++ {
		v := e.History[i]
		if v.State != probes.Closed || v.Teardown || !v.Seen(probes.KernelEvents) {
			continue
		}
		switch e.History[i-1].State {
		case probes.FinWait1, probes.FinWait2, probes.Closing, probes.TimeWait:
			return false
		}
		return true
	}
	return false
}

// cannotRefute says why a mismatch of TIME-WAIT does not refute: something
// may have been overlooked. An end that was seen there although no
// alternative allows it refutes by itself.
func (j *judge) cannotRefute(c *timeline.Connection, want scenarios.Who) *doubt {
	for _, e := range c.Ends() {
		visit := visitTo(e, probes.TimeWait)
		solid := visit != nil && (visit.Seen(probes.KernelState) || visit.Seen(probes.KernelEvents))
		if solid && !allowed(c, want, e) {
			return nil
		}
	}
	return firstDoubt(j.modelDoubt(c, c.Opener), j.modelDoubt(c, c.Acceptor))
}

// allowed reports whether some alternative has e in TIME-WAIT.
func allowed(c *timeline.Connection, want scenarios.Who, e *timeline.Endpoint) bool {
	for _, name := range want.Any {
		if name == scenarios.Both {
			return true
		}
		if x, _ := findEnd(c, name); x == e {
			return true
		}
	}
	return false
}

func timeWaitReason(c *timeline.Connection, want scenarios.Who, holders []*timeline.Endpoint) words.Message {
	for _, e := range holders {
		if !allowed(c, want, e) || len(holders) == 2 {
			visit := visitTo(e, probes.TimeWait)
			if len(visit.Witnesses) > 0 {
				return words.M(words.CheckHolds, EndName(c, e), visit.Witnesses[0].Event)
			}
		}
	}
	for _, e := range c.Ends() {
		if visitTo(e, probes.TimeWait) == nil && allowed(c, want, e) {
			return words.M(words.CheckHoldsNot, EndName(c, e))
		}
	}
	return words.M(words.CheckStepIs, endsText(c, holders), whoText(want))
}
