package check

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

func four(c *checktest.Conn)       { c.FourWay(true) }
func three(c *checktest.Conn)      { c.ThreeWay(true) }
func serverFour(c *checktest.Conn) { c.FourWay(false) }
func reset(c *checktest.Conn)      { c.Reset(true) }
func open(*checktest.Conn)         {}

var root, user = checktest.Options{Root: true}, checktest.Options{}

// A trial is one run judged by one expectation.
type trial struct {
	name    string
	opts    checktest.Options
	closing func(*checktest.Conn)
	spoil   func(*timeline.Timeline) // changes the record; may be nil
	expect  func(*scenarios.Scenario)
	verdict string // its name
	want    Outcome
	got     string // Got; "" if it does not matter
	reason  string // part of the reason
}

func (tt trial) judge(t *testing.T) *Verdict {
	t.Helper()
	tl := checktest.FTPClose(tt.opts, tt.closing)
	if tt.spoil != nil {
		tt.spoil(tl)
	}
	sc := checktest.FTPScenario()
	if tt.expect != nil {
		sc.Expect = scenarios.Expect{}
		tt.expect(sc)
	}
	j := Eval(tl, sc)
	for i := range j.Verdicts {
		if j.Verdicts[i].Name == tt.verdict {
			return &j.Verdicts[i]
		}
	}
	t.Fatalf("no verdict %s in %+v", tt.verdict, j.Verdicts)
	return nil
}

func runTrials(t *testing.T, trials []trial) {
	t.Helper()
	for _, tt := range trials {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.judge(t)
			reason := ""
			if v.Reason != nil {
				reason = v.Reason.String()
			}
			if v.Outcome != tt.want {
				t.Errorf("outcome %s (%s), want %s; got %q", v.Outcome, reason, tt.want, v.Got)
			}
			if tt.got != "" && v.Got != tt.got {
				t.Errorf("got %q, want %q", v.Got, tt.got)
			}
			if !strings.Contains(reason, tt.reason) {
				t.Errorf("reason %q, want %q in it", reason, tt.reason)
			}
			if v.Outcome != Pass && v.Reason == nil {
				t.Error("not pass, and no reason")
			}
		})
	}
}

func connection(name string, x scenarios.ConnectionExpect) func(*scenarios.Scenario) {
	return func(sc *scenarios.Scenario) {
		x.Name = name
		sc.Expect.Connections = []scenarios.ConnectionExpect{x}
	}
}

func control(x scenarios.ConnectionExpect) func(*scenarios.Scenario) { return connection("control", x) }

func loseOf(src probes.Source, node string, kind probes.Kind) func(*timeline.Timeline) {
	return func(tl *timeline.Timeline) {
		tl.Losses = append(tl.Losses, timeline.Loss{Source: src, Node: node, Loss: probes.Loss{What: "ring full", Count: 1, Of: kind}})
	}
}

func lose(src probes.Source, node string) func(*timeline.Timeline) {
	return func(tl *timeline.Timeline) {
		tl.Losses = append(tl.Losses, timeline.Loss{Source: src, Node: node, Loss: probes.Loss{What: "ring full", Count: 3}})
		for _, c := range tl.Connections {
			for _, e := range c.Ends() {
				if src == probes.Wire || src == probes.Lab {
					e.Views[probes.Model] = timeline.View{Why: "segments are missing"}
				}
				if src == probes.BPF || src == probes.Lab {
					e.Views[probes.KernelEvents] = timeline.View{Why: "events are missing"}
				}
			}
		}
	}
}

func conflict(tl *timeline.Timeline) {
	tl.Conflicts = append(tl.Conflicts, timeline.Conflict{Endpoint: tl.Connections[0].Opener, Text: "K says X, M says Y"})
}

func cutShort(tl *timeline.Timeline) { tl.Complete = false }

func TestWholeScenario(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts checktest.Options
		want Outcome
		open []string // names of the verdicts that are not pass
	}{
		{"root", root, Pass, nil},
		{"root, IPv6", checktest.Options{Root: true, IPv6: true}, Pass, nil},
		{"ordinary user", user, Inconclusive, []string{"control.client.states", "control.server.states"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := Eval(checktest.FTPClose(tt.opts, four), checktest.FTPScenario())
			var open []string
			for _, v := range j.Verdicts {
				if v.Outcome != Pass {
					open = append(open, v.Name)
				}
				if v.Reference == "" || v.At.Line == 0 || v.Want == "" || v.Got == "" || len(v.SeenBy) == 0 {
					t.Errorf("%s is not complete: %+v", v.Name, v)
				}
			}
			if diff := cmp.Diff(tt.open, open); diff != "" || j.Outcome != tt.want {
				t.Errorf("%s, want %s (-want +got)\n%s", j.Outcome, tt.want, diff)
			}
		})
	}
}

