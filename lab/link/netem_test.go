package link

import (
	"math"
	"testing"
	"time"

	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// ticks are what netem counts time in: 64 ns (PSCHED_SHIFT in
// include/net/pkt_sched.h), as /proc/net/psched says.
func ticks(d time.Duration) uint32 { return uint32(d / (64 * time.Nanosecond)) }

// share is a probability as netem has it: a part of 2^32.
func share(p float64) uint32 { return uint32(min(p*(1<<32), math.MaxUint32)) }

// TestNetemAttributes looks at what becomes of impairments.
func TestNetemAttributes(t *testing.T) {
	if netlink.TickInUsec() != 15.625 {
		t.Fatalf("%v ticks in a microsecond", netlink.TickInUsec())
	}
	long := func(d time.Duration) scenarios.Duration { return scenarios.Duration{Duration: d} }
	tests := []struct {
		name string
		give scenarios.Impair
		want netlink.Netem
	}{
		{"delay", scenarios.Impair{Delay: long(20 * time.Millisecond), Queue: 1000}, netlink.Netem{Latency: ticks(20 * time.Millisecond), Limit: 1000}},
		{"a microsecond", scenarios.Impair{Delay: long(time.Microsecond), Queue: 1}, netlink.Netem{Latency: 15, Limit: 1}},
		{"the longest delay", scenarios.Impair{Delay: long(200 * time.Second), Jitter: long(74 * time.Second), Queue: 1000},
			netlink.Netem{Latency: ticks(200 * time.Second), Jitter: ticks(74 * time.Second), Limit: 1000}},
		{"jitter", scenarios.Impair{Delay: long(10 * time.Millisecond), Jitter: long(10 * time.Millisecond), Queue: 50},
			netlink.Netem{Latency: ticks(10 * time.Millisecond), Jitter: ticks(10 * time.Millisecond), Limit: 50}},
		{"loss", scenarios.Impair{Loss: 10_000, Queue: 1000}, netlink.Netem{Loss: share(0.01), Limit: 1000}},
		{"the least loss", scenarios.Impair{Loss: 1, Queue: 1000}, netlink.Netem{Loss: share(1e-6), Limit: 1000}},
		{"nearly all", scenarios.Impair{Loss: 999_999, Queue: 1000}, netlink.Netem{Loss: share(0.999999), Limit: 1000}},
		{"all", scenarios.Impair{Loss: 1_000_000, Duplicate: 1_000_000, Corrupt: 1_000_000, Queue: 1000},
			netlink.Netem{Loss: math.MaxUint32, Duplicate: math.MaxUint32, CorruptProb: math.MaxUint32, Limit: 1000}},
		{"reordered", scenarios.Impair{Delay: long(time.Millisecond), Reorder: 250_000, Queue: 1000},
			netlink.Netem{Latency: ticks(time.Millisecond), ReorderProb: share(0.25), Gap: 1, Limit: 1000}},
		{"rate in bytes", scenarios.Impair{Rate: 10_000_000, Queue: 7}, netlink.Netem{Rate64: 1_250_000, Limit: 7}},
		{"a rate of more than 32 bits", scenarios.Impair{Rate: 80_000_000_000, Queue: 1000}, netlink.Netem{Rate64: 10_000_000_000, Limit: 1000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := netem(7, tt.give)
			tt.want.QdiscAttrs = netlink.QdiscAttrs{LinkIndex: 7, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
			// The library computes shares with 24 bits.
			near := cmp.Comparer(func(x, y uint32) bool { return max(x, y)-min(x, y) <= max(x, y)/1_000_000+1 })
			if diff := cmp.Diff(tt.want, *got, near); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestFitsNetem tells what netem, as the library speaks with it, cannot do.
func TestFitsNetem(t *testing.T) {
	delay := func(d, jitter time.Duration) *scenarios.Impair {
		return &scenarios.Impair{Delay: scenarios.Duration{Duration: d}, Jitter: scenarios.Duration{Duration: jitter}}
	}
	for _, tt := range []struct {
		name string
		ends [2]*scenarios.Impair
		want bool
	}{
		{"nothing", [2]*scenarios.Impair{}, true},
		{"short", [2]*scenarios.Impair{delay(time.Minute, time.Minute), nil}, true},
		{"the longest", [2]*scenarios.Impair{delay(274*time.Second, 0), delay(137*time.Second, 137*time.Second)}, true},
		{"too long", [2]*scenarios.Impair{delay(275*time.Second, 0), nil}, false},
		{"too long at the other end", [2]*scenarios.Impair{delay(time.Second, 0), delay(time.Hour, 0)}, false},
		{"too long with its jitter", [2]*scenarios.Impair{delay(200*time.Second, 100*time.Second), nil}, false},
	} {
		if got := FitsNetem(tt.ends); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
