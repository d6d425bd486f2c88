package timeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

// owners writes whose the connections are.
func owners(tl *timeline.Timeline) []string {
	var list []string
	for _, c := range tl.Connections {
		list = append(list, fmt.Sprintf("%d %s step %d", c.Acceptor.Flow.Local.Port(), c.Server, c.Step))
	}
	return list
}

// TestServices names servers that record no calls.
func TestServices(t *testing.T) {
	session := tt.FTPClose(tt.Options{Without: []probes.Source{probes.Calls}}, func(c *tt.Conn) { c.FourWay(c.Opener) })
	ftpd := probes.Service{Server: "ftpd", Node: tt.Server, Port: tt.FTPPort}
	for _, c := range []struct {
		name     string
		services []probes.Service
		want     []string
	}{
		{"none", nil, []string{"21  step 1", "2122  step 3"}},
		{"one", []probes.Service{ftpd}, []string{"21 ftpd step 1", "2122 ftpd step 3"}},
		{"elsewhere", []probes.Service{{Server: "ftpd", Node: tt.Client, Port: tt.FTPPort}}, []string{"21  step 1", "2122  step 3"}},
		{"beside another", []probes.Service{ftpd, {Server: "www", Node: tt.Server, Port: 80}}, []string{"21 ftpd step 1", "2122 ftpd step 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := session.Header()
			h.Services = c.services
			tl, err := timeline.Build(h, session.Events())
			if err != nil {
				t.Fatalf("build: %v", err)
			}
			if diff := cmp.Diff(c.want, owners(tl)); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSessionsOfTwoServers shows that of two servers that may have had a data
// connection none is said to have.
func TestSessionsOfTwoServers(t *testing.T) {
	s := tt.New(tt.Options{Without: []probes.Source{probes.Calls}})
	s.Step("exec", "", &probes.Step{Exit: new(int)}, func() {
		one, two := s.Dial(21), s.Dial(2121)
		one.Open()
		two.Open()
		for _, c := range []*tt.Conn{one, two} {
			c.Send(c.Opener, "EPSV", 6)
		}
		data := s.Dial(50000)
		data.Open()
		data.FourWay(data.Opener)
		one.FourWay(one.Opener)
		data = s.Dial(50001)
		data.Open()
		data.FourWay(data.Opener)
		two.FourWay(two.Opener)
	})
	s.Finish()
	h := s.Header()
	h.Services = []probes.Service{{Server: "one", Node: tt.Server, Port: 21}, {Server: "two", Node: tt.Server, Port: 2121}}
	tl, err := timeline.Build(h, s.Events())
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	want := []string{"21 one step 1", "2121 two step 1", "50000  step 1", "50001 two step 1"}
	if diff := cmp.Diff(want, owners(tl)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

// TestNoSession shows that a connection to a port that nobody names is none of
// a server with which its client has another, unless that is FTP's.
func TestNoSession(t *testing.T) {
	visit := func(s *tt.Script) {
		c := s.Dial(50000)
		c.Open()
		c.FourWay(c.Opener)
	}
	during := func(verb, said string, port uint16, verbs ...string) *tt.Script {
		s := tt.New(tt.Options{})
		s.Listen(port, "server")
		var c *tt.Conn
		s.Step(verb, "", &probes.Step{}, func() {
			c = s.Dial(port)
			c.Open()
			c.Send(c.Opener, said, len(said))
		})
		for _, verb := range verbs {
			s.Step(verb, "", &probes.Step{Exit: new(int)}, func() { visit(s) })
		}
		s.Step(verb[:strings.Index(verb, ".")]+".close", "", &probes.Step{}, func() { c.FourWay(c.Opener) })
		s.Step("sleep", "", nil, func() { visit(s) })
		s.Finish()
		return s
	}
	for _, c := range []struct {
		name   string
		script *tt.Script
		want   []string
	}{
		{"a step of FTP", during("ftp.connect", "EPSV", 21, "ftp.list"), []string{"21 server step 1", "50000 server step 2", "50000  step 4"}},
		{"another program", during("ftp.connect", "EPSV", 21, "exec"), []string{"21 server step 1", "50000  step 2", "50000  step 4"}},
		{"HTTP", during("http.get", "GET / HTTP/1.1", 80, "http.get"), []string{"80 server step 1", "50000  step 2", "50000  step 4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := edit(c.script, func(e probes.Event) bool {
				return e.Node == tt.Server && e.Kind == probes.KindCall && e.Flow.Local.Port() == 50000
			}, func(e *probes.Event) {
				if e.Kind == probes.KindStep && e.Step.Verb == "exec" {
					e.Node = tt.Client
				}
			})
			tl, err := timeline.Build(c.script.Header(), events)
			if err != nil {
				t.Fatalf("build: %v", err)
			}
			if diff := cmp.Diff(c.want, owners(tl)); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefusedHasNoServer shows that a connection that was refused is none that
// a server had, though the same client has one with a server there.
func TestRefusedHasNoServer(t *testing.T) {
	for _, opts := range []tt.Options{{}, {Without: []probes.Source{probes.Calls}}} {
		s := tt.New(opts)
		s.Listen(80, "www")
		s.Step("http.get", "", &probes.Step{}, func() {
			c := s.Dial(80)
			c.Open()
			d := s.Dial(81)
			d.Opener.Call("connect", "", "ECONNREFUSED", 0, func() { d.Refuse() })
			c.FourWay(c.Opener)
		})
		s.Finish()
		h := s.Header()
		h.Services = []probes.Service{{Server: "www", Node: tt.Server, Port: 80}}
		tl, err := timeline.Build(h, s.Events())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"80 www step 1", "81  step 1"}, owners(tl)); diff != "" {
			t.Errorf("without %v (-want +got):\n%s", opts.Without, diff)
		}
	}
}

// TestConnectedOnce shows that a connection belongs to the step that opened it,
// whatever steps call connect on its sockets afterwards.
func TestConnectedOnce(t *testing.T) {
	s := tt.New(tt.Options{})
	var c *tt.Conn
	s.Step("tcp.connect", "call", &probes.Step{}, func() {
		c = s.Dial(80)
		c.Open()
	})
	s.Step("tcp.reopen", "", &probes.Step{}, func() {
		c.Opener.Call("connect", "", "", 0, func() {})
		c.Acceptor.Call("connect", "", "EISCONN", 0, func() {})
	})
	c.FourWay(c.Opener)
	s.Finish()
	tl, err := timeline.Build(s.Header(), s.Events())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"80  step 1"}, owners(tl)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPrograms finds the program that opened a connection, where only one can
// have.
func TestPrograms(t *testing.T) {
	visit := func(s *tt.Script, port uint16) {
		c := s.Dial(port)
		c.Open()
		c.FourWay(c.Opener)
		s.Wait(time.Millisecond)
	}
	s := tt.New(tt.Options{Without: []probes.Source{probes.Calls}})
	s.Step("exec", "first", nil, func() { s.Wait(time.Millisecond) }) // in the background
	s.Step("sleep", "", nil, func() { visit(s, 80) })
	s.Step("exec", "second", nil, func() {})
	s.Step("sleep", "", nil, func() { visit(s, 81) })
	s.Step("exec.wait", "", &probes.Step{Exit: new(int)}, func() { visit(s, 82) }) // for which, nobody says
	s.Finish()
	only := tt.New(tt.Options{Without: []probes.Source{probes.Calls}})
	only.Step("exec", "only", nil, func() {})
	only.Step("exec.wait", "", &probes.Step{Exit: new(int)}, func() { visit(only, 80) })
	only.Step("exec", "", &probes.Step{Exit: new(int)}, func() { visit(only, 81) })
	only.Step("sleep", "", nil, func() { visit(only, 82) })
	only.Finish()
	for _, c := range []struct {
		name   string
		script *tt.Script
		want   []string
	}{
		{"two", s, []string{"80  step 1", "81  step 0", "82  step 0"}},
		{"one after another", only, []string{"80  step 1", "81  step 3", "82  step 4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := edit(c.script, nil, func(e *probes.Event) {
				if e.Kind == probes.KindStep && e.Step.Verb != "sleep" {
					e.Node = tt.Client
				}
			})
			tl, err := timeline.Build(c.script.Header(), events)
			if err != nil {
				t.Fatalf("build: %v", err)
			}
			if diff := cmp.Diff(c.want, owners(tl)); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAttached shows that what was read in streams and tracked is the
// connection's, whichever side of a translator it was seen on.
func TestAttached(t *testing.T) {
	s := tt.One(tt.Options{Path: tt.Translated, PortShift: 1000}, func(s *tt.Script, c *tt.Conn) {
		clientFirst(s, c)
		s.Wait(time.Second)
		clientFirst(s, s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80))
	})
	events := s.Events()
	var seen []probes.Event // of what bears data
	for _, e := range events {
		if e.Kind == probes.KindSegment && e.Segment.Len > 0 {
			seen = append(seen, e)
		}
	}
	last := seen[len(seen)-1] // at the server, in the second incarnation
	add := func(e probes.Event) {
		e.Seq = uint64(len(events) + 1)
		events = append(events, e)
	}
	for i, e := range []probes.Event{seen[0], seen[len(seen)-4]} { // at the client
		add(probes.Event{Time: e.Time, Source: probes.Wire, Kind: probes.KindTLS, Node: tt.Client, Flow: e.Flow,
			TLS: &probes.TLS{Record: "handshake", Message: []string{"client_hello", "certificate"}[i], Capture: e.Segment.Capture}})
	}
	add(probes.Event{Time: last.Time, Source: probes.Wire, Kind: probes.KindTLS, Node: tt.Router, Flow: last.Flow.Reverse(), // the same again
		TLS: &probes.TLS{Record: "alert", Capture: last.Segment.Capture}})
	add(probes.Event{Time: s.Now(), Source: probes.Wire, Kind: probes.KindFound, Flow: seen[0].Flow,
		Found: &probes.Found{Text: "GET", Count: 1, Capture: []uint64{seen[0].Segment.Capture}}})
	add(probes.Event{Time: s.Now(), Source: probes.Wire, Kind: probes.KindFound, Node: tt.Router, Flow: last.Flow,
		Found: &probes.Found{Text: "secret"}})
	add(probes.Event{Time: seen[0].Time, Source: probes.Wire, Kind: probes.KindTrack, Flow: seen[0].Flow,
		Track: &probes.Track{Change: "update", Reply: last.Flow, State: "ESTABLISHED"}})
	add(probes.Event{Time: s.Now(), Source: probes.Wire, Kind: probes.KindTLS, Flow: probes.Flow{}, TLS: &probes.TLS{}})
	add(probes.Event{Time: s.Now(), Source: probes.Lab, Kind: probes.KindMark, Mark: probes.Starved, Late: 12e6})
	tl, err := timeline.Build(s.Header(), events)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	var got []string
	for _, c := range tl.Connections {
		for _, x := range c.TLS {
			got = append(got, fmt.Sprintf("%d %s %s%s", c.Ordinal, x.From.Node, x.Record, x.Message))
			if x.Segment == nil || x.Segment.Connection != c || x.Segment.Len == 0 {
				t.Errorf("e%d is in the segment %v", x.Event, x.Segment)
			}
		}
		for _, x := range c.Found {
			got = append(got, fmt.Sprintf("%d %s %s %d", c.Ordinal, x.From.Node, x.Text, len(x.Segments)))
		}
		for _, x := range c.Tracks {
			got = append(got, fmt.Sprintf("%d %s %s", c.Ordinal, x.Original.Node, x.State))
		}
	}
	slices.Sort(got)
	want := []string{"1 client ESTABLISHED", "1 client GET 1", "1 client handshakeclient_hello", "2 client handshakecertificate", "2 server secret 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attached (-want +got):\n%s", diff)
	}
	if len(tl.Starved) != 1 || tl.Starved[0].Late != 12e6 {
		t.Errorf("starved: %v", tl.Starved)
	}
}
