package report

import (
	"cmp"
	"io"
	"slices"
	"time"

	"netlab/lab/check"
	"netlab/scenarios"
)

// A Suite is many scenarios that were run together.
type Suite struct {
	Entries     []Entry // in the order of the suite, whatever ended first
	Shard       string  // as "1/2"; "" for the whole
	AtATime     int     // how many ran side by side at most
	Elapsed     time.Duration
	Exit        int    // the command's exit code
	Runs        string // where run directories are; "" if none is kept
	Warn        bool   // inconclusive is only warned of
	Interrupted bool   // it ended early; entries say what was not done
}

// An Entry is a scenario of a suite, or a variant of one.
type Entry struct {
	Name      string              // the same in every run of the suite, and no other's
	File      string              // of the scenario
	Scenario  *scenarios.Scenario // as it is run: the base or the variant's
	Variant   string              // "base" or the variant's name
	Exclusive bool                // it ran alone
	Takes     []Take              // its runs, until one came to no judgement
	Cut       bool                // there were to be more
	Elapsed   time.Duration       // of all of them
}

// A Take is one run of an entry, and what was tried before it.
type Take struct {
	Run                    // Judgement is nil where it came to none
	Outcome  check.Outcome // of the last attempt
	Problem  string        // why it came to no judgement, in the reader's language
	Attempts []Attempt     // before the last: none unless retries are asked for
}

// An Attempt is a run that came to error or inconclusive and was taken again.
type Attempt struct {
	Outcome check.Outcome `json:"outcome"`
	Why     string        `json:"why,omitempty"`
	RunDir  string        `json:"run_directory,omitempty"`
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
}

// Interrupted is the outcome of what was not done, or not to its end, because
// the suite was ended.
const Interrupted check.Outcome = "interrupted"

// Exit returns the command's exit code for an outcome.
func Exit(o check.Outcome) int {
	switch o {
	case check.Pass:
		return 0
	case check.Fail:
		return 1
	case check.Inconclusive:
		return 3
	case Interrupted:
		return 130
	}
	return 4
}

// Outcome returns the worst of the takes; Interrupted where there are too few.
func (e *Entry) Outcome() check.Outcome {
	if len(e.Takes) == 0 || e.Cut {
		return Interrupted
	}
	worst := check.Pass
	for i := range e.Takes {
		if e.Takes[i].Outcome == Interrupted {
			return Interrupted
		}
		worst = check.Worst(worst, e.Takes[i].Outcome)
	}
	return worst
}

// Retries counts the attempts that were taken again.
func (e *Entry) Retries() int {
	n := 0
	for i := range e.Takes {
		n += len(e.Takes[i].Attempts)
	}
	return n
}

// Problem returns why a take of the entry came to no judgement, "" if all did.
func (e *Entry) Problem() string {
	for i := range e.Takes {
		if t := &e.Takes[i]; t.Judgement == nil && t.Problem != "" {
			return t.Problem
		}
	}
	return ""
}

// Judged returns the takes that came to a judgement.
func (e *Entry) Judged() []Run {
	var runs []Run
	for i := range e.Takes {
		if e.Takes[i].Judgement != nil {
			runs = append(runs, e.Takes[i].Run)
		}
	}
	return runs
}

// sum adds up the judgements of an entry: nil if there is none.
func (e *Entry) sum() *check.Summary {
	runs := e.Judged()
	if len(runs) == 0 {
		return nil
	}
	return sum(runs)
}

// Lean drops from a run that passed what only a report of its own shows.
func (t *Take) Lean() {
	if t.Outcome == check.Pass {
		t.Timeline, t.Plan = nil, nil
	}
}

// Tally counts the entries by outcome.
type Tally struct {
	check.Counts
	Interrupted int `json:"interrupted,omitempty"`
	Retries     int `json:"retries,omitempty"`
}

// Tally counts the entries of the suite.
func (s *Suite) Tally() Tally {
	var n Tally
	for i := range s.Entries {
		n.Add(&s.Entries[i])
	}
	return n
}

