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

// tail writes who observed, the outcome, what was not run, and where
// everything is.
func (t *text) tail(run Run) {
	if run.Timeline != nil {
		t.observers(run.Timeline, run.Scenario.Seed)
		t.machine(run.Timeline)
		t.stillHeld(run)
	}
	j := run.Judgement
	n := counts(j.Verdicts)
	said := t.say(words.ReportAll, words.Ratio(n.Pass))
	if n.Total() == 0 {
		said = t.say(words.ReportNothing)
	} else if n.Pass != n.Total() {
		said = t.say(words.ReportSome, n.Pass, n.Total()) + t.some(words.ReportSomeFail, n.Fail) +
			t.some(words.ReportSomeOpen, n.Inconclusive) + t.some(words.ReportSomeBroken, n.Error) + t.say(words.ReportStop)
	}
	t.outcome(run, j.Outcome, n.Total() == 0, said)
	if run.Timeline != nil && t.lang == words.Chinese {
		t.closings(run)
	}
	t.notRun(run.NotRun)
	t.lastLine(run)
}

// some says a count, and nothing where it is 0.
func (t *text) some(id words.ID, n int) string {
	if n == 0 {
		return ""
	}
	return t.say(id, n)
}

func counts(verdicts []check.Verdict) check.Counts {
	var n check.Counts
	for _, v := range verdicts {
		switch v.Outcome {
		case check.Pass:
			n.Pass++
		case check.Fail:
			n.Fail++
		case check.Inconclusive:
			n.Inconclusive++
		default:
			n.Error++
		}
	}
	return n
}

// observers writes who saw the run, what was lost, and on which kernel.
func (t *text) observers(tl *timeline.Timeline, seed uint64) {
	var there, missing []string
	for _, src := range []probes.Source{probes.BPF, probes.SockDiag, probes.SS, probes.Wire} {
		for _, p := range tl.Header.Probes {
			switch {
			case p.Source != src:
			case p.Missing():
				missing = append(missing, string(src))
			default:
				there = append(there, string(src))
				for _, l := range p.Lacks {
					missing = append(missing, string(src)+"/"+string(l.Kind))
				}
			}
		}
	}
	lost := uint64(0)
	for _, l := range tl.Losses {
		lost += max(l.Count, 1)
	}
	parts := []string{t.say(words.ReportSeenBy) + "  " + strings.Join(there, " ")}
	if tl.Header.Observe != "" {
		parts = append(parts, t.say(words.ReportInLockstep))
	}
	if len(missing) > 0 {
		parts = append(parts, t.say(words.ReportWithout, strings.Join(missing, " ")))
	}
	parts = append(parts, t.say(words.ReportLost, lost), t.say(words.ReportConflicts, len(tl.Conflicts)),
		"Linux "+t.cut(shortKernel(clean(tl.Header.Kernel)), 40), t.say(words.ReportSeed, seed))
	gap := "   "
	if t.wide(strings.Join(parts, gap)) > t.width-1 {
		gap = "  "
	}
	line := parts[0]
	for _, p := range parts[1:] {
		if t.wide(line+gap+p) > t.width-1 {
			t.line(line)
			line = "       "
		}
		line += gap + p
	}
	t.line(line)
}

// outcome writes the verdict on the whole and what it means for the taught
// sentence.
func (t *text) outcome(run Run, o check.Outcome, nothing bool, said string) {
	id, colour := words.ReportPass, green
	switch {
	case o == check.Fail:
		id, colour = words.ReportFail, red
	case o == check.Inconclusive:
		id, colour = words.ReportInconclusive, yellow
	case o == check.Error:
		id, colour = words.ReportError, red
	case nothing:
		id, colour = words.ReportDone, ""
	}
	if late := unrested(run); len(late) > 0 {
		said = t.say(words.ReportNotAtRest, strings.TrimSuffix(said, t.say(words.ReportStop)), strings.Join(late, t.say(words.ReportListComma)))
	}
	if s := t.sentence(run, o, nothing); s != "" {
		said = t.say(words.ReportJoin, said, s)
	}
	word := t.say(id)
	for i, l := range t.wrap(said, t.width-1-t.wide(word)-2) {
		if i == 0 {
			t.marked(colour, word, "  "+l)
		} else {
			t.line("      " + l)
		}
	}
}

