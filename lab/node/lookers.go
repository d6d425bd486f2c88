package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/clock"
	"netlab/probes/conntrack"
	"netlab/probes/sockdiag"
	"netlab/probes/ss"
	"netlab/probes/wire"

	"golang.org/x/sync/errgroup"
)

// lookers are the probes that run in the supervisor, each as far as the
// machine allows it.
type lookers struct {
	places []probes.Place
	emit   func(probes.Event)
	status []probes.ProbeStatus

	wire    *wire.Probe
	diag    *sockdiag.Probe
	ss      *ss.Probe
	tracker *conntrack.Probe // nil where no router keeps track of connections

	cancel  context.CancelFunc
	drained []<-chan struct{} // closed when a probe has emitted its last event
	rings   <-chan struct{}   // closed when wire has released its rings; nil if it never ran
	mu      sync.Mutex
	errs    []error
}

func newLookers(places []probes.Place, emit func(probes.Event)) *lookers {
	return &lookers{places: places, emit: emit}
}

// arm opens the probes. One that cannot be had is noted; the run goes on.
func (l *lookers) arm(r UpRequest, capture *os.File) error {
	var opening errgroup.Group
	routers := l.trackers(r.Plan)
	statuses := make([]probes.ProbeStatus, 3, 4)
	if len(routers) > 0 {
		statuses = statuses[:4]
	}
	open := func(i int, source probes.Source, grade probes.Grade, do func() error) {
		statuses[i] = probes.ProbeStatus{Source: source, Grade: grade}
		opening.Go(func() error {
			if slices.Contains(r.Without, source) {
				statuses[i] = probes.ProbeStatus{Source: source, Reason: "switched off"}
				return nil
			}
			err := do()
			if u, ok := errors.AsType[*probes.Unavailable](err); ok {
				statuses[i] = probes.ProbeStatus{Source: source, Reason: u.Reason, Remedy: u.Remedy}
				return nil
			}
			return err
		})
	}
	open(0, probes.SockDiag, probes.Sampled, func() (err error) {
		if l.diag, err = sockdiag.New(sockdiag.Config{Places: l.places}); err == nil {
			statuses[0].Kinds, statuses[0].Lacks = l.diag.Records()
			statuses[0].Counters = l.diag.Counters()
		}
		return err
	})
	open(1, probes.SS, probes.Sampled, func() (err error) {
		l.ss, err = ss.New(ss.Config{Places: l.places})
		return err
	})
	open(2, probes.Wire, probes.Recorded, func() (err error) {
		config := wire.Config{Places: l.places, Memory: r.Plan.Memory, Ring: r.Plan.Ring, MaxBytes: r.MaxCapture}
		if capture != nil {
			config.Capture = capture
		}
		l.wire, err = wire.Open(config)
		return err
	})
	if len(routers) > 0 {
		open(3, probes.Conntrack, probes.Recorded, func() (err error) {
			l.tracker, err = conntrack.New(conntrack.Config{Places: routers})
			return err
		})
	}
	err := opening.Wait()
	l.status = statuses
	return err
}

// start lets the opened probes run and waits until each is ready.
func (l *lookers) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	var started []probes.Probe
	if l.wire != nil {
		started = append(started, l.wire)
	}
	if l.diag != nil {
		started = append(started, l.diag)
	}
	if l.ss != nil {
		started = append(started, l.ss)
	}
	if l.tracker != nil {
		started = append(started, l.tracker)
	}
	for _, p := range started {
		l.run(ctx, p)
	}
}

// trackers returns the routers that keep track of connections: those that
// translate addresses.
func (l *lookers) trackers(p *plan.Plan) []probes.Place {
	var list []probes.Place
	for _, at := range l.places {
		if n := p.NodeOf(at.Node); n != nil && n.NAT != nil {
			list = append(list, at)
		}
	}
	return list
}

// run lets a probe run and waits until it is ready.
func (l *lookers) run(ctx context.Context, p probes.Probe) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.Run(ctx, l.emit); err != nil && p != probes.Probe(l.wire) {
			l.failed(p.Source(), err)
		}
	}()
	select {
	case <-p.Ready():
	case <-ended: // its error is told when it is stopped
	}
	if p == probes.Probe(l.wire) {
		// Releasing the rings takes the kernel tens of milliseconds (RCU),
		// in which nothing more is recorded: they are not waited for.
		l.drained = append(l.drained, l.wire.Drained())
		l.rings = ended
	} else {
		l.drained = append(l.drained, ended)
	}
}

func (l *lookers) failed(source probes.Source, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, fmt.Errorf("%s: %w", source, err))
}

