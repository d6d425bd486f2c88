package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// heldForEver is a scenario that waits for what its gate holds.
const heldForEver = `netlab: 1
name: held
nodes: {client: {}, server: {}}
links: {wire: {ends: {client: {rto_min: 10s}, server: {rto_min: 10s}}}}
steps:
  - tcp.listen: {node: server, port: 7000, as: listener}
  - tcp.connect: {node: client, peer: server, port: 7000, as: control}
  - tcp.accept: {listener: listener, as: accepted}
  - tcp.receive: {session: accepted, to_end: on, background: on, as: end}
  - gate.hold: {link: wire, flags: [FIN], as: fins}
  - tcp.close: {session: control}
LAST
`

// heldBy is that scenario with its last step, the seventh.
func heldBy(last string) string { return strings.Replace(heldForEver, "LAST", "  - "+last, 1) }

// An interrupted run ends at once, whatever it waits for: a gate, rest that
// cannot come, a step in the background.
func TestInterruptedAtGates(t *testing.T) {
	requireLab(t)
	for name, last := range map[string]string{
		"await":  "gate.await: {rule: fins, times: 2, timeout: 60s}",
		"settle": "settle: {within: 60s}",
		"wait":   "wait: {step: end, timeout: 60s}",
	} {
		for _, way := range []string{"free", "lockstep"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				s := newSandbox(t)
				var stderr bytes.Buffer
				cmd := s.startUntil(t, &stderr, heldBy(last), fmt.Sprintf(`"index":7,"verb":%q`, verbOf(last)), "run", "--observe", way)
				code, at := end(t, cmd, unix.SIGINT)
				if took := time.Since(at); code != exitInterrupted || took > 5*s.within {
					t.Errorf("exit code %d after %v\n%s", code, took, &stderr)
				}
				s.wantNothingLeft(t, time.Now())
				if dirs := s.runs(t); len(dirs) != 1 || !wantReadable(t, dirs[0]) {
					t.Errorf("run directories %q, want one with events", dirs)
				}
			})
		}
	}
}

func verbOf(step string) string {
	verb, _, _ := strings.Cut(step, ":")
	return verb
}

// An interrupted netlab step ends at once, with frames held by hand.
func TestInterruptedByHand(t *testing.T) {
	requireLab(t)
	s := newSandbox(t)
	script := filepath.Join(t.TempDir(), "wait.step")
	if err := os.WriteFile(script, []byte("run to client FIN\nexpect client TIME-WAIT within 60s\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	scenario := strings.Replace(heldBy("settle: {within: 60s}"), "  - gate.hold: {link: wire, flags: [FIN], as: fins}\n", "", 1)
	cmd := s.startUntil(t, &stderr, scenario, `"index":6,"verb":"settle"`, "step", "--script", script)
	code, at := end(t, cmd, unix.SIGINT)
	if took := time.Since(at); code != exitInterrupted || took > 5*s.within {
		t.Errorf("exit code %d after %v\n%s", code, took, &stderr)
	}
	s.wantNothingLeft(t, time.Now())
}

// closing is a scenario in which, in lockstep, a program waits at a close
// nearly all of the time.
func closing() string {
	var b strings.Builder
	b.WriteString("netlab: 1\nname: closing\nobserve: lockstep\nnodes: {client: {}, server: {}}\nlinks: {wire: [client, server]}\n" +
		"servers: {echo: {node: server, tcp: {port: 7, close: after_peer}}}\nsteps:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  - tcp.connect: {node: client, to: echo, as: c%d}\n  - tcp.close: {session: c%[1]d}\n", i)
	}
	return b.String()
}

// An interrupted run ends at once while its programs wait at the barrier, at
// whatever moment.
func TestInterruptedAtTheBarrier(t *testing.T) {
	requireLab(t)
	s := newSandbox(t)
	for range 8 {
		var stderr bytes.Buffer
		cmd := s.startUntil(t, &stderr, closing(), `"verb":"tcp.close"`, "run")
		// The moment is what is tested.
		time.Sleep(rand.N(200 * time.Millisecond))
		code, at := end(t, cmd, unix.SIGINT)
		if took := time.Since(at); code != exitInterrupted || took > 5*s.within {
			t.Errorf("exit code %d after %v\n%s", code, took, &stderr)
		}
		s.wantNothingLeft(t, time.Now())
		for _, dir := range s.runs(t) {
			wantReadable(t, dir)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A process of a lab in lockstep that is killed ends the run with an error:
// nobody waits for it.
func TestLostInLockstep(t *testing.T) {
	requireLab(t)
	for _, c := range []struct {
		name, scenario, mark string
		args                 []string
		want                 string
	}{
		{"an agent at rest", heldBy("settle: {within: 60s}"), `"index":7,"verb":"settle"`, []string{"netlab-agent", "server"}, `agent of node "server"`},
		{"an agent that closes", closing(), `"verb":"tcp.close"`, []string{"netlab-agent", "client"}, `agent of node "client"`},
		{"an agent whose server closes", closing(), `"verb":"tcp.close"`, []string{"netlab-agent", "server"}, `agent of node "server"`},
		{"the supervisor", closing(), `"verb":"tcp.close"`, []string{"netlab-supervisor"}, ""}, // an agent, which it takes along, may be missed first
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSandbox(t)
			var stderr bytes.Buffer
			cmd := s.startUntil(t, &stderr, c.scenario, c.mark, "run", "--observe", "lockstep")
			p, ok := s.find(c.args...)
			if !ok {
				t.Fatalf("no %v among %v", c.args, s.processes())
			}
			at := time.Now()
			if err := unix.Kill(p.pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			code := exitCodeOf(t, cmd.Wait())
			if took := time.Since(at); code != exitError || took > 5*s.within {
				t.Errorf("exit code %d after %v, want %d", code, took, exitError)
			}
			s.wantNothingLeft(t, time.Now())
			if want := c.want + ": process of the lab is gone\n"; !strings.Contains(stderr.String(), want) {
				t.Errorf("no %q in:\n%s", want, &stderr)
			}
			for _, dir := range s.runs(t) {
				wantReadable(t, dir)
			}
		})
	}
}
