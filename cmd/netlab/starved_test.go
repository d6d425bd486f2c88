package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/timeline"

	"golang.org/x/sys/unix"
)

// A process that is kept from running for a while says so in the record, each
// for itself: an agent of its node, the supervisor of the lab.
func TestStarvedIsRecorded(t *testing.T) {
	requireLab(t)
	s := newSandbox(t)
	cmd := s.startHolding(t, nil)
	stopped := map[string][]string{"client": {"netlab-agent", "client"}, "": {"netlab-supervisor"}}
	for node, args := range stopped {
		p, ok := s.find(args...)
		if !ok {
			t.Fatalf("no process of %q among %v", node, s.processes())
		}
		if err := unix.Kill(p.pid, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // how long it is kept is what is tested
		if err := unix.Kill(p.pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	events := filepath.Join(s.runs(t)[0], run.EventsFile)
	var late map[string]probes.Mono
	noticed := await(20*time.Second, func() bool {
		late = starvedOf(t, events) // of others, too, where the machine is busy
		for node := range stopped {
			if late[node] < 20e6 {
				return false
			}
		}
		return true
	})
	if !noticed {
		t.Errorf("noticed %v, want %v", late, stopped)
	}
	_, at := end(t, cmd, unix.SIGINT)
	s.wantNothingLeft(t, at)
}

// starvedOf returns by how much each node was late at most, as far as the
// record has been written.
func starvedOf(t *testing.T, path string) map[string]probes.Mono {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	tl, err := timeline.Read(strings.NewReader(string(whole)))
	if err != nil {
		t.Fatal(err)
	}
	late := map[string]probes.Mono{}
	for _, s := range tl.Starved {
		late[s.Node] = max(late[s.Node], s.Late)
	}
	return late
}
