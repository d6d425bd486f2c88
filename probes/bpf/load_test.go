package bpf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

func TestWatchingTwiceIsRefused(t *testing.T) {
	tracer, ns := newTracer(t, 0), netnstest.New(t)
	first := watch(t, tracer, ns)
	err := tracer.Probe([]probes.NodeInfo{{Name: "x", Cookie: 1 << 60}, {Name: "y", Cookie: ns.Cookie()}}).Run(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "watched already, as node a") {
		t.Errorf("second run of the namespace: error %v", err)
	}
	if len(tracer.places) != 1 {
		t.Errorf("%d namespaces are watched, want the first run's only", len(tracer.places))
	}
	if err := connection(ns, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if got := first.stop(t); len(got) != recordsEach {
		t.Errorf("first run saw %d events, want %d", len(got), recordsEach)
	}
	if got := watch(t, tracer, ns).stop(t); len(got) != 0 {
		t.Errorf("a later run of the namespace saw %d events from before it", len(got))
	}
}

func TestCloseEndsRuns(t *testing.T) {
	tracer, ns := newTracer(t, 0), netnstest.New(t)
	r := watch(t, tracer, ns)
	if err := errors.Join(tracer.Close(), tracer.Close()); err != nil {
		t.Fatal(err)
	}
	if err := <-r.done; err != nil {
		t.Errorf("run ended with %v", err)
	}
	if len(r.events) != 1 || r.events[0].Loss == nil || r.events[0].Loss.What != lossClosed || r.events[0].Node != "a" {
		t.Errorf("events %+v, want a loss", r.events)
	}
	if err := tracer.Probe(nil).Run(t.Context(), nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("run after Close: error %v, want %v", err, os.ErrClosed)
	}
}

func TestRunAfterItsContext(t *testing.T) {
	tracer, ns := newTracer(t, 0), netnstest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := tracer.Probe([]probes.NodeInfo{{Name: "a", Cookie: ns.Cookie()}})
	if err := p.Run(ctx, func(e probes.Event) { t.Errorf("event %+v", e) }); err != nil {
		t.Error(err)
	}
}

// A program that was taken out sees nothing, and says nothing of it.
func TestDetachedProgramIsALoss(t *testing.T) {
	tracer, ns := newTracer(t, 0), netnstest.New(t)
	r := watch(t, tracer, ns)
	detach(t, tracer, tcpProgMiniStart)
	if err := connection(ns, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	var losses []string
	for _, e := range r.stop(t) {
		if e.Kind == probes.KindLoss {
			losses = append(losses, e.Loss.What)
		}
	}
	if want := "program mini_start no longer at its tracepoint"; len(losses) != 1 || losses[0] != want {
		t.Errorf("losses %q, want %q", losses, want)
	}
}

func TestNothingIsLeft(t *testing.T) {
	ns := netnstest.New(t)
	netnstest.Require(t, "bpf", closed(Load())) // what the library keeps for good is not a leak
	fds, goroutines := openFiles(t), runtime.NumGoroutine()
	for range 3 {
		tracer, err := Load()
		if err != nil {
			t.Fatal(err)
		}
		if err := tracer.Check(ns.Cookie(), func() error { return ns.Do(Rehearse) }); err != nil {
			t.Fatal(err)
		}
		r := watch(t, tracer, ns)
		if err := connection(ns, "::1"); err != nil {
			t.Fatal(err)
		}
		r.stop(t)
		if err := tracer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := openFiles(t); got != fds {
		t.Errorf("%d open files, %d before", got, fds)
	}
	// The goroutines of netns.Do and of start have sent their results and
	// may still be on their last instruction.
	for limit := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
	}
}

func openFiles(tb testing.TB) int {
	tb.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(files)
}

// helperEnv makes TestHelperLoad do its work, in another process.
const helperEnv = "NETLAB_BPF_TEST_LOAD"

// TestHelperLoad is no test: run by TestPrivileges, it loads, and prints what
// came of it.
func TestHelperLoad(t *testing.T) {
	if os.Getenv(helperEnv) == "" {
		return
	}
	err := Allowed()
	if err == nil {
		fmt.Println("allowed")
		err = closed(Load())
	}
	var u *probes.Unavailable
	switch {
	case err == nil:
		fmt.Println("result: loaded")
	case errors.As(err, &u) && errors.Is(err, probes.ErrUnavailable):
		fmt.Printf("result: %s | remedy: %s\n", u.Reason, u.Remedy)
	default:
		fmt.Printf("result: unexplained: %v\n", err)
	}
}

// Before a self-check the timers of mini-sockets cannot be told from others;
// all else is recorded, and the status says so.
func TestNoLivesWithoutSelfCheck(t *testing.T) {
	tracer, err := Load()
	netnstest.Require(t, "bpf", err)
	defer tracer.Close()
	if s := tracer.Status(); s.Records(probes.KindLife) || !s.Records(probes.KindReset) || len(s.Lacks) != 1 || s.Lacks[0].Reason != errNotLearned.Error() {
		t.Errorf("status %+v, want one that lacks only lives", s)
	}
	ns := netnstest.New(t)
	r := watch(t, tracer, ns)
	if err := connection(ns, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	for _, e := range r.stop(t) {
		if e.Kind == probes.KindLife {
			t.Errorf("event %+v", e)
		}
	}
}

// What another kernel refuses is missing by itself, and said.
func TestMissingLayers(t *testing.T) {
	netnstest.Require(t, "bpf", closed(Load()))
	tests := []struct {
		name           string
		change         func(*ebpf.CollectionSpec)
		lacks          probes.Kind
		reason, remedy string
	}{
		{"no tracepoint", func(s *ebpf.CollectionSpec) { s.Programs[tcpProgDrop].AttachTo = "kfree_skb_of_old" },
			probes.KindDrop, "the kernel has no tracepoint kfree_skb_of_old", remedyNewer},
		{"argument that the tracepoint has not", func(s *ebpf.CollectionSpec) {
			s.Programs[tcpProgResetSent].Instructions = asm.Instructions{asm.LoadMem(asm.R0, asm.R1, 72, asm.DWord), asm.Return()}
		}, probes.KindReset, "BPF_PROG_LOAD reset_sent: EACCES, verifier: ", remedyNewer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := loadTcp()
			if err != nil {
				t.Fatal(err)
			}
			tt.change(spec)
			tracer := &Tracer{places: map[uint64]*place{}}
			defer func() {
				if err := tracer.Close(); err != nil {
					t.Error(err)
				}
			}()
			if err := tracer.load(spec, ringBytes); err != nil {
				t.Fatal(err)
			}
			ns := netnstest.New(t)
			if err := tracer.Check(ns.Cookie(), func() error { return ns.Do(Rehearse) }); err != nil {
				t.Fatal(err)
			}
			s := tracer.Status()
			if len(s.Lacks) != 1 || s.Records(tt.lacks) || !s.Records(probes.KindLife) {
				t.Fatalf("status %+v, want one that lacks only %s", s, tt.lacks)
			}
			if l := s.Lacks[0]; l.Kind != tt.lacks || !strings.HasPrefix(l.Reason, tt.reason) || l.Remedy != tt.remedy {
				t.Errorf("lacks %+v, want %s: %s", l, tt.lacks, tt.reason)
			}
		})
	}
}

func TestPrivileges(t *testing.T) {
	netnstest.Require(t, "bpf", closed(Load()))
	if os.Geteuid() != 0 {
		t.Skip("needs root to become other users")
	}
	const nobody = 65534
	tests := []struct {
		name string
		caps []uintptr
		want []string
	}{
		{"none", nil, []string{"BPF_MAP_CREATE ring: EPERM", "unprivileged_bpf_disabled=", "remedy: run as root"}},
		{"CAP_BPF", []uintptr{unix.CAP_BPF}, []string{"BPF_PROG_LOAD state: EPERM", "remedy: run as root, or give the command CAP_BPF and CAP_PERFMON"}},
		{"CAP_BPF and CAP_PERFMON", []uintptr{unix.CAP_BPF, unix.CAP_PERFMON}, []string{"loaded"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestHelperLoad$", "-test.count=1")
			cmd.Env = []string{helperEnv + "=1"}
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, AmbientCaps: tt.caps}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if first := tt.caps != nil; strings.Contains(string(out), "allowed\n") != first {
				t.Errorf("output %s, want that the first thing is allowed: %v", out, first)
			}
			_, result, _ := strings.Cut(string(out), "result: ")
			result, _, _ = strings.Cut(result, "\n")
			for _, want := range tt.want {
				if !strings.Contains(result, want) {
					t.Errorf("result %q, want one with %q", result, want)
				}
			}
			if strings.Contains(result, "MEMLOCK") {
				t.Errorf("result %q leads astray", result)
			}
		})
	}
}

func TestUnavailable(t *testing.T) {
	tests := []struct {
		name           string
		err            error
		reason, remedy string
	}{
		{"no BTF", &noTypesError{&os.PathError{Op: "open", Path: vmlinux, Err: unix.ENOENT}}, "the kernel shows no type information", remedyTypes},
		{"no bpf", refused("BPF_MAP_CREATE", "ring", unix.ENOSYS), "BPF_MAP_CREATE ring: ENOSYS", remedyBPF},
		{"old kernel", &lacksError{"tracepoint inet_sock_set_state"}, "the kernel has no tracepoint inet_sock_set_state", remedyKernel},
		{"library's text", refused("BPF_PROG_LOAD", "state", fmt.Errorf("load program: %w (MEMLOCK may be too low)", unix.EPERM)), "BPF_PROG_LOAD state: EPERM", remedyPrivilege},
		{"verifier", refused("BPF_PROG_LOAD", "state", &verifierError{unix.EACCES, "R1 invalid"}), "BPF_PROG_LOAD state: EACCES, verifier: R1 invalid", ""},
		{"no errno", refused("map", "ring", errors.New("odd")), "map ring: odd", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := unavailable(tt.err)
			var u *probes.Unavailable
			if !errors.As(err, &u) || !errors.Is(err, probes.ErrUnavailable) {
				t.Fatalf("error %v is not ErrUnavailable", err)
			}
			if !strings.HasPrefix(u.Reason, tt.reason) || strings.Contains(u.Reason, "MEMLOCK") || u.Remedy != tt.remedy {
				t.Errorf("reason %q, remedy %q; want %q, %q", u.Reason, u.Remedy, tt.reason, tt.remedy)
			}
		})
	}
}

func TestLastLine(t *testing.T) {
	tests := []struct{ name, log, want string }{
		{"empty", "\x00\x00", ""},
		{"reason before statistics", "0: (85) call 1\nunknown func 1\nprocessed 1 insns\n\x00", "unknown func 1"},
		{"cut off", "0: R1=ctx", "0: R1=ctx"},
	}
	for _, tt := range tests {
		if got := lastLine([]byte(tt.log)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
