package ftp

import (
	"sync"
	"time"

	"netlab/lab/workload"
	"netlab/probes/calls"
)

// A guard is a recorded connection on which no call can hang: each receive and
// each send has a time limit, and all can be broken off from outside. The FTP
// library sets no deadlines of its own.
type guard struct {
	*calls.Conn

	mu     sync.Mutex
	limit  time.Duration // for one call; 0: none
	bound  time.Time     // for receives, beside limit; zero: none
	broken bool
}

// Read receives.
func (g *guard) Read(p []byte) (int, error) {
	if err := g.arm(g.Conn.SetReadDeadline, true); err != nil {
		return 0, err
	}
	return g.Conn.Read(p)
}

// Write sends.
func (g *guard) Write(p []byte) (int, error) {
	if err := g.arm(g.Conn.SetWriteDeadline, false); err != nil {
		return 0, err
	}
	return g.Conn.Write(p)
}

// arm sets the deadline of the call that is about to be made.
func (g *guard) arm(set func(time.Time) error, receive bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var deadline time.Time
	if g.limit > 0 {
		deadline = time.Now().Add(g.limit)
	}
	if receive && !g.bound.IsZero() && (deadline.IsZero() || g.bound.Before(deadline)) {
		deadline = g.bound
	}
	if g.broken {
		deadline = workload.Past()
	}
	return set(deadline)
}

// SetReadDeadline bounds pending and later receives, beside the limit.
func (g *guard) SetReadDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bound = t
	if g.broken {
		t = workload.Past()
	}
	return g.Conn.SetReadDeadline(t)
}

// SetDeadline bounds receives only; sends keep their limit.
func (g *guard) SetDeadline(t time.Time) error { return g.SetReadDeadline(t) }

// setLimit changes the limit of later calls.
func (g *guard) setLimit(limit time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = limit
}

// breakOff makes pending and later calls fail, until mend.
func (g *guard) breakOff() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.broken = true
	_ = g.Conn.SetDeadline(workload.Past()) // fails only on a closed connection
}

// mend ends breakOff.
func (g *guard) mend() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken {
		g.broken = false
		_ = g.Conn.SetDeadline(time.Time{})
	}
}
