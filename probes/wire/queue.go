package wire

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrLimit is in the chain of the error that Config.MaxBytes was reached.
var ErrLimit = errors.New("limit")

// A queue writes to a file in a goroutine of its own, so that a slow disk
// does not keep the rings waiting; what the disk is behind is kept in memory,
// up to a bound. After its first error it writes no more, but takes all.
type queue struct {
	w      io.Writer
	name   string
	max    int64 // bytes of the file; 0: no bound
	chunks chan []byte
	spare  sync.Pool
	ended  sync.Once
	done   chan struct{}
	err    error // of the goroutine; valid once done is closed
}

// chunkSize is what is written at once, at most. A frame fits.
const chunkSize = 512 << 10

// newQueue starts a queue that keeps up to memory bytes. Its caller closes
// it. It is nil if w is.
func newQueue(w io.Writer, max int64, memory int) *queue {
	if w == nil {
		return nil
	}
	q := &queue{w: w, name: "capture", max: max, chunks: make(chan []byte, memory/chunkSize+1), done: make(chan struct{})}
	if f, ok := w.(interface{ Name() string }); ok {
		q.name = "capture file " + f.Name()
	}
	go q.write()
	return q
}

func (q *queue) write() {
	defer close(q.done)
	var written int64
	for b := range q.chunks {
		written += int64(len(b))
		switch {
		case q.err != nil:
		case q.max > 0 && written > q.max:
			q.err = fmt.Errorf("write %s: %w of %d bytes reached", q.name, ErrLimit, q.max)
		default:
			if _, err := q.w.Write(b); err != nil {
				q.err = fmt.Errorf("write %s: %w", q.name, err)
			}
		}
		q.spare.Put(&b)
	}
}

// chunk returns an empty buffer of chunkSize.
func (q *queue) chunk() []byte {
	if b, ok := q.spare.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, chunkSize)
}

// put gives b to the queue. It blocks while the queue is full.
func (q *queue) put(b []byte) { q.chunks <- b }

// idle reports whether all is written, or being written.
func (q *queue) idle() bool { return len(q.chunks) == 0 }

// close writes what is left and returns the first error, naming the file. It
// may be called again; put may not.
func (q *queue) close() error {
	if q == nil {
		return nil
	}
	q.ended.Do(func() { close(q.chunks) })
	<-q.done
	return q.err
}
