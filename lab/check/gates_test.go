package check

import (
	"strings"
	"testing"
	"time"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"
	"netlab/scenarios"
)

// A gated trial is one run through gates, judged by what is expected of its
// only connection. Every verdict that is not named passes.
type gated struct {
	name   string
	opts   tt.Options
	play   func(*tt.Script, *tt.Conn)
	expect scenarios.ConnectionExpect
	others map[string]string // name of the verdict: outcome and part of the reason
	got    map[string]string // likewise: what was seen
}

func opened(play func(*tt.Script, *tt.Conn)) func(*tt.Script, *tt.Conn) {
	return func(s *tt.Script, c *tt.Conn) {
		c.Open()
		play(s, c)
	}
}

// visitScenario is the scenario of a run with a single connection.
func visitScenario(x scenarios.ConnectionExpect) *scenarios.Scenario {
	sc := checktest.FTPScenario()
	sc.Servers, sc.Connections, sc.Variants = nil, nil, nil
	sc.Steps = []scenarios.Step{{Index: 1, Verb: "tcp.connect", TCPConnect: &scenarios.TCPConnect{Common: scenarios.Common{As: "visit"}}}}
	x.Name = "visit"
	sc.Expect = scenarios.Expect{Connections: []scenarios.ConnectionExpect{x}}
	return sc
}

func runGated(t *testing.T, trials []gated) {
	t.Helper()
	for _, x := range trials {
		t.Run(x.name, func(t *testing.T) {
			x.opts.Addressed = true
			s := tt.One(x.opts, x.play)
			tl, err := timeline.Build(s.Header(), s.Events())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range tl.Conflicts {
				t.Errorf("conflict: %s", c.Text)
			}
			for _, v := range Eval(tl, visitScenario(x.expect)).Verdicts {
				name := strings.TrimPrefix(v.Name, "visit.")
				want, why, _ := strings.Cut(x.others[name], ": ")
				if want == "" {
					want = string(Pass)
				}
				reason := ""
				if v.Reason != nil {
					reason = v.Reason.String()
				}
				if string(v.Outcome) != want || !strings.Contains(reason, why) {
					t.Errorf("%s: %s (%s), got %q; want %s (%s)", name, v.Outcome, reason, v.Got, want, why)
				}
				if got, ok := x.got[name]; ok && got != v.Got {
					t.Errorf("%s: got %q, want %q", name, v.Got, got)
				}
				delete(x.others, name)
			}
			for name := range x.others {
				t.Errorf("no verdict %s", name)
			}
		})
	}
}

func ends(client, server string) []scenarios.EndExpect {
	var list []scenarios.EndExpect
	for node, path := range map[string]string{"client": client, "server": server} {
		if path != "" {
			list = append(list, scenarios.EndExpect{Name: node, States: checktest.States(strings.Fields(path)...)})
		}
	}
	return list
}

