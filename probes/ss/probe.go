package ss

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sync/errgroup"
)

// DefaultEvery is the time between two looks where Config does not say.
const DefaultEvery = time.Second

// restFactor keeps Run's looks at 1/restFactor of the time.
const restFactor = 40

// parallel is how many processes of one look run at a time.
const parallel = 4

// A Config says where to look and how often.
type Config struct {
	Places []probes.Place
	// Every is the time before Run's first look and between two of them,
	// DefaultEvery if 0. It is stretched where a look takes more than 1/40
	// of it.
	Every time.Duration
}

// A Probe runs ss in its places, now and then in Run and at once in Look. Its
// methods are safe for concurrent use.
type Probe struct {
	every  time.Duration
	path   string
	places []*place
	ready  chan struct{}
}

var _ probes.Probe = (*Probe)(nil)

// A place is a node with what was seen there.
type place struct {
	probes.Place
	mu    sync.Mutex // a look at a time
	table table
}

// New finds the program. The error is a [probes.Unavailable] where ss is not
// installed.
func New(config Config) (*Probe, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	p := &Probe{every: config.Every, path: path, ready: make(chan struct{})}
	if p.every <= 0 {
		p.every = DefaultEvery
	}
	for _, at := range config.Places {
		p.places = append(p.places, &place{Place: at})
	}
	return p, nil
}

// Source returns probes.SS.
func (p *Probe) Source() probes.Source { return probes.SS }

// Ready is closed as soon as Run has begun: there is nothing to arm.
func (p *Probe) Ready() <-chan struct{} { return p.ready }

// Run looks at all places each time Config.Every has passed and emits what
// changed, until ctx ends. It looks neither at the beginning nor at the end;
// who wants a look calls Look. Run may be called once.
func (p *Probe) Run(ctx context.Context, emit func(probes.Event)) error {
	close(p.ready)
	timer := time.NewTimer(p.every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		began := time.Now()
		// A failure is an event already.
		_ = p.Look(ctx, emit)
		timer.Reset(max(p.every, restFactor*time.Since(began)))
	}
}

// Look runs ss in all places at once, some at a time, and emits the sockets
// that are new, changed or gone since the look before, whoever asked for that
// one. emit may be called from several goroutines at once, not after Look has
// returned. A place that cannot be looked at is a loss event and an error;
// that ctx ended is an error only. Where nodes are named, only those are
// looked at.
func (p *Probe) Look(ctx context.Context, emit func(probes.Event), nodes ...string) error {
	var group errgroup.Group
	group.SetLimit(parallel)
	errs := make([]error, len(p.places))
	for i, at := range p.places {
		if len(nodes) > 0 && !slices.Contains(nodes, at.Node) {
			continue
		}
		group.Go(func() error {
			errs[i] = p.look(ctx, at, emit)
			return nil
		})
	}
	_ = group.Wait() // the goroutines return nil, lest one end the others
	return errors.Join(errs...)
}

// look runs ss in one place.
func (p *Probe) look(ctx context.Context, at *place, emit func(probes.Event)) error {
	at.mu.Lock()
	defer at.mu.Unlock()
	if ctx.Err() != nil {
		return fmt.Errorf("look at %s: %w", at.Node, context.Cause(ctx))
	}
	begin := clock.Now()
	entries, err := list(ctx, p.path, options(true), at.NS)
	if errors.Is(err, errOption) {
		entries, err = list(ctx, p.path, options(false), at.NS)
	}
	end := clock.Now()
	if err != nil {
		if ctx.Err() == nil {
			emit(probes.Event{
				Time: end, Source: probes.SS, Kind: probes.KindLoss, Node: at.Node,
				Loss: &probes.Loss{What: err.Error(), Count: 1},
			})
		}
		return fmt.Errorf("look at %s: %w", at.Node, err)
	}
	for _, e := range at.table.update(entries, begin, end, at.Place) {
		emit(e)
	}
	return nil
}
