package timeline_test

import (
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

// TestTranslated follows connections through a router that masquerades.
func TestTranslated(t *testing.T) {
	four := []string{activeClose, passiveClose}
	helped := func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.Send(c.Acceptor, "220 ready", 11)
		c.SendGrown(c.Opener, "PORT 10,77,0,1,163,97", 23, 4)
		c.Send(c.Acceptor, "200 fine", 10)
		c.SendGrown(c.Opener, "PORT 10,77,0,1,163,98", 23, -3)
		c.Send(c.Acceptor, "200 fine", 10)
		c.Send(c.Opener, "QUIT", 6)
		c.FourWay(c.Opener)
	}
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
