package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"netlab/lab/check"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

// runFlags are the flags of netlab run.
type runFlags struct {
	repeat  int
	variant string
	out     string
	timeout time.Duration
	json    bool
	full    bool
	times   bool
	without []string
}

func (e *env) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:     "run FILE|NAME|DIR...",
		Short:   e.t(words.HelpRun),
		Long:    e.t(words.HelpRunLong),
		Example: "  netlab run ftp-close\n  netlab run ./my.yaml --repeat 20\n  sudo netlab run ftp-close --variant all",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c.Flags().Changed("timeout")); err != nil {
				return err
			}
			return e.run(c.Context(), f, args)
		},
	}
	c.Flags().IntVar(&f.repeat, "repeat", 1, e.t(words.HelpRepeat))
	c.Flags().StringVar(&f.variant, "variant", run.Base, e.t(words.HelpVariant))
	c.Flags().StringVar(&f.out, "out", "netlab-runs", e.t(words.HelpOut))
	c.Flags().DurationVar(&f.timeout, "timeout", 0, e.t(words.HelpTimeout))
	c.Flags().BoolVar(&f.json, "json", false, e.t(words.HelpJSON))
	c.Flags().BoolVar(&f.full, "full", false, e.t(words.HelpFull))
	c.Flags().BoolVar(&f.times, "times", false, e.t(words.HelpTimes))
	c.Flags().StringSliceVar(&f.without, "without", nil, e.t(words.HelpWithout))
	return c
}

