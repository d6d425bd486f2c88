package gate

import (
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// A stopwatch reads CLOCK_MONOTONIC without a system call, which a gate would
// otherwise make for every frame: Go's own clock is the same one (nanotime in
// runtime), but counts from elsewhere.
type stopwatch struct {
	base  probes.Mono
	start time.Time
}

// newStopwatch compares the two clocks, often enough to catch a narrow pair:
// they are then some ten nanoseconds apart.
func newStopwatch() stopwatch {
	var s stopwatch
	narrowest := probes.Mono(1 << 62)
	for range 20 {
		before, now, after := clock.Now(), time.Now(), clock.Now()
		if after-before < narrowest {
			narrowest = after - before
			s = stopwatch{base: before + narrowest/2, start: now}
		}
	}
	return s
}

// now is what clock.Now returns.
func (s stopwatch) now() probes.Mono { return s.base + probes.Mono(time.Since(s.start)) }
