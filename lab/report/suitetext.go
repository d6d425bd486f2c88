package report

import (
	"io"
	"slices"
	"strings"
	"time"

	"netlab/lab/check"
	"netlab/scenarios/words"
)

// A SuiteText writes a suite for people: a line for each entry as it ends,
// then what is wrong in full, the totals and the slowest.
type SuiteText struct {
	opts  Options
	cells int // of names
}

// NewSuiteText makes the text of a suite whose entries have these names.
func NewSuiteText(names []string, opts Options) *SuiteText {
	t := newText(opts)
	cells := 23
	for _, n := range names {
		cells = max(cells, min(t.wide(clean(n))+2, 44))
	}
	return &SuiteText{opts: opts, cells: cells}
}

// TextSuite writes the whole text of a suite.
func TextSuite(w io.Writer, s *Suite, opts Options) error {
	var names []string
	for i := range s.Entries {
		names = append(names, s.Entries[i].Name)
	}
	t := NewSuiteText(names, opts)
	for i := range s.Entries {
		if err := t.Line(w, &s.Entries[i]); err != nil {
			return err
		}
	}
	return t.Rest(w, s)
}

// Line writes the line of an entry that has ended.
func (s *SuiteText) Line(w io.Writer, e *Entry) error {
	t := newText(s.opts)
	mark, ok := tags[e.Outcome()]
	if !ok {
		mark.tag, mark.colour = "  --  ", yellow
	}
	said := t.cut(t.said(e), max(t.width-s.cells-17, 20))
	took := ""
	if e.Elapsed > 0 {
		took = duration(e.Elapsed)
	}
	name := t.pad(t.cut(clean(e.Name), s.cells-2), s.cells)
	t.marked(mark.colour, mark.tag, t.right(name+said, took, t.width-7, 2))
	return t.write(w)
}

// said says in a few words what came of an entry.
func (t *text) said(e *Entry) string {
	var said string
	judged := e.Judged()
	switch {
	case e.Outcome() == Interrupted:
		said = t.say(words.SuiteInterrupted)
	case e.Problem() != "":
		// It may begin with the name, which stands before it here.
		said = strings.TrimPrefix(strings.TrimPrefix(cleanLines(e.Problem())[0], clean(e.Name)), ": ")
	case len(judged) > 1:
		n := sum(judged).Runs
		said = strings.TrimSuffix(t.say(words.ReportAllRuns, words.Ratio(n.Pass)), t.say(words.ReportStop))
		if n.Pass != n.Total() {
			said = t.say(words.ReportSomeRuns, n.Pass, n.Total()) + t.some(words.ReportRunsFail, n.Fail) + t.some(words.ReportRunsOpen, n.Inconclusive)
		}
	case len(judged) == 1:
		n := counts(judged[0].Judgement.Verdicts)
		said = t.say(words.ReportOf, n.Pass, n.Total())
		if n.Total() == 0 {
			said = t.say(words.SuiteNothing)
		}
		said += t.some(words.ReportSomeFail, n.Fail) + t.some(words.ReportSomeOpen, n.Inconclusive) + t.some(words.ReportSomeBroken, n.Error)
	}
	return said + t.some(words.SuiteAgain, e.Retries())
}

// Rest writes what follows the lines: what did not pass, in full, the totals,
// what took longest, and where the runs are.
func (s *SuiteText) Rest(w io.Writer, suite *Suite) error {
	t := newText(s.opts)
	for i := range suite.Entries {
		e := &suite.Entries[i]
		if e.Outcome() != check.Pass && len(e.Takes) > 0 || e.Retries() > 0 {
			t.line("")
			t.details(e)
		}
	}
	t.line("")
	t.totals(suite)
	var slow []string
	for _, e := range suite.slowest() {
		slow = append(slow, clean(e.Name)+"\u00a0"+strings.ReplaceAll(duration(e.Elapsed), " ", "\u00a0"))
	}
	if len(slow) > 0 {
		t.wrapped(t.say(words.SuiteSlowest)+"  ", strings.Join(slow, ", "))
	}
	t.lastOfSuite(suite)
	return t.write(w)
}

// details writes what is wrong with an entry.
func (t *text) details(e *Entry) {
	head := clean(e.Name)
	if title := clean(e.Scenario.Title.In(t.lang)); title != "" {
		head += "  " + title
	}
	t.line(t.cut(head, t.width-1))
	t.attempts(e)
	if p := e.Problem(); p != "" {
		for _, l := range cleanLines(p) {
			t.hanging("  "+l, "    ")
		}
	}
	judged := e.Judged()
	switch {
	case len(judged) == 1:
		t.wrongOf(judged[0])
	case len(judged) > 1:
		t.wrongOfMany(judged)
	}
}

