package lab_test

import (
	"strings"
	"testing"

	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// This file does to single frames whatever a gate can do beside holding them.

// TestSpoiled drops, changes, doubles and reorders frames: TCP makes the stream
// whole again, unless it is deceived.
func TestSpoiled(t *testing.T) {
	send := func(rule string) string {
		return open + "  - " + rule + `
  - tcp.send: {session: call, content: "hello\n"}
  - gate.await: {rule: rule}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`
	}
	heard := "expect: {steps: {heard: {content: hello}}, connections: {call: {resets: 0}}}\n"
	again := func(t *testing.T, r *run.Result) {
		if resent(r, "client") == 0 {
			t.Error("nothing was sent again")
		}
	}
	playAll(t, []play{
		{name: "dropped", nodes: plainly, steps: send("gate.drop: {link: wire, content: hello, nth: 1, as: rule}"), rest: heard,
			acts: map[string]int{"wire.rule dropped": 1}, look: again},
		{name: "corrupt", nodes: plainly, steps: send("gate.corrupt: {link: wire, content: hello, nth: 1, as: rule}"), rest: heard,
			acts: map[string]int{"wire.rule corrupted": 1}, look: func(t *testing.T, r *run.Result) {
				again(t, r)
				if n := segments(r.Timeline, func(s *timeline.Segment) bool { return s.Corrupted }); n != 1 {
					t.Errorf("%d segments came with a wrong checksum, want 1", n)
				}
			}},
		{name: "deceived", nodes: plainly, steps: send("gate.corrupt: {link: wire, content: hello, byte: 1, checksum: fix, nth: 1, as: rule}"),
			rest: "expect: {steps: {heard: {content: llo, lacks: hello, bytes: 6}}, connections: {call: {resets: 0}}}\n",
			acts: map[string]int{"wire.rule corrupted": 1}, look: func(t *testing.T, r *run.Result) {
				if sent := stepOf(t, r, "heard"); resent(r, "client") > 0 || len(sent.Content) != 6 {
					t.Errorf("%q was heard, %d segments sent again", sent.Content, resent(r, "client"))
				}
			}},
		{name: "doubled", steps: send("gate.duplicate: {link: wire, content: hello, times: 1, copies: 3, as: rule}"), rest: heard,
			acts: map[string]int{"wire.rule duplicated": 1}, look: func(t *testing.T, r *run.Result) {
				if n := segments(r.Timeline, func(s *timeline.Segment) bool { return s.Copies > 0 }); n != 1 || resent(r, "client") > 0 {
					t.Errorf("%d segments came in copies, want 1; %d sent again", n, resent(r, "client"))
				}
			}},
		{name: "reordered", steps: open + `
  - gate.reorder: {link: wire, content: first, times: 1, as: rule}
  - tcp.send: {session: call, content: "first\n"}
  - tcp.send: {session: call, content: "second\n"}
  - tcp.receive: {session: taken, bytes: 13, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: \"first\\nsecond\"}}, connections: {call: {resets: 0}}}\n",
			acts: map[string]int{"wire.rule reordered": 1}, look: func(t *testing.T, r *run.Result) {
				var first, second probes.Mono
				for _, s := range r.Timeline.Segments {
					switch {
					case s.Retransmission:
					case strings.HasPrefix(s.Text, "first"):
						first = s.Arrived()
					case strings.HasPrefix(s.Text, "second"):
						second = s.Arrived()
					}
				}
				if first == 0 || second == 0 || first < second {
					t.Errorf("the first came at %d, the second at %d", first, second)
				}
			}},
		{name: "delayed", steps: send("gate.delay: {link: wire, content: hello, by: 60ms, as: rule}"),
			rest: "expect: {steps: {heard: {content: hello}}, durations: {late: {from: heard started, to: heard ended, at_least: 50ms}}}\n",
			acts: map[string]int{"wire.rule delayed": 1}, ways: []scenarios.Observe{scenarios.ObserveFree}},
		{name: "only watched", steps: send("gate.watch: {link: wire, content: hello, as: rule}"), rest: heard, acts: map[string]int{}},
		{name: "a watch never decides", nodes: plainly, steps: open + `
  - gate.drop: {link: wire, content: hello, nth: 1, as: dropped}
  - gate.watch: {link: wire, content: hello, as: rule}
  - tcp.send: {session: call, content: "hello\n"}
  - gate.await: {rule: rule, times: 2}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: heard, acts: map[string]int{"wire.dropped dropped": 1}, look: again},
		{name: "the last rule counts", steps: open + `
  - gate.drop: {link: wire, content: hello, as: dropped}
  - gate.duplicate: {link: wire, content: hello, times: 1, as: rule}
  - tcp.send: {session: call, content: "hello\n"}
  - gate.await: {rule: rule}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: heard, acts: map[string]int{"wire.rule duplicated": 1}, others: map[string]string{"wire.dropped": "inconclusive: rule rule, given later, acted on 1 frame that it matches"}},
	})
}

// TestDatagrams does the same to datagrams, which nobody sends again.
func TestDatagrams(t *testing.T) {
	sockets := `
  - udp.bind: {node: server, port: 5000, as: b}
  - udp.open: {node: client, peer: server, port: 5000, as: u}
`
	playAll(t, []play{
		{name: "held", steps: sockets + `
  - gate.hold: {link: wire, protocol: udp, content: first, as: held}
  - udp.send: {session: u, content: "first"}
  - gate.await: {rule: held}
  - udp.send: {session: u, content: "second"}
  - udp.receive: {session: b, as: one}
  - gate.release: {rule: held}
  - udp.receive: {session: b, as: two}
  - udp.send: {session: b, content: "answer"}
  - udp.receive: {session: u, as: answered}
`, rest: "expect: {steps: {one: {content: second}, two: {content: first}, answered: {content: answer}}}\n",
			acts: map[string]int{"wire.held held": 1, "wire.held released": 1}},
		{name: "doubled", steps: sockets + `
  - gate.duplicate: {link: wire, protocol: udp, ports: 5000, times: 1, as: twice}
  - udp.send: {session: u, content: "one"}
  - udp.receive: {session: b, as: first}
  - udp.receive: {session: b, as: second}
`, rest: "expect: {steps: {first: {content: one}, second: {content: one}}}\n", acts: map[string]int{"wire.twice duplicated": 1}},
		{name: "reordered", steps: sockets + `
  - gate.reorder: {link: wire, protocol: udp, times: 1, as: rule}
  - udp.send: {session: u, content: "one"}
  - udp.send: {session: u, content: "two"}
  - udp.receive: {session: b, as: first}
  - udp.receive: {session: b, as: second}
`, rest: "expect: {steps: {first: {content: two}, second: {content: one}}}\n", acts: map[string]int{"wire.rule reordered": 1}},
		{name: "corrupt", steps: sockets + `
  - gate.corrupt: {link: wire, protocol: udp, nth: 1, as: spoiled}
  - gate.corrupt: {link: wire, protocol: udp, content: three, checksum: fix, as: deceived}
  - udp.send: {session: u, content: "one"}
  - udp.send: {session: u, content: "two"}
  - udp.send: {session: u, content: "three"}
  - udp.receive: {session: b, as: first}
  - udp.receive: {session: b, as: second}
`, rest: "expect: {steps: {first: {content: two}, second: {content: hree, lacks: three}}}\n", acts: map[string]int{"wire.spoiled corrupted": 1, "wire.deceived corrupted": 1}},
		{name: "discarded", steps: sockets + `
  - gate.hold: {link: wire, protocol: udp, as: held}
  - udp.send: {session: u, content: "one"}
  - udp.send: {session: u, content: "two"}
  - gate.await: {rule: held, times: 2}
  - gate.discard: {rule: held, frames: 1}
  - gate.clear: {link: wire}
  - udp.receive: {session: b, as: first}
`, rest: "expect: {steps: {first: {content: two}}}\n", acts: map[string]int{"wire.held held": 2, "wire.held dropped": 1, "wire.held released": 1}},
		{name: "neighbours are not heard", steps: sockets + `
  - gate.drop: {link: wire, protocol: arp, times: 1, as: unheard}
  - udp.send: {session: u, content: "one"}
  - gate.await: {rule: unheard}
  - udp.receive: {session: b, as: first}
`, rest: "expect: {steps: {first: {content: one}}}\n", acts: map[string]int{"wire.unheard dropped": 1}},
	})
}

// TestInjected makes up segments.
func TestInjected(t *testing.T) {
	injected := func(n int) map[string]int { return map[string]int{"wire.forged injected": n} }
	playAll(t, []play{
		{name: "RST ends one side", steps: open + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [RST], as: forged}
  - tcp.receive: {session: taken, to_end: on, expect_error: on, as: noticed}
  - settle: {within: 5s}
`, rest: "expect: {steps: {noticed: {error: ECONNRESET}}, connections: {call: {time_wait: nobody}}}\n", acts: injected(1),
			look: func(t *testing.T, r *run.Result) {
				// The client knows nothing of it.
				if n := segments(r.Timeline, func(s *timeline.Segment) bool { return has(s, probes.RST) && !s.Injected }); n != 0 {
					t.Errorf("%d segments reset that nobody made up", n)
				}
			}},
		{name: "and the other when it speaks", steps: open + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [RST], as: forged}
  - tcp.receive: {session: taken, to_end: on, expect_error: on, as: noticed}
  - tcp.send: {session: call, content: "anybody?\n"}
  - tcp.receive: {session: call, to_end: on, expect_error: on, as: too}
  - settle: {within: 5s}
`, rest: "expect: {steps: {noticed: {error: ECONNRESET}, too: {error: ECONNRESET}}, connections: {call: {time_wait: nobody}}}\n", acts: injected(1)},
		{name: "RST ends both", steps: open + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [RST], as: forged}
  - gate.inject: {link: wire, from: server, connection: call, flags: [RST, ACK], as: likewise}
  - tcp.receive: {session: taken, to_end: on, expect_error: on, as: noticed}
  - tcp.receive: {session: call, to_end: on, expect_error: on, as: too}
  - settle: {within: 5s}
`, rest: "expect: {steps: {noticed: {error: ECONNRESET}, too: {error: ECONNRESET}}, connections: {call: {time_wait: nobody}}}\n",
			acts: map[string]int{"wire.forged injected": 1, "wire.likewise injected": 1}},
		{name: "RST over IPv6", steps: strings.Replace(open, "port: 7000, as: call", "port: 7000, family: ipv6, as: call", 1) + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [RST], as: forged}
  - tcp.receive: {session: taken, to_end: on, expect_error: on, as: noticed}
  - settle: {within: 5s}
`, rest: "expect: {steps: {noticed: {error: ECONNRESET}}}\n", acts: injected(1)},
		{name: "RST outside of the window", steps: open + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [RST], seq: 4000000000, as: forged}
  - tcp.send: {session: call, content: "hello\n"}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}}}\n", acts: injected(1)},
		// RFC 5961 section 3.2: in the window, but not what is expected next.
		{name: "RST within the window", steps: open + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [RST], seq: 100, as: forged}
  - tcp.send: {session: call, content: "hello\n"}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}}}\n", acts: injected(1), look: challenged},
		// RFC 5961 section 4.2: a SYN is answered with an ACK, and nothing else happens.
		{name: "SYN within the window", steps: open + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [SYN], as: forged}
  - tcp.send: {session: call, content: "hello\n"}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}}}\n", acts: injected(1), look: challenged},
		{name: "SYN from nowhere", steps: `
  - tcp.listen: {node: server, port: 7000, as: listener}
  - gate.watch: {link: wire, from: client, flags: [RST], as: refused}
  - gate.inject: {link: wire, from: client, from_port: 4000, port: 7000, flags: [SYN], seq: 1000, as: forged}
  - gate.await: {rule: refused}
  - settle: {within: 5s}
`, acts: injected(1), look: func(t *testing.T, r *run.Result) {
			// Whoever never asked refuses the answer (RFC 9293 section 3.5.2).
			answered := segments(r.Timeline, func(s *timeline.Segment) bool {
				return s.From == "server" && has(s, probes.SYN|probes.ACK) && s.Ack == 1001
			})
			refused := segments(r.Timeline, func(s *timeline.Segment) bool { return s.From == "client" && has(s, probes.RST) })
			if answered != 1 || refused != 1 {
				t.Errorf("%d answers, %d refusals", answered, refused)
			}
		}},
		{name: "data that nobody sent", steps: open + `
  - gate.inject: {link: wire, from: client, connection: call, flags: [PSH, ACK], content: "a lie\n", as: forged}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: a lie}}}\n", acts: injected(1)},
		{name: "of no connection yet", steps: `
  - gate.inject: {link: wire, from: client, from_port: 4000, port: 7000, flags: [ACK], as: forged, expect_error: on}
`, rest: "expect: {steps: {forged: {error: what 10.77.0.1:4000 would send next is not known}}}\n", acts: map[string]int{}},
	})
}

// challenged wants that the made-up segment was answered with an ACK
// (RFC 5961), and that nothing was reset.
func challenged(t *testing.T, r *run.Result) {
	t.Helper()
	at := probes.Mono(0)
	for _, a := range r.Timeline.Acts {
		if a.Do == probes.Injected {
			at = a.Time
		}
	}
	acks := segments(r.Timeline, func(s *timeline.Segment) bool {
		return s.From == "server" && s.Flags == probes.ACK && s.Len == 0 && s.Sent() >= at
	})
	resets := segments(r.Timeline, func(s *timeline.Segment) bool { return has(s, probes.RST) && !s.Injected })
	if acks != 2 || resets != 0 { // the other acknowledges what is sent afterwards
		t.Errorf("%d ACKs and %d resets followed", acks, resets)
	}
}
