package timeline_test

import (
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

// TestDroppedBeforeTCP has firewalls of the nodes themselves drop what came
// to their taps. The kernel knows nothing of it, and the model shall not.
func TestDroppedBeforeTCP(t *testing.T) {
	again := func(s *tt.Script, p *tt.Packet) {
		p.Arrive()
		s.Wait(200 * time.Millisecond)
		p.Again().Arrive()
	}
	for _, c := range []struct {
		name      string
		play      func(*tt.Script, *tt.Conn)
		histories []string
		suspect   int // segments that may not have come to TCP
		dropped   int // of them, those that did not
	}{
		{"FIN", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			again(s, c.Opener.Emit(probes.FIN|probes.ACK, "", 0))
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1", "SYN-RECEIVED ESTABLISHED"}, 2, 0},
		{"FIN, for a while", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0)
			again(s, fin)
			s.Wait(400 * time.Millisecond)
			fin.Again().Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.FinWait2)
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT"}, 2, 2},
		{"SYN+ACK", func(s *tt.Script, c *tt.Conn) {
			syn := c.SYN()
			syn.Deliver()
			again(s, c.SYNACK())
		}, []string{"CLOSED SYN-SENT", "SYN-RECEIVED"}, 2, 0},
		{"ACK of FIN", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0)
			fin.Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Emit(probes.ACK, "", 0).Arrive()
			s.Wait(200 * time.Millisecond)
			fin.Again().Arrive()
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT"}, 1, 1},
		{"RST", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Acceptor.Enter(probes.Closed)
			c.Acceptor.Emit(probes.RST|probes.ACK, "", 0).Arrive()
			s.Wait(200 * time.Millisecond)
			c.Opener.Emit(probes.PSH|probes.ACK, "x", 1) // lost
		}, []string{"CLOSED SYN-SENT ESTABLISHED", "SYN-RECEIVED ESTABLISHED CLOSED"}, 1, 1},
		{"what is sent, not what arrives", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0)
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Enter(probes.LastAck)
			again(s, fin)
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK"}, 2, 0},
		{"FIN of both sides", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0)
			fin.Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Enter(probes.LastAck)
			answer := c.Acceptor.Emit(probes.FIN|probes.ACK, "", 0)
			answer.Arrive()
			for range 2 {
				s.Wait(200 * time.Millisecond)
				answer.Again().Arrive()
				fin.Again().Arrive()
				c.Acceptor.Emit(probes.ACK, "", 0).Arrive()
			}
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK"}, 5, 3},
		{"nothing: the ACK was lost", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0)
			fin.Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Emit(probes.ACK, "", 0) // lost
			s.Wait(200 * time.Millisecond)
			fin.Again().Arrive()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.FinWait2)
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT"}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, tt.One(tt.Options{}, c.play))
			if diff := cmp.Diff(c.histories, histories(tl)); diff != "" {
				t.Errorf("histories (-want +got):\n%s", diff)
			}
			for _, x := range tl.Conflicts {
				t.Errorf("conflict: %s", x.Text)
			}
			dropped, noted := 0, 0
			for _, s := range tl.Segments {
				if s.Undelivered {
					dropped++
				}
			}
			for _, n := range tl.Notes {
				if n.Name == timeline.NotDelivered {
					noted += len(n.Events)
				}
			}
			if dropped != c.dropped || noted != c.suspect {
				t.Errorf("%d of %d suspects never came to TCP, want %d of %d", dropped, noted, c.dropped, c.suspect)
			}
			for _, e := range tl.Connections[0].Ends() {
				if view := e.Views[probes.Model]; !view.Whole && c.suspect == c.dropped {
					t.Errorf("the model of %s is not whole: %s", e.Node, view.Why)
				}
			}
		})
	}
}
