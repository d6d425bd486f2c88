package lab_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"netlab/lab"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/scenarios"
)

// needLabs skips the test where no lab can be had, as root by a real
// namespace, otherwise by a real supervisor in a user namespace.
func needLabs(tb testing.TB) {
	tb.Helper()
	if node.Privileged() {
		netnstest.Require(tb, "netns", netns.Supported())
		return
	}
	super, err := node.StartSupervisor(nil)
	netnstest.Require(tb, "userns", err)
	if err := errors.Join(super.Kill(), super.Control.Close(), super.Events.Close()); err != nil {
		tb.Fatal(err)
	}
	<-super.Exited()
}

// A leftover is what a test must not leave behind.
type leftover struct{ files, goroutines int }

// leavesNothing fails the test if, when it is over, this process has children,
// more descriptors or more goroutines than now.
func leavesNothing(t *testing.T) {
	t.Helper()
	before := now()
	t.Cleanup(func() {
		if left := family(os.Getpid()); len(left) > 0 {
			t.Errorf("processes are left: %v", describe(left))
		}
		// A goroutine has done all that it had to before it is gone: there is
		// nothing to wait for but its end.
		deadline := time.Now().Add(5 * time.Second)
		after := now()
		for (after.goroutines > before.goroutines || after.files > before.files) && time.Now().Before(deadline) {
			runtime.Gosched()
			after = now()
		}
		if after.files > before.files {
			t.Errorf("%d descriptors are left: %v", after.files-before.files, descriptors())
		}
		if after.goroutines > before.goroutines {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines are left:\n%s", after.goroutines-before.goroutines,
				stacks[:runtime.Stack(stacks, true)])
		}
	})
}

func now() leftover { return leftover{len(descriptors()), runtime.NumGoroutine()} }

// descriptors lists what this process has open.
func descriptors() (list []string) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		// The descriptor of the listing itself is closed by now.
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			list = append(list, e.Name()+" "+target)
		}
	}
	return list
}

