package timeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

// Histories that several runs through gates share.
const (
	crossedOpen = "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED"
	resetClient = "CLOSED SYN-SENT ESTABLISHED CLOSED"
	resetServer = "SYN-RECEIVED ESTABLISHED CLOSED"
	openClient  = "CLOSED SYN-SENT ESTABLISHED"
	openServer  = "SYN-RECEIVED ESTABLISHED"
)

// fate writes what became of a segment otherwise than to arrive.
func fate(s *timeline.Segment) string {
	var parts []string
	add := func(is bool, format string, args ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(s.Injected, "injected")
	add(s.Retransmission, "again")
	add(s.Repeats > 0, "repeats %d", s.Repeats)
	add(s.Stopped(), "stopped")
	add(!s.Stopped() && s.Arrived() == 0, "lost")
	add(s.Corrupted, "corrupted")
	add(s.Undelivered, "undelivered")
	add(s.Copies > 0, "copies %d", s.Copies)
	for _, a := range s.Acts {
		parts = append(parts, string(a.Do))
	}
	if len(parts) == 0 {
		return ""
	}
	return s.From + " " + s.Flags.String() + ": " + strings.Join(parts, " ")
}

func fates(tl *timeline.Timeline) []string {
	var list []string
	for _, s := range tl.Segments {
		if f := fate(s); f != "" {
			list = append(list, f)
		}
	}
	return list
}

// TestGates builds what gates bring about: no observers contradict each other,
// and the model follows.
func TestGates(t *testing.T) {
	opened := func(play func(*tt.Script, *tt.Conn)) func(*tt.Script, *tt.Conn) {
		return func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Send(c.Opener, "hello", 5)
			play(s, c)
		}
	}
	for _, c := range []struct {
		name      string
		play      func(*tt.Script, *tt.Conn)
		histories []string
		fates     []string
		partial   int // ends whose model is not whole
	}{
		{"simultaneous open", func(s *tt.Script, c *tt.Conn) { c.HeldOpen("syns") }, []string{crossedOpen, crossedOpen},
			[]string{"client SYN: repeats 1 held released", "client SYN: again stopped merged", "server SYN: held released"}, 0},
		{"simultaneous close", opened(func(s *tt.Script, c *tt.Conn) { c.HeldClose("fins") }),
			[]string{"CLOSED SYN-SENT " + crossedClose, "SYN-RECEIVED " + crossedClose},
			[]string{"client FIN+ACK: repeats 1 held released", "server FIN+ACK: held released", "client FIN+ACK: again stopped merged"}, 0},
		{"last ACK lost", opened(func(s *tt.Script, c *tt.Conn) { c.LostLastACK("ack") }), []string{activeClose, passiveClose},
			[]string{"client ACK: stopped dropped", "server FIN+ACK: again"}, 0},
		{"first FIN lost", opened(func(s *tt.Script, c *tt.Conn) { c.LostFirstFIN("fin") }), []string{activeClose, passiveClose},
			[]string{"client FIN+ACK: stopped dropped", "client FIN+ACK: again"}, 0},
		{"half-close, data held", opened(func(s *tt.Script, c *tt.Conn) {
			c.HalfClose(c.Opener, "shutdown")
			s.Look()
			rest := c.Acceptor.Emit(probes.PSH|probes.ACK, "rest", 4).Hold("rest")
			s.Wait(3 * time.Second)
			rest.Release().Deliver()
			c.Opener.Emit(probes.ACK, "", 0).Deliver()
			c.LastHalf(c.Acceptor)
		}), []string{activeClose, passiveClose}, []string{"server PSH+ACK: held released"}, 0},
		{"FIN overtakes data", opened(func(s *tt.Script, c *tt.Conn) {
			data := c.Opener.Emit(probes.PSH|probes.ACK, "data", 4).Hold("data")
			c.Opener.Enter(probes.FinWait1)
			c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Arrive()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver() // for the hole
			s.Wait(50 * time.Millisecond)
			data.Release().Deliver()
			c.Acceptor.Ack++
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.FinWait2)
		}), []string{openClient + " FIN-WAIT-1 FIN-WAIT-2", openServer + " CLOSE-WAIT"}, []string{"client PSH+ACK: held released"}, 0},
		{"reset by linger", opened(func(s *tt.Script, c *tt.Conn) { c.Reset(c.Opener) }), []string{resetClient, resetServer}, nil, 0},
		{"reset by unread data", opened(func(s *tt.Script, c *tt.Conn) { c.Unread(c.Acceptor) }), []string{resetClient, resetServer}, nil, 0},
		{"SYN never answered", func(s *tt.Script, c *tt.Conn) { c.Unanswered("syn", 2) }, []string{"CLOSED SYN-SENT CLOSED", ""},
			[]string{"client SYN: stopped dropped", "client SYN: again stopped dropped", "client SYN: again stopped dropped"}, 0},
		{"SYN held to the end", func(s *tt.Script, c *tt.Conn) { c.SYN().Hold("syn") }, []string{"CLOSED SYN-SENT", ""},
			[]string{"client SYN: stopped held"}, 0},
		{"SYN lost, nobody knows where", func(s *tt.Script, c *tt.Conn) { c.SYN() }, []string{"CLOSED SYN-SENT", ""},
			[]string{"client SYN: lost"}, 1},
		{"RST injected", opened(func(s *tt.Script, c *tt.Conn) { c.Shot("shot", c.Opener) }), []string{resetClient, resetServer},
			[]string{"server RST+ACK: injected injected"}, 0},
		{"RST injected beside the number", opened(func(s *tt.Script, c *tt.Conn) {
			c.Acceptor.Forge("shot", probes.Segment{Seq: c.Acceptor.Seq + 100, Flags: probes.RST}).Arrive()
			c.Opener.Emit(probes.ACK, "", 0).Deliver() // challenged
			s.Wait(time.Second)
			c.Send(c.Opener, "still here", 10)
		}), []string{openClient, openServer}, []string{"server RST: injected injected"}, 0},
		{"SYN injected", opened(func(s *tt.Script, c *tt.Conn) {
			c.Challenge("syn", c.Acceptor)
			s.Wait(time.Second)
			c.Send(c.Opener, "still here", 10)
		}), []string{openClient, openServer}, []string{"client SYN: injected injected"}, 0},
		{"first SYN injected", func(s *tt.Script, c *tt.Conn) {
			c.Opener.Forge("syn", probes.Segment{Seq: c.Opener.Seq, Flags: probes.SYN, Window: 65535, MSS: 1460}).Deliver()
			c.SYNACK().Deliver()
			c.Opener.Inject(probes.Segment{Seq: c.Opener.Seq + 1, Flags: probes.RST}).Arrive()
			c.Acceptor.Vanish()
			s.Wait(time.Second)
			clientFirst(s, s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80))
		}, []string{"", "SYN-RECEIVED LISTEN", activeClose, passiveClose}, []string{"client SYN: injected injected"}, 0},
		{"old SYN injected after a reset", opened(func(s *tt.Script, c *tt.Conn) {
			c.Reset(c.Opener)
			s.Wait(time.Second)
			old := s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80)
			old.Opener.Forge("syn", probes.Segment{Seq: old.Opener.Seq, Flags: probes.SYN, Window: 65535, MSS: 1460}).Deliver()
			old.SYNACK().Deliver()
			old.Opener.Inject(probes.Segment{Seq: old.Opener.Seq + 1, Flags: probes.RST}).Arrive()
			old.Acceptor.Vanish()
		}), []string{resetClient, resetServer, "", "SYN-RECEIVED LISTEN"}, []string{"client SYN: injected injected"}, 0},
		{"data injected", opened(func(s *tt.Script, c *tt.Conn) {
			c.Opener.Forge("data", probes.Segment{Seq: c.Opener.Seq, Ack: c.Opener.Ack, Flags: probes.PSH | probes.ACK, Len: 4}).Deliver()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver() // acknowledges what the client never sent
		}), []string{openClient, openServer}, []string{"client PSH+ACK: injected injected"}, 0},
		{"duplicated", opened(func(s *tt.Script, c *tt.Conn) {
			p := c.Opener.Emit(probes.PSH|probes.ACK, "twice", 5).Duplicate("twice", 2)
			p.Deliver()
			p.Arrive()
			p.Arrive()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
		}), []string{openClient, openServer}, []string{"client PSH+ACK: copies 1 duplicated"}, 0},
		{"corrupted", opened(func(s *tt.Script, c *tt.Conn) {
			fin := c.Opener
			fin.Enter(probes.FinWait1)
			p := fin.Emit(probes.FIN|probes.ACK, "", 0)
			p.Corrupt("bit", false).Arrive()
			s.Wait(200 * time.Millisecond)
			p.BadSum = false
			p.Again().Deliver()
			c.Acceptor.Enter(probes.CloseWait)
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.FinWait2)
		}), []string{openClient + " FIN-WAIT-1 FIN-WAIT-2", openServer + " CLOSE-WAIT"},
			[]string{"client FIN+ACK: corrupted corrupted", "client FIN+ACK: again"}, 0},
		{"corrupted, and mended", opened(func(s *tt.Script, c *tt.Conn) {
			c.Opener.Emit(probes.PSH|probes.ACK, "hello", 5).Corrupt("bit", true).Deliver()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
		}), []string{openClient, openServer}, []string{"client PSH+ACK: corrupted"}, 0},
		{"corrupted beyond recognition", opened(func(s *tt.Script, c *tt.Conn) {
			p := c.Opener.Emit(probes.PSH|probes.ACK, "hello", 5)
			p.Corrupt("bit", false)
			p.Seq ^= 1 << 30
			p.Arrive()
		}), []string{openClient, openServer}, []string{"client PSH+ACK: lost corrupted"}, 0},
		{"refused", opened(func(s *tt.Script, c *tt.Conn) {
			c.Opener.Emit(probes.PSH|probes.ACK, "jumbo", 9000).Refuse("longer than the link")
		}),
			[]string{openClient, openServer}, []string{"client PSH+ACK: stopped refused"}, 0},
	} {
		for _, path := range []tt.Path{tt.Direct, tt.Switched, tt.Routed, tt.Translated} {
			translated, once := c.name == "simultaneous open", c.name == "corrupted beyond recognition"
			if path == tt.Translated && translated || path != tt.Direct && once {
				continue // no SYN comes through from outside; a router passes on what it cannot know to be spoilt
			}
			t.Run(fmt.Sprint(c.name, ", path ", int(path)), func(t *testing.T) {
				tl := build(t, tt.One(tt.Options{Path: path, Addressed: true}, c.play))
				if diff := cmp.Diff(c.histories, histories(tl)); diff != "" {
					t.Errorf("histories (-want +got):\n%s", diff)
				}
				got := fates(tl)
				for i := range got { // each tap beyond the gate sees copies
					if path != tt.Direct {
						got[i] = strings.ReplaceAll(got[i], "copies 3", "copies 1")
					}
				}
				if diff := cmp.Diff(c.fates, got); diff != "" {
					t.Errorf("fates (-want +got):\n%s", diff)
				}
				for _, x := range tl.Conflicts {
					t.Errorf("conflict: %s", x.Text)
				}
				partial := 0
				for _, x := range tl.Connections {
					for _, e := range x.Ends() {
						if view := e.Views[probes.Model]; !view.Whole {
							partial++
							t.Logf("the model of %s is not whole: %s", e.Node, view.Why)
						}
					}
				}
				if partial != c.partial {
					t.Errorf("the model of %d ends is not whole, want %d", partial, c.partial)
				}
			})
		}
	}
}

