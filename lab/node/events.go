package node

import (
	"sync"
	"sync/atomic"
	"time"

	"netlab/probes"
)

// batchSize is how many events travel in one message at most.
const batchSize = 256

// maxWaiting is how many events may wait to be sent: some 100 MB. A capture
// that is read in time loses nothing, and the kernel's rings hold only as much
// as passes in a tenth of a second; put into words, an event takes ten times
// as long as to be read.
const maxWaiting = 1 << 18

// A sender carries events to the command, in batches where they come fast.
// emit may be called from many goroutines; end is called when none will.
type sender struct {
	conn *Conn
	done chan struct{}
	err  error // of sending; read after done

	discard atomic.Bool // nobody wants further events

	mu      sync.Mutex
	changed sync.Cond // what is below has changed
	waiting int       // events in batches
	// batches are of batchSize, but for the last. To let one slice grow would
	// stop the capture for as long as it takes to copy it.
	batches [][]probes.Event
	spare   []probes.Event // an empty batch, or nil
	ended   bool
}

// newSender starts to send over conn, which it takes over.
func newSender(conn *Conn) *sender {
	s := &sender{conn: conn, done: make(chan struct{})}
	s.changed.L = &s.mu
	go s.run()
	return s
}

// emit hands over an event. It waits where the command is much too slow: the
// kernel's own buffers are the ones that count what they lose.
func (s *sender) emit(e probes.Event) {
	if s.discard.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting >= maxWaiting {
		s.changed.Wait()
	}
	last := len(s.batches) - 1
	if last < 0 || len(s.batches[last]) == batchSize {
		if s.spare == nil {
			s.spare = make([]probes.Event, 0, batchSize)
		}
		s.batches = append(s.batches, s.spare)
		s.spare = nil
		last++
	}
	s.batches[last] = append(s.batches[last], e)
	s.waiting++
	if s.waiting == 1 {
		s.changed.Broadcast()
	}
}

// end sends what is left and closes the connection.
func (s *sender) end() error {
	s.mu.Lock()
	s.ended = true
	s.changed.Broadcast()
	s.mu.Unlock()
	<-s.done
	return s.err
}

// take waits for events and returns the oldest of them, in exchange for an
// empty batch, which may be nil; none at the end.
func (s *sender) take(empty []probes.Event) []probes.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = empty
	for s.waiting == 0 && !s.ended {
		s.changed.Wait()
	}
	if s.waiting == 0 {
		return nil
	}
	oldest := s.batches[0]
	s.batches = s.batches[1:]
	s.waiting -= len(oldest)
	s.changed.Broadcast()
	return oldest
}

func (s *sender) run() {
	defer close(s.done)
	defer s.conn.Close()
	batch := s.take(nil)
	for batch != nil {
		if s.err == nil { // else keep the probes from waiting
			s.err = s.conn.Send(envelope{Events: batch})
		}
		clear(batch) // what they point to is garbage now
		batch = s.take(batch[:0])
	}
}

// holdFor is how long a holder keeps an event back at most.
const holdFor = 20 * time.Millisecond

// A holder carries the events of an agent's workloads to the command. It
// holds them back for a moment: to send each by itself, from within the
// socket call that it tells of, would slow down what is being observed. Its
// methods are safe for concurrent use.
type holder struct {
	conn *Conn

	mu    sync.Mutex
	held  []probes.Event
	timer *time.Timer // flushes; nil until the first event
}

func newHolder(conn *Conn) *holder { return &holder{conn: conn} }

func (h *holder) emit(e probes.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = append(h.held, e)
	switch {
	case len(h.held) >= batchSize:
		h.send()
	case h.timer == nil:
		h.timer = time.AfterFunc(holdFor, h.flush)
	case len(h.held) == 1:
		h.timer.Reset(holdFor)
	}
}

// flush sends what is held.
func (h *holder) flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.send()
}

// send sends what is held; the lock is held. If nobody listens any more, this
// process is about to end.
func (h *holder) send() {
	if len(h.held) > 0 {
		_ = h.conn.Send(envelope{Events: h.held})
		h.held = h.held[:0]
	}
}

// end sends what is left and stops the timer.
func (h *holder) end() {
	h.flush()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
}
