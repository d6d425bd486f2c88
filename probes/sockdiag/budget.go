package sockdiag

import (
	"time"

	"netlab/probes"
)

const (
	// budgetShare is the part of one CPU that looks on event may use: one in
	// so many. With the heartbeat's, it makes 2 %.
	budgetShare = 100
	// budgetMost is the most that may be used at once after a quiet time,
	// some three hundred looks.
	budgetMost = 5 * time.Millisecond
	// budgetAgain is how much there is to be once all was used, before the
	// next is: one look at a time, each with a rest of its own, would use more
	// for beginning and ending than for looking.
	budgetAgain = time.Millisecond
)

// A Budget bounds the CPU time that looks on event use: to one part in
// budgetShare of the time that goes by, and budgetMost beside. What was used
// beyond it, as a look is not cut short, is made up for before the next. Make
// one with NewBudget; it is not safe for concurrent use.
type Budget struct {
	now  func() probes.Mono
	last probes.Mono   // when left was right
	left time.Duration // may be less than nothing
}

// NewBudget returns a full budget that reads time from now.
func NewBudget(now func() probes.Mono) *Budget {
	return &Budget{now: now, last: now(), left: budgetMost}
}

// Rest returns for how long no look is allowed from now on: 0 while something
// is left.
func (b *Budget) Rest() time.Duration {
	now := b.now()
	b.left = min(budgetMost, b.left+now.Sub(b.last)/budgetShare)
	b.last = now
	if b.left > 0 {
		return 0
	}
	return (budgetAgain - b.left) * budgetShare
}

// Spend takes what looks have used.
func (b *Budget) Spend(d time.Duration) { b.left -= d }