// TestGated judges what gates bring about.
func TestGated(t *testing.T) {
	routed, rootless := tt.Options{Path: tt.Routed}, tt.Options{Without: []probes.Source{probes.BPF}}
	crossing := scenarios.ConnectionExpect{
		Ends:     ends("CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT", "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT"),
		Closing:  checktest.Pattern("client FIN", "server FIN", "server ACK", "client ACK"),
		FirstFIN: checktest.Who("client"), TimeWait: checktest.Who("both"),
		Resets: checktest.Count(0, 0), Retransmissions: checktest.Count(1, 1),
	}
	crossed := func(s *tt.Script, c *tt.Conn) { c.HeldClose("fins") }
	runGated(t, []gated{
		{"simultaneous open", tt.Options{}, func(s *tt.Script, c *tt.Conn) { c.HeldOpen("syns") }, scenarios.ConnectionExpect{
			Ends:            ends("CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED", "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED"),
			Opening:         checktest.Pattern("client SYN", "server SYN", "server SYN+ACK", "client SYN+ACK"),
			Retransmissions: checktest.Count(1, 1),
		}, nil, map[string]string{"opening": "C SYN | S SYN | S SYN+ACK | C SYN+ACK"}},
		{"simultaneous close", tt.Options{}, opened(crossed), crossing, nil, nil},
		{"simultaneous close, routed", routed, opened(crossed), crossing, nil, nil},
		{"simultaneous close, rootless", rootless, opened(crossed), crossing,
			map[string]string{"client.states": "inconclusive: only sample", "server.states": "inconclusive: only sample"}, nil},
		{"last ACK lost", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) { c.LostLastACK("ack") }), scenarios.ConnectionExpect{
			Ends:     ends("CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED"),
			Closing:  checktest.Pattern("client FIN", "server ACK", "server FIN", "client ACK"),
			TimeWait: checktest.Who("client"), Retransmissions: checktest.Count(1, 1),
		}, nil, nil},
		{"first FIN lost", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) { c.LostFirstFIN("fin") }), scenarios.ConnectionExpect{
			Closing:  checktest.Pattern("client FIN", "server ACK", "server FIN", "client ACK"),
			FirstFIN: checktest.Who("client"), Retransmissions: checktest.Count(1, 1),
		}, nil, nil},
		{"SYN never answered", tt.Options{}, func(s *tt.Script, c *tt.Conn) {
			c.Unanswered("syn", 3)
			s.Mark(probes.Looked)
		}, scenarios.ConnectionExpect{
			Ends:    ends("CLOSED SYN-SENT CLOSED", ""),
			Opening: checktest.Pattern("client SYN"), Closing: &scenarios.Pattern{}, TimeWait: checktest.Who("nobody"),
			Resets: checktest.Count(0, 0), Retransmissions: checktest.Count(3, 3),
		}, nil, nil},
		{"RST injected", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			c.Shot("shot", c.Opener)
			s.Mark(probes.Looked)
		}), scenarios.ConnectionExpect{
			Ends:    ends("CLOSED SYN-SENT ESTABLISHED CLOSED", "SYN-RECEIVED ESTABLISHED CLOSED"),
			Closing: checktest.Pattern("client RST"), Resets: checktest.Count(2, 2), TimeWait: checktest.Who("nobody"),
		}, map[string]string{"resets": "pass: frame 4 was made by the gate (shot), not sent by either end"}, nil},
		{"RST injected, not wanted", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) { c.Shot("shot", c.Opener) }), scenarios.ConnectionExpect{
			Resets: checktest.Count(0, 0),
		}, map[string]string{"resets": "fail: the first is frame 4; frame 4 was made by the gate (shot)"}, map[string]string{"resets": "2"}},
		{"SYN injected", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) { c.Challenge("syn", c.Acceptor) }), scenarios.ConnectionExpect{
			Ends:    ends("CLOSED SYN-SENT ESTABLISHED", "SYN-RECEIVED ESTABLISHED"),
			Opening: checktest.Pattern("client SYN", "server SYN+ACK", "client ACK"), Retransmissions: checktest.Count(0, 0),
		}, nil, nil},
		{"frames lost by the gate", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			s.Loss(probes.Gate, tt.Client, "the queue is full", 7)
			c.FourWay(c.Opener)
		}), scenarios.ConnectionExpect{
			Opening: checktest.Pattern("client SYN", "server SYN+ACK", "client ACK"), Closing: checktest.Pattern("client RST"), Resets: checktest.Count(0, 0),
		}, map[string]string{"opening": "inconclusive: the gate lost 7 frames", "closing": "inconclusive: the gate lost", "resets": "inconclusive: the gate lost"}, nil},
		{"frames lost by the gate of others", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			s.Loss(probes.Gate, "elsewhere", "the queue is full", 7)
		}), scenarios.ConnectionExpect{Opening: checktest.Pattern("client SYN", "server SYN+ACK", "client ACK")}, nil, nil},
		{"a frame refused", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			c.Opener.Emit(probes.PSH|probes.ACK, "jumbo", 9000).Refuse("longer than the link")
		}), scenarios.ConnectionExpect{Resets: checktest.Count(0, 0)},
			map[string]string{"resets": "inconclusive: the gate could not pass on frame 4 (longer than the link)"}, nil},
	})
}

