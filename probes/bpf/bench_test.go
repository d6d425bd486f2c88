package bpf

import (
	"testing"

	"github.com/cilium/ebpf"

	"netlab/lab/netns/netnstest"
	"netlab/probes"
)

// BenchmarkCompareLoading says the cost of a Tracer, and of its parts. The library's own loader is here to
// compare: its full decoding of the kernel's types is what package bpf avoids.
func BenchmarkCompareLoading(b *testing.B) {
	netnstest.Require(b, "bpf", func() error { t, err := Load(); return closed(t, err) }())
	b.Run("whole", func(b *testing.B) {
		// Attaching the first program after the last was detached waits for
		// an RCU grace period (tracepoint_add_func). A process alone on the
		// tracepoint never does; a loop always would. So others stay.
		newTracer(b, 0)
		newTracer(b, 0)
		for b.Loop() {
			t, err := Load()
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			err = t.Close()
			b.StartTimer()
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		t, ns := newTracer(b, 0), netnstest.New(b)
		for b.Loop() {
			if err := t.Check(ns.Cookie(), func() error { return ns.Do(Rehearse) }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("close", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			t, err := Load()
			b.StartTimer()
			if err := closed(t, err); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("object", func(b *testing.B) {
		for b.Loop() {
			if _, err := loadTcp(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("types", func(b *testing.B) {
		spec, err := loadTcp()
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := newKernel(spec); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ring", func(b *testing.B) {
		for b.Loop() {
			m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: ringBytes})
			if err != nil {
				b.Fatal(err)
			}
			if err := m.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			var objs tcpObjects
			if err := loadTcpObjects(&objs, nil); err != nil {
				b.Fatal(err)
			}
			if err := objs.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func closed(t *Tracer, err error) error {
	if err != nil {
		return err
	}
	return t.Close()
}

// The cost of reading a record, by kind: what a program wrote becomes an event.
func BenchmarkDispatch(b *testing.B) {
	const cpus = 2
	for _, bench := range []struct {
		name    string
		records []record
	}{
		{"state", []record{{kind: kindState, family: familyIPv4, old: 1, new: 4, pid: 7}, {kind: kindState, family: familyIPv4, old: 4, new: 1, pid: 7}}},
		{"life", []record{{kind: kindMiniStart, family: familyIPv4, old: tcpNewSynRecv, place: 1}, {kind: kindMiniCancel, family: familyIPv4, old: tcpNewSynRecv, place: 1}}},
		{"tally", []record{{kind: kindTally, family: familyIPv4}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			events := 0
			t := &Tracer{kernel: new(kernel), lives: newLives(cpus), places: map[uint64]*place{
				1: {node: "a", cookie: 1, emit: func(probes.Event) { events++ }, cpus: make([]progress, cpus)},
			}}
			var raw [][]byte
			for _, r := range bench.records {
				r.sock.NetNS = 1
				raw = append(raw, encode(r))
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range raw {
					t.dispatch(r)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(events, 1)), "ns/event")
		})
	}
}
