package timeline_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"
)

// TestDisagreements plays every disagreement of observers that is legitimate:
// it has a name, and is no conflict.
func TestDisagreements(t *testing.T) {
	lives := tt.Options{Lives: true}
	for _, c := range []struct {
		name timeline.NoteName
		opts tt.Options
		play func(*tt.Script, *tt.Conn)
	}{
		{timeline.HandOver, lives, clientFirst},
		{timeline.OrphanFinWait2, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "close")
			s.Look()
		}},
		{timeline.OrphanFinWait2, lives, func(s *tt.Script, c *tt.Conn) { // and its time was over
			c.Open()
			c.HalfClose(c.Opener, "close")
			c.Opener.Die(probes.Expired)
			s.Wait(time.Millisecond)
			c.Acceptor.Enter(probes.LastAck)
			c.Acceptor.Emit(probes.FIN|probes.ACK, "", 0).Deliver()
			c.Opener.Inject(probes.Segment{Seq: c.Opener.Seq, Flags: probes.RST}).Deliver()
			c.Acceptor.Enter(probes.Closed)
		}},
		{timeline.RequestSocket, lives, func(s *tt.Script, c *tt.Conn) { // for which there was no room: tcp_abort_on_overflow
			c.SYN().Deliver()
			c.SYNACK().Deliver()
			c.Opener.Enter(probes.Established)
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Inject(probes.Segment{Seq: c.Acceptor.Seq, Flags: probes.RST}).Deliver()
			c.Acceptor.Vanish()
			c.Opener.Enter(probes.Closed)
			s.Count(tt.Server, "ListenOverflows", 1)
		}},
		{timeline.DeadSocket, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "shutdown")
			c.LastHalf(c.Acceptor)
			s.Sample(c.Opener, probes.Closed, probes.FullObject)
		}},
		{timeline.NotSampled, lives, clientFirst},
		{timeline.RequestSocket, lives, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.SYNACK() // held
			s.Look()
		}},
		{timeline.FastOpen, lives, func(s *tt.Script, c *tt.Conn) {
			c.Opener.Enter(probes.SynSent)
			c.Opener.Emit(probes.SYN, "GET /", 5).Deliver()
			c.Acceptor.State = probes.Listen
			c.Acceptor.Enter(probes.SynReceived)
			c.Acceptor.Emit(probes.SYN|probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.Established)
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Enter(probes.Established)
		}},
		{timeline.SYNCookie, lives, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.Acceptor.State = probes.Listen // nothing is kept
			c.Acceptor.Emit(probes.SYN|probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.Established)
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Child()
		}},
		{timeline.SYNCookie, lives, func(s *tt.Script, c *tt.Conn) { // and never completed
			c.SYN().Deliver()
			c.Acceptor.Emit(probes.SYN|probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.Established)
			s.Count(tt.Server, "SyncookiesSent", 1)
		}},
		{timeline.ThirdACK, lives, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.SYNACK().Deliver()
			c.Opener.Enter(probes.Established)
			c.Opener.Emit(probes.ACK, "", 0) // held
		}},
		{timeline.FINQueued, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			s.Wait(20 * time.Millisecond)
		}},
		{timeline.NoteTwo, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.ThreeWay(c.Opener)
		}},
		{timeline.ResetNoTarget, lives, func(s *tt.Script, c *tt.Conn) { // to a request socket
			c.SYN().Deliver()
			c.SYNACK().Deliver()
			c.Opener.Enter(probes.Established)
			c.Opener.Enter(probes.Closed)
			c.Opener.Emit(probes.RST, "", 0).Deliver()
			c.Acceptor.Die(probes.Ended)
		}},
		{timeline.ResetNoTarget, lives, func(s *tt.Script, c *tt.Conn) { // out of the window
			c.Open()
			c.Opener.Forge("stale", probes.Segment{Seq: c.Opener.Seq - 100000, Flags: probes.RST}).Arrive()
		}},
		{timeline.ResetByData, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "shutdown")
			c.Acceptor.Emit(probes.PSH|probes.ACK, "late", 4).Deliver()
			c.Opener.Kernel(probes.Event{Kind: probes.KindReset, Old: probes.FinWait2, Reset: &probes.Reset{Dir: probes.In}})
			c.Opener.Enter(probes.Closed)
			out(c.Opener, probes.Closed, "TCP_ABORT_ON_DATA")
			c.Opener.Inject(probes.Segment{Seq: c.Opener.Seq, Flags: probes.RST}).Deliver()
			c.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Old: probes.CloseWait, Reset: &probes.Reset{Dir: probes.In}})
			c.Acceptor.Enter(probes.Closed)
		}},
		{timeline.QueueOverflow, lives, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			s.Wait(200 * time.Millisecond)
			s.Count(tt.Server, "ListenOverflows", 1)
		}},
		{timeline.NotKept, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "shutdown")
			c.Acceptor.Enter(probes.LastAck)
			c.Acceptor.Emit(probes.FIN|probes.ACK, "", 0).Deliver()
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.Closed)
			c.Acceptor.Enter(probes.Closed)
			s.Count(tt.Client, "TCPTimeWaitOverflow", 1)
		}},
		{timeline.ResetIgnored, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.FourWay(c.Opener)
			c.Acceptor.Forge("rst", probes.Segment{Seq: c.Acceptor.Seq, Flags: probes.RST}).Arrive()
			s.Wait(time.Millisecond)
		}},
		{timeline.Offloaded, lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Send(c.Opener, "much", 20000)
		}},
		{timeline.Middlebox, tt.Options{Lives: true, Path: tt.Routed}, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Simultaneous()
			for _, state := range []string{"ESTABLISHED", "FIN_WAIT", "LAST_ACK", "TIME_WAIT"} {
				s.Track(c, state)
			}
		}},
	} {
		t.Run(string(c.name), func(t *testing.T) {
			tl := build(t, tt.One(c.opts, c.play))
			if !slices.Contains(noteNames(tl), c.name) {
				t.Errorf("the notes are %v, want %s", noteNames(tl), c.name)
			}
			for _, x := range tl.Conflicts {
				t.Errorf("conflict: %s", x.Text)
			}
		})
	}
}

