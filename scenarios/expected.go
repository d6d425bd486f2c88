package scenarios

import (
	"reflect"

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
		c.checkOnTCP(n.To, &n.To)
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
		c.checkStepExpect(x)
	}
	for i := range e.ConnectionCount {
		c.checkOnTCP(e.ConnectionCount[i].Name, &e.ConnectionCount[i].Name)
	}
	c.checkCounters(e.Counters)
	if n := len(e.Order); n < 2 && c.given(&e.Order) {
		c.wrong(bad(words.ValueTooFew, 2, n), &e.Order)
	}
	for i := range e.Order {
		c.checkMoment(&e.Order[i])
	}
	for i := range e.Durations {
		c.checkDuration(&e.Durations[i])
	}
	for i := range e.Ratios {
		c.checkRatio(&e.Ratios[i])
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
		if len(e.States)+len(e.Objects) == 0 && (c.isMapping(e) || c.given(&e.States)) {
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
	if x.CloseNotify != nil {
		c.checkWho(x.Name, x.CloseNotify, Both, Nobody)
	}
	if x.Alerts != nil {
		for i := range *x.Alerts {
			if a := &(*x.Alerts)[i]; a.Description != "" {
				c.checkEndName(x.Name, a.End, a)
			}
		}
	}
	c.checkKernel(x)
	c.checkSearched(x)
}

// checkSearched looks at the texts that the wire is searched for.
func (c *checker) checkSearched(x *ConnectionExpect) {
	for _, list := range []*[]string{&x.Visible, &x.Hidden} {
		c.notEmpty(len(*list), list)
		c.checkTwice(words.ListedTwice, asPointers(*list))
		for i := range *list {
			if (*list)[i] == "" {
				c.wrong(bad(words.ValueEmptyText), &(*list)[i])
			}
		}
	}
	both := map[string]bool{}
	for _, text := range x.Visible {
		both[text] = true
	}
	for i := range x.Hidden {
		if both[x.Hidden[i]] {
			c.wrong(bad(words.TextBothWays, quote(x.Hidden[i])), &x.Hidden[i])
		}
	}
}

// checkOnTCP sees to it that a server has connections.
func (c *checker) checkOnTCP(server string, ptr any) {
	if i, ok := c.servers.index[server]; ok && !c.s.Servers[i].OnTCP() {
		c.wrong(bad(words.NotConnections, quote(server)), ptr)
	}
}

// results lists what a verb's steps have to show, by the keys of
// expect.steps. Every step can fail.
func (s *Step) results() []string {
	list := []string{"fails", "error"}
	switch {
	case s.HTTPHead != nil:
		return append(list, "status", "headers", "cookies", "protocol", "tls", "bytes", "interim", "requests")
	case s.HTTPGet != nil, s.HTTPPost != nil, s.HTTPSend != nil:
		return append(list, "status", "content", "lacks", "headers", "cookies", "protocol", "tls", "bytes", "interim", "requests")
	case s.FTPConnect != nil:
		return append(list, "reply", "text", "tls", "bytes")
	case s.FTPRetrieve != nil, s.FTPList != nil:
		return append(list, "reply", "text", "bytes", "content", "lacks")
	case s.family() == "ftp":
		return append(list, "reply", "text", "bytes")
	case s.Ping != nil:
		return append(list, "bytes")
	case s.SQLRun != nil:
		return append(list, "rows", "content", "lacks", "bytes")
	case s.SMTPSend != nil:
		return append(list, "reply", "text", "bytes")
	case s.TCPReceive != nil, s.UDPReceive != nil:
		return append(list, "bytes", "content", "lacks")
	case s.TCPSend != nil, s.UDPSend != nil:
		return append(list, "bytes")
	case s.DNSLookup != nil:
		return append(list, "reply", "text", "content", "lacks", "bytes")
	case s.Exec != nil && bool(s.Exec.Background):
		return list // exec.wait tells
	case s.Exec != nil, s.ExecWait != nil:
		return append(list, "exit", "content", "lacks", "bytes")
	}
	return list
}

// checkStepExpect sees to it that the step has what is expected of it.
func (c *checker) checkStepExpect(x *StepExpect) {
	at, ok := c.steps.index[x.Name]
	if !ok {
		return // reported
	}
	step := &c.s.Steps[at]
	results := step.results()
	v := reflect.ValueOf(x).Elem()
	for _, f := range c.shapes.of(v.Type()).fields {
		value := v.FieldByIndex(f.index)
		ptr := value.Addr().Interface()
		if value.Kind() == reflect.Pointer && !value.IsNil() {
			ptr = value.Interface() // what was decoded is behind it
		}
		if c.given(ptr) && !isWord(f.key, results) {
			c.wrong(bad(words.NotOfVerb, quote(x.Name), step.Verb).instead(results, ""), ptr)
		}
	}
	for _, text := range []*string{x.Text, x.Content, x.Lacks, x.Why, x.Protocol} {
		if text != nil && *text == "" {
			c.wrong(bad(words.ValueEmptyText), text)
		}
	}
	c.notEmpty(len(x.Headers), &x.Headers)
	c.checkHeaders(x.Headers)
	if x.Cookies != nil {
		c.checkTwice(words.ListedTwice, asPointers(*x.Cookies))
	}
	c.checkExchange(x)
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
	if m.Point == "matched" {
		if !c.rules.has(m.Name) && !c.unreadable(&c.steps) {
			c.wrong(bad(words.NoRule, quote(m.Name), words.Either([]string{"gate.watch", "gate.hold", "gate.drop"})).instead(c.rules.names, m.Name), m)
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
