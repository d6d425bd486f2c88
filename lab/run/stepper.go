package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"netlab/lab/gate"
	"netlab/lab/node"
	"netlab/lab/step"
	"netlab/probes"
	"netlab/probes/clock"
	"netlab/probes/timeline"
)

// Step runs a scenario once, with every TCP frame held until drive lets it on.
// drive is called when the servers are ready; when it returns the run goes on
// to its end if all steps are done, and is given up if not. The run is judged
// as any other.
func Step(ctx context.Context, c Config, drive func(ctx context.Context, lab step.Lab) error) (*Result, error) {
	byHand, err := c.Scenario.ByHand(c.Resend)
	if err != nil {
		return nil, err
	}
	c.Scenario = byHand
	return once(ctx, c, drive)
}

// stepsByHand takes the steps while drive lets frames on. To leave before they
// are done is to give the run up.
func (r *runner) stepsByHand(ctx context.Context, drive func(context.Context, step.Lab) error) error {
	stepping, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	b := &bench{r: r, done: make(chan struct{}), patience: longPatience}
	go func() {
		defer close(b.done)
		b.err = r.steps(stepping)
	}()
	err := drive(ctx, b)
	select {
	case <-b.done:
		return errors.Join(err, b.err)
	default:
	}
	left := &GivenUp{Step: r.underWay()}
	giveUp(left)
	<-b.done
	switch {
	case err != nil: // why it was left
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return left
}

// A bench is the lab as it is stepped.
type bench struct {
	r    *runner
	done chan struct{}
	err  error // of the steps, once they are done

	mu       sync.Mutex    // a view at a time
	patience time.Duration // how long a view waits for rest
}

var _ step.Lab = (*bench)(nil)

// lookFor is how long a view may take: it lists all sockets.
const lookFor = 10 * time.Second

// View returns what there is to see when the lab has come to rest: when what
// was let on has had its effect, and whatever follows from that waits in turn.
// In a lab that does not come to rest, it is what there is to see now.
func (b *bench) View(ctx context.Context) (step.View, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, lookFor, fmt.Errorf("the supervisor did not answer within %v", lookFor))
	defer cancel()
	resting, stop := context.WithTimeout(ctx, b.patience)
	defer stop()
	for {
		s, err := b.look(ctx)
		if err != nil {
			return step.View{}, err
		}
		why := s.restless()
		switch {
		case why == "":
			b.patience = longPatience
			return s.view, nil
		case b.await(resting, s) == nil:
		case why == sleeps: // for long, maybe; and then it goes on
			return s.view, nil
		default:
			b.patience = max(b.patience/2, shortPatience)
			return s.view, nil
		}
	}
}

// A sight is a view, and what tells whether it was one of a lab at rest.
type sight struct {
	view   step.View
	events int
	idle   bool   // the lab's processes
	moving string // why the scenario goes on by itself, "" if it does not
	wire   bool   // the wire is recorded
	since  probes.Mono
}

// look returns what there is to see now. What the sockets are is looked up
// when what is recorded has happened.
func (b *bench) look(ctx context.Context) (sight, error) {
	done := b.ended()
	events := b.r.rec.soFar()
	t, err := timeline.Build(b.r.header, events)
	if err != nil {
		return sight{}, err
	}
	reply, err := b.r.lab.Frames(ctx)
	if err != nil {
		return sight{}, err
	}
	moving := ""
	if !done {
		moving = b.r.moving(ctx, len(events), reply.Blocked)
	}
	now := b.r.doing.Load()
	v := step.View{
		Number: 2 * uint64(len(events)), Timeline: t, Waiting: reply.Waiting,
		Doing: b.r.underWay(), Awaits: awaits(now), Kept: b.r.kept(now),
	}
	if done {
		v.Number++
		v.Done, v.Err = true, b.err
	}
	for _, s := range reply.Sockets {
		v.Sockets = append(v.Sockets, step.Socket{
			Node: s.Node, Flow: s.Flow, State: s.State, Object: s.Sample.Object,
			RQueue: s.Sample.RQueue, WQueue: s.Sample.WQueue, Timer: s.Sample.Timer, Expires: s.Sample.Expires,
		})
	}
	return sight{
		view: v, events: len(events), idle: reply.Idle, moving: moving,
		wire: b.r.has(probes.Wire), since: clock.Now() - probes.Mono(longPatience),
	}, nil
}