// stop ends the probes and waits until they have drained.
func (l *lookers) stop() error {
	if l.cancel != nil {
		l.cancel()
	}
	for _, drained := range l.drained {
		<-drained
	}
	if l.wire != nil && l.cancel != nil {
		if err := l.wire.Err(); err != nil {
			l.failed(probes.Wire, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

// last takes the last look before the window's end: at all sockets, and at the
// counters of all nodes.
func (l *lookers) last(ctx context.Context, r LookRequest) error {
	if err := l.look(ctx, r); err != nil || l.diag == nil {
		return err
	}
	return l.diag.Count(ctx)
}

// look takes a look at all sockets now, or at those of some nodes.
func (l *lookers) look(ctx context.Context, r LookRequest, nodes ...string) error {
	var side errgroup.Group
	if l.diag != nil {
		side.Go(func() error {
			_, err := l.diag.Snapshot(ctx, nodes...)
			return err
		})
	}
	if l.ss != nil && r.SS {
		side.Go(func() error { return l.ss.Look(ctx, l.emit, nodes...) })
	}
	return side.Wait()
}

// lookAt has sockdiag look at single sockets now.
func (l *lookers) lookAt(body json.RawMessage) (reply LookAtReply, err error) {
	reply.Spent = clock.Spent(func() {
		var r LookAtRequest
		if err = json.Unmarshal(body, &r); err == nil && l.diag != nil {
			l.diag.LookAt(r.Asks)
		}
	})
	return reply, err
}

// fewRings is how many rings may be left to the end of this process, which
// closes them one after the other, at 30 ms each.
const fewRings = 4

// release takes the rings away, side by side, after stop. It waits for that
// unless they are few.
func (l *lookers) release() {
	switch {
	case l.wire == nil:
	case l.rings == nil:
		_ = l.wire.Close() // nothing was recorded that could be lost
	case len(l.places) > fewRings:
		<-l.rings
	}
}

// clear ends the connections of nodes that would keep their namespaces alive
// after everything else is gone: the kernel goes on sending an orphan's FIN
// for minutes. Kernels that cannot do it (CONFIG_INET_DIAG_DESTROY) are left
// to that.
func (l *lookers) clear(nodes []string) error {
	var side errgroup.Group
	side.SetLimit(2)
	for _, p := range l.places {
		if !slices.Contains(nodes, p.Node) {
			continue // nothing ran there
		}
		side.Go(func() error {
			_, err := sockdiag.Destroy(p, func(s sockdiag.Socket) bool { return s.State != probes.Listen })
			if _, ok := errors.AsType[*probes.Unavailable](err); ok {
				return nil
			}
			return err
		})
	}
	return side.Wait()
}

// settlePause is the time between two looks of settle. There is nothing to
// wait for instead: the kernel does not tell when a socket comes to rest.
const settlePause = time.Millisecond

// settle looks until everything is at rest, twice in a row, or until all
// conditions hold. held tells which frames gates hold: with those there is no
// rest.
func (l *lookers) settle(ctx context.Context, r SettleRequest, held func() []string, now *settling) (SettleReply, error) {
	defer now.over.Store(true)
	if l.diag == nil {
		return SettleReply{Held: held()}, nil
	}
	deadline := time.Now().Add(r.Within)
	needed, inRow := 2, 0
	if len(r.Until) > 0 {
		needed = 1
	}
	var reply SettleReply
	for {
		sockets, err := l.diag.Snapshot(ctx)
		if err != nil {
			return reply, fmt.Errorf("settle: %w", err)
		}
		reply.Looks++
		reply.Held = held()
		atRest := len(reply.Held) == 0
		if len(r.Until) > 0 {
			reply.Open, atRest = unmet(r.Until, sockets), true
		} else {
			reply.Open = restless(sockets)
		}
		if len(reply.Open) == 0 && atRest {
			inRow++
		} else {
			inRow = 0
		}
		if inRow >= needed {
			reply.Rest = true
			return reply, nil
		}
		now.looks.Add(1)
		if !time.Now().Before(deadline) {
			return reply, nil
		}
		select {
		case <-ctx.Done():
			return reply, context.Cause(ctx)
		case <-time.After(settlePause):
		}
	}
}

// restless returns the sockets that are not at rest: in a state that the next
// segment ends, or with bytes that the peer has not acknowledged.
func restless(sockets []sockdiag.Socket) []OpenSocket {
	var open []OpenSocket
	for _, s := range sockets {
		switch {
		case s.State == probes.Listen, s.State == probes.Closed, s.State == probes.TimeWait:
			continue
		case s.State == probes.Established && s.Sample.WQueue == 0:
			continue
		}
		open = append(open, openSocket(s))
	}
	return open
}

func openSocket(s sockdiag.Socket) OpenSocket {
	return OpenSocket{Node: s.Node, Flow: s.Flow, State: s.State, Unacked: s.Sample.WQueue}
}

// unmet returns the conditions that do not hold.
func unmet(conditions []Condition, sockets []sockdiag.Socket) []OpenSocket {
	var open []OpenSocket
	for _, c := range conditions {
		found := OpenSocket{Node: c.Node, Flow: c.Flow, State: probes.Closed}
		for _, s := range sockets {
			if s.Node == c.Node && s.Flow == c.Flow {
				found = openSocket(s)
				// A dead socket may be listed beside its TIME-WAIT.
				if s.State != probes.Closed {
					break
				}
			}
		}
		if found.State != c.State {
			open = append(open, found)
		}
	}
	return open
}
