package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// gatedRun reports a scripted run with a single connection.
func gatedRun(t *testing.T, opts tt.Options, play func(*tt.Script, *tt.Conn), expect scenarios.ConnectionExpect) Run {
	t.Helper()
	opts.Addressed = true
	s := tt.One(opts, play)
	tl, err := timeline.Build(s.Header(), s.Events())
	if err != nil {
		t.Fatal(err)
	}
	sc := checktest.FTPScenario()
	sc.Name, sc.Title = "gated", scenarios.Text{EN: "What a gate brings about", ZH: "闸门带来的情形"}
	sc.Servers, sc.Connections, sc.Variants = nil, nil, nil
	sc.Steps = []scenarios.Step{{Index: 1, Verb: "tcp.connect", TCPConnect: &scenarios.TCPConnect{Common: scenarios.Common{As: "visit"}}}}
	expect.Name = "visit"
	sc.Expect = scenarios.Expect{Connections: []scenarios.ConnectionExpect{expect}}
	return Run{Scenario: sc, Variant: "base", Timeline: tl, Judgement: check.Eval(tl, sc), RunDir: "netlab-runs/gated"}
}

// TestGated draws what gates bring about.
func TestGated(t *testing.T) {
	opened := func(play func(*tt.Script, *tt.Conn)) func(*tt.Script, *tt.Conn) {
		return func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Send(c.Opener, "hello", 5)
			play(s, c)
		}
	}
	noResets := scenarios.ConnectionExpect{Resets: checktest.Count(0, 0)}
	const fin, psh = probes.FIN | probes.ACK, probes.PSH | probes.ACK
	for _, x := range []struct {
		name   string
		opts   tt.Options
		play   func(*tt.Script, *tt.Conn)
		expect scenarios.ConnectionExpect
		full   bool
	}{
		{"crossing_close", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			c.HeldClose("fins")
			s.Matched("wire", "fins", 2)
		}), scenarios.ConnectionExpect{Closing: checktest.Pattern("client FIN", "server FIN", "server ACK", "client ACK"), TimeWait: checktest.Who("both")}, false},
		{"crossing_open", tt.Options{}, func(s *tt.Script, c *tt.Conn) { c.HeldOpen("syns") },
			scenarios.ConnectionExpect{Opening: checktest.Pattern("client SYN", "server SYN", "server SYN+ACK", "client SYN+ACK")}, true},
		{"lost_fin", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) { c.LostFirstFIN("first_fin") }), scenarios.ConnectionExpect{
			Retransmissions: checktest.Count(1, 1), FirstFIN: checktest.Who("client")}, false},
		{"injected_rst", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) { c.Shot("shot", c.Opener) }), scenarios.ConnectionExpect{
			Resets: checktest.Count(2, 2)}, false},
		{"lockstep", tt.Options{Without: []probes.Source{probes.BPF}, Observe: probes.LockstepChosen}, opened(func(s *tt.Script, c *tt.Conn) { c.FourWay(c.Opener) }),
			scenarios.ConnectionExpect{
				Ends:    []scenarios.EndExpect{{Name: "server", States: checktest.States("SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED")}},
				Closing: checktest.Pattern("client FIN", "server ACK", "server FIN", "client ACK"),
			}, false},
		{"fin_queued", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			data := c.Acceptor.Emit(psh, "226 done", 8)
			data.Drop("lost")
			c.Acceptor.Enter(probes.FinWait1)
			c.Acceptor.Emit(fin, "", 0).Arrive()
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			s.Wait(200 * time.Millisecond)
			data.Again().Deliver()
			c.Opener.Ack++ // the FIN, which is there already
			c.Opener.Enter(probes.CloseWait)
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Enter(probes.FinWait2)
		}), noResets, false},
		{"unanswered", tt.Options{}, func(s *tt.Script, c *tt.Conn) { c.Unanswered("syns", 2) }, scenarios.ConnectionExpect{
			Retransmissions: checktest.Count(2, 2)}, false},
		{"late", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			late := c.Opener.Emit(psh, "late", 4).Delay("later")
			other := c.Opener.Emit(psh, "other", 5).Reorder("behind")
			c.Opener.Emit(psh, "in time", 7).Deliver()
			other.Deliver()
			s.Wait(50 * time.Millisecond)
			late.Deliver()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Emit(psh, "too late", 8).Delay("later")
			c.Acceptor.Emit(psh, "last", 4).Reorder("behind")
		}), noResets, false},
		{"mangled", tt.Options{}, opened(func(s *tt.Script, c *tt.Conn) {
			p := c.Opener.Emit(psh, "twice", 5).Duplicate("twice", 1)
			p.Deliver()
			p.Arrive()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			q := c.Opener.Emit(psh, "flipped", 7).Corrupt("flip", false)
			q.Arrive()
			s.Wait(200 * time.Millisecond)
			q.BadSum = false
			q.Again().Corrupt("mend", true).Deliver()
			c.Acceptor.Emit(probes.ACK, "", 0).Drop(probes.ByImpair)
			c.Acceptor.Emit(psh, "jumbo", 9000).Refuse("longer than the link")
			c.Acceptor.Forge("syn", probes.Segment{Seq: c.Acceptor.Seq, Flags: probes.SYN}).Arrive()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(fin, "", 0).Hold("fin")
			s.Wait(200 * time.Millisecond)
			fin.Merge()
		}), noResets, false},
	} {
		for _, lang := range []words.Lang{words.English, words.Chinese} {
			run := gatedRun(t, x.opts, x.play, x.expect)
			s := render(t, run, Options{Lang: lang, Full: x.full})
			fits(t, s, Options{Lang: lang})
			golden(t, "gated_"+x.name+"_"+string(lang)+".txt", []byte(s))
		}
		if x.name == "late" { // what has no word of a protocol is quoted, where there is room
			wide := render(t, gatedRun(t, x.opts, x.play, x.expect), Options{Width: 110})
			mustContain(t, wide, `DATA seq=6 +4 "late" ---`, `DATA seq=15 +7 "in time" ---`, " delayed 50 ms ")
			mustContain(t, render(t, gatedRun(t, x.opts, x.play, x.expect), Options{Width: 87}), `DATA seq=15 +7 ---`, `6  DATA seq=6 +4 "late" `)
		}
		if x.name == "injected_rst" {
			mustContain(t, render(t, gatedRun(t, x.opts, x.play, x.expect), Options{Width: 90}), "-- injected RST seq=1\n")
		}
		var b bytes.Buffer
		if err := JSON(&b, gatedRun(t, x.opts, x.play, x.expect)); err != nil || !json.Valid(b.Bytes()) {
			t.Errorf("%s: report.json: %v", x.name, err)
		}
		if x.name == "crossing_close" || x.name == "injected_rst" {
			golden(t, "gated_"+x.name+".json", b.Bytes())
		}
	}
}

