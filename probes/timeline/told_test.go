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

// spans writes objects as a line.
func spans(list []timeline.Span) string {
	var parts []string
	for _, s := range list {
		part := string(s.Object)
		if s.Until != 0 {
			part += fmt.Sprintf("(%s)", s.End)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

// TestLives plays connections whose mini-sockets are recorded.
func TestLives(t *testing.T) {
	lives := tt.Options{Lives: true}
	const aborted = "CLOSED SYN-SENT ESTABLISHED"
	for _, c := range []struct {
		name      string
		play      func(*tt.Script, *tt.Conn)
		histories []string
		objects   []string
	}{
		{"four-way", clientFirst, []string{activeClose, passiveClose},
			[]string{"full(handed-over) mini", "request(child) full(closed)"}},
		{"three-way", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.ThreeWay(c.Opener)
			s.Wait(60 * time.Second)
			c.Opener.Die(probes.Expired)
		}, []string{activeClose + " CLOSED", passiveClose}, []string{"full(handed-over) mini(expired)", "request(child) full(closed)"}},
		{"crossing", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Simultaneous()
		}, []string{"CLOSED SYN-SENT " + crossedClose, "SYN-RECEIVED " + crossedClose}, []string{"full(handed-over) mini", "request(child) full(handed-over) mini"}},
		{"reset in SYN-RECEIVED", func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.SYNACK().Deliver()
			c.Opener.Enter(probes.Established)
			c.Opener.Enter(probes.Closed)
			c.Opener.Emit(probes.RST, "", 0).Deliver()
			c.Acceptor.Die(probes.Ended)
		}, []string{aborted + " CLOSED", "SYN-RECEIVED LISTEN"}, []string{"full(closed)", "request(reset)"}},
		{"given up in SYN-RECEIVED", func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.SYNACK() // lost
			s.Wait(31 * time.Second)
			c.Acceptor.Die(probes.Expired)
		}, []string{"CLOSED SYN-SENT", "SYN-RECEIVED CLOSED"}, []string{"full", "request(expired)"}},
		{"TIME-WAIT reused", func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.FourWay(c.Acceptor)
			s.Wait(time.Second)
			d := s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80)
			d.SYN().Deliver()
			c.Acceptor.Die(probes.Ended)
			d.SYNACK() // on its way
		}, []string{closedByPeer, closesFirst + " CLOSED", "CLOSED SYN-SENT", "SYN-RECEIVED"},
			[]string{"full(closed)", "request(child) full(handed-over) mini(syn)", "full", "request"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, tt.One(lives, c.play))
			if diff := cmp.Diff(c.histories, histories(tl)); diff != "" {
				t.Errorf("histories (-want +got):\n%s", diff)
			}
			var objects []string
			for _, conn := range tl.Connections {
				for _, e := range conn.Ends() {
					objects = append(objects, spans(e.Objects))
				}
			}
			if diff := cmp.Diff(c.objects, objects); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			for _, x := range tl.Conflicts {
				t.Errorf("conflict: %s", x.Text)
			}
			for _, conn := range tl.Connections {
				for _, e := range conn.Ends() {
					for _, v := range e.History {
						mini := v.State == probes.TimeWait || v.State == probes.SynReceived
						if mini && v.Witnesses[0].Grade != probes.RecordedMini {
							t.Errorf("%s of %s is best witnessed by %v", v.State, e.Node, v.Witnesses[0])
						}
					}
				}
			}
		})
	}
}

