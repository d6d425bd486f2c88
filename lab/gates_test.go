package lab_test

import (
	"strings"
	"testing"

	"netlab/lab/run"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// crossing moves some bytes and then has both ends close at once, which only a
// gate that carries everything else unharmed can bring about: FAMILY is that of
// the connection, SIZE how much is moved.
const crossing = `
  - tcp.listen: {node: server, port: 7000, as: listener}
  - tcp.connect: {node: client, peer: server, port: 7000, family: FAMILY, as: call}
  - tcp.accept: {listener: listener, as: taken}
  - tcp.send: {session: call, size: SIZE, background: on, as: sent}
  - tcp.receive: {session: taken, bytes: SIZE, as: received}
  - wait: {step: sent}
  - settle: {within: 5s}
  - gate.hold: {link: wire, flags: [FIN], as: fins}
  - tcp.close: {session: call}
  - gate.await: {rule: fins}
  - tcp.close: {session: taken}
  - gate.await: {rule: fins, times: 2}
  - gate.release: {rule: fins}
  - settle: {within: 5s}
`

const crossed = `
expect: {connections: {call: {time_wait: both, resets: 0, first_fin: client}}}
`

// TestGatesInTopologies has a gate in links of all kinds.
func TestGatesInTopologies(t *testing.T) {
	calm := "{acks: immediate, rto_min: 10s}"
	hop := "{ends: {LEFT: " + calm + ", RIGHT: " + calm + "}}"
	link := func(left, right string) string { return strings.NewReplacer("LEFT", left, "RIGHT", right).Replace(hop) }
	routed := "nodes: {client: {}, router: {forwards: true}, server: {}}\nlinks:\n"
	sized := func(mtu string) string {
		return strings.Replace(between, "server: {acks: immediate, rto_min: 10s}}", "server: {acks: immediate, rto_min: 10s}}, mtu: "+mtu, 1)
	}
	tests := []struct{ name, nodes, family, size string }{
		{"two nodes", between, "ipv4", "30kB"},
		{"two nodes, IPv6", between, "ipv6", "30kB"},
		{"large frames", sized("9000"), "ipv4", "100kB"},
		{"large frames, IPv6", sized("9000"), "ipv6", "100kB"},
		{"largest frames", sized("65535"), "ipv4", "400kB"},
		{"largest frames, IPv6", sized("65535"), "ipv6", "400kB"},
		{"smallest frames", sized("1280"), "ipv6", "10kB"},
		{"node and switch", "nodes: {client: {}, server: {}}\nswitches: {lan: {}}\nlinks:\n  wire: " +
			strings.Replace(link("client", "lan"), "lan: "+calm, "lan: {}", 1) + "\n  other: " +
			strings.Replace(link("server", "lan"), "lan: "+calm, "lan: {}", 1) + "\n", "ipv4", "30kB"},
		{"node and router", routed + "  wire: " + link("client", "router") + "\n  far: " + link("router", "server") + "\n", "ipv4", "30kB"},
		{"second hop", routed + "  near: " + link("client", "router") + "\n  wire: " + link("router", "server") + "\n", "ipv4", "30kB"},
		{"second hop, IPv6", routed + "  near: " + link("client", "router") + "\n  wire: " + link("router", "server") + "\n", "ipv6", "30kB"},
	}
	var plays []play
	for _, tt := range tests {
		plays = append(plays, play{
			name: tt.name, nodes: tt.nodes, rest: crossed,
			steps: strings.NewReplacer("FAMILY", tt.family, "SIZE", tt.size).Replace(crossing),
			acts:  map[string]int{"wire.fins held": 2, "wire.fins released": 2},
			look: func(t *testing.T, r *run.Result) {
				if sent, got := stepOf(t, r, "sent"), stepOf(t, r, "received"); sent.SHA256 == "" || sent.SHA256 != got.SHA256 {
					t.Errorf("%q was sent, %q came", sent.SHA256, got.SHA256)
				}
				if n := resent(r, "client") + resent(r, "server"); n > 0 {
					t.Errorf("%d segments were sent again", n)
				}
			},
		})
	}
	playAll(t, plays)
}

// TestTwoGates has a frame pass two gates, one after the other.
func TestTwoGates(t *testing.T) {
	calm := "{acks: immediate, rto_min: 10s}"
	playAll(t, []play{{
		name: "in a row",
		nodes: "nodes: {client: {}, router: {forwards: true}, server: {}}\nlinks:\n  near: {ends: {client: " + calm + ", router: " + calm +
			"}}\n  far: {ends: {router: " + calm + ", server: " + calm + "}}\n",
		steps: open + `
  - gate.hold: {link: near, content: first, as: here}
  - gate.hold: {link: far, content: first, as: there}
  - gate.watch: {link: far, content: second, as: passing}
  - tcp.send: {session: call, content: "first\n"}
  - gate.await: {rule: here}
  - tcp.send: {session: taken, content: "second\n"}
  - gate.await: {rule: passing}
  - gate.release: {rule: here}
  - gate.await: {rule: there}
  - gate.release: {rule: there}
  - tcp.receive: {session: taken, as: one}
  - tcp.receive: {session: call, as: two}
  - settle: {within: 5s}
`,
		rest: "expect: {steps: {one: {content: first}, two: {content: second}}}\n",
		acts: map[string]int{"near.here held": 1, "near.here released": 1, "far.there held": 1, "far.there released": 1},
	}})
}

// TestGatedLinkDown takes a gated link down: what is sent meanwhile is lost,
// what the gate holds is not, and traffic goes on afterwards.
func TestGatedLinkDown(t *testing.T) {
	playAll(t, []play{
		{name: "traffic", nodes: plainly, steps: open + `
  - gate.watch: {link: wire, content: hello, as: seen}
  - link.down: {link: wire}
  - tcp.send: {session: call, content: "hello\n"}
  - link.up: {link: wire}
  - tcp.receive: {session: taken, as: heard}
  - tcp.send: {session: taken, content: "and back\n"}
  - tcp.receive: {session: call, as: answered}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}, answered: {content: and back}}, connections: {call: {resets: 0}}}\n"},
		{name: "a held frame", steps: open + `
  - gate.hold: {link: wire, content: hello, as: held}
  - tcp.send: {session: call, content: "hello\n"}
  - gate.await: {rule: held}
  - link.down: {link: wire}
  - link.up: {link: wire}
  - gate.release: {rule: held}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}}, connections: {call: {resets: 0}}}\n",
			look: heldOnce},
		{name: "released while it is down", nodes: plainly, steps: open + `
  - gate.hold: {link: wire, content: hello, as: held}
  - tcp.send: {session: call, content: "hello\n"}
  - gate.await: {rule: held}
  - link.down: {link: wire}
  - gate.release: {rule: held}
  - link.up: {link: wire}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}}, connections: {call: {resets: 0}}}\n", look: func(t *testing.T, r *run.Result) {
			heldOnce(t, r)
			if resent(r, "client") == 0 {
				t.Error("nothing was sent again, though the link was down")
			}
		}},
	})
}

// heldOnce wants that the rule held, held one frame and let it go. What else
// comes to a gate while its link comes up is refused: nobody is there yet.
func heldOnce(t *testing.T, r *run.Result) {
	t.Helper()
	if got := actsOf(r.Timeline); got["wire.held held"] != 1 || got["wire.held released"] != 1 {
		t.Errorf("gates did %v", got)
	}
}

// behind is a lab with a router that has a firewall or translates addresses.
const behind = `
nodes: {client: {}, router: {forwards: trueNAT}, server: {}}
links:
  inside: {ends: {client: {acks: immediate, rto_min: 10s}, router: {rto_min: 10s}}}
  outside: {ends: {router: {rto_min: 10s}, server: {acks: immediate, rto_min: 10s}}}
`

// TestGatesAndMiddleboxes has gates in front of a firewall, and on either side
// of a router that translates addresses.
func TestGatesAndMiddleboxes(t *testing.T) {
	firewall, nat := strings.Replace(behind, "NAT", "", 1), strings.Replace(behind, "NAT", ", nat: {masquerade: outside}", 1)
	playAll(t, []play{
		{name: "a firewall's RST is held", nodes: firewall, steps: `
  - tcp.listen: {node: server, port: 7000, as: listener}
  - firewall.reject: {node: router, path: forward, protocol: tcp, to: server}
  - gate.hold: {link: inside, from: router, flags: [RST], as: refusal}
  - tcp.connect: {node: client, peer: server, port: 7000, background: on, as: call, expect_error: on}
  - gate.await: {rule: refusal}
  - gate.release: {rule: refusal}
  - wait: {step: call}
`, rest: "expect: {steps: {call: {error: ECONNREFUSED}}}\n", acts: map[string]int{"inside.refusal held": 1, "inside.refusal released": 1}},
		{name: "what was held meets a new rule", nodes: strings.ReplaceAll(firewall, ", rto_min: 10s", ""), steps: open + `
  - gate.hold: {link: inside, content: hello, as: held}
  - tcp.send: {session: call, content: "hello\n"}
  - gate.await: {rule: held}
  - firewall.drop: {node: router, path: forward, protocol: tcp, from: client}
  - gate.release: {rule: held}
  - gate.watch: {link: outside, content: hello, as: passed}
  - firewall.clear: {node: router}
  - gate.await: {rule: passed}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}}, connections: {call: {resets: 0}}}\n", look: func(t *testing.T, r *run.Result) {
			if resent(r, "client") == 0 {
				t.Error("nothing was sent again, though the firewall dropped it")
			}
		}},
		{name: "both sides of a translation", nodes: nat, steps: open + `
  - gate.hold: {link: inside, from: client, flags: [FIN], as: inner}
  - gate.hold: {link: outside, from: server, flags: [FIN], as: outer}
  - tcp.close: {session: call}
  - gate.await: {rule: inner}
  - tcp.close: {session: taken}
  - gate.await: {rule: outer}
  - gate.release: {rule: inner}
  - gate.release: {rule: outer}
  - settle: {within: 5s}
`, rest: "expect: {connections: {call: {resets: 0, first_fin: client}}}\n",
			acts: map[string]int{"inside.inner held": 1, "inside.inner released": 1, "outside.outer held": 1, "outside.outer released": 1}},
		{name: "an RST in the translated name", nodes: nat, steps: open + `
  - gate.inject: {link: outside, from: router, connection: call, flags: [RST], as: forged}
  - tcp.receive: {session: taken, to_end: on, expect_error: on, as: noticed}
  - gate.inject: {link: inside, from: router, connection: call, flags: [RST], as: likewise}
  - tcp.receive: {session: call, to_end: on, expect_error: on, as: too}
  - settle: {within: 5s}
`, rest: "expect: {steps: {noticed: {error: ECONNRESET}, too: {error: ECONNRESET}}, connections: {call: {time_wait: nobody}}}\n",
			acts: map[string]int{"outside.forged injected": 1, "inside.likewise injected": 1}},
	})
}

