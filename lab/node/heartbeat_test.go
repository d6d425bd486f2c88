package node

import (
	"context"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

func TestWaits(t *testing.T) {
	const ms = probes.Mono(time.Millisecond)
	type beat struct{ now, late probes.Mono }
	for _, c := range []struct {
		name  string
		beats []beat
		want  []wait // what each beat tells, and the end
	}{
		{"in time", []beat{{5 * ms, 0}, {10 * ms, 3 * ms}, {15 * ms, 10 * ms}}, []wait{{}, {}, {}, {}}},
		{"one", []beat{{5 * ms, 0}, {31 * ms, 21 * ms}, {36 * ms, 0}}, []wait{{}, {31 * ms, 21 * ms}, {}, {}}},
		{"a burst", []beat{{20 * ms, 11 * ms}, {50 * ms, 25 * ms}, {90 * ms, 35 * ms}, {115 * ms, 20 * ms}, {121 * ms, ms}, {126 * ms, 0}},
			[]wait{{20 * ms, 11 * ms}, {}, {}, {}, {90 * ms, 35 * ms}, {}, {}}},
		{"the end of a burst", []beat{{20 * ms, 11 * ms}, {50 * ms, 25 * ms}, {55 * ms, 0}}, []wait{{20 * ms, 11 * ms}, {}, {}, {50 * ms, 25 * ms}}},
		{"far apart", []beat{{20 * ms, 11 * ms}, {500 * ms, 440 * ms}}, []wait{{20 * ms, 11 * ms}, {500 * ms, 440 * ms}, {}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w waits
			var got []wait
			for _, b := range c.beats {
				got = append(got, w.beat(b.now, b.late))
			}
			got = append(got, w.last())
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(wait{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A heart that never began, ends twice or begins again does so in peace.
func TestHeartbeatBeginsAndEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	h := &heartbeat{emit: func(probes.Event) {}}
	h.end()
	h.begin()
	h.begin()
	h.end()
	h.end()
	h.begin()
	h.end()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// Where many more want the processors than there are, it is noticed.
func TestHeartbeatOnABusyMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("keeps every processor busy")
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	noticed := make(chan probes.Event, 1)
	h := &heartbeat{node: "client", emit: func(e probes.Event) {
		select {
		case noticed <- e:
		default:
		}
	}}
	// The burners end by themselves, whatever becomes of this process.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	var burners sync.WaitGroup
	defer burners.Wait()
	defer cancel()
	for range 8 * runtime.NumCPU() {
		cmd := exec.CommandContext(ctx, sh, "-c", "ulimit -t 20; while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		burners.Go(func() { _ = cmd.Wait() }) // killed
	}
	h.begin()
	defer h.end()
	select {
	case e := <-noticed:
		if e.Mark != probes.Starved || e.Kind != probes.KindMark || e.Source != probes.Lab || e.Node != "client" || e.Late <= probes.Mono(beatLate) {
			t.Errorf("event %+v", e)
		}
		t.Logf("late by %v", time.Duration(e.Late))
	case <-ctx.Done():
		t.Skip("this kernel let a process that sleeps run in time beside eight others on each processor")
	}
}