// TestBlind has FIN-WAIT-2 step to TIME-WAIT inside a mini-socket without a
// word: where segments that are freed there are not recorded, that is nothing
// that the kernel's events must show; where they are, it is.
func TestBlind(t *testing.T) {
	s := tt.One(tt.Options{Lives: true}, clientFirst)
	events := edit(s, func(e probes.Event) bool { return e.Life != nil && e.Life.Stage == probes.Stepped }, nil)
	header := s.Header()
	for _, drops := range []bool{true, false} {
		if !drops {
			header.Probes[0].Kinds = []probes.Kind{probes.KindLife}
		}
		tl, err := timeline.Build(header, events)
		if err != nil {
			t.Fatalf("build: %v", err)
		}
		opener := tl.Connections[0].Opener
		if got := states(opener.History); got != activeClose {
			t.Errorf("history %q, want %q", got, activeClose)
		}
		if sees := opener.Views[probes.KernelEvents].Sees(probes.TimeWait); sees != drops {
			t.Errorf("drops recorded %t: the kernel's events must show TIME-WAIT: %t", drops, sees)
		}
		if conflicts := len(tl.Conflicts); (conflicts > 0) != drops {
			t.Errorf("drops recorded %t: %d conflicts: %v", drops, conflicts, tl.Conflicts)
		}
	}
}

// out is the kernel's word of a RST that it sends.
func out(e *tt.End, state probes.State, reason string) {
	e.Kernel(probes.Event{Kind: probes.KindReset, Old: state, Reset: &probes.Reset{Dir: probes.Out, Reason: reason}})
}

// TestCauses gives RSTs of one end, client or server, their causes.
func TestCauses(t *testing.T) {
	lives := tt.Options{Lives: true}
	bare := tt.Options{Without: []probes.Source{probes.BPF}}
	abort := func(by, peer *tt.End, reason string) {
		by.Enter(probes.Closed)
		if reason != "" {
			out(by, probes.Closed, reason)
		}
		by.Emit(probes.RST|probes.ACK, "", 0).Deliver()
		peer.Enter(probes.Closed)
	}
	for _, c := range []struct {
		name string
		opts tt.Options
		play func(*tt.Script, *tt.Conn)
		want string // node reason cause
	}{
		{"linger 0", lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Call("linger", "0", "", 0, nil)
			c.Opener.Call("close", "", "", 0, func() { abort(c.Opener, c.Acceptor, "TCP_STATE") })
		}, "client TCP_STATE linger-zero"},
		{"linger 0, by the calls alone", bare, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Reset(c.Opener)
		}, "client  linger-zero"},
		{"unread data", lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			abort(c.Acceptor, c.Opener, "TCP_ABORT_ON_CLOSE")
		}, "server TCP_ABORT_ON_CLOSE unread-data"},
		{"unread data, by the calls alone", bare, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Emit(probes.PSH|probes.ACK, "x", 5).Deliver()
			c.Acceptor.Emit(probes.ACK, "", 0).Deliver()
			c.Acceptor.Call("close", "", "", 0, func() { abort(c.Acceptor, c.Opener, "") })
		}, "server  unread-data"},
		{"by its program", lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			abort(c.Opener, c.Acceptor, "TCP_STATE")
		}, "client TCP_STATE aborted"},
		{"from outside", lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.Opener.Kernel(probes.Event{Kind: probes.KindFault, Old: probes.Established, Fault: &probes.Fault{Errno: "ECONNABORTED"}})
			out(c.Opener, probes.Established, "TCP_STATE")
			c.Opener.Emit(probes.RST|probes.ACK, "", 0).Deliver()
			c.Opener.Enter(probes.Closed)
			c.Acceptor.Enter(probes.Closed)
		}, "client TCP_STATE destroyed"},
		{"nobody listens", lives, func(s *tt.Script, c *tt.Conn) {
			d := s.Dial(81)
			d.SYN().Deliver()
			d.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Sock: probes.SocketID{NetNS: tt.ServerCookie}, Reset: &probes.Reset{Dir: probes.Out, Reason: "NO_SOCKET"}})
			d.Acceptor.Inject(probes.Segment{Ack: d.Acceptor.Ack, Flags: probes.RST | probes.ACK}).Deliver()
			d.Opener.Kernel(probes.Event{Kind: probes.KindReset, Old: probes.SynSent, Reset: &probes.Reset{Dir: probes.In}})
			d.Opener.Enter(probes.Closed)
		}, "server NO_SOCKET nobody-listens"},
		{"nobody listens, by the wire alone", bare, func(s *tt.Script, c *tt.Conn) { s.Dial(81).Refuse() }, "server  nobody-listens"},
		{"data after close", lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			c.HalfClose(c.Opener, "close")
			c.Acceptor.Emit(probes.PSH|probes.ACK, "late", 4).Deliver()
			out(c.Opener, probes.FinWait2, "TCP_TIMEWAIT_SOCKET")
			c.Opener.Inject(probes.Segment{Seq: c.Opener.Seq, Flags: probes.RST}).Deliver()
			c.Opener.Vanish()
			c.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Old: probes.CloseWait, Reset: &probes.Reset{Dir: probes.In}})
			c.Acceptor.Enter(probes.Closed)
		}, "client TCP_TIMEWAIT_SOCKET late-data"},
		{"keepalive", lives, func(s *tt.Script, c *tt.Conn) {
			c.Open()
			s.Wait(time.Second)
			out(c.Opener, probes.Established, "TCP_KEEPALIVE_TIMEOUT")
			c.Opener.Emit(probes.RST|probes.ACK, "", 0) // nobody is there
			c.Opener.Enter(probes.Closed)
		}, "client TCP_KEEPALIVE_TIMEOUT unanswered"},
		{"another SYN", lives, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.SYNACK() // held
			c.Opener.Forge("other", probes.Segment{Seq: c.Opener.Seq + 1000, Flags: probes.SYN}).Arrive()
			listener := probes.SocketID{NetNS: tt.ServerCookie, Cookie: 101}
			c.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Sock: listener, Old: probes.Listen, Reset: &probes.Reset{Dir: probes.Out, Reason: "INVALID_SYN"}})
			c.Acceptor.Inject(probes.Segment{Seq: c.Acceptor.Seq, Ack: c.Acceptor.Ack, Flags: probes.RST | probes.ACK}).Deliver()
			c.Acceptor.Die(probes.Ended)
			c.Opener.Enter(probes.Closed)
		}, "server INVALID_SYN bad-syn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, tt.One(c.opts, c.play))
			var got []string
			for _, conn := range tl.Connections {
				for _, e := range conn.Ends() {
					for _, r := range e.Resets {
						if r.Dir != probes.Out {
							continue
						}
						got = append(got, fmt.Sprintf("%s %s %s", e.Node, r.Reason, r.Cause))
						if r.Segment == nil || !r.Segment.Flags.Has(probes.RST) {
							t.Errorf("the kernel's word of the RST has no segment: %+v", r)
						}
					}
				}
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("resets %q, want %q", got, c.want)
			}
			for _, x := range tl.Conflicts {
				t.Errorf("conflict: %s", x.Text)
			}
		})
	}
}

