package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"netlab/lab/check"
	"netlab/scenarios/words"
)

// TextRuns writes the report of many runs of one scenario: how often each
// expectation held, and how what is tallied was distributed. A run without a
// Judgement came to none. There is at least one run; exit is that of all.
func TextRuns(w io.Writer, runs []Run, exit int, opts Options) error {
	t := newText(opts)
	sum := sum(runs)
	t.header(runs[0], len(runs))
	t.summed(sum)
	for _, d := range sum.Tally {
		var parts []string
		for _, v := range d.Values {
			parts = append(parts, fmt.Sprintf("%s %d", clean(v.Value), v.Count))
		}
		head := "      " + t.pad(clean(d.Name), 23)
		t.wrapped(head, t.say(words.ReportTally)+"  "+strings.Join(parts, ", "))
	}
	t.firstOpen(runs, sum)
	for _, r := range runs {
		if r.Timeline != nil {
			t.observers(r.Timeline, r.Scenario.Seed)
			break
		}
	}
	n := sum.Runs
	said := t.say(words.ReportAllRuns, words.Ratio(n.Pass))
	if n.Pass != n.Total() {
		said = t.say(words.ReportSomeRuns, n.Pass, n.Total()) + t.some(words.ReportRunsFail, n.Fail) +
			t.some(words.ReportRunsOpen, n.Inconclusive) + t.some(words.ReportSomeBroken, n.Error) + t.say(words.ReportStop)
	}
	t.outcome(runs[0], sum.Outcome, len(sum.Verdicts) == 0, said)
	t.notRun(runs[0].NotRun)
	t.lastOfMany(runs, exit)
	return t.write(w)
}

func sum(runs []Run) *check.Summary {
	var all []*check.Judgement
	for _, r := range runs {
		all = append(all, r.Judgement)
	}
	return check.Sum(all)
}

// summed writes a line for each expectation.
func (t *text) summed(s *check.Summary) {
	var names []string
	for _, v := range s.Verdicts {
		names = append(names, v.Name)
	}
	nameCells := t.nameCells(names)
	for _, v := range s.Verdicts {
		got := t.say(words.ReportOf, v.Counts.Pass, v.Counts.Total())
		evidence := ""
		if v.First > 0 {
			evidence = t.say(words.ReportFirstIn, v.First)
		}
		t.verdictLine(v.Outcome, v.Name, nameCells, got, evidence, false)
		if v.Outcome == check.Fail && v.Example != nil {
			indent := strings.Repeat(" ", 6+nameCells)
			t.wrapped(indent+t.pad(t.say(words.ReportWant), 5), clean(v.Example.Want))
			for _, g := range v.Wrong {
				t.wrapped(indent+t.pad(t.say(words.ReportGot), 5), fmt.Sprintf("%s  (%d)", clean(g.Value), g.Count))
			}
		}
	}
}

// firstOpen says why the first run that was left open was: the others are
// mostly open for the same reason.
func (t *text) firstOpen(runs []Run, s *check.Summary) {
	if s.Outcome == check.Pass {
		return
	}
	for _, r := range runs {
		if r.Judgement != nil && slices.ContainsFunc(r.Judgement.Verdicts, func(v check.Verdict) bool { return v.Outcome == check.Inconclusive }) {
			t.openVerdicts(r.Judgement)
			return
		}
	}
}

// lastOfMany says where the runs are and how long one took.
func (t *text) lastOfMany(runs []Run, exit int) {
	var parts []string
	for _, r := range runs {
		if r.RunDir != "" {
			dir := clean(r.RunDir)
			if i := strings.LastIndexByte(dir, '/'); i > 0 && len(runs) > 1 {
				dir = dir[:i+1]
			}
			parts = append(parts, t.say(words.ReportDirectory)+"  "+dir)
			break
		}
	}
	var took []time.Duration
	for _, r := range runs {
		if r.Elapsed > 0 {
			took = append(took, r.Elapsed)
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		parts = append(parts, t.say(words.ReportMedian, duration(took[len(took)/2])))
	}
	parts = append(parts, t.say(words.ReportExit, exit))
	t.line(strings.Join(parts, "    "))
}

// JSONRuns writes the summary of many runs of one scenario for programs,
// with where each run is.
func JSONRuns(w io.Writer, runs []Run, exit int) error {
	type one struct {
		Outcome   check.Outcome `json:"outcome"`
		Directory string        `json:"run_directory,omitempty"`
		Elapsed   time.Duration `json:"elapsed_ns,omitempty"`
	}
	doc := struct {
		Format   int             `json:"netlab_runs"`
		Scenario string          `json:"scenario"`
		Variant  string          `json:"variant"`
		Exit     int             `json:"exit"`
		Summary  json.RawMessage `json:"summary"`
		Runs     []one           `json:"runs"`
	}{Format: Format, Scenario: runs[0].Scenario.Name, Variant: runs[0].Variant, Exit: exit}
	summary, err := json.Marshal(sum(runs))
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	doc.Summary = summary
	for _, r := range runs {
		o := one{Outcome: check.Error, Directory: r.RunDir, Elapsed: r.Elapsed}
		if r.Judgement != nil {
			o.Outcome = r.Judgement.Outcome
		}
		doc.Runs = append(doc.Runs, o)
	}
	return encode(w, doc)
}
