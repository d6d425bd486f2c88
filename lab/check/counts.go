package check

import (
	"fmt"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// resets judges how many RST segments there were, those that a gate made among
// them. That there was none is
// certain only where the wire is whole at both ends.
func (j *judge) resets(v *Verdict, c *timeline.Connection, want scenarios.Count) {
	var found []Frame
	for _, f := range j.read(c) {
		if f.Word == scenarios.WordRST && !f.Teardown {
			found = append(found, f)
		}
	}
	j.frameCount(v, c, found, want)
	j.noteInjected(v, found)
	if v.Outcome != Pass || len(found) > 0 {
		return
	}
	j.confirmNoReset(v, c)
}

// confirmNoReset asks bpf whether an end was closed without the exchange of
// FINs: then a RST was sent, or the wire did not tell everything.
func (j *judge) confirmNoReset(v *Verdict, c *timeline.Connection) {
	whole := 0
	for _, e := range c.Ends() {
		if !j.kernelWhole(e) {
			continue
		}
		whole++
		visits := judged(e)
		for i := 1; i < len(visits); i++ {
			from := visits[i-1].State
			if visits[i].State == probes.Closed && abrupt(from) && visits[i].Seen(probes.KernelEvents) {
				v.inconclusive(because(words.CheckKernelReset, EndName(c, e), from.String()))
				return
			}
		}
	}
	if whole > 0 {
		v.seen(probes.BPF, probes.Recorded, whole, 2, 0)
	} else {
		v.limited(words.M(words.CheckWireAlone))
	}
}

// abrupt reports whether a synchronised state leads to CLOSED by a RST only
// (RFC 9293 figure 5).
func abrupt(s probes.State) bool {
	return s == probes.Established || s == probes.CloseWait
}

// retransmissions judges how many segments were sent again.
func (j *judge) retransmissions(v *Verdict, c *timeline.Connection, want scenarios.Count) {
	var found []Frame
	for _, f := range j.read(c) {
		if f.Retransmission && !f.Teardown && (!f.Counts || f.Word != scenarios.WordSYNACK) {
			found = append(found, f)
		}
	}
	j.frameCount(v, c, found, want)
	if d := j.bothEndsDoubt(c); v.Outcome == Fail && d != nil {
		// What is a repetition is seen against the record of what was sent
		// before: a hole in it can make one.
		v.inconclusive(d)
	}
	if d := j.handDoubt(); v.Outcome == Fail && d != nil {
		v.inconclusive(d)
	}
	if d := j.resentDoubt(c, found); d != nil && (len(found) > 0 || v.Outcome != Pass) {
		v.inconclusive(d)
	}
	if v.Outcome == Pass {
		v.limited(words.M(words.CheckWireAlone))
	}
}

// frameCount judges a number of frames. More than the bound refutes even
// where frames were lost: a loss hides frames and adds none.
func (j *judge) frameCount(v *Verdict, c *timeline.Connection, found []Frame, want scenarios.Count) {
	n := int64(len(found))
	v.Got = fmt.Sprint(n)
	v.Evidence.Frames = ordinals(found)
	v.Evidence.Events = tapEvents(found)
	v.seen(probes.Wire, probes.Recorded, tapped(c), 2, 0)
	if want.Max >= 0 && n > want.Max {
		v.fail(words.M(words.CheckCountFrames, found[0].Frame))
		return
	}
	bounded := want.Max >= 0 // then frames that were overlooked might break it
	d := j.bothEndsDoubt(c)
	switch {
	case n >= want.Min && !bounded, n >= want.Min && d == nil:
		v.pass()
	case d != nil:
		v.inconclusive(d)
	default:
		v.fail(words.M(words.CheckCountBelow, v.Got, countText(want)))
	}
}

// connectionCount judges how many connections a server had, accepted or
// opened. Only connections with a SYN on the wire are counted: their number
// is the number of first SYNs.
func (j *judge) connectionCount(x *scenarios.CountExpect) {
	v := Verdict{Name: "connection_count." + x.Name, Kind: CountKind, Want: countText(x.Count), Reference: "RFC 9293 section 3.3.1", At: x.At}
	n := int64(0)
	var first int
	for _, c := range j.tl.Connections {
		if c.Server != x.Name || len(c.Segments) == 0 || c.Segments[0].Teardown {
			continue
		}
		n++
		first = c.Segments[0].Frame
		v.Evidence.Frames = append(v.Evidence.Frames, first)
		if len(c.Segments[0].Taps) > 0 {
			v.Evidence.Events = append(v.Evidence.Events, c.Segments[0].Taps[0].Event)
		}
	}
	v.Got = fmt.Sprint(n)
	v.seen(probes.Wire, probes.Recorded, int(n), int(n), 0)
	d := firstDoubt(j.sourceDoubt(probes.Wire), j.runDoubt(), j.lossDoubt(anywhere, probes.Wire, probes.Calls))
	for _, c := range j.tl.Connections {
		if c.Server == x.Name {
			d = firstDoubt(d, j.conflictDoubt(c.Opener, c.Acceptor))
			if len(c.Segments) == 0 { // inside one node, where there is no tap
				d = firstDoubt(d, because(words.CheckInside, x.Name))
			}
		}
	}
	switch {
	case x.Count.Max >= 0 && n > x.Count.Max:
		v.fail(words.M(words.CheckCountBelow, v.Got, v.Want))
	case d != nil:
		v.inconclusive(d)
	case n < x.Count.Min:
		v.fail(words.M(words.CheckCountBelow, v.Got, v.Want))
	default:
		v.pass()
		v.limited(words.M(words.CheckWireAlone))
	}
	j.excuse(&v, nil)
	j.add(v)
}
