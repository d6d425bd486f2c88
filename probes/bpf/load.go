package bpf

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"netlab/probes"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// ringBytes is the size of the ring buffer: 150 000 records, a second of the
// most that two CPUs were seen to produce. Where there is no memory for that,
// less is tried, down to leastRing.
const (
	ringBytes = 16 << 20
	leastRing = 1 << 20
)

// A layer is what the programs of the object record together: all of one, or
// nothing of that kind.
type layer struct {
	kind     probes.Kind
	programs []string
}

// layers lists them. Without the first there is no probe; each of the others
// may be missing by itself.
func layers() []layer {
	return []layer{
		{probes.KindState, []string{tcpProgState}},
		{probes.KindReset, []string{tcpProgResetSent, tcpProgResetReceived}},
		{probes.KindResent, []string{tcpProgResent, tcpProgResentSynack}},
		{probes.KindFault, []string{tcpProgFault}},
		{probes.KindTally, []string{tcpProgDestroyed}},
		{probes.KindLife, []string{tcpProgMiniStart, tcpProgMiniCancel, tcpProgMiniExpire}},
		{probes.KindDrop, []string{tcpProgDrop}},
	}
}

// A hook is a program at its tracepoint.
type hook struct {
	kind    probes.Kind
	name    string
	program *ebpf.Program
	link    link.Link
}

// Load puts the programs into the kernel and attaches them, in some 40 ms on
// two CPUs (a few more if another process detached from the same tracepoint
// just before: the kernel then waits for an RCU grace period). They record
// nothing before a run watches a namespace. Where the kernel refuses, the
// error is [probes.ErrUnavailable] and says what was refused and what helps;
// where it refuses a part, the Tracer does without, and [Tracer.Status] says
// so. Lives are recorded once [Tracer.Check] has been called. The caller closes
// the Tracer.
func Load() (*Tracer, error) { return LoadRing(ringBytes) }

// Allowed tries the first thing that Load does, in microseconds, and says why
// that cannot be done: to most users nothing is allowed.
func Allowed() error {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: uint32(os.Getpagesize())})
	if err != nil {
		return unavailable(refused("BPF_MAP_CREATE", tcpMapRing, err))
	}
	return m.Close()
}

// LoadRing is Load with a ring buffer of so many bytes, a power of two and no
// less than a page.
func LoadRing(ringBytes uint32) (*Tracer, error) {
	spec, err := loadTcp()
	if err != nil {
		return nil, fmt.Errorf("read embedded bpf object: %w", err)
	}
	t := &Tracer{places: make(map[uint64]*place)}
	if err := t.load(spec, ringBytes); err != nil {
		return nil, errors.Join(unavailable(err), t.undo())
	}
	return t, nil
}

// load makes the parts of t. After an error the caller undoes what was made.
func (t *Tracer) load(spec *ebpf.CollectionSpec, ringBytes uint32) (err error) {
	if t.cpus, err = ebpf.PossibleCPU(); err != nil {
		return fmt.Errorf("count processors: %w", err)
	}
	t.lives = newLives(t.cpus)
	if t.tick, err = tick(); err != nil {
		return err
	}
	if t.ring, err = newRing(spec, ringBytes); err != nil {
		return err
	}
	watched := spec.Maps[tcpMapWatched]
	watched.Key, watched.Value = nil, nil
	if t.watched, err = ebpf.NewMap(watched); err != nil {
		return refused("BPF_MAP_CREATE", tcpMapWatched, err)
	}
	if t.handlers, err = newHandlers(spec); err != nil {
		return err
	}
	if t.kernel, err = newKernel(spec); err != nil {
		return err
	}
	if err := t.loadLayers(spec); err != nil {
		return err
	}
	if t.reader, err = ringbuf.NewReader(t.ring); err != nil {
		return refused("map", tcpMapRing, err)
	}
	// Always over: a read takes what is there and does not wait. (Deadlines
	// cannot be set from elsewhere while a read waits.)
	t.reader.SetDeadline(time.Unix(1, 0))
	return nil
}

// newRing makes the ring buffer, as large as may be up to size.
func newRing(spec *ebpf.CollectionSpec, size uint32) (*ebpf.Map, error) {
	for ; ; size /= 2 {
		s := spec.Maps[tcpMapRing].Copy()
		s.MaxEntries = size
		// The types of a map's content are for tools that print it; loading
		// them costs a system call.
		s.Key, s.Value = nil, nil
		m, err := ebpf.NewMap(s)
		if err == nil {
			return m, nil
		}
		if errno(err) != unix.ENOMEM || size <= leastRing {
			return nil, refused("BPF_MAP_CREATE", tcpMapRing, err)
		}
	}
}

