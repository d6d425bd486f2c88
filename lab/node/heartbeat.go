package node

import (
	"sync"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

const (
	// beatEvery is the time between two heartbeats. A beat costs some 100 µs
	// of a processor, most of them in the runtime and in the kernel, and so a
	// process a hundredth of one. A wait that is longer than beatEvery and
	// beatLate together is always noticed.
	beatEvery = 10 * time.Millisecond
	// beatLate is by how much a heartbeat must be late to be told of.
	beatLate = 10 * time.Millisecond
	// beatQuiet is the least time between two tellings: of those that are
	// late in it only the worst is told, so that a starved machine has
	// nothing to do with telling that it starves.
	beatQuiet = 100 * time.Millisecond
)

// A heartbeat notices that the machine keeps this process waiting: a beat that
// is late by more than beatLate is recorded as a probes.Starved. What it tells
// of is the machine, and the Go runtime in it: a process whose own work fills
// every processor for so long is late, too, and its times are as wrong.
//
// The zero heartbeat does not beat. Its methods are safe for concurrent use.
type heartbeat struct {
	node string // "" for the supervisor
	emit func(probes.Event)

	mu   sync.Mutex
	stop chan struct{} // nil while it does not beat
	done chan struct{}
}

// begin starts to beat, if it does not yet.
func (h *heartbeat) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != nil {
		return
	}
	h.stop, h.done = make(chan struct{}), make(chan struct{})
	go h.beat(h.stop, h.done)
}

// end ends it and waits until it has told the last; nothing is emitted after
// that.
func (h *heartbeat) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop == nil {
		return
	}
	close(h.stop)
	<-h.done
	h.stop = nil
}

// beat beats until stop is closed.
func (h *heartbeat) beat(stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	timer := time.NewTimer(beatEvery)
	defer timer.Stop()
	w := waits{}
	for due := clock.Now() + probes.Mono(beatEvery); ; due = clock.Now() + probes.Mono(beatEvery) {
		timer.Reset(beatEvery)
		select {
		case <-timer.C:
		case <-stop:
			h.tell(w.last())
			return
		}
		now := clock.Now()
		h.tell(w.beat(now, now-due))
	}
}

// tell records a wait, if it is one.
func (h *heartbeat) tell(w wait) {
	if w.late > 0 {
		h.emit(probes.Event{Time: w.at, Source: probes.Lab, Kind: probes.KindMark, Mark: probes.Starved, Node: h.node, Late: w.late})
	}
}

// A wait is a heartbeat that came too late; the zero wait is none.
type wait struct {
	at, late probes.Mono
}

// waits chooses which waits to tell of: the first at once, and of those that
// follow within beatQuiet the worst.
type waits struct {
	worst wait        // not told yet
	until probes.Mono // nothing is told before
}

// beat takes a beat that came at a time, late by so much, and returns what is
// to be told now.
func (w *waits) beat(now, late probes.Mono) wait {
	if late > probes.Mono(beatLate) && late > w.worst.late {
		w.worst = wait{now, late}
	}
	if now < w.until {
		return wait{}
	}
	return w.take(now)
}

// last returns what is still to be told.
func (w *waits) last() wait { return w.take(w.until) }

func (w *waits) take(now probes.Mono) wait {
	told := w.worst
	if told.late > 0 {
		w.worst, w.until = wait{}, now+probes.Mono(beatQuiet)
	}
	return told
}
