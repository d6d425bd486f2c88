package lab_test

import (
	"net/netip"
	"slices"
	"testing"

	"netlab/lab/node"
	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/sockdiag"
	"netlab/scenarios"
)

// What no socket tells any more is told as it is over: counters of what
// happened in the window lie in it, and every socket that went has its tally.
func TestCountersAndTallies(t *testing.T) {
	playAll(t, []play{{
		name: "reset", nodes: plainly, steps: open + `
  - tcp.send: {session: call, content: "hello\n"}
  - tcp.receive: {session: taken, as: heard}
  - tcp.send: {session: taken, content: "unread"}
  - settle: {within: 5s}
  - tcp.close: {session: call}
  - settle: {within: 5s}
  - tcp.close: {session: taken}
  - settle: {within: 5s}
`, rest: "expect: {connections: {call: {resets: 1}}}\n",
		look: func(t *testing.T, r *run.Result) {
			counted, tallies := map[string]uint64{}, map[string]uint64{}
			for _, e := range r.Timeline.Events {
				switch e.Kind {
				case probes.KindCounter:
					if e.Time > r.Timeline.Close || e.Counter.Since > e.Time {
						t.Errorf("counter %+v at %d, and the window ends at %d", e.Counter, e.Time, r.Timeline.Close)
					}
					counted[e.Node+" "+e.Counter.Name] += e.Counter.Delta
				case probes.KindTally:
					tallies[e.Node] = max(tallies[e.Node], e.Tally.BytesIn)
				}
			}
			for _, name := range []string{"client TCPAbortOnClose", "client OutRsts", "server EstabResets"} {
				if counted[name] != 1 {
					t.Errorf("%s moved by %d, want 1: %v", name, counted[name], counted)
				}
			}
			if tallies["client"] != 6 || tallies["server"] != 6 {
				t.Errorf("bytes that came, by tallies: %v, want 6 at both", tallies)
			}
		},
	}})
}

// The supervisor looks at single sockets when it is asked to, and says what that
// took.
func TestLookAt(t *testing.T) {
	l, sc, rec, _ := up(t, twoNodes)
	if err := l.StartServer(t.Context(), node.ServeRequest{Server: sc.Servers[0]}, nil); err != nil {
		t.Fatal(err)
	}
	addr, _ := l.AddrOf("server", scenarios.IPv4)
	spent, err := l.LookAt(t.Context(), []sockdiag.Ask{{Node: "server", Flow: probes.Flow{Local: netip.AddrPortFrom(addr, 21)}}})
	if err != nil || spent <= 0 {
		t.Errorf("took %v, %v", spent, err)
	}
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The heartbeat may have been there before.
	if !slices.ContainsFunc(rec.events, func(e probes.Event) bool {
		return e.Kind == probes.KindSample && e.Node == "server" && e.New == probes.Listen
	}) {
		t.Error("the listener was not seen")
	}
}
