package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"netlab/lab/check"
	"netlab/lab/node"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// gate takes a step of a gate. That it fails is a result.
func (r *runner) gate(ctx context.Context, s *scenarios.Step) (probes.Step, error) {
	request := node.GateRequest{Step: *s, Link: r.gateLink(s), Rule: s.RuleName(), Timeout: r.limit(s)}
	if x := s.GateInject; x != nil && x.Connection != "" {
		var err error
		if request.Flows, err = r.flowsOf(x.Connection); err != nil {
			return probes.Step{Error: err.Error()}, nil
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, request.Timeout+grace,
		fmt.Errorf("the gate of link %s did not answer within %v", request.Link, request.Timeout+grace))
	defer cancel()
	_, err := r.lab.Gate(ctx, request)
	if told, ok := errors.AsType[*node.Told](err); ok {
		return probes.Step{Error: told.Text}, nil
	}
	return probes.Step{}, err
}

// limit is the time that a step may take.
func (r *runner) limit(s *scenarios.Step) time.Duration {
	if c := s.Common(); c != nil && c.Timeout.Duration > 0 {
		return c.Timeout.Duration
	}
	return r.Scenario.Limits.Step.Duration
}

// gateLink returns the link whose gate takes a step: its own, or that of the
// rule that it speaks of.
func (r *runner) gateLink(s *scenarios.Step) string {
	switch {
	case s.GateRule() != nil:
		return s.GateRule().Link
	case s.GateInject != nil:
		return s.GateInject.Link
	case s.GateAwait != nil:
		return r.Scenario.RuleLink(s.GateAwait.Rule)
	case s.GateRelease != nil:
		return r.Scenario.RuleLink(s.GateRelease.Rule)
	case s.GateDiscard != nil:
		return r.Scenario.RuleLink(s.GateDiscard.Rule)
	case s.GateClear != nil && s.GateClear.Rule != "":
		return r.Scenario.RuleLink(s.GateClear.Rule)
	case s.GateClear != nil:
		return s.GateClear.Link
	}
	return ""
}

// flowsOf returns the addresses of a connection, as far as it has been
// recorded by now: seen from either end, and with NAT between them also as the
// other has it. The gate knows which of them came from where.
func (r *runner) flowsOf(name string) ([]probes.Flow, error) {
	soFar, err := timeline.Build(r.header, r.rec.soFar())
	if err != nil {
		return nil, err
	}
	c := check.Connection(soFar, r.Scenario, name)
	if c == nil {
		return nil, fmt.Errorf("no connection %q yet", name)
	}
	return []probes.Flow{c.Opener.Flow, c.Acceptor.Flow, c.Opener.Flow.Reverse(), c.Acceptor.Flow.Reverse()}, nil
}
