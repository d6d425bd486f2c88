package wire

import (
	"math"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// A wallClock converts the kernel's stamps, CLOCK_REALTIME, to
// CLOCK_MONOTONIC. The two run at the same rate (both are slewed alike), so
// their offset changes only when the wall clock is set; then a new epoch
// begins.
type wallClock struct {
	epochs  []epoch
	now     probes.Mono // of the last reading: no frame that was read before it is younger
	compare func() probes.Clock
	look    func() (before probes.Mono, wall int64, after probes.Mono)
}

// An epoch is a time in which the wall clock was not set.
type epoch struct {
	start probes.Mono  // no later than its first instant
	clock probes.Clock // the narrowest comparison in it
}

// slack is how far comparisons may differ beyond their widths, in
// nanoseconds: the clocks' own rounding.
const slack = 500

// newWallClock makes the first comparison.
func newWallClock() *wallClock {
	w := &wallClock{compare: clock.Compare, look: look}
	w.begin()
	return w
}

func (w *wallClock) begin() {
	w.epochs = []epoch{{start: math.MinInt64, clock: w.compare()}}
	w.now, _, _ = w.look()
}

// look reads both clocks once.
func look() (before probes.Mono, wall int64, after probes.Mono) {
	before = clock.Now()
	wall = time.Now().UnixNano()
	return before, wall, clock.Now()
}

// current returns the epoch that lasts.
func (w *wallClock) current() *epoch { return &w.epochs[len(w.epochs)-1] }

// tick compares the clocks, with care, and begins a new epoch if the wall
// clock was set.
func (w *wallClock) tick() probes.Clock {
	c, e := w.compare(), w.current()
	switch d := c.Offset - e.clock.Offset; {
	case max(d, -d) > c.Width+e.clock.Width+slack:
		c.Step = true
		w.epochs = append(w.epochs, epoch{start: w.now, clock: c})
	case c.Width < e.clock.Width:
		e.clock = c
	}
	w.now, _, _ = w.look()
	return c
}

// moved takes one quick look, and reports whether it contradicts the epoch's
// offset, so that a tick is due. It is called before each block is read.
func (w *wallClock) moved() bool {
	before, wall, after := w.look()
	e := w.current().clock
	early, late := wall-int64(after)-e.Width-slack, wall-int64(before)+e.Width+slack
	if e.Offset < early || e.Offset > late {
		return true
	}
	w.now = after
	return false
}

// convert returns the time of a frame that was stamped before the last
// reading. Near a step it takes the epoch in which the stamp makes sense.
func (w *wallClock) convert(sec, nsec uint32) probes.Mono {
	stamp := int64(sec)*1e9 + int64(nsec)
	for i := len(w.epochs) - 1; i >= 0; i-- {
		e := &w.epochs[i]
		t := probes.Mono(stamp - e.clock.Offset)
		if (i == 0 || t >= e.start-slack) && t <= w.now+slack {
			return t
		}
	}
	return min(probes.Mono(stamp-w.current().clock.Offset), w.now)
}

// event tells a comparison.
func (w *wallClock) event(c probes.Clock) probes.Event {
	return probes.Event{Time: w.now, Source: probes.Wire, Kind: probes.KindClock, Grade: probes.Recorded, Clock: &c}
}
