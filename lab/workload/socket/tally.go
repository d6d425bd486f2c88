package socket

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"netlab/lab/workload"
	"netlab/probes"
)

// A Result is what an operation of a client moved.
type Result struct {
	Bytes   int64
	SHA256  string
	Content string // the beginning of what came; see workload.Readable
	Cut     bool
}

// A tally collects a Result while bytes pass.
type tally struct {
	bytes int64
	sum   hash.Hash
	kept  []byte // at most one more than can be shown
}

func newTally() *tally { return &tally{sum: sha256.New()} }

// Write takes notice of bytes that came.
func (t *tally) Write(p []byte) (int, error) {
	t.bytes += int64(len(p))
	t.sum.Write(p)
	t.kept = append(t.kept, p[:min(len(p), probes.MaxContent+1-len(t.kept))]...)
	return len(p), nil
}

func (t *tally) result() Result {
	r := Result{Bytes: t.bytes}
	if t.bytes > 0 {
		r.SHA256 = hex.EncodeToString(t.sum.Sum(nil))
	}
	r.Content, r.Cut = workload.Readable(t.kept)
	return r
}

// sent is a result without the content, which the caller knows.
func (t *tally) sent() Result {
	return Result{Bytes: t.bytes, SHA256: t.result().SHA256}
}
