package check

import (
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// gateDoubt says what gates did to a connection that nobody ordered: frames
// that were lost there are lost to the ends, too. A link that a step has taken
// down was meant to lose them.
func (j *judge) gateDoubt(c *timeline.Connection) *doubt {
	if d := j.lostAtGates(func(node string) bool { return passes(c, node) }); d != nil {
		return d
	}
	for _, s := range c.Segments {
		for _, a := range s.Acts {
			if a.Do == probes.Refused && !s.Teardown && !j.tookDown(a.Link, a.Time) {
				return because(words.CheckGateRefused, s.Frame, a.What)
			}
		}
	}
	return nil
}

// tookDown reports whether a step had taken a link down at some moment, and
// none had brought it up again.
func (j *judge) tookDown(link string, at probes.Mono) bool {
	down := false
	for i := range j.sc.Steps {
		step := &j.sc.Steps[i]
		took := j.step(step.Index)
		switch {
		case took == nil:
		case step.LinkDown != nil && step.LinkDown.Link == link && took.Start <= at:
			down = true
		case step.LinkUp != nil && step.LinkUp.Link == link && took.End != 0 && took.End < at:
			down = false
		}
	}
	return down
}

// lostAtGates says which frames a gate lost between nodes that matter.
func (j *judge) lostAtGates(matters func(node string) bool) *doubt {
	for _, l := range j.tl.Losses {
		if l.Source == probes.Gate && (l.Node == "" || matters(l.Node)) {
			return because(words.CheckGateLost, max(l.Count, 1), l.What).remedied(words.M(words.CheckRunAgain))
		}
	}
	return nil
}

// passes reports whether a node is an end of a connection, or on its way.
func passes(c *timeline.Connection, node string) bool {
	return c.Opener.Node == node || c.Acceptor.Node == node || tappedAt(c, node)
}

// blameGate makes a verdict on a connection inconclusive where a gate did to
// it what nobody ordered.
func (j *judge) blameGate(v *Verdict, c *timeline.Connection) {
	if v.Outcome != Pass && v.Outcome != Fail || timeless(v) || v.Kind == VisibleKind {
		return
	}
	if d := j.gateDoubt(c); d != nil {
		v.inconclusive(d)
	}
}

// noteInjected says which of the frames that a verdict counts a gate made: no
// end sent those.
func (j *judge) noteInjected(v *Verdict, found []Frame) {
	n := 0
	for _, f := range found {
		if !f.Injected || len(f.Acts) == 0 {
			continue
		}
		reason := words.M(words.CheckInjected, f.Frame, f.Acts[0].Rule)
		if n++; n == 1 && v.Reason != nil && v.Outcome != Pass {
			reason = words.M(words.CheckAnd, *v.Reason, reason)
		}
		if n == 1 {
			v.Reason = &reason
		}
		v.Evidence.Events = append(v.Evidence.Events, f.Acts[0].Event)
	}
	if n > 0 {
		v.seen(probes.Gate, probes.Recorded, n, len(found), 0)
	}
}

// gates doubts a run in which a rule of a gate never matched: what was to be
// tried was not tried. Every gate tells when the window closes how often each
// rule has matched.
func (j *judge) gates() {
	if !j.tl.Complete {
		return // runDoubt says so of the whole run
	}
	for i := range j.sc.Steps {
		st := &j.sc.Steps[i]
		r := st.GateRule()
		if r == nil || r.ExpectError {
			continue
		}
		if s := j.step(st.Index); s == nil || s.Error != "" {
			continue // there never was such a rule; that is judged elsewhere
		}
		j.rule(st, r)
	}
}

// rule judges one rule, if it never matched in the window. Older records tell
// only at the end of the gate how often rules matched; but what a rule does is
// an act of its own, unless it only watches.
func (j *judge) rule(st *scenarios.Step, r *scenarios.GateRule) {
	name := st.RuleName()
	v := Verdict{Name: r.Link + "." + name, Kind: GateKind, Want: "matched", Got: "never matched", At: st.At}
	late, what := false, ""
	for _, g := range j.tl.Gates {
		for _, a := range g.Rules {
			if g.Link != r.Link || a.Rule != name {
				continue
			}
			if a.Times > 0 && (j.inWindow(a.Time) || st.GateWatch != nil) {
				return
			}
			late, what = a.Times > 0, a.What
			v.Evidence.Events = append(v.Evidence.Events, a.Event)
		}
	}
	for _, a := range j.tl.Acts {
		if a.Link != r.Link || a.Rule != name {
			continue
		}
		if j.inWindow(a.Time) {
			return
		}
		late = true
	}
	if n := len(v.Evidence.Events); n > 0 {
		v.seen(probes.Gate, probes.Recorded, n, n, v.Evidence.Events[n-1])
	}
	why := because(words.CheckNeverMatched, predicate(&r.FrameMatch))
	switch {
	case late:
		v.Got, why = "matched too late", because(words.CheckMatchedLate, predicate(&r.FrameMatch))
	case what != "": // frames came, but
		why = because(words.CheckMissed, predicate(&r.FrameMatch), what)
	}
	v.inconclusive(why.remedied(words.M(words.CheckSeePasses)))
	j.add(v)
}

// predicate writes a predicate in the words of the scenario language.
func predicate(m *scenarios.FrameMatch) string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+": "+value)
		}
	}
	flags := func(list []scenarios.TCPFlag) string {
		if len(list) == 0 {
			return ""
		}
		var names []string
		for _, f := range list {
			names = append(names, string(f))
		}
		return "[" + strings.Join(names, ", ") + "]"
	}
	ports := func(p scenarios.PortRange) string {
		switch {
		case p.Low == 0 && p.High == 0:
			return ""
		case p.Low == p.High:
			return fmt.Sprint(p.Low)
		}
		return fmt.Sprintf("%d-%d", p.Low, p.High)
	}
	count := func(c *scenarios.Count) string {
		if c == nil {
			return ""
		}
		return countText(*c)
	}
	add("from", m.From)
	add("protocol", string(m.Protocol))
	add("ports", ports(m.Ports))
	add("from_ports", ports(m.FromPort))
	add("flags", flags(m.Flags))
	add("flags_unset", flags(m.Unset))
	add("seq", count(m.Seq))
	add("ack", count(m.Ack))
	add("payload", count(m.Payload))
	if m.Content != "" {
		add("content", quoted(m.Content))
	}
	if m.Nth != 0 {
		add("nth", fmt.Sprint(m.Nth))
	}
	if len(parts) == 0 {
		return "{}"
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
