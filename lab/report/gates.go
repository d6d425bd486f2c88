package report

import (
	"fmt"
	"strings"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// maxHeld is how many frames that are still held are named.
const maxHeld = 8

// conditions writes under which conditions frames went: impaired links, rules
// of gates, lockstep. rules says whether to write those, which are of one run.
func (t *text) conditions(run Run, rules bool) {
	t.impairments(run)
	if run.Timeline == nil {
		return
	}
	for _, g := range run.Timeline.Gates {
		var list []string
		for _, r := range g.Rules {
			if r.Rule != "" && r.Ordered() {
				list = append(list, t.say(words.ReportRule, t.rule(r.Rule), r.Times))
			}
		}
		if rules && len(list) > 0 {
			t.hanging(t.say(words.ReportGate, t.cut(clean(g.Link), 40), strings.Join(list, t.say(words.ReportListComma))), "      ")
		}
	}
	t.lockstep(run.Timeline.Header)
}

// lockstep says that frames and closes waited, and for whom.
func (t *text) lockstep(h probes.Header) {
	var looked words.List
	for _, src := range []probes.Source{probes.SockDiag, probes.SS} {
		for _, p := range h.Probes {
			if p.Source == src && !p.Missing() {
				looked = append(looked, string(src))
			}
		}
	}
	id, blind := words.ReportLockstep, words.ReportLockstepBlind
	switch h.Observe {
	case probes.Lockstep:
	case probes.LockstepChosen:
		id, blind = words.ReportLockstepChosen, words.ReportLockstepChosenBlind
	default:
		return
	}
	if len(looked) == 0 {
		t.hanging(t.say(blind), "      ")
		return
	}
	t.hanging(t.say(id, looked), "      ")
}

// impairments writes what makes links worse, unless the settings tell it.
func (t *text) impairments(run Run) {
	var list []string
	add := func(name string, x *scenarios.Impair) {
		if x == nil || run.Plan != nil && tells(run.Plan.Settings, name+".impair") {
			return
		}
		list = append(list, clean(name)+" "+impairText(x))
	}
	for _, l := range run.Scenario.Links {
		add(l.Name, l.Impair)
		for _, e := range l.Ends {
			add(l.Name+"."+e.Name, e.Impair)
		}
	}
	if len(list) > 0 {
		t.wrapped("impair  ", strings.Join(list, t.say(words.ReportListComma)))
	}
}

// impairText writes an impairment in the words of the scenario language.
func impairText(x *scenarios.Impair) string {
	var parts []string
	add := func(key, value string) { parts = append(parts, key+"="+value) }
	if x.Delay.Duration != 0 {
		add("delay", x.Delay.Duration.String())
	}
	if x.Jitter.Duration != 0 {
		add("jitter", x.Jitter.Duration.String())
	}
	for _, p := range []struct {
		key   string
		share scenarios.Percent
	}{{"loss", x.Loss}, {"duplicate", x.Duplicate}, {"reorder", x.Reorder}, {"corrupt", x.Corrupt}} {
		if p.share != 0 {
			add(p.key, fmt.Sprintf("%g%%", float64(p.share)/1e4))
		}
	}
	if x.Rate != 0 {
		rate, unit := float64(x.Rate)/1e3, "kbit"
		for _, larger := range []string{"Mbit", "Gbit"} {
			if rate >= 1000 {
				rate, unit = rate/1000, larger
			}
		}
		add("rate", fmt.Sprintf("%g%s", rate, unit))
	}
	return strings.Join(parts, " ")
}

// stillHeld names the frames that gates held at the end.
func (t *text) stillHeld(run Run) {
	for _, g := range run.Timeline.Gates {
		var list []string
		for _, h := range g.Held {
			if len(list) == maxHeld {
				list = append(list, "..")
				break
			}
			list = append(list, t.say(words.ReportHeldFrame, t.heldText(h), t.rule(h.Rule)))
		}
		if len(list) > 0 {
			t.hanging(t.say(words.ReportHeldAtEnd, clean(g.Link), strings.Join(list, t.say(words.ReportListComma))), "  ")
		}
	}
}

// heldText says what a frame is.
func (t *text) heldText(h timeline.Held) string {
	if h.Segment == nil || h.Segment.Connection == nil {
		if h.What == "" {
			return clean(h.Node)
		}
		return strings.TrimSpace(clean(h.Node) + " " + t.cut(clean(h.What), 40))
	}
	for _, f := range check.Frames(h.Segment.Connection) {
		if f.Segment == h.Segment {
			return t.say(words.ReportOneFrame, f.Frame) + " " + t.endName(h.Segment.Connection, f.End) + " " + string(f.Word)
		}
	}
	return t.say(words.ReportOneFrame, h.Segment.Frame)
}

// gateReset returns whether a gate reset a connection: it made a RST, and no
// end closed.
func gateReset(frames []check.Frame) (number int, reset bool) {
	for _, f := range frames {
		if f.Injected && f.Word == scenarios.WordRST {
			return f.Frame, true
		}
	}
	return 0, false
}
