package clock_test

import (
	"testing"

	"netlab/probes/clock"
)

// A stopwatch never reads less than the clock did before, nor more than it
// does afterwards, but for the moment that comparing them took.
func TestStopwatch(t *testing.T) {
	const apart = 100_000 // ns; a starved machine may keep us waiting between two readings
	s := clock.NewStopwatch()
	for range 1000 {
		before, now, after := clock.Now(), s.Now(), clock.Now()
		if now < before-apart || now > after+apart {
			t.Fatalf("reads %d, %d ns before and %d ns after what the clock reads", now, before-now, now-after)
		}
	}
}
