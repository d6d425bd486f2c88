package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"netlab/lab/gate"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/lab/step"
	"netlab/lab/suite"
	"netlab/scenarios/words"

	"github.com/spf13/cobra"
)

// stepFlags are the flags of netlab step.
type stepFlags struct {
	script  string
	variant string
	out     string
	times   bool
	resend  time.Duration
}

func (e *env) stepCommand() *cobra.Command {
	var f stepFlags
	c := &cobra.Command{
		Use:   "step FILE|NAME",
		Short: e.t(words.HelpStep),
		Long:  e.t(words.HelpStepLong),
		Example: "  netlab step ftp-close\n  netlab step ./my.yaml --script lesson.step\n" +
			"  printf 'run to client FIN\\nshow\\n' | netlab step ftp-close --script -",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return e.step(c.Context(), f, args[0]) },
	}
	c.Flags().StringVar(&f.script, "script", "", e.t(words.HelpStepScript))
	c.Flags().StringVar(&f.variant, "variant", run.Base, e.t(words.HelpVariant))
	c.Flags().StringVar(&f.out, "out", "netlab-runs", e.t(words.HelpOut))
	c.Flags().DurationVar(&f.resend, "resend", 0, e.t(words.HelpStepResend))
	c.Flags().BoolVar(&f.times, "times", false, e.t(words.HelpStepTimes))
	return c
}

// Bounds of --resend: those of rto_min in scenarios.
const (
	minResend = time.Millisecond
	maxResend = 2 * time.Minute
)

// step reads the scenario and the script, and only when both are right builds
// the lab.
func (e *env) step(ctx context.Context, f stepFlags, arg string) error {
	if f.resend != 0 && (f.resend < minResend || f.resend > maxResend || f.resend%time.Millisecond != 0) {
		return words.Err(words.StepBadResend, f.resend, minResend, maxResend)
	}
	job, err := e.stepJob(f, arg)
	if err != nil {
		return err
	}
	hand, err := e.stepHand(f, job)
	if err != nil {
		return err
	}
	tracer := run.NewSharedTracer()
	job.Tracer, job.Resend = tracer, f.resend
	result, err := run.Step(ctx, job.Config, hand)
	closing := tracer.Close()
	if err != nil {
		if closing != nil {
			err = errors.Join(err, closing)
		}
		return e.stepFailed(result, err)
	}
	r, err := suite.Report(job, result)
	if err != nil {
		return &exit{exitError, err}
	}
	return exitWith(r.Exit, e.print(runFlags{times: f.times}, []report.Run{r}, r.Exit), nil, closing)
}

// stepJob returns the one run that is asked for.
func (e *env) stepJob(f stepFlags, arg string) (*suite.Job, error) {
	files, err := e.find([]string{arg})
	if err != nil {
		return nil, err
	}
	jobs, err := e.jobs(files, runFlags{variant: f.variant, out: f.out, repeat: 1})
	if err != nil {
		return nil, err
	}
	if len(jobs) != 1 {
		var names []string
		for _, j := range jobs {
			names = append(names, j.Name)
		}
		return nil, words.Err(words.StepOneOnly, arg, strings.Join(names, ", "))
	}
	return &jobs[0], nil
}

// A stepHand steps a lab.
type stepHand func(ctx context.Context, lab step.Lab) error

// stepHand returns who steps: the script, or the user at the terminal.
func (e *env) stepHand(f stepFlags, job *suite.Job) (stepHand, error) {
	o := step.Options{
		Lang: e.lang, Times: f.times, Plain: e.plain,
		Title:   job.Name + "  " + job.Scenario.Title.In(e.lang),
		Predict: e.foretell,
	}
	if f.script != "" {
		script, err := e.readScript(f.script)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, lab step.Lab) error { return script.Run(ctx, lab, e.stdout, o) }, nil
	}
	in, isFile := e.stdin.(*os.File)
	if isFile {
		_, isFile = terminal(in)
	}
	if !e.terminal || !isFile {
		return nil, words.Err(words.StepNoTerminal)
	}
	return func(ctx context.Context, lab step.Lab) error {
		err := step.Play(ctx, lab, in, os.Stdout, o)
		if errors.Is(err, step.ErrInterrupted) {
			return run.ErrInterrupted
		}
		return err
	}, nil
}

// foretell says what RFC 9293 says a frame will do.
func (e *env) foretell(v step.View, f gate.Frame) []string {
	if f.Segment == nil || v.Timeline == nil {
		return nil
	}
	const asItIs = math.MaxInt64 / 2 // after all that was recorded
	p := v.Timeline.Predict(f.Flow, *f.Segment, asItIs)
	via := ""
	if p.Node != "" && p.Node != f.To {
		via = f.To
	}
	return step.Foretold{
		Node: cmp.Or(p.Node, f.To), Via: via, From: p.From, Taken: p.Taken, Answer: p.Answer, Section: p.Section, Why: p.Why,
	}.Lines(e.lang)
}

// readScript reads a script from a file, or from the standard input.
func (e *env) readScript(name string) (*step.Script, error) {
	from := e.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("--script: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, step.MaxScript+1))
	if err != nil {
		return nil, fmt.Errorf("--script: read %s: %w", name, err)
	}
	return step.ParseScript(name, text)
}

// stepFailed explains why there is no report. That a script did not get what
// it wanted is a failure of the lab, not of netlab; that the user left is
// nobody's.
func (e *env) stepFailed(result *run.Result, err error) error {
	x := &explanation{e: e}
	if unmet, ok := errors.AsType[*step.ScriptError](err); ok {
		x.b.WriteString(unmet.In(e.lang))
		return x.exit(exitFail, result)
	}
	left, ok := errors.AsType[*run.GivenUp](err)
	switch {
	case !ok:
		return e.failed(result, err, true)
	case left.Step == "":
		x.b.WriteString(e.t(words.StepGivenUpFirst))
	default:
		x.b.WriteString(e.t(words.StepGivenUp, left.Step))
	}
	x.line(words.LineFix, words.M(words.StepGivenUpFix))
	return x.exit(exitInconclusive, result)
}
