package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// secureRun is a run of HTTPS with all that can be expected of it, and steps
// of other kinds behind.
func secureRun() Run {
	one := 1
	tl := checktest.HTTPSClose(checktest.Options{Root: true},
		probes.Step{Status: 200, Text: "OK", Bytes: 6, Content: "hello\n", Protocol: "HTTP/1.1", Secure: "1.3", Headers: map[string][]string{"Server": {"netlab"}}},
		func(c *checktest.Conn) {
			c.Handshake("1.3", true, false)
			c.Data(true)
			c.Data(false)
			c.Sealed(true, "1.3")
			c.Call(true, "close_notify", "sent", probes.Recorded)
			c.Call(false, "close_notify", "received", probes.Recorded)
			c.FourWay(true)
			c.Search("GET /", "server")
		})
	sc := checktest.HTTPSScenario()
	at := tl.Steps[2].Start
	for i, s := range []struct {
		step   scenarios.Step
		result probes.Step
	}{
		{scenarios.Step{Verb: "http.get", HTTPGet: &scenarios.HTTPRequest{Common: scenarios.Common{As: "again"}, URL: "https://server/again"}},
			probes.Step{Name: "again", Status: 404, Text: "Not Found", Protocol: "HTTP/1.1", Secure: "1.3", Reused: true}},
		{scenarios.Step{Verb: "exec", Exec: &scenarios.Exec{Command: []string{"curl", "-sS", "https://server/", "--cacert", "/run/netlab/ca.pem"}}},
			probes.Step{Exit: &one, Content: "\n\tcurl: (60) SSL certificate problem: unable to get local issuer certificate\nmore\n", Bytes: 412, Error: "exit status 1"}},
		{scenarios.Step{Verb: "dns.lookup", DNSLookup: &scenarios.DNSLookup{Common: scenarios.Common{As: "name"}, Query: "www.lab.test"}},
			probes.Step{Name: "name", Text: "NOERROR, over UDP", Content: "10.77.0.2", Bytes: 46}},
		{scenarios.Step{Verb: "smtp.send", SMTPSend: &scenarios.SMTPSend{From: "alice@lab.test"}}, probes.Step{Reply: 250, Text: "2.0.0 OK", Bytes: 120}},
		{scenarios.Step{Verb: "tcp.receive", TCPReceive: &scenarios.TCPReceive{Session: "line"}}, probes.Step{Error: "receive: i/o timeout"}},
	} {
		s.step.Index = 4 + i
		sc.Steps = append(sc.Steps, s.step)
		s.result.Index, s.result.Verb, s.result.Ended = s.step.Index, s.step.Verb, true
		tl.Steps = append(tl.Steps, &timeline.Step{Step: s.result, Start: at, End: at + 1e6, Begun: 1, Ended: 2})
	}
	version := scenarios.TLSVersion("1.3")
	sc.Expect.Connections = []scenarios.ConnectionExpect{{Name: "page", TLS: &version, Alerts: &[]scenarios.Alert{}, CloseNotify: checktest.Who("client"),
		Visible: []string{"server"}, Hidden: []string{"GET /"}}}
	content := "hello"
	sc.Expect.Steps = []scenarios.StepExpect{{Name: "page", Status: checktest.Count(200, 200), Content: &content,
		Headers: []scenarios.Header{{Name: "Server", Value: "nginx"}}}}
	sc.Expect.Durations = []scenarios.DurationExpect{{Name: "quick", From: scenarios.Moment{Text: "page started", Name: "page", Point: "started"},
		To: scenarios.Moment{Text: "page ended", Name: "page", Point: "ended"}, AtMost: &scenarios.Duration{Duration: time.Second}}}
	tl.Header.Programs = []probes.Program{{Name: "curl", Path: "/usr/bin/curl", Package: "curl 8.14.1-2"}, {Name: "own", Path: "/opt/own", Version: "own 1.0"}}
	tl.Header.Services = []probes.Service{{Server: "web", Node: "server", Port: 443}}
	tl.Starved = []timeline.Starved{{Time: tl.Steps[1].End, Node: "client", Late: 23e6}, {Time: tl.Steps[1].End, Late: 4e6}}
	run := makeRun(checktest.Options{Root: true}, four)
	run.Scenario, run.Timeline, run.Judgement, run.NotRun, run.Exit = sc, tl, check.Eval(tl, sc), nil, 1
	return run
}

func TestResults(t *testing.T) {
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		var b bytes.Buffer
		if err := Text(&b, secureRun(), Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		fits(t, b.String(), Options{Lang: lang})
		golden(t, "https_"+string(lang)+".txt", b.Bytes())
	}
	var b bytes.Buffer
	if err := JSON(&b, secureRun()); err != nil {
		t.Fatal(err)
	}
	golden(t, "https.json", b.Bytes())
}