func TestPatterns(t *testing.T) {
	closing := func(elements ...string) func(*scenarios.Scenario) {
		return control(scenarios.ConnectionExpect{Closing: checktest.Pattern(elements...)})
	}
	opening := func(elements ...string) func(*scenarios.Scenario) {
		return control(scenarios.ConnectionExpect{Opening: checktest.Pattern(elements...)})
	}
	fourWay := closing("client FIN", "server ACK", "server FIN", "client ACK")
	handshake := opening("client SYN", "server SYN+ACK", "client ACK")
	runTrials(t, []trial{
		{"opening", root, four, nil, handshake, "control.opening", Pass, "SYN | SYN+ACK | ACK", "only the wire"},
		{"opening by roles", root, four, nil, opening("opener SYN", "acceptor SYN+ACK", "opener ACK"), "control.opening", Pass, "", ""},
		{"opening, other end", root, four, nil, opening("server SYN", "client SYN+ACK", "server ACK"), "control.opening", Fail, "", "frame 1 is C SYN where S SYN was wanted"},
		{"opening, wire lost", root, four, lose(probes.Wire, "server"), handshake, "control.opening", Inconclusive, "", "3 records of wire"},
		{"opening, no wire", checktest.Options{Root: true, Without: []probes.Source{probes.Wire}}, four, nil, handshake, "control.opening", Inconclusive, "", "wire refused"},
		{"opening, other node lost", root, four, lose(probes.Wire, "router"), handshake, "control.opening", Pass, "", ""},

		{"closing", root, four, nil, fourWay, "control.closing", Pass, "C FIN | S ACK | S FIN | C ACK", ""},
		{"closing, rootless", user, four, nil, fourWay, "control.closing", Pass, "", ""},
		{"three segments", root, three, nil, fourWay, "control.closing", Fail, "C FIN | S FIN+ACK | C ACK", "frame 32 is S FIN+ACK where S ACK was wanted"},
		{"three wanted", root, three, nil, closing("client FIN", "server FIN+ACK", "client ACK"), "control.closing", Pass, "", ""},
		{"server first", root, serverFour, nil, fourWay, "control.closing", Fail, "S FIN | C ACK | C FIN | S ACK", "frame 31 is S FIN"},
		{"reset", root, reset, nil, fourWay, "control.closing", Fail, "C RST", "frame 31"},
		{"more than wanted", root, four, nil, closing("client FIN", "server ACK"), "control.closing", Fail, "", "frame 33 is S FIN where nothing more"},
		{"less than wanted", root, four, nil, closing("client FIN", "server ACK", "server FIN", "client ACK", "client RST"), "control.closing", Fail, "", "nothing came where C RST"},
		{"never closed", root, open, nil, fourWay, "control.closing", Fail, "nothing", "nothing came where C FIN"},
		{"conflict", root, four, conflict, fourWay, "control.closing", Inconclusive, "", "K says X"},
		{"cut short", root, four, cutShort, fourWay, "control.closing", Inconclusive, "", "record has no end"},
		{"mismatch in a hole", root, three, lose(probes.Wire, ""), fourWay, "control.closing", Inconclusive, "", ""},
		{"alternatives in an element", root, three, nil, func(sc *scenarios.Scenario) {
			p := checktest.Pattern("client FIN", "server ACK", "client ACK")
			p.Alternatives[0][1] = append(p.Alternatives[0][1], scenarios.SegmentPattern{End: "server", Word: scenarios.WordFINACK})
			control(scenarios.ConnectionExpect{Closing: p})(sc)
		}, "control.closing", Pass, "", ""},
		{"alternative sequences", root, three, nil, func(sc *scenarios.Scenario) {
			p := checktest.Pattern("client FIN", "server ACK", "server FIN", "client ACK")
			p.Alternatives = append(p.Alternatives, checktest.Pattern("client FIN", "server FIN+ACK", "client ACK").Alternatives...)
			control(scenarios.ConnectionExpect{Closing: p})(sc)
		}, "control.closing", Pass, "", ""},
		{"no such connection", root, four, nil, connection("other", scenarios.ConnectionExpect{Closing: checktest.Pattern("client FIN")}), "other.closing", Fail, "no connection", "no connection other"},
		{"no such connection, lost", root, four, lose(probes.Wire, "client"), connection("other", scenarios.ConnectionExpect{Closing: checktest.Pattern("client FIN")}), "other.closing", Inconclusive, "no connection", "lost"},
	})
}

