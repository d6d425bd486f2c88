package report

import (
	"fmt"
	"strings"

	"netlab/lab/check"
	"netlab/scenarios/words"
)

// A Case is one expectation of an entry, as reports of tests know it. Its text
// is English, and clean.
type Case struct {
	Name    string // of the expectation; it bears no port and no time
	Outcome check.Outcome
	Message string   // in one line, why it is not pass
	Detail  []string // what else there is to know of it
}

// WholeRun is the name of the case that stands for a run as a whole: where
// there are no expectations, or it did not come to judge them.
const WholeRun = "run"

// Cases returns the cases of an entry: one for each expectation, in the order
// of the verdicts; over many runs, the worst. There is at least one.
func (e *Entry) Cases() []Case {
	var cases []Case
	if whole := e.wholeRun(); whole != nil {
		cases = append(cases, *whole)
	}
	runs := e.Judged()
	switch {
	case len(runs) == 1:
		for i := range runs[0].Judgement.Verdicts {
			cases = append(cases, caseOf(&runs[0].Judgement.Verdicts[i], runs[0].RunDir))
		}
	case len(runs) > 1:
		s := sum(runs)
		for i := range s.Verdicts {
			cases = append(cases, summedCase(&s.Verdicts[i], runs))
		}
	}
	if len(cases) == 0 {
		cases = append(cases, Case{Name: WholeRun, Outcome: e.Outcome()})
	}
	seen := map[string]int{}
	for i := range cases {
		cases[i].Name = clean(cases[i].Name)
		seen[cases[i].Name]++
		if n := seen[cases[i].Name]; n > 1 {
			cases[i].Name = fmt.Sprintf("%s#%d", cases[i].Name, n)
		}
	}
	return cases
}

// wholeRun returns the case of what is wrong with runs as a whole, nil if
// nothing is that their expectations do not say.
func (e *Entry) wholeRun() *Case {
	if len(e.Takes) == 0 {
		return &Case{Name: WholeRun, Outcome: Interrupted, Message: "not run: the suite was interrupted"}
	}
	for i := range e.Takes {
		t := &e.Takes[i]
		if t.Judgement == nil {
			lines := cleanLines(t.Problem)
			return &Case{Name: WholeRun, Outcome: t.Outcome, Message: lines[0], Detail: lines[1:]}
		}
	}
	for i := range e.Takes {
		j := e.Takes[i].Judgement
		if j.Problem == nil || counts(j.Verdicts).Pass != len(j.Verdicts) {
			continue // or its verdicts say so
		}
		return &Case{Name: WholeRun, Outcome: j.Outcome, Message: clean(j.Problem.In(words.English)), Detail: whereabouts(e.Takes[i].RunDir)}
	}
	return nil
}

// cleanLines splits a text into lines, and cleans each. There is at least one.
func cleanLines(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return lines
}

func whereabouts(dir string) []string {
	if dir == "" {
		return nil
	}
	return []string{"run directory: " + clean(dir)}
}

// caseOf makes a case of a verdict.
func caseOf(v *check.Verdict, dir string) Case {
	c := Case{Name: v.Name, Outcome: v.Outcome}
	if v.Outcome == check.Pass {
		return c
	}
	reason := ""
	if v.Reason != nil {
		reason = clean(v.Reason.In(words.English))
	}
	c.Message = reason
	if v.Outcome == check.Fail || reason == "" {
		c.Message = fmt.Sprintf("got %s, want %s", orNothing(v.Got), orNothing(v.Want))
	}
	add := func(name, text string) {
		if text != "" {
			c.Detail = append(c.Detail, name+": "+clean(text))
		}
	}
	add("want", v.Want)
	add("got", v.Got)
	add("reason", reason)
	if v.Remedy != nil {
		add("fix", v.Remedy.In(words.English))
	}
	add("evidence", evidenceText(v))
	add("reference", v.Reference)
	if v.At.Line > 0 {
		add("expectation", fmt.Sprintf("%s:%d:%d", v.At.File, v.At.Line, v.At.Column))
	}
	c.Detail = append(c.Detail, whereabouts(dir)...)
	return c
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return clean(s)
}

// evidenceText names frames, events and who saw them.
func evidenceText(v *check.Verdict) string {
	var parts []string
	t := newText(Options{})
	if len(v.Evidence.Frames) > 0 {
		parts = append(parts, t.frames(v.Evidence.Frames))
	}
	for i, n := range v.Evidence.Events {
		if i == 8 {
			parts = append(parts, "...")
			break
		}
		parts = append(parts, fmt.Sprintf("e%d", n))
	}
	for _, s := range v.SeenBy {
		parts = append(parts, fmt.Sprintf("%s %d of %d", t.source(s), s.Count, s.Of))
	}
	return strings.Join(parts, ", ")
}

// summedCase makes a case of an expectation over many runs.
func summedCase(s *check.Summed, runs []Run) Case {
	c := Case{Name: s.Name, Outcome: s.Outcome}
	if s.Outcome == check.Pass || s.Example == nil {
		return c
	}
	c = caseOf(s.Example, runs[s.First-1].RunDir)
	n := s.Counts
	bad := map[check.Outcome]int{check.Fail: n.Fail, check.Inconclusive: n.Inconclusive, check.Error: n.Error}[s.Outcome]
	c.Message = fmt.Sprintf("%s in %d of %d runs; in run %d: %s", s.Outcome, bad, n.Total(), s.First, c.Message)
	return c
}
