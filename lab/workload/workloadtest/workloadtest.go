// Package workloadtest has what the tests of servers and clients share.
package workloadtest

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/calls"
)

// A Witness keeps what was called and logged. The zero value is ready, and
// its methods are safe for concurrent use.
type Witness struct {
	mu     sync.Mutex
	events []probes.Event
	log    bytes.Buffer
}

// Write takes a part of the log.
func (w *Witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// Logged returns the log so far.
func (w *Witness) Logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// Caller records the calls of a workload.
func (w *Witness) Caller(name string) *calls.Caller {
	return calls.New("node", 0, func(e probes.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}).Caller(name)
}

// Events returns the calls so far, in the order of their ends.
func (w *Witness) Events() []probes.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// Main runs the tests of a package and returns the exit code: 1 also if a
// goroutine is left whose stack contains one of the marks.
func Main(m *testing.M, marks ...string) int {
	code := m.Run()
	if left := goroutines(marks); left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s", left)
		code = 1
	}
	return code
}

// goroutines returns the stacks that contain a mark.
func goroutines(marks []string) (left string) {
	for range 200 {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left = ""
		for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
			if slices.ContainsFunc(marks, func(mark string) bool { return bytes.Contains(stack, []byte(mark)) }) {
				left += string(stack) + "\n\n"
			}
		}
		if left == "" {
			break
		}
		// The goroutines of libraries return a moment after they have let go
		// of their connections, and nobody tells when.
		time.Sleep(5 * time.Millisecond)
	}
	return left
}
