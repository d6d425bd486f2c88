package run

import (
	"context"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
	"netlab/probes/sockdiag"
)

const (
	// maxBatch is how many looks are asked for at once: so many take less
	// than a millisecond.
	maxBatch = 32
	// maxWanted is how many sockets may wait to be asked for.
	maxWanted = 1024
	// tellSkipped is the least time between two events that tell of looks
	// that were skipped.
	tellSkipped = time.Second
)

// An asker has sockdiag look at sockets when something happens to them. What
// happens to a socket while a look at it is waited for needs no other one. The
// asker keeps to a budget of CPU time, here and in the supervisor; what goes
// beyond it is skipped, counted and recorded.
type asker struct {
	lookAt func(context.Context, []sockdiag.Ask) (time.Duration, error)
	emit   func(probes.Event)
	kernel bool                    // there are kernel events; else segments have to do
	own    map[string][]netip.Addr // of nodes
	budget *sockdiag.Budget        // run's

	mu      sync.Mutex
	wanted  []sockdiag.Ask        // in the order of asking
	waiting map[sockdiag.Ask]bool // those of wanted
	resting bool                  // all that is wanted now is skipped
	skipped map[string]uint64     // looks, by node, that were not told yet
	since   probes.Mono           // when skipped was empty
	wake    chan struct{}         // has room for one
}

// ask begins to have sockdiag look on event. In lockstep it looks at each
// anyway. The function that it returns ends that; it may be called again.
func (r *runner) ask(ctx context.Context) (stop func()) {
	if !r.has(probes.SockDiag) || r.observed != "" {
		return func() {}
	}
	a := newAsker(r.lab.LookAt, r.rec.emit, r.has(probes.BPF), r.header.Nodes, sockdiag.NewBudget(clock.Now))
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.run(ctx)
	}()
	r.asker.Store(a)
	return sync.OnceFunc(func() {
		r.asker.Store(nil)
		cancel()
		<-done
	})
}

// emit records an event of a probe, and may ask for a look.
func (r *runner) emit(e probes.Event) {
	r.rec.emit(e)
	if a := r.asker.Load(); a != nil {
		a.notice(&e)
	}
}

func newAsker(lookAt func(context.Context, []sockdiag.Ask) (time.Duration, error), emit func(probes.Event),
	kernel bool, nodes []probes.NodeInfo, budget *sockdiag.Budget) *asker {
	a := &asker{
		lookAt: lookAt, emit: emit, kernel: kernel, own: map[string][]netip.Addr{}, budget: budget,
		waiting: map[sockdiag.Ask]bool{}, skipped: map[string]uint64{}, since: clock.Now(), wake: make(chan struct{}, 1),
	}
	for _, n := range nodes {
		a.own[n.Name] = n.Addresses
	}
	return a
}

// notice asks for what an event is about, if it is one of a socket.
func (a *asker) notice(e *probes.Event) {
	at := sockdiag.Ask{Node: e.Node, Cookie: e.Sock.Cookie, Flow: e.Flow}
	listener := sockdiag.Ask{Node: e.Node, Flow: probes.Flow{Local: e.Flow.Local}}
	switch {
	case e.Source == probes.Wire && e.Kind == probes.KindSegment:
		if a.tells(e) {
			a.want(at)
		}
	case !a.kernel || e.Source != probes.BPF:
	case e.Kind == probes.KindState:
		a.want(at)
		if e.Old == probes.SynReceived && e.New == probes.Established {
			a.want(listener) // one more waits to be accepted
		}
	case e.Kind == probes.KindLife:
		a.want(at)
	case e.Kind == probes.KindDrop && e.Old == probes.Listen:
		a.want(listener)
	}
}

// tells reports whether a segment, as seen at the end of a socket that it is
// from or for, tells of a change that no kernel event will: of all but data
// where there are no kernel events; else of the SYN that a socket sends, as
// when that socket came into SYN-SENT it had no port yet to be found by.
func (a *asker) tells(e *probes.Event) bool {
	flags := e.Segment.Flags
	if a.kernel && (e.Segment.Dir != probes.Out || flags&(probes.SYN|probes.ACK) != probes.SYN) {
		return false
	}
	return flags&(probes.SYN|probes.FIN|probes.RST) != 0 && slices.Contains(a.own[e.Node], e.Flow.Local.Addr())
}

// want asks for one look, which may be one that waits already.
func (a *asker) want(at sockdiag.Ask) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.waiting[at] || !at.Can():
		return
	case a.resting || len(a.wanted) == maxWanted:
		a.skipped[at.Node]++
		return
	}
	a.waiting[at] = true
	a.wanted = append(a.wanted, at)
	if len(a.wanted) == 1 {
		a.wakeUp()
	}
}

func (a *asker) wakeUp() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run has sockdiag look at what is wanted until ctx ends.
func (a *asker) run(ctx context.Context) {
	runtime.LockOSThread() // for its CPU time
	defer runtime.UnlockOSThread()
	defer a.tell(0)
	defer func() { // what still waits is looked at no more
		for batch := a.take(); len(batch) > 0; batch = a.take() {
			a.skip(batch)
		}
	}()
	began := clock.Thread()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		batch := a.take()
		if len(batch) == 0 {
			continue // skipped meanwhile
		}
		spent, err := a.lookAt(ctx, batch)
		if err != nil {
			a.skip(batch)
		}
		now := clock.Thread()
		a.budget.Spend(spent + now - began)
		began = now
		a.rest(ctx)
		a.tell(tellSkipped)
	}
}

// rest waits until there is time for looks again. What is wanted meanwhile is
// skipped: later it would tell little.
func (a *asker) rest(ctx context.Context) {
	for pause := a.budget.Rest(); pause > 0; pause = a.budget.Rest() {
		a.doze(true)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
	a.doze(false)
}

func (a *asker) doze(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resting = on
	if !on {
		return
	}
	for _, at := range a.wanted {
		a.skipped[at.Node]++
	}
	a.wanted = nil
	clear(a.waiting)
}

// take returns what is to be looked at next.
func (a *asker) take() []sockdiag.Ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(a.wanted), maxBatch)
	batch := slices.Clone(a.wanted[:n])
	a.wanted = slices.Delete(a.wanted, 0, n)
	for _, at := range batch {
		delete(a.waiting, at)
	}
	if len(a.wanted) > 0 {
		a.wakeUp()
	}
	return batch
}

// skip counts looks that came to nothing.
func (a *asker) skip(batch []sockdiag.Ask) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range batch {
		a.skipped[at.Node]++
	}
}

// tell records how many looks were skipped, where that was last told so long
// ago.
func (a *asker) tell(after time.Duration) {
	a.mu.Lock()
	skipped, since, now := a.skipped, a.since, clock.Now()
	if len(skipped) == 0 || now.Sub(since) < after {
		a.mu.Unlock()
		return
	}
	a.skipped, a.since = map[string]uint64{}, now
	a.mu.Unlock()
	for name, n := range skipped {
		a.emit(probes.Event{
			Time: now, Source: probes.SockDiag, Kind: probes.KindCounter, Grade: probes.Recorded, Node: name,
			Counter: &probes.Counter{Name: probes.LooksSkipped, Delta: n, Since: since},
		})
	}
}
