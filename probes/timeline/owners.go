package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// The verbs of steps that run programs.
const (
	execVerb = "exec"
	waitVerb = "exec.wait"
)

// A program is one that a step started: it may have opened connections as
// long as it lived.
type program struct {
	step       int
	node       string
	start, end probes.Mono // end is 0 where it is not known to have ended
	outlives   bool        // the step did not wait for its end
}

// collectPrograms finds the programs that steps started, from the steps
// themselves. A step that reports no exit status did not wait; an exec.wait at
// the node ends the program, if there is only one there that it can be about.
func (b *builder) collectPrograms() {
	for _, s := range b.t.Steps {
		switch {
		case s.Verb == execVerb:
			p := &program{step: s.Index, node: s.Node, start: s.Start, end: s.End}
			if p.outlives = s.Ended != 0 && s.Exit == nil && s.Error == ""; p.outlives {
				p.end = 0
			}
			b.programs = append(b.programs, p)
		case s.Verb == waitVerb && s.Exit != nil:
			var waited []*program
			for _, p := range b.programs {
				if p.outlives && p.end == 0 && p.node == s.Node {
					waited = append(waited, p)
				}
			}
			if len(waited) == 1 {
				waited[0].end = s.End
			}
		}
	}
}

// stepOf returns the step during which, or by whose program, a connection was
// opened that no call of ours explains, 0 if that is not clear: where
// exactly one program ran at one of its ends it was that one's; where none
// did it is the step that ran at the moment.
func (b *builder) stepOf(inc *incarnation) int {
	found := 0
	for _, p := range b.programs {
		ran := p.start <= inc.start && (p.end == 0 || inc.start <= p.end)
		if !ran || !slices.ContainsFunc(inc.lanes[:], func(l *lane) bool { return l.Node == p.node && l.Workload == "" }) {
			continue
		}
		if found != 0 {
			return 0
		}
		found = p.step
	}
	return cmp.Or(found, b.stepAt(inc.start))
}

// stepAt returns the step that ran at a moment.
func (b *builder) stepAt(at probes.Mono) int {
	for _, s := range slices.Backward(b.t.Steps) {
		if s.Start <= at && (s.Ended == 0 || at <= s.End) {
			return s.Index
		}
	}
	return 0
}

// nameOwners finds the step and the server of a connection.
func (b *builder) nameOwners(inc *incarnation) {
	c := inc.conn
	for _, l := range []*lane{inc.lanes[1], inc.lanes[0]} {
		served, opened := true, false
		for _, in := range l.inputs {
			if in.Kind != rfc9293.Called || in.Call.Step == 0 {
				continue
			}
			served = false
			// The first counts: a connect may be asked for its result once more.
			if !opened && (opens(in.Call) || in.Call.Name == "accept") {
				c.Step, opened = in.Call.Step, true // the opener's counts: it comes last
			}
		}
		if served {
			c.Server = cmp.Or(c.Server, l.Workload)
		}
	}
	if l := b.listener(c.Acceptor.Flow.Local); l != nil && l.Step == 0 && c.Server == "" {
		c.Server = l.Workload
	}
	if c.Server == "" {
		c.Server = b.service(c.Acceptor)
	}
	if c.Step == 0 && c.Opener.Workload == "" {
		c.Step = b.stepOf(inc)
	}
}

// service returns the server of the scenario that listens at an endpoint's
// node and port, as the header says, "" if none does.
func (b *builder) service(e *Endpoint) string {
	for _, s := range b.t.Header.Services {
		if s.Node == e.Node && s.Port == int(e.Flow.Local.Port()) {
			return s.Server
		}
	}
	return ""
}

// refused reports whether all that the lane's end said, if anything, was RST.
func (l *lane) refused() bool { return l.inc.reset && !l.known }
