package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

func render(t *testing.T, run Run, opts Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, run, opts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// fits fails if a line is wider than the terminal.
func fits(t *testing.T, s string, opts Options) {
	t.Helper()
	x := newText(opts)
	for l := range strings.Lines(s) {
		path := strings.HasPrefix(l, "run directory") || strings.HasPrefix(l, "运行目录") // never shortened
		if l = strings.TrimRight(l, "\n"); x.wide(l) > x.width && !path {
			t.Errorf("%d cells wide, at most %d: %q", x.wide(l), x.width, l)
		}
	}
}

func mustContain(t *testing.T, s string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(s, w) {
			t.Errorf("%q is missing in\n%s", w, s)
		}
	}
}

// Whatever is in a scenario, on the wire or in a log is shown, and does
// nothing to the terminal.
func TestUntrustedText(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;title\x07\r\nfake \u202egnp.exe\u2028\u200b\x9b31m\xff"
	run := makeRun(checktest.Options{Root: true}, four)
	run.Scenario.Title.EN, run.Scenario.Title.ZH = evil, evil
	run.Variant, run.RunDir = evil, evil
	run.Timeline.Header.Kernel = evil
	run.Timeline.Segments[3].Text = "220 " + evil
	run.Timeline.Segments[5].Text = evil
	run.Timeline.Conflicts = append(run.Timeline.Conflicts, timeline.Conflict{Endpoint: run.Timeline.Connections[0].Opener, Text: evil})
	run.Timeline.Steps[3].Error, run.Timeline.Steps[3].Reply, run.Timeline.Steps[3].Text = evil, 500, evil
	run.Timeline.Connections[0].Server = evil
	run.Plan.Settings[0].Value = evil
	run.NotRun[0].Note.EN, run.NotRun[0].Note.ZH = evil, evil
	run.Breakdown[0].Name = evil
	run.Judgement = check.Eval(run.Timeline, run.Scenario)
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		for _, full := range []bool{false, true} {
			s := render(t, run, Options{Lang: lang, Full: full})
			if strings.ContainsFunc(strings.ReplaceAll(s, "\n", ""), harmful) || !utf8.ValidString(s) {
				t.Errorf("harmful characters in %q", s)
			}
			if strings.Contains(s, "\nfake") {
				t.Errorf("a line was forged in\n%s", s)
			}
			mustContain(t, s, `\x1b[2J`, `\u202e`)
			fits(t, s, Options{Lang: lang})
		}
	}
	var b bytes.Buffer
	if err := JSON(&b, run); err != nil || !json.Valid(b.Bytes()) || bytes.ContainsAny(b.Bytes(), "\x1b\x07\r") {
		t.Errorf("report.json: %v", err)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[0m", "\xff\xfe", "四次挥手", "a\u202eb", "\u009b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := clean(s)
		if strings.ContainsFunc(c, harmful) || !utf8.ValidString(c) || clean(c) != c {
			t.Errorf("clean(%q) = %q", s, c)
		}
		x := newText(Options{Lang: words.Chinese})
		bare := strings.NewReplacer(" ", "", "\u00a0", "")
		if got := strings.Join(x.wrap(c, 20), ""); bare.Replace(got) != bare.Replace(c) {
			t.Errorf("wrap(%q) lost text: %q", c, got)
		}
	})
}

func TestColour(t *testing.T) {
	run := makeRun(checktest.Options{Root: true}, three)
	if s := render(t, run, Options{}); strings.Contains(s, "\x1b") {
		t.Error("colour without being asked for")
	}
	coloured := render(t, run, Options{Color: true})
	mustContain(t, coloured, green+"  ok  "+plain, red+"fail  "+plain, red+"FAIL"+plain)
	stripped := strings.NewReplacer(green, "", red, "", yellow, "", plain, "").Replace(coloured)
	if stripped != render(t, run, Options{}) {
		t.Error("colour changes more than colour")
	}
}

func TestManyNodesAndLongNames(t *testing.T) {
	run := makeRun(checktest.Options{Root: true}, four)
	long := strings.Repeat("very-", 8) + "long"
	run.Plan.Links = nil
	for i := range 12 {
		a := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, byte(i), 1}), 24)
		run.Plan.Links = append(run.Plan.Links, plan.Link{Name: fmt.Sprintf("link%d", i), Ends: [2]plan.End{
			{Node: fmt.Sprintf("%s%d", long, i), Addresses: []netip.Prefix{a}}, {Node: "switch", Switch: true}}})
	}
	for _, e := range run.Timeline.Connections[0].Ends() {
		e.Node = long + e.Node
	}
	for i := range run.Scenario.Expect.Connections {
		x := &run.Scenario.Expect.Connections[i]
		for k := range x.Ends {
			x.Ends[k].Name = long + x.Ends[k].Name
		}
	}
	for i := range 8 {
		run.Plan.Settings = append(run.Plan.Settings, plan.Setting{Name: fmt.Sprintf("node%d.net.ipv4.tcp_fin_timeout", i), Value: "30"})
	}
	run.Judgement = check.Eval(run.Timeline, run.Scenario)
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		for _, width := range []int{0, 60, 80, 120} {
			s := render(t, run, Options{Lang: lang, Width: width})
			fits(t, s, Options{Lang: lang, Width: width})
			mustContain(t, s, "6", "netlab plan", "control."+long+"client.states")
		}
	}
}

