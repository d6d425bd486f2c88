package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"netlab/probes"
	"netlab/scenarios"
)

// do lets the engine do something, and sends and tells what comes of it
// before it returns.
func (g *Gate) do(fn func(e *engine, now probes.Mono) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return errEnded
	}
	err := fn(g.engine, g.clock.Now())
	g.flush()
	if at := g.engine.wakeAt(); at > 0 && (g.sleeping == 0 || at < g.sleeping) {
		g.wake()
	}
	return err
}

// command is do for commands from outside.
func (g *Gate) command(what string, fn func(e *engine, now probes.Mono) error) error {
	if err := g.do(fn); err != nil {
		return g.failed(what, err)
	}
	return nil
}

// notify wakes who waits for a change; the caller holds the lock.
func (g *Gate) notify() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// change returns what notify will close; the caller holds the lock.
func (g *Gate) change() <-chan struct{} {
	if g.ended {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.changed
}

// Changed returns a channel that is closed when something changes next: what
// Waiting returns, or how often a rule has matched. After the end it is closed.
func (g *Gate) Changed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.change()
}

// AddRule gives the gate the rule of a step (gate.hold, drop, watch, duplicate,
// reorder, delay or corrupt), under a name that no rule has had before. It is
// in force when AddRule returns.
func (g *Gate) AddRule(name string, s *scenarios.Step) error {
	return g.command(fmt.Sprintf("add rule %q", name), func(e *engine, _ probes.Mono) error { return e.addRule(name, s) })
}

// HasRule reports whether the gate has, or had, a rule of that name.
func (g *Gate) HasRule(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.engine.rule(name) != nil
}

// Matched reports whether a rule has matched so many times, or never will.
func (g *Gate) Matched(name string, times int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.engine.rule(name)
	return r == nil || r.ended || r.matched >= uint64(times)
}

