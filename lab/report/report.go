// Package report renders a judged run: text for a terminal, JSON for
// programs. It is pure: the same run gives the same bytes.
//
// Whatever comes from a scenario, a wire or a log is untrusted: control
// characters, escape sequences and marks that reorder text are written out
// as \x1b or \u202e, never sent to the terminal.
package report

import (
	"fmt"
	"io"
	"time"

	"netlab/lab/check"
	"netlab/lab/plan"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// A Run is all that is reported of one run. Scenario and Judgement are
// needed; a run that broke early lacks some of the rest.
type Run struct {
	Scenario  *scenarios.Scenario // as it was run: the base or a variant
	Variant   string              // "base" or the variant's name
	Plan      *plan.Plan          // nil if unknown
	Timeline  *timeline.Timeline  // nil if there is none
	Judgement *check.Judgement
	RunDir    string        // "" if nothing is kept
	Elapsed   time.Duration // of the whole run; 0 if unknown
	UpTime    time.Duration // of building the lab; 0 if unknown
	Breakdown []Phase       // where the time went
	Exit      int           // the command's exit code
	NotRun    []scenarios.Variant
}

// A Phase is a part of a run and the time that it took.
type Phase struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"took_ns"`
}

// Options choose how a report looks.
type Options struct {
	Lang  words.Lang // English if empty
	Width int        // columns of the terminal; at least 80 are used
	Full  bool       // every frame of every connection, and where the time went
	Times bool       // where the time went
	Color bool       // outcomes in colour; for terminals only
}

// Text writes the report of one run for people.
func Text(w io.Writer, run Run, opts Options) error {
	t := newText(opts)
	t.header(run, 0)
	if run.Timeline != nil {
		t.stepLines(run)
		t.connections(run)
		t.stacks(run)
	}
	t.verdicts(run)
	t.tally(run.Judgement.Tally)
	t.tail(run)
	return t.write(w)
}

// say returns a message in the reader's language, cleaned.
func (t *text) say(id words.ID, args ...any) string { return clean(words.M(id, args...).In(t.lang)) }

// inMessage returns a message in the reader's language, cleaned.
func (t *text) inMessage(m words.Message) string { return clean(m.In(t.lang)) }

// duration writes a duration for people: 9 ms, 1.4 s.
func duration(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 3*time.Millisecond || d == 0:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}