func TestStates(t *testing.T) {
	states := func(end string, names ...string) func(*scenarios.Scenario) {
		return control(scenarios.ConnectionExpect{Ends: []scenarios.EndExpect{{Name: end, States: checktest.States(names...)}}})
	}
	active := states("client", "CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT")
	noteTwo := states("client", "CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT")
	short := states("client", "CLOSED", "SYN-SENT", "ESTABLISHED")
	drop := func(state probes.State, class probes.Class) func(*timeline.Timeline) {
		return func(tl *timeline.Timeline) {
			h := tl.Connections[0].Opener.History
			for i := range h {
				if h[i].State != state {
					continue
				}
				var left []timeline.Witness
				for _, w := range h[i].Witnesses {
					if w.Source.Class() != class {
						left = append(left, w)
					}
				}
				h[i].Witnesses = left
			}
		}
	}
	// The end of TIME-WAIT, which the model is never told of.
	over := func(tl *timeline.Timeline) {
		e := tl.Connections[0].Opener
		e.History = append(e.History, timeline.Visit{
			State: probes.Closed, Witnesses: []timeline.Witness{{Source: probes.BPF, Grade: probes.RecordedMini}},
		})
	}
	noSock := checktest.Options{Root: true, Without: []probes.Source{probes.SockDiag, probes.SS}}
	noWire := checktest.Options{Root: true, Without: []probes.Source{probes.Wire}}
	runTrials(t, []trial{
		{"active", root, four, nil, active, "control.client.states", Pass, "", ""},
		{"by role", root, four, nil, states("opener", "CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"), "control.opener.states", Pass, "", ""},
		{"note 2", root, three, nil, noteTwo, "control.client.states", Pass, "", ""},
		{"repeats collapse", root, four, nil, states("client", "CLOSED", "SYN-SENT", "ESTABLISHED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"), "control.client.states", Pass, "", ""},
		{"rootless", user, four, nil, active, "control.client.states", Inconclusive, "", "SYN-SENT, FIN-WAIT-1 and FIN-WAIT-2 were not observable: bpf refused (EPERM, unprivileged_bpf_disabled=2); sockdiag and ss only sample"},
		{"server was first", root, serverFour, nil, active, "control.client.states", Fail, "CLOSED | SYN-SENT | ESTABLISHED | CLOSE-WAIT | LAST-ACK | CLOSED", "CLOSE-WAIT where FIN-WAIT-1 was wanted"},
		{"server was first, rootless", user, serverFour, nil, active, "control.client.states", Fail, "", "CLOSE-WAIT where FIN-WAIT-1"},
		{"went further", root, four, nil, short, "control.client.states", Fail, "", "FIN-WAIT-1 where nothing more was wanted"},
		{"never closed", root, open, nil, active, "control.client.states", Fail, "", "FIN-WAIT-1 was never entered"},
		{"never closed, holes", root, open, lose(probes.Lab, ""), active, "control.client.states", Inconclusive, "", "lost"},
		{"wrong state, holes", root, serverFour, lose(probes.Wire, ""), active, "control.client.states", Fail, "", "CLOSE-WAIT"},
		{"conflict", root, four, conflict, active, "control.client.states", Inconclusive, "", "contradict"},
		{"conflict and mismatch", root, serverFour, conflict, active, "control.client.states", Inconclusive, "", "contradict"},
		{"bpf silent", root, four, drop(probes.FinWait1, probes.KernelEvents), active, "control.client.states", Inconclusive, "", "bpf could have seen FIN-WAIT-1, and did not"},
		{"two lifetimes over", root, four, over, states("client", "CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED"), "control.client.states", Pass, "", ""},
		{"model silent", root, four, drop(probes.SynSent, probes.Model), active, "control.client.states", Inconclusive, "", "model could have seen SYN-SENT"},
		{"TIME-WAIT not sampled", noSock, four, nil, active, "control.client.states", Inconclusive, "", "TIME-WAIT was not observable: sockdiag refused"},
		{"bpf alone", noWire, four, nil, active, "control.client.states", Inconclusive, "", "TIME-WAIT was not observable"},
		{"bpf alone, what it records", noWire, open, nil, short, "control.client.states", Pass, "", "SYN-SENT: by bpf alone"},
		{"not an end", root, four, nil, states("router", "CLOSED"), "control.router.states", Fail, "", "router is not an end"},
		{"teardown is not judged", root, four, func(tl *timeline.Timeline) {
			e := tl.Connections[0].Opener
			e.History = append(e.History, timeline.Visit{State: probes.Closed, Teardown: true})
		}, active, "control.client.states", Pass, "", ""},
		{"both ends on one node", root, four, func(tl *timeline.Timeline) {
			tl.Connections[0].Acceptor.Node = "client"
		}, active, "control.client.states", Inconclusive, "", "both ends are on client"},
	})
}

