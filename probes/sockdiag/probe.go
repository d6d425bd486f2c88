package sockdiag

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// DefaultEvery is the time between two looks where Config does not say.
const DefaultEvery = 50 * time.Millisecond

// restFactor keeps the heartbeat's share of one CPU at 1/restFactor, 1 %:
// after a round it rests for so many times the CPU time that the round took. Looks on event
// have as much.
const restFactor = 100

// A Config says where to look and how often.
type Config struct {
	Places []probes.Place
	// Every is the time between two rounds of the heartbeat, DefaultEvery
	// if 0. It is stretched where a round uses more than 1/100 of it.
	Every time.Duration
}

// A Probe looks at the sockets of its places and at the counters of their
// namespaces, now and then in Run and at once in Snapshot and Count; and it is
// told what sockets had done that the kernel destroys. Its methods are safe for
// concurrent use.
type Probe struct {
	every    time.Duration
	places   []*place
	talliers []*tallier
	wake     int // an eventfd: Run is to end
	lacks    []probes.Lack
	ready    chan struct{}

	mu   sync.RWMutex // held for reading while emit runs
	emit func(probes.Event)

	owed atomic.Int32 // rounds of the heartbeat that are to be told of
}

// tellRounds is how many rounds after something has happened to a socket are
// told of: what is not listed in so many is not there.
const tellRounds = 2

var _ probes.Probe = (*Probe)(nil)

// A place is a node with the probe's socket in it.
type place struct {
	probes.Place
	mu     sync.Mutex
	conn   *conn // nil once closed
	tables [len(families)]table

	counters *counters // nil where they cannot be read, and once closed
}

// errClosed says that the probe was closed, or its Run has ended.
var errClosed = errors.New("the sockdiag probe is closed")

// New opens a netlink socket in every place. Run closes them; Close does
// where Run is never called. The error is a [probes.Unavailable] where the
// kernel has no inet_diag.
func New(config Config) (_ *Probe, err error) {
	p := &Probe{every: config.Every, wake: -1, ready: make(chan struct{})}
	if p.every <= 0 {
		p.every = DefaultEvery
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	for _, at := range config.Places {
		c, err := dial(at.NS)
		if err != nil {
			return nil, unavailable(fmt.Errorf("node %s: %w", at.Node, err))
		}
		p.places = append(p.places, &place{Place: at, conn: c})
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	p.subscribe()
	p.openCounters()
	if len(p.places) > 0 {
		// One try tells for all: listing listeners takes microseconds.
		if _, err := p.places[0].conn.dump(unix.AF_INET, listenStates, make([]byte, bufferLen)); err != nil {
			return nil, unavailable(err)
		}
	}
	return p, nil
}

// subscribe has the probe told of destroyed sockets, or notes why it is not.
func (p *Probe) subscribe() {
	for _, at := range p.places {
		t, err := subscribe(at.Place, tallyBuffer)
		if err != nil {
			p.lacks = append(p.lacks, probes.Lack{Kind: probes.KindTally, Reason: fmt.Sprintf("node %s: %v", at.Node, err)})
			return
		}
		p.talliers = append(p.talliers, t)
	}
}

// openCounters has the probe read counters, or notes why it does not.
func (p *Probe) openCounters() {
	for _, at := range p.places {
		var err error
		if at.counters, err = openCounters(at.NS); err != nil {
			p.lacks = append(p.lacks, probes.Lack{
				Kind: probes.KindCounter, Reason: fmt.Sprintf("node %s: %v", at.Node, err), Remedy: "mount proc on /proc",
			})
			return
		}
	}
}

// Counters lists the counters that this kernel has, of those that the probe
// knows. They are the same in every place.
func (p *Probe) Counters() []string {
	if len(p.places) == 0 || p.places[0].counters == nil {
		return nil
	}
	r, err := p.places[0].counters.read(make([]byte, bufferLen))
	if err != nil {
		return nil // the next reading tells
	}
	return slices.Sorted(maps.Keys(r))
}

// Records returns what the probe records beside samples, and what it cannot
// record here.
func (p *Probe) Records() (kinds []probes.Kind, lacks []probes.Lack) {
	for _, k := range []probes.Kind{probes.KindTally, probes.KindCounter} {
		if !slices.ContainsFunc(p.lacks, func(l probes.Lack) bool { return l.Kind == k }) {
			kinds = append(kinds, k)
		}
	}
	return kinds, p.lacks
}

// unavailable turns the refusals that mean "this kernel cannot" into a
// probes.Unavailable.
func unavailable(err error) error {
	for _, refusal := range []unix.Errno{unix.EPROTONOSUPPORT, unix.ENOENT, unix.EOPNOTSUPP, unix.EPERM, unix.EACCES} {
		if errors.Is(err, refusal) {
			return &probes.Unavailable{
				Source: probes.SockDiag,
				Reason: fmt.Sprintf("inet_diag was refused: %v (%s)", err, unix.ErrnoName(refusal)),
				Remedy: "load the kernel modules inet_diag and tcp_diag: modprobe tcp_diag",
			}
		}
	}
	return err
}

// Source returns probes.SockDiag.
func (p *Probe) Source() probes.Source { return probes.SockDiag }

// Ready is closed after the first look at every place.
func (p *Probe) Ready() <-chan struct{} { return p.ready }

// Run looks at all places again and again and emits what changed, and what it
// is told, until ctx ends. It takes no last look: by then the lab is being torn
// down; who wants one calls Snapshot and Count before ending ctx. What was told
// until then is emitted. Run may be called once.
func (p *Probe) Run(ctx context.Context, emit func(probes.Event)) error {
	p.setEmit(emit)
	defer p.setEmit(nil)
	told := make(chan error, 1)
	go func() { told <- tallies(ctx, p.talliers, p.wake, emit) }()
	p.beat(ctx)
	_, err := unix.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 1}) // any number but zero, on any machine
	err = errors.Join(err, <-told)
	p.setEmit(nil)
	return errors.Join(err, p.Close())
}