// TestLockstepNames names who looked in lockstep, and nobody else.
func TestLockstepNames(t *testing.T) {
	for _, x := range []struct {
		observe probes.Observe
		without []probes.Source
		en, zh  string
	}{
		{probes.Lockstep, nil, "observed in lockstep: frames and closes waited for sockdiag and ss\n", "都等待 sockdiag 和 ss 查看\n"},
		{probes.Lockstep, []probes.Source{probes.SS}, "closes waited for sockdiag\n", "都等待 sockdiag 查看\n"},
		{probes.LockstepChosen, []probes.Source{probes.BPF, probes.SockDiag}, "lockstep (no bpf): frames and closes waited for ss\n", "（没有 bpf）：每一帧和每次关闭都等待 ss 查看\n"},
		{probes.Lockstep, []probes.Source{probes.SockDiag, probes.SS}, "observed in lockstep, but nobody looked: no sockdiag, no ss\n", "锁步观察，但没有观察者查看：没有 sockdiag，也没有 ss\n"},
		{probes.LockstepChosen, []probes.Source{probes.BPF, probes.SockDiag, probes.SS}, "observed in lockstep (no bpf), but nobody looked: no sockdiag, no ss\n", "没有 bpf），但没有观察者查看"},
	} {
		run := gatedRun(t, tt.Options{Observe: x.observe, Without: x.without}, func(s *tt.Script, c *tt.Conn) { c.Open() }, scenarios.ConnectionExpect{})
		mustContain(t, render(t, run, Options{}), x.en)
		mustContain(t, render(t, run, Options{Lang: words.Chinese}), x.zh)
	}
}

// TestImpairments writes what makes links worse, once.
func TestImpairments(t *testing.T) {
	run := gatedRun(t, tt.Options{}, func(s *tt.Script, c *tt.Conn) { c.Open() }, scenarios.ConnectionExpect{Resets: checktest.Count(0, 0)})
	run.Scenario.Links[0].Impair = &scenarios.Impair{Delay: scenarios.Duration{Duration: 20 * time.Millisecond}, Loss: 10000, Rate: 10_000_000}
	run.Scenario.Links[0].Ends[1].Impair = &scenarios.Impair{Corrupt: 500}
	for _, full := range []bool{false, true} {
		s := render(t, run, Options{Full: full})
		mustContain(t, s, "impair  wire delay=20ms loss=1% rate=10Mbit, wire.server corrupt=0.05%")
		if n := strings.Count(s, "impair"); n != 1 {
			t.Errorf("said %d times in\n%s", n, s)
		}
	}
}