func TestFirstFIN(t *testing.T) {
	who := func(names ...string) func(*scenarios.Scenario) {
		return control(scenarios.ConnectionExpect{FirstFIN: checktest.Who(names...)})
	}
	runTrials(t, []trial{
		{"client", root, four, nil, who("client"), "control.first_fin", Pass, "client", ""},
		{"rootless", user, four, nil, who("client"), "control.first_fin", Pass, "client", "only the wire"},
		{"either", root, serverFour, nil, who("client", "server"), "control.first_fin", Pass, "server", ""},
		{"the other", root, serverFour, nil, who("client"), "control.first_fin", Fail, "server", "frame 31 is the first FIN, sent by server"},
		{"none", root, reset, nil, who("client"), "control.first_fin", Fail, "nobody", "nobody sent FIN"},
		{"nobody", root, reset, nil, who("nobody"), "control.first_fin", Pass, "nobody", ""},
		{"lost", root, four, lose(probes.Wire, "client"), who("client"), "control.first_fin", Inconclusive, "", "lost"},
		{"not seen leaving", root, four, func(tl *timeline.Timeline) {
			tl.Segments[30].Taps = tl.Segments[30].Taps[1:]
		}, who("client"), "control.first_fin", Inconclusive, "", "frame 31 was not seen leaving client"},
		{"bpf disagrees", root, four, func(tl *timeline.Timeline) {
			v := visitTo(tl.Connections[0].Opener, probes.FinWait1)
			v.Witnesses = v.Witnesses[1:]
		}, who("client"), "control.first_fin", Inconclusive, "", "bpf recorded client whole and did not see its FIN-WAIT-1"},
	})
}

func TestTimeWait(t *testing.T) {
	who := func(names ...string) func(*scenarios.Scenario) {
		return control(scenarios.ConnectionExpect{TimeWait: checktest.Who(names...)})
	}
	noSock := checktest.Options{Root: true, Without: []probes.Source{probes.SockDiag, probes.SS}}
	blind := func(tl *timeline.Timeline) { // no look after the close
		for i := range tl.Events {
			if s := tl.Events[i].Sample; s != nil && s.Gone {
				tl.Events[i].Kind = probes.KindMark
			}
		}
	}
	runTrials(t, []trial{
		{"client", root, four, nil, who("client"), "control.time_wait", Pass, "client", ""},
		{"rootless", user, four, nil, who("client"), "control.time_wait", Pass, "client", ""},
		{"alternatives", root, serverFour, nil, who("client", "server"), "control.time_wait", Pass, "server", ""},
		{"other", root, serverFour, nil, who("client"), "control.time_wait", Fail, "server", "server entered TIME-WAIT"},
		{"both wanted", root, four, nil, who("both"), "control.time_wait", Fail, "client", "server did not enter TIME-WAIT"},
		{"nobody wanted", root, four, nil, who("nobody"), "control.time_wait", Fail, "client", "client entered TIME-WAIT"},
		{"nobody", root, reset, nil, who("nobody"), "control.time_wait", Pass, "nobody", ""},
		{"nobody, rootless", user, reset, nil, who("nobody"), "control.time_wait", Pass, "nobody", ""},
		{"none came", root, reset, nil, who("client"), "control.time_wait", Fail, "nobody", "client did not enter"},
		{"no sampler", noSock, four, nil, who("client"), "control.time_wait", Inconclusive, "client", "TIME-WAIT was not observable: sockdiag refused"},
		{"nobody, not looked", root, reset, blind, who("nobody"), "control.time_wait", Inconclusive, "nobody", "nobody looked at client after the close"},
		{"nobody, all looked at", root, reset, func(tl *timeline.Timeline) {
			blind(tl)
			tl.Events[len(tl.Events)-2].Mark = probes.Looked // in place of the window's end
		}, who("nobody"), "control.time_wait", Pass, "nobody", ""},
		{"nobody, a look failed", root, reset, lose(probes.SockDiag, "client"), who("nobody"), "control.time_wait", Inconclusive, "nobody", "records of sockdiag"},
		{"nobody, only counters are lost", root, reset, loseOf(probes.SockDiag, "client", probes.KindCounter), who("nobody"), "control.time_wait", Pass, "nobody", ""},
		{"nobody, wire lost", root, reset, lose(probes.Wire, "client"), who("nobody"), "control.time_wait", Inconclusive, "", "lost"},
		{"seen in a hole", root, serverFour, lose(probes.Wire, "client"), who("client"), "control.time_wait", Fail, "", "server entered"},
		{"missing in a hole", root, reset, lose(probes.Wire, "client"), who("client"), "control.time_wait", Inconclusive, "", "lost"},
		{"conflict", root, four, conflict, who("client"), "control.time_wait", Inconclusive, "", "contradict"},
	})
}