// beat looks at all places again and again until ctx ends.
func (p *Probe) beat(ctx context.Context) {
	buf := make([]byte, bufferLen)
	ready := p.ready
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		// CPU time: that a machine with much to do kept a round waiting is no
		// reason to look less often.
		spent := clock.Spent(func() { p.round(ctx, buf) })
		if ready != nil && ctx.Err() == nil {
			close(ready)
			ready = nil
		}
		timer.Reset(max(p.every, restFactor*spent))
	}
}

// round looks at all places once. Where something has changed it tells that all
// was looked at.
func (p *Probe) round(ctx context.Context, buf []byte) {
	at, whole := clock.Now(), true
	for _, place := range p.places {
		// A failure is an event already; the round goes on.
		if _, err := p.look(place, buf); err != nil || ctx.Err() != nil {
			whole = false
		}
		p.count(place, buf)
	}
	if owed := p.owed.Load(); owed > 0 && whole {
		p.owed.CompareAndSwap(owed, owed-1) // else there is news
		p.send(probes.Event{Time: at, Source: probes.SockDiag, Kind: probes.KindMark, Mark: probes.Looked})
	}
}

// Count reads the counters of all places now and emits what moved. It gives up
// where ctx ends.
func (p *Probe) Count(ctx context.Context) error {
	buf := make([]byte, bufferLen)
	for _, at := range p.places {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.count(at, buf)
	}
	return nil
}

// Snapshot looks at all places now, emits what changed through Run's emit
// (nothing before Run or after it) and returns every socket with its state
// and queues, place by place. If a place cannot be looked at, the error says
// so and the others are returned. Where nodes are named, only those are
// looked at.
func (p *Probe) Snapshot(ctx context.Context, nodes ...string) ([]Socket, error) {
	var all []Socket
	var errs []error
	buf := make([]byte, bufferLen)
	for _, at := range p.places {
		if len(nodes) > 0 && !slices.Contains(nodes, at.Node) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return all, errors.Join(append(errs, err)...)
		}
		list, err := p.look(at, buf)
		all = append(all, list...)
		if err != nil {
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// Close closes the sockets. It is not needed after Run, and not called during it.
func (p *Probe) Close() error {
	var errs []error
	for _, at := range p.places {
		at.mu.Lock()
		if at.conn != nil {
			errs = append(errs, at.conn.close())
			at.conn = nil
		}
		if at.counters != nil {
			errs = append(errs, at.counters.close())
			at.counters = nil
		}
		at.mu.Unlock()
	}
	for _, t := range p.talliers {
		errs = append(errs, t.close())
	}
	p.talliers = nil
	if p.wake >= 0 {
		errs = append(errs, unix.Close(p.wake))
		p.wake = -1
	}
	return errors.Join(errs...)
}

// look dumps both families of one place and emits the changes.
func (p *Probe) look(at *place, buf []byte) ([]Socket, error) {
	at.mu.Lock()
	defer at.mu.Unlock()
	var all []Socket
	for i, family := range families {
		if at.conn == nil {
			return all, errClosed
		}
		l, err := at.conn.dump(family, allStates, buf)
		if err != nil {
			p.send(lostOf(probes.KindSample, at.Node, "look at the socket table: "+err.Error()))
			return all, fmt.Errorf("list TCP sockets of %s: %w", at.Node, err)
		}
		list := at.label(l.entries)
		all = append(all, list...)
		p.emitAll(func() []probes.Event { return at.tables[i].update(list, l.begin, l.end) })
	}
	return all, nil
}

// label says where the sockets were found.
func (at *place) label(entries []entry) []Socket {
	list := make([]Socket, len(entries))
	for i, e := range entries {
		list[i] = e.Socket
		list[i].Node = at.Node
		list[i].ID.NetNS = at.Cookie
	}
	return list
}

// lostOf says that events of a kind are missing of a node, nobody knows how
// many.
func lostOf(kind probes.Kind, node, what string) probes.Event {
	return probes.Event{
		Time: clock.Now(), Source: probes.SockDiag, Kind: probes.KindLoss, Node: node,
		Loss: &probes.Loss{What: what, Count: 1, Of: kind},
	}
}

// emitAll emits what a table makes of a look while Run runs. Otherwise the
// table stays as it is, lest Run's first look miss it.
func (p *Probe) emitAll(update func() []probes.Event) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.emit == nil {
		return
	}
	for _, e := range update() {
		p.owed.Store(tellRounds)
		p.emit(e)
	}
}

// send emits one event while Run runs.
func (p *Probe) send(e probes.Event) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.emit != nil {
		p.emit(e)
	}
}

// setEmit waits for the calls of emit under way.
func (p *Probe) setEmit(emit func(probes.Event)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit = emit
}
