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
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// Step runs a scenario once, with every TCP frame held until drive lets it on.
// drive is called when the servers are ready; when it returns the run goes on
// to its end if all steps are done, and is given up if not. The run is judged
// as any other.
func Step(ctx context.Context, c Config, drive func(ctx context.Context, lab step.Lab) error) (*Result, error) {
	byHand, err := c.Scenario.ByHand()
	if err != nil {
		return nil, err
	}
	c.Scenario = byHand
	return once(ctx, c, drive)
}

// errGivenUp is why a run ends that was left before its steps were done.
var errGivenUp = errors.New("given up by hand before the last step was done")

// stepsByHand takes the steps while drive lets frames on.
func (r *runner) stepsByHand(ctx context.Context, drive func(context.Context, step.Lab) error) error {
	stepping, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	b := &bench{r: r, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		b.err = r.steps(stepping)
	}()
	err := drive(ctx, b)
	select {
	case <-b.done:
	default:
		giveUp(errGivenUp)
		<-b.done
	}
	return errors.Join(err, b.err)
}

// A bench is the lab as it is stepped.
type bench struct {
	r    *runner
	done chan struct{}
	err  error // of the steps, once they are done

	mu sync.Mutex // a view at a time
}

var _ step.Lab = (*bench)(nil)

// lookFor is how long a view may take: it lists all sockets.
const lookFor = 10 * time.Second

// View returns what there is to see now.
func (b *bench) View(ctx context.Context) (step.View, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, lookFor, fmt.Errorf("the supervisor did not answer within %v", lookFor))
	defer cancel()
	reply, err := b.r.lab.Frames(ctx)
	if err != nil {
		return step.View{}, err
	}
	events := b.captured(ctx, reply.Waiting)
	v := step.View{Number: 2 * uint64(len(events)), Doing: b.r.underWay(), Waiting: reply.Waiting}
	select {
	case <-b.done:
		v.Number++
		v.Done, v.Err = true, b.err
	default:
	}
	for _, s := range reply.Sockets {
		v.Sockets = append(v.Sockets, step.Socket{
			Node: s.Node, Flow: s.Flow, State: s.State, Object: s.Sample.Object,
			RQueue: s.Sample.RQueue, WQueue: s.Sample.WQueue, Timer: s.Sample.Timer, Expires: s.Sample.Expires,
		})
	}
	v.Timeline, err = timeline.Build(b.r.header, events)
	return v, err
}

// lag is more than the capture takes to tell of a frame.
const lag = 300 * time.Millisecond

// captured returns the events, once the capture has told of all that waits:
// then it has told of all that came before, too.
func (b *bench) captured(ctx context.Context, waiting []gate.Frame) []probes.Event {
	ctx, cancel := context.WithTimeout(ctx, lag)
	defer cancel()
	for {
		events := b.r.rec.soFar()
		missing := slices.ContainsFunc(waiting, func(f gate.Frame) bool { return f.Segment != nil && !wasSent(events, f) })
		if !missing || !b.r.has(probes.Wire) || b.r.rec.after(ctx, len(events)) != nil {
			return events
		}
	}
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

// underWay names the step that is being taken: "steps[3] ftp.quit".
func (r *runner) underWay() string {
	if s := r.doing.Load(); s != nil {
		return fmt.Sprintf("steps[%d] %s", s.Index-1, s.Verb)
	}
	return ""
}

// now notes the step that is being taken.
func (r *runner) now(s *scenarios.Step) { r.doing.Store(s) }
