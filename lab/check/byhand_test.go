package check

import (
	"testing"

	"netlab/lab/check/checktest"
	"netlab/probes"
	tt "netlab/probes/timeline/timelinetest"
	"netlab/scenarios"
)

// What was let on by hand decides neither an order of segments nor how often
// one is sent; states and everything that is as it should be are judged.
func TestByHand(t *testing.T) {
	crossing := checktest.Pattern("client FIN", "server FIN", "server ACK", "client ACK")
	four := checktest.Pattern("client FIN", "server ACK", "server FIN", "client ACK")
	const why = "inconclusive: frames were let on by hand"
	play := func(rule string) func(*tt.Script, *tt.Conn) {
		return opened(func(_ *tt.Script, c *tt.Conn) { c.HeldClose(rule) })
	}
	runGated(t, []gated{
		{name: "as it should be", play: play(probes.ByHand), expect: scenarios.ConnectionExpect{Closing: crossing, Retransmissions: checktest.Count(1, 1)}},
		{name: "another order", play: play(probes.ByHand), expect: scenarios.ConnectionExpect{Closing: four, Retransmissions: checktest.Count(0, 0)},
			others: map[string]string{"closing": why, "retransmissions": why}},
		{name: "other states", play: play(probes.ByHand), expect: scenarios.ConnectionExpect{TimeWait: checktest.Who("client")},
			others: map[string]string{"time_wait": "fail"}},
		{name: "by a rule", play: play("fins"), expect: scenarios.ConnectionExpect{Closing: four, Retransmissions: checktest.Count(0, 0)},
			others: map[string]string{"closing": "fail", "retransmissions": "fail"}},
	})
}
