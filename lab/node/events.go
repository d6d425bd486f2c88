package node

import (
	"sync"
	"sync/atomic"
	"time"

	"netlab/probes"
)

// batchSize is how many events travel in one message at most.
const batchSize = 256

// A sender carries events to the command, in batches where they come fast.
// emit may be called from many goroutines; end is called when none will.
type sender struct {
	conn *Conn
	in   chan probes.Event
	done chan struct{}
	err  error // of sending; read after done

	discard atomic.Bool // nobody wants further events
}

// newSender starts to send over conn, which it takes over.
func newSender(conn *Conn) *sender {
	s := &sender{conn: conn, in: make(chan probes.Event, 16*batchSize), done: make(chan struct{})}
	go s.run()
	return s
}

// emit hands over an event. It waits where the command is slow: the kernel's
// own buffers are the ones that count what they lose.
func (s *sender) emit(e probes.Event) {
	if !s.discard.Load() {
		s.in <- e
	}
}

// end sends what is left and closes the connection.
func (s *sender) end() error {
	close(s.in)
	<-s.done
	return s.err
}

func (s *sender) run() {
	defer close(s.done)
	defer s.conn.Close()
	batch := make([]probes.Event, 0, batchSize)
	for e := range s.in {
		batch = append(batch[:0], e)
	more:
		for len(batch) < batchSize {
			select {
			case e, ok := <-s.in:
				if !ok {
					break more
				}
				batch = append(batch, e)
			default:
				break more
			}
		}
		if s.err == nil { // else keep the probes from blocking
			s.err = s.conn.Send(envelope{Events: batch})
		}
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
