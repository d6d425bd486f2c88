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

// edges writes the edges to and from states, with who confirms them.
func edges(list []timeline.Edge) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s, %s: %s ", e.From, e.Event, e.To)
		for _, w := range e.Seen {
			b.WriteString(w.Source.Class().String())
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestEdges plays connections whose last edges have many possible causes.
func TestEdges(t *testing.T) {
	const (
		accepted = "LISTEN, rcv SYN: SYN-RECEIVED KM\nSYN-RECEIVED, rcv ACK of SYN: ESTABLISHED KM\n"
		closes   = "ESTABLISHED, CLOSE: FIN-WAIT-1 KM\nFIN-WAIT-1, rcv ACK of FIN: FIN-WAIT-2 KM\nFIN-WAIT-2, rcv FIN: TIME-WAIT KM\n"
	)
	lives := tt.Options{Lives: true, Without: []probes.Source{probes.SockDiag, probes.SS}}
	onlyKernel := tt.Options{Lives: true, Without: []probes.Source{probes.SockDiag, probes.SS, probes.Wire, probes.Calls}}
	open := func(c *tt.Conn) { c.Open() }
	for _, c := range []struct {
		name string
		opts tt.Options
		play func(*tt.Script, *tt.Conn)
		want string // of the acceptor
	}{
		{"four-way", lives, func(_ *tt.Script, c *tt.Conn) { open(c); c.FourWay(c.Acceptor) }, accepted + closes},
		{"TIME-WAIT runs out", lives, func(s *tt.Script, c *tt.Conn) {
			open(c)
			c.FourWay(c.Acceptor)
			s.Wait(60 * time.Second)
			c.Acceptor.Die(probes.Expired)
		}, accepted + closes + "TIME-WAIT, Timeout=2MSL: CLOSED K\n"},
		{"TIME-WAIT runs out, and what comes then is refused", lives, func(s *tt.Script, c *tt.Conn) {
			open(c)
			c.FourWay(c.Acceptor)
			s.Wait(60 * time.Second)
			c.Acceptor.Die(probes.Expired)
			c.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Grade: probes.Recorded, Reset: &probes.Reset{Dir: probes.Out, Reason: "NO_SOCKET"}})
		}, accepted + closes + "TIME-WAIT, Timeout=2MSL: CLOSED K\n"},
		{"TIME-WAIT is ended, nobody says why", lives, func(s *tt.Script, c *tt.Conn) {
			open(c)
			c.FourWay(c.Acceptor)
			s.Wait(time.Second)
			c.Acceptor.Die(probes.Ended)
		}, accepted + closes + "TIME-WAIT, : CLOSED K\n"},
		{"TIME-WAIT is reused", lives, func(s *tt.Script, c *tt.Conn) {
			open(c)
			c.FourWay(c.Acceptor)
			s.Wait(time.Second)
			d := s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80)
			d.SYN().Deliver()
			c.Acceptor.Die(probes.Ended)
			d.SYNACK()
		}, accepted + closes + "TIME-WAIT, rcv SYN: CLOSED K\n"},
		{"a request runs out", lives, func(s *tt.Script, c *tt.Conn) {
			c.SYN().Deliver()
			c.SYNACK()
			s.Wait(31 * time.Second)
			c.Acceptor.Die(probes.Expired)
		}, "LISTEN, rcv SYN: SYN-RECEIVED KM\nSYN-RECEIVED, user timeout: CLOSED K\n"},
		{"keepalives go unanswered", onlyKernel, func(s *tt.Script, c *tt.Conn) {
			open(c)
			s.Wait(time.Minute)
			c.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Grade: probes.Recorded, Old: probes.Established, Sock: c.Acceptor.Sock,
				Reset: &probes.Reset{Dir: probes.Out, Reason: "TCP_KEEPALIVE_TIMEOUT"}})
			c.Acceptor.Enter(probes.Closed)
		}, strings.ReplaceAll(accepted, "KM", "K") + "ESTABLISHED, user timeout: CLOSED K\n"},
		{"keepalives go unanswered, and a RST is sent", lives, func(s *tt.Script, c *tt.Conn) {
			open(c)
			s.Wait(time.Minute)
			c.Acceptor.Kernel(probes.Event{Kind: probes.KindReset, Grade: probes.Recorded, Old: probes.Established, Sock: c.Acceptor.Sock,
				Reset: &probes.Reset{Dir: probes.Out, Reason: "TCP_KEEPALIVE_TIMEOUT"}})
			c.Acceptor.Emit(probes.RST|probes.ACK, "", 0)
			c.Acceptor.Enter(probes.Closed)
		}, accepted + "ESTABLISHED, user timeout: CLOSED KM\n"},
		{"aborted", lives, func(_ *tt.Script, c *tt.Conn) { open(c); c.Reset(c.Acceptor) }, accepted + "ESTABLISHED, ABORT: CLOSED KM\n"},
		{"a RST comes", lives, func(_ *tt.Script, c *tt.Conn) { open(c); c.Reset(c.Opener) }, accepted + "ESTABLISHED, rcv RST: CLOSED KM\n"},
		{"an error of long ago is not the cause", onlyKernel, func(s *tt.Script, c *tt.Conn) {
			open(c)
			c.Acceptor.Kernel(probes.Event{Kind: probes.KindFault, Grade: probes.Recorded, Old: probes.Established, Sock: c.Acceptor.Sock,
				Fault: &probes.Fault{Errno: "ETIMEDOUT"}})
			s.Wait(time.Minute)
			c.Acceptor.Enter(probes.Closed)
		}, strings.ReplaceAll(accepted, "KM", "K") + "ESTABLISHED, : CLOSED K\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := build(t, tt.One(c.opts, c.play))
			if diff := cmp.Diff(c.want, edges(tl.Edges(tl.Connections[0].Acceptor))); diff != "" {
				t.Errorf("edges (-want +got):\n%s", diff)
			}
		})
	}
}