func TestManyStepsAndPrograms(t *testing.T) {
	run := secureRun()
	for i := range 40 {
		s := *run.Timeline.Steps[1]
		s.Name = fmt.Sprintf("%s%d", strings.Repeat("long", 20), i)
		s.Text = strings.Repeat("wide ", 60)
		run.Timeline.Steps = append(run.Timeline.Steps, &s)
		run.Timeline.Header.Programs = append(run.Timeline.Header.Programs, probes.Program{Name: strings.Repeat("x", 100)})
		run.Timeline.Starved = append(run.Timeline.Starved, timeline.Starved{Time: run.Timeline.Open, Late: 50e6})
	}
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		s := render(t, run, Options{Lang: lang})
		fits(t, s, Options{Lang: lang})
		if n := strings.Count(s, "longlong"); n > maxSteps {
			t.Errorf("%d steps shown", n)
		}
		fits(t, render(t, run, Options{Lang: lang, Full: true}), Options{Lang: lang})
	}
	mustContain(t, render(t, run, Options{}), "... and 34 more steps", "... and 38 more times", "..")
}

func TestUntrustedResults(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;title\x07\r\nfake \u202egnp.exe\u2028\u200b\x9b31m\xff"
	run := secureRun()
	for _, s := range run.Timeline.Steps {
		s.Text, s.Content, s.Protocol, s.Secure, s.Error, s.Name = evil, evil, evil, evil, evil, evil
		s.Headers, s.Sent = map[string][]string{"Server": {evil}}, []string{evil}
	}
	for i := range run.Scenario.Steps {
		if e := run.Scenario.Steps[i].Exec; e != nil {
			e.Command = []string{evil, evil}
		}
		if g := run.Scenario.Steps[i].HTTPGet; g != nil {
			g.URL = evil
		}
	}
	run.Timeline.Header.Programs = []probes.Program{{Package: evil}, {Version: evil}, {Name: evil}}
	run.Timeline.Starved = []timeline.Starved{{Time: run.Timeline.Open, Node: evil, Late: 50e6}}
	run.Scenario.Expect.Connections[0].Hidden = []string{evil}
	for i := range run.Timeline.Connections[0].Found {
		if f := &run.Timeline.Connections[0].Found[i]; f.Text != "" {
			f.Found.Text, f.Found.Count = evil, 1
		}
	}
	run.Judgement = check.Eval(run.Timeline, run.Scenario)
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		s := render(t, run, Options{Lang: lang, Full: true})
		if strings.ContainsFunc(strings.ReplaceAll(s, "\n", ""), harmful) {
			t.Errorf("harmful characters in %q", s)
		}
		if strings.Contains(s, "\nfake") {
			t.Errorf("a line was forged in\n%s", s)
		}
		fits(t, s, Options{Lang: lang})
	}
}

// TestStepLines are what is said of steps of which little is known.
func TestStepLines(t *testing.T) {
	run := secureRun()
	at := run.Timeline.Steps[2].Start
	add := func(step scenarios.Step, result probes.Step) {
		step.Index = len(run.Scenario.Steps) + 1
		run.Scenario.Steps = append(run.Scenario.Steps, step)
		result.Index, result.Ended = step.Index, true
		run.Timeline.Steps = append(run.Timeline.Steps, &timeline.Step{Step: result, Start: at, End: at + 1e6, Begun: 1, Ended: 2})
	}
	run.Scenario.Steps, run.Timeline.Steps = nil, nil
	add(scenarios.Step{Exec: &scenarios.Exec{Command: []string{"left"}, Background: true}}, probes.Step{Name: "a"})
	add(scenarios.Step{Exec: &scenarios.Exec{Command: []string{"hung"}}}, probes.Step{Name: "b", Error: "hung did not end within 2s, and was killed"})
	add(scenarios.Step{TCPReceive: &scenarios.TCPReceive{Session: "line"}}, probes.Step{Name: "c"})
	add(scenarios.Step{TCPReceive: &scenarios.TCPReceive{Session: "line"}}, probes.Step{Name: "d", Bytes: 7, Content: "\x00\"\x1b[2J\xff"})
	run.Timeline.Header.Programs = []probes.Program{{Name: "x", Package: "curl 8"}, {Name: "y", Package: "curl 8"}, {Name: "z", Path: "/usr/bin/false"}}
	mustContain(t, render(t, run, Options{}),
		"left -> left running\n", "hung -> failed: hung did not end within 2s, and was killed\n", "line -> 0 bytes\n",
		`line -> 7 bytes, "\x00"\x1b[2J\xff"`+"\n", "programs  curl 8, false\n")
}

func TestSaid(t *testing.T) {
	for _, tt := range []struct {
		flags probes.Flags
		size  int
		text  string
		want  string
	}{
		{probes.ACK, 20, "220 ready\r\n", "220"},
		{probes.ACK, 20, "QUIT\r\n", "QUIT"},
		{probes.ACK, 20, "STARTTLS\r\n", "STARTTLS"},
		{probes.ACK, 11, "never read\n", ""}, // somebody's text
		{probes.ACK, 9, "Question", ""},
		{probes.ACK, 4, "OK\r\n", ""},
		{probes.ACK, 1448, "520\nabc", ""}, // content
		{probes.RST, 0, "", "RST"},
		{probes.ACK, 5, "\x00\x01", ""},
	} {
		s := &timeline.Segment{}
		s.Flags, s.Len, s.Text = tt.flags, tt.size, tt.text
		if got := said(s); got != tt.want {
			t.Errorf("said(%v %d %q) = %q, want %q", tt.flags, tt.size, tt.text, got, tt.want)
		}
	}
}
