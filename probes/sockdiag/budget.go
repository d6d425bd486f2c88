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

// Left reports whether there is any left for a look now.
func (b *Budget) Left() bool {
	now := b.now()
	b.left = min(budgetMost, b.left+now.Sub(b.last)/budgetShare)
	b.last = now
	return b.left > 0
}

// Spend takes what looks have used.
func (b *Budget) Spend(d time.Duration) { b.left -= d }
