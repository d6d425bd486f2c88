package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// This file is what stepping by hand needs of the supervisor: to see the
// frames that are held, and to do something to one; and to know whether what is
// seen is all that comes of what was let on.

// frames tells what is held, and looks at the sockets, when the gates have
// taken in what has come to them. What it says of the lab's processes, and of
// steps, is older than what it says of those.
func (s *supervisor) frames(ctx context.Context) (FramesReply, error) {
	var reply FramesReply
	reply.Idle = idle()
	if err := s.gates.catch(); err != nil {
		return reply, err
	}
	reply.Blocked = s.steps.blocked(ctx)
	reply.Waiting = s.gates.waiting()
	if s.lookers.diag == nil {
		return reply, errors.New("there is no sockdiag to look with")
	}
	var err error
	reply.Sockets, err = s.lookers.diag.Snapshot(ctx)
	return reply, err
}

// catch has the gates take in what has come to them.
func (g *gates) catch() error {
	if g == nil {
		return nil
	}
	for _, one := range g.byLink {
		if err := one.Catch(); err != nil {
			return err
		}
	}
	return nil
}

// hand does something to a frame that is held.
func (s *supervisor) hand(r HandRequest) error {
	g, err := s.gates.of(r.Link)
	if err != nil {
		return err
	}
	switch r.Do {
	case HandPass:
		return g.Pass(r.Frame)
	case HandDrop:
		return g.Drop(r.Frame)
	case HandDuplicate:
		return g.Duplicate(r.Frame)
	}
	return fmt.Errorf("nobody can %q a frame", r.Do)
}

// stepWaits are the steps that the supervisor takes and that wait for something.
type stepWaits struct {
	mu   sync.Mutex
	all  map[uint64]func(ctx context.Context) bool // whether it has not come
	next uint64
}

// begin notes a step that waits; the caller calls end.
func (w *stepWaits) begin(still func(ctx context.Context) bool) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[uint64]func(context.Context) bool{}
	}
	w.next++
	id := w.next
	w.all[id] = still
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, id)
	}
}

// blocked returns how many steps wait for what has not come.
func (w *stepWaits) blocked(ctx context.Context) int {
	w.mu.Lock()
	var list []func(context.Context) bool
	for _, still := range w.all {
		list = append(list, still)
	}
	w.mu.Unlock()
	n := 0
	for _, still := range list {
		if still(ctx) {
			n++
		}
	}
	return n
}

// looksToSettle is how many looks settle may need to end, and one that had
// begun before.
const looksToSettle = 3

// A settling is a settle that looks.
type settling struct {
	looks atomic.Int64
	over  atomic.Bool
}

// still reports whether it has looked, from now on, and did not come to its
// end.
func (s *settling) still(ctx context.Context) bool {
	for from := s.looks.Load(); s.looks.Load() < from+looksToSettle; {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(settlePause): // as settle itself
		}
		if s.over.Load() {
			return false
		}
	}
	return !s.over.Load()
}
