package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"netlab/lab/check"
	"netlab/lab/needs"
	"netlab/lab/node"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/scenarios/words"
)

// A onceFunc runs a job once. With an error the Result may be nil.
type onceFunc func(ctx context.Context, j *Job) (report.Run, *run.Result, error)

// once runs a job once and writes its reports into the run directory.
func once(ctx context.Context, j *Job) (report.Run, *run.Result, error) {
	result, err := run.Once(ctx, j.Config)
	if err != nil {
		return report.Run{}, result, err
	}
	r, err := Report(j, result)
	return r, result, err
}

// Report returns what is reported of a job's run, and writes the reports into
// the run directory. The error says that those could not be written.
func Report(j *Job, result *run.Result) (report.Run, error) {
	r := report.Run{
		Scenario: j.Scenario, Variant: j.Variant, Plan: result.Plan, Timeline: result.Timeline,
		Judgement: result.Judgement, RunDir: result.Directory.Path, Elapsed: result.Elapsed,
		UpTime: result.Up, Breakdown: result.Breakdown(), NotRun: j.NotRun,
		Exit: report.Exit(result.Judgement.Outcome),
	}
	err := result.Write(r)
	r.Breakdown = result.Breakdown() // with the time that the report took
	return r, err
}

// take runs a job once, and again where it came to inconclusive or error and
// retries are left.
func (s *suite) take(ctx context.Context, j *Job) report.Take {
	var attempts []report.Attempt
	for {
		t, final := s.attempt(ctx, j)
		again := t.Outcome == check.Inconclusive || t.Outcome == check.Error
		if !again || final || len(attempts) >= s.Retries || ctx.Err() != nil {
			t.Attempts = attempts
			return t
		}
		attempts = append(attempts, report.Attempt{Outcome: t.Outcome, Why: why(&t), RunDir: t.RunDir, Elapsed: t.Elapsed})
	}
}

// attempt runs a job once and keeps of the run directory what is to be kept.
// A final one need not be tried again: the machine will refuse it again.
func (s *suite) attempt(ctx context.Context, j *Job) (t report.Take, final bool) {
	r, result, err := s.once(ctx, j)
	if err == nil {
		t = report.Take{Run: r, Outcome: r.Judgement.Outcome}
	} else {
		t = report.Take{Run: report.Run{Scenario: j.Scenario, Variant: j.Variant}, Outcome: outcomeOf(err)}
		if result != nil {
			t.Elapsed = result.Elapsed
		}
		if result != nil && result.Directory != nil {
			t.RunDir = result.Directory.Path
		}
		final = t.Outcome == check.Inconclusive
		t.Exit = report.Exit(t.Outcome)
		t.Problem = s.explain(result, err)
	}
	if t.RunDir == "" || s.Keep == KeepAll || s.Keep == "" || s.Keep == KeepFailed && t.Outcome != check.Pass {
		return t, final
	}
	if err := os.RemoveAll(t.RunDir); err != nil {
		t.Judgement, t.Outcome, t.Problem = nil, check.Error, fmt.Sprintf("remove run directory: %v", err)
		return t, true
	}
	t.RunDir = ""
	return t, final
}

// outcomeOf returns what a run came to that came to no judgement.
func outcomeOf(err error) check.Outcome {
	if errors.Is(err, run.ErrInterrupted) || errors.Is(err, context.Canceled) {
		return report.Interrupted
	}
	if _, ok := errors.AsType[*node.Refused](err); ok {
		return check.Inconclusive
	}
	if _, ok := errors.AsType[*needs.Error](err); ok {
		return check.Inconclusive
	}
	return check.Error
}

func (s *suite) explain(result *run.Result, err error) string {
	if s.Explain == nil {
		return err.Error()
	}
	return s.Explain(result, err)
}

// why says in one line why an attempt did not pass.
func why(t *report.Take) string {
	if t.Judgement == nil {
		first, _, _ := strings.Cut(t.Problem, "\n")
		return first
	}
	for _, v := range t.Judgement.Verdicts {
		if v.Outcome == t.Outcome && v.Reason != nil {
			return v.Name + ": " + v.Reason.In(words.English)
		}
	}
	if t.Judgement.Problem != nil {
		return t.Judgement.Problem.In(words.English)
	}
	return ""
}
