package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// ringBytes is the size of the ring buffer: 37 000 records, a quarter of a
// second of the most that two CPUs were seen to produce.
const ringBytes = 4 << 20

// Load puts the programs into the kernel and attaches them. They record
// nothing before a run watches a namespace. Its error is
// [probes.ErrUnavailable] and says what was refused and what helps. The
// caller closes the Tracer.
func Load() (*Tracer, error) { return load(ringBytes) }

func load(ringBytes uint32) (_ *Tracer, err error) {
	spec, err := loadTcp()
	if err != nil {
		return nil, fmt.Errorf("read embedded object: %w", err)
	}
	spec.Maps[tcpMapRing].MaxEntries = ringBytes
	var objs tcpObjects
	if err := spec.LoadAndAssign(&objs, nil); err != nil {
		return nil, err
	}
	t := &Tracer{watched: objs.Watched, ring: objs.Ring, program: objs.State, places: make(map[uint64]*place)}
	t.link, err = link.AttachTracing(link.TracingOptions{Program: t.program, AttachType: ebpf.AttachTraceRawTp})
	if err != nil {
		objs.Close()
		return nil, err
	}
	t.reader, err = ringbuf.NewReader(t.ring)
	if err != nil {
		t.link.Close()
		objs.Close()
		return nil, err
	}
	t.reader.SetDeadline(time.Unix(1, 0))
	if t.cpus, err = ebpf.PossibleCPU(); err != nil {
		return nil, err
	}
	return t, nil
}
