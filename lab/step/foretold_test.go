package step

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/scenarios/words"
)

func TestForetold(t *testing.T) {
	edge := func(from, to probes.State) rfc9293.Transition {
		return rfc9293.Transition{Edge: rfc9293.Edge{From: from, To: to}}
	}
	for _, tt := range []struct {
		name string
		x    Foretold
		lang words.Lang
		want []string
	}{
		{name: "nothing is known"},
		{name: "a step", x: Foretold{Node: "server", From: probes.Established, Taken: []rfc9293.Transition{edge(probes.Established, probes.CloseWait)}, Answer: "ACK", Section: "3.10.7.4", Why: "rcv FIN"},
			want: []string{"server: ESTABLISHED -> CLOSE-WAIT; it answers with ACK", "section 3.10.7.4: rcv FIN"}},
		{name: "two steps", lang: words.Chinese, x: Foretold{Node: "client", From: probes.FinWait1,
			Taken: []rfc9293.Transition{edge(probes.FinWait1, probes.FinWait2), edge(probes.FinWait2, probes.TimeWait)}, Answer: "ACK", Section: "3.10.7.4", Why: "rcv FIN"},
			want: []string{"client：FIN-WAIT-1 -> FIN-WAIT-2 -> TIME-WAIT；以 ACK 应答", "第 3.10.7.4 节：rcv FIN"}},
		{name: "on the way", x: Foretold{Node: "server", Via: "sw", From: probes.Established}, want: []string{"sw sends it on; then server stays in ESTABLISHED; no answer"}},
		{name: "no step", x: Foretold{Node: "client", From: probes.Established}, want: []string{"client stays in ESTABLISHED; no answer"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.x.Lines(tt.lang)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
