package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/lab/link"
	"netlab/lab/netns"
	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// free is how what depends on times is played.
var free = []scenarios.Observe{scenarios.ObserveFree}

// impaired is a lab whose link is a gate and worse than others: WORSE both
// ways.
func impaired(worse string) string {
	return strings.Replace(plainly, "server: {acks: immediate}}", "server: {acks: immediate}}, gate: on, impair: "+worse, 1)
}

// TestImpaired makes links worse: TCP moves all the same, only later.
func TestImpaired(t *testing.T) {
	move := open + `
  - tcp.send: {session: call, size: 200kB, background: on, as: sent}
  - tcp.receive: {session: taken, bytes: 200kB, as: received, timeout: 30s}
  - wait: {step: sent}
  - settle: {within: 10s}
`
	whole := "expect: {steps: {received: {bytes: 200000}}, connections: {call: {resets: 0}}}\n"
	same := func(t *testing.T, r *run.Result) {
		if sent, got := stepOf(t, r, "sent"), stepOf(t, r, "received"); sent.SHA256 == "" || sent.SHA256 != got.SHA256 {
			t.Errorf("%q was sent, %q came", sent.SHA256, got.SHA256)
		}
	}
	again := func(t *testing.T, r *run.Result) {
		same(t, r)
		if resent(r, "client")+resent(r, "server") == 0 {
			t.Error("nothing was sent again")
		}
	}
	const delayed = "expect: {durations: {opening: {from: call started, to: call ended, at_least: 40ms, at_most: 500ms}}}\n"
	playAll(t, []play{
		{name: "loss", nodes: impaired("{loss: 5%}"), steps: move, rest: whole, look: again, ways: free},
		{name: "corrupt", nodes: impaired("{corrupt: 5%}"), steps: move, rest: whole, look: again, ways: free},
		{name: "duplicate", nodes: impaired("{duplicate: 50%}"), steps: move, rest: whole, look: same, ways: free},
		{name: "reorder", nodes: impaired("{delay: 1ms, reorder: 20%}"), steps: move, rest: whole, look: same, ways: free},
		{name: "jitter", nodes: impaired("{delay: 2ms, jitter: 2ms}"), steps: move, rest: whole, look: same, ways: free},
		{name: "a short queue", nodes: impaired("{rate: 20Mbit, queue: 5}"), steps: move, rest: whole, look: again, ways: free},
		{name: "everything, in lockstep", nodes: impaired("{delay: 1ms, jitter: 1ms, loss: 2%, duplicate: 2%, reorder: 2%, corrupt: 2%, rate: 100Mbit}"),
			steps: strings.ReplaceAll(move, "200kB", "20kB"), rest: strings.Replace(whole, "200000", "20000", 1), look: same,
			ways: []scenarios.Observe{scenarios.ObserveLockstep}},
		{name: "delay", nodes: impaired("{delay: 20ms}"), steps: open, rest: delayed, ways: free},
		{name: "delay of one end", nodes: strings.Replace(plainly, "client: {acks: immediate}", "client: {acks: immediate, impair: {delay: 40ms}}", 1), steps: open, rest: delayed, ways: free},
		// By netem, or by a gate where the kernel has none.
		{name: "delay by whoever can", nodes: strings.Replace(impaired("{delay: 20ms}"), "gate: on, ", "", 1), steps: open, rest: delayed, ways: free,
			look: func(t *testing.T, r *run.Result) {
				if gated, want := len(r.Timeline.Gates) > 0, !hasNetem(t); gated != want {
					t.Errorf("the link is a gate: %v, want %v", gated, want)
				}
			}},
		// 25 kB take 200 ms at 1 Mbit/s.
		{name: "rate", nodes: impaired("{rate: 1Mbit}"), steps: strings.ReplaceAll(move, "200kB", "25kB"),
			rest: "expect: {durations: {moving: {from: sent started, to: received ended, at_least: 200ms, at_most: 2s}}}\n", look: same, ways: free},
	})
}

// hasNetem asks the kernel as a lab does. An ordinary user has it only where
// a lab has: there it is taken from what root would find.
func hasNetem(t *testing.T) bool {
	t.Helper()
	if netns.Supported() != nil {
		t.Skip("whether the kernel has netem is known to root")
	}
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	return link.HasNetem(ns)
}

// TestSeeds sends the same datagrams again and again: the same seed loses the
// same, another does not.
func TestSeeds(t *testing.T) {
	needLabs(t)
	var steps strings.Builder
	steps.WriteString("  - udp.bind: {node: server, port: 5000, as: b}\n  - udp.open: {node: client, peer: server, port: 5000, as: u}\n")
	steps.WriteString("  - gate.watch: {link: wire, protocol: udp, content: end, as: end}\n")
	const looked = 60
	for i := range looked {
		fmt.Fprintf(&steps, "  - udp.send: {session: u, content: \"%d\"}\n", i)
	}
	// One of these is not lost, and comes after all before it.
	steps.WriteString(strings.Repeat("  - udp.send: {session: u, content: end}\n", 20))
	steps.WriteString("  - gate.await: {rule: end}\n")
	lost := func(seed int) []uint64 {
		t.Helper()
		p := play{steps: steps.String(), nodes: fmt.Sprintf("seed: %d\naddressing: {ipv6: none}\n", seed) +
			strings.Replace(plainly, "client: {acks: immediate}", "client: {impair: {loss: 30%}}", 1)}
		r := p.take(t, scenarios.ObserveFree)
		p.wantVerdicts(t, r)
		var list []uint64
		for _, a := range r.Timeline.Acts {
			if a.Do == probes.Dropped && a.Rule == probes.ByImpair && a.Frame <= looked {
				list = append(list, a.Frame)
			}
		}
		return list
	}
	// With these seeds the first frame, which asks for the server's address, is
	// not lost.
	first, again, other := lost(4), lost(4), lost(6)
	if len(first) < 5 || len(first) > 40 || !slices.Equal(first, again) {
		t.Errorf("with one seed %v were lost, then %v", first, again)
	}
	if slices.Equal(first, other) {
		t.Errorf("with another seed the same were lost: %v", other)
	}
	awaitGone(t)
}

// TestRestOfImpaired settles only when nothing is on its way through a link
// that delays.
func TestRestOfImpaired(t *testing.T) {
	playAll(t, []play{{
		name: "a slow FIN", nodes: impaired("{delay: 150ms}"), steps: open + `
  - tcp.close: {session: call}
  - tcp.receive: {session: taken, to_end: on}
  - tcp.close: {session: taken}
  - settle: {within: 5s}
`, rest: "expect: {connections: {call: {time_wait: client, resets: 0}}}\n", ways: free,
		look: func(t *testing.T, r *run.Result) {
			for _, s := range r.Timeline.Segments {
				if has(s, probes.FIN) && s.Arrived() == 0 {
					t.Errorf("frame %d, a FIN, was still on its way", s.Frame)
				}
			}
			if last := lastStep(r.Timeline); last.Duration() < 150*time.Millisecond {
				t.Errorf("it was at rest after %v", last.Duration())
			}
		},
	}})
}

func lastStep(tl *timeline.Timeline) *timeline.Step { return tl.Steps[len(tl.Steps)-1] }
