package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"netlab/lab/needs"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/lab/suite"
	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

// runFlags are the flags of netlab run.
type runFlags struct {
	repeat  int
	variant string
	mutate  bool
	out     string
	timeout time.Duration
	json    bool
	full    bool
	times   bool
	without []string
	observe string

	noSecrets bool
	noExec    bool

	atATime      int
	shard        string
	inconclusive string
	retries      int
	keep         string
	require      []string
	junit        string

	part, parts int  // of shard
	suite       bool // what is run is reported as a whole
}

func (e *env) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE|NAME|DIR|SET...",
		Short: e.t(words.HelpRun),
		Long:  e.t(words.HelpRunLong),
		Example: "  netlab run ftp-close\n  netlab run rfc9293 -j 2\n  netlab run ./my.yaml --repeat 20\n  sudo netlab run ftp-close --variant all\n" +
			"  netlab run ./scenarios -j 4 --junit results.xml --keep failed",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c.Flags().Changed("timeout")); err != nil {
				return err
			}
			f.suite = f.shard != "" || c.Flags().Changed("jobs") || slices.ContainsFunc(args, isMany)
			return e.run(c.Context(), f, args)
		},
	}
	c.Flags().IntVar(&f.repeat, "repeat", 1, e.t(words.HelpRepeat))
	c.Flags().StringVar(&f.variant, "variant", run.Base, e.t(words.HelpVariant))
	c.Flags().BoolVar(&f.mutate, "mutations", false, e.t(words.HelpMutations))
	c.MarkFlagsMutuallyExclusive("variant", "mutations")
	c.Flags().StringVar(&f.out, "out", "netlab-runs", e.t(words.HelpOut))
	c.Flags().DurationVar(&f.timeout, "timeout", 0, e.t(words.HelpTimeout))
	c.Flags().BoolVar(&f.json, "json", false, e.t(words.HelpJSON))
	c.Flags().BoolVar(&f.full, "full", false, e.t(words.HelpFull))
	c.Flags().BoolVar(&f.times, "times", false, e.t(words.HelpTimes))
	c.Flags().StringSliceVar(&f.without, "without", nil, e.t(words.HelpWithout))
	c.Flags().StringVar(&f.observe, "observe", "", e.t(words.HelpObserve))
	c.Flags().BoolVar(&f.noSecrets, "no-secrets", false, e.t(words.HelpNoSecrets))
	c.Flags().BoolVar(&f.noExec, "no-exec", false, e.t(words.HelpNoExec))
	c.Flags().IntVarP(&f.atATime, "jobs", "j", 1, e.t(words.HelpAtATime))
	c.Flags().StringVar(&f.shard, "shard", "", e.t(words.HelpShard))
	c.Flags().StringVar(&f.inconclusive, "inconclusive", inconclusiveFails, e.t(words.HelpInconclusive))
	c.Flags().IntVar(&f.retries, "retries", 0, e.t(words.HelpRetries))
	c.Flags().StringVar(&f.keep, "keep", string(suite.KeepAll), e.t(words.HelpKeep))
	c.Flags().StringSliceVar(&f.require, "require", nil, e.t(words.HelpRequire))
	c.Flags().StringVar(&f.junit, "junit", "", e.t(words.HelpJUnit))
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
	if ways := scenarios.ObserveWays(); f.observe != "" && !slices.Contains(ways, f.observe) {
		return words.Err(words.BadObserve, f.observe, strings.Join(ways, ", "))
	}
	return f.checkSuite()
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
	if f.noExec {
		if err := refuseExec(jobs); err != nil {
			return err
		}
	}
	if err := e.require(ctx, f.require, jobs); err != nil {
		return err
	}
	return e.runJobs(ctx, jobs, f)
}

// jobs parses the files and picks the variants. All errors of all files are
// printed.
func (e *env) jobs(files []file, f runFlags) ([]suite.Job, error) {
	begun := time.Now()
	parsed, err := e.parse(files)
	parsing := time.Since(begun)
	if err != nil {
		return nil, err
	}
	var without []probes.Source
	for _, w := range f.without {
		without = append(without, probes.Source(w))
	}
	machine := needs.NewMachine()
	var jobs []suite.Job
	for i, base := range parsed {
		variants, err := pick(base, f)
		if err != nil {
			return nil, err
		}
		for _, name := range variants {
			j := suite.Job{File: files[i].name, Config: run.Config{
				Scenario: run.Variant(base, name), Variant: name, Source: files[i].data, Dir: files[i].dir,
				Out: f.out, Timeout: f.timeout, Version: version(), Without: without, Parsing: parsing,
				Machine:   machine,
				Observe:   scenarios.Observe(f.observe),
				NoSecrets: f.noSecrets,
			}}
			j.Times = max(f.repeat, j.Scenario.Runs)
			for _, v := range base.Variants {
				if !f.mutate && !slices.Contains(variants, v.Name) {
					j.NotRun = append(j.NotRun, v)
				}
			}
			jobs = append(jobs, j)
		}
	}
	if len(jobs) == 0 {
		return nil, words.Err(words.NoMutation, files[0].name)
	}
	suite.Name(jobs)
	return jobs, nil
}

// pick returns the names of the variants to run, or those of the mutations.
// The scenarios among many that have none are left out.
func pick(base *scenarios.Scenario, f runFlags) ([]string, error) {
	all, mutations := []string{run.Base}, []string(nil)
	for _, v := range base.Variants {
		all = append(all, v.Name)
	}
	for _, m := range base.Mutations {
		mutations = append(mutations, m.Name)
	}
	switch {
	case f.mutate && len(mutations) == 0 && !f.suite:
		return nil, words.Err(words.NoMutation, base.Name)
	case f.mutate:
		return mutations, nil
	case f.variant == "all":
		return all, nil
	case slices.Contains(all, f.variant), slices.Contains(mutations, f.variant):
		return []string{f.variant}, nil
	}
	return nil, words.Err(words.NoVariant, base.Name, f.variant, strings.Join(append(all, mutations...), ", "))
}

// print prints one run in full, or many as a summary.
func (e *env) print(f runFlags, many []report.Run, code int) error {
	if !f.times && !f.json {
		for i := range many {
			many[i].Breakdown = nil
		}
	}
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

// worse returns the exit code for both together: 1, then 4, then 3, then 0.
func worse(a, b int) int {
	rank := []int{exitPass, exitInconclusive, exitError, exitFail}
	return slices.MaxFunc([]int{a, b}, func(a, b int) int {
		return cmp.Compare(slices.Index(rank, a), slices.Index(rank, b))
	})
}

// dirOf returns the directory that a scenario's own paths are relative to.
func dirOf(path string) string { return filepath.Dir(path) }