// TestRules doubts runs in which a rule never matched.
func TestRules(t *testing.T) {
	hold := func(c scenarios.Common) scenarios.Step {
		return scenarios.Step{Verb: "gate.hold", GateHold: &scenarios.GateHold{GateRule: scenarios.GateRule{Common: c, Link: "wire",
			FrameMatch: scenarios.FrameMatch{From: "server", Flags: []scenarios.TCPFlag{"FIN"}, Seq: checktest.Count(1, -1), Content: "x", Nth: 2, Ports: scenarios.PortRange{Low: 20, High: 21}}}}}
	}
	watch := scenarios.Step{Verb: "gate.watch", GateWatch: &scenarios.GateWatch{GateRule: scenarios.GateRule{Common: scenarios.Common{As: "fin"}, Link: "wire"}}}
	closed := false
	// close ends the window before more is told.
	close := func(s *tt.Script) {
		closed = true
		s.Mark(probes.WindowClose)
		s.Wait(time.Millisecond)
	}
	for _, x := range []struct {
		name string
		step scenarios.Step
		tell func(*tt.Script, *tt.Conn)
		fail string
		want string
	}{
		{"acted in the window, as an older record tells", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) {
			c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Hold("fin")
			close(s)
			s.Matched("wire", "fin", 1)
		}, "", ""},
		{"acted after the window", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) {
			s.Matched("wire", "fin", 0)
			close(s)
			c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Hold("fin")
			s.Matched("wire", "fin", 1)
		}, "", "wire.fin inconclusive: no frame came that it matches before the lab was taken down"},
		{"acted after the window, as an older record tells", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) {
			close(s)
			c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Hold("fin")
			s.Matched("wire", "fin", 1)
		}, "", "wire.fin inconclusive: no frame came that it matches before the lab was taken down"},
		{"watched after the window", watch, func(s *tt.Script, c *tt.Conn) {
			s.Matched("wire", "fin", 0)
			close(s)
			s.Matched("wire", "fin", 1)
		}, "", "wire.fin inconclusive: no frame came that it matches"},
		{"watched, as an older record tells", watch, func(s *tt.Script, c *tt.Conn) {
			close(s)
			s.Matched("wire", "fin", 1)
		}, "", ""},
		{"matched", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) { s.Matched("wire", "fin", 1) }, "", ""},
		{"matched, without a name", hold(scenarios.Common{}), func(s *tt.Script, c *tt.Conn) { s.Matched("wire", "steps[1]", 1) }, "", ""},
		{"never matched", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) { s.Matched("wire", "fin", 0) }, "",
			"wire.fin inconclusive: no frame came that it matches: {from: server, ports: 20-21, flags: [FIN], seq: >= 1, content: \"x\", nth: 2}"},
		{"never matched, and why", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) { s.Missed("wire", "fin", "2 frames match but for nth") }, "",
			"wire.fin inconclusive: it acted on no frame: {from: server, ports: 20-21, flags: [FIN], seq: >= 1, content: \"x\", nth: 2}; 2 frames match but for nth"},
		{"nobody tells", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) {}, "", "wire.fin inconclusive: no frame came"},
		{"another's", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) { s.Matched("other", "fin", 1) }, "", "wire.fin inconclusive: no frame came"},
		{"meant to fail", hold(scenarios.Common{As: "fin", ExpectError: true}), func(s *tt.Script, c *tt.Conn) {}, "no such gate", ""},
		{"never made", hold(scenarios.Common{As: "fin"}), func(s *tt.Script, c *tt.Conn) {}, "no such gate", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := tt.New(tt.Options{})
			s.Listen(80, "www")
			var c *tt.Conn
			s.Step("tcp.connect", "visit", nil, func() { c = s.Dial(80); c.Open() })
			s.Step(x.step.Verb, "fin", &probes.Step{Error: x.fail}, func() { s.Wait(time.Millisecond) })
			closed = false
			if x.tell(s, c); closed {
				s.Mark(probes.Complete)
			} else {
				s.Finish()
			}
			tl, err := timeline.Build(s.Header(), s.Events())
			if err != nil {
				t.Fatal(err)
			}
			sc := visitScenario(scenarios.ConnectionExpect{Resets: checktest.Count(0, 0)})
			x.step.Index = 2
			sc.Steps = append(sc.Steps, x.step)
			got := ""
			for _, v := range Eval(tl, sc).Verdicts {
				if v.Kind == GateKind {
					got += v.Name + " " + string(v.Outcome) + ": " + v.Reason.String()
					if v.Remedy == nil {
						t.Error("no remedy")
					}
				}
			}
			if x.want == "" && got != "" || !strings.HasPrefix(got, x.want) {
				t.Errorf("%q, want %q", got, x.want)
			}
		})
	}
}

