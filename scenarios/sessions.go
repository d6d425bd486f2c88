package scenarios

import (
	"strings"

	"netlab/scenarios/words"
)

// This file looks up what steps do one after another: sessions, programs,
// rules of gates, steps in the background. They must be there when a step
// speaks of them, and not be over.

// openers lists the verbs of which one must have opened the session that the
// step speaks of.
func (s *Step) openers() []string {
	switch {
	case s.TCPAccept != nil:
		return []string{"tcp.listen"}
	case s.TCPSend != nil, s.TCPReceive != nil:
		return []string{"tcp.connect", "tcp.accept"}
	}
	switch s.family() {
	case "ftp":
		return []string{"ftp.connect"}
	case "http":
		return []string{"http.client"}
	case "tcp":
		return []string{"tcp.connect", "tcp.accept", "tcp.listen"}
	case "udp":
		return []string{"udp.open", "udp.bind"}
	case "sql":
		return []string{"sql.connect"}
	}
	return nil
}

// named lists the names in a table whose steps are of some verbs, or, with no
// verbs, in the background. Lists are made once: a file may be wrong often.
func (c *checker) named(t *table, verbs ...string) []string {
	key := strings.Join(verbs, " ")
	if list, ok := c.lists[key]; ok {
		return list
	}
	list := []string{}
	for _, name := range t.names {
		step := &c.s.Steps[t.index[name]]
		if isWord(step.Verb, verbs) || len(verbs) == 0 && step.InBackground() {
			list = append(list, name)
		}
	}
	c.lists[key] = list
	return list
}

// lookUpSession reports a session that does not exist, or is of another sort,
// or is not there yet, or no longer, where the step stands.
func (c *checker) lookUpSession(r ref) {
	step := &c.s.Steps[r.step]
	openers := step.openers()
	say := func(f *fault) { c.fail(r.place.node, r.place.path, f) }
	opened, ok := c.sessions.index[r.name]
	if !ok {
		if !c.lost[r.name] && !c.unreadable(&c.sessions) {
			say(bad(words.NoSession, quote(r.name), words.Either(openers)).instead(c.named(&c.sessions, openers...), r.name))
		}
		return
	}
	by := &c.s.Steps[opened]
	ended, over := c.ended[r.name]
	waited, known := c.waited[r.name]
	switch {
	case !isWord(by.Verb, openers):
		say(bad(words.SessionOther, quote(r.name), by.Verb, step.Verb, words.Either(openers)).instead(c.named(&c.sessions, openers...), ""))
	case r.step <= opened:
		say(bad(words.SessionLater, quote(r.name), opened))
	case over && ended < r.step:
		say(bad(words.SessionEnded, quote(r.name), ended))
	case by.InBackground() && (!known || waited > r.step):
		say(bad(words.SessionNotYet, quote(r.name), opened, plainWord(r.name)))
	}
}

// lookUpProcess reports a program that does not exist, or not yet, or no
// longer, where the step stands.
func (c *checker) lookUpProcess(r ref) {
	if !c.lookUp(r, &c.processes, words.NoProcess) {
		return
	}
	started := c.processes.index[r.name]
	switch ended, ok := c.awaited[r.name]; {
	case started == atServer && c.s.Steps[r.step].ExecWait != nil:
		c.fail(r.place.node, r.place.path, bad(words.ProcessServer, quote(r.name)))
	case started == atServer:
	case r.step <= started:
		c.fail(r.place.node, r.place.path, bad(words.ProcessLater, quote(r.name), started))
	case ok && ended < r.step:
		c.fail(r.place.node, r.place.path, bad(words.ProcessEnded, quote(r.name), ended))
	}
}

// ruleVerbs lists the verbs that give a gate a rule.
func ruleVerbs() []string {
	return []string{"gate.hold", "gate.drop", "gate.watch", "gate.duplicate", "gate.reorder", "gate.delay", "gate.corrupt"}
}

// lookUpRule reports a rule that does not exist, or not yet, where the step
// stands, or that holds nothing where something is to be let go.
func (c *checker) lookUpRule(r ref) {
	step := &c.s.Steps[r.step]
	verbs := ruleVerbs()
	if step.GateRelease != nil || step.GateDiscard != nil {
		verbs = verbs[:1]
	}
	say := func(f *fault) { c.fail(r.place.node, r.place.path, f) }
	given, ok := c.rules.index[r.name]
	if !ok {
		if !c.lost[r.name] && !c.unreadable(&c.rules) {
			say(bad(words.NoRule, quote(r.name), words.Either(verbs)).instead(c.named(&c.rules, verbs...), r.name))
		}
		return
	}
	switch by := c.s.Steps[given].Verb; {
	case !isWord(by, verbs):
		say(bad(words.RuleHoldsNot, quote(r.name), by, step.Verb).instead(c.named(&c.rules, verbs...), ""))
	case r.step <= given:
		say(bad(words.RuleLater, quote(r.name), given))
	}
}

// checkWait sees to it that what a step waits for is under way.
func (c *checker) checkWait(s *Step) {
	x := s.Wait
	at, ok := c.steps.index[x.Step]
	if !ok {
		return // reported
	}
	this, of := s.Index-1, &c.s.Steps[at]
	switch {
	case of.Exec != nil && bool(of.Exec.Background):
		c.wrong(bad(words.WaitProgram, quote(x.Step)), &x.Step)
	case !of.InBackground():
		c.wrong(bad(words.WaitNotAway, quote(x.Step), of.Verb).instead(c.named(&c.steps), ""), &x.Step)
	case at >= this:
		c.wrong(bad(words.WaitLater, quote(x.Step), at), &x.Step)
	case c.waited[x.Step] < this:
		c.wrong(bad(words.WaitTwice, quote(x.Step), c.waited[x.Step]), &x.Step)
	}
}