// TestUnexplained has disagreements like those that have a name, but for what
// explains them: they are conflicts.
func TestUnexplained(t *testing.T) {
	lives := tt.Options{Lives: true}
	for _, c := range []struct {
		name string
		play func(*tt.Script, *tt.Conn)
		want string
	}{
		{"no request socket, no cookie", func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.Acceptor.Emit(probes.SYN|probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.Established)
		}, "the model is in SYN-RECEIVED, the kernel never was"},
		{"no TIME-WAIT, not too many of them", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "shutdown")
			c.Acceptor.Enter(probes.LastAck)
			c.Acceptor.Emit(probes.FIN|probes.ACK, "", 0).Deliver()
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.Closed)
			c.Acceptor.Enter(probes.Closed)
		}, "the model is in TIME-WAIT, the kernel never was"},
		{"a mini-socket in TIME-WAIT, and no FIN", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "shutdown")
			c.Opener.Mini(probes.TimeWait)
		}, "the kernel was in TIME-WAIT, the model never"},
		{"CLOSE-WAIT after its ACK", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Enter(probes.FinWait1)
			c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Deliver()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			s.Wait(time.Millisecond)
			c.Acceptor.Enter(probes.CloseWait)
			c.Opener.Enter(probes.FinWait2)
		}, "after its segment was sent"},
		{"CLOSED after its RST", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Call("linger", "0", "", 0, nil)
			out(c.Opener, probes.Established, "TCP_STATE")
			c.Opener.Emit(probes.RST|probes.ACK, "", 0).Deliver()
			s.Wait(time.Millisecond)
			c.Opener.Enter(probes.Closed)
			c.Acceptor.Enter(probes.Closed)
		}, "after its RST was sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, tt.One(lives, c.play))
			found := false
			for _, x := range tl.Conflicts {
				found = found || len(x.Events) > 0 && strings.Contains(x.Text, c.want)
			}
			if !found {
				t.Errorf("conflicts %v, want %q", tl.Conflicts, c.want)
			}
		})
	}
}

// TestTolerance has the clocks' comparison turn an order round: as far as it
// may be off, that is no contradiction.
func TestTolerance(t *testing.T) {
	s := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		s.Wait(time.Millisecond)
		c.FourWay(c.Opener)
	})
	for _, c := range []struct {
		early, width probes.Mono
		conflict     bool
	}{
		{150e3, 0, false}, {300e3, 0, true}, {300e3, 100e3, false},
	} {
		events := edit(s, nil, func(e *probes.Event) {
			if isState(*e, tt.Server, probes.CloseWait) {
				e.Time -= c.early
			}
			if e.Kind == probes.KindMark && e.Mark == probes.WindowOpen && c.width != 0 {
				*e = probes.Event{Seq: e.Seq, Time: e.Time, Source: probes.Wire, Kind: probes.KindClock, Clock: &probes.Clock{Width: int64(c.width)}}
			}
		})
		tl, err := timeline.Build(s.Header(), events)
		if err != nil {
			t.Fatalf("build: %v", err)
		}
		if got := len(tl.Conflicts) > 0; got != c.conflict {
			t.Errorf("%v too early, clocks %v apart: conflicts %v, want some: %t", time.Duration(c.early), time.Duration(c.width), tl.Conflicts, c.conflict)
		}
	}
}
