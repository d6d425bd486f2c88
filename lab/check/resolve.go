package check

import (
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// Connection returns the connection that a name of the scenario means: an
// entry of its connections, or a step by its "as". It is nil if there was
// none.
func Connection(tl *timeline.Timeline, sc *scenarios.Scenario, name string) *timeline.Connection {
	for _, n := range sc.Connections {
		if n.Name == name {
			return nth(tl, sc, n)
		}
	}
	return nth(tl, sc, scenarios.ConnectionName{Name: name, Step: name, Nth: 1})
}

// nth finds the nth of the connections that fit all that n says.
func nth(tl *timeline.Timeline, sc *scenarios.Scenario, n scenarios.ConnectionName) *timeline.Connection {
	step := stepIndex(sc, n.Step)
	if n.Step != "" && step == 0 {
		return nil
	}
	left := max(n.Nth, 1)
	for _, c := range tl.Connections {
		if n.Step != "" && c.Step != step || n.To != "" && c.Server != n.To || n.OpenedBy != "" && c.Opener.Node != n.OpenedBy {
			continue
		}
		if left--; left == 0 {
			return c
		}
	}
	return nil
}

// stepIndex returns the index of the step with the name, 0 if there is none.
func stepIndex(sc *scenarios.Scenario, name string) int {
	if name == "" {
		return 0
	}
	for i := range sc.Steps {
		if common(&sc.Steps[i]).As == name {
			return sc.Steps[i].Index
		}
	}
	return 0
}

// common returns what a step can say whichever verb it has.
func common(s *scenarios.Step) scenarios.Common {
	if c := s.Common(); c != nil {
		return *c
	}
	return scenarios.Common{}
}

// findEnd returns the end of c that a name means: a node, or opener or
// acceptor. Where it means none it returns why.
func findEnd(c *timeline.Connection, name string) (*timeline.Endpoint, *doubt) {
	switch name {
	case scenarios.Opener:
		return c.Opener, nil
	case scenarios.Acceptor:
		return c.Acceptor, nil
	}
	o, a := c.Opener.Node == name, c.Acceptor.Node == name
	switch {
	case o && a:
		return nil, because(words.CheckSameNode, name).remedied(words.M(words.CheckSayOpener))
	case o:
		return c.Opener, nil
	case a:
		return c.Acceptor, nil
	}
	return nil, because(words.CheckNotAnEnd, name, c.Opener.Node, c.Acceptor.Node)
}

// missing judges an expectation on a connection that was not there. That is
// a failure only where nothing can have been overlooked.
func (j *judge) missing(v *Verdict, name string) {
	v.Got = noConnection
	d := firstDoubt(j.runDoubt(), j.sourceDoubt(probes.Wire), j.lossDoubt(anywhere, probes.Wire, probes.Calls))
	if d == nil && j.needsCalls(name) {
		d = j.sourceDoubt(probes.Calls)
	}
	if d != nil {
		v.inconclusive(because(words.CheckNoConnectionYet, name, d.reason).remediedBy(d))
		return
	}
	v.fail(words.M(words.CheckNoConnection, name))
}

// needsCalls reports whether a connection is found by the step or the server
// that it belongs to, which the calls tell.
func (j *judge) needsCalls(name string) bool {
	for _, n := range j.sc.Connections {
		if n.Name == name {
			return n.Step != "" || n.To != ""
		}
	}
	return true
}
