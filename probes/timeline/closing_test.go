package timeline_test

import (
	"fmt"
	"testing"
	"time"

	"netlab/probes"
	tt "netlab/probes/timeline/timelinetest"
)

// TestClosed foresees how many segments closes take, as measured on Linux.
func TestClosed(t *testing.T) {
	const fin = probes.FIN | probes.ACK
	// closes plays the close of the server after so long, with an ACK of its
	// own before if separate.
	closes := func(data bool, after time.Duration, separate bool) func(*tt.Script, *tt.Conn) {
		return func(s *tt.Script, c *tt.Conn) {
			c.Open()
			if data {
				c.Send(c.Opener, "QUIT", 6)
			}
			c.Opener.Enter(probes.FinWait1)
			c.Opener.Emit(fin, "", 0).Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			if separate {
				c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
				c.Opener.Enter(probes.FinWait2)
			}
			s.Wait(after)
			c.Acceptor.Enter(probes.LastAck)
			c.Acceptor.Emit(fin, "", 0).Deliver()
			if !separate {
				c.Opener.Enter(probes.FinWait2)
			}
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Mini(probes.TimeWait)
			c.Acceptor.Enter(probes.Closed)
		}
	}
	for _, c := range []struct {
		name   string
		play   func(*tt.Script, *tt.Conn)
		atOnce bool
		want   string // foreseen, came, rule; "" for nothing to foresee
	}{
		{"at once", closes(true, 300*time.Microsecond, false), false, "3 3 before"},
		{"after 30 ms, with data", closes(true, 30*time.Millisecond, false), false, "3 3 before"},
		{"after 60 ms, with data", closes(true, 60*time.Millisecond, true), false, "4 4 after"},
		{"after 30 ms, never any data", closes(false, 30*time.Millisecond, true), false, "4 4 after"},
		{"never any data, but soon", closes(false, 200*time.Microsecond, false), false, "3 3 before"},
		{"about when the ACK is due", closes(true, 43*time.Millisecond, true), false, "0 4 about-due"},
		{"acknowledged at once", closes(true, 300*time.Microsecond, true), true, "4 4 at-once"},
		{"otherwise than foreseen", closes(true, 300*time.Microsecond, true), false, "3 4 before"},
		{"crossing", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Simultaneous()
		}, false, "4 4 crossed"},
		{"data wait for an ACK", func(s *tt.Script, c *tt.Conn) { // for 30 ms when the FIN comes
			c.Open()
			c.Send(c.Opener, "USER", 6)
			c.Opener.Emit(probes.PSH|probes.ACK, "QUIT", 6).Deliver()
			s.Wait(30 * time.Millisecond)
			c.Opener.Enter(probes.FinWait1)
			c.Opener.Emit(fin, "", 0).Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			s.Wait(10 * time.Millisecond)
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.FinWait2)
			s.Wait(15 * time.Millisecond)
			c.LastHalf(c.Acceptor)
		}, false, "4 4 after"},
		{"half-closed", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "shutdown")
			s.Wait(60 * time.Millisecond)
			c.Send(c.Acceptor, "the rest", 1000)
			c.LastHalf(c.Acceptor)
		}, false, "4 4 after"},
		{"data take the ACK along", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			c.Opener.Emit(fin, "", 0).Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Emit(probes.PSH|probes.ACK, "221", 9).Deliver()
			c.Opener.Enter(probes.FinWait2)
			c.LastHalf(c.Acceptor)
		}, false, ""},
		{"never closed", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "close")
		}, false, ""},
		{"reset", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Reset(c.Opener)
		}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, tt.One(tt.Options{}, c.play))
			got := ""
			if x, ok := tl.Connections[0].Closed(func(string) bool { return c.atOnce }); ok {
				got = fmt.Sprintf("%d %d %s", x.Foreseen, x.Came, x.Rule)
			}
			if got != c.want {
				t.Errorf("foreseen %q, want %q", got, c.want)
			}
			for _, x := range tl.Conflicts {
				t.Errorf("conflict: %s", x.Text)
			}
		})
	}
}
