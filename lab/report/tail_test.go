package report

import (
	"strings"
	"testing"

	"netlab/probes"
	"netlab/probes/timeline"
)

// Whoever saw the run is named, and so is what was missing, of a probe that was
// there, too.
func TestObservers(t *testing.T) {
	tl := &timeline.Timeline{Header: probes.Header{Kernel: "6.1.0", Probes: []probes.ProbeStatus{
		{Source: probes.BPF, Kinds: []probes.Kind{probes.KindReset}, Lacks: []probes.Lack{{Kind: probes.KindLife, Reason: "not told"}}},
		{Source: probes.SockDiag},
		{Source: probes.SS, Reason: "not installed"},
		{Source: probes.Wire},
	}}}
	text := newText(Options{Width: 200})
	text.observers(tl, 1)
	got := strings.Join(text.lines, "\n")
	for _, want := range []string{"bpf sockdiag wire", "no bpf/life ss"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}
