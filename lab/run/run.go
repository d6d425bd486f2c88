// Package run composes the house: it takes one scenario through a lab into a
// run directory, with verdicts. It is the only package that knows both the
// live lab and the judges.
package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"netlab/lab"
	"netlab/lab/check"
	"netlab/lab/needs"
	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/lab/step"
	"netlab/lab/workload/authority"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"

	"golang.org/x/sync/errgroup"
)

// Base is the name of the variant that is the scenario itself.
const Base = "base"

// A Config says what to run, and how.
type Config struct {
	Scenario *scenarios.Scenario // as it is to be run: the base or a variant's
	Variant  string              // Base, or the variant's name
	Source   []byte              // the text of the scenario's file
	Dir      string              // where the scenario's file is; files it names are below
	Out      string              // where run directories are made
	Parsing  time.Duration       // how long it took to read the scenario
	Timeout  time.Duration       // instead of limits.run; 0 for that
	Version  string              // of netlab
	Tracer   *SharedTracer       // kernel events; nil to go without
	Machine  *needs.Machine      // what is known of this machine; nil for nothing yet
	Without  []probes.Source     // probes that are not to be used
	Observe  scenarios.Observe   // instead of the scenario's; "" for that

	NoSecrets bool // secrets of TLS are not kept

	Resend time.Duration // of Step: the least time before a segment is sent again; 0 for as long as suits
}

// A Result is one run, judged.
type Result struct {
	Config
	Plan      *plan.Plan
	Directory *Directory
	Timeline  *timeline.Timeline
	Judgement *check.Judgement
	Elapsed   time.Duration // until judged
	Up        time.Duration // building the lab
	Phases    []Phase
}

// A Phase is a part of a run and the time that it took.
type Phase struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took_ns"`
}

// A runner is one run under way.
type runner struct {
	Config
	result  *Result
	dir     *Directory
	rec     *recorder
	started time.Time
	last    time.Time

	over   context.CancelCauseFunc // ends the run
	lab    *lab.Lab
	header probes.Header
	kernel *kernelProbe
	// observed is what waits for the observers, "" for nothing.
	observed probes.Observe
	asker    atomic.Pointer[asker] // nil while nobody asks sockdiag for looks
	// programs waits until it is known which programs run.
	programs func() []probes.Program

	drive     func(context.Context, step.Lab) error // lets frames on by hand; nil where they pass
	doing     atomic.Pointer[scenarios.Step]        // the step that is being taken
	asideMu   sync.Mutex                            // of pending, where others than the steps' own goroutine read it
	pending   []*pending                            // steps taken in the background
	authority *authority.Authority                  // of certificates; nil where there is no TLS
}

// Once runs a scenario once. The error says that the run could not be carried
// out: netlab's own errors, a limit, an interruption, or a *node.Refused where
// the machine does not allow labs. What the scenario itself did, failures
// included, is in the Result. With an error the Result may be nil; if it is
// not, its Directory holds what there is.
func Once(ctx context.Context, c Config) (*Result, error) { return once(ctx, c, nil) }

// once is Once; drive, if it is not nil, lets frames on by hand.
func once(ctx context.Context, c Config, drive func(context.Context, step.Lab) error) (*Result, error) {
	r := &runner{Config: c, started: time.Now(), last: time.Now(), drive: drive}
	r.result = &Result{Config: c, Phases: []Phase{{"parse", c.Parsing}}}
	limit := c.Scenario.Limits.Run.Duration
	if c.Timeout > 0 {
		limit = c.Timeout
	}
	ctx, over := context.WithCancelCause(ctx)
	defer over(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		&LimitError{Name: "run", Bound: limit.String(), Given: c.Timeout > 0})
	defer cancel()
	r.over = over
	if err := r.meetNeeds(ctx); err != nil {
		return nil, err
	}
	r.kernel = r.Tracer.begin() // loads meanwhile
	if err := r.observe(); err != nil {
		return nil, err
	}
	if err := r.prepare(); err != nil {
		return r.partial(), err
	}
	err := r.perform(ctx)
	events, recErr := r.rec.close()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // the limit or the interruption, not what it broke
	}
	if recErr != nil && !errors.Is(err, recErr) { // else it is the cause, told already
		err = errors.Join(err, recErr)
	}
	if err != nil {
		return r.partial(), err
	}
	return r.judge(events)
}

// partial returns the result for an error.
func (r *runner) partial() *Result {
	if r.dir == nil {
		return nil
	}
	r.result.Elapsed = time.Since(r.started)
	return r.result
}

