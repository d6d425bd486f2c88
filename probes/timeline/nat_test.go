package timeline_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

// ports writes the tuples of a connection with its translations.
func ports(c *timeline.Connection) []string {
	flow := func(f probes.Flow) string { return f.Local.String() + " -> " + f.Remote.String() }
	list := []string{c.Opener.Node + " " + flow(c.Opener.Flow), c.Acceptor.Node + " " + flow(c.Acceptor.Flow)}
	for _, tr := range c.Translations {
		list = append(list, tr.Node+" "+flow(tr.Before)+" => "+flow(tr.After))
	}
	return list
}

// helped plays a session of FTP whose router rewrites PORT.
func helped(s *tt.Script, c *tt.Conn) {
	c.Open()
	c.Send(c.Acceptor, "220 ready", 11)
	c.SendGrown(c.Opener, "PORT 10,77,0,1,163,97", 23, 4)
	c.Send(c.Acceptor, "200 fine", 10)
	c.SendGrown(c.Opener, "PORT 10,77,0,1,163,98", 23, -3)
	c.Send(c.Acceptor, "200 fine", 10)
	c.Send(c.Opener, "QUIT", 6)
	c.FourWay(c.Opener)
}

// TestTranslated follows connections through a router that masquerades.
func TestTranslated(t *testing.T) {
	four := []string{activeClose, passiveClose}
	for _, c := range []struct {
		name      string
		script    *tt.Script
		histories []string
		segments  int
		ports     []string // of the first connection
	}{
		{"port changed", tt.One(tt.Options{Path: tt.Translated, PortShift: 20000}, clientFirst), four, 9, []string{
			"client 10.77.0.1:41824 -> 10.77.1.2:80", "server 10.77.1.2:80 -> 10.77.1.254:61824",
			"router 10.77.0.1:41824 -> 10.77.1.2:80 => 10.77.1.254:61824 -> 10.77.1.2:80"}},
		{"port kept", tt.One(tt.Options{Path: tt.Translated}, clientFirst), four, 9, nil},
		{"six", tt.One(tt.Options{Path: tt.Translated, IPv6: true, PortShift: 1}, clientFirst), four, 9, nil},
		{"helper", tt.One(tt.Options{Path: tt.Translated, PortShift: 1}, helped), four, 19, nil},
		{"helper six", tt.One(tt.Options{Path: tt.Translated, PortShift: 1, IPv6: true}, helped), four, 19, nil},
		{"active mode", tt.One(tt.Options{Path: tt.Translated, PortShift: 7}, func(s *tt.Script, _ *tt.Conn) {
			s.ListenAt(tt.Client, 40000, "dialer")
			c := s.DialPorts(tt.Server, 20, 40000)
			c.Open()
			c.Send(c.Opener, "", 100)
			c.FourWay(c.Opener)
		}), four, 9, []string{
			"server 10.77.1.2:20 -> 10.77.1.254:40007", "client 10.77.0.1:40000 -> 10.77.1.2:20",
			"router 10.77.1.2:20 -> 10.77.1.254:40007 => 10.77.1.2:20 -> 10.77.0.1:40000"}},
		{"port used again", tt.One(tt.Options{Path: tt.Translated, PortShift: 20000}, func(s *tt.Script, c *tt.Conn) {
			clientFirst(s, c)
			s.Wait(time.Second)
			clientFirst(s, s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80))
		}), append(four, four...), 18, nil},
		{"refused by the server", tt.One(tt.Options{Path: tt.Translated, PortShift: 1}, func(s *tt.Script, c *tt.Conn) {
			s.Dial(81).Refuse()
		}), []string{"CLOSED SYN-SENT CLOSED", ""}, 2, nil},
		{"rejected by the router", tt.One(tt.Options{Path: tt.Translated, PortShift: 1}, func(s *tt.Script, c *tt.Conn) {
			c.Opener.Call("connect", "", "ECONNREFUSED", 0, func() {
				c.SYN().Reject()
				c.Opener.Enter(probes.Closed)
			})
		}), []string{"CLOSED SYN-SENT CLOSED", ""}, 2, []string{
			"client 10.77.0.1:41824 -> 10.77.1.2:80", "server 10.77.1.2:80 -> 10.77.0.1:41824"}},
		{"dropped by the router", tt.One(tt.Options{Path: tt.Translated, PortShift: 1}, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Stop()
		}), []string{"CLOSED SYN-SENT", ""}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, c.script)
			if diff := cmp.Diff(c.histories, histories(tl)); diff != "" {
				t.Errorf("histories (-want +got):\n%s", diff)
			}
			if len(tl.Segments) != c.segments {
				t.Errorf("%d segments, want %d", len(tl.Segments), c.segments)
			}
			for _, x := range tl.Conflicts {
				t.Errorf("conflict: %s", x.Text)
			}
			for _, s := range tl.Segments {
				if s.Retransmission || s.Copies > 0 || s.Connection == nil {
					t.Errorf("frame %d: again %t, copies %d, connection %v", s.Frame, s.Retransmission, s.Copies, s.Connection)
				}
			}
			if got := ports(tl.Connections[0]); c.ports != nil {
				if diff := cmp.Diff(c.ports, got); diff != "" {
					t.Errorf("tuples (-want +got):\n%s", diff)
				}
			}
			golden(t, "nat-"+dashed(c.name), render(tl))
		})
	}
}