// describe names processes.
func describe(pids []int) (list []string) {
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		list = append(list, fmt.Sprintf("%d %q", pid, strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")))
	}
	return list
}

// options are those of a lab whose logs are files of the test.
func options(t *testing.T) lab.Options {
	dir := t.TempDir()
	return lab.Options{
		Emit: func(probes.Event) {},
		Log:  func(name string) (*os.File, error) { return os.Create(filepath.Join(dir, name+".log")) },
	}
}

// TestUpCancelled gives up building a lab at random moments: nothing may
// remain when Up returns.
func TestUpCancelled(t *testing.T) {
	needLabs(t)
	tries := 40
	if testing.Short() {
		tries = 8
	}
	for _, n := range []int{2, 12} {
		t.Run(fmt.Sprintf("nodes=%d", n), func(t *testing.T) {
			leavesNothing(t)
			p, o := planOf(t, star(n)), options(t)
			o.Everywhere = true
			start := time.Now()
			l, err := lab.Up(t.Context(), p, o)
			took := time.Since(start)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			cancelled := 0
			for range tries {
				moment := rand.N(took)
				if upFor(t, moment, p, o) {
					cancelled++
				}
				if left := family(os.Getpid()); len(left) > 0 {
					t.Fatalf("cancelled after %v: processes are left: %v", moment, describe(left))
				}
			}
			t.Logf("cancelled %d of %d, within %v", cancelled, tries, took)
			if cancelled == 0 {
				t.Error("no try was cancelled in time")
			}
		})
	}
}

// upFor brings a lab up and cancels that after some time; it reports whether
// that came before Up was done.
func upFor(t *testing.T, moment time.Duration, p *plan.Plan, o lab.Options) bool {
	t.Helper()
	why := errors.New("the test gave up")
	ctx, cancel := context.WithTimeoutCause(t.Context(), moment, why)
	defer cancel()
	l, err := lab.Up(ctx, p, o)
	if err == nil {
		if err := l.Close(); err != nil {
			t.Errorf("close after %v: %v", moment, err)
		}
		return false
	}
	if l != nil {
		t.Errorf("cancelled after %v: Up returned a lab with its error", moment)
	}
	if !errors.Is(err, why) && !strings.Contains(err.Error(), why.Error()) {
		t.Errorf("cancelled after %v: %v", moment, err)
	}
	return true
}

// TestUpFails has building a lab fail in every way that can be brought about:
// the error says why, and nothing remains.
func TestUpFails(t *testing.T) {
	needLabs(t)
	full := errors.New("no space left on device")
	tests := []struct {
		name string
		do   func(p *plan.Plan, o *lab.Options)
		want string
	}{
		{"no log of the lab", func(_ *plan.Plan, o *lab.Options) { failAt(o, lab.Supervisor, full) }, full.Error()},
		{"no log of the first node", func(_ *plan.Plan, o *lab.Options) { failAt(o, "h0", full) }, full.Error()},
		{"no log of the last node", func(_ *plan.Plan, o *lab.Options) { failAt(o, "h4", full) }, full.Error()},
		{"a host name that is refused", func(p *plan.Plan, _ *lab.Options) {
			p.Nodes[3].Hostname = strings.Repeat("h", 65) // Linux takes 64
		}, "set host name"},
		{"a setting that there is not", func(p *plan.Plan, _ *lab.Options) {
			p.Nodes[2].Sysctls = append(p.Nodes[2].Sysctls, plan.Sysctl{Path: "net/ipv4/there_is_none", Value: "1"})
		}, "there_is_none"},
		{"a link that cannot be", func(p *plan.Plan, _ *lab.Options) { p.Links[1].Ends[0].Index = 1 }, `link "l1"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leavesNothing(t)
			p, o := planOf(t, star(5)), options(t)
			o.Everywhere = true
			capture, err := os.Create(filepath.Join(t.TempDir(), "capture"))
			if err != nil {
				t.Fatal(err)
			}
			o.Capture = capture
			test.do(p, &o)
			l, err := lab.Up(t.Context(), p, o)
			if err == nil {
				t.Fatalf("a lab came up: %v", l.Close())
			}
			if l != nil {
				t.Error("Up returned a lab with its error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
			if err := capture.Close(); !errors.Is(err, os.ErrClosed) {
				t.Error("Up left the capture file open")
			}
		})
	}
}

// failAt has the log of a node fail.
func failAt(o *lab.Options, name string, err error) {
	log := o.Log
	o.Log = func(n string) (*os.File, error) {
		if n == name {
			return nil, err
		}
		return log(n)
	}
}

// TestRefusedByAnAgent tells apart what the machine does not allow, wherever
// in the lab that is found out.
func TestRefusedByAnAgent(t *testing.T) {
	needLabs(t)
	leavesNothing(t)
	p, o := planOf(t, star(2)), options(t)
	p.Nodes[1].Hostname = strings.Repeat("h", 65)
	o.Everywhere = true
	_, err := lab.Up(t.Context(), p, o)
	refused, ok := errors.AsType[*node.Refused](err)
	if !ok || refused.What != "set host name" {
		t.Errorf("error is %v, want that the host name was refused", err)
	}
}

// TestManyLabs runs labs side by side and one after the other: none disturbs
// another, and nothing adds up.
func TestManyLabs(t *testing.T) {
	needLabs(t)
	leavesNothing(t)
	p := planOf(t, star(3))
	t.Run("side by side", func(t *testing.T) {
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				o := options(t)
				o.Everywhere = true
				for range 3 {
					l, err := lab.Up(t.Context(), p, o)
					if err != nil {
						t.Fatal(err)
					}
					if err := l.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
}

// TestLargeLab has more nodes than fit into one message of descriptors.
func TestLargeLab(t *testing.T) {
	if testing.Short() {
		t.Skip("a second or more")
	}
	needLabs(t)
	leavesNothing(t)
	const n = 110
	p, o := planOf(t, star(n)), options(t)
	o.Everywhere = true
	l, err := lab.Up(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	agents := 0
	for _, line := range describe(family(os.Getpid())) {
		if strings.Contains(line, "netlab-agent") {
			agents++
		} else {
			t.Log(line)
		}
	}
	if agents != n {
		t.Errorf("%d agents, want %d", agents, n)
	}
	start := time.Now()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("down in %v", time.Since(start))
}

// TestLost kills a process of a lab: the lab's owner hears of it, once.
func TestLost(t *testing.T) {
	needLabs(t)
	for _, victim := range []string{"h1", lab.Supervisor} {
		t.Run(victim, func(t *testing.T) {
			leavesNothing(t)
			p, o := planOf(t, star(3)), options(t)
			o.Everywhere = true
			lost := make(chan string, 8)
			o.Lost = func(name string, err error) {
				if !errors.Is(err, node.ErrGone) {
					t.Errorf("lost %s: %v", name, err)
				}
				lost <- name
			}
			l, err := lab.Up(t.Context(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, pid := range family(os.Getpid()) {
				line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				words := strings.Split(string(line), "\x00")
				if victim == lab.Supervisor && words[0] == "netlab-supervisor" || words[1] == victim {
					if err := kill(pid); err != nil {
						t.Fatal(err)
					}
				}
			}
			select {
			case name := <-lost:
				if victim != lab.Supervisor && name != victim {
					t.Errorf("lost %q, want %q", name, victim)
				}
			case <-time.After(10 * time.Second):
				t.Error("nobody was told")
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if len(lost) > 0 {
				t.Errorf("told again, of %q", <-lost)
			}
		})
	}
}

// target is where the server of twoNodes listens.
func target(t testing.TB, l *lab.Lab) netip.AddrPort {
	t.Helper()
	addr, ok := l.AddrOf("server", scenarios.IPv4)
	if !ok {
		t.Fatal("the server has no address")
	}
	return netip.AddrPortFrom(addr, 21)
}

// kill kills a process of this test's.
func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return errors.Join(p.Kill(), p.Release())
}

// TestNamespacesGo closes a lab in the middle of a session whose peers cannot
// hear each other any more: an unacknowledged FIN would keep a namespace for
// minutes.
func TestNamespacesGo(t *testing.T) {
	netnstest.Require(t, "netns", netns.Supported())
	l, sc, _, closeLab := up(t, twoNodes)
	watch := netnstest.NewWatch(t)
	for _, pid := range family(os.Getpid()) {
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(watch.Add(fmt.Sprint(describe([]int{pid})), int(ns.Fd())), ns.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.StartServer(t.Context(), node.ServeRequest{Server: sc.Servers[0]}, nil); err != nil {
		t.Fatal(err)
	}
	takeSteps(t, l, sc, 2)
	closeLab()
	left, err := watch.Await(5 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("namespaces are left: %v", left)
	}
}

// takeSteps takes the first steps of a scenario, those of one client.
func takeSteps(t testing.TB, l *lab.Lab, sc *scenarios.Scenario, count int) {
	t.Helper()
	for _, s := range sc.Steps[:count] {
		got, err := l.Step(t.Context(), "client", node.StepRequest{
			Step: s, Target: target(t, l), Timeout: 60 * time.Second,
		})
		if err != nil || got.Error != "" {
			t.Fatalf("%s: %+v, %v", s.Verb, got, err)
		}
	}
}

// TestNothingAfterClose closes a lab that has not drained its probes: no event
// may come later.
func TestNothingAfterClose(t *testing.T) {
	needLabs(t)
	leavesNothing(t)
	sc, err := scenarios.Parse("test.yaml", []byte(twoNodes))
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	var closed atomic.Bool
	var late atomic.Int32
	o.Emit = func(probes.Event) {
		if closed.Load() {
			late.Add(1)
		}
	}
	l, err := lab.Up(t.Context(), planOf(t, twoNodes), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.StartServer(t.Context(), node.ServeRequest{Server: sc.Servers[0]}, nil); err != nil {
		t.Fatal(err)
	}
	takeSteps(t, l, sc, 3)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	closed.Store(true)
	if late.Load() > 0 {
		t.Errorf("%d events came after Close", late.Load())
	}
}
