package bpf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// drainLimit bounds the wait for records that the kernel has announced. They
// are microseconds away; the limit is for a broken machine.
const drainLimit = time.Second

// A Probe records the namespaces of one run. It implements [probes.Probe].
type Probe struct {
	tracer *Tracer
	nodes  []probes.NodeInfo
	ready  chan struct{}
}

var _ probes.Probe = (*Probe)(nil)

// Probe returns a probe of the given nodes, to be run once. No two runs at a
// time may watch the same namespace.
func (t *Tracer) Probe(nodes []probes.NodeInfo) *Probe {
	return &Probe{tracer: t, nodes: nodes, ready: make(chan struct{})}
}

// Ready is closed once the namespaces are watched.
func (p *Probe) Ready() <-chan struct{} { return p.ready }

// Source returns [probes.BPF].
func (p *Probe) Source() probes.Source { return probes.BPF }

// Run implements [probes.Probe]: it emits every transition that happened
// before ctx ended, and for each that the kernel could not record a loss. It
// leaves the Tracer as it was. emit is also called from the Run of other
// probes of the same Tracer, but one call at a time; it must not call into
// the Tracer, and while it blocks, no run records.
func (p *Probe) Run(ctx context.Context, emit func(probes.Event)) error {
	t := p.tracer
	places := make([]*place, len(p.nodes))
	for i, n := range p.nodes {
		places[i] = &place{node: n.Name, cookie: n.Cookie, emit: emit}
	}
	missed, err := t.watch(places)
	if err != nil {
		return err
	}
	close(p.ready)

	return errors.Join(t.follow(ctx), t.finish(places, missed))
}

// follow pumps until ctx ends.
func (t *Tracer) follow(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := t.lockedPump(); errors.Is(err, os.ErrClosed) {
				return nil // Close has told of it
			} else if err != nil {
				return err
			}
		}
	}
}

func (t *Tracer) lockedPump() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pump()
}

// finish pumps until everything is read that the kernel had begun to record
// when finish was called, reports what was lost without a later record to show
// it, and stops watching. missed is what misses said when watching began.
func (t *Tracer) finish(places []*place, missed []uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reader == nil {
		return nil // closed: nothing is watched any more
	}
	err := t.drain(places)
	for _, name := range t.detached() {
		for _, p := range places {
			p.lose(fmt.Sprintf(lossDetached, name), clock.Now(), 1)
		}
	}
	now, missesErr := t.misses()
	for i := range now {
		for _, p := range places {
			p.lose(fmt.Sprintf(lossBusy, t.hooks[i].name), clock.Now(), now[i]-min(missed[i], now[i]))
		}
	}
	return errors.Join(err, missesErr, t.unwatch(places))
}

// drain does the reading and the reporting of finish. t.mu is held, but given
// up while waiting.
func (t *Tracer) drain(places []*place) error {
	goals, err := t.allTallies(places)
	if err != nil {
		return err
	}
	for end := clock.Now() + probes.Mono(drainLimit); ; {
		if err := t.pump(); err != nil {
			return err
		}
		counts, err := t.allTallies(places)
		if err != nil {
			return err
		}
		if announced(places, goals, counts) == 0 || clock.Now() > end {
			t.settleAll(places)
			for i, p := range places {
				full, missing := p.tail(goals[i], counts[i])
				p.lose(lossFull, clock.Now(), full)
				p.lose(lossMissing, clock.Now(), missing)
				p.loseBreaks(counts[i])
			}
			return nil
		}
		t.mu.Unlock()
		// Nothing announces the end of the few instructions between the
		// count and the record.
		time.Sleep(50 * time.Microsecond)
		t.mu.Lock()
		if t.reader == nil {
			return nil
		}
	}
}

// settleAll says the last word on the mini-sockets of the places: nothing
// follows any more. t.mu is held.
func (t *Tracer) settleAll(places []*place) {
	t.lives.flush(clock.Now(), func(r *record) bool {
		return !slices.ContainsFunc(places, func(p *place) bool { return p.cookie == r.sock.NetNS })
	}, t.end)
}

// announced is how many records up to the goals are neither read nor lost.
func announced(places []*place, goals, counts [][]tally) uint64 {
	var n uint64
	for i, p := range places {
		_, missing := p.tail(goals[i], counts[i])
		n += missing
	}
	return n
}

// tail compares what was read of a place with the kernel's counts: full
// records found no room after the newest that was read; missing ones, up to
// the goals, are neither read nor known to be lost.
func (p *place) tail(goals, counts []tally) (full, missing uint64) {
	for cpu, at := range p.cpus {
		lost := counts[cpu].Lost - min(at.missing, counts[cpu].Lost)
		full += lost
		if goal := goals[cpu].Seq; goal > at.seq+lost {
			missing += goal - at.seq - lost
		}
	}
	return full, missing
}

// loseBreaks reports the transitions that the kernel made without tracing
// them. Where records were lost, the breaks may be theirs, and are not counted
// twice.
func (p *place) loseBreaks(counts []tally) {
	for _, c := range counts {
		if c.Lost > 0 {
			return
		}
	}
	for _, b := range p.chains.breaks {
		p.loseOf(b.sock, lossUntraced, b.time, 1)
	}
}

// allTallies reads the kernel's counts of the places.
func (t *Tracer) allTallies(places []*place) ([][]tally, error) {
	all := make([][]tally, len(places))
	for i, p := range places {
		var err error
		if all[i], err = t.tallies(p); err != nil {
			return nil, err
		}
	}
	return all, nil
}
