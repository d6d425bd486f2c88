package check

import (
	"cmp"
	"fmt"
	"slices"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// This file judges what only the kernel can tell: why it sent a RST, and what
// it counted.

// A sentReset is a RST that the kernel of an end sent.
type sentReset struct {
	from   *timeline.Endpoint
	reason string // "" where the kernel does not say
	event  uint64
	at     probes.Mono
}

// resetReasons judges why RST segments were sent, in the order of sending.
// That a reason is missing refutes only where all of them were recorded.
func (j *judge) resetReasons(v *Verdict, c *timeline.Connection, want []scenarios.ResetReason) {
	got := j.sentResets(c)
	var parts []string
	for _, r := range got {
		parts = append(parts, EndName(c, r.from)+" "+cmp.Or(r.reason, "?"))
		v.Evidence.Events = append(v.Evidence.Events, r.event)
	}
	v.Got = listText(parts)
	v.seen(probes.BPF, probes.Recorded, len(got), len(want), 0)
	if d := j.resetsDoubt(c); d != nil {
		v.inconclusive(d)
		return
	}
	if slices.ContainsFunc(got, func(r sentReset) bool { return r.reason == "" }) {
		v.inconclusive(because(words.CheckNoReasons).remedied(words.M(words.CheckNewerKernel, "6.10")))
		return
	}
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		e, d := findEnd(c, want[i].End)
		if d != nil {
			v.inconclusive(d)
			return
		}
		same = e == got[i].from && want[i].Reason == got[i].reason
	}
	if !same {
		v.fail(words.M(words.CheckStepIs, v.Got, v.Want))
		return
	}
	v.pass()
	v.limited(words.M(words.CheckKernelAlone))
}

// resetsDoubt says why not every RST of c may have been recorded.
func (j *judge) resetsDoubt(c *timeline.Connection) *doubt {
	return firstDoubt(j.sourceDoubt(probes.BPF), j.kindDoubt(probes.KindReset), j.runDoubt(),
		j.lossDoubt(c.Opener.Node, probes.BPF), j.lossDoubt(c.Acceptor.Node, probes.BPF), j.conflictDoubt(c.Opener, c.Acceptor))
}

// kindDoubt says why bpf does not record a kind of event.
func (j *judge) kindDoubt(k probes.Kind) *doubt {
	p, ok := j.status(probes.BPF)
	if !ok || p.Records(k) {
		return nil // that it is absent altogether is sourceDoubt's
	}
	return firstDoubt(j.lackDoubt(k), because(words.CheckAbsent, string(probes.BPF)+" ("+string(k)+")"))
}

// lackDoubt says why bpf, which is there, could not record a kind of event, as
// far as the record says it.
func (j *judge) lackDoubt(k probes.Kind) *doubt {
	p, _ := j.status(probes.BPF)
	for _, l := range p.Lacks {
		if l.Kind == k {
			d := because(words.CheckRefused, string(probes.BPF)+" ("+string(k)+")", l.Reason)
			if l.Remedy != "" {
				d.remedied(words.M(words.CheckRemedy, l.Remedy))
			}
			return d
		}
	}
	return nil
}

// sentResets gathers the RSTs that the kernel sent for c within the window, in
// the order of time, by its own word.
func (j *judge) sentResets(c *timeline.Connection) []sentReset {
	var list []sentReset
	for _, e := range c.Ends() {
		for _, r := range e.Resets {
			if r.Dir == probes.Out && r.Event != 0 && j.inWindow(r.Time) {
				list = append(list, sentReset{from: e, reason: r.Reason, event: r.Event, at: r.Time})
			}
		}
	}
	slices.SortStableFunc(list, func(x, y sentReset) int { return cmp.Compare(x.at, y.at) })
	return list
}

// wantedReasons writes reasons as they are wanted.
func wantedReasons(want []scenarios.ResetReason) string {
	var parts []string
	for _, r := range want {
		parts = append(parts, r.End+" "+r.Reason)
	}
	return listText(parts)
}

// objects judges what the kernel kept for an end, in order. Kernel events tell
// of all of them; looks at the table, of those that they came upon.
func (j *judge) objects(v *Verdict, c *timeline.Connection, end string, want []scenarios.ObjectName) {
	e, d := findEnd(c, end)
	if d != nil {
		v.inconclusive(d)
		return
	}
	var got []string
	recorded := 0
	for _, span := range e.Objects {
		if span.Teardown {
			continue
		}
		got = append(got, string(span.Object))
		for _, w := range span.Witnesses {
			v.Evidence.Events = append(v.Evidence.Events, w.Event)
		}
		if slices.ContainsFunc(span.Witnesses, func(w timeline.Witness) bool { return w.Source == probes.BPF }) {
			recorded++
		}
	}
	v.Got = listText(got)
	v.seen(probes.BPF, probes.RecordedMini, recorded, len(want), 0)
	wanted := make([]string, len(want))
	for i, o := range want {
		wanted[i] = string(o)
	}
	doubt := firstDoubt(j.sourceDoubt(probes.BPF), j.kindDoubt(probes.KindLife), j.runDoubt(), j.lossDoubt(e.Node, probes.BPF), j.conflictDoubt(e))
	same := slices.Equal(got, wanted)
	switch {
	case doubt != nil:
		v.inconclusive(doubt)
	case same && recorded < len(want): // it was there before the record
		v.inconclusive(because(words.CheckNotWitnessed, v.Want, string(probes.BPF)))
	case same:
		v.pass()
	default:
		v.fail(words.M(words.CheckStepIs, v.Got, v.Want))
	}
}

func objectsText(want []scenarios.ObjectName) string {
	var parts []string
	for _, o := range want {
		parts = append(parts, string(o))
	}
	return listText(parts)
}

// counters judges how much the counters of a node grew within the window.
func (j *judge) counters(x *scenarios.NodeCounters) {
	for i := range x.Counters {
		want := &x.Counters[i]
		v := Verdict{
			Name: "counters." + x.Name + "." + want.Name, Kind: CounterKind, Want: countText(want.Count),
			Reference: "netstat(8)", At: want.At,
		}
		j.counter(&v, x.Name, want)
		j.excuse(&v, nil)
		j.add(v)
	}
}

func (j *judge) counter(v *Verdict, node string, want *scenarios.CounterExpect) {
	grown := int64(0)
	status, _ := j.status(probes.SockDiag)
	for i := range j.tl.Events {
		e := &j.tl.Events[i]
		if e.Kind != probes.KindCounter || e.Node != node || e.Counter.Name != want.Name || !j.inWindow(e.Time) {
			continue
		}
		grown += int64(e.Counter.Delta)
		if e.Counter.Delta > 0 {
			v.Evidence.Events = append(v.Evidence.Events, e.Seq)
		}
	}
	v.Got = fmt.Sprint(grown)
	v.seen(probes.SockDiag, probes.Recorded, len(v.Evidence.Events), len(v.Evidence.Events), 0)
	d := firstDoubt(j.sourceDoubt(probes.SockDiag), j.runDoubt(), j.lossDoubt(node, probes.SockDiag))
	switch {
	case want.Count.Max >= 0 && grown > want.Count.Max:
		v.fail(words.M(words.CheckCountBelow, v.Got, v.Want)) // counters only grow
	case d != nil:
		v.inconclusive(d)
	case !slices.Contains(status.Counters, want.Name):
		v.inconclusive(because(words.CheckNoCounter, want.Name, node))
	case grown < want.Count.Min:
		v.fail(words.M(words.CheckCountBelow, v.Got, v.Want))
	default:
		v.pass()
		v.limited(words.M(words.CheckCounterAlone))
	}
}