// Await waits until a rule has matched so many times. It gives up when ctx
// ends, or when the rule has ended before; the error says how often it has
// matched, and what is held.
func (g *Gate) Await(ctx context.Context, name string, times int) error {
	for {
		var next <-chan struct{}
		done := false
		err := g.command("await", func(e *engine, _ probes.Mono) error {
			next = g.change()
			r, err := e.known(name)
			if err != nil {
				return err
			}
			done = r.matched >= uint64(times)
			switch cause := context.Cause(ctx); {
			case done:
				return nil
			case cause != nil:
				return fmt.Errorf("%w: %s", cause, e.progress(r, times))
			case r.ended:
				return errors.New(e.progress(r, times))
			}
			return nil
		})
		if err != nil || done {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// Release lets frames go on that a rule holds, as a gate.release step says,
// and returns how many. They have gone on when it returns; in lockstep it waits
// for that until ctx ends. That so many are not held is no error, but that
// none is as until or only say is.
func (g *Gate) Release(ctx context.Context, s *scenarios.GateRelease) (int, error) {
	var ids []uint64
	err := g.command("release", func(e *engine, now probes.Mono) error {
		list, err := e.releaseStep(now, s)
		for _, f := range list {
			ids = append(ids, f.id)
		}
		return err
	})
	if err != nil {
		return len(ids), err
	}
	return len(ids), g.awaitGone(ctx, "release", ids)
}

// awaitGone waits until none of the frames waits for the observers.
func (g *Gate) awaitGone(ctx context.Context, what string, ids []uint64) error {
	for {
		var next <-chan struct{}
		left := 0
		err := g.command(what, func(e *engine, _ probes.Mono) error {
			next = g.change()
			for _, f := range e.looking {
				if slices.Contains(ids, f.id) {
					left++
				}
			}
			if cause := context.Cause(ctx); left > 0 && cause != nil {
				return fmt.Errorf("%w: %s of %d still wait for the observers", cause, plural(uint64(left), "frame"), len(ids))
			}
			return nil
		})
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// Discard drops frames that a rule holds, as a gate.discard step says, and
// returns how many.
func (g *Gate) Discard(_ context.Context, s *scenarios.GateDiscard) (n int, err error) {
	err = g.command("discard", func(e *engine, now probes.Mono) (err error) {
		n, err = e.discardStep(now, s)
		return err
	})
	return n, err
}

// Clear ends a rule, or all rules if name is "". What they hold goes on.
func (g *Gate) Clear(name string) error {
	return g.command("clear", func(e *engine, now probes.Mono) error { return e.clear(now, name) })
}

// Inject makes up a segment and sends it; in lockstep it waits for its turn,
// but Inject does not. No rule sees it.
func (g *Gate) Inject(in Injection) error {
	return g.command("inject", func(e *engine, now probes.Mono) error { return e.inject(now, in) })
}

// HoldAll begins or ends holding TCP frames by hand, as Config.HoldAll does
// from the start. At the end those that are held by hand go on.
func (g *Gate) HoldAll(on bool) error {
	return g.command("hold all", func(e *engine, now probes.Mono) error {
		e.holdAll(now, on)
		return nil
	})
}

// Tally emits how often each rule has matched by now.
func (g *Gate) Tally() error {
	return g.command("tally", func(e *engine, now probes.Mono) error {
		e.tally(now)
		return nil
	})
}

// Waiting returns the frames that wait at the gate, for whatever a rule or the
// observers say, in the order of their coming. What an impairment delays is
// not among them.
func (g *Gate) Waiting() []Frame {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.engine.list()
}

// First returns the first of the frames that wait, at most so many and without
// their bytes, and how many wait in all.
func (g *Gate) First(most int) ([]Frame, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := g.engine.waiting
	var first []Frame
	for _, f := range list[:min(most, len(list))] {
		first = append(first, g.engine.view(f))
	}
	return first, len(list)
}

// Pass lets a frame go on that waits, by its number, whatever keeps it but the
// observers; in lockstep those look before it goes, but Pass does not wait.
func (g *Gate) Pass(id uint64) error { return g.byHand("pass", id, 0) }

// Duplicate lets a frame go on that waits, and a copy behind it.
func (g *Gate) Duplicate(id uint64) error { return g.byHand("duplicate", id, 1) }

func (g *Gate) byHand(what string, id uint64, again int) error {
	return g.command(what, func(e *engine, now probes.Mono) error {
		f, err := e.byHand(id)
		if err != nil {
			return err
		}
		f.again = again
		e.release(now, f, probes.ByHand)
		return nil
	})
}

// Drop drops a frame that waits, by its number, whatever keeps it.
func (g *Gate) Drop(id uint64) error {
	return g.command("drop", func(e *engine, now probes.Mono) error {
		f, err := e.byHand(id)
		if err != nil {
			return err
		}
		e.discard(now, f, probes.ByHand)
		return nil
	})
}

// Counters are what a gate has seen and has.
type Counters struct {
	Came    uint64 // frames that came to it, from both ends
	Passed  uint64 // frames that went on, copies and made-up ones included
	Waiting int    // frames that wait for a rule, for the hand, or for the observers
	Delayed int    // frames that an impairment delays
}

// Counters returns them as they are now. Nothing is on its way through the
// gate that neither waits nor is delayed.
func (g *Gate) Counters() Counters {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.engine
	return Counters{Came: e.came[0] + e.came[1], Passed: e.passed[0] + e.passed[1], Waiting: len(e.waiting), Delayed: e.impaired}
}

// Holding reports whether anything waits at the gate or is delayed.
func (g *Gate) Holding() bool {
	c := g.Counters()
	return c.Waiting+c.Delayed > 0
}

// stepAll gives the frames that wait for the observers to Lockstep, one after
// the other.
func (g *Gate) stepAll(ctx context.Context) {
	for ctx.Err() == nil {
		g.mu.Lock()
		next, some := g.change(), len(g.engine.looking) > 0
		g.mu.Unlock()
		if !some {
			select {
			case <-next:
			case <-ctx.Done():
			}
			continue
		}
		done := make(chan struct{})
		g.cfg.Lockstep(sync.OnceFunc(func() {
			defer close(done)
			// After the end nothing goes on.
			_ = g.do(func(e *engine, now probes.Mono) error {
				e.step(now)
				return nil
			})
		}))
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
}
