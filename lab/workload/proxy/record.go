package proxy

import (
	"log/slog"
	"sync"

	"netlab/probes/calls"
)

// maxRecord is how much of what passes a proxy logs, in bytes, altogether.
const maxRecord = 1 << 20

// recordLine is how much of it stands in one line.
const recordLine = 1 << 10

// A record logs what passes, as it is passed on; the log's handler quotes it. A
// nil record logs nothing.
type record struct {
	log  *slog.Logger
	mu   sync.Mutex
	left int // bytes
}

// note logs what was passed on.
func (r *record) note(way Way, from *calls.Conn, p []byte) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(p) > 0 && r.left > 0 {
		n := min(len(p), recordLine, r.left)
		r.log.Info("passed", "what", way, "from", from.RemoteAddr(), "bytes", n, "data", string(p[:n]))
		p = p[n:]
		if r.left -= n; r.left == 0 {
			r.log.Info("passed", "what", "more than is logged", "limit", maxRecord)
		}
	}
}
