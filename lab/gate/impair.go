package gate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"netlab/probes"
	"netlab/scenarios"
)

// million is what a Percent is a share of.
const million = 1_000_000

// An impairment makes what an end sends come worse, in the way of netem
// (netem_enqueue in net/sched/sch_netem.c).
type impairment struct {
	spec   scenarios.Impair
	random *rand.Rand
	queued int         // frames that wait
	last   probes.Mono // when the last that was queued is due
}

// newImpairment makes one for an end of a link. Every end of every link draws
// from a sequence of its own: the fate of a frame does not depend on what
// others send, nor is it the same on the next link.
func newImpairment(spec *scenarios.Impair, seed uint64, link string, end int) *impairment {
	if spec == nil {
		return nil
	}
	own := fnv.New64a()
	_, _ = fmt.Fprintf(own, "%s %d", link, end) // a hash takes everything
	return &impairment{spec: *spec, random: rand.New(rand.NewPCG(seed, own.Sum64()))}
}

// A fate is what the dice say of a frame. It depends on nothing but what came
// before from the same end, neither on time nor on queues.
type fate struct {
	lost, twice bool
	copies      [2]copyFate // of the frame, and of its duplicate
}

// A copyFate is what they say of one copy.
type copyFate struct {
	bit    int // that is inverted; -1 for none
	atOnce bool
	late   time.Duration
}

// draw throws the dice for a frame of size bytes.
func (i *impairment) draw(size int) fate {
	f := fate{twice: i.chance(i.spec.Duplicate), lost: i.chance(i.spec.Loss)}
	f.copies[0] = i.drawCopy(size)
	if f.twice {
		f.copies[1] = i.drawCopy(size)
	}
	return f
}

func (i *impairment) drawCopy(size int) copyFate {
	c := copyFate{bit: -1, late: i.spec.Delay.Duration}
	if i.chance(i.spec.Corrupt) {
		c.bit = i.random.IntN(max(size, 1) * 8)
	}
	c.atOnce = i.chance(i.spec.Reorder)
	if jitter := i.spec.Jitter.Duration; jitter > 0 {
		c.late += time.Duration(i.random.Int64N(2*int64(jitter)+1)) - jitter
	}
	return c
}

// chance throws a die, if there is any doubt.
func (i *impairment) chance(p scenarios.Percent) bool {
	switch {
	case p <= 0:
		return false
	case p >= million:
		return true
	}
	return i.random.Int64N(million) < int64(p)
}

// due returns when a copy of size bytes goes on.
func (i *impairment) due(now probes.Mono, c copyFate, size int) probes.Mono {
	if c.atOnce {
		return now
	}
	at := now + probes.Mono(max(c.late, 0))
	if i.spec.Rate > 0 {
		// The line is taken from the frame before until it has gone.
		at = max(at, i.last) + probes.Mono(serialization(size, i.spec.Rate))
	}
	return at
}

// serialization is how long a frame takes on a line.
func serialization(size int, rate scenarios.Rate) time.Duration {
	return time.Duration(float64(size) * 8 / float64(rate) * float64(time.Second))
}

// full reports whether there is no room in the queue.
func (i *impairment) full() bool {
	return i.queued >= max(i.spec.Queue, 1)
}
