package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"netlab/lab/check"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/lab/suite"
	"netlab/scenarios/words"
)

// A printer reports jobs as they end. It is told of one thing at a time.
type printer struct {
	*env
	flags   runFlags
	jobs    []suite.Job
	suite   bool // one report of all, not one of each
	text    *report.SuiteText
	tally   report.Tally
	running []string
	live    bool // stderr is a terminal, with a line that is written anew
	shown   bool // and there is such a line
}

func (e *env) printer(f runFlags, jobs []suite.Job) *printer {
	// One JSON document holds everything: several jobs are a suite.
	p := &printer{env: e, flags: f, jobs: jobs, suite: f.suite || f.json && len(jobs) != 1}
	var names []string
	for _, j := range jobs {
		names = append(names, j.Name)
	}
	p.text = report.NewSuiteText(names, p.options())
	if e.stderr == os.Stderr {
		_, p.live = terminal(os.Stderr)
	}
	return p
}

func (p *printer) options() report.Options {
	return report.Options{Lang: p.lang, Width: p.width, Full: p.flags.full, Times: p.flags.times}
}

// run runs the jobs.
func (p *printer) run(ctx context.Context) *report.Suite {
	begun := time.Now()
	entries := suite.Run(ctx, p.jobs, suite.Options{
		AtATime: p.flags.atATime, Retries: p.flags.retries, Keep: suite.Keep(p.flags.keep), Lean: p.suite,
		Explain: func(r *run.Result, err error) string {
			return p.say(p.failed(r, err, p.flags.keep != string(suite.KeepNone)))
		},
		Started: p.started, Took: p.took, Ended: p.ended, Next: p.next,
	})
	s := &report.Suite{
		Entries: entries, Shard: p.flags.shard, AtATime: p.flags.atATime, Elapsed: time.Since(begun),
		Warn: p.flags.inconclusive == inconclusiveWarns,
	}
	s.Exit = exitOf(entries, s.Warn)
	s.Interrupted = s.Exit == exitInterrupted
	if slices.ContainsFunc(entries, hasDirectory) {
		s.Runs = filepath.Clean(p.flags.out) + string(filepath.Separator)
	}
	return s
}

// hasDirectory reports whether a run directory of an entry was kept.
func hasDirectory(e report.Entry) bool {
	for i := range e.Takes {
		if e.Takes[i].RunDir != "" || slices.ContainsFunc(e.Takes[i].Attempts, func(a report.Attempt) bool { return a.RunDir != "" }) {
			return true
		}
	}
	return false
}

func (p *printer) started(entry *report.Entry) {
	p.running = append(p.running, entry.Name)
	p.refresh()
}

func (p *printer) ended(entry *report.Entry) {
	p.running = slices.DeleteFunc(p.running, func(name string) bool { return name == entry.Name })
	p.tally.Add(entry)
	p.refresh()
}

// refresh writes how far the suite has come, on a terminal.
func (p *printer) refresh() {
	if !p.suite || !p.live {
		return
	}
	fmt.Fprint(p.stderr, "\r\x1b[K", report.Progress(p.tally, len(p.jobs), p.running, p.options()))
	p.shown = true
}

// clear takes the line away again.
func (p *printer) clear() {
	if p.shown {
		fmt.Fprint(p.stderr, "\r\x1b[K")
		p.shown = false
	}
}

// took tells on a terminal how far a repeated run has come.
func (p *printer) took(entry *report.Entry) {
	j := p.jobs[slices.IndexFunc(p.jobs, func(j suite.Job) bool { return j.Name == entry.Name })]
	if p.suite || !p.terminal || j.Times == 1 || entry.Takes[len(entry.Takes)-1].Judgement == nil {
		return
	}
	count := map[check.Outcome]int{}
	for _, t := range entry.Takes {
		count[t.Outcome]++
	}
	done, end := len(entry.Takes), "\r"
	if done == j.Times {
		end = "\n"
	}
	fmt.Fprint(p.stderr, p.t(words.Progress, j.Scenario.Name, j.Variant, done, j.Times,
		count[check.Pass], count[check.Fail], count[check.Inconclusive]), end)
}

// next prints an entry whose turn it is. What cannot be printed is known to
// stdout, which says so at the end.
func (p *printer) next(entry *report.Entry) {
	switch {
	case p.suite && p.flags.json:
	case p.suite:
		p.clear()
		_ = p.text.Line(p.stdout, entry)
		p.refresh()
	default:
		p.alone(entry)
	}
}

// alone prints an entry that is not part of a suite: its runs, and why there
// are no more of them.
func (p *printer) alone(entry *report.Entry) {
	_ = report.Retried(p.stderr, entry, p.options())
	judged := *entry
	judged.Cut = false
	judged.Takes = slices.DeleteFunc(slices.Clone(entry.Takes), func(t report.Take) bool { return t.Judgement == nil })
	if runs := judged.Judged(); len(runs) > 0 {
		code := exitOf([]report.Entry{judged}, p.flags.inconclusive == inconclusiveWarns)
		if len(runs) == 1 {
			runs[0].Exit = code
		}
		_ = p.print(p.flags, runs, code)
	}
	if problem := entry.Problem(); problem != "" {
		fmt.Fprintf(p.stderr, "netlab: %s\n", problem)
	}
}

// rest prints what follows the entries of a suite.
func (p *printer) rest(s *report.Suite) error {
	p.clear()
	switch {
	case p.suite && p.flags.json:
		return report.JSONSuite(p.stdout, s)
	case p.suite:
		return p.text.Rest(p.stdout, s)
	}
	return nil
}
