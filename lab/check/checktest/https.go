package checktest

import (
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// Record sends a record of TLS from an end.
func (c *Conn) Record(opener bool, r probes.TLS) {
	e, _ := c.end(opener)
	s := c.Segment(opener, probes.PSH|probes.ACK, 5+r.Len, "")
	if len(s.Taps) == 0 {
		return // nobody captured it
	}
	r.Capture = s.Taps[0].Capture
	seq := c.b.event(probes.Event{Time: s.Sent(), Source: probes.Wire, Kind: probes.KindTLS, Grade: probes.Recorded, Node: e.Node, Flow: e.Flow, TLS: &r})
	c.TLS = append(c.TLS, timeline.TLS{Event: seq, Time: s.Sent(), From: e, Segment: s, TLS: &r})
}

// Call records a call of TLS by the program at an end.
func (c *Conn) Call(opener bool, name, args string, grade probes.Grade) {
	e, _ := c.end(opener)
	c.b.event(probes.Event{Source: probes.Calls, Kind: probes.KindCall, Grade: grade, Node: e.Node, Sock: e.Sock, Flow: e.Flow,
		Call: &probes.Call{Name: name, Args: args, Workload: "web", End: c.b.now}})
}

// Search reads the streams of both ends, and looks for texts.
func (c *Conn) Search(texts ...string) {
	if !c.b.has(probes.Wire) {
		return
	}
	for i, e := range c.Ends() {
		for _, text := range append([]string{""}, texts...) {
			f := timeline.Found{Time: c.b.now, From: e, Node: e.Node, Found: &probes.Found{Text: text}}
			if text != "" {
				f.Count = strings.Count(c.out[i], text)
			}
			for _, s := range c.Segments {
				if f.Count > 0 && len(f.Segments) == 0 && s.Opener == (i == 0) && strings.Contains(s.Text, text) {
					f.Segments, f.Time = append(f.Segments, s), s.Sent()
				}
			}
			f.Event = c.b.event(probes.Event{Time: f.Time, Source: probes.Wire, Kind: probes.KindFound, Grade: probes.Recorded, Node: e.Node, Flow: e.Flow, Found: f.Found})
			c.Found = append(c.Found, f)
		}
	}
}

// Handshake plays that of TLS 1.2 or 1.3; ours says which ends run programs
// that record their calls.
func (c *Conn) Handshake(version string, ours ...bool) {
	sealed := func(opener bool, record string, n int) {
		c.Record(opener, probes.TLS{Record: record, Version: "1.2", Sealed: true, Len: n})
	}
	c.Record(true, probes.TLS{Record: "handshake", Version: "1.0", Message: "client_hello", Names: []string{"server"}, Len: 200})
	c.Record(false, probes.TLS{Record: "handshake", Version: version, Message: "server_hello", Cipher: "TLS_AES_128_GCM_SHA256", Len: 118})
	if version == "1.3" {
		sealed(false, "application_data", 800)
		sealed(true, "application_data", 53)
	} else {
		c.Record(false, probes.TLS{Record: "handshake", Version: version, Message: "certificate", Names: []string{"server"}, Len: 600})
		sealed(true, "handshake", 40)
		sealed(false, "handshake", 40)
	}
	for _, opener := range ours {
		c.Call(opener, "handshake", version, probes.Recorded)
	}
}

// Data sends something encrypted.
func (c *Conn) Data(opener bool) {
	c.Record(opener, probes.TLS{Record: "application_data", Version: "1.2", Sealed: true, Len: 120})
}

// Sealed sends an encrypted alert, as it looks in the version.
func (c *Conn) Sealed(opener bool, version string) {
	r := probes.TLS{Record: "alert", Version: "1.2", Sealed: true, Len: 26}
	if version == "1.3" {
		r.Record, r.Len = "application_data", 19
	}
	c.Record(opener, r)
}

// HTTPSClose writes the run of one HTTPS request, whose connection is opened
// and then played by play.
func HTTPSClose(opts Options, result probes.Step, play func(*Conn)) *timeline.Timeline {
	b := New(opts)
	b.Step("http.client", "browser", probes.Step{}, func() {})
	b.Step("http.get", "page", result, func() {
		c := b.Dial("client", "server", 443, "web")
		c.Open()
		play(c)
	})
	b.Step("settle", "", probes.Step{}, func() {})
	return b.Done()
}

// HTTPSScenario is the scenario of HTTPSClose, expecting nothing.
func HTTPSScenario() *scenarios.Scenario {
	at := func(line int) scenarios.Pos {
		return scenarios.Pos{File: "https-close.yaml", Line: line, Column: 5}
	}
	sc := FTPScenario()
	sc.Name, sc.Connections, sc.Expect, sc.Variants = "https-close", nil, scenarios.Expect{}, nil
	sc.Title = scenarios.Text{EN: "How an HTTPS connection ends", ZH: "HTTPS 连接如何结束"}
	sc.Servers = []scenarios.Server{{Name: "web", Node: "server", HTTPS: &scenarios.HTTPSServer{}}}
	sc.Steps = []scenarios.Step{
		{At: at(10), Index: 1, Verb: "http.client", HTTPClient: &scenarios.HTTPClient{Common: scenarios.Common{As: "browser"}, Node: "client"}},
		{At: at(11), Index: 2, Verb: "http.get", HTTPGet: &scenarios.HTTPRequest{Common: scenarios.Common{As: "page"}, Session: "browser", To: "web"}},
		{At: at(12), Index: 3, Verb: "settle", Settle: &scenarios.Settle{}},
	}
	return sc
}