// TestTold has the kernel tell of a socket all that it can.
func TestTold(t *testing.T) {
	tl := build(t, tt.One(tt.Options{Lives: true}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.Opener.Kernel(probes.Event{Kind: probes.KindResent, Old: probes.Established, Resent: &probes.Resent{}})
		c.Opener.Kernel(probes.Event{Kind: probes.KindFault, Old: probes.Established, Fault: &probes.Fault{Errno: "ETIMEDOUT"}})
		listener := probes.SocketID{NetNS: tt.ServerCookie, Cookie: 101}
		c.Acceptor.Kernel(probes.Event{Kind: probes.KindDrop, Sock: listener, Old: probes.Listen, Drop: &probes.Drop{Reason: "TCP_LISTEN_OVERFLOW"}})
		c.FourWay(c.Opener)
		c.Opener.Kernel(probes.Event{Kind: probes.KindTally, Old: probes.Closed, Tally: &probes.Tally{SegsOut: 4}})
	}))
	c := tl.Connections[0]
	if len(c.Opener.Resent) != 1 || len(c.Opener.Faults) != 1 || c.Opener.Tally == nil || len(c.Acceptor.Drops) != 1 {
		t.Errorf("told of the opener: %+v; of the acceptor: %+v", c.Opener.Told, c.Acceptor.Told)
	}
	if l := tl.Listeners[0]; l.Flow.Remote.IsValid() {
		t.Errorf("the listener has taken the addresses of what was dropped: %v", l.Flow)
	}
}
