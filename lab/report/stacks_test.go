package report

import (
	"strings"
	"testing"

	"netlab/probes"
	"netlab/probes/timeline"
)

func TestStacks(t *testing.T) {
	run := Run{Timeline: &timeline.Timeline{Events: []probes.Event{
		{Kind: probes.KindStack, Stack: &probes.Stack{Count: 120, Capture: 4, Layers: []probes.Layer{{Name: "Ethernet", Bytes: 14}, {Name: "ARP", Bytes: 28, Text: "who has \x1b[31m?"}}}},
		{Kind: probes.KindStack, Stack: &probes.Stack{Count: 2, Capture: 1234, Layers: []probes.Layer{
			{Name: "Ethernet", Bytes: 14}, {Name: "IPv6", Bytes: 40}, {Name: "TCP", Bytes: 32}, {Name: "HTTP", Bytes: 178, Text: "GET /a-rather-long-path HTTP/1.1"}, {Name: "text", Bytes: 9}}}},
		{Kind: probes.KindStack, Stack: &probes.Stack{Count: 122}},
	}}}
	x := newText(Options{Width: 80})
	x.stacks(run)
	want := `frames  first  layers, the outermost first, with the bytes that each adds
    120      4  Ethernet 14 | ARP 28 "who has \x1b[31m?"
      2   1234  Ethernet 14 | IPv6 40 | TCP 32 | HTTP 178 "GET
                /a-rather-long-path HTTP/1.1" | text 9`
	if got := strings.Join(x.lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