// check refuses flags that make no sense, before anything runs.
func (f *runFlags) check(bounded bool) error {
	if f.repeat < 1 || f.repeat > 100_000 {
		return words.Err(words.BadRepeat, f.repeat)
	}
	if bounded && f.timeout <= 0 {
		return words.Err(words.BadTimeout, f.timeout)
	}
	allowed := []string{string(probes.BPF), string(probes.SockDiag), string(probes.SS), string(probes.Wire)}
	for _, w := range f.without {
		if !slices.Contains(allowed, w) {
			return words.Err(words.BadProbe, w, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// run reads all scenarios, and only when all are right runs them.
func (e *env) run(ctx context.Context, f runFlags, args []string) error {
	files, err := e.find(args)
	if err != nil {
		return err
	}
	jobs, err := e.jobs(files, f)
	if err != nil {
		return err
	}
	tracer := run.NewSharedTracer()
	if slices.Contains(f.without, string(probes.BPF)) {
		tracer = nil
	}
	code := exitPass
	for _, job := range jobs {
		worst, err := e.runJob(ctx, job, f, tracer)
		if stop, ok := errors.AsType[*exit](err); ok && stop.code == exitError {
			fmt.Fprintf(e.stderr, "netlab: %s\n", e.say(err)) // the others are still run
			worst, err = worse(worst, exitError), nil
		}
		if err != nil {
			return errors.Join(err, tracer.Close())
		}
		code = worse(code, worst)
	}
	if err := tracer.Close(); err != nil {
		return &exit{exitError, err}
	}
	if code != exitPass {
		return &exit{code: code}
	}
	return nil
}

// A job is a scenario or a variant, to be run a number of times.
type job struct {
	file    file
	base    *scenarios.Scenario
	variant string
	run     *scenarios.Scenario
	times   int
	parsing time.Duration       // how long all files took to read
	notRun  []scenarios.Variant // that were not asked for
}

// jobs parses the files and picks the variants. All errors of all files are
// printed.
func (e *env) jobs(files []file, f runFlags) ([]job, error) {
	begun := time.Now()
	parsed, err := e.parse(files)
	parsing := time.Since(begun)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for i, base := range parsed {
		variants, err := pick(base, f.variant)
		if err != nil {
			return nil, err
		}
		for _, name := range variants {
			j := job{file: files[i], base: base, variant: name, run: run.Variant(base, name), parsing: parsing}
			j.times = max(f.repeat, j.run.Runs)
			for _, v := range base.Variants {
				if !slices.Contains(variants, v.Name) {
					j.notRun = append(j.notRun, v)
				}
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// pick returns the names of the variants to run.
func pick(base *scenarios.Scenario, want string) ([]string, error) {
	all := []string{run.Base}
	for _, v := range base.Variants {
		all = append(all, v.Name)
	}
	switch {
	case want == "all":
		return all, nil
	case slices.Contains(all, want):
		return []string{want}, nil
	}
	return nil, words.Err(words.NoVariant, base.Name, want, strings.Join(all, ", "))
}

// runJob runs a job as often as it asks for and prints what came of it. With
// an error, the code is that of the runs before.
func (e *env) runJob(ctx context.Context, j job, f runFlags, tracer *run.SharedTracer) (int, error) {
	var many []report.Run
	code := exitPass
	for i := range j.times {
		without := make([]probes.Source, len(f.without))
		for k, w := range f.without {
			without[k] = probes.Source(w)
		}
		result, err := run.Once(ctx, run.Config{
			Scenario: j.run, Variant: j.variant, Source: j.file.data, Dir: j.file.dir,
			Out: f.out, Timeout: f.timeout, Version: version(), Tracer: tracer, Without: without,
			Parsing: j.parsing,
		})
		var r report.Run
		if err == nil {
			r = e.reportRun(result, j)
			err = result.Write(r)
			r.Breakdown = result.Breakdown() // with the time that the report took
		}
		if err != nil {
			err = e.failed(result, err)
			if len(many) > 0 { // what was found until then is worth knowing
				err = errors.Join(err, e.print(f, many, code))
			}
			return code, err
		}
		code = worse(code, r.Exit)
		if !f.times && !f.json {
			r.Breakdown = nil
		}
		many = append(many, r)
		e.progress(j, i+1, many)
	}
	return code, e.print(f, many, code)
}

// reportRun is what the report needs to know of a run.
func (e *env) reportRun(result *run.Result, j job) report.Run {
	return report.Run{
		Scenario: j.run, Variant: j.variant, Plan: result.Plan, Timeline: result.Timeline,
		Judgement: result.Judgement, RunDir: result.Directory.Path, Elapsed: result.Elapsed,
		UpTime: result.Up, Breakdown: result.Breakdown(), NotRun: j.notRun,
		Exit: codeOf(result.Judgement.Outcome),
	}
}

// print prints one run in full, or many as a summary.
func (e *env) print(f runFlags, many []report.Run, code int) error {
	options := report.Options{Lang: e.lang, Width: e.width, Full: f.full, Times: f.times}
	var err error
	switch {
	case f.json && len(many) == 1:
		err = report.JSON(e.stdout, many[0])
	case f.json:
		err = report.JSONRuns(e.stdout, many, code)
	case len(many) == 1:
		err = report.Text(e.stdout, many[0], options)
	default:
		err = report.TextRuns(e.stdout, many, code, options)
	}
	if err != nil {
		return &exit{exitError, fmt.Errorf("print report: %w", err)}
	}
	return nil
}

// progress tells on a terminal how far a repeated run has come.
func (e *env) progress(j job, done int, many []report.Run) {
	if !e.terminal || j.times == 1 {
		return
	}
	count := map[check.Outcome]int{}
	for _, r := range many {
		count[r.Judgement.Outcome]++
	}
	end := "\r"
	if done == j.times {
		end = "\n"
	}
	fmt.Fprint(e.stderr, e.t(words.Progress, j.base.Name, j.variant, done, j.times,
		count[check.Pass], count[check.Fail], count[check.Inconclusive]), end)
}

// codeOf returns the exit code of an outcome.
func codeOf(o check.Outcome) int {
	switch o {
	case check.Pass:
		return exitPass
	case check.Fail:
		return exitFail
	case check.Inconclusive:
		return exitInconclusive
	}
	return exitError
}

// worse returns the exit code for both together: 1, then 4, then 3, then 0.
func worse(a, b int) int {
	rank := []int{exitPass, exitInconclusive, exitError, exitFail}
	return slices.MaxFunc([]int{a, b}, func(a, b int) int {
		return cmp.Compare(slices.Index(rank, a), slices.Index(rank, b))
	})
}

// dirOf returns the directory that a scenario's own paths are relative to.
func dirOf(path string) string { return filepath.Dir(path) }
