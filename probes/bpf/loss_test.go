package bpf

import (
	"sync"
	"testing"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// recordsEach is how many records a connection of [connection] makes: 12
// transitions, a request's birth and end, a TIME-WAIT's birth, and the tallies
// of three sockets. Each is one event.
const recordsEach = 18

// count adds up the records, one for each event, and the lost ones.
func count(tb testing.TB, events []probes.Event, netns uint64) (received, lost uint64) {
	tb.Helper()
	for _, e := range events {
		if e.Sock.NetNS != netns {
			tb.Errorf("event of namespace %d, want %d: %+v", e.Sock.NetNS, netns, e)
		}
		if e.Kind != probes.KindLoss {
			received++
			continue
		}
		if e.Loss.What != lossFull {
			tb.Errorf("lost %d: %s", e.Loss.Count, e.Loss.What)
		}
		lost += e.Loss.Count
	}
	return received, lost
}

// A ring of two pages holds the records of not quite four connections; nobody reads it
// while the mutex is held.
func TestWhatTheRingCannotHoldIsCounted(t *testing.T) {
	tests := []struct {
		name           string
		before, during int // connections, read as they happen; and while nobody reads
		after          int // and with a reader again
		lost           bool
	}{
		{"nothing is lost", 5, 3, 5, false},
		{"at the end", 5, 10, 0, true},
		{"in the middle", 5, 10, 5, true},
		{"from the start", 0, 10, 5, true},
		{"everything but the ring", 0, 10, 0, true},
	}
	tracer := newTracer(t, 8192)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ns := netnstest.New(t)
			r := watch(t, tracer, ns)
			connections(t, tracer, ns, tt.before, true)
			tracer.mu.Lock()
			connections(t, nil, ns, tt.during, false)
			tracer.mu.Unlock()
			if err := tracer.lockedPump(); err != nil {
				t.Fatal(err)
			}
			connections(t, tracer, ns, tt.after, true)
			received, lost := count(t, r.stop(t), ns.Cookie())
			produced := uint64(recordsEach * (tt.before + tt.during + tt.after))
			if received+lost != produced {
				t.Errorf("received %d and lost %d, together not the %d produced", received, lost, produced)
			}
			if (lost > 0) != tt.lost {
				t.Errorf("lost %d of %d", lost, produced)
			}
		})
	}
}

// connections makes n connections, one after the other, each read at once if
// asked.
func connections(tb testing.TB, t *Tracer, ns *netns.NS, n int, read bool) {
	tb.Helper()
	for range n {
		if err := connection(ns, "127.0.0.1"); err != nil {
			tb.Fatal(err)
		}
		if !read {
			continue
		}
		if err := t.lockedPump(); err != nil {
			tb.Fatal(err)
		}
	}
}

// A hole is reported at the place where it is: before the record after it.
func TestHolesAreLocated(t *testing.T) {
	state := func(netns, seq uint64, cpu uint32) []byte {
		return encode(record{sock: probes.SocketID{NetNS: netns, Cookie: 9}, time: probes.Mono(1000*uint64(cpu) + seq), seq: seq, cpu: cpu, kind: kindState, family: familyIPv4, old: 7, new: 10})
	}
	type item struct {
		Node string
		Time probes.Mono
		Loss uint64 // 0: a transition
	}
	tests := []struct {
		name string
		raw  [][]byte
		want []item
	}{
		{"none", [][]byte{state(1, 1, 0), state(1, 1, 1), state(1, 2, 0)}, []item{{"a", 1, 0}, {"a", 1001, 0}, {"a", 2, 0}}},
		{"first", [][]byte{state(1, 4, 0)}, []item{{"a", 4, 3}, {"a", 4, 0}}},
		{"one CPU's", [][]byte{state(1, 1, 0), state(1, 1, 1), state(1, 3, 1), state(1, 2, 0)}, []item{{"a", 1, 0}, {"a", 1001, 0}, {"a", 1003, 1}, {"a", 1003, 0}, {"a", 2, 0}}},
		{"one namespace's", [][]byte{state(1, 1, 0), state(2, 3, 0), state(1, 2, 0)}, []item{{"a", 1, 0}, {"b", 3, 2}, {"b", 3, 0}, {"a", 2, 0}}},
		{"namespace not watched", [][]byte{state(3, 7, 0), state(1, 1, 0)}, []item{{"a", 1, 0}}},
		{"CPU that is none", [][]byte{state(1, 7, 2), state(1, 1, 0)}, []item{{"a", 1, 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []item
			emit := func(e probes.Event) {
				i := item{Node: e.Node, Time: e.Time}
				if e.Loss != nil {
					i.Loss = e.Loss.Count
				}
				got = append(got, i)
			}
			tracer := &Tracer{kernel: new(kernel), lives: newLives(2), places: map[uint64]*place{
				1: {node: "a", cookie: 1, emit: emit, cpus: make([]progress, 2)},
				2: {node: "b", cookie: 2, emit: emit, cpus: make([]progress, 2)},
			}}
			for _, raw := range tt.raw {
				tracer.dispatch(raw)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTail(t *testing.T) {
	tests := []struct {
		name          string
		at            progress
		goal, now     tally
		full, missing uint64
	}{
		{"all read", progress{seq: 9}, tally{Seq: 9}, tally{Seq: 9}, 0, 0},
		{"one announced", progress{seq: 8}, tally{Seq: 9}, tally{Seq: 9}, 0, 1},
		{"announced, then lost", progress{seq: 8}, tally{Seq: 9}, tally{Seq: 9, Lost: 1}, 1, 0},
		{"lost before, reported", progress{seq: 9, missing: 3}, tally{Seq: 9, Lost: 3}, tally{Seq: 9, Lost: 3}, 0, 0},
		{"lost before and at the end", progress{seq: 7, missing: 3}, tally{Seq: 9, Lost: 5}, tally{Seq: 9, Lost: 5}, 2, 0},
		{"read beyond the goal", progress{seq: 12}, tally{Seq: 9}, tally{Seq: 14}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &place{cpus: []progress{tt.at}}
			full, missing := p.tail([]tally{tt.goal}, []tally{tt.now})
			if full != tt.full || missing != tt.missing {
				t.Errorf("full %d, missing %d; want %d, %d", full, missing, tt.full, tt.missing)
			}
		})
	}
}

// Runs that come and go while others record lose nothing and get nothing
// that is not theirs.
func TestManyRunsAtATime(t *testing.T) {
	tracer := newTracer(t, 0)
	var runs sync.WaitGroup
	for range 4 {
		ns := netnstest.New(t)
		runs.Go(func() {
			for range 5 {
				r := start(tracer, ns)
				for range 5 {
					if err := connection(ns, "127.0.0.1"); err != nil {
						t.Error(err)
					}
				}
				events, err := r.end()
				if err != nil {
					t.Error(err)
				}
				if received, lost := count(t, events, ns.Cookie()); received != 5*recordsEach || lost != 0 {
					t.Errorf("received %d, lost %d; want %d and 0", received, lost, 5*recordsEach)
				}
			}
		})
	}
	runs.Wait()
}
