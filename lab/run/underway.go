package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// This file says what the scenario is at while frames are let on by hand.

// now notes the step that is being taken.
func (r *runner) now(s *scenarios.Step) { r.doing.Store(s) }

// underWay names the step that is being taken: "steps[3] ftp.quit".
func (r *runner) underWay() string {
	if s := r.doing.Load(); s != nil {
		return fmt.Sprintf("steps[%d] %s", s.Index-1, s.Verb)
	}
	return ""
}

// moving says why the scenario goes on by itself, as no step that is under way
// waits for what has not come: "" if all do. blocked is how many do so in the
// supervisor; whether processes sleep was looked up when so many events were
// recorded.
func (r *runner) moving(ctx context.Context, events, blocked int) string {
	agents, supervisor, err := r.lab.StepsUnderWay(ctx)
	if err != nil || supervisor != blocked {
		return "a step is taken"
	}
	if slices.ContainsFunc(r.rec.soFar()[events:], func(e probes.Event) bool { return e.Kind == probes.KindStep }) {
		return "a step has just begun, or ended"
	}
	open, current := r.openSteps()
	if current == nil {
		return "a step is to begin"
	}
	asked := 0
	for _, s := range open {
		switch {
		case s.Sleep != nil:
			return sleeps
		case s.Wait != nil && r.endedAside(s.Wait.Step):
			return "what a step waits for has ended"
		case s.Wait == nil:
			asked++
		}
	}
	if asked != agents+supervisor {
		return "a step is to begin, or to end"
	}
	return ""
}

// sleeps is why a scenario goes on by itself that does nothing for a while.
const sleeps = "the scenario sleeps"

// openSteps returns the steps that have begun and have not ended, and the one
// that the next waits for; nil if there is none.
func (r *runner) openSteps() (open []*scenarios.Step, current *scenarios.Step) {
	ended := make(map[int]bool)
	for _, e := range slices.Backward(r.rec.soFar()) {
		if e.Kind != probes.KindStep || e.Step == nil || e.Step.Index < 1 || e.Step.Index > len(r.Scenario.Steps) {
			continue
		}
		s := &r.Scenario.Steps[e.Step.Index-1]
		switch {
		case e.Step.Ended:
			ended[e.Step.Index] = true
		case !ended[e.Step.Index]:
			open = append(open, s)
			if !s.InBackground() {
				current = s
			}
		}
	}
	return open, current
}

// kept names the rules whose frames a step lets go that is being taken or is
// yet to come, or that may let them go by themselves meanwhile.
func (r *runner) kept(now *scenarios.Step) []string {
	if now == nil {
		return nil
	}
	last := now.Index == len(r.Scenario.Steps)
	frees := func(rule, link string) bool {
		return slices.ContainsFunc(r.Scenario.Steps[now.Index-1:], func(s scenarios.Step) bool {
			switch {
			case s.GateRelease != nil:
				return s.GateRelease.Rule == rule
			case s.GateDiscard != nil:
				return s.GateDiscard.Rule == rule
			case s.GateClear != nil:
				return s.GateClear.Rule == rule || s.GateClear.Rule == "" && s.GateClear.Link == link
			}
			return false
		})
	}
	var names []string
	for i := range r.Scenario.Steps[:now.Index] {
		s := &r.Scenario.Steps[i]
		if s.GateHold != nil && (frees(s.RuleName(), s.GateHold.Link) || s.GateHold.Until != nil && !last) {
			names = append(names, s.RuleName())
		}
	}
	return names
}

// awaits says what a step waits for, as a clause, where that is no segment that
// it sends or asks for.
func awaits(s *scenarios.Step) words.Message {
	switch {
	case s == nil:
	case s.GateAwait != nil:
		return words.M(words.StepAwaitsRule, s.GateAwait.Rule, s.GateAwait.Times)
	case s.Wait != nil:
		return words.M(words.StepAwaitsStep, s.Wait.Step)
	case s.Sleep != nil:
		return words.M(words.StepAwaitsTime, s.Sleep.For.String())
	case s.Settle != nil && len(s.Settle.Until) > 0:
		return words.M(words.StepAwaitsStates, untilText(s.Settle.Until))
	case s.Settle != nil:
		return words.M(words.StepAwaitsRest)
	case s.TCPAccept != nil:
		return words.M(words.StepAwaitsConnection, s.TCPAccept.Listener)
	case s.TCPReceive != nil && bool(s.TCPReceive.ToEnd):
		return words.M(words.StepAwaitsEnd, s.TCPReceive.Session)
	case s.TCPReceive != nil:
		return words.M(words.StepAwaitsData, s.TCPReceive.Session)
	}
	return words.Message{}
}

// untilText writes conditions of settle: "control: client FIN-WAIT-2, server
// CLOSE-WAIT".
func untilText(list []scenarios.Until) string {
	var all []string
	for _, u := range list {
		var ends []string
		for _, e := range u.Ends {
			ends = append(ends, fmt.Sprintf("%s %s", e.Name, e.State))
		}
		all = append(all, u.Name+": "+strings.Join(ends, ", "))
	}
	return strings.Join(all, "; ")
}
