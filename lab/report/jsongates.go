package report

import (
	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
)

// gate is a link that netlab itself carried.
type gate struct {
	Link   string `json:"link"`
	Passed []flow `json:"passed,omitempty"`
	Rules  []rule `json:"rules,omitempty"`
	Held   []held `json:"held,omitempty"` // at the end
}

// flow is what went on through a gate in one direction.
type flow struct {
	From   string `json:"from"`
	For    string `json:"to"`
	Frames uint64 `json:"frames"`
	Bytes  uint64 `json:"bytes"`
}

// rule is how often a rule of a gate matched.
type rule struct {
	Name  string `json:"name"`
	Times uint64 `json:"times"`
}

// held is a frame that a gate still held.
type held struct {
	Frame int     `json:"frame,omitempty"` // its number, 0 if it is no segment that was captured
	From  string  `json:"from,omitempty"`  // the end of the link
	What  string  `json:"what,omitempty"`  // of a frame that is no segment
	Rule  string  `json:"rule"`
	At    float64 `json:"ms"`
}

// act is what a gate did to a segment.
type act struct {
	Frame  int         `json:"frame"`
	At     float64     `json:"ms"`
	From   string      `json:"from"` // whose segment it is, or in whose name it was made
	Do     probes.Deed `json:"do"`
	Rule   string      `json:"rule,omitempty"`
	Copies int         `json:"copies,omitempty"`
	Waited float64     `json:"waited_ms,omitempty"`
	What   string      `json:"what,omitempty"`
	Event  uint64      `json:"event"`
}

func gateOf(g *timeline.Gate, zero probes.Mono) gate {
	out := gate{Link: g.Link}
	for _, a := range g.Passed {
		out.Passed = append(out.Passed, flow{From: a.Node, For: a.To, Frames: a.Frames, Bytes: a.Bytes})
	}
	for _, a := range g.Rules {
		out.Rules = append(out.Rules, rule{Name: a.Rule, Times: a.Times})
	}
	for _, h := range g.Held[:min(len(g.Held), maxClosing)] {
		x := held{From: h.Node, What: h.What, Rule: h.Rule, At: float64(h.Time.Sub(zero)) / 1e6}
		if h.Segment != nil {
			x.Frame = h.Segment.Frame
		}
		out.Held = append(out.Held, x)
	}
	return out
}

// actsOf lists what gates did to the segments of a connection, but for what
// they do to every one in lockstep.
func actsOf(c *timeline.Connection, frames []check.Frame, zero probes.Mono) []act {
	var out []act
	for _, f := range frames {
		for _, a := range f.Acts {
			if a.Rule == probes.ByLockstep || len(out) == maxClosing {
				continue
			}
			out = append(out, act{Frame: f.Frame, At: float64(a.Time.Sub(zero)) / 1e6, From: check.EndName(c, f.End), Do: a.Do,
				Rule: a.Rule, Copies: a.Copies, Waited: float64(a.Waited) / 1e6, What: a.What, Event: a.Event})
		}
	}
	return out
}