// Add counts one more entry.
func (n *Tally) Add(e *Entry) {
	n.Retries += e.Retries()
	switch e.Outcome() {
	case check.Pass:
		n.Pass++
	case check.Fail:
		n.Fail++
	case check.Inconclusive:
		n.Inconclusive++
	case Interrupted:
		n.Interrupted++
	default:
		n.Error++
	}
}

// slowestShown is how many of the slowest are listed.
const slowestShown = 5

// slowest returns the entries that took longest, none of a suite of one.
func (s *Suite) slowest() []*Entry {
	if len(s.Entries) < 2 {
		return nil
	}
	var list []*Entry
	for i := range s.Entries {
		if s.Entries[i].Elapsed > 0 {
			list = append(list, &s.Entries[i])
		}
	}
	slices.SortStableFunc(list, func(a, b *Entry) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
	return list[:min(len(list), slowestShown)]
}

// suiteDocument is a suite for programs. Keys stand in the order of its fields.
type suiteDocument struct {
	Format      int             `json:"netlab_suite"`
	Exit        int             `json:"exit"`
	Interrupted bool            `json:"interrupted,omitempty"`
	Shard       string          `json:"shard,omitempty"`
	AtATime     int             `json:"at_a_time"`
	Elapsed     time.Duration   `json:"elapsed_ns,omitempty"`
	Counts      Tally           `json:"counts"`
	Scenarios   []entryDocument `json:"scenarios"`
	Slowest     []slowDocument  `json:"slowest,omitempty"`
}

type entryDocument struct {
	Name      string            `json:"name"`
	Scenario  string            `json:"scenario"`
	Variant   string            `json:"variant"`
	File      string            `json:"file,omitempty"`
	Exclusive bool              `json:"exclusive,omitempty"`
	Finding   scenarios.Finding `json:"finding,omitempty"`
	Outcome   check.Outcome     `json:"outcome"`
	Problem   string            `json:"problem,omitempty"`
	Elapsed   time.Duration     `json:"elapsed_ns,omitempty"`
	Runs      []takeDocument    `json:"runs"`
	Summary   *check.Summary    `json:"summary,omitempty"` // of many runs
}

type takeDocument struct {
	Outcome   check.Outcome    `json:"outcome"`
	Directory string           `json:"run_directory,omitempty"`
	Elapsed   time.Duration    `json:"elapsed_ns,omitempty"`
	Attempts  []Attempt        `json:"attempts,omitempty"`  // before this one
	Judgement *check.Judgement `json:"judgement,omitempty"` // of an only run
}

type slowDocument struct {
	Name    string        `json:"name"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// JSONSuite writes a suite as one document for programs.
func JSONSuite(w io.Writer, s *Suite) error {
	d := suiteDocument{
		Format: Format, Exit: s.Exit, Interrupted: s.Interrupted, Shard: s.Shard, AtATime: s.AtATime, Elapsed: s.Elapsed,
		Counts: s.Tally(), Scenarios: []entryDocument{},
	}
	for i := range s.Entries {
		d.Scenarios = append(d.Scenarios, documentOf(&s.Entries[i]))
	}
	for _, e := range s.slowest() {
		d.Slowest = append(d.Slowest, slowDocument{e.Name, e.Elapsed})
	}
	return encode(w, d)
}

func documentOf(e *Entry) entryDocument {
	d := entryDocument{
		Name: e.Name, Scenario: e.Scenario.Name, Variant: e.Variant, File: e.File, Exclusive: e.Exclusive,
		Finding: e.Scenario.Finding, Outcome: e.Outcome(), Problem: e.Problem(), Elapsed: e.Elapsed, Runs: []takeDocument{},
	}
	for i := range e.Takes {
		t := &e.Takes[i]
		one := takeDocument{Outcome: t.Outcome, Directory: t.RunDir, Elapsed: t.Elapsed, Attempts: t.Attempts}
		if t.Judgement != nil && len(e.Takes) == 1 {
			j := withoutFiles(t.Judgement)
			one.Judgement = &j
		}
		d.Runs = append(d.Runs, one)
	}
	if len(e.Takes) > 1 {
		d.Summary = e.sum()
	}
	return d
}
