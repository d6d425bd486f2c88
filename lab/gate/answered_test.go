package gate

import (
	"testing"

	"netlab/probes"
	"netlab/scenarios"
)

// While the hand keeps the answer to a segment, that is not sent again.
func TestAnswered(t *testing.T) {
	pass := func(b *bench, id uint64) {
		f, err := b.byHand(id)
		check(b.tb, err)
		b.release(b.now, f, probes.ByHand)
		b.flush()
	}
	const syn, both = probes.SYN, probes.SYN | probes.ACK
	for _, tt := range []struct {
		name string
		all  bool
		do   func(b *bench)
		want []string // told of what came last
	}{
		{"a SYN whose SYN+ACK waits", true, func(b *bench) {
			b.come(client, seg(t, client, syn, 0, 0, ""))
			pass(b, 1)
			b.come(server, seg(t, server, both, 0, 1, ""))
			b.told()
			b.come(client, seg(t, client, syn, 0, 0, ""))
		}, []string{"merged #3 by (hand)"}},
		{"a SYN+ACK whose ACK waits", true, func(b *bench) {
			b.come(client, seg(t, client, syn, 0, 0, ""))
			pass(b, 1)
			b.come(server, seg(t, server, both, 0, 1, ""))
			pass(b, 2)
			b.come(client, seg(t, client, ack, 1, 1, ""))
			b.told()
			b.come(server, seg(t, server, both, 0, 1, ""))
		}, []string{"merged #4 by (hand)"}},
		{"the answer was dropped", true, func(b *bench) {
			b.come(client, seg(t, client, syn, 0, 0, ""))
			pass(b, 1)
			b.come(server, seg(t, server, both, 0, 1, ""))
			f, err := b.byHand(2)
			check(t, err)
			b.discard(b.now, f, probes.ByHand)
			b.flush()
			b.told()
			b.come(client, seg(t, client, syn, 0, 0, ""))
		}, []string{"held #3 by (hand)"}},
		{"it did not go on", true, func(b *bench) {
			b.come(client, seg(t, client, syn, 0, 0, ""))
			f, err := b.byHand(1)
			check(t, err)
			b.discard(b.now, f, probes.ByHand)
			b.flush()
			b.told()
			b.come(client, seg(t, client, syn, 0, 0, ""))
		}, []string{"held #2 by (hand)"}},
		{"ends that open at once", true, func(b *bench) {
			b.come(client, seg(t, client, syn, 0, 0, ""))
			b.come(server, seg(t, server, syn, 0, 0, ""))
			pass(b, 1)
			b.come(server, seg(t, server, both, 0, 1, ""))
			pass(b, 2)
			b.told()
			b.come(client, seg(t, client, both, 0, 1, ""))
		}, []string{"held #4 by (hand)"}},
		{"what follows in the stream", true, func(b *bench) {
			b.come(client, seg(t, client, syn, 0, 0, ""))
			pass(b, 1)
			b.come(server, seg(t, server, both, 0, 1, ""))
			pass(b, 2)
			b.come(client, seg(t, client, ack, 1, 1, "one"))
			pass(b, 3)
			b.come(server, seg(t, server, ack, 1, 4, ""))
			b.told()
			b.come(client, seg(t, client, ack, 4, 1, "two"))
		}, []string{"held #5 by (hand)"}},
		{"nothing is let on by hand", false, func(b *bench) {
			b.come(client, seg(t, client, syn, 0, 0, ""))
			b.rule("answers", holding(scenarios.FrameMatch{}, nil))
			b.come(server, seg(t, server, both, 0, 1, ""))
			b.told()
			b.come(client, seg(t, client, syn, 0, 0, ""))
		}, []string{"held #3 by answers"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.HoldAll = tt.all })
			tt.do(b)
			b.took()
			b.want(nil, tt.want)
		})
	}
}
