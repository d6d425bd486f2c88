package timeline_test

import (
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"
)

// What the search of a stream came to belongs to the connection whose stream
// it was, even where the ports are used again at once: else a stream with a
// hole would pass for a whole one.
func TestSearchesOfPortsUsedAgain(t *testing.T) {
	script := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.Send(c.Opener, "hello", 5)
		c.Reset(c.Opener)
		s.Wait(300 * time.Microsecond) // less than the clocks of two observers may differ
		clientFirst(s, s.DialPorts(tt.Client, c.Opener.Flow.Local.Port(), 80))
	})
	events := script.Events()
	last := map[string]probes.Event{} // segment, by who sent it
	found := func(node string, holes bool) {
		e := last[node]
		e.Seq, e.Kind, e.Segment, e.Found = uint64(len(events))+1, probes.KindFound, nil, &probes.Found{Text: "x", Holes: holes}
		events = append(events, e)
	}
	opened := 0
	for _, e := range script.Events() {
		if e.Segment == nil || e.Segment.Dir != probes.Out {
			continue
		}
		if e.Segment.Flags.Has(probes.SYN) {
			if opened++; opened > 2 {
				found(e.Node, false)
			}
		}
		last[e.Node] = e
	}
	found(tt.Client, true)
	found(tt.Server, true)
	tl, err := timeline.Build(script.Header(), events)
	if err != nil {
		t.Fatal(err)
	}
	if len(tl.Connections) != 2 {
		t.Fatalf("%d connections, want 2", len(tl.Connections))
	}
	for i, c := range tl.Connections {
		if len(c.Found) != 2 {
			t.Errorf("connection %d has %d searches, want 2", i+1, len(c.Found))
		}
		for _, f := range c.Found {
			if f.Holes != (i == 1) {
				t.Errorf("connection %d has the search of the other's stream: %+v", i+1, f)
			}
		}
	}
}
