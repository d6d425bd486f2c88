package node

import (
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
}

// newSender starts to send over conn, which it takes over.
func newSender(conn *Conn) *sender {
	s := &sender{conn: conn, in: make(chan probes.Event, 16*batchSize), done: make(chan struct{})}
	go s.run()
	return s
}

// emit hands over an event. It waits where the command is slow: the kernel's
// own buffers are the ones that count what they lose.
func (s *sender) emit(e probes.Event) { s.in <- e }

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
