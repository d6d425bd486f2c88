package gate

import (
	"testing"

	"netlab/probes"
	"netlab/scenarios"
)

// Another SYN begins another connection.
func TestNumbersRestart(t *testing.T) {
	b := opened(t, nil)
	b.come(client, seg(t, client, ack, 1, 1, "old"))
	b.come(client, seg(t, client, probes.SYN, 1_000_000, 0, "")) // another ISN
	b.come(server, seg(t, server, ack, 77, 0, ""))               // of the connection before
	b.rule("hold", holding(scenarios.FrameMatch{}, nil))
	b.come(client, seg(t, client, ack, 1_000_001, 5, ""))
	f := b.list()[0]
	if f.Seq != 1 || f.Ack != serverISN+5 {
		t.Errorf("seq %d, ack %d, want 1, and %d as the server's SYN is not known", f.Seq, f.Ack, serverISN+5)
	}
	// Both may open at once.
	c := newBench(t, nil)
	c.come(client, seg(t, client, probes.SYN, 0, 0, ""))
	c.come(server, seg(t, server, probes.SYN, 0, 0, ""))
	c.come(client, seg(t, client, probes.SYN|ack, 0, 1, ""))
	c.rule("hold", holding(scenarios.FrameMatch{}, nil))
	c.come(server, seg(t, server, probes.SYN|ack, 0, 1, ""))
	if f := c.list()[0]; f.Seq != 0 || f.Ack != 1 {
		t.Errorf("simultaneous open: seq %d, ack %d", f.Seq, f.Ack)
	}
}

func TestFlowsAreBounded(t *testing.T) {
	b := newBench(t, nil)
	for i := range 3 * maxFlows {
		data := with(seg(t, client, probes.SYN, 0, 0, ""), 34, byte(i>>8), byte(i))
		b.come(client, data)
	}
	if n := len(b.flows.all); n > 2*maxFlows {
		t.Errorf("%d flows are remembered", n)
	}
}
