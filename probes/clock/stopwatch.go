package clock

import (
	"time"

	"netlab/probes"
)

// A Stopwatch reads CLOCK_MONOTONIC without a system call, for who would make
// one for every frame: Go's own clock is the same one (nanotime in runtime),
// but counts from elsewhere.
type Stopwatch struct {
	base  probes.Mono
	start time.Time
}

// NewStopwatch compares the two clocks, often enough to catch a narrow pair:
// they are then some ten nanoseconds apart.
func NewStopwatch() Stopwatch {
	var s Stopwatch
	narrowest := probes.Mono(1 << 62)
	for range 20 {
		before, now, after := Now(), time.Now(), Now()
		if after-before < narrowest {
			narrowest = after - before
			s = Stopwatch{base: before + narrowest/2, start: now}
		}
	}
	return s
}

// Now is what the package's Now returns.
func (s Stopwatch) Now() probes.Mono { return s.base + probes.Mono(time.Since(s.start)) }
