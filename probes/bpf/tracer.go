package bpf

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

// What a loss event of this package says.
const (
	lossFull     = "ring buffer full"
	lossBusy     = "program %s interrupted by itself, in some namespace of this machine"
	lossMissing  = "record announced by the kernel and not found"
	lossGarbled  = "record not understood"
	lossUntraced = "transition that the kernel did not trace"
	lossDetached = "program %s no longer at its tracepoint"
	lossClosed   = "programs taken out of the kernel before the run ended"
)

// A Tracer is the programs and maps in the kernel, shared by all runs of the
// process. It has no goroutine of its own: each [Probe.Run] reads the ring now
// and then, and hands every record to the run that it belongs to. A Tracer is
// safe for concurrent use.
type Tracer struct {
	watched  *ebpf.Map // namespace cookie -> tally on each CPU
	ring     *ebpf.Map
	handlers *ebpf.Map // of one handlers
	learned  bool      // they are known
	hooks    []hook
	lacks    []probes.Lack // sorted by kind
	kernel   *kernel
	cpus     int         // that the kernel keeps tallies for
	tick     probes.Mono // length of a jiffy

	mu     sync.Mutex // guards what follows and serializes reading
	reader *ringbuf.Reader
	places map[uint64]*place // by namespace cookie
	lives  lives
	owners owners
	raw    ringbuf.Record // reused
	record record         // likewise
}

// A place is one watched namespace.
type place struct {
	node   string
	cookie uint64
	emit   func(probes.Event)
	cpus   []progress
	chains chains
	half   map[uint64]struct{} // mini-sockets in FIN-WAIT-2, by their address
}

// A tally is struct tally of tcp.bpf.c: the kernel's count for one namespace
// on one CPU.
type tally struct {
	Seq  uint64 // records produced
	Lost uint64 // of these, the ring had no room for so many
}

// A progress is how far the records of one namespace on one CPU were read.
type progress struct {
	seq     uint64 // the newest record that was read
	missing uint64 // records before it that never came, and were reported
}

// Close detaches the programs and gives everything back to the kernel, in
// well under a millisecond; the end of the process does the same. To runs
// still going it is a loss of all that was to come, and their end.
func (t *Tracer) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reader == nil {
		return nil
	}
	t.loseAnywhere(lossClosed, 1)
	t.places = nil
	err := t.undo()
	t.reader = nil
	if err != nil {
		return fmt.Errorf("close bpf tracer: %w", err)
	}
	return nil
}

// Status says what the Tracer records, and which kinds of event it lacks here.
func (t *Tracer) Status() probes.ProbeStatus {
	status := probes.ProbeStatus{Source: probes.BPF, Grade: probes.Recorded, Lacks: slices.Clone(t.lacks)}
	if !t.learned && !t.isLacking(probes.KindLife) {
		status.Lacks = append(status.Lacks, probes.Lack{Kind: probes.KindLife, Reason: errNotLearned.Error()})
	}
	for _, l := range layers()[1:] {
		if !slices.ContainsFunc(status.Lacks, func(lack probes.Lack) bool { return lack.Kind == l.kind }) {
			status.Kinds = append(status.Kinds, l.kind)
		}
	}
	return status
}

// isLacking reports whether the programs of a layer are not there.
func (t *Tracer) isLacking(kind probes.Kind) bool {
	return slices.ContainsFunc(t.lacks, func(l probes.Lack) bool { return l.Kind == kind })
}

// watch begins to record the places: no transition after it is missed. Either
// all are watched or, with the error, none. It returns what misses said before.
func (t *Tracer) watch(places []*place) (missed []uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reader == nil {
		return nil, fmt.Errorf("watch namespaces: %w", os.ErrClosed)
	}
	if missed, err = t.misses(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.unwatch(places))
		}
	}()
	for _, p := range places {
		if other := t.places[p.cookie]; other != nil {
			return nil, fmt.Errorf("watch node %s: namespace %d is watched already, as node %s", p.node, p.cookie, other.node)
		}
		p.cpus = make([]progress, t.cpus)
		if err := t.watched.Put(p.cookie, make([]tally, t.cpus)); err != nil {
			return nil, fmt.Errorf("watch node %s: add namespace %d: %w", p.node, p.cookie, err)
		}
		t.places[p.cookie] = p
	}
	return missed, nil
}

