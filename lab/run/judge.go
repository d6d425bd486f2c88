package run

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"netlab/lab/check"
	"netlab/lab/report"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// judge turns the record into verdicts.
func (r *runner) judge(events []probes.Event) (*Result, error) {
	joined, err := timeline.Build(r.header, events)
	if err != nil {
		return r.partial(), err
	}
	r.result.Timeline = joined
	r.result.Judgement = check.Eval(joined, r.Scenario)
	r.phase("judge")
	r.result.Elapsed = time.Since(r.started)
	return r.result, nil
}

// Recorded is a run directory, read and judged again.
type Recorded struct {
	Scenario  *scenarios.Scenario // as it was run: the base or the variant
	Base      *scenarios.Scenario
	Timeline  *timeline.Timeline
	Judgement *check.Judgement
}

// ErrNothingRecorded is in the chain of errors about runs that ended before
// anything was recorded.
var ErrNothingRecorded = errors.New("the run ended before anything was recorded: there is nothing to judge")

// Check judges a recorded run again, from its files alone.
func Check(dir string) (*Recorded, error) {
	source, err := os.ReadFile(filepath.Join(dir, ScenarioFile))
	if err != nil {
		return nil, fmt.Errorf("read run directory: %w", err)
	}
	f, err := os.Open(filepath.Join(dir, EventsFile))
	if err != nil {
		return nil, fmt.Errorf("read run directory: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNothingRecorded)
	}
	joined, err := timeline.Read(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	base, err := scenarios.Parse(joined.Header.File, source)
	if err != nil {
		return nil, err
	}
	r := &Recorded{Scenario: base, Base: base, Timeline: joined}
	if v := joined.Header.Variant; v != Base {
		if r.Scenario = Variant(base, v); r.Scenario == nil {
			return nil, fmt.Errorf("%s: the scenario has no variant %q", f.Name(), v)
		}
	}
	r.Judgement = check.Eval(joined, r.Scenario)
	return r, nil
}

// Variant returns a scenario's variant or mutation, the scenario itself for
// Base, and nil if there is none of that name.
func Variant(base *scenarios.Scenario, name string) *scenarios.Scenario {
	if name == Base {
		return base
	}
	for _, v := range base.Variants {
		if v.Name == name {
			return v.Scenario
		}
	}
	for _, m := range base.Mutations {
		if m.Name == name {
			return m.Scenario
		}
	}
	return nil
}

// fullFrames is how many frames report.txt shows at most; the record has all.
const fullFrames = 2000

// Write puts the verdicts and the reports into the run directory.
func (r *Result) Write(rendered report.Run) error {
	begun := time.Now()
	defer func() { r.Phases = append(r.Phases, Phase{"report", time.Since(begun)}) }()
	var verdicts, all, text bytes.Buffer
	err := errors.Join(
		report.Verdicts(&verdicts, r.Judgement),
		report.JSON(&all, rendered),
		report.Text(&text, rendered, report.Options{Lang: words.English, Width: 80, Full: len(r.Timeline.Segments) <= fullFrames}))
	if err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{{VerdictsFile, verdicts.Bytes()}, {ReportJSON, all.Bytes()}, {ReportText, text.Bytes()}} {
		if err := r.Directory.Write(f.name, f.content); err != nil {
			return err
		}
	}
	return nil
}

// Breakdown returns where the time went, for the report.
func (r *Result) Breakdown() []report.Phase {
	list := make([]report.Phase, len(r.Phases))
	for i, p := range r.Phases {
		list[i] = report.Phase{Name: p.Name, Duration: p.Took}
	}
	return list
}
