package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"netlab/probes"
	"netlab/scenarios"
)

// A pending is a step that was taken in the background.
type pending struct {
	step   *scenarios.Step
	cancel context.CancelCauseFunc
	done   chan struct{}
	result probes.Step // after done
	err    error       // likewise: it could not be tried
	gaveUp string      // which wait has given up, and when; "" for none
}

// errLeft is why a step fails that nobody waited for.
var errLeft = errors.New("still under way when the last step was done")

// begin takes a step in the background. Its end is recorded when it comes.
func (r *runner) begin(ctx context.Context, s *scenarios.Step, where string, record probes.Step) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &pending{step: s, cancel: cancel, done: make(chan struct{})}
	r.asideMu.Lock()
	r.pending = append(r.pending, p)
	r.asideMu.Unlock()
	go func() {
		defer close(p.done)
		defer cancel(nil)
		p.result, p.err = r.do(ctx, s, where)
		if errors.Is(p.err, errLeft) {
			p.result, p.err = probes.Step{Error: context.Cause(ctx).Error(), Left: true}, nil
		}
		if p.err == nil {
			p.result = r.finish(where, record, p.result)
		}
	}()
}

// await waits for a step in the background. That it fails is its own result,
// and no failure of waiting.
func (r *runner) await(ctx context.Context, s *scenarios.Step) (probes.Step, error) {
	for _, p := range r.pending {
		if c := p.step.Common(); c == nil || c.As != s.Wait.Step {
			continue
		}
		limit := time.NewTimer(r.limit(s))
		defer limit.Stop()
		select {
		case <-p.done:
			return probes.Step{}, p.err
		case <-limit.C:
			p.gaveUp = fmt.Sprintf("its wait (steps[%d]) gave up after %v", s.Index-1, r.limit(s))
			return probes.Step{Error: fmt.Sprintf("%q is still under way after %v", s.Wait.Step, r.limit(s))}, nil
		case <-ctx.Done():
			return probes.Step{}, context.Cause(ctx)
		}
	}
	return probes.Step{Error: fmt.Sprintf("%q was not taken", s.Wait.Step)}, nil
}

// failedAside reports whether a step in the background that has ended failed
// and was not meant to.
func (r *runner) failedAside(name string) bool {
	for _, p := range r.pending {
		if c := p.step.Common(); c == nil || c.As != name {
			continue
		}
		select {
		case <-p.done:
			return r.failed(p.step, p.result)
		default:
		}
	}
	return false
}

// endedAside reports whether a step in the background has ended.
func (r *runner) endedAside(name string) bool {
	r.asideMu.Lock()
	defer r.asideMu.Unlock()
	for _, p := range r.pending {
		if c := p.step.Common(); c != nil && c.As == name {
			select {
			case <-p.done:
				return true
			default:
				return false
			}
		}
	}
	return true
}

// parting is how long steps that are still under way may yet end by themselves
// after the last step, together: what is over in its node takes a moment to be
// told, and on a busy machine more than a moment.
const parting = 200 * time.Millisecond

// leave ends the steps that are still under way, and says which could not be
// tried. To call it again does nothing.
func (r *runner) leave() error {
	var errs []error
	over := time.NewTimer(parting)
	defer over.Stop()
	for _, p := range r.pending {
		select {
		case <-p.done:
		case <-over.C:
			over.Reset(0) // for the others, too
		}
		p.cancel(fmt.Errorf("%w: %s", errLeft, r.whyLeft(p)))
		<-p.done
		if p.err != nil {
			errs = append(errs, fmt.Errorf("steps[%d].%s: %w", p.step.Index-1, p.step.Verb, p.err))
		}
	}
	r.asideMu.Lock()
	r.pending = nil
	r.asideMu.Unlock()
	return errors.Join(errs...)
}

// whyLeft says why nobody has waited for the end of a step.
func (r *runner) whyLeft(p *pending) string {
	if p.gaveUp != "" {
		return p.gaveUp
	}
	for i := range r.Scenario.Steps {
		c := p.step.Common()
		if s := &r.Scenario.Steps[i]; s.Wait != nil && c != nil && c.As != "" && s.Wait.Step == c.As {
			return fmt.Sprintf("its wait (steps[%d]) was not taken", i)
		}
	}
	return "no wait step waits for it"
}