// findings says what is found of a sentence.
func findings() map[scenarios.Finding]words.ID {
	return map[scenarios.Finding]words.ID{scenarios.Confirmed: words.ReportTrue, scenarios.Partly: words.ReportPartly,
		scenarios.Refuted: words.ReportFalse, scenarios.OpenClaim: words.ReportOpenClaim}
}

// sentence says what the run makes of the author's finding.
func (t *text) sentence(run Run, o check.Outcome, nothing bool) string {
	id, ok := findings()[run.Scenario.Finding]
	switch {
	case len(run.Scenario.MustFail) > 0 && o == check.Pass:
		return t.say(words.ReportCaught)
	case len(run.Scenario.MustFail) > 0:
		return t.say(words.ReportNotCaught)
	case !ok || nothing && o == check.Pass:
		return ""
	case o != check.Pass:
		return t.say(words.ReportUnsettled, t.say(id))
	}
	finding := t.say(id)
	conditional := run.Scenario.Finding == scenarios.Confirmed || run.Scenario.Finding == scenarios.Partly
	if conditional && run.Plan != nil && len(run.Plan.Settings) > 0 {
		finding = t.say(words.ReportSeenWith, finding)
	}
	return t.say(words.ReportSentence, finding)
}

// closings sums up who closed first and who waits.
func (t *text) closings(run Run) {
	var parts []string
	for _, c := range run.Timeline.Connections {
		closing := check.Closing(check.Frames(c))
		waits := timeWait(c)
		if len(closing) == 0 || closing[0].Word == scenarios.WordRST || waits == nil || len(parts) == 2 {
			continue
		}
		parts = append(parts, t.say(words.ReportCloseBy, name(run, c), t.endName(c, closing[0].End), t.endName(c, waits)))
	}
	if len(parts) > 0 {
		t.hanging(strings.Join(parts, "；")+t.say(words.ReportStop), "")
	}
}

// timeWait returns the end that kept TIME-WAIT, nil if none or both did.
func timeWait(c *timeline.Connection) *timeline.Endpoint {
	var found *timeline.Endpoint
	for _, e := range c.Ends() {
		for _, v := range e.History {
			if v.State == probes.TimeWait && !v.Teardown {
				if found != nil && found != e {
					return nil
				}
				found = e
			}
		}
	}
	return found
}

// notRun lists the variants that were not run.
func (t *text) notRun(variants []scenarios.Variant) {
	if len(variants) == 0 {
		return
	}
	var list []string
	for _, v := range variants {
		item := clean(v.Name)
		if note := clean(v.Note.In(t.lang)); note != "" {
			item = t.say(words.ReportVariant, item, note)
		}
		list = append(list, item)
	}
	head := "      "
	for _, l := range t.wrap(t.say(words.ReportNotRun, strings.Join(list, t.say(words.ReportListComma))), t.width-1-len(head)) {
		t.line(head + strings.TrimLeft(l, " "))
	}
}

// lastLine says where everything is, how long it took and the exit code.
func (t *text) lastLine(run Run) {
	var parts []string
	if run.RunDir != "" {
		dir := t.say(words.ReportDirectory) + "  " + clean(run.RunDir)
		if t.wide(dir) > t.width-24 { // a path is never shortened
			t.line(dir)
		} else {
			parts = append(parts, dir)
		}
	}
	if run.Elapsed > 0 {
		parts = append(parts, duration(run.Elapsed))
	}
	parts = append(parts, t.say(words.ReportExit, run.Exit))
	t.line(strings.Join(parts, "    "))
	if t.times && len(run.Breakdown) > 0 {
		var phases []string
		for _, p := range run.Breakdown {
			phases = append(phases, fmt.Sprintf("%s %.1f", clean(p.Name), float64(p.Duration)/1e6))
		}
		t.wrapped(t.say(words.ReportTime)+"  ", strings.Join(phases, "  ")+"  ms")
	}
}

