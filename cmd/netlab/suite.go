package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"netlab/lab/check"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/lab/suite"
	"netlab/probes"
	"netlab/scenarios/words"
)

// What --inconclusive may be.
const (
	inconclusiveFails = "fail"
	inconclusiveWarns = "warn"
)

// checkSuite refuses flags of suites that make no sense.
func (f *runFlags) checkSuite() error {
	if f.atATime < 0 || f.atATime > 1000 {
		return words.Err(words.BadAtATime, f.atATime)
	}
	if f.atATime == 0 {
		f.atATime = runtime.NumCPU()
	}
	if f.retries < 0 || f.retries > 100 {
		return words.Err(words.BadRetries, f.retries)
	}
	if err := oneOf("--inconclusive", f.inconclusive, inconclusiveWarns, inconclusiveFails); err != nil {
		return err
	}
	if err := oneOf("--keep", f.keep, string(suite.KeepFailed), string(suite.KeepAll), string(suite.KeepNone)); err != nil {
		return err
	}
	if f.shard != "" {
		var rest string
		n, _ := fmt.Sscanf(f.shard+" .", "%d/%d %s", &f.part, &f.parts, &rest)
		if n != 3 || rest != "." || f.part < 1 || f.part > f.parts || fmt.Sprintf("%d/%d", f.part, f.parts) != f.shard {
			return words.Err(words.BadShard, f.shard)
		}
	}
	return nil
}

func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return words.Err(words.BadWord, flag, value, strings.Join(allowed, ", "))
}

// isMany reports whether an argument stands for many scenarios: it is a
// directory, or else a set of the gallery.
func isMany(arg string) bool {
	info, err := os.Stat(arg)
	if err != nil {
		return isSet(arg)
	}
	return info.IsDir()
}

// runJobs runs jobs and reports them: one after the other as each ends, or as
// a suite.
func (e *env) runJobs(ctx context.Context, jobs []suite.Job, f runFlags) error {
	junit, err := createJUnit(f.junit)
	if err != nil {
		return err
	}
	if junit != nil {
		defer junit.Close() // again, on the way of an error
	}
	jobs = suite.Order(jobs)
	if f.parts > 0 {
		jobs = suite.Shard(jobs, f.part, f.parts)
	}
	tracer := run.NewSharedTracer()
	if slices.Contains(f.without, string(probes.BPF)) {
		tracer = nil
	}
	for i := range jobs {
		jobs[i].Tracer = tracer
	}
	p := e.printer(f, jobs)
	result := p.run(ctx)
	// Reported first: that the programs cannot be unloaded changes nothing of
	// what the runs have shown.
	printing := p.rest(result)
	written := writeJUnit(junit, result)
	return exitWith(result.Exit, printing, written, tracer.Close())
}

// exitWith returns how a suite exits, with what failed beside it: scenarios
// that failed come before netlab's own errors.
func exitWith(code int, printing, written, closing error) error {
	if printing != nil {
		printing = fmt.Errorf("print report: %w", printing)
	}
	err := errors.Join(printing, written, closing)
	if err != nil && code != exitInterrupted {
		code = worse(code, exitError)
	}
	if code == exitPass {
		return nil
	}
	return &exit{code, err}
}

// writeJUnit writes the JUnit report, if one is wanted.
func writeJUnit(f *os.File, result *report.Suite) error {
	if f == nil {
		return nil
	}
	return errors.Join(report.JUnit(f, result), f.Close())
}

// createJUnit makes the file of the JUnit report: that it cannot be made is
// said before anything runs.
func createJUnit(path string) (*os.File, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--junit: %w", err)
	}
	return f, nil
}

// exitOf returns the exit code of a suite: the first that applies of 1, 4, 3
// and 0. Where inconclusive is only warned of, it is no more than that as long
// as anything was conclusive: a suite that shows nothing has not passed.
func exitOf(entries []report.Entry, warn bool) int {
	code, shown := exitPass, false
	for i := range entries {
		o := entries[i].Outcome()
		if o == report.Interrupted {
			return exitInterrupted
		}
		for _, r := range entries[i].Judged() {
			shown = shown || slices.ContainsFunc(r.Judgement.Verdicts, func(v check.Verdict) bool {
				return v.Outcome == check.Pass || v.Outcome == check.Fail
			})
		}
		code = worse(code, report.Exit(o))
	}
	if code == exitInconclusive && warn && shown {
		return exitPass
	}
	return code
}