// phase notes the time since the last phase.
func (r *runner) phase(name string) {
	now := time.Now()
	r.result.Phases = append(r.result.Phases, Phase{name, now.Sub(r.last)})
	r.last = now
}

// prepare plans and makes the run directory.
func (r *runner) prepare() (err error) {
	if r.result.Plan, err = plan.New(r.Scenario); err != nil {
		return err
	}
	if err := withinProcesses(r.result.Plan, r.Scenario.Limits.Processes); err != nil {
		return err
	}
	r.phase("plan")
	if r.dir, err = Create(r.Out, r.Scenario.Name, r.Variant, r.started); err != nil {
		return err
	}
	r.result.Directory = r.dir
	if err := r.dir.Write(ScenarioFile, r.Source); err != nil {
		return err
	}
	if err := r.dir.WriteJSON(PlanFile, r.result.Plan); err != nil {
		return err
	}
	file, err := r.dir.File(EventsFile)
	if err != nil {
		return err
	}
	r.rec = newRecorder(file, r.Scenario.Limits.Events, r.over)
	r.rec.disk = int64(r.Scenario.Limits.Disk)
	r.phase("directory")
	return nil
}

// withinProcesses refuses a lab that would need more processes than allowed.
func withinProcesses(p *plan.Plan, limit int) error {
	n := 1 // the supervisor
	for _, node := range p.Nodes {
		if node.Process {
			n++
		}
	}
	if n > limit {
		return &LimitError{Name: "processes", Bound: fmt.Sprint(limit)}
	}
	return nil
}

// perform brings the lab up, takes the steps, and takes the lab down again
// whatever happens.
func (r *runner) perform(ctx context.Context) (err error) {
	var forget func()
	r.programs, forget = r.findPrograms(ctx) // while the lab is built
	defer forget()
	if err := r.up(ctx); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, r.lab.End())
		r.phase("down")
	}()
	stopKernel, err := r.watchKernel(ctx)
	if err != nil {
		return err
	}
	drained := false
	defer func() {
		if !drained { // an error: what was recorded is kept as it is
			stopKernel()
		}
	}()
	stopAsking := r.ask(ctx)
	defer stopAsking()
	if err := r.serve(ctx); err != nil {
		return err
	}
	r.phase("servers")
	take := r.steps
	if r.drive != nil {
		take = func(ctx context.Context) error { return r.stepsByHand(ctx, r.drive) }
	}
	if err := take(ctx); err != nil {
		return err
	}
	stopAsking()
	drained = true
	var draining errgroup.Group
	draining.Go(stopKernel)
	draining.Go(func() error { return r.lab.Drain(ctx) })
	if err := draining.Wait(); errors.Is(err, node.ErrCaptureFull) {
		return diskLimit(int64(r.Scenario.Limits.Disk))
	} else if err != nil {
		return err
	}
	r.phase("drain")
	if err := r.search(); err != nil {
		return err
	}
	r.mark(probes.Complete)
	return nil
}

func (r *runner) up(ctx context.Context) error {
	capture, err := r.dir.File(CaptureFile)
	if err != nil {
		return err
	}
	r.lab, err = lab.Up(ctx, r.result.Plan, lab.Options{
		Log: r.dir.Log, Capture: capture, MaxCapture: int64(r.Scenario.Limits.Disk),
		Emit: r.emit, Without: r.Without, Hold: r.drive != nil,
		Lost: func(node string, err error) { r.over(&NodeError{Node: node, Err: err}) },
		News: r.news,
	})
	r.phase("up")
	r.result.Up = r.result.Phases[len(r.result.Phases)-1].Took
	return err
}

// serve starts the servers in the order of the file.
func (r *runner) serve(ctx context.Context) error {
	if err := r.certify(ctx); err != nil {
		return err
	}
	for _, s := range r.Scenario.Servers {
		if err := r.startServer(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) startServer(ctx context.Context, s scenarios.Server) error {
	var dir *os.File
	if s.FTP != nil && s.FTP.Dir != "" {
		f, err := openBelow(r.Dir, s.FTP.Dir)
		if err != nil {
			return fmt.Errorf("server %q: open directory %q below the scenario's: %w", s.Name, s.FTP.Dir, err)
		}
		defer f.Close()
		dir = f
	}
	request := node.ServeRequest{Server: s}
	if r.drive != nil {
		request.Patience = scenarios.ByHandLimit
	}
	var err error
	if request.Identity, err = r.identity(s); err != nil {
		return err
	}
	if err := r.introduce(&request); err != nil {
		return err
	}
	if err := r.lab.StartServer(ctx, request, dir); err != nil {
		return &NodeError{Node: s.Node, Err: err}
	}
	return nil
}