// tick returns the length of a jiffy.
func tick() (probes.Mono, error) {
	var res unix.Timespec
	// The coarse clock moves with the tick (kernel/time/posix-timers.c).
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &res); err != nil {
		return 0, fmt.Errorf("read length of a tick: %w", err)
	}
	return probes.Mono(res.Nano()), nil
}

// loadLayers loads and attaches all programs, several at a time: the verifier
// needs some milliseconds for each. What is missing is in t.lacks; only the
// first layer has to be there.
func (t *Tracer) loadLayers(spec *ebpf.CollectionSpec) error {
	list := layers()
	hooks, errs := make([][]hook, len(list)), make([]error, len(list))
	var loading sync.WaitGroup
	for i, l := range list {
		loading.Go(func() { hooks[i], errs[i] = t.loadLayer(spec, l) })
	}
	loading.Wait()
	for i, l := range list {
		t.hooks = append(t.hooks, hooks[i]...)
		if errs[i] != nil && i > 0 {
			t.lack(l.kind, errs[i])
		}
	}
	return errs[0]
}

// lack notes why a kind of event cannot be had.
func (t *Tracer) lack(kind probes.Kind, err error) {
	l := probes.Lack{Kind: kind, Reason: err.Error()}
	if u, ok := errors.AsType[*probes.Unavailable](unavailable(err)); ok {
		l.Reason, l.Remedy = u.Reason, u.Remedy
	}
	var lacks *lacksError
	var verifier *verifierError
	if errors.As(err, &lacks) || errors.As(err, &verifier) {
		l.Remedy = remedyNewer // that has all of it
	}
	t.lacks = append(t.lacks, l)
	slices.SortFunc(t.lacks, func(a, b probes.Lack) int { return cmp.Compare(a.Kind, b.Kind) })
}

// loadLayer loads and attaches the programs of one layer, all or none.
func (t *Tracer) loadLayer(spec *ebpf.CollectionSpec, l layer) (hooks []hook, err error) {
	maps := map[string]*ebpf.Map{tcpMapRing: t.ring, tcpMapWatched: t.watched, bss: t.handlers}
	if l.kind == probes.KindDrop {
		values, err := t.kernel.dropConstants()
		if err != nil {
			return nil, err
		}
		known, err := constants(spec, values)
		if err != nil {
			return nil, err
		}
		defer known.Close() // the program holds it
		maps[rodata] = known
	}
	for _, name := range l.programs {
		h, err := t.kernel.attach(spec.Programs[name], maps)
		if err != nil {
			return nil, errors.Join(err, closeHooks(hooks))
		}
		h.kind = l.kind
		hooks = append(hooks, h)
	}
	return hooks, nil
}

// attach loads a program and attaches it.
func (k *kernel) attach(p *ebpf.ProgramSpec, maps map[string]*ebpf.Map) (hook, error) {
	program, err := k.load(p, maps)
	if err != nil {
		return hook{}, err
	}
	l, err := link.AttachTracing(link.TracingOptions{Program: program, AttachType: ebpf.AttachTraceRawTp})
	if err != nil {
		return hook{}, errors.Join(refused("BPF_LINK_CREATE", p.AttachTo, err), program.Close())
	}
	return hook{name: p.Name, program: program, link: l}, nil
}

func closeHooks(hooks []hook) error {
	var errs []error
	for _, h := range hooks {
		errs = append(errs, h.link.Close(), h.program.Close())
	}
	return errors.Join(errs...)
}

// undo gives back what was loaded.
func (t *Tracer) undo() error {
	errs := []error{closeHooks(t.hooks)}
	if t.reader != nil {
		errs = append(errs, t.reader.Close())
	}
	// These are nil-safe.
	return errors.Join(append(errs, t.handlers.Close(), t.watched.Close(), t.ring.Close())...)
}

// tracepointOf returns the tracepoint that a program is written for.
func tracepointOf(p *ebpf.ProgramSpec) (string, error) {
	if p.Type != ebpf.Tracing || p.AttachType != ebpf.AttachTraceRawTp || !strings.HasPrefix(p.SectionName, "tp_btf/") {
		return "", fmt.Errorf("program %s of section %s is not for a tracepoint", p.Name, p.SectionName)
	}
	return p.AttachTo, nil
}
