package check

import (
	"slices"
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A doubt is why something cannot be judged, and what would help.
type doubt struct {
	reason words.Message
	remedy words.Message
}

func because(id words.ID, args ...any) *doubt { return &doubt{reason: words.M(id, args...)} }

func (d *doubt) remedied(m words.Message) *doubt { d.remedy = m; return d }

func (d *doubt) remediedBy(other *doubt) *doubt { d.remedy = other.remedy; return d }

// firstDoubt returns the first that is not nil.
func firstDoubt(doubts ...*doubt) *doubt {
	for _, d := range doubts {
		if d != nil {
			return d
		}
	}
	return nil
}

// runDoubt says why the record of the run may be incomplete.
func (j *judge) runDoubt() *doubt {
	switch {
	case j.tl.Close == 0:
		return because(words.CheckRunCutShort)
	case !j.tl.Complete:
		return because(words.CheckNotDrained)
	}
	return nil
}

// status returns what the header says of a source.
func (j *judge) status(src probes.Source) (probes.ProbeStatus, bool) {
	for _, p := range j.tl.Header.Probes {
		if p.Source == src {
			return p, true
		}
	}
	return probes.ProbeStatus{}, false
}

// sourceDoubt says why a source was not there.
func (j *judge) sourceDoubt(src probes.Source) *doubt {
	p, ok := j.status(src)
	switch {
	case !ok:
		return because(words.CheckAbsent, string(src))
	case p.Missing():
		d := because(words.CheckRefused, string(src), p.Reason)
		if p.Remedy != "" {
			d.remedied(words.M(words.CheckRemedy, p.Remedy))
		}
		return d
	}
	return nil
}

// anywhere, as a node, means all nodes.
const anywhere = ""

// lossDoubt says which records of the sources are missing at a node. A loss
// of netlab's own touches everything; what sockdiag was told of counters and of
// sockets that went, and not seen by looking, touches no socket's state.
func (j *judge) lossDoubt(node string, sources ...probes.Source) *doubt {
	for _, l := range j.tl.Losses {
		if l.Of == probes.KindTally || l.Of == probes.KindCounter {
			continue
		}
		touches := l.Source == probes.Lab || l.Source == "" || slices.Contains(sources, l.Source)
		if touches && (l.Node == "" || l.Node == node || node == anywhere) {
			return because(words.CheckLost, l.Count, string(l.Source), l.What).remedied(words.M(words.CheckRunAgain))
		}
	}
	return nil
}

// wireDoubt says why the segments of c may be incomplete at either end.
func (j *judge) wireDoubt(c *timeline.Connection) *doubt {
	return firstDoubt(
		j.sourceDoubt(probes.Wire),
		j.runDoubt(),
		j.lossDoubt(c.Opener.Node, probes.Wire),
		j.lossDoubt(c.Acceptor.Node, probes.Wire),
		tapDoubt(c),
	)
}

// tapDoubt says which segment was not seen at its sender's end: then others
// may have been overlooked there, too.
func tapDoubt(c *timeline.Connection) *doubt {
	if len(c.Segments) == 0 {
		return because(words.CheckNoSegments, EndName(c, c.Opener)+" -> "+EndName(c, c.Acceptor))
	}
	for _, s := range c.Segments {
		if s.Teardown || s.Injected {
			continue
		}
		if len(s.Taps) == 0 || s.Taps[0].Node != s.From || s.Taps[0].Dir != probes.Out {
			return because(words.CheckNotTapped, s.Frame, s.From)
		}
	}
	return nil
}

// tapped counts the ends of c at which its segments were captured.
func tapped(c *timeline.Connection) int {
	seen := map[string]bool{}
	for _, s := range c.Segments {
		for _, t := range s.Taps {
			seen[t.Node] = true
		}
	}
	n := 0
	for _, e := range c.Ends() {
		if seen[e.Node] {
			n++
		}
	}
	return n
}

// bothEndsDoubt says at which end c was not captured. To say that something
// did not happen, both are needed.
func (j *judge) bothEndsDoubt(c *timeline.Connection) *doubt {
	if d := j.wireDoubt(c); d != nil {
		return d
	}
	for _, e := range c.Ends() {
		if !tappedAt(c, e.Node) && !cutOff(c, e) {
			return because(words.CheckNoTap, EndName(c, e))
		}
	}
	return nil
}

// cutOff reports whether all that was sent to an end was seen to stop on the
// way: then it had nothing to answer, and no tap there is missed.
func cutOff(c *timeline.Connection, e *timeline.Endpoint) bool {
	for _, s := range c.Segments {
		if (s.Forged || s.Injected) && s.Opener == (e == c.Opener) {
			continue // sent in the end's name by who stopped the others, or by a gate
		}
		if s.Opener == (e == c.Opener) || !s.Stopped() {
			return false
		}
	}
	return true
}

func tappedAt(c *timeline.Connection, node string) bool {
	for _, s := range c.Segments {
		for _, t := range s.Taps {
			if t.Node == node {
				return true
			}
		}
	}
	return false
}

// modelDoubt says why the model's path of an end is not whole.
func (j *judge) modelDoubt(c *timeline.Connection, e *timeline.Endpoint) *doubt {
	if d := j.wireDoubt(c); d != nil {
		return d
	}
	if v := e.Views[probes.Model]; !v.Whole {
		return because(words.CheckModelPartial, orUnknown(v.Why))
	}
	return nil
}

// kernelWhole reports whether bpf recorded all that it can see of an end.
func (j *judge) kernelWhole(e *timeline.Endpoint) bool {
	return j.sourceDoubt(probes.BPF) == nil && j.runDoubt() == nil &&
		j.lossDoubt(e.Node, probes.BPF) == nil && e.Views[probes.KernelEvents].Whole
}

// eventsDoubt says why there are no kernel events of an end: bpf's absence
// or loss, and that what is left only samples.
func (j *judge) eventsDoubt(e *timeline.Endpoint) *doubt {
	d := firstDoubt(j.sourceDoubt(probes.BPF), j.runDoubt(), j.lossDoubt(e.Node, probes.BPF))
	if d == nil {
		d = because(words.CheckNotWhole, string(probes.BPF), orUnknown(e.Views[probes.KernelEvents].Why))
	}
	var samplers words.List
	for _, src := range []probes.Source{probes.SockDiag, probes.SS} {
		if j.sourceDoubt(src) == nil {
			samplers = append(samplers, string(src))
		}
	}
	if len(samplers) > 0 {
		d.reason = words.M(words.CheckAnd, d.reason, words.M(words.CheckOnlySampling, samplers))
	}
	return d
}

// conflictDoubt says which contradiction touches an end of c, or e alone.
func (j *judge) conflictDoubt(ends ...*timeline.Endpoint) *doubt {
	for _, x := range j.tl.Conflicts {
		for _, e := range ends {
			if x.Endpoint == e {
				return because(words.CheckConflict, x.Text)
			}
		}
	}
	return nil
}

func orUnknown(why string) string {
	if why = strings.TrimSpace(why); why == "" {
		return "not whole"
	}
	return why
}
