package timeline_test

import (
	"strings"
	"testing"
	"time"

	"netlab/probes"
	tt "netlab/probes/timeline/timelinetest"
)

// Where no kernel event tells, counters of a node make the model's word less
// than whole: the segment that it acted on may have been dropped after the tap.
func TestCountedGap(t *testing.T) {
	rootless := []probes.Source{probes.BPF}
	opened := func(s *tt.Script, c *tt.Conn) { c.Open(); s.Wait(time.Millisecond) }
	closed := func(s *tt.Script, c *tt.Conn) { c.Open(); c.FourWay(c.Opener) }
	for _, x := range []struct {
		name    string
		without []probes.Source
		play    func(*tt.Script, *tt.Conn)
		node    string
		counter string
		end     string // whose model is no more whole, "" for nobody's
	}{
		{"a full queue", rootless, opened, tt.Server, "ListenOverflows", tt.Server},
		{"of another node", rootless, opened, tt.Client, "ListenOverflows", ""},
		{"where kernel events tell", nil, opened, tt.Server, "ListenOverflows", ""},
		{"another counter", rootless, opened, tt.Server, "TCPTimeouts", ""},
		{"a TIME-WAIT that was listed", rootless, closed, tt.Client, "TCPTimeWaitOverflow", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			tl := build(t, tt.One(tt.Options{Without: x.without, Addressed: true}, func(s *tt.Script, c *tt.Conn) {
				x.play(s, c)
				s.Look()
				s.Count(x.node, x.counter, 1)
			}))
			for _, e := range tl.Connections[0].Ends() {
				view := e.Views[probes.Model]
				if whole := e.Node != x.end; view.Whole != whole || !whole && !strings.Contains(view.Why, x.counter) {
					t.Errorf("%s: whole %v (%s)", e.Node, view.Whole, view.Why)
				}
			}
		})
	}
}
