package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/bpf"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// faulty is a scenario with a pause in which something can happen to what the
// kernel records.
const faulty = `netlab: 1
name: faulty
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers: {ftpd: {node: server, ftp: {anonymous: true, close: after_peer, files: {a.txt: a}}}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: control}
  - ftp.login: {session: control}
  - sleep: {for: 500ms}
  - ftp.retrieve: {session: control, path: a.txt}
  - ftp.retrieve: {session: control, path: a.txt}
  - ftp.retrieve: {session: control, path: a.txt}
  - ftp.retrieve: {session: control, path: a.txt}
  - ftp.retrieve: {session: control, path: a.txt}
  - ftp.quit: {session: control, close: after_reply}
  - settle: {within: 3s}
expect:
  connections: {control: {ends: {server: {states: [SYN-RECEIVED, ESTABLISHED, CLOSE-WAIT, LAST-ACK, CLOSED]}}}}
`

// A faultyRun is a run of it.
type faultyRun struct {
	out string // where its directory is
}

// recorded waits until the record has a text.
func (f *faultyRun) recorded(text string) error {
	ok := await(20*time.Second, func() bool {
		paths, _ := filepath.Glob(filepath.Join(f.out, "*", run.EventsFile))
		if len(paths) == 0 {
			return false
		}
		have, err := os.ReadFile(paths[0])
		return err == nil && bytes.Contains(have, []byte(text))
	})
	if !ok {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// wantOpen runs the scenario, with something done beside it, and wants the
// verdict to be open, for a reason.
func wantOpen(t *testing.T, tracer *run.SharedTracer, beside func(*faultyRun) error, reason string) {
	t.Helper()
	sc, err := scenarios.Parse("faulty.yaml", []byte(faulty))
	if err != nil {
		t.Fatal(err)
	}
	f := &faultyRun{t.TempDir()}
	done := make(chan error, 1)
	go func() { done <- beside(f) }()
	r, err := run.Once(t.Context(), run.Config{Scenario: sc, Variant: run.Base, Source: []byte(faulty), Dir: ".", Out: f.out, Tracer: tracer})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Judgement.Outcome != check.Inconclusive {
		t.Errorf("outcome %v, want inconclusive", r.Judgement.Outcome)
	}
	for _, v := range r.Judgement.Verdicts {
		if v.Reason == nil || !strings.Contains(v.Reason.String(), reason) {
			t.Errorf("%s: %v, %v; want %q", v.Name, v.Outcome, v.Reason, reason)
		}
	}
}

// Kernel events that end in the middle of a run are a loss: what needs them is
// open, not passed.
func TestKernelEventsEndMidRun(t *testing.T) {
	requireLab(t)
	netnstest.Require(t, "bpf", bpfSupported())
	tracer := run.NewSharedTracer()
	wantOpen(t, tracer, func(f *faultyRun) error {
		if err := f.recorded(`"verb":"sleep"`); err != nil {
			return err
		}
		return tracer.Close()
	}, "taken out of the kernel before the run ended")
}

// So are those that the ring buffer has no room for.
func TestRingBufferTooSmall(t *testing.T) {
	requireLab(t)
	netnstest.Require(t, "bpf", bpfSupported())
	small, err := bpf.LoadRing(8192)
	if err != nil {
		t.Fatal(err)
	}
	stage := netnstest.New(t)
	rehearse := func() error { return stage.Do(bpf.Rehearse) }
	if err := small.Check(stage.Cookie(), rehearse); err != nil {
		t.Fatal(err)
	}
	tracer := run.ShareTracer(func() (*bpf.Tracer, error) { return small, nil })
	wantOpen(t, tracer, func(f *faultyRun) error {
		if err := f.recorded(`"verb":"sleep"`); err != nil {
			return err
		}
		// While one run's events are not taken, nobody's are read.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		waits, read := make(chan struct{}, 1), make(chan struct{})
		probe := small.Probe([]probes.NodeInfo{{Name: "stage", Cookie: stage.Cookie()}})
		ended := make(chan error, 1)
		go func() {
			ended <- probe.Run(ctx, func(probes.Event) {
				select {
				case waits <- struct{}{}:
				default:
				}
				<-read
			})
		}()
		<-probe.Ready()
		if err := rehearse(); err != nil {
			return err
		}
		<-waits
		err := f.recorded(`"verb":"settle"`)
		close(read)
		cancel()
		if ended := <-ended; err == nil {
			err = ended
		}
		return err
	}, "ring buffer full")
	if err := tracer.Close(); err != nil {
		t.Error(err)
	}
}

// An ordinary user who may load programs sees all that root sees: nothing
// depends on what only root may read of the kernel. One who may not is told.
func TestKernelEventsOfAnOrdinaryUser(t *testing.T) {
	requireLab(t)
	netnstest.Require(t, "bpf", bpfSupported())
	if os.Geteuid() != 0 {
		t.Skip("needs root to become other users")
	}
	netnstest.Require(t, "userns", node.Try(t.Context(), scenarios.FeatureUserNS))
	for _, tt := range []struct {
		name string
		caps []uintptr
		want []string
	}{
		{"none", nil, []string{"--  bpf ", "EPERM", "fix: run as root"}},
		{"CAP_BPF alone", []uintptr{unix.CAP_BPF}, []string{"--  bpf ", "EPERM", "CAP_BPF and CAP_PERFMON"}},
		{"CAP_BPF and CAP_PERFMON", []uintptr{unix.CAP_BPF, unix.CAP_PERFMON}, []string{"ok  bpf ", "ok  bpf life", "ok  bpf reset", "ok  bpf drop"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSandbox(t)
			s.become(t)
			cmd := s.command("netlab", "doctor")
			cmd.SysProcAttr.AmbientCaps = tt.caps
			out, err := cmd.Output()
			if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("output lacks %q:\n%s", want, out)
				}
			}
		})
	}
}