// TestGatesAndServers has the servers' protocols pass gates.
func TestGatesAndServers(t *testing.T) {
	ftp := plainly + "servers: {ftpd: {node: server, ftp: {users: {student: secret}, files: {hello.txt: \"hello\\n\"}, active: port20, close: after_peer}}}\n"
	web := plainly + "servers: {web: {node: server, http: {routes: {/one: \"first\\n\", /two: \"second\\n\"}}}}\n"
	playAll(t, []play{
		{name: "FTP's active mode", nodes: ftp, steps: `
  - ftp.connect: {node: client, to: ftpd, mode: active, as: control}
  - ftp.login: {session: control, user: student, password: secret}
  - gate.delay: {link: wire, from: server, from_ports: 20, flags: [SYN], by: 50ms, as: late}
  - gate.drop: {link: wire, from: server, from_ports: 20, content: hello, nth: 1, as: lost}
  - ftp.retrieve: {session: control, path: hello.txt, as: fetch}
  - ftp.quit: {session: control, close: after_reply}
  - settle: {within: 5s}
`, rest: `
expect:
  steps: {fetch: {reply: 226, bytes: 6}}
  connections: {fetch: {opening: [server SYN, client SYN+ACK, server ACK], retransmissions: {at_least: 1}, resets: 0, first_fin: server}}
`, acts: map[string]int{"wire.late delayed": 1, "wire.lost dropped": 1}, ways: []scenarios.Observe{scenarios.ObserveFree}},
		{name: "HTTP keeps its connection", nodes: web, steps: `
  - http.client: {node: client, as: browser}
  - http.get: {session: browser, to: web, path: /one, as: one}
  - gate.drop: {link: wire, from: server, content: second, nth: 1, as: lost}
  - http.get: {session: browser, to: web, path: /two, as: two}
  - http.close: {session: browser}
  - settle: {within: 5s}
`, rest: `
expect:
  steps: {one: {status: 200, content: first}, two: {status: 200, content: second}}
  connections: {one: {retransmissions: {at_least: 1}, resets: 0}}
  connection_count: {web: 1}
`, acts: map[string]int{"wire.lost dropped": 1}},
	})
}