// unwatch ends the recording of the places. t.mu is held.
func (t *Tracer) unwatch(places []*place) error {
	var errs []error
	for _, p := range places {
		if t.places[p.cookie] != p {
			continue
		}
		delete(t.places, p.cookie)
		if err := t.watched.Delete(p.cookie); err != nil {
			errs = append(errs, fmt.Errorf("remove namespace %d of node %s: %w", p.cookie, p.node, err))
		}
	}
	return errors.Join(errs...)
}

// pump reads what is in the ring and emits it. t.mu is held.
func (t *Tracer) pump() error {
	if t.reader == nil {
		return fmt.Errorf("read ring buffer: %w", os.ErrClosed)
	}
	// Without this look, which is no system call, an empty ring costs one.
	for t.reader.AvailableBytes() > 0 {
		err := t.reader.ReadInto(&t.raw)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break // the deadline is always in the past: read what is there, do not wait
		}
		if err != nil {
			return fmt.Errorf("read ring buffer: %w", err)
		}
		t.dispatch(t.raw.RawSample)
	}
	t.lives.flush(clock.Now()-patience, func(*record) bool { return false }, t.end)
	return nil
}

// dispatch emits one record, and before it the hole in front of it, if any.
func (t *Tracer) dispatch(raw []byte) {
	r := &t.record
	if err := decode(raw, r); err != nil {
		t.loseAnywhere(lossGarbled, 1)
		return
	}
	follows := t.lives.settle(r, t.end)
	p := t.places[r.sock.NetNS]
	if p == nil || int(r.cpu) >= len(p.cpus) {
		return // written just before its namespace was taken out
	}
	if at := &p.cpus[r.cpu]; r.seq > at.seq {
		p.lose(lossFull, r.time, r.seq-at.seq-1)
		at.missing += r.seq - at.seq - 1
		at.seq = r.seq
	}
	switch r.kind {
	case kindMiniStart, kindMiniCancel, kindMiniExpire, kindMiniSeen:
		t.live(p, r, follows)
		return
	case kindState:
		p.chains.follow(r)
	}
	e := t.kernel.event(r, p.node)
	e.Owner = t.owners.of(r)
	p.emit(e)
}

// lose emits a loss in one namespace.
func (p *place) lose(what string, when probes.Mono, count uint64) {
	if count == 0 {
		return
	}
	p.loseOf(probes.SocketID{NetNS: p.cookie}, what, when, count)
}

// loseOf emits a loss of one socket.
func (p *place) loseOf(sock probes.SocketID, what string, when probes.Mono, count uint64) {
	p.emit(probes.Event{
		Time: when, Source: probes.BPF, Kind: probes.KindLoss, Node: p.node, Sock: sock,
		Loss: &probes.Loss{What: what, Count: count},
	})
}

// detached returns the names of programs that see nothing any more.
func (t *Tracer) detached() []string {
	var names []string
	for _, h := range t.hooks {
		if _, err := h.link.Info(); err != nil {
			names = append(names, h.name)
		}
	}
	return names
}

// loseAnywhere emits a loss that cannot be laid to a namespace, once for
// each that it may have hit.
func (t *Tracer) loseAnywhere(what string, count uint64) {
	now := clock.Now()
	for _, p := range t.places {
		p.lose(what, now, count)
	}
}

// tallies reads the kernel's counts of a place.
func (t *Tracer) tallies(p *place) ([]tally, error) {
	var counts []tally
	if err := t.watched.Lookup(p.cookie, &counts); err != nil {
		return nil, fmt.Errorf("read counts of namespace %d of node %s: %w", p.cookie, p.node, err)
	}
	return counts, nil
}

// misses is how often the kernel left a program out because it was running on
// that CPU already: an interrupt inside it, for example. The kernel counts it
// whether or not BPF statistics are on (bpf_prog_inc_misses_counter). t.mu is
// held.
func (t *Tracer) misses() ([]uint64, error) {
	counts := make([]uint64, len(t.hooks))
	for i, h := range t.hooks {
		stats, err := h.program.Stats()
		if err != nil {
			return nil, fmt.Errorf("read statistics of program %s: %w", h.name, err)
		}
		counts[i] = stats.RecursionMisses
	}
	return counts, nil
}

// pollInterval is how often a run looks into the ring. A wake-up for each
// record would cost the traced sockets a third of their throughput.
const pollInterval = 2 * time.Millisecond