// ended reports whether the steps are done.
func (b *bench) ended() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// Bounds of how long a view waits for rest. On a busy machine processes of the
// lab are kept from running for some hundred milliseconds; a lab that does not
// come to rest, as a program of it computes, is waited for less each time.
const (
	longPatience  = time.Second
	shortPatience = 10 * time.Millisecond
)

// lookAgain is the time between two looks for rest. There is nothing to wait
// for instead: the kernel does not tell when processes have come to rest.
const lookAgain = time.Millisecond

// await waits until a lab that was not at rest may be.
func (b *bench) await(ctx context.Context, s sight) error {
	soon, cancel := context.WithTimeout(ctx, lookAgain)
	defer cancel()
	_ = b.r.rec.after(soon, s.events)
	return ctx.Err()
}

// restless says why what was seen is not yet all that what was let on brings
// about, "" if it is.
func (s *sight) restless() string {
	switch {
	case !s.idle:
		return "processes run"
	case s.moving != "":
		return s.moving
	case !s.wire:
		return ""
	}
	type id struct {
		link  string
		frame uint64
	}
	waits, held := make(map[id]bool), make(map[id]bool)
	for _, a := range s.view.Timeline.Acts {
		held[id{a.Link, a.Frame}] = true
	}
	for _, f := range s.view.Waiting {
		waits[id{f.Link, f.ID}] = true
		if f.Segment == nil || f.Since <= s.since {
			continue
		}
		if !held[id{f.Link, f.ID}] || !wasSent(s.view.Timeline.Events, f) {
			return "of a frame that waits nothing is recorded"
		}
	}
	for _, x := range s.view.Timeline.Segments {
		last := x.Sent()
		if n := len(x.Acts); n > 0 {
			a := x.Acts[n-1]
			if last = max(last, a.Time); a.Do == probes.Held && !waits[id{a.Link, a.Frame}] {
				return "of a frame that went on nothing is recorded"
			}
		}
		if last > s.since && x.Arrived() == 0 && !x.Injected && !x.Stopped() {
			return "a segment is on its way"
		}
	}
	return ""
}

// wasSent reports whether the capture has told of a frame where it was sent.
func wasSent(events []probes.Event, f gate.Frame) bool {
	for _, e := range slices.Backward(events) {
		s := e.Segment
		if e.Kind == probes.KindSegment && s.Dir == probes.Out && e.Flow == f.Flow && s.Seq == f.Segment.Seq && s.Ack == f.Segment.Ack &&
			s.Flags == f.Segment.Flags && s.Len == f.Segment.Len && s.TSVal == f.Segment.TSVal {
			return true
		}
	}
	return false
}

// errDone ends a wait for events when the steps are done.
var errDone = errors.New("the steps are done")

// Wait returns when more has been recorded than a view knows, or when the
// steps are done and it does not know that.
func (b *bench) Wait(ctx context.Context, seen uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	if seen%2 == 0 {
		watching.Go(func() {
			select {
			case <-b.done:
				cancel(errDone)
			case <-ctx.Done():
			}
		})
	}
	if err := b.r.rec.after(ctx, int(seen/2)); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// Pass lets a frame on.
func (b *bench) Pass(ctx context.Context, f gate.Frame) error { return b.hand(ctx, f, node.HandPass) }

// Drop drops a frame.
func (b *bench) Drop(ctx context.Context, f gate.Frame) error { return b.hand(ctx, f, node.HandDrop) }

// Duplicate lets a frame on, twice.
func (b *bench) Duplicate(ctx context.Context, f gate.Frame) error {
	return b.hand(ctx, f, node.HandDuplicate)
}

func (b *bench) hand(ctx context.Context, f gate.Frame, do node.Hand) error {
	return b.r.lab.Handle(ctx, node.HandRequest{Link: f.Link, Frame: f.ID, Do: do})
}
