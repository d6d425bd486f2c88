// Package clock reads CLOCK_MONOTONIC, the one clock of a run, and relates
// the wall clock, which stamps packets, to it.
package clock

import (
	"runtime"
	"time"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

// Now reads CLOCK_MONOTONIC.
func Now() probes.Mono { return read(unix.CLOCK_MONOTONIC) }

func read(id int32) probes.Mono {
	var ts unix.Timespec
	// clock_gettime cannot fail for the three clocks used here.
	_ = unix.ClockGettime(id, &ts)
	return probes.Mono(ts.Nano())
}

// Compare reads MONOTONIC, REALTIME, MONOTONIC in turn, often enough to catch
// a narrow pair, and returns the narrowest: the offset is exact to ±Width.
func Compare() probes.Clock {
	best := probes.Clock{Width: 1 << 62}
	for range 50 {
		before := read(unix.CLOCK_MONOTONIC)
		wall := read(unix.CLOCK_REALTIME)
		after := read(unix.CLOCK_MONOTONIC)
		if w := int64(after - before); w < best.Width {
			best = probes.Clock{Offset: int64(wall) - int64(before) - w/2, Width: w}
		}
	}
	return best
}

// Thread returns the CPU time that the calling thread has used. Two readings
// compare only where the goroutine was locked to its thread between them
// (runtime.LockOSThread).
func Thread() time.Duration { return time.Duration(read(unix.CLOCK_THREAD_CPUTIME_ID)) }

// Spent calls fn and returns the CPU time that it used, without that of
// goroutines that it started.
func Spent(fn func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := Thread()
	fn()
	return Thread() - began
}