// TestAlike has a gate hold one of several segments that are the same in all
// that is seen of them, as they are over IPv6 without timestamps.
func TestAlike(t *testing.T) {
	script := tt.One(tt.Options{IPv6: true, Addressed: true}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		p := c.Opener.Emit(probes.PSH|probes.ACK, "x", 1).Hold("x")
		s.Wait(200 * time.Millisecond)
		p.Merge()
		s.Wait(200 * time.Millisecond)
		p.Again().Arrive() // after the rule has ended
		s.Wait(10 * time.Millisecond)
		p.Release().Deliver()
	})
	events := script.Events()
	for i := range events {
		if s := events[i].Segment; s != nil {
			s.TSVal, s.TSEcr, s.IPID = 0, 0, 0
		}
	}
	tl, err := timeline.Build(script.Header(), events)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"client PSH+ACK: repeats 1 held released", "client PSH+ACK: again stopped merged", "client PSH+ACK: again"}
	if diff := cmp.Diff(want, fates(tl)); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
	if first, last := tl.Segments[3], tl.Segments[5]; first.Arrived() < last.Arrived() {
		t.Errorf("the one that was held arrived at %d, before the one that passed it at %d", first.Arrived(), last.Arrived())
	}
}

// TestUntappedSwitch finds what a gate made where the end of its link that it
// goes to has no tap.
func TestUntappedSwitch(t *testing.T) {
	script := tt.One(tt.Options{Path: tt.Switched, Addressed: true}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.Shot("shot", c.Opener)
	})
	events := edit(script, func(e probes.Event) bool { return e.Kind == probes.KindSegment && e.Node == "sw" }, nil)
	tl, err := timeline.Build(script.Header(), events)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"server RST+ACK: injected injected"}, fates(tl)); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
}
