package run

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"sync"

	"netlab/lab/node"
	"netlab/probes"
	"netlab/probes/bpf"

	"golang.org/x/sys/unix"
)

// A SharedTracer loads the kernel's programs at most once for all runs of a
// command, when the first run asks for them. Its methods are safe for
// concurrent use, and for a nil SharedTracer, which has none.
type SharedTracer struct {
	load   func() (*bpf.Tracer, error)
	once   sync.Once
	loaded chan struct{}
	tracer *bpf.Tracer
	err    error
}

// NewSharedTracer returns a tracer that is not loaded yet.
func NewSharedTracer() *SharedTracer { return ShareTracer(node.LoadTracer) }

// ShareTracer is NewSharedTracer with another way to load.
func ShareTracer(load func() (*bpf.Tracer, error)) *SharedTracer {
	return &SharedTracer{load: load, loaded: make(chan struct{})}
}

// begin starts to load, if nobody has, and returns at once.
func (s *SharedTracer) begin() *kernelProbe {
	if s == nil {
		return &kernelProbe{}
	}
	s.once.Do(func() {
		go func() {
			defer close(s.loaded)
			s.tracer, s.err = s.load()
		}()
	})
	return &kernelProbe{shared: s}
}

// Close unloads the programs, once they are loaded. No run may be under way.
func (s *SharedTracer) Close() error {
	if s == nil {
		return nil
	}
	begun := true
	s.once.Do(func() { begun = false })
	if !begun {
		return nil
	}
	<-s.loaded
	if s.tracer == nil {
		return nil
	}
	return s.tracer.Close()
}

// A kernelProbe is a run's use of the shared tracer.
type kernelProbe struct{ shared *SharedTracer }

// status says whether kernel events can be had; it waits until that is known.
func (k *kernelProbe) status() (*bpf.Tracer, probes.ProbeStatus, error) {
	if k.shared == nil {
		return nil, probes.ProbeStatus{Source: probes.BPF, Reason: "switched off"}, nil
	}
	<-k.shared.loaded
	if u, ok := errors.AsType[*probes.Unavailable](k.shared.err); ok {
		return nil, probes.ProbeStatus{Source: probes.BPF, Reason: u.Reason, Remedy: u.Remedy}, nil
	}
	if k.shared.err != nil {
		return nil, probes.ProbeStatus{}, k.shared.err
	}
	return k.shared.tracer, k.shared.tracer.Status(), nil
}

// watchKernel starts to record kernel events of the lab's nodes and writes
// the header of the record, as all is known now. The function that it returns
// ends and drains the probe.
func (r *runner) watchKernel(ctx context.Context) (stop func() error, err error) {
	tracer, status, err := r.kernel.status()
	if err != nil {
		return nil, err
	}
	r.header = header(r.Config, addressed(r.lab.Nodes(), r.result.Plan), statuses(status, r.lab.Probes()))
	r.header.Started, r.header.Observe, r.header.Netem = r.started.UTC(), r.observed, r.lab.Netem()
	r.header.Services, r.header.Programs = services(r.Scenario), r.programs()
	r.rec.header(r.header)
	if tracer == nil {
		r.phase("probes")
		return func() error { return nil }, nil
	}
	probe := tracer.Probe(r.lab.Nodes())
	// Its end is the end of the window, not that of ctx: an interrupted run
	// is drained, too.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- probe.Run(own, r.emit) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	select {
	case <-probe.Ready():
	case err := <-ended:
		ended <- err
		return nil, errors.Join(err, stop())
	}
	r.phase("probes")
	return stop, nil
}

// statuses joins what is known of all probes. The calls are always recorded:
// the workloads make them through the recorder.
func statuses(kernel probes.ProbeStatus, lab []probes.ProbeStatus) []probes.ProbeStatus {
	list := append([]probes.ProbeStatus{kernel}, lab...)
	return append(list, probes.ProbeStatus{Source: probes.Calls, Grade: probes.Recorded})
}

// header fills in what can be known of the machine.
func header(c Config, nodes []probes.NodeInfo, status []probes.ProbeStatus) probes.Header {
	h := probes.Header{
		Format: probes.Format, Version: c.Version, Scenario: c.Scenario.Name, Variant: c.Variant,
		File: c.Scenario.At.File, Seed: c.Scenario.Seed, Root: node.Privileged(), Nodes: nodes, Probes: status,
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		h.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if f, err := os.Open("/proc/sys/kernel/random/boot_id"); err == nil {
		line, _ := bufio.NewReader(f).ReadString('\n')
		h.BootID = strings.TrimSpace(line)
		f.Close()
	}
	return h
}
