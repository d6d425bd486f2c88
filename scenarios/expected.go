package scenarios

import (
	"slices"
	"strings"

	"netlab/scenarios/words"
)

// This file checks that expectations speak of what the scenario has.

// checkConnections looks at the names given to connections.
func (c *checker) checkConnections() {
	for i := range c.s.Connections {
		n := &c.s.Connections[i]
		step, to := c.given(&n.Step), c.given(&n.To)
		switch {
		case step && to:
			c.wrong(bad(words.ExcludesKey, "step", "to"), &n.To)
		case !step && !to:
			c.wrong(bad(words.OneOfKeys, "step", "to"), n, &n.Name)
		}
		if !to {
			if c.given(&n.OpenedBy) {
				c.wrong(bad(words.OnlyWith, "to"), &n.OpenedBy)
			}
		}
		if at, ok := c.steps.index[n.Step]; ok && !c.s.Steps[at].Connects() {
			c.wrong(bad(words.StepOpensNone, quote(n.Step), c.s.Steps[at].Verb), &n.Step)
		}
	}
}

// checkExpect looks at every expectation.
func (c *checker) checkExpect() {
	e := &c.s.Expect
	for i := range e.Connections {
		c.checkConnectionExpect(&e.Connections[i])
	}
	for i := range e.Steps {
		x := &e.Steps[i]
		if c.isMapping(x) {
			c.wrong(bad(words.NothingExpected), x)
		}
	}
	if n := len(e.Order); n < 2 && c.given(&e.Order) {
		c.wrong(bad(words.ValueTooFew, 2, n), &e.Order)
	}
	for i := range e.Order {
		c.checkMoment(&e.Order[i])
	}
	for i := range e.Durations {
		c.checkDuration(&e.Durations[i])
	}
}

// isMapping reports whether a value was written as one without unknown keys,
// so that its being empty is not the trace of another error.
func (c *checker) isMapping(ptr any) bool {
	at, ok := c.places[ptr]
	return ok && (at.node.null || at.node.kind == mapping && len(at.node.pairs) == 0)
}

func (c *checker) checkConnectionExpect(x *ConnectionExpect) {
	if c.isMapping(x) {
		c.wrong(bad(words.NothingExpected), x)
	}
	for i := range x.Ends {
		e := &x.Ends[i]
		c.checkEndName(x.Name, e.Name, &e.Name)
		if len(e.States) == 0 && (c.isMapping(e) || c.given(&e.States)) {
			c.wrong(bad(words.NothingExpected), &e.States, e)
		}
	}
	for _, p := range []*Pattern{x.Opening, x.Closing} {
		if p != nil {
			c.checkPattern(x.Name, p)
		}
	}
	if x.FirstFIN != nil {
		c.checkWho(x.Name, x.FirstFIN, Nobody)
	}
	if x.TimeWait != nil {
		c.checkWho(x.Name, x.TimeWait, Both, Nobody)
	}
}

func (c *checker) checkPattern(connection string, p *Pattern) {
	for _, sequence := range p.Alternatives {
		for i := range sequence {
			for _, segment := range sequence[i] {
				c.checkEndName(connection, segment.End, &sequence[i])
			}
		}
	}
}

// checkWho allows the ends of a connection and some words beside them.
func (c *checker) checkWho(connection string, w *Who, also ...string) {
	for _, one := range w.Any {
		if !isWord(one, also) {
			c.checkEndName(connection, one, w)
		}
	}
}

// checkMoment looks up what a moment speaks of.
func (c *checker) checkMoment(m *Moment) {
	if m.Name == "" || m.End == "" && m.Point == "" || c.lost[m.Name] {
		return // reported
	}
	if m.Point == "started" || m.Point == "ended" {
		if !c.steps.has(m.Name) && !c.unreadable(&c.steps) {
			c.wrong(bad(words.NoStep, quote(m.Name)).instead(c.steps.names, m.Name), m)
		}
		return
	}
	if !c.connections.has(m.Name) && !c.unreadable(&c.connections) {
		c.wrong(bad(words.NoConnection, quote(m.Name)).instead(c.connections.names, m.Name), m)
	}
	if m.End != "" {
		c.checkEndName(m.Name, m.End, m)
	}
}

func (c *checker) checkDuration(x *DurationExpect) {
	c.checkMoment(&x.From)
	c.checkMoment(&x.To)
	switch {
	case !c.given(x):
	case x.AtLeast == nil && x.AtMost == nil:
		c.wrong(bad(words.ValueNoBounds), x)
	case x.AtLeast != nil && x.AtMost != nil && x.AtLeast.Duration > x.AtMost.Duration:
		c.wrong(bad(words.ValueBothBounds), &x.AtLeast, x)
	}
	if x.From.Text != "" && x.From.Text == x.To.Text {
		c.wrong(bad(words.SameMoment), &x.To)
	}
}

// What can be expected, by the names of section "expect".
func kindsOfConnection() []string {
	return []string{"opening", "closing", "first_fin", "time_wait", "resets", "retransmissions"}
}
func kindsOfStep() []string { return []string{"reply", "fails", "bytes", "text"} }

// maxTally bounds what is counted.
const maxTally = 100

// exampleTally is shown to whom a name of an expectation will not succeed.
const exampleTally = "control.first_fin"

// checkTally looks up what is counted: the name of an expectation, whether it
// is judged or not.
//
//	CONNECTION.KIND        CONNECTION.END.states  steps.STEP.KIND
//	connection_count.SERVER  durations.NAME         order
func (c *checker) checkTally() {
	if n := len(c.s.Tally); n > maxTally {
		c.wrong(bad(words.ValueTooMany, maxTally, n), &c.s.Tally)
		return
	}
	for i := range c.s.Tally {
		c.checkTallied(&c.s.Tally[i])
	}
}

func (c *checker) checkTallied(name *string) {
	head, rest, _ := strings.Cut(*name, ".")
	if c.lost[head] || c.unreadable(&c.connections) {
		return
	}
	var allowed []string
	list := func(head string, tails []string) {
		for _, tail := range tails {
			allowed = append(allowed, head+"."+tail)
		}
	}
	switch {
	case c.connections.has(head):
		if end, what, _ := strings.Cut(rest, "."); what == "states" {
			c.checkEndName(head, end, name)
			return
		}
		list(head, kindsOfConnection())
	case head == "steps":
		step, _, _ := strings.Cut(rest, ".")
		if !c.steps.has(step) {
			c.wrong(bad(words.NoStep, quote(step)).instead(c.steps.names, step), name)
			return
		}
		list("steps."+step, kindsOfStep())
	case head == "connection_count":
		list(head, c.servers.names)
	case head == "durations":
		for _, d := range c.s.Expect.Durations {
			allowed = append(allowed, "durations."+d.Name)
		}
	case *name == "order" && len(c.s.Expect.Order) > 0:
		return
	default:
		all := slices.Concat(c.connections.names, []string{"steps", "connection_count", "durations"})
		c.wrong(bad(words.NoTally, quote(*name), exampleTally).instead(all, head), name)
		return
	}
	if !isWord(*name, allowed) {
		c.wrong(bad(words.NoTally, quote(*name), exampleTally).instead(allowed, *name), name)
	}
}
