package lab_test

import (
	"strings"
	"testing"
)

// TestAside takes steps in the background, and waits for them or does not.
func TestAside(t *testing.T) {
	playAll(t, []play{
		{name: "waited for", steps: open + `
  - tcp.receive: {session: taken, background: on, as: heard}
  - tcp.send: {session: call, content: "hello\n"}
  - wait: {step: heard}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {content: hello}}, order: [heard started, heard ended]}\n"},
		{name: "waited for when it is over", steps: open + `
  - tcp.send: {session: call, content: "hello\n"}
  - tcp.receive: {session: taken, background: on, as: heard}
  - settle: {within: 5s}
  - wait: {step: heard}
`, rest: "expect: {steps: {heard: {content: hello}}}\n"},
		{name: "many at once", steps: `
  - tcp.listen: {node: server, port: 7000, as: listener}
  - tcp.accept: {listener: listener, background: on, as: a}
  - tcp.accept: {listener: listener, background: on, as: b}
  - tcp.connect: {node: client, peer: server, port: 7000, background: on, as: x}
  - tcp.connect: {node: client, peer: server, port: 7000, background: on, as: y}
  - wait: {step: a}
  - wait: {step: b}
  - wait: {step: x}
  - wait: {step: y}
  - settle: {within: 5s}
`, rest: "expect: {connections: {x: {resets: 0}, y: {resets: 0}}}\n"},
		{name: "that fails", steps: `
  - tcp.connect: {node: client, peer: server, port: 7000, background: on, as: refused}
  - wait: {step: refused}
  - tcp.listen: {node: server, port: 7000, as: listener}
`, others: map[string]string{"steps[0].tcp.connect": "fail: ECONNREFUSED", "steps[2].tcp.listen": "inconclusive"}},
		{name: "that fails as it is meant to", steps: `
  - tcp.connect: {node: client, peer: server, port: 7000, background: on, as: refused, expect_error: on}
  - wait: {step: refused}
`, rest: "expect: {steps: {refused: {error: ECONNREFUSED}}}\n"},
		{name: "that does not fail as it is meant to", steps: open + `
  - tcp.send: {session: call, content: "hello\n"}
  - tcp.receive: {session: taken, background: on, as: heard, expect_error: on}
  - wait: {step: heard}
`, others: map[string]string{"steps[4].tcp.receive": "fail: the step went well"}},
		{name: "that nobody waits for", steps: open + `
  - tcp.receive: {session: taken, background: on, as: heard}
  - settle: {within: 5s}
`, others: map[string]string{"steps[3].tcp.receive": "fail: still under way when the last step was done: no wait step waits for it"}},
		{name: "that nobody waits for, and is meant to fail", steps: open + `
  - tcp.receive: {session: taken, background: on, as: heard, expect_error: on}
  - settle: {within: 5s}
`, others: map[string]string{"steps[3].tcp.receive": "inconclusive: it was netlab that ended the step, not what was tried: still under way"}},
		{name: "waited for in vain, and meant to fail", steps: open + `
  - tcp.receive: {session: taken, background: on, as: heard}
  - wait: {step: heard, timeout: 100ms, expect_error: on}
`, rest: "expect: {steps: {heard: {fails: on}}}\n", others: map[string]string{"steps.heard.fails": "inconclusive: its wait (steps[4]) gave up after 100ms"}},
		{name: "that nobody waits for, but is over", steps: open + `
  - tcp.send: {session: call, content: "hello\n"}
  - tcp.receive: {session: taken, background: on, as: heard}
  - settle: {within: 5s}
  - gate.watch: {link: wire, flags: [FIN], as: fin}
  - tcp.close: {session: call}
  - gate.await: {rule: fin}
`, rest: "expect: {steps: {heard: {content: hello}}}\n"},
		{name: "waited for in vain", steps: open + `
  - tcp.receive: {session: taken, background: on, as: heard}
  - wait: {step: heard, timeout: 100ms, as: waited}
`, others: map[string]string{"steps[4].wait": `fail: "heard" is still under way after 100ms`, "steps[3].tcp.receive": "fail: still under way when the last step was done: its wait (steps[4]) gave up after 100ms"}},
		{name: "that runs out", steps: open + `
  - tcp.receive: {session: taken, background: on, as: heard, timeout: 100ms}
  - wait: {step: heard}
`, others: map[string]string{"steps[3].tcp.receive": "fail: within 100ms"}},
		{name: "closed under its hands", steps: open + `
  - tcp.receive: {session: taken, to_end: on, background: on, as: heard, expect_error: on}
  - tcp.close: {session: taken}
  - wait: {step: heard}
  - tcp.receive: {session: call, to_end: on, as: end}
  - tcp.close: {session: call}
  - settle: {within: 5s}
`, rest: "expect: {steps: {heard: {error: closed}, end: {bytes: 0}}, connections: {call: {first_fin: server, resets: 0}}}\n"},
		{name: "a listener closed under its hands", steps: `
  - tcp.listen: {node: server, port: 7000, as: listener}
  - tcp.accept: {listener: listener, background: on, as: taken, expect_error: on}
  - tcp.close: {session: listener}
  - wait: {step: taken}
`, rest: "expect: {steps: {taken: {error: closed}}}\n"},
		{name: "a connection that is never answered", nodes: plainly, steps: `
  - tcp.listen: {node: server, port: 7000, as: listener}
  - gate.drop: {link: wire, flags: [SYN], as: syns}
  - tcp.connect: {node: client, peer: server, port: 7000, background: on, as: call, timeout: 200ms, expect_error: on}
  - gate.await: {rule: syns}
  - wait: {step: call}
`, rest: "expect: {steps: {call: {error: within 200ms}}}\n"},
	})
}

// TestAsideIsTold has the end of a step that nobody waits for in the record
// before the window closes, and once.
func TestAsideIsTold(t *testing.T) {
	needLabs(t)
	p := play{steps: open + `
  - tcp.receive: {session: taken, background: on, as: heard}
  - tcp.receive: {session: call, background: on, as: answered}
`, others: map[string]string{"steps[3].tcp.receive": "fail: still under way", "steps[4].tcp.receive": "fail: still under way"}}
	for _, way := range bothWays {
		r := p.take(t, way)
		p.wantVerdicts(t, r)
		for _, name := range []string{"heard", "answered"} {
			if s := stepOf(t, r, name); s.End == 0 || s.End > r.Timeline.Close || !strings.Contains(s.Error, "no wait step") {
				t.Errorf("%s, %s: %+v", way, name, s)
			}
		}
	}
	awaitGone(t)
}