func TestCounts(t *testing.T) {
	resets := func(low, high int64) func(*scenarios.Scenario) {
		return control(scenarios.ConnectionExpect{Resets: checktest.Count(low, high)})
	}
	again := func(low, high int64) func(*scenarios.Scenario) {
		return control(scenarios.ConnectionExpect{Retransmissions: checktest.Count(low, high)})
	}
	connections := func(low, high int64) func(*scenarios.Scenario) {
		return func(sc *scenarios.Scenario) {
			sc.Expect.ConnectionCount = []scenarios.CountExpect{{Name: "ftpd", Count: *checktest.Count(low, high)}}
		}
	}
	resent := func(tl *timeline.Timeline) { tl.Segments[30].Retransmission = true }
	resentAndLost := func(tl *timeline.Timeline) { resent(tl); lose(probes.Wire, "client")(tl) }
	oneTap := func(tl *timeline.Timeline) {
		for _, s := range tl.Segments {
			var left []timeline.Tap
			for _, tap := range s.Taps {
				if tap.Dir == probes.Out {
					left = append(left, tap)
				}
			}
			s.Taps = left
		}
		var onlyClient []*timeline.Segment
		for _, s := range tl.Connections[0].Segments {
			if s.From == "client" {
				onlyClient = append(onlyClient, s)
			}
		}
		tl.Connections[0].Segments = onlyClient
	}
	silentReset := func(tl *timeline.Timeline) { // bpf saw an abort that the wire did not
		c := tl.Connections[0]
		c.Segments = c.Segments[:len(c.Segments)-1]
	}
	runTrials(t, []trial{
		{"no reset", root, four, nil, resets(0, 0), "control.resets", Pass, "0", ""},
		{"no reset, rootless", user, four, nil, resets(0, 0), "control.resets", Pass, "0", "only the wire"},
		{"reset", root, reset, nil, resets(0, 0), "control.resets", Fail, "1", "frame 31"},
		{"reset in a hole", root, reset, lose(probes.Wire, ""), resets(0, 0), "control.resets", Fail, "1", ""},
		{"none in a hole", root, four, lose(probes.Wire, ""), resets(0, 0), "control.resets", Inconclusive, "0", "lost"},
		{"at least one", root, reset, lose(probes.Wire, ""), resets(1, -1), "control.resets", Pass, "1", ""},
		{"at least one, none", root, four, nil, resets(1, -1), "control.resets", Fail, "0", "0 where >= 1"},
		{"one end captured", root, four, oneTap, resets(0, 0), "control.resets", Inconclusive, "", "not captured at server"},
		{"bpf saw an abort", root, reset, silentReset, resets(0, 0), "control.resets", Inconclusive, "0", "bpf saw client leave ESTABLISHED for CLOSED"},

		{"nothing again", root, four, nil, again(0, 0), "control.retransmissions", Pass, "0", ""},
		{"again", root, four, resent, again(0, 0), "control.retransmissions", Fail, "1", "frame 31"},
		{"again in a hole", root, four, resentAndLost, again(0, 0), "control.retransmissions", Inconclusive, "1", "lost"},
		{"nothing again in a hole", root, four, lose(probes.Wire, "server"), again(0, 0), "control.retransmissions", Inconclusive, "", "lost"},

		{"connections", root, four, nil, connections(2, 2), "connection_count.ftpd", Pass, "2", ""},
		{"too many", root, four, nil, connections(1, 1), "connection_count.ftpd", Fail, "2", ""},
		{"too few", root, four, nil, connections(3, -1), "connection_count.ftpd", Fail, "2", ""},
		{"too few in a hole", root, four, lose(probes.Wire, "client"), connections(3, -1), "connection_count.ftpd", Inconclusive, "2", "lost"},
	})
}

