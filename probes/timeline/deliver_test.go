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
		dropped   int
	}{
		{"FIN", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			again(s, c.Opener.Emit(probes.FIN|probes.ACK, "", 0))
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1", "SYN-RECEIVED ESTABLISHED"}, 2},
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
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT"}, 2},
		{"SYN+ACK", func(s *tt.Script, c *tt.Conn) {
			syn := c.SYN()
			syn.Deliver()
			again(s, c.SYNACK())
		}, []string{"CLOSED SYN-SENT", "SYN-RECEIVED"}, 2},
		{"ACK of FIN", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			fin := c.Opener.Emit(probes.FIN|probes.ACK, "", 0)
			fin.Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Emit(probes.ACK, "", 0).Arrive()
			s.Wait(200 * time.Millisecond)
			fin.Again().Arrive()
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT"}, 1},
		{"RST", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Acceptor.Enter(probes.Closed)
			c.Acceptor.Emit(probes.RST|probes.ACK, "", 0).Arrive()
			s.Wait(200 * time.Millisecond)
			c.Opener.Emit(probes.PSH|probes.ACK, "x", 1) // lost
		}, []string{"CLOSED SYN-SENT ESTABLISHED", "SYN-RECEIVED ESTABLISHED CLOSED"}, 1},
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
		}, []string{"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2", "SYN-RECEIVED ESTABLISHED CLOSE-WAIT"}, 0},
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
			if dropped != c.dropped || noted != c.dropped {
				t.Errorf("%d segments never came to TCP, %d are noted, want %d", dropped, noted, c.dropped)
			}
		})
	}
}
