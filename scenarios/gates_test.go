package scenarios

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlab/scenarios/words"
)

// gates parses the file of testdata/right.txtar that has every key of gates,
// impairments, sockets and steps in the background.
func gates(t *testing.T) *Scenario {
	t.Helper()
	return mustParse(t, archive(t, "testdata/right.txtar", ".yaml")["gates"])
}

// TestGateValues looks at what became of the forms of gates.
func TestGateValues(t *testing.T) {
	s := gates(t)
	verb := func(name string) *Step {
		i := slices.IndexFunc(s.Steps, func(v Step) bool { return v.Verb == name })
		return &s.Steps[i]
	}
	hold, inject, connect := verb("gate.hold").GateHold, verb("gate.inject").GateInject, verb("tcp.connect").TCPConnect
	drop := s.Steps[5].GateDrop
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"observe", s.Observe, ObserveLockstep},
		{"observe by default", mustParse(t, []byte("netlab: 1\nname: x\nnodes: {a: {}}\n")).Observe, ObserveAuto},
		{"rto_min", []Duration{s.Links[0].Ends[0].RTOMin, s.Links[0].Ends[1].RTOMin, s.Links[1].Ends[0].RTOMin}, []Duration{{2 * time.Second}, {1500 * time.Millisecond}, {}}},
		{"gate", []YesNo{s.Links[0].Gate, s.Links[1].Gate}, []YesNo{true, false}},
		{"impair", *s.Links[1].Impair, Impair{
			Delay: Duration{10 * time.Millisecond}, Jitter: Duration{10 * time.Millisecond}, Loss: 10_000, Duplicate: 5_000,
			Reorder: 123_456, Corrupt: 1_000_000, Rate: 10_000_000, Queue: 50,
		}},
		{"default queue", s.Links[2].Ends[0].Impair.Queue, usualQueue},
		{"impair in words", s.Links[1].Impair.String(), "delay 10ms, jitter 10ms, loss 1%, duplicate 0.5%, reorder 12.3456%, corrupt 100%, rate 10Mbit, queue 50"},
		{"nothing in words", s.Links[2].Ends[0].Impair.String(), ""},
		{"rate in words", s.Links[2].Ends[1].Impair.String(), "rate 500kbit, queue 1"},
		{"hold", *hold, GateHold{
			GateRule: GateRule{
				Common: Common{As: "held", Timeout: Duration{time.Second}}, Link: "wire", Times: 3,
				FrameMatch: FrameMatch{
					From: "server", Protocol: TCPFrame, Ports: PortRange{1024, 65535}, FromPort: PortRange{9, 9},
					Flags: []TCPFlag{"FIN"}, Unset: []TCPFlag{"RST"}, Seq: &Count{1, -1}, Ack: &Count{maxSeq, maxSeq}, Payload: &Count{0, 0},
				},
			},
			Until: &FrameMatch{From: "client", Flags: []TCPFlag{"FIN"}, Nth: 2},
		}},
		{"content of any bytes", verb("gate.hold").GateRule().Content + s.Steps[2].GateHold.Content, "a\nb"},
		{"drop", []any{drop.As, drop.Payload.Max, drop.Nth, drop.Times}, []any{"lost", int64(512), 1, 0}},
		{"defaults", []any{verb("gate.duplicate").GateDuplicate.Copies, verb("gate.corrupt").GateCorrupt.Checksum, verb("gate.await").GateAwait.Times}, []any{3, FixChecksum, 1}},
		{"inject", []any{*inject.Seq, *inject.Ack, inject.Window, inject.Flags}, []any{int64(0), int64(maxSeq), 0, []TCPFlag{"RST", "ACK"}}},
		{"numbers absent", s.Steps[15].GateInject.Seq == nil && s.Steps[15].GateInject.Ack == nil, true},
		{"window by default", s.Steps[15].GateInject.Window, 65535},
		{"isn", *connect.ISN, uint64(maxSeq)},
		{"options", []any{*connect.NoDelay, *connect.Cork, *connect.Linger, *connect.SendBuffer, *connect.MaxSegment}, []any{YesNo(false), YesNo(true), Duration{}, Size(65536), 88}},
		{"options absent", verb("tcp.accept").TCPAccept.NoDelay == nil && connect.ReceiveBuffer == nil, true},
		{"keepalive", *connect.KeepAlive, KeepAlive{Duration{time.Second}, Duration{2 * time.Second}, 3}},
		{"keepalive by default", *verb("tcp.option").TCPOption.KeepAlive, KeepAlive{Duration{2 * time.Hour}, Duration{75 * time.Second}, 9}},
		{"backlog", []int{verb("tcp.listen").TCPListen.Backlog, s.Steps[len(s.Steps)-13].TCPListen.Backlog}, []int{0, 4096}},
		{"half", []Half{s.Steps[25].TCPShutdown.Half, s.Steps[26].TCPShutdown.Half}, []Half{HalfWrite, HalfBoth}},
		{"impaired in a variant", s.Variants[1].Scenario.Links[1].Impair == nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestStepsOfGates asks the steps of that file what they are.
func TestStepsOfGates(t *testing.T) {
	s := gates(t)
	var gate, rules, away, opens, ends []string
	for i := range s.Steps {
		step := &s.Steps[i]
		note := func(list *[]string, is bool) {
			if is && !slices.Contains(*list, step.Verb) {
				*list = append(*list, step.Verb)
			}
		}
		note(&gate, step.OfGate())
		note(&rules, step.GateRule() != nil)
		note(&away, step.InBackground())
		note(&opens, step.Opens())
		note(&ends, step.Ends())
		if step.Common() == nil {
			t.Errorf("%s has no name", step.Verb)
		}
	}
	slices.Sort(rules)
	given := slices.Sorted(slices.Values(ruleVerbs()))
	for _, tt := range []struct {
		name      string
		got, want []string
	}{
		{"of gates", gate, []string{"gate.watch", "gate.hold", "gate.drop", "gate.duplicate", "gate.reorder", "gate.delay", "gate.corrupt", "gate.await", "gate.inject", "gate.release", "gate.discard", "gate.clear"}},
		{"rules", rules, given},
		{"in the background", away, []string{"tcp.accept", "tcp.connect", "tcp.send", "tcp.receive", "tcp.close"}},
		{"opening", opens, []string{"tcp.listen", "tcp.accept", "tcp.connect", "udp.bind", "udp.open"}},
		{"ending", ends, []string{"tcp.close", "udp.close"}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestGated asks which links are gates, and where rules are.
func TestGated(t *testing.T) {
	s := mustParse(t, []byte(`
netlab: 1
name: x
nodes: {a: {}, b: {}}
links: {said: {ends: {a: {}, b: {}}, gate: on}, held: [a, b], injected: [a, b], plain: {ends: {a: {}, b: {}}, gate: off, impair: {loss: 1%}}, one: {ends: {a: {}, b: {impair: {delay: 1ms}}}}}
steps:
  - gate.hold: {link: held, as: rule}
  - gate.drop: {link: held}
  - gate.inject: {link: injected, from: a, from_port: 1, port: 2, flags: [SYN]}
  - gate.release: {rule: rule}
`))
	want := map[string]bool{"said": true, "held": true, "injected": true, "plain": false, "one": false, "": false, "nothing": false}
	for link, want := range want {
		if got := s.Gated(link); got != want {
			t.Errorf("Gated(%q) = %v", link, got)
		}
	}
	for rule, want := range map[string]string{"rule": "held", "": "", "held": ""} {
		if got := s.RuleLink(rule); got != want {
			t.Errorf("RuleLink(%q) = %q, want %q", rule, got, want)
		}
	}
	both, one := s.Links[3].Impairments(), s.Links[4].Impairments()
	if both[0] != s.Links[3].Impair || both[1] != s.Links[3].Impair || one[0] != nil || one[1] != s.Links[4].Ends[1].Impair {
		t.Errorf("impairments %v, %v", both, one)
	}
}

// TestShares reads shares and rates, and writes them again.
func TestShares(t *testing.T) {
	for text, want := range map[string]Percent{"0%": 0, "1%": 10_000, "0.5%": 5_000, "12.5%": 125_000, "0.0001%": 1, "100%": 1_000_000, "0.0%": 0} {
		var p Percent
		if flaw := p.parseText(text); flaw != nil || p != want {
			t.Errorf("%s is %d (%v), want %d", text, p, flaw, want)
		}
		if back := p.String(); text != "0.0%" && back != text {
			t.Errorf("%d is written %s, want %s", p, back, text)
		}
	}
	for text, want := range map[string]Rate{"1000bit": 1000, "500kbit": 500_000, "10Mbit": 10_000_000, "1Gbit": 1_000_000_000, "1500kbit": 1_500_000} {
		var r Rate
		if flaw := r.parseText(text); flaw != nil || r != want {
			t.Errorf("%s is %d (%v), want %d", text, r, flaw, want)
		}
		if back := r.String(); text != "1000bit" && back != text {
			t.Errorf("%d is written %s, want %s", r, back, text)
		}
	}
}

// TestUsualQueue compares the constant with the default of the key.
func TestUsualQueue(t *testing.T) {
	s := mustParse(t, []byte("netlab: 1\nname: x\nnodes: {a: {}, b: {}}\nlinks: {w: {ends: {a: {}, b: {}}, impair: {loss: 1%}}}\n"))
	if got := s.Links[0].Impair.Queue; got != usualQueue {
		t.Errorf("default %d, usual %d", got, usualQueue)
	}
}

// TestRightHasEveryKey sees to it that the file of gates has every key that
// it is about.
func TestRightHasEveryKey(t *testing.T) {
	text := string(archive(t, "testdata/right.txtar", ".yaml")["gates"])
	sh := shapes{}
	step := sh.of(reflect.TypeFor[Step]())
	for _, f := range step.fields {
		if family, _, _ := strings.Cut(f.key, "."); !slices.Contains([]string{"gate", "wait", "tcp", "udp"}, family) {
			continue
		}
		if !strings.Contains(text, "- "+f.key+":") {
			t.Errorf("no %s", f.key)
		}
		for _, key := range sh.of(f.typ.Elem()).keys() {
			if !strings.Contains(text, key+":") && key != "to" {
				t.Errorf("no %s of %s", key, f.key)
			}
		}
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[Impair](), reflect.TypeFor[KeepAlive](), reflect.TypeFor[Link](), reflect.TypeFor[End]()} {
		for _, key := range sh.of(typ).keys() {
			if !strings.Contains(text, key+":") && key != "addresses" && key != "mtu" {
				t.Errorf("no %s of %v", key, typ)
			}
		}
	}
}

// TestOpeners sees to it that whatever opens a session is known to the steps
// that need one.
func TestOpeners(t *testing.T) {
	known := map[string]bool{}
	for _, verb := range []string{"ftp.noop", "http.get", "tcp.close", "udp.send", "sql.run"} {
		for _, opener := range (&Step{Verb: verb}).openers() {
			known[opener] = true
		}
	}
	v := reflect.TypeFor[Step]()
	for _, f := range (shapes{}).of(v).fields {
		s := &Step{Verb: f.key}
		reflect.ValueOf(s).Elem().FieldByIndex(f.index).Set(reflect.New(f.typ.Elem()))
		if s.Opens() != known[f.key] {
			t.Errorf("%s opens a session: %v, and steps know it: %v", f.key, s.Opens(), known[f.key])
		}
	}
}

// TestGateErrorsInChinese shows some of what is said of gates in Chinese.
func TestGateErrorsInChinese(t *testing.T) {
	const text = `netlab: 1
name: x
nodes: {a: {}, b: {}}
links: {wire: {ends: {a: {}, b: {impair: {rate: 10Mbps}}}}}
steps:
  - gate.drop: {link: wire, as: lost, nth: 1}
  - gate.release: {rule: lost}
  - gate.await: {rule: lots, times: 2}
  - tcp.connect: {node: a, peer: b, port: 9, as: c, background: on, defer_accept: 1s}
  - tcp.send: {session: c, content: x}
`
	_, err := Parse("a.yaml", []byte(text))
	want := `a.yaml:4:49: links.wire.ends.b.impair.rate: "10Mbps" 不是速率（每秒比特数），应如 500kbit 或 10Mbit
  允许：10kbit, 10Mbit, 10Gbit
  是不是想写 "10Mbit"？
a.yaml:7:26: steps[1].gate.release.rule: 规则 "lost" 由 gate.drop 给出，并不截留帧；gate.release 需要由 gate.hold 给出的规则
a.yaml:8:24: steps[2].gate.await.rule: 没有规则 "lots"：规则以 gate.hold、gate.drop、gate.watch、gate.duplicate、gate.reorder、gate.delay 或 gate.corrupt 步骤的名称（as）命名
  允许：lost
  是不是想写 "lost"？
a.yaml:9:83: steps[3].tcp.connect.defer_accept: 连接用不到此项：它属于监听的套接字（tcp.listen，或针对这种会话的 tcp.option）
a.yaml:10:25: steps[4].tcp.send.session: 会话 "c" 由 steps[3] 在后台打开，此时可能尚未建立：请在此之前加一步 wait: {step: c}`
	if diff := cmp.Diff(want, err.(*Errors).In(words.Chinese)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
