package report

import (
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/scenarios/words"
)

// stacks writes how frames were made up, where the scenario asks for it: a
// line for each way, with the bytes that each layer adds in its first frame.
func (t *text) stacks(run Run) {
	head := false
	for i := range run.Timeline.Events {
		e := &run.Timeline.Events[i]
		if e.Kind != probes.KindStack || e.Stack == nil || len(e.Stack.Layers) == 0 {
			continue
		}
		if !head {
			t.line(t.say(words.ReportStacks))
			head = true
		}
		t.wrapped(fmt.Sprintf("  %5d %6d  ", e.Stack.Count, e.Stack.Capture), stackLine(e.Stack.Layers))
	}
}

// stackLine writes the layers of a frame: Ethernet 14 | IPv4 20 | TCP 32 | HTTP
// 78 "GET / HTTP/1.1".
func stackLine(layers []probes.Layer) string {
	parts := make([]string, len(layers))
	for i, l := range layers {
		parts[i] = fmt.Sprintf("%s %d", clean(string(l.Name)), l.Bytes)
		if l.Text != "" {
			parts[i] += ` "` + clean(l.Text) + `"`
		}
	}
	return strings.Join(parts, " | ")
}
