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
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"
)

// replayed plays a run whose kernel tells all that it can.
func replayed(t *testing.T, play func(*timelinetest.Script, *timelinetest.Conn)) Run {
	t.Helper()
	s := timelinetest.One(timelinetest.Options{Lives: true}, play)
	tl, err := timeline.Build(s.Header(), s.Events())
	if err != nil {
		t.Fatal(err)
	}
	sc := checktest.FTPScenario()
	return Run{Scenario: sc, Variant: "base", Timeline: tl, Judgement: check.Eval(tl, sc)}
}

// closes plays a close of the server so long after the client's FIN, which it
// acknowledges before if separate.
func closes(after time.Duration, separate bool) func(*timelinetest.Script, *timelinetest.Conn) {
	return func(s *timelinetest.Script, c *timelinetest.Conn) {
		c.Open()
		c.Send(c.Opener, "QUIT", 6)
		c.Opener.Enter(probes.FinWait1)
		c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Deliver()
		c.Acceptor.Enter(probes.CloseWait)
		if separate {
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
		}
		s.Wait(after)
		c.Acceptor.Enter(probes.LastAck)
		c.Acceptor.Emit(probes.FIN|probes.ACK, "", 0).Deliver()
		c.Opener.Enter(probes.FinWait2)
		c.Opener.Emit(probes.ACK, "", 0).Deliver()
		c.Opener.Mini(probes.TimeWait)
		c.Acceptor.Enter(probes.Closed)
	}
}

func unread(s *timelinetest.Script, c *timelinetest.Conn) {
	c.Open()
	c.Opener.Enter(probes.Closed)
	c.Opener.Kernel(probes.Event{Kind: probes.KindReset, Old: probes.Closed, Reset: &probes.Reset{Dir: probes.Out, Reason: "TCP_ABORT_ON_CLOSE"}})
	c.Opener.Emit(probes.RST|probes.ACK, "", 0).Deliver()
	c.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Old: probes.Established, Reset: &probes.Reset{Dir: probes.In}})
	c.Acceptor.Enter(probes.Closed)
	c.Acceptor.Kernel(probes.Event{Kind: probes.KindFault, Old: probes.Closed, Fault: &probes.Fault{Errno: "ECONNRESET"}})
}

// TestKernelText reads what the kernel told, and what a close was to take.
func TestKernelText(t *testing.T) {
	for _, c := range []struct {
		name   string
		play   func(*timelinetest.Script, *timelinetest.Conn)
		en, zh []string // in the report, whatever the line ends
	}{
		{"three segments", closes(300*time.Microsecond, false),
			[]string{"3 segments, as foreseen: server closed 0.30 ms after client's FIN came, before its delayed ACK was due (40 ms, as it had received data).", "mini"},
			[]string{"3 个报文段，与预测一致", "因为它收到过数据"}},
		{"four segments", closes(60*time.Millisecond, true),
			[]string{"4 segments, as foreseen: server closed 60 ms after client's FIN came, when its delayed ACK was overdue (40 ms, as it had received data)."},
			[]string{"4 个报文段，与预测一致"}},
		{"otherwise than foreseen", closes(300*time.Microsecond, true),
			[]string{"4 segments, where 3 were foreseen: server closed 0.3"},
			[]string{"4 个报文段，而预测为 3 个"}},
		{"a reset", unread,
			[]string{"client sent a RST: its program closed with data that it had not read (the kernel says TCP_ABORT_ON_CLOSE).", "server: request"},
			[]string{"client 发送 RST：程序关闭时还有数据没有读取（内核给出的原因是 TCP_ABORT_ON_CLOSE）。"}},
	} {
		run := replayed(t, c.play)
		for lang, want := range map[words.Lang][]string{words.English: c.en, words.Chinese: c.zh} {
			var b bytes.Buffer
			if err := Text(&b, run, Options{Lang: lang}); err != nil {
				t.Fatal(err)
			}
			bare := func(s string) string { return strings.Join(strings.Fields(s), "") } // wherever lines were broken
			got := bare(b.String())
			for _, text := range want {
				if !strings.Contains(got, bare(text)) {
					t.Errorf("%s, %s: %q is missing in\n%s", c.name, lang, text, b.String())
				}
			}
		}
	}
}

// TestKernelJSON has report.json tell it, too.
func TestKernelJSON(t *testing.T) {
	read := func(play func(*timelinetest.Script, *timelinetest.Conn)) connection {
		var b bytes.Buffer
		if err := JSON(&b, replayed(t, play)); err != nil {
			t.Fatal(err)
		}
		var d struct{ Connections []connection }
		if err := json.Unmarshal(b.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		return d.Connections[0]
	}
	c := read(unread)
	if r := c.Opener.Resets; len(r) != 1 || r[0].Cause != timeline.UnreadData || r[0].Reason != "TCP_ABORT_ON_CLOSE" || r[0].Frame == 0 || r[0].Dir != probes.Out {
		t.Errorf("the opener's resets: %+v", r)
	}
	if r, f := c.Acceptor.Resets, c.Acceptor.Faults; len(r) != 1 || r[0].Dir != probes.In || len(f) != 1 || f[0].Errno != "ECONNRESET" {
		t.Errorf("the acceptor's resets: %+v, and faults: %+v", r, f)
	}
	c = read(closes(300*time.Microsecond, false))
	if c.Close == nil || c.Close.Foreseen != 3 || c.Close.Came != 3 || c.Close.First != "client" || c.Close.Rule != timeline.ClosedBefore || !c.Close.Received {
		t.Errorf("the close: %+v", c.Close)
	}
	if o := c.Opener.Objects; len(o) != 2 || o[1].Object != probes.MiniObject || o[0].End != timeline.HandedOver || o[1].Until != nil {
		t.Errorf("the opener's objects: %+v", o)
	}
}

// TestCauses has every cause of a RST said in words, in both languages.
func TestCauses(t *testing.T) {
	for cause, id := range causes {
		for _, lang := range []words.Lang{words.English, words.Chinese} {
			if s := newText(Options{Lang: lang}).say(id); strings.Contains(s, string(id)) || len(s) < 10 {
				t.Errorf("%s in %s: %q", cause, lang, s)
			}
		}
	}
}
