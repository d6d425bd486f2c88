package bpf

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// ringBytes is the size of the ring buffer: 37 000 records, a quarter of a
// second of the most that two CPUs were seen to produce.
const ringBytes = 4 << 20

// Load puts the programs into the kernel and attaches them, in about 10 ms (a
// few more if another process detached from the same tracepoint just before:
// the kernel then waits for an RCU grace period).
// They record nothing before a run watches a namespace. Where the kernel
// refuses, the error is [probes.ErrUnavailable] and says what was refused and
// what helps. The caller closes the Tracer.
func Load() (*Tracer, error) { return load(ringBytes) }

func load(ringBytes uint32) (*Tracer, error) {
	spec, err := loadTcp()
	if err != nil {
		return nil, fmt.Errorf("read embedded bpf object: %w", err)
	}
	spec.Maps[tcpMapRing].MaxEntries = ringBytes
	t := &Tracer{places: make(map[uint64]*place)}
	if err := t.load(spec); err != nil {
		return nil, errors.Join(unavailable(err), t.undo())
	}
	return t, nil
}

// load makes the parts of t, in order. After an error the caller undoes what
// was made.
func (t *Tracer) load(spec *ebpf.CollectionSpec) (err error) {
	if t.cpus, err = ebpf.PossibleCPU(); err != nil {
		return fmt.Errorf("count processors: %w", err)
	}
	for _, m := range []struct {
		name string
		made **ebpf.Map
	}{{tcpMapRing, &t.ring}, {tcpMapWatched, &t.watched}} {
		// The types of a map's content are for tools that print it; loading
		// them costs a system call.
		s := spec.Maps[m.name]
		s.Key, s.Value = nil, nil
		if *m.made, err = ebpf.NewMap(s); err != nil {
			return refused("BPF_MAP_CREATE", m.name, err)
		}
	}
	kernel, err := newKernel(spec)
	if err != nil {
		return err
	}
	state := spec.Programs[tcpProgState]
	if t.program, err = kernel.load(state, map[string]*ebpf.Map{tcpMapRing: t.ring, tcpMapWatched: t.watched}); err != nil {
		return err
	}
	t.link, err = link.AttachTracing(link.TracingOptions{Program: t.program, AttachType: ebpf.AttachTraceRawTp})
	if err != nil {
		return refused("BPF_LINK_CREATE", state.AttachTo, err)
	}
	if t.reader, err = ringbuf.NewReader(t.ring); err != nil {
		return refused("map", tcpMapRing, err)
	}
	// Always over: a read takes what is there and does not wait. (Deadlines
	// cannot be set from elsewhere while a read waits.)
	t.reader.SetDeadline(time.Unix(1, 0))
	return nil
}

// undo gives back what was loaded.
func (t *Tracer) undo() error {
	var errs []error
	if t.link != nil {
		errs = append(errs, t.link.Close())
	}
	if t.reader != nil {
		errs = append(errs, t.reader.Close())
	}
	// These are nil-safe.
	return errors.Join(append(errs, t.program.Close(), t.watched.Close(), t.ring.Close())...)
}

// tracepointOf returns the tracepoint that a program is written for.
func tracepointOf(p *ebpf.ProgramSpec) (string, error) {
	if p.Type != ebpf.Tracing || p.AttachType != ebpf.AttachTraceRawTp || !strings.HasPrefix(p.SectionName, "tp_btf/") {
		return "", fmt.Errorf("program %s of section %s is not for a tracepoint", p.Name, p.SectionName)
	}
	return p.AttachTo, nil
}