// attempts writes what was taken again, and why.
func (t *text) attempts(e *Entry) {
	for i := range e.Takes {
		for k, a := range e.Takes[i].Attempts {
			why := strings.TrimSpace(cleanLines(a.Why)[0])
			if why == "" {
				why = "-"
			}
			t.hanging("  "+t.say(words.SuiteAttempt, i+1, k+1, string(a.Outcome), why), "    ")
			if a.RunDir != "" {
				t.line("    " + clean(a.RunDir))
			}
		}
	}
}

// Retried writes what of an entry was taken again, and why; nothing if
// nothing was.
func Retried(w io.Writer, e *Entry, opts Options) error {
	if e.Retries() == 0 {
		return nil
	}
	t := newText(opts)
	t.attempts(e)
	return t.write(w)
}

// wrongOf writes the verdicts of a run that are not pass.
func (t *text) wrongOf(run Run) {
	var names []string
	for _, v := range run.Judgement.Verdicts {
		if v.Outcome != check.Pass {
			names = append(names, v.Name)
		}
	}
	cells := t.nameCells(names)
	for i := range run.Judgement.Verdicts {
		if v := &run.Judgement.Verdicts[i]; v.Outcome != check.Pass {
			t.verdict(v, cells, 0)
		}
	}
	t.unsettled(run)
	t.openVerdicts(run.Judgement)
	if run.Judgement.Outcome != check.Pass && run.RunDir != "" {
		t.line(t.say(words.ReportDirectory) + "  " + clean(run.RunDir))
	}
}

// wrongOfMany writes the expectations that did not hold in every run.
func (t *text) wrongOfMany(runs []Run) {
	s := sum(runs)
	s.Verdicts = slices.DeleteFunc(s.Verdicts, func(v check.Summed) bool { return v.Outcome == check.Pass })
	t.summed(s)
	t.firstOpen(runs, s)
	for _, r := range runs {
		if r.Judgement.Outcome != check.Pass && r.RunDir != "" {
			t.line(t.say(words.ReportDirectory) + "  " + clean(r.RunDir))
			return
		}
	}
}

// totals writes the outcome of the suite.
func (t *text) totals(s *Suite) {
	n := s.Tally()
	total := len(s.Entries)
	if total == 0 {
		t.line(t.say(words.SuiteEmpty, s.Shard))
		return
	}
	id, colour := words.ReportPass, green
	switch {
	case n.Fail > 0:
		id, colour = words.ReportFail, red
	case n.Error > 0 || n.Interrupted > 0:
		id, colour = words.ReportError, red
	case n.Inconclusive > 0:
		id, colour = words.ReportInconclusive, yellow
	}
	said := t.say(words.SuiteAll, words.Ratio(n.Pass))
	if n.Pass != total {
		said = t.say(words.SuiteSome, n.Pass, total) + t.some(words.SuiteFail, n.Fail) + t.some(words.SuiteOpen, n.Inconclusive) +
			t.some(words.SuiteBroken, n.Error) + t.some(words.SuiteNotRun, n.Interrupted) + t.say(words.ReportStop)
	}
	if n.Retries > 0 {
		stop := t.say(words.ReportStop)
		said = strings.TrimSuffix(said, stop) + t.say(words.SuiteRetried, n.Retries) + stop
	}
	for i, l := range t.wrap(said, t.width-1-t.wide(t.say(id))-2) {
		if i == 0 {
			t.marked(colour, t.say(id), "  "+l)
		} else {
			t.line("      " + l)
		}
	}
	if s.Warn && n.Inconclusive > 0 && s.Exit == Exit(check.Inconclusive) {
		t.line(t.say(words.SuiteNoEvidence))
	}
}

// lastOfSuite says where the runs are, how long all took and the exit code.
func (t *text) lastOfSuite(s *Suite) {
	var parts []string
	if s.Runs != "" {
		parts = append(parts, t.say(words.SuiteDirectories)+"  "+clean(s.Runs))
	}
	if s.Shard != "" {
		parts = append(parts, t.say(words.SuiteShard, s.Shard))
	}
	if s.AtATime > 1 {
		parts = append(parts, t.say(words.SuiteAtATime, s.AtATime))
	}
	if s.Elapsed >= time.Millisecond {
		parts = append(parts, duration(s.Elapsed))
	}
	parts = append(parts, t.say(words.ReportExit, s.Exit))
	t.line(strings.Join(parts, "    "))
}

// Progress says how far a suite has come, in one line of at most width cells.
func Progress(n Tally, total int, running []string, opts Options) string {
	t := newText(opts)
	done := n.Total() + n.Interrupted
	line := t.say(words.SuiteProgress, done, total, n.Pass, n.Fail, n.Inconclusive, n.Error)
	if len(running) > 0 {
		line += t.say(words.SuiteRunning, strings.Join(running, t.say(words.ReportListComma)))
	}
	return t.cut(line, t.width-1)
}