// TestHolding takes all ways in which what is held goes on, or does not.
func TestHolding(t *testing.T) {
	four := open + `
  - gate.hold: {link: wire, from: client, payload: {at_least: 1}, as: held}
  - tcp.send: {session: call, content: "a\n"}
  - tcp.send: {session: call, content: "b\n"}
  - tcp.send: {session: call, content: "c\n"}
  - tcp.send: {session: call, content: "d\n"}
  - gate.await: {rule: held, times: 4}
`
	all := `
  - tcp.receive: {session: taken, bytes: 8, as: heard}
  - settle: {within: 5s}
`
	heard := "expect: {steps: {heard: {content: \"a\\nb\\nc\\nd\\n\"}}, connections: {call: {resets: 0}}}\n"
	playAll(t, []play{
		{name: "all", steps: four + "  - gate.release: {rule: held}" + all, rest: heard,
			acts: map[string]int{"wire.held held": 4, "wire.held released": 4}},
		{name: "one by one", steps: four + `
  - gate.release: {rule: held, frames: 1}
  - tcp.receive: {session: taken, as: first}
  - gate.release: {rule: held, frames: 1}
  - tcp.receive: {session: taken, as: second}
  - gate.release: {rule: held, frames: 2}
  - tcp.receive: {session: taken, as: third}
  - tcp.receive: {session: taken, as: fourth}
  - settle: {within: 5s}
`, rest: "expect: {steps: {first: {content: a}, second: {content: b}, third: {content: c}, fourth: {content: d}}}\n",
			acts: map[string]int{"wire.held held": 4, "wire.held released": 4}},
		{name: "up to a match", steps: four + `
  - gate.release: {rule: held, until: {content: c}}
  - tcp.receive: {session: taken, bytes: 6, as: some}
  - gate.release: {rule: held, only: {seq: 7}}
  - tcp.receive: {session: taken, as: last}
  - settle: {within: 5s}
`, rest: "expect: {steps: {some: {content: \"a\\nb\\nc\\n\"}, last: {content: d}}}\n",
			acts: map[string]int{"wire.held held": 4, "wire.held released": 4}},
		{name: "the last first", steps: four + `
  - gate.release: {rule: held, only: {content: d}}
  - gate.release: {rule: held}
` + all, rest: heard}, // what is missing is sent again when the last has come (RFC 8985), and held, too
		{name: "the rule stays", steps: open + `
  - gate.hold: {link: wire, from: client, payload: {at_least: 1}, as: held}
  - tcp.send: {session: call, content: "a\n"}
  - gate.await: {rule: held}
  - gate.release: {rule: held, keep: on}
  - tcp.receive: {session: taken}
  - tcp.send: {session: call, content: "b\n"}
  - gate.await: {rule: held, times: 2}
  - gate.clear: {rule: held}
  - tcp.receive: {session: taken, as: second}
  - tcp.send: {session: call, content: "c\n"}
  - tcp.receive: {session: taken, as: third}
  - settle: {within: 5s}
`, rest: "expect: {steps: {second: {content: b}, third: {content: c}}}\n", acts: map[string]int{"wire.held held": 2, "wire.held released": 2}},
		{name: "until something comes", steps: open + `
  - gate.hold: {link: wire, from: client, content: a, as: held, until: {from: server, content: now}}
  - tcp.send: {session: call, content: "a\n"}
  - gate.await: {rule: held}
  - tcp.send: {session: taken, content: "now\n"}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: a}}}\n", acts: map[string]int{"wire.held held": 1, "wire.held released": 1}},
		{name: "discarded", nodes: plainly, steps: four + `
  - gate.discard: {rule: held, only: {content: b}}
  - gate.release: {rule: held}
` + all, rest: heard, look: func(t *testing.T, r *run.Result) {
			if n := actsOf(r.Timeline)["wire.held dropped"]; n != 1 || resent(r, "client") == 0 {
				t.Errorf("%d dropped, %d sent again", n, resent(r, "client"))
			}
		}},
		{name: "repetitions are one", nodes: plainly, steps: open + `
  - gate.hold: {link: wire, content: a, as: held}
  - tcp.send: {session: call, content: "a\n"}
  - gate.await: {rule: held}
  - sleep: 700ms
  - gate.release: {rule: held}
  - tcp.receive: {session: taken, as: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: a}}, connections: {call: {resets: 0}}}\n", ways: []scenarios.Observe{scenarios.ObserveFree},
			look: func(t *testing.T, r *run.Result) {
				got := actsOf(r.Timeline)
				if got["wire.held held"] != 1 || got["wire.held merged"] == 0 || got["wire.held released"] != 1 {
					t.Errorf("gates did %v", got)
				}
				if n := segments(r.Timeline, func(s *timeline.Segment) bool { return s.Len > 0 && has(s, probes.PSH) && s.Arrived() != 0 }); n != 1 {
					t.Errorf("%d segments with data came, want 1", n)
				}
			}},
	})
}
