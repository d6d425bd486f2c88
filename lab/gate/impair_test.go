package gate

import (
	"fmt"
	"math"
	"testing"
	"time"

	"netlab/probes"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

func impaired(tb testing.TB, spec scenarios.Impair, seed uint64) *bench {
	if spec.Queue == 0 {
		spec.Queue = 1000
	}
	return newBench(tb, func(c *Config) { c.Impair[client], c.Seed = &spec, seed })
}

func ms(n int) scenarios.Duration {
	return scenarios.Duration{Duration: time.Duration(n) * time.Millisecond}
}

// everything is wrong with this link.
var everything = scenarios.Impair{
	Delay: ms(5), Jitter: ms(4), Loss: 100_000, Duplicate: 100_000, Reorder: 100_000, Corrupt: 50_000, Rate: 10_000_000, Queue: 1000,
}

// The same frames in the same order meet the same fate, whatever the other
// end sends, and when.
func TestSeed(t *testing.T) {
	play := func(seed uint64, pause time.Duration, other bool) (told []string) {
		b := impaired(t, everything, seed)
		b.Config(func(e *engine) { e.impair[server] = newImpairment(&everything, seed, "wire", server) })
		for i := range uint32(300) {
			b.come(client, seg(t, client, ack, 1+i, 1, "x"))
			if other {
				b.come(server, seg(t, server, ack, 1+i, 1, "y"))
			}
			b.passTime(pause)
		}
		b.passTime(time.Minute)
		for _, e := range b.events {
			if e.Node == "client" {
				s := "-"
				if e.Segment != nil {
					s = fmt.Sprint(e.Segment.Seq)
				}
				told = append(told, fmt.Sprint(e.Gate.Do, " ", s))
			}
		}
		return told
	}
	first := play(7, 0, false)
	if len(first) < 40 {
		t.Fatalf("only %d things happened", len(first))
	}
	if diff := cmp.Diff(first, play(7, 3*time.Millisecond, true)); diff != "" {
		t.Errorf("the same seed, another fate (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, play(8, 0, false)) {
		t.Error("another seed, the same fate")
	}
}

// Config changes the engine of a bench.
func (b *bench) Config(change func(e *engine)) { change(b.engine) }

func TestLoss(t *testing.T) {
	b := impaired(t, scenarios.Impair{Loss: 100_000}, 1)
	const n = 10_000
	for i := range uint32(n) {
		b.come(client, seg(t, client, ack, i, 1, ""))
	}
	lost := len(b.told())
	if lost+len(b.sent) != n {
		t.Errorf("%d were lost and %d passed, of %d", lost, len(b.sent), n)
	}
	if math.Abs(float64(lost)-n/10) > 4*math.Sqrt(n*.1*.9) {
		t.Errorf("%d of %d were lost, want a tenth", lost, n)
	}
}

func TestCertain(t *testing.T) {
	frame := seg(t, client, ack, 1, 1, "x")
	for _, tt := range []struct {
		name string
		spec scenarios.Impair
		sent int
		told []string
	}{
		{"nothing", scenarios.Impair{}, 1, nil},
		{"all lost", scenarios.Impair{Loss: million}, 0, []string{"dropped #1 by (impair)"}},
		{"all twice", scenarios.Impair{Duplicate: million}, 2, []string{"duplicated #1 by (impair) copies=1"}},
		{"twice and lost", scenarios.Impair{Duplicate: million, Loss: million}, 1, nil},
		{"all corrupted", scenarios.Impair{Corrupt: million}, 1, []string{"corrupted #1 by (impair)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := impaired(t, tt.spec, 1)
			b.come(client, frame)
			if len(b.sent) != tt.sent {
				t.Errorf("%d went out, want %d", len(b.sent), tt.sent)
			}
			if tt.spec.Corrupt > 0 {
				if n := bitsChanged(frame, b.sent[0]); n != 1 {
					t.Errorf("%d bits changed", n)
				}
			}
			if diff := cmp.Diff(tt.told, b.told()); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

func bitsChanged(a, b []byte) (n int) {
	for i := range a {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n
}

func TestDelayAndRate(t *testing.T) {
	frame := seg(t, client, ack, 1, 1, "x") // 60 bytes, padded
	for _, tt := range []struct {
		name string
		spec scenarios.Impair
		want []time.Duration // when each of three that come at once goes out
	}{
		{"delay", scenarios.Impair{Delay: ms(10)}, []time.Duration{10 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond}},
		{"rate", scenarios.Impair{Rate: 480_000}, []time.Duration{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond}},
		{"delay and rate", scenarios.Impair{Delay: ms(10), Rate: 480_000}, []time.Duration{11 * time.Millisecond, 12 * time.Millisecond, 13 * time.Millisecond}},
		{"all sent at once", scenarios.Impair{Delay: ms(10), Reorder: million}, []time.Duration{0, 0, 0}},
		{"queue", scenarios.Impair{Delay: ms(10), Queue: 2}, []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := impaired(t, tt.spec, 1)
			start := b.now
			for range 3 {
				b.come(client, frame)
				b.now-- // come lets a nanosecond pass
			}
			var got []time.Duration
			for range b.sent {
				got = append(got, 0)
			}
			for b.wakeAt() > 0 {
				was := len(b.sent)
				b.passTime(b.wakeAt().Sub(b.now))
				for range len(b.sent) - was {
					got = append(got, b.now.Sub(start+1).Round(time.Microsecond))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("went out (-want +got):\n%s", diff)
			}
			if b.impaired != 0 || b.impairedBytes != 0 || b.impair[client].queued != 0 {
				t.Errorf("%d frames are still delayed, %d bytes", b.impaired, b.impairedBytes)
			}
		})
	}
}

// Jitter varies evenly, and lets frames overtake each other.
func TestJitter(t *testing.T) {
	b := impaired(t, scenarios.Impair{Delay: ms(10), Jitter: ms(5)}, 1)
	var first, last probes.Mono
	for i := range uint32(500) {
		b.come(client, seg(t, client, ack, i, 1, "x"))
	}
	start := b.now
	first = b.wakeAt()
	for b.wakeAt() > 0 {
		last = b.wakeAt()
		b.passTime(b.wakeAt().Sub(b.now))
	}
	if min, max := first.Sub(start), last.Sub(start); min < 4900*time.Microsecond || min > 5200*time.Microsecond || max < 14800*time.Microsecond || max > 15*time.Millisecond {
		t.Errorf("delays from %v to %v", min, max)
	}
	overtaken := 0
	list := b.took()
	for i := 1; i < len(list); i++ {
		var a, c int
		_, _ = fmt.Sscanf(list[i-1]+" "+list[i], "client ACK %d x client ACK %d x", &a, &c)
		if c < a {
			overtaken++
		}
	}
	if len(list) != 500 || overtaken < 100 {
		t.Errorf("%d frames, %d overtaken", len(list), overtaken)
	}
}

// A frame is held by rules as it comes: worse.
func TestImpairedThenHeld(t *testing.T) {
	b := impaired(t, scenarios.Impair{Delay: ms(10)}, 1)
	b.rule("data", holding(data, nil))
	b.come(client, seg(t, client, ack, 1, 1, "x"))
	b.want(nil, nil)
	b.passTime(10 * time.Millisecond)
	b.want(nil, []string{"held #1 by data"})
	check(t, b.clear(b.now, ""))
	b.flush()
	b.want([]string{"client ACK 1 x"}, []string{"released #1 by data"})
}
