package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"netlab/probes"
	"netlab/probes/clock"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// A Config says where a gate stands, and what it does from the start.
type Config struct {
	Link  string           // the scenario's name of the link
	Ends  [2]string        // names of the ends
	Ports [2]Port          // interfaces of the gate's namespace, by end
	NS    probes.Namespace // where those are
	MTU   int              // of the link
	Seed  uint64           // what impairments throw their dice by
	Ring  int              // bytes of the ring of each port, a power of two; 0 for 8 MiB

	// Impair makes what each end sends come worse, before anything else is
	// done with it; nil for not at all.
	Impair [2]*scenarios.Impair
	// HoldAll holds every TCP frame that no rule takes, until it is let on by
	// hand (rule probes.ByHand).
	HoldAll bool
	// Lockstep, if it is not nil, is called for every TCP frame before any
	// rule sees it, for every one that has waited before it goes on, and for
	// every one that is made up, in the order of their coming. It has to call
	// on, once, when every observer has looked; before it returns or later, from
	// any goroutine. on sends the frame, or does with it what the rules say,
	// and returns when that is done. The gate asks for the next one when on
	// has returned. Lockstep must return when the context of Run ends.
	Lockstep func(on func())
	// Emit is given the gate's events, in order, one at a time. It must not
	// call the gate.
	Emit func(probes.Event)
}

// A Port is an interface of a gate.
type Port struct {
	Name    string
	Ifindex int
}

// A Gate is the user-space link at work. It is safe for concurrent use.
type Gate struct {
	cfg   Config
	clock clock.Stopwatch
	ready chan struct{}

	mu       sync.Mutex
	engine   *engine
	ports    [2]*port
	batch    batch
	frames   [][]byte      // what batch is given
	event    int           // eventfd that ends the wait of the loop
	sleeping probes.Mono   // what the loop waits for; 0 for nothing
	changed  chan struct{} // closed at the next change; nil if nobody waits for it
	ended    bool
}

// errEnded is the answer to commands after the end.
var errEnded = errors.New("it has ended")

// Open makes the sockets of a gate. Frames that come wait in its rings until
// Run forwards them. The interfaces must be there. The caller calls Run or
// Close.
func Open(cfg Config) (*Gate, error) {
	g := &Gate{cfg: cfg, engine: newEngine(&cfg), event: -1, clock: clock.NewStopwatch(), ready: make(chan struct{})}
	err := g.open()
	if err != nil {
		return nil, errors.Join(g.failed("open", err), g.release())
	}
	return g, nil
}

// open makes what must be released.
func (g *Gate) open() (err error) {
	if g.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	// The kernel keeps the maker of a ring waiting; two wait for the same.
	var both sync.WaitGroup
	var errs [2]error
	for i, p := range g.cfg.Ports {
		both.Go(func() { g.ports[i], errs[i] = openPort(p, g.cfg.NS, g.cfg.MTU, cmp.Or(g.cfg.Ring, ringSize)) })
	}
	both.Wait()
	return errors.Join(errs[0], errs[1])
}

// failed says of which gate an error is, and what was to be done.
func (g *Gate) failed(what string, err error) error {
	return fmt.Errorf("gate %s: %s: %w", g.cfg.Link, what, err)
}

// Ready is closed when frames are forwarded.
func (g *Gate) Ready() <-chan struct{} { return g.ready }

// Run forwards frames until ctx ends. Then it emits how often each rule has
// matched and how much has passed in each direction, and releases everything.
// What waits then never goes on. An error says that the kernel refused
// something, and that nothing is forwarded any more. One goroutine may call
// Run, once.
func (g *Gate) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		g.wake()
	})
	var stepper sync.WaitGroup
	if g.cfg.Lockstep != nil {
		stepper.Go(func() { g.stepAll(ctx) })
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine
		prefer()
		done <- g.loop(ctx)
	}()
	err := <-done
	cancel()
	if !stop() {
		<-woken
	}
	err = errors.Join(err, g.finish())
	stepper.Wait()
	if err = errors.Join(err, g.release()); err != nil {
		return g.failed("run", err)
	}
	return nil
}

// prefer asks that the calling thread be scheduled before others, as what
// waits for it is a lab's whole traffic, and be woken in time. Where it is
// refused (it needs CAP_SYS_NICE), frames are late on a busy machine.
func prefer() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -15)
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // ns; else timers may be 50 µs late
}

// loop forwards frames.
func (g *Gate) loop(ctx context.Context) error {
	close(g.ready)
	for ctx.Err() == nil {
		until, more, err := g.round()
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if err := g.wait(until); err != nil {
			return err
		}
	}
	return nil
}

// round forwards what is there, up to a batch from each end. It returns
// whether there may be more, and else until when there is nothing to do but to
// wait for frames; 0 for ever.
func (g *Gate) round() (until probes.Mono, more bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.take()
}

// Catch has the gate take in now what has come to it, as Run does by itself
// before long.
func (g *Gate) Catch() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.ended {
		_, more, err := g.take()
		if err != nil {
			return g.failed("take in what came", err)
		}
		if !more {
			g.wake() // Run may wait for longer than it is to, now
			break
		}
	}
	return nil
}