// TestLockstep judges a run in lockstep: every state is seen without kernel
// events, and what depends on timers is left open.
func TestLockstep(t *testing.T) {
	four := func(c *tt.Conn) { c.FourWay(c.Opener) }
	three := func(c *tt.Conn) { c.ThreeWay(c.Opener) }
	immediate := func(sc *scenarios.Scenario, nodes ...string) {
		for i := range sc.Links[0].Ends {
			for _, n := range nodes {
				if e := &sc.Links[0].Ends[i]; e.Name == n {
					e.Acks = scenarios.ImmediateAcks
				}
			}
		}
	}
	acks := "in lockstep every frame waits for the observers, and server delays its ACKs"
	for _, x := range []struct {
		name    string
		observe probes.Observe
		bpf     bool
		closing func(*tt.Conn)
		acks    []string // nodes
		others  map[string]string
	}{
		{"free", "", true, four, nil, nil},
		{"lockstep", probes.Lockstep, false, four, []string{"client", "server"}, nil},
		{"lockstep, with kernel events", probes.Lockstep, true, four, []string{"client", "server"}, nil},
		{"lockstep by itself", probes.LockstepChosen, false, four, []string{"client", "server"}, nil},
		{"the client may delay: it has nothing to", probes.Lockstep, false, four, []string{"server"}, nil},
		{"the server may delay", probes.Lockstep, false, four, []string{"client"}, map[string]string{"control.closing": "inconclusive: " + acks}},
		{"three segments", probes.Lockstep, false, three, nil, map[string]string{"control.closing": "inconclusive: " + acks}},
		{"three segments, but no excuse", probes.Lockstep, false, three, []string{"client", "server"}, map[string]string{"control.closing": "fail"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			opts := tt.Options{Observe: x.observe}
			if !x.bpf {
				opts.Without = []probes.Source{probes.BPF}
			}
			script := tt.FTPClose(opts, x.closing)
			tl, err := timeline.Build(script.Header(), script.Events())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range tl.Conflicts {
				t.Errorf("conflict: %s", c.Text)
			}
			sc := checktest.FTPScenario()
			immediate(sc, x.acks...)
			for _, v := range Eval(tl, sc).Verdicts {
				want, why, _ := strings.Cut(x.others[v.Name], ": ")
				if want == "" {
					want = string(Pass)
				}
				if string(v.Outcome) != want || why != "" && !strings.Contains(v.Reason.String(), why) {
					t.Errorf("%s: %s, want %s (%s): got %q, reason %v, seen by %v", v.Name, v.Outcome, want, why, v.Got, v.Reason, v.SeenBy)
				}
				if v.Kind == StatesKind && x.observe != "" {
					for _, s := range v.SeenBy {
						if s.Source == probes.SockDiag && s.Count < s.Of-1 {
							t.Errorf("%s: sockdiag saw %d of %d", v.Name, s.Count, s.Of)
						}
					}
				}
			}
		})
	}
}

