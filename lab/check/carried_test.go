package check

import (
	"testing"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// That protocols were seen one in another is evidence by itself; that they were
// not needs a capture that was whole and read to its end.
func TestCarried(t *testing.T) {
	page := probes.Stack{Count: 3, Capture: 7, Layers: []probes.Layer{{Name: "Ethernet"}, {Name: "IPv4"}, {Name: "TCP"}, {Name: "HTTP"}}}
	stacks := func(list ...probes.Stack) func(*timeline.Timeline) {
		return func(tl *timeline.Timeline) {
			for i := range list {
				tl.Events = append(tl.Events, probes.Event{
					Seq: uint64(len(tl.Events) + 1), Source: probes.Wire, Kind: probes.KindStack, Stack: &list[i],
				})
			}
		}
	}
	whole := stacks(page, probes.Stack{Count: 9})
	both := func(one, other func(*timeline.Timeline)) func(*timeline.Timeline) {
		return func(tl *timeline.Timeline) { one(tl); other(tl) }
	}
	want := func(carried, not scenarios.Stack) func(*scenarios.Scenario) {
		return func(sc *scenarios.Scenario) {
			if carried != nil {
				sc.Expect.Carried = []scenarios.Stack{carried}
			}
			if not != nil {
				sc.Expect.NotCarried = []scenarios.Stack{not}
			}
		}
	}
	const got = "in 3 frames, first in frame 7 of the capture"
	runTrials(t, []trial{
		{"whole stack", root, four, whole, want(scenarios.Stack{"Ethernet", "IPv4", "TCP", "HTTP"}, nil), "carried", Pass, got, "only the wire"},
		{"a part of it", root, four, whole, want(scenarios.Stack{"TCP", "HTTP"}, nil), "carried", Pass, got, ""},
		{"one protocol", root, four, whole, want(scenarios.Stack{"IPv4"}, nil), "carried", Pass, got, ""},
		{"not one directly in the next", root, four, whole, want(scenarios.Stack{"IPv4", "HTTP"}, nil), "carried", Fail, "in no frame", "no frame is made up so"},
		{"the other way round", root, four, whole, want(scenarios.Stack{"HTTP", "TCP"}, nil), "carried", Fail, "in no frame", ""},
		{"longer than the frame's", root, four, whole, want(scenarios.Stack{"TCP", "HTTP", "text"}, nil), "carried", Fail, "in no frame", ""},
		{"seen, and not wanted", root, four, whole, want(nil, scenarios.Stack{"TCP", "HTTP"}), "not_carried", Fail, got, "frame 7"},
		{"not seen, and not wanted", root, four, whole, want(nil, scenarios.Stack{"TLS"}), "not_carried", Pass, "in no frame", ""},
		{"seen, though not all was read", root, four, stacks(page), want(scenarios.Stack{"HTTP"}, nil), "carried", Pass, got, ""},
		{"not seen, and not all was read", root, four, stacks(page), want(scenarios.Stack{"TLS"}, nil), "carried", Inconclusive, "in no frame", "not read to its end"},
		{"not seen, nothing was read", root, four, nil, want(nil, scenarios.Stack{"TLS"}), "not_carried", Inconclusive, "in no frame", "not read to its end"},
		{"not seen, and frames were lost", root, four, both(whole, lose(probes.Wire, "client")), want(nil, scenarios.Stack{"TLS"}), "not_carried", Inconclusive, "in no frame", "3 records"},
		{"not seen, and the reading was given up", root, four, both(whole, lose(probes.Content, "")), want(nil, scenarios.Stack{"TLS"}), "not_carried", Inconclusive, "in no frame", ""},
	})
}