func TestEdges(t *testing.T) {
	nothingExpected := func(run *Run) {
		run.Scenario.Expect = scenarios.Expect{}
		run.Judgement = check.Eval(run.Timeline, run.Scenario)
	}
	noTimeline := func(run *Run) {
		problem := words.M(words.CheckRunCutShort)
		run.Timeline, run.Judgement = nil, &check.Judgement{Outcome: check.Inconclusive, Problem: &problem}
	}
	noPlan := func(run *Run) { run.Plan, run.UpTime, run.Elapsed, run.RunDir = nil, 0, 0, "" }
	noFrames := func(run *Run) {
		*run = makeRun(checktest.Options{Root: true, Without: []probes.Source{probes.Wire}}, four)
	}
	noConnections := func(run *Run) {
		run.Timeline.Connections, run.Timeline.Segments = nil, nil
		run.Judgement = check.Eval(run.Timeline, run.Scenario)
	}
	manyConnections := func(run *Run) {
		for range 30 {
			run.Timeline.Connections = append(run.Timeline.Connections, run.Timeline.Connections[1])
		}
	}
	notClosed := func(run *Run) {
		run.Timeline.Steps[4].Error = "still open"
		run.Scenario.Steps[4].Settle.Within = scenarios.Duration{Duration: 3 * time.Second}
		server := run.Timeline.Connections[0].Acceptor
		server.History = server.History[:3] // ends in CLOSE-WAIT
		run.Timeline.Connections[0].Segments = run.Timeline.Connections[0].Segments[:len(run.Timeline.Connections[0].Segments)-2]
		client := run.Timeline.Connections[0].Opener
		client.History = client.History[:5]
		run.Judgement = check.Eval(run.Timeline, run.Scenario)
	}
	resent := func(run *Run) {
		s := run.Timeline.Connections[0].Segments
		s[len(s)-4].Taps = s[len(s)-4].Taps[:1] // the first FIN does not arrive
		again := *s[len(s)-4]
		again.Retransmission, again.Frame = true, 99
		run.Timeline.Connections[0].Segments = append(s, &again)
	}
	for _, tt := range []struct {
		name string
		edit func(*Run)
		want []string
	}{
		{"nothing expected", nothingExpected, []string{"DONE  nothing was expected"}},
		{"no timeline", noTimeline, []string{"inconclusive: the run ended before its window was closed", "INCONCLUSIVE"}},
		{"no plan", noPlan, []string{"PASS  8 of 8.  The sentence: PARTLY TRUE."}},
		{"no frames", noFrames, []string{"no segment captured", "FIN-WAIT-2   B"}},
		{"no connections", noConnections, []string{"no connection", "FAIL"}},
		{"many connections", manyConnections, []string{"... and 19 more connections"}},
		{"not closed", notClosed, []string{`settle: "control" still open after 3 s: client FIN-WAIT-2 since`, "server CLOSE-WAIT since 0.002 s",
			"has not called close() after the client's FIN (frame 31)", "see ftpd.close, or expect this: settle: {until: {control: {server: CLOSE-WAIT}}}"}},
		{"not at rest", func(run *Run) { run.Timeline.Steps[4].Error = "not at rest" }, []string{
			"PASS  8 of 8, not at rest: steps[4].settle ran out.  The sentence: PARTLY TRUE"}},
		{"lost and sent again", resent, []string{"-x", "FIN seq=50 again"}},
		{"not root", func(run *Run) { *run = makeRun(checktest.Options{}, four) }, []string{"no bpf"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := makeRun(checktest.Options{Root: true}, four)
			tt.edit(&run)
			for _, full := range []bool{false, true} {
				for _, lang := range []words.Lang{words.English, words.Chinese} {
					s := render(t, run, Options{Lang: lang, Full: full})
					fits(t, s, Options{Lang: lang})
					if lang == words.English && !full {
						mustContain(t, strings.Join(strings.Fields(s), " "), joined(tt.want)...)
					}
				}
			}
			var b bytes.Buffer
			if err := JSON(&b, run); err != nil || !json.Valid(b.Bytes()) {
				t.Errorf("JSON: %v", err)
			}
			if tt.name == "not at rest" {
				mustContain(t, b.String(), `"not_at_rest": [`, `"steps[4].settle"`)
			}
		})
	}
}

func joined(wants []string) []string {
	var out []string
	for _, w := range wants {
		out = append(out, strings.Join(strings.Fields(w), " "))
	}
	return out
}

// A long closing is shortened in the middle.
func TestLongClosing(t *testing.T) {
	run := makeRun(checktest.Options{Root: true}, func(c *checktest.Conn) {
		c.Segment(true, probes.FIN|probes.ACK, 0, "")
		c.Enter(true, probes.FinWait1)
		c.Enter(false, probes.CloseWait)
		for range 400 {
			c.Segment(false, probes.PSH|probes.ACK, 1448, "")
			c.Segment(true, probes.ACK, 0, "")
		}
		c.Segment(false, probes.FIN|probes.ACK, 0, "")
	})
	s := render(t, run, Options{})
	fits(t, s, Options{})
	if n := strings.Count(s, "\n"); n > 70 {
		t.Errorf("%d lines:\n%s", n, s)
	}
	mustContain(t, s, "788 segments")
}

func TestJSON(t *testing.T) {
	run := makeRun(checktest.Options{Root: true}, three)
	var a, b, v bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := JSON(w, run); err != nil {
			t.Fatal(err)
		}
	}
	if a.String() != b.String() {
		t.Error("two reports of one run differ")
	}
	golden(t, "fail.json", a.Bytes())
	if err := Verdicts(&v, run.Judgement); err != nil {
		t.Fatal(err)
	}
	golden(t, "verdicts.json", v.Bytes())
	for i := range run.Scenario.Expect.Connections { // judged again, from a file elsewhere
		run.Scenario.Expect.Connections[i].At.File = "elsewhere.yaml"
	}
	var again bytes.Buffer
	if err := Verdicts(&again, check.Eval(run.Timeline, run.Scenario)); err != nil {
		t.Fatal(err)
	}
	if v.String() != again.String() {
		t.Error("judging again gives other bytes")
	}
}
