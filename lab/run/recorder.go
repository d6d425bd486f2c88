package run

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"netlab/probes"
)

// flushEvery bounds how much of the record a killed run loses.
const flushEvery = 100 * time.Millisecond

// A recorder numbers the events of a run as they come, keeps them, and writes
// them to events.jsonl behind the header. Its methods are safe for concurrent
// use.
type recorder struct {
	file  *os.File
	limit int   // of events
	disk  int64 // limit of the record in bytes; 0 for none
	size  int64
	over  context.CancelCauseFunc // told when a limit is exceeded or writing fails

	mu     sync.Mutex
	out    *bufio.Writer // nil until the header is written
	events []probes.Event
	err    error
	more   chan struct{} // closed at the next event; nil while nobody waits

	stop chan struct{}
	done chan struct{}
}

// newRecorder takes over file.
func newRecorder(file *os.File, limit int, over context.CancelCauseFunc) *recorder {
	r := &recorder{file: file, limit: limit, over: over, stop: make(chan struct{}), done: make(chan struct{})}
	go r.flush()
	return r
}

// header writes the first line, and behind it what came before it was known.
func (r *recorder) header(h probes.Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = bufio.NewWriterSize(r.file, 1<<16)
	r.write(h)
	for i := range r.events {
		r.write(&r.events[i])
	}
}

// emit records an event.
func (r *recorder) emit(e probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) == r.limit {
		r.fail(&LimitError{Name: "events", Bound: fmt.Sprint(r.limit)})
	}
	if r.err != nil {
		return
	}
	e.Seq = uint64(len(r.events)) + 1
	r.events = append(r.events, e)
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
	if r.out != nil {
		r.write(&e)
	}
}

// write appends a line; the lock is held.
func (r *recorder) write(v any) {
	line, err := json.Marshal(v)
	if err == nil {
		r.size += int64(len(line)) + 1
		if r.disk > 0 && r.size > r.disk {
			r.fail(diskLimit(r.disk))
			return
		}
		_, err = r.out.Write(append(line, '\n'))
	}
	if err != nil {
		r.fail(fmt.Errorf("record events: %w", err))
	}
}

// fail notes the first error and ends the run; the lock is held.
func (r *recorder) fail(err error) {
	if r.err == nil {
		r.err = err
		r.over(err)
	}
}

// flush writes out what is buffered, now and then, until close.
func (r *recorder) flush() {
	defer close(r.done)
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-ticker.C:
			r.mu.Lock()
			if r.out != nil {
				if err := r.out.Flush(); err != nil {
					r.fail(fmt.Errorf("record events: %w", err))
				}
			}
			r.mu.Unlock()
		}
	}
}

// soFar returns the events recorded until now; they are not to be altered.
func (r *recorder) soFar() []probes.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[:len(r.events):len(r.events)]
}

// after waits until there are more events than n, or ctx ends.
func (r *recorder) after(ctx context.Context, n int) error {
	for {
		r.mu.Lock()
		if len(r.events) > n {
			r.mu.Unlock()
			return nil
		}
		if r.more == nil {
			r.more = make(chan struct{})
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// close writes out the rest and closes the file. Nothing is emitted after it.
func (r *recorder) close() ([]probes.Event, error) {
	close(r.stop)
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out != nil {
		if err := r.out.Flush(); err != nil && r.err == nil {
			r.err = fmt.Errorf("record events: %w", err)
		}
	}
	if err := r.file.Close(); err != nil && r.err == nil {
		r.err = fmt.Errorf("record events: %w", err)
	}
	return r.events, r.err // as fail told it
}