// take is round; the caller holds the lock.
func (g *Gate) take() (until probes.Mono, more bool, err error) {
	if len(g.engine.due) > 0 {
		g.engine.advance(g.clock.Now())
		g.flush()
	}
	for end, p := range g.ports {
		n, losing := 0, false
		for ; n < batchSize; n++ {
			a, ok := p.next()
			if !ok {
				break
			}
			losing = losing || a.losing
			g.arrive(end, a)
		}
		if n > 0 {
			more = true
			g.flush()
			p.giveBack()
		}
		if losing {
			err = errors.Join(err, g.lost(end))
		}
	}
	g.sleeping = g.engine.wakeAt()
	return g.sleeping, more, err
}

// arrive gives the engine a frame.
func (g *Gate) arrive(end int, a arrival) {
	now := g.clock.Now()
	switch {
	case a.size > len(a.data):
		g.engine.refuseArrival(now, end, a.data, fmt.Sprintf("it has %d bytes, more than an interface with an MTU of %d sends", a.size, g.cfg.MTU))
	case a.unsummed:
		g.engine.refuseArrival(now, end, a.data, "its checksum is not made yet: transmit checksum offload of "+g.cfg.Ends[end]+" is on")
	default:
		g.engine.arrive(now, end, a.data)
	}
}

// lost tells what a ring had no room for.
func (g *Gate) lost(end int) error {
	n, err := g.ports[end].drops()
	if n > 0 {
		g.emit(probes.Event{
			Time: g.clock.Now(), Source: probes.Gate, Kind: probes.KindLoss, Node: g.cfg.Ends[end],
			Loss: &probes.Loss{What: "ring of gate " + g.cfg.Link + " full", Count: n},
		})
	}
	return err
}

func (g *Gate) emit(ev probes.Event) {
	if g.cfg.Emit != nil {
		g.cfg.Emit(ev)
	}
}

// flush sends and tells what the engine has decided.
func (g *Gate) flush() {
	e := g.engine
	wait := patience
	for i := 0; i < len(e.out); {
		end := e.out[i].end
		g.frames = g.frames[:0]
		for j := i; j < len(e.out) && e.out[j].end == end; j++ {
			g.frames = append(g.frames, e.out[j].data)
		}
		to := g.ports[1-end]
		sent, err := g.batch.sendAll(to, g.frames, wait)
		for range sent {
			e.sent(i)
			i++
		}
		if errors.Is(err, errNoRoom) {
			wait = 0 // once for all that goes out together
		}
		if err != nil {
			e.unsent(g.clock.Now(), i, why(err, g.cfg.Ends[1-end], len(e.out[i].data)))
			i++
		}
	}
	clear(g.frames)
	for _, ev := range e.events {
		g.emit(ev)
	}
	e.flushed()
	if e.news {
		e.news = false
		g.notify()
	}
}

// why says why a frame could not be sent.
func why(err error, to string, size int) string {
	switch {
	case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return "the link to " + to + " is down"
	case errors.Is(err, unix.EMSGSIZE):
		return fmt.Sprintf("it has %d bytes, too many for the link to %s", size, to)
	}
	return fmt.Sprintf("send to %s: %v", to, err)
}

// wait waits for frames, for a call of wake, or until then.
func (g *Gate) wait(until probes.Mono) error {
	fds := [...]unix.PollFd{
		{Fd: int32(g.ports[0].fd), Events: unix.POLLIN},
		{Fd: int32(g.ports[1].fd), Events: unix.POLLIN},
		{Fd: int32(g.event), Events: unix.POLLIN},
	}
	var timeout *unix.Timespec
	if until > 0 {
		ts := unix.NsecToTimespec(int64(max(until-g.clock.Now(), 0)))
		timeout = &ts
	}
	_, err := unix.Ppoll(fds[:], timeout, nil)
	switch {
	case errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return os.NewSyscallError("ppoll", err)
	}
	for i, p := range g.ports {
		if fds[i].Revents&unix.POLLERR == 0 {
			continue
		}
		if err := p.clearError(); err != nil && !errors.Is(err, unix.ENETDOWN) {
			return fmt.Errorf("port %s: %w", p.Name, err)
		}
	}
	if fds[2].Revents != 0 {
		var count [8]byte
		_, _ = unix.Read(g.event, count[:]) // takes the signal back; it cannot fail, it was there
	}
	return nil
}

// wake ends the wait of the loop that is on, or its next.
func (g *Gate) wake() {
	// An eventfd that is full is signalled all the same.
	_, _ = unix.Write(g.event, []byte{0, 0, 0, 0, 0, 0, 0, 1})
}

// finish tells the totals, and has commands refused from now on.
func (g *Gate) finish() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := errors.Join(g.lost(0), g.lost(1))
	g.engine.total(g.clock.Now())
	g.flush()
	g.ended = true
	g.notify()
	return err
}

// Close releases everything. Run does so itself; Close is for a gate that
// never runs.
func (g *Gate) Close() error {
	g.mu.Lock()
	was := g.ended
	g.ended = true
	g.notify()
	g.mu.Unlock()
	if was {
		return nil
	}
	if err := g.release(); err != nil {
		return g.failed("close", err)
	}
	return nil
}

// release gives up descriptors and rings.
func (g *Gate) release() error {
	var both sync.WaitGroup
	var errs [2]error
	for i, p := range g.ports {
		if p != nil {
			both.Go(func() { errs[i] = p.close() })
		}
	}
	both.Wait()
	err := errors.Join(errs[0], errs[1])
	if g.event >= 0 {
		err = errors.Join(err, os.NewSyscallError("close", unix.Close(g.event)))
		g.event = -1
	}
	return err
}