func TestSteps(t *testing.T) {
	step := func(x scenarios.StepExpect) func(*scenarios.Scenario) {
		return func(sc *scenarios.Scenario) {
			x.Name = "fetch"
			sc.Expect.Steps = []scenarios.StepExpect{x}
		}
	}
	yes, no, text := scenarios.YesNo(true), scenarios.YesNo(false), "done"
	failed := func(tl *timeline.Timeline) {
		tl.Steps[2].Error, tl.Steps[2].Reply, tl.Steps[2].Text, tl.Steps[2].Bytes = "550", 550, "no such file", 0
	}
	left := func(tl *timeline.Timeline) {
		*tl.Steps[2] = timeline.Step{Start: tl.Steps[2].Start, End: tl.Steps[2].End,
			Step: probes.Step{Index: 3, Verb: "ftp.retrieve", Name: "fetch", Error: "still under way", Left: true}}
	}
	under, refused := "under way", "refused"
	unfinished := func(tl *timeline.Timeline) { tl.Steps[2].End = 0 }
	notRun := func(tl *timeline.Timeline) { tl.Steps = tl.Steps[:2] }
	reply := step(scenarios.StepExpect{Reply: checktest.Count(226, 226)})
	bytes := step(scenarios.StepExpect{Bytes: checktest.Count(6, 6)})
	nothing := func(*scenarios.Scenario) {}
	runTrials(t, []trial{
		{"reply", user, four, nil, reply, "steps.fetch.reply", Pass, "226", ""},
		{"other reply", user, four, failed, reply, "steps.fetch.reply", Fail, "550", "550 where 226"},
		{"not run", user, four, notRun, reply, "steps.fetch.reply", Inconclusive, "not run", "did not run"},
		{"not ended", user, four, unfinished, reply, "steps.fetch.reply", Inconclusive, "not ended", "did not end"},
		{"fails", user, four, failed, step(scenarios.StepExpect{Error: &yes}), "steps.fetch.fails", Pass, "yes", ""},
		{"fails, left", user, four, left, step(scenarios.StepExpect{Error: &yes}), "steps.fetch.fails", Inconclusive, "yes", "it was netlab that ended the step"},
		{"fails, not meant, left", user, four, left, step(scenarios.StepExpect{Error: &no}), "steps.fetch.fails", Fail, "yes", ""},
		{"error, left", user, four, left, step(scenarios.StepExpect{Why: &under}), "steps.fetch.error", Inconclusive, "", "it was netlab that ended the step"},
		{"error, of another, left", user, four, left, step(scenarios.StepExpect{Why: &refused}), "steps.fetch.error", Inconclusive, "", "it was netlab that ended the step"},
		{"fails not", user, four, nil, step(scenarios.StepExpect{Error: &yes}), "steps.fetch.fails", Fail, "no", ""},
		{"fails, not meant", user, four, failed, step(scenarios.StepExpect{Error: &no}), "steps.fetch.fails", Fail, "yes", ""},
		{"fails, not run", user, four, notRun, step(scenarios.StepExpect{Error: &no}), "steps.fetch.fails", Inconclusive, "", ""},
		{"bytes", user, four, nil, bytes, "steps.fetch.bytes", Pass, "6", ""},
		{"other bytes", user, four, failed, bytes, "steps.fetch.bytes", Fail, "0", ""},
		{"bytes, not run", user, four, notRun, bytes, "steps.fetch.bytes", Inconclusive, "", ""},
		{"text", user, four, nil, step(scenarios.StepExpect{Text: &text}), "steps.fetch.text", Pass, `"done"`, ""},
		{"other text", user, four, failed, step(scenarios.StepExpect{Text: &text}), "steps.fetch.text", Fail, `"no such file"`, ""},
		{"text, not ended", user, four, unfinished, step(scenarios.StepExpect{Text: &text}), "steps.fetch.text", Inconclusive, "", ""},
		{"implied", user, four, failed, nothing, "steps[2].ftp.retrieve", Fail, "550", "550 no such file"},
		{"implied, cut short", user, four, func(tl *timeline.Timeline) { failed(tl); cutShort(tl) }, nothing, "steps[2].ftp.retrieve", Inconclusive, "550", "record has no end"},
		{"fails, not meant, cut short", user, four, func(tl *timeline.Timeline) { failed(tl); cutShort(tl) }, step(scenarios.StepExpect{Error: &no}), "steps.fetch.fails", Inconclusive, "yes", "record has no end"},
		{"implied, no reply", user, four, func(tl *timeline.Timeline) { tl.Steps[3].Error, tl.Steps[3].Reply = "i/o timeout", 0 }, nothing,
			"steps[3].ftp.quit", Fail, "error", "i/o timeout"},
		{"meant to fail", user, four, nil, func(sc *scenarios.Scenario) { sc.Steps[3].FTPQuit.ExpectError = true },
			"steps[3].ftp.quit", Fail, "ok", "meant to fail"},
	})
	for _, tt := range []struct {
		name   string
		spoil  func(*timeline.Timeline)
		expect func(*scenarios.Scenario)
	}{
		{"all well", func(*timeline.Timeline) {}, nothing},
		{"meant to fail, failed", failed, func(sc *scenarios.Scenario) { sc.Steps[2].FTPRetrieve.ExpectError = true }},
		{"settle ran out", func(tl *timeline.Timeline) { tl.Steps[4].Error = "still open" }, nothing},
	} {
		tl, sc := checktest.FTPClose(user, four), checktest.FTPScenario()
		sc.Expect = scenarios.Expect{}
		tt.spoil(tl)
		tt.expect(sc)
		if j := Eval(tl, sc); len(j.Verdicts) != 0 || j.Outcome != Pass {
			t.Errorf("%s: %+v, want no verdict", tt.name, j.Verdicts)
		}
	}
}