// TestLockstepTimes judges times and repetitions of a run in lockstep.
func TestLockstepTimes(t *testing.T) {
	bound := func(ms int) *scenarios.Duration {
		return &scenarios.Duration{Duration: time.Duration(ms) * time.Millisecond}
	}
	moment := func(point string) scenarios.Moment {
		return scenarios.Moment{Name: "visit", Point: point, Text: "visit " + point}
	}
	s := tt.One(tt.Options{Observe: probes.Lockstep}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.LostLastACK("ack")
	})
	tl, err := timeline.Build(s.Header(), s.Events())
	if err != nil {
		t.Fatal(err)
	}
	blame := "inconclusive: in lockstep every frame waits for the observers: times and timers"
	for _, x := range []struct {
		name   string
		expect func(*scenarios.Scenario)
		want   string
	}{
		{"at least", func(sc *scenarios.Scenario) {
			sc.Expect.Durations = []scenarios.DurationExpect{{From: moment("opened"), To: moment("closed"), AtLeast: bound(1)}}
		}, blame},
		{"at most", func(sc *scenarios.Scenario) {
			sc.Expect.Durations = []scenarios.DurationExpect{{From: moment("opened"), To: moment("closed"), AtMost: bound(5000)}}
		}, "pass"},
		{"at most, exceeded", func(sc *scenarios.Scenario) {
			sc.Expect.Durations = []scenarios.DurationExpect{{From: moment("opened"), To: moment("closed"), AtMost: &scenarios.Duration{Duration: 1}}}
		}, blame},
		{"repetition of what a rule dropped the answer to", func(sc *scenarios.Scenario) {
			sc.Expect.Connections[0].Retransmissions = checktest.Count(1, 1)
		}, "pass"},
		{"no repetition wanted", func(sc *scenarios.Scenario) {
			sc.Expect.Connections[0].Retransmissions = checktest.Count(0, 0)
		}, "fail"},
		{"more repetitions wanted", func(sc *scenarios.Scenario) {
			sc.Expect.Connections[0].Retransmissions = checktest.Count(2, -1)
		}, "fail"},
	} {
		t.Run(x.name, func(t *testing.T) {
			sc := visitScenario(scenarios.ConnectionExpect{})
			x.expect(sc)
			verdicts := Eval(tl, sc).Verdicts
			if len(verdicts) != 1 {
				t.Fatalf("%d verdicts", len(verdicts))
			}
			v := verdicts[0]
			got := string(v.Outcome)
			if v.Reason != nil {
				got += ": " + v.Reason.String()
			}
			if !strings.HasPrefix(got, x.want) {
				t.Errorf("%s, want %s", got, x.want)
			}
		})
	}
}

// TestTookDown asks whether a link was down because a step said so.
func TestTookDown(t *testing.T) {
	step := func(index int, down bool, link string) scenarios.Step {
		s := scenarios.Step{Index: index}
		if x := &(scenarios.LinkStep{Link: link}); down {
			s.LinkDown = x
		} else {
			s.LinkUp = x
		}
		return s
	}
	took := func(index int, start, end probes.Mono) *timeline.Step {
		return &timeline.Step{Step: probes.Step{Index: index}, Start: start, End: end}
	}
	j := &judge{
		sc: &scenarios.Scenario{Steps: []scenarios.Step{step(1, true, "wire"), step(2, false, "other"), step(3, false, "wire"), step(4, true, "wire"), step(5, false, "wire")}},
		tl: &timeline.Timeline{Steps: []*timeline.Step{took(1, 10, 12), took(2, 20, 22), took(3, 30, 32), took(4, 40, 42), took(5, 50, 0)}},
	}
	for _, x := range []struct {
		link string
		at   probes.Mono
		want bool
	}{{"wire", 9, false}, {"wire", 11, true}, {"wire", 25, true}, {"wire", 31, true}, {"wire", 35, false}, {"wire", 45, true}, {"wire", 60, true}, {"other", 15, false}, {"other", 35, false}} {
		if got := j.tookDown(x.link, x.at); got != x.want {
			t.Errorf("%s at %d: down is %v, want %v", x.link, x.at, got, x.want)
		}
	}
}
