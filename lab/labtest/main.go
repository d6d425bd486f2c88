package labtest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"netlab/lab/node"
	"netlab/lab/run"
)

// session is what the tests of a program share; nil until Main. It is a
// variable of the package because package testing has no other way from
// TestMain to a test.
var session atomic.Pointer[state]

// A state is what the tests of a program share.
type state struct {
	tracer *run.SharedTracer
	alone  sync.RWMutex // held for reading by runs, for writing by exclusive ones

	mu     sync.Mutex
	active int // runs under way
}

// Main is a package's TestMain. In a program that was started as a lab's
// supervisor or agent it does that work and does not return; else it runs the
// tests, and checks that nothing of their labs is left.
func Main(m *testing.M) {
	node.Main()
	s := &state{tracer: run.NewSharedTracer()}
	session.Store(s)
	code := m.Run()
	if err := errors.Join(s.tracer.Close(), nothingLeft(handles)); err != nil {
		fmt.Fprintf(os.Stderr, "labtest: %v\n", err)
		code = max(code, 1)
	}
	os.Exit(code) // m.Run's own code cannot be changed
}

// enter begins a run: an exclusive one when no other is under way.
func (s *state) enter(exclusive bool) {
	if exclusive {
		s.alone.Lock()
	} else {
		s.alone.RLock()
	}
	s.mu.Lock()
	s.active++
	s.mu.Unlock()
}

// leave ends a run. The last of those under way checks that nothing is left:
// of one beside others nobody could tell whose it is.
func (s *state) leave(exclusive bool) (err error) {
	s.mu.Lock()
	if s.active--; s.active == 0 {
		err = nothingLeft()
	}
	s.mu.Unlock()
	if exclusive {
		s.alone.Unlock()
	} else {
		s.alone.RUnlock()
	}
	return err
}

// runsOf returns where the run directories of a test are made: with go test
// -artifacts where the test's artifacts are, else a directory that goes with
// the test unless that fails.
func runsOf(t *testing.T) string {
	t.Helper()
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return t.ArtifactDir()
	}
	dir, err := os.MkdirTemp("", "labtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("run directories are kept in %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
