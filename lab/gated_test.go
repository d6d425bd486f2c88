package lab_test

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// This file plays scenarios whose links are gates, and judges them. The tests
// with their tables are in gates_test.go and the files beside it.

// between is a lab of two nodes for which time stands still while a gate holds
// what they send.
const between = `
nodes: {client: {}, server: {}}
links:
  wire: {ends: {client: {acks: immediate, rto_min: 10s}, server: {acks: immediate, rto_min: 10s}}}
`

// plainly is a lab of two nodes that send again what was lost as they always do.
const plainly = `
nodes: {client: {}, server: {}}
links:
  wire: {ends: {client: {acks: immediate}, server: {acks: immediate}}}
`

// open opens a connection call to the socket taken.
const open = `
  - tcp.listen: {node: server, port: 7000, as: listener}
  - tcp.connect: {node: client, peer: server, port: 7000, as: call}
  - tcp.accept: {listener: listener, as: taken}
`

// A play is a scenario and what is to become of it.
type play struct {
	name  string
	nodes string // nodes, links, servers; between if empty
	steps string // as a list of the file
	rest  string // expect, limits
	// others says what becomes of verdicts that do not pass, by name:
	// "fail: part of the reason".
	others map[string]string
	acts   map[string]int // what gates did, as "wire.fins held": how often; nil if that is not looked at
	ways   []scenarios.Observe
	look   func(*testing.T, *run.Result) // may be nil
}

// text is the file of the scenario.
func (p *play) text() string {
	nodes := p.nodes
	if nodes == "" {
		nodes = between
	}
	return "netlab: 1\nname: gated\n" + strings.Trim(nodes, "\n") + "\nsteps:\n" + strings.Trim(p.steps, "\n") + "\n" + p.rest
}

// bothWays are how a scenario is played that does not say otherwise.
var bothWays = []scenarios.Observe{scenarios.ObserveFree, scenarios.ObserveLockstep}

// playAll plays scenarios, each with nothing waiting for the observers and in
// lockstep.
func playAll(t *testing.T, plays []play) {
	t.Helper()
	needLabs(t)
	leavesNothing(t)
	t.Cleanup(func() { awaitGone(t) })
	for _, p := range plays {
		for _, way := range p.waysToPlay() {
			t.Run(p.name+"/"+string(way), func(t *testing.T) {
				r := p.take(t, way)
				p.wantVerdicts(t, r)
				if p.acts != nil {
					wantActs(t, p.acts, r.Timeline)
				}
				if p.look != nil {
					p.look(t, r)
				}
				if t.Failed() {
					tell(t, r)
				}
			})
		}
	}
}

// awaitGone waits until the processes of labs are gone: a run does not.
func awaitGone(t *testing.T) {
	for deadline := time.Now().Add(10 * time.Second); len(family(os.Getpid())) > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Errorf("processes are left: %v", describe(family(os.Getpid())))
			return
		}
	}
}

func (p *play) waysToPlay() []scenarios.Observe {
	if p.ways != nil {
		return p.ways
	}
	return bothWays
}

// take runs the scenario. A run of which the machine, as it says itself, is to
// blame for being inconclusive says nothing: it is made anew.
func (p *play) take(t *testing.T, way scenarios.Observe) *run.Result {
	t.Helper()
	text := []byte(p.text())
	sc, err := scenarios.Parse("gated.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	const attempts = 10
	for n := 1; ; n++ {
		r, err := run.Once(t.Context(), run.Config{
			Scenario: sc, Variant: run.Base, Source: text, Dir: ".", Out: t.TempDir(), Version: "test", Observe: way,
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if n == attempts || len(r.Timeline.Starved) == 0 || p.asWanted(r) {
			return r
		}
		t.Logf("the machine kept the run waiting; again (%d)", n)
	}
}

// asWanted reports whether a run came to what was wanted, as far as a machine
// that has too much to do can spoil it.
func (p *play) asWanted(r *run.Result) bool {
	for _, v := range r.Judgement.Verdicts {
		if want, _, _ := strings.Cut(p.others[v.Name], ":"); v.Outcome == check.Inconclusive && want != string(check.Inconclusive) {
			return false
		}
	}
	return true
}

// wantVerdicts checks that verdicts pass, but for the others.
func (p *play) wantVerdicts(t *testing.T, r *run.Result) {
	t.Helper()
	others := maps.Clone(p.others)
	for _, v := range r.Judgement.Verdicts {
		want, why, _ := strings.Cut(others[v.Name], ": ")
		delete(others, v.Name)
		if want == "" {
			want = string(check.Pass)
		}
		reason := ""
		if v.Reason != nil {
			reason = v.Reason.String()
		}
		if string(v.Outcome) != want || !strings.Contains(reason, why) {
			t.Errorf("%s: %s, want %q, got %q (%s); it must be %s (%s)", v.Name, v.Outcome, v.Want, v.Got, reason, want, why)
		}
	}
	for name := range others {
		t.Errorf("no verdict %s", name)
	}
	for _, c := range r.Timeline.Conflicts {
		t.Errorf("observers contradict each other: %s", c.Text)
	}
	for _, l := range r.Timeline.Losses {
		t.Errorf("lost: %+v", l)
	}
}

// wantActs checks what gates did: exactly so much, teardown aside.
func wantActs(t *testing.T, want map[string]int, tl *timeline.Timeline) {
	t.Helper()
	if got := actsOf(tl); !maps.Equal(got, want) {
		t.Errorf("gates did %v, want %v", got, want)
	}
}

// actsOf counts what gates did in the window.
func actsOf(tl *timeline.Timeline) map[string]int {
	got := map[string]int{}
	for _, a := range tl.Acts {
		if a.Time < tl.Close {
			got[fmt.Sprintf("%s.%s %s", a.Link, a.Rule, a.Do)]++
		}
	}
	return got
}

// tell logs the course of a run that was not as it must be.
func tell(t *testing.T, r *run.Result) {
	t.Helper()
	for _, s := range r.Timeline.Steps {
		t.Logf("step %d %s %s: %q %s", s.Index, s.Verb, s.Name, s.Content, s.Error)
	}
	for _, s := range r.Timeline.Segments {
		t.Logf("frame %d %s to %s: %s seq %d ack %d, %d bytes, resent %v, arrived %v", s.Frame, s.From, s.To, s.Flags, s.Seq, s.Ack, s.Len, s.Retransmission, s.Arrived() != 0)
	}
	t.Logf("acts: %v", slices.Sorted(maps.Keys(actsOf(r.Timeline))))
}

// stepOf returns a step by its name.
func stepOf(t *testing.T, r *run.Result, name string) *timeline.Step {
	t.Helper()
	for _, s := range r.Timeline.Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no step %q", name)
	return nil
}

// segments counts the segments of the window that are as wanted.
func segments(tl *timeline.Timeline, is func(*timeline.Segment) bool) (n int) {
	for _, s := range tl.Segments {
		if !s.Teardown && is(s) {
			n++
		}
	}
	return n
}

// resent counts the retransmissions that a node sent.
func resent(r *run.Result, from string) int {
	return segments(r.Timeline, func(s *timeline.Segment) bool { return s.From == from && s.Retransmission && !s.Injected })
}

// has reports whether a segment has all of some control bits.
func has(s *timeline.Segment, f probes.Flags) bool { return s.Flags.Has(f) }