// A machine that kept the run waiting excuses what fails, and nothing else.
func TestStarved(t *testing.T) {
	starved := func(tl *timeline.Timeline) {
		tl.Starved = append(tl.Starved, timeline.Starved{Time: tl.Segments[30].Sent(), Late: 23e6})
	}
	with := func(more func(*timeline.Timeline)) func(*timeline.Timeline) {
		return func(tl *timeline.Timeline) { starved(tl); more(tl) }
	}
	timeout := func(tl *timeline.Timeline) { tl.Steps[3].Error, tl.Steps[3].Reply = "read: i/o timeout", 0 }
	refused := func(tl *timeline.Timeline) { tl.Steps[3].Error, tl.Steps[3].Reply = "550 no", 550 }
	count := func(low, high int64) func(*scenarios.Scenario) {
		return func(sc *scenarios.Scenario) {
			sc.Expect.ConnectionCount = []scenarios.CountExpect{{Name: "ftpd", Count: *checktest.Count(low, high)}}
		}
	}
	closing := control(scenarios.ConnectionExpect{Closing: checktest.Pattern("client FIN", "server ACK", "server FIN", "client ACK")})
	again := control(scenarios.ConnectionExpect{Retransmissions: checktest.Count(0, 0)})
	const why = "kept the run waiting for 23ms"
	runTrials(t, []trial{
		{"closing as wanted", root, four, starved, closing, "control.closing", Pass, "", "only the wire"},
		{"another closing", root, three, starved, closing, "control.closing", Inconclusive, "C FIN | S FIN+ACK | C ACK", why},
		{"first FIN", root, serverFour, starved, control(scenarios.ConnectionExpect{FirstFIN: checktest.Who("client")}), "control.first_fin", Inconclusive, "server", why},
		{"resets", root, reset, starved, control(scenarios.ConnectionExpect{Resets: checktest.Count(0, 0)}), "control.resets", Inconclusive, "1", why},
		{"sent again", root, four, with(func(tl *timeline.Timeline) { tl.Segments[30].Retransmission = true }), again, "control.retransmissions", Inconclusive, "1", why},
		{"nothing again", root, four, starved, again, "control.retransmissions", Pass, "0", ""},
		{"count", root, four, starved, count(3, 3), "connection_count.ftpd", Inconclusive, "2", why},
		{"no connection", root, four, starved, connection("other", scenarios.ConnectionExpect{Resets: checktest.Count(0, 0)}), "other.resets", Inconclusive, "no connection", why},
		{"a step took too long", root, four, with(timeout), func(*scenarios.Scenario) {}, "steps[3].ftp.quit", Inconclusive, "", why},
		{"a step was refused", root, four, with(refused), func(*scenarios.Scenario) {}, "steps[3].ftp.quit", Fail, "550", ""},
	})
}

