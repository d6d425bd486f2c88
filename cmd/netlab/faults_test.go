package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/netns/netnstest"
	"netlab/lab/run"
	"netlab/scenarios"
)

// cutting is a scenario that goes on when the kernel's programs have gone.
const cutting = `netlab: 1
name: cutting
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers: {ftpd: {node: server, ftp: {anonymous: true, close: after_peer}}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: control}
  - sleep: {for: 500ms}
  - ftp.login: {session: control}
  - ftp.quit: {session: control, close: after_reply}
  - settle: {within: 3s}
expect:
  connections: {control: {ends: {server: {states: [SYN-RECEIVED, ESTABLISHED, CLOSE-WAIT, LAST-ACK, CLOSED]}}}}
`

// Kernel events that end in the middle of a run are a loss: what needs them is
// open, not passed.
func TestKernelEventsEndMidRun(t *testing.T) {
	requireLab(t)
	netnstest.Require(t, "bpf", bpfSupported())
	sc, err := scenarios.Parse("cutting.yaml", []byte(cutting))
	if err != nil {
		t.Fatal(err)
	}
	tracer := run.NewSharedTracer()
	out := t.TempDir()
	cut := make(chan error, 1)
	go func() {
		begun := await(20*time.Second, func() bool {
			paths, _ := filepath.Glob(filepath.Join(out, "*", run.EventsFile))
			if len(paths) == 0 {
				return false
			}
			text, err := os.ReadFile(paths[0])
			return err == nil && bytes.Contains(text, []byte(`"SYN-RECEIVED"`))
		})
		if !begun {
			cut <- os.ErrDeadlineExceeded
			return
		}
		cut <- tracer.Close()
	}()
	r, err := run.Once(t.Context(), run.Config{Scenario: sc, Variant: run.Base, Source: []byte(cutting), Dir: ".", Out: out, Tracer: tracer})
	if err := <-cut; err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Judgement.Outcome != check.Inconclusive {
		t.Errorf("outcome %v, want inconclusive", r.Judgement.Outcome)
	}
	for _, v := range r.Judgement.Verdicts {
		if v.Reason == nil || !strings.Contains(v.Reason.String(), "taken out of the kernel before the run ended") {
			t.Errorf("%s: %v, %v", v.Name, v.Outcome, v.Reason)
		}
	}
}
