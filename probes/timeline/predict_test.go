package timeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"
)

func predicted(p timeline.Prediction) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", p.Node, p.From)
	for _, tr := range p.Taken {
		fmt.Fprintf(&b, " -> %s", tr.To)
	}
	if p.Answer != "" {
		fmt.Fprintf(&b, ", %s", p.Answer)
	}
	fmt.Fprintf(&b, " (%s: %s)", p.Section, p.Why)
	return b.String()
}

// TestPredict asks what segments will do that a gate holds.
func TestPredict(t *testing.T) {
	const fin, psh = probes.FIN | probes.ACK, probes.PSH | probes.ACK
	// forge returns a segment that an end might send, off by so much.
	forge := func(e *tt.End, flags probes.Flags, off int, n int) (probes.Flow, probes.Segment) {
		s := probes.Segment{Seq: e.Seq + uint32(off), Flags: flags, Len: n, Window: 502}
		if flags.Has(probes.ACK) {
			s.Ack = e.Ack
		}
		return e.Flow, s
	}
	held := func(e *tt.End, p *tt.Packet) (probes.Flow, probes.Segment) { return e.Flow, p.Hold("x").Segment }
	type ask func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment)
	opened := func(f ask) ask {
		return func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.Open()
			c.Send(c.Opener, "hello", 5)
			return f(s, c)
		}
	}
	for _, c := range []struct {
		name string
		ask  ask
		want string
	}{
		{"SYN to a listener", func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) { return held(c.Opener, c.SYN()) },
			"server LISTEN -> SYN-RECEIVED, SYN+ACK (3.10.7.2: rcv SYN)"},
		{"SYN to nobody", func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			d := s.Dial(81)
			return held(d.Opener, d.SYN())
		}, "server CLOSED, RST (3.10.7.1: nobody is there)"},
		{"SYN that nobody saw leave", func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			return forge(c.Opener, probes.SYN, 0, 0)
		}, "server LISTEN -> SYN-RECEIVED, SYN+ACK (3.10.7.2: rcv SYN)"},
		{"SYN+ACK", func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.SYN().Deliver()
			return held(c.Acceptor, c.SYNACK())
		}, "client SYN-SENT -> ESTABLISHED, ACK (3.10.7.3: rcv SYN,ACK)"},
		{"third ACK", func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.SYN().Deliver()
			c.SYNACK().Deliver()
			c.Opener.Enter(probes.Established)
			return held(c.Opener, c.Opener.Emit(probes.ACK, "", 0))
		}, "server SYN-RECEIVED -> ESTABLISHED (3.10.7.4: rcv ACK of SYN)"},
		{"SYN again", func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			syn := c.SYN()
			syn.Deliver()
			c.SYNACK()
			return held(c.Opener, syn.Again())
		}, "server SYN-RECEIVED, SYN+ACK (3.10.7.4: the SYN again: it is answered again)"},
		{"SYN that crosses", func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.Acceptor.Enter(probes.SynSent)
			c.Acceptor.Emit(probes.SYN, "", 0).Hold("x")
			return held(c.Opener, c.SYN())
		}, "server SYN-SENT -> SYN-RECEIVED, SYN+ACK (3.10.7.3: rcv SYN)"},
		{"data", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			return held(c.Opener, c.Opener.Emit(psh, "x", 1))
		}), "server ESTABLISHED, ACK (3.10.7.4: data: no state changes)"},
		{"data again", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) { return forge(c.Opener, psh, -5, 5) }),
			"server ESTABLISHED, ACK (3.10.7.4: old duplicate: only acknowledged)"},
		{"data ahead of a hole", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) { return forge(c.Opener, psh, 5, 5) }),
			"server ESTABLISHED, ACK (3.10.7.4: ahead of a hole: it waits, and the hole is told of)"},
		{"pure ACK", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			return forge(c.Opener, probes.ACK, 0, 0)
		}), "server ESTABLISHED (3.10.7.4: no state changes)"},
		{"keepalive", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			return forge(c.Opener, probes.ACK, -1, 0)
		}), "server ESTABLISHED, ACK (3.10.7.4: old duplicate: only acknowledged)"},
		{"FIN", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) { return forge(c.Opener, fin, 0, 0) }),
			"server ESTABLISHED -> CLOSE-WAIT, ACK (3.10.7.4: rcv FIN)"},
		{"FIN ahead of a hole", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) { return forge(c.Opener, fin, 4, 0) }),
			"server ESTABLISHED, ACK (3.10.7.4: ahead of a hole: it waits, and the hole is told of)"},
		{"FIN that crosses", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.Acceptor.Enter(probes.FinWait1)
			c.Acceptor.Emit(fin, "", 0).Hold("x")
			return forge(c.Opener, fin, 0, 0)
		}), "server FIN-WAIT-1 -> CLOSING, ACK (3.10.7.4: rcv FIN)"},
		{"FIN and ACK of FIN", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.Acceptor.Enter(probes.FinWait1)
			c.Acceptor.Emit(fin, "", 0).Deliver()
			c.Opener.Enter(probes.CloseWait)
			c.Opener.Enter(probes.LastAck)
			return held(c.Opener, c.Opener.Emit(fin, "", 0))
		}), "server FIN-WAIT-1 -> FIN-WAIT-2 -> TIME-WAIT, ACK (3.10.7.4: rcv ACK of FIN, rcv FIN)"},
		{"last ACK", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.HalfClose(c.Opener, "close")
			c.Acceptor.Enter(probes.LastAck)
			c.Acceptor.Emit(fin, "", 0).Deliver()
			c.Opener.State = probes.TimeWait
			return held(c.Opener, c.Opener.Emit(probes.ACK, "", 0))
		}), "server LAST-ACK -> CLOSED (3.10.7.4: rcv ACK of FIN)"},
		{"FIN to TIME-WAIT", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.FourWay(c.Opener)
			return forge(c.Acceptor, fin, -1, 0)
		}), "client TIME-WAIT, ACK (3.10.7.4: old duplicate: only acknowledged)"},
		{"data after close", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.HalfClose(c.Opener, "close")
			return forge(c.Acceptor, psh, 0, 5)
		}), "client FIN-WAIT-2, RST (3.6.1: data to a user that has closed)"},
		{"data after shutdown", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.HalfClose(c.Opener, "shutdown")
			return forge(c.Acceptor, psh, 0, 5)
		}), "client FIN-WAIT-2, ACK (3.10.7.4: data: no state changes)"},
		{"RST", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) { return forge(c.Opener, probes.RST, 0, 0) }),
			"server ESTABLISHED -> CLOSED (3.10.7.4: rcv RST)"},
		{"RST beside the number", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			return forge(c.Opener, probes.RST, 9, 0)
		}), "server ESTABLISHED, ACK (3.10.7.4: a RST in the window, but not the next number: challenged (RFC 5961 section 3.2))"},
		{"old RST", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			return forge(c.Opener, probes.RST, -3, 0)
		}),
			"server ESTABLISHED (3.10.7.4: a RST out of the window: dropped)"},
		{"SYN to an open connection", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			return forge(c.Opener, probes.SYN, 9, 0)
		}), "server ESTABLISHED, ACK (3.10.7.4: a SYN of a connection that is open: challenged (RFC 5961 section 4))"},
		{"ACK of what was not sent", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			flow, seg := forge(c.Opener, probes.ACK, 0, 0)
			seg.Ack += 1000
			return flow, seg
		}), "server ESTABLISHED, ACK (3.10.7.4: it acknowledges what was not sent)"},
		{"data to whom a RST closed", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.Acceptor.Forge("x", probes.Segment{Seq: c.Acceptor.Seq, Flags: probes.RST}).Arrive()
			return forge(c.Acceptor, psh, 0, 5)
		}), "client CLOSED, RST (3.10.7.1: nobody is there)"},
		{"SYN to TIME-WAIT", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.FourWay(c.Acceptor)
			s.Wait(time.Second)
			return forge(c.Opener, probes.SYN, 100, 0)
		}), "server TIME-WAIT, SYN+ACK (3.6.1: a new SYN may end TIME-WAIT early (MAY-2): a listener takes it)"},
		{"SYN after CLOSED", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			c.Reset(c.Opener)
			s.Wait(time.Second)
			d := s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80)
			return held(d.Opener, d.SYN())
		}), "server LISTEN -> SYN-RECEIVED, SYN+ACK (3.10.7.2: rcv SYN)"},
		{"SYN of another life to an open connection", opened(func(s *tt.Script, c *tt.Conn) (probes.Flow, probes.Segment) {
			d := s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80) // the client has forgotten the old one
			return held(d.Opener, d.SYN())
		}), "server ESTABLISHED, ACK (3.10.7.4: a SYN of a connection that is open: challenged (RFC 5961 section 4))"},
	} {
		for _, path := range []tt.Path{tt.Direct, tt.Translated} {
			if path == tt.Translated && (c.name == "SYN that crosses" || c.name == "SYN that nobody saw leave") {
				continue // a router that translates knows no such thing
			}
			t.Run(fmt.Sprint(c.name, ", path ", int(path)), func(t *testing.T) {
				var flow probes.Flow
				var seg probes.Segment
				var now probes.Mono
				s := tt.New(tt.Options{Path: path, Addressed: true})
				s.Listen(80, "www")
				s.Wait(time.Millisecond)
				s.Look()
				s.Step("visit", "visit", nil, func() {
					flow, seg = c.ask(s, s.Dial(80))
					now = s.Now()
				})
				tl := build(t, s) // and there it stands: the record is not complete
				if got := predicted(tl.Predict(flow, seg, now)); got != c.want {
					t.Errorf("%s\nwant %s", got, c.want)
				}
			})
		}
	}
	if p := (&timeline.Timeline{}).Predict(probes.Flow{}, probes.Segment{}, 0); p.Why == "" || p.Answer != "" {
		t.Errorf("without a record: %+v", p)
	}
}