func TestMoments(t *testing.T) {
	started := scenarios.Moment{Text: "fetch started", Name: "fetch", Point: "started"}
	ended := scenarios.Moment{Text: "fetch ended", Name: "fetch", Point: "ended"}
	opened := scenarios.Moment{Text: "data opened", Name: "data", Point: "opened"}
	closed := scenarios.Moment{Text: "data closed", Name: "data", Point: "closed"}
	fin := scenarios.Moment{Text: "control client FIN", Name: "control", End: "client", Word: scenarios.WordFIN}
	rst := scenarios.Moment{Text: "control client RST", Name: "control", End: "client", Word: scenarios.WordRST}
	finWait := scenarios.Moment{Text: "control client FIN-WAIT-1", Name: "control", End: "client", State: probes.FinWait1}
	timeWait := scenarios.Moment{Text: "control client TIME-WAIT", Name: "control", End: "client", State: probes.TimeWait}
	order := func(m ...scenarios.Moment) func(*scenarios.Scenario) {
		return func(sc *scenarios.Scenario) { sc.Expect.Order = m }
	}
	between := func(from, to scenarios.Moment, low, high time.Duration) func(*scenarios.Scenario) {
		return func(sc *scenarios.Scenario) {
			d := scenarios.DurationExpect{Name: "d", From: from, To: to}
			if low > 0 {
				d.AtLeast = &scenarios.Duration{Duration: low}
			}
			if high > 0 {
				d.AtMost = &scenarios.Duration{Duration: high}
			}
			sc.Expect.Durations = []scenarios.DurationExpect{d}
		}
	}
	add := func(ev probes.Event) func(*timeline.Timeline) {
		return func(tl *timeline.Timeline) {
			ev.Seq = uint64(len(tl.Events) + 1)
			tl.Events = append(tl.Events, ev)
		}
	}
	late := func(at func(*timeline.Timeline) probes.Mono, by probes.Mono) func(*timeline.Timeline) {
		return func(tl *timeline.Timeline) {
			tl.Starved = append(tl.Starved, timeline.Starved{Time: at(tl), Node: "server", Late: by})
		}
	}
	inside := func(tl *timeline.Timeline) probes.Mono { return tl.Segments[20].Sent() }
	starved := late(inside, 23e6)
	noise := late(inside, 9e6)
	unsaid := late(inside, 0)
	early := late(func(tl *timeline.Timeline) probes.Mono { return tl.Open - 2e9 }, 23e6)
	before := late(func(tl *timeline.Timeline) probes.Mono { return tl.Open - 0.5e9 }, 23e6)
	after := late(func(tl *timeline.Timeline) probes.Mono { return tl.Close + 30e6 }, 23e6)
	atTheEnd := late(func(tl *timeline.Timeline) probes.Mono { return tl.Close + 15e6 }, 23e6)
	stepped := add(probes.Event{Source: probes.Lab, Kind: probes.KindClock, Clock: &probes.Clock{Step: true}})
	blurred := add(probes.Event{Source: probes.Lab, Kind: probes.KindClock, Clock: &probes.Clock{Width: 1e9}})
	const ms = time.Millisecond
	runTrials(t, []trial{
		{"order", root, four, nil, order(started, opened, closed, ended, fin, timeWait), "order", Pass, "", ""},
		{"reversed", root, four, nil, order(closed, opened), "order", Fail, "data opened < data closed", `"data opened"`},
		{"one moment", root, four, nil, order(fin, fin), "order", Fail, "", "are one moment"},
		{"never", root, four, nil, order(opened, rst), "order", Fail, "", `"control client RST" never happened`},
		{"never, lost", root, four, lose(probes.Wire, "client"), order(opened, rst), "order", Inconclusive, "", "was not seen: 3 records"},
		{"starved, in order", root, four, starved, order(opened, closed), "order", Pass, "", ""},
		{"starved, reversed", root, four, starved, order(closed, opened), "order", Inconclusive, "data opened < data closed", "kept node server waiting for 23ms"},
		{"starved, never", root, four, starved, order(opened, rst), "order", Inconclusive, "", "kept node server waiting for 23ms"},
		{"starved before, reversed", root, four, early, order(closed, opened), "order", Fail, "", ""},
		{"clock set", root, four, stepped, order(opened, closed), "order", Inconclusive, "", "clock was set"},
		{"clock set, no wire", root, four, stepped, order(started, ended), "order", Pass, "", ""},
		{"too near", root, four, blurred, order(started, opened), "order", Inconclusive, "", "nearer to each other"},
		{"same clock", root, four, blurred, order(opened, closed), "order", Pass, "", ""},
		{"state inferred", user, four, nil, order(opened, finWait), "order", Inconclusive, "", "FIN-WAIT-1 was not observable"},

		{"within bounds", root, four, nil, between(started, ended, 10*time.Microsecond, 10*ms), "durations.d", Pass, "", ""},
		{"too long", root, four, nil, between(started, ended, 0, time.Microsecond), "durations.d", Fail, "", "is longer than 1µs"},
		{"too short", root, four, nil, between(opened, fin, time.Hour, 0), "durations.d", Fail, "", "is shorter than 1h0m0s"},
		{"duration, never", root, four, nil, between(opened, rst, 0, ms), "durations.d", Fail, "never", ""},
		{"duration, starved", root, four, starved, between(started, ended, 0, time.Microsecond), "durations.d", Inconclusive, "", ""},
		{"duration, starved, and short all the same", root, four, starved, between(started, ended, 0, time.Hour), "durations.d", Pass, "", ""},
		{"duration, starved, long perhaps by that", root, four, starved, between(started, ended, time.Microsecond, 0), "durations.d", Inconclusive, "", "kept node server waiting for 23ms"},
		{"duration, starved, not said by how much", root, four, unsaid, between(started, ended, 0, time.Hour), "durations.d", Inconclusive, "", "kept the run waiting"},
		{"duration, noise", root, four, noise, between(started, ended, 0, time.Hour), "durations.d", Pass, "", ""},
		{"duration, starved long before", root, four, early, between(started, ended, 0, time.Hour), "durations.d", Pass, "", ""},
		{"duration, starved shortly before", root, four, before, between(started, ended, 0, time.Microsecond), "durations.d", Inconclusive, "", ""},
		{"duration, starved after", root, four, after, between(started, ended, 0, time.Hour), "durations.d", Pass, "", ""},
		{"duration, starved from the end on", root, four, atTheEnd, between(started, ended, time.Microsecond, 0), "durations.d", Inconclusive, "", ""},
		{"duration, clock set", root, four, stepped, between(started, opened, 0, ms), "durations.d", Inconclusive, "", ""},
		{"duration, blurred", root, four, blurred, between(started, opened, 0, ms), "durations.d", Inconclusive, "", "between"},
		{"duration, step not ended", root, four, func(tl *timeline.Timeline) { tl.Steps[2].End = 0 }, between(started, ended, 0, ms), "durations.d", Inconclusive, "never", "did not end"},
	})
}
