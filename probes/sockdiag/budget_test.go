package sockdiag

import (
	"testing"
	"time"

	"netlab/probes"
)

// Whoever asks again after each rest gets the share and no more, however dear a
// look is, and whoever was quiet gets its looks at once.
func TestBudget(t *testing.T) {
	const span = 20 * time.Second
	for _, dear := range []time.Duration{time.Microsecond, 15 * time.Microsecond, time.Millisecond, 30 * time.Millisecond} {
		now := probes.Mono(1e9)
		b := NewBudget(func() probes.Mono { return now })
		var used time.Duration
		for end := now + probes.Mono(span); now < end; {
			if rest := b.Rest(); rest > 0 {
				now += probes.Mono(rest)
				continue
			}
			b.Spend(dear)
			used += dear
			now += probes.Mono(dear)
		}
		if most := span/budgetShare + budgetMost + dear; used > most || used < span/budgetShare-dear-budgetAgain {
			t.Errorf("looks of %v used %v of %v, want some %v", dear, used, span, span/budgetShare)
		}
	}
}

func TestBudgetAfterQuiet(t *testing.T) {
	now := probes.Mono(1e9)
	b := NewBudget(func() probes.Mono { return now })
	burst := func() (n int) {
		for b.Rest() == 0 {
			b.Spend(20 * time.Microsecond)
			n++
		}
		return n
	}
	const full = int(budgetMost / (20 * time.Microsecond))
	if n := burst(); n != full {
		t.Errorf("%d looks at first, want %d", n, full)
	}
	now += probes.Mono(100 * time.Millisecond)
	if n := burst(); n != 50 {
		t.Errorf("%d looks after 100 ms, want 50", n)
	}
	now += probes.Mono(time.Hour)
	if n := burst(); n != full {
		t.Errorf("%d looks after an hour, want %d", n, full)
	}
	now -= probes.Mono(time.Second) // a clock that runs backwards gives nothing
	if b.Rest() <= time.Second {
		t.Error("something was left of a past time")
	}
}
