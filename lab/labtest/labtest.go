// Package labtest runs scenarios as Go tests: every expectation is a subtest,
// and what failed is shown with its evidence.
//
// The test program is also what labs are made of, started again under another
// name. So a package that uses labtest has
//
//	func TestMain(m *testing.M) { labtest.Main(m) }
//
// and its tests say no more than which scenario to run:
//
//	func TestClose(t *testing.T) {
//		t.Parallel()
//		labtest.Run(t, "ftp-close.yaml")
//	}
package labtest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/lab/suite"
	"netlab/probes"
	"netlab/scenarios"
)

// mainLine is what a package that uses labtest cannot do without.
const mainLine = "func TestMain(m *testing.M) { labtest.Main(m) }"

// An Option is a choice of Run.
type Option func(*options)

type options struct {
	variants []string // nil: the base alone
	all      bool
	require  bool
	retries  int
	timeout  time.Duration
	without  []probes.Source
}

// Variant runs a variant of the scenario instead of the scenario itself, or
// run.Base ("base") for that; given several times, each as a subtest.
func Variant(name string) Option { return func(o *options) { o.variants = append(o.variants, name) } }

// AllVariants runs the scenario itself and each of its variants as subtests.
func AllVariants() Option { return func(o *options) { o.all = true } }

// Require makes what is inconclusive fail, where it would be skipped
// otherwise. The environment variable NETLAB_REQUIRE does so, too, where it
// names labtest.
func Require() Option { return func(o *options) { o.require = true } }

// Retries has a run that is inconclusive or an error taken again, up to n
// times. Each is logged.
func Retries(n int) Option { return func(o *options) { o.retries = n } }

// Timeout bounds a run, instead of the scenario's limits.run.
func Timeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// Without goes without probes: probes.BPF, SockDiag, SS or Wire.
func Without(sources ...probes.Source) Option {
	return func(o *options) { o.without = append(o.without, sources...) }
}

// Run runs a scenario: a file, by its path from the test's directory, or one
// of the gallery, by its name. Every expectation becomes a subtest, named as
// the report names it. One that fails fails with what was wanted and got, and
// the evidence; one that is inconclusive is skipped with the reason. It may be
// called from tests that are parallel.
//
// The run directory is kept where the test fails; go test -artifacts keeps
// all. Run returns when nothing of the lab is left but what the kernel takes
// away in the background.
func Run(t *testing.T, name string, opts ...Option) {
	t.Helper()
	s := session.Load()
	if s == nil {
		t.Fatalf("labtest: the test program is also the labs' supervisor and agents, and has to be told so; add this to the package's tests:\n\n\t%s\n", mainLine)
	}
	o := options{require: slices.Contains(strings.Split(os.Getenv("NETLAB_REQUIRE"), ","), "labtest")}
	for _, opt := range opts {
		opt(&o)
	}
	file, data, err := find(name)
	if err != nil {
		t.Fatal(err)
	}
	base, err := parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	variants := o.variants
	if o.all {
		variants = []string{run.Base}
		for _, v := range base.Variants {
			variants = append(variants, v.Name)
		}
	}
	if len(variants) == 0 {
		variants = []string{run.Base}
	}
	jobs, err := o.jobs(base, variants, file, data)
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) == 1 {
		o.run(t, s, jobs[0])
		return
	}
	for _, j := range jobs {
		t.Run(j.Variant, func(t *testing.T) {
			t.Helper()
			o.run(t, s, j)
		})
	}
}

// find reads a file or a scenario of the gallery.
func find(name string) (file string, data []byte, err error) {
	data, err = os.ReadFile(name)
	if !errors.Is(err, os.ErrNotExist) {
		return name, data, err
	}
	short := strings.TrimSuffix(name, ".yaml")
	if data, err := scenarios.Load(short); err == nil {
		return short + ".yaml", data, nil
	}
	return "", nil, fmt.Errorf("labtest: %q is neither a file, from the test's directory, nor a scenario of the gallery: %w", name, err)
}

// parse reads a scenario whose directories are all there.
func parse(file string, data []byte) (*scenarios.Scenario, error) {
	sc, err := scenarios.Parse(file, data)
	if err == nil {
		err = run.FindDirs(sc, dirOf(file))
	}
	return sc, err
}

func dirOf(file string) string {
	if i := strings.LastIndexByte(file, os.PathSeparator); i > 0 {
		return file[:i]
	}
	return "."
}

// jobs makes the jobs of a scenario's variants.
func (o *options) jobs(base *scenarios.Scenario, variants []string, file string, data []byte) ([]suite.Job, error) {
	var jobs []suite.Job
	for _, v := range variants {
		sc := run.Variant(base, v)
		if sc == nil {
			return nil, fmt.Errorf("labtest: scenario %s has no variant %q", base.Name, v)
		}
		jobs = append(jobs, suite.Job{File: file, Times: sc.Runs, Config: run.Config{
			Scenario: sc, Variant: v, Source: data, Dir: dirOf(file), Timeout: o.timeout, Version: "labtest", Without: o.without,
		}})
	}
	suite.Name(jobs)
	return jobs, nil
}

// run runs one job and tells what came of it.
func (o *options) run(t *testing.T, s *state, j suite.Job) {
	t.Helper()
	j.Out = runsOf(t)
	if !slices.Contains(o.without, probes.BPF) {
		j.Tracer = s.tracer
	}
	s.enter(bool(j.Scenario.Exclusive))
	entries := suite.Run(t.Context(), []suite.Job{j}, suite.Options{Retries: o.retries, Lean: true})
	if err := s.leave(bool(j.Scenario.Exclusive)); err != nil {
		t.Error(err)
	}
	o.tell(t, &entries[0])
}

// tell makes a subtest of every case.
func (o *options) tell(t *testing.T, e *report.Entry) {
	t.Helper()
	for i := range e.Takes {
		for k, a := range e.Takes[i].Attempts {
			t.Logf("run %d, attempt %d was %s and is taken again: %s", i+1, k+1, a.Outcome, a.Why)
		}
	}
	for _, c := range e.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Helper()
			text := c.Message
			if len(c.Detail) > 0 {
				text += "\n" + strings.Join(c.Detail, "\n")
			}
			switch {
			case c.Outcome == check.Pass:
			case c.Outcome == check.Inconclusive && !o.require:
				t.Skip("inconclusive: " + text)
			default:
				t.Errorf("%s: %s", c.Outcome, text)
			}
		})
	}
}