func dashed(s string) string { return strings.ReplaceAll(s, " ", "-") }

// TestTracked shows that a tracker's word does where the translator's own taps
// saw nothing.
func TestTracked(t *testing.T) {
	s := tt.One(tt.Options{Path: tt.Translated, PortShift: 3}, clientFirst)
	blind := edit(s, func(e probes.Event) bool { return e.Kind == probes.KindSegment && e.Node == tt.Router }, nil)
	tl, err := timeline.Build(s.Header(), blind)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	if len(tl.Connections) != 2 {
		t.Errorf("%d connections where nobody tells of the translation, want 2", len(tl.Connections))
	}
	want := build(t, s)
	c := want.Connections[0]
	blind = append(blind, probes.Event{Seq: uint64(len(blind) + 1), Time: c.Segments[2].Sent(), Source: probes.Wire, Kind: probes.KindTrack,
		Node: tt.Router, Flow: c.Opener.Flow, Track: &probes.Track{Change: "new", Reply: c.Acceptor.Flow}})
	if tl, err = timeline.Build(s.Header(), blind); err != nil {
		t.Fatalf("build: %v", err)
	}
	if diff := cmp.Diff(histories(want), histories(tl)); diff != "" {
		t.Errorf("histories (-by the wire +by the tracker):\n%s", diff)
	}
	if diff := cmp.Diff(ports(c), ports(tl.Connections[0])); diff != "" {
		t.Errorf("tuples (-by the wire +by the tracker):\n%s", diff)
	}
	if len(tl.Conflicts) > 0 || len(tl.Connections[0].Tracks) != 1 {
		t.Errorf("%d conflicts, %d tracks, want none and one", len(tl.Conflicts), len(tl.Connections[0].Tracks))
	}
}

// TestNested puts a second translator between the first and the server.
func TestNested(t *testing.T) {
	s := tt.One(tt.Options{Path: tt.Translated, PortShift: 1}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.SendGrown(c.Opener, "PORT 10,77,0,1,163,97", 23, 4)
		c.Send(c.Acceptor, "200 fine", 10)
		c.FourWay(c.Opener)
	})
	second := netip.MustParseAddr("10.77.2.254")
	beyond := func(a netip.AddrPort) netip.AddrPort {
		if a.Addr() == s.Addr(tt.Router) {
			return netip.AddrPortFrom(second, a.Port()+1)
		}
		return a
	}
	translated := func(f probes.Flow) probes.Flow { return probes.Flow{Local: beyond(f.Local), Remote: beyond(f.Remote)} }
	var events []probes.Event
	add := func(e probes.Event) {
		e.Seq = uint64(len(events) + 1)
		events = append(events, e)
	}
	pass := func(e probes.Event, dir probes.Direction, link string, f probes.Flow, late probes.Mono) {
		seg := *e.Segment
		seg.Dir, seg.Link = dir, link
		e.Node, e.Segment, e.Flow, e.Time = "r2", &seg, f, e.Time+late
		add(e)
	}
	for _, e := range s.Events() {
		near := e.Flow // of the server, as the first router has it
		if e.Node == tt.Server {
			e.Flow = translated(near)
		}
		switch {
		case e.Kind != probes.KindSegment || e.Node != tt.Server:
			add(e)
		case e.Segment.Dir == probes.In:
			pass(e, probes.In, "mid", near.Reverse(), -600)
			pass(e, probes.Out, "right", e.Flow.Reverse(), -300)
			add(e)
		default:
			add(e)
			pass(e, probes.In, "right", e.Flow, 300)
			pass(e, probes.Out, "mid", near, 600)
		}
	}
	h := s.Header()
	h.Nodes = append(h.Nodes, probes.NodeInfo{Name: "r2", Cookie: 4004, Addresses: []netip.Addr{second}})
	tl, err := timeline.Build(h, events)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	if diff := cmp.Diff([]string{activeClose, passiveClose}, histories(tl)); diff != "" {
		t.Errorf("histories (-want +got):\n%s", diff)
	}
	want := []string{"client 10.77.0.1:41824 -> 10.77.1.2:80", "server 10.77.1.2:80 -> 10.77.2.254:41826",
		"router 10.77.0.1:41824 -> 10.77.1.2:80 => 10.77.1.254:41825 -> 10.77.1.2:80",
		"r2 10.77.1.254:41825 -> 10.77.1.2:80 => 10.77.2.254:41826 -> 10.77.1.2:80"}
	if diff := cmp.Diff(want, ports(tl.Connections[0])); diff != "" {
		t.Errorf("tuples (-want +got):\n%s", diff)
	}
	for _, seg := range tl.Segments {
		if len(seg.Taps) != 6 || seg.Retransmission {
			t.Errorf("frame %d was seen by %d taps (again %t), want 6", seg.Frame, len(seg.Taps), seg.Retransmission)
		}
	}
	for _, x := range tl.Conflicts {
		t.Errorf("conflict: %s", x.Text)
	}
}