// tally writes what was only counted.
func (t *text) tally(observations []check.Observation) {
	for _, o := range observations {
		t.line("      " + t.pad(clean(o.Name), 23) + t.right(clean(o.Value), t.say(words.ReportTally), t.width-1-29, 2))
	}
}

// unsettled says of connections that were still open when settle gave up who
// has not closed.
func (t *text) unsettled(run Run) {
	if run.Timeline == nil {
		return
	}
	for _, s := range run.Timeline.Steps {
		st := settleOf(run.Scenario, s)
		if st == nil {
			continue
		}
		if len(st.Until) > 0 { // the step's own words say what was waited for
			t.hanging("settle: "+t.cut(clean(s.Error), 300), "  ")
			continue
		}
		for _, c := range run.Timeline.Connections {
			t.stillOpen(run, c, st)
		}
	}
}

// unrested names the settle steps that ran out of time: "steps[5].settle". They
// are not judged, but what is judged may not be the end.
func unrested(run Run) []string {
	if run.Timeline == nil {
		return nil
	}
	var list []string
	for _, s := range run.Timeline.Steps {
		if settleOf(run.Scenario, s) != nil {
			list = append(list, fmt.Sprintf("steps[%d].%s", s.Index-1, s.Verb))
		}
	}
	return list
}

// settleOf returns the settle of a step that ran out of time, nil otherwise.
func settleOf(sc *scenarios.Scenario, s *timeline.Step) *scenarios.Settle {
	for i := range sc.Steps {
		if sc.Steps[i].Index == s.Index && s.Error != "" {
			return sc.Steps[i].Settle
		}
	}
	return nil
}

func (t *text) stillOpen(run Run, c *timeline.Connection, st *scenarios.Settle) {
	var ends []string
	var waiting *timeline.Endpoint // in CLOSE-WAIT: its program has not closed
	zero := start(run.Timeline)
	for _, e := range c.Ends() {
		v := lastVisit(e)
		if v == nil || atRest(v.State) {
			continue
		}
		ends = append(ends, t.say(words.ReportSince, t.endName(c, e), v.State.String(), fmt.Sprintf("%.3f s", float64(v.From.Sub(zero))/1e9)))
		if v.State == probes.CloseWait {
			waiting = e
		}
	}
	if len(ends) == 0 {
		return
	}
	within := fmt.Sprintf("%g s", st.Within.Seconds())
	t.hanging(t.say(words.ReportStillOpen, name(run, c), within, strings.Join(ends, t.say(words.ReportComma))), "  ")
	if waiting == nil {
		return
	}
	peer := c.Opener
	if waiting == peer {
		peer = c.Acceptor
	}
	for _, f := range check.Closing(check.Frames(c)) {
		if f.End == peer && f.Flags.Has(probes.FIN) {
			t.hanging("  "+t.say(words.ReportNoClose, t.endName(c, waiting), t.endName(c, peer), f.Frame), "  ")
			break
		}
	}
	until := fmt.Sprintf("settle: {until: {%s: {%s: CLOSE-WAIT}}}", name(run, c), t.endName(c, waiting))
	if waiting == c.Acceptor && c.Server != "" {
		t.hanging("  "+t.say(words.ReportSeeClose, c.Server, until), "  ")
	} else {
		t.hanging("  "+t.say(words.ReportExpectSettle, until), "  ")
	}
}

func lastVisit(e *timeline.Endpoint) *timeline.Visit {
	for i := len(e.History) - 1; i >= 0; i-- {
		if !e.History[i].Teardown {
			return &e.History[i]
		}
	}
	return nil
}

// atRest reports whether settle waits for nothing more in a state.
func atRest(s probes.State) bool {
	return s == probes.Established || s == probes.Listen || s == probes.TimeWait || s == probes.Closed
}

// shortKernel leaves off what a distribution adds to a release: 6.18.44-fc
// is 6.18.44. The full release stands in the record and in report.json.
func shortKernel(release string) string {
	short, _, _ := strings.Cut(release, "-")
	return short
}
