package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"netlab/probes"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// News is what an agent tells without having been asked.
type News struct {
	Server string `json:",omitempty"` // that has ended though nobody asked it to
	Text   string // how; or by how much the limit was exceeded
	Limit  bool   `json:",omitempty"` // more processes were started than limits.processes allows
}

// An execServer is a program that serves.
type execServer struct {
	*program
	with syscall.Signal // ends it
}

// Stop ends it in its own way.
func (s *execServer) Stop(ctx context.Context) error {
	if s.gone() {
		return fmt.Errorf("%s has ended already: %s", s.command, s.over())
	}
	return s.stop(ctx, s.with)
}

// numberOf returns the number of a signal.
func numberOf(s scenarios.Signal) syscall.Signal {
	if n := unix.SignalNum("SIG" + string(s)); n != 0 {
		return n
	}
	return unix.SIGTERM
}

// Defaults of a server that does not say.
const readyWithin = 10 * time.Second

func (a *agent) startExec(ctx context.Context, r ServeRequest) (stopper, error) {
	s := r.Server.Exec
	limit := s.Within.Duration
	if limit <= 0 {
		limit = readyWithin
	}
	within := fmt.Errorf("within %v", limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, within)
	defer cancel()
	if port := r.Server.Port(); port != 0 {
		switch busy, err := taken(port); {
		case err != nil:
			return nil, err
		case busy:
			return nil, a.taken(r, unix.EADDRINUSE)
		}
	}
	if err := a.prepare(ctx, s, within); err != nil {
		return nil, err
	}
	l := launch{command: s.Command, environment: s.Environment, directory: s.Directory, files: s.Files, serves: true}
	if s.Ready != nil {
		l.line = s.Ready.Line
	}
	p, err := a.launch(l)
	if err != nil {
		return nil, err
	}
	if err := readinessOf(s).awaitReady(ctx, p, within); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	a.register(r.Server.Name, p)
	go a.mourn(r.Server.Name, p)
	return &execServer{program: p, with: numberOf(s.Stop)}, nil
}

// prepare runs the program that comes before a server's own, to its end.
func (a *agent) prepare(ctx context.Context, s *scenarios.ExecServer, within error) error {
	if len(s.Prepare) == 0 {
		return nil
	}
	p, err := a.launch(launch{command: s.Prepare, environment: s.Environment, directory: s.Directory, files: s.Files, keep: probes.MaxContent})
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	select {
	case <-p.ended:
		if err := p.failure(); err != nil {
			return fmt.Errorf("prepare: %s: %w", p.command, err)
		}
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("prepare: %s did not end %w%s", p.command, within, p.spoke()), p.kill())
	}
}

// mourn waits for the end of a server, and tells of it if nobody asked for
// it. A server that ends with status 0 has done what it was to do.
func (a *agent) mourn(name string, p *program) {
	<-p.ended
	if p.meant.Load() || p.exit() == 0 {
		return
	}
	text := fmt.Sprintf("%s ended by itself: %s after %.1f s", p.command, p.over(), p.took.Seconds())
	a.tell(News{Server: name, Text: text})
}

// tell keeps news until somebody asks. The first counts.
func (a *agent) tell(n News) {
	select {
	case a.news <- n:
	default:
	}
}

// await waits for news.
func (a *agent) await(ctx context.Context) (News, error) {
	select {
	case n := <-a.news:
		return n, nil
	case <-ctx.Done():
		return News{}, context.Cause(ctx)
	}
}

// register gives a program the name by which steps know it.
func (a *agent) register(name string, p *program) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.programs[name] = p
}

// named returns the program of a name.
func (a *agent) named(name string) (*program, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.programs[name]
	if p == nil {
		return nil, fmt.Errorf("program %q was not started", name)
	}
	return p, nil
}

// exec takes a step that runs a program.
func (a *agent) exec(ctx context.Context, r StepRequest) (probes.Step, error) {
	s := r.Step.Exec
	p, err := a.launch(launch{
		command: s.Command, environment: s.Environment, directory: s.Directory, files: s.Files,
		input: s.Input, keep: probes.MaxContent,
	})
	if err != nil {
		return probes.Step{}, err
	}
	if s.Background {
		a.register(s.As, p)
		return probes.Step{}, nil
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		err := errors.Join(fmt.Errorf("%s, and was killed%s", p.unended(ctx, r.Timeout), p.spoke()), p.kill())
		step := p.result()
		step.Exit = nil // our doing, not the program's
		return step, err
	}
	return p.result(), p.failure()
}

// awaitExec takes a step that waits for a program.
func (a *agent) awaitExec(ctx context.Context, r StepRequest) (probes.Step, error) {
	p, err := a.named(r.Step.Process())
	if err != nil {
		return probes.Step{}, err
	}
	select {
	case <-p.ended:
		return p.result(), p.failure()
	case <-ctx.Done():
		return p.result(), fmt.Errorf("%s%s", p.unended(ctx, r.Timeout), p.spoke())
	}
}

// unended says that a program was awaited in vain.
func (p *program) unended(ctx context.Context, limit time.Duration) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("%s did not end within %v", p.command, limit)
	}
	return fmt.Sprintf("%s did not end: %v", p.command, context.Cause(ctx))
}

// spoke ends an error with the last line that a program printed, if any.
func (p *program) spoke() string {
	if last := p.out.lastLine(); last != "" {
		return ": " + last
	}
	return ""
}

// result is what a step records of a program.
func (p *program) result() probes.Step {
	var step probes.Step
	step.Content, step.Cut, step.Bytes = p.out.content()
	if p.gone() {
		exit := p.exit()
		step.Exit = &exit
	}
	return step
}

// failure says that a program that has ended failed, nil if it did not.
func (p *program) failure() error {
	var text string
	switch {
	case p.status.Signaled():
		text = "killed by " + unix.SignalName(p.status.Signal())
	case p.exit() == 0:
		return nil
	default:
		text = fmt.Sprintf("exit status %d", p.exit())
	}
	return errors.New(text + p.spoke())
}

// signal takes a step that sends a signal. A program that was killed is gone
// when the step ends, one that was halted does nothing more.
func (a *agent) signal(ctx context.Context, r StepRequest) (probes.Step, error) {
	p, err := a.named(r.Step.Process())
	if err != nil {
		return probes.Step{}, err
	}
	if p.gone() {
		return probes.Step{}, fmt.Errorf("%s has ended already: %s", p.command, p.over())
	}
	switch {
	case r.Step.ProcessKill != nil:
		return probes.Step{}, p.kill()
	case r.Step.ProcessStop != nil:
		return probes.Step{}, p.signal(unix.SIGSTOP)
	}
	return probes.Step{}, p.signal(unix.SIGCONT)
}

// ownFiles is where programs find what the lab gives them.
const ownFiles = "/run/netlab"

// FurnishRequest gives an agent files for ownFiles, by name.
type FurnishRequest struct{ Files map[string][]byte }

// furnish puts files there.
func (a *agent) furnish(r FurnishRequest) error {
	for name, content := range r.Files {
		if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
			return fmt.Errorf("file %q is none of %s", name, ownFiles)
		}
		if err := os.WriteFile(filepath.Join(ownFiles, name), content, 0o644); err != nil {
			return fmt.Errorf("furnish node: %w", err)
		}
	}
	return nil
}
