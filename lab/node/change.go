package node

import (
	"context"
	"errors"
	"fmt"

	"netlab/lab/filter"
	"netlab/lab/link"
	"netlab/lab/netns"
	"netlab/lab/plan"
	"netlab/scenarios"
)

// firewalls makes the firewalls of the nodes that have one, and of those that
// translate addresses. The links are there.
func (s *supervisor) firewalls(p *plan.Plan) error {
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if n.NAT == nil && len(n.Firewall) == 0 {
			continue
		}
		err := filter.Apply(s.spaces[n.Name], n)
		if e, ok := errors.AsType[*filter.Error](err); ok && e.Remedy != "" {
			return &Refused{fmt.Sprintf("make the firewall of %q", n.Name), err}
		}
		if err != nil {
			return fmt.Errorf("node %q: %w", n.Name, err)
		}
	}
	return nil
}

// change changes the network while the lab is alive. The supervisor's plan
// follows, so that a link which comes up again has the routes that it had.
func (s *supervisor) change(ctx context.Context, r ChangeRequest) error {
	s.building.Lock()
	defer s.building.Unlock()
	if s.plan == nil {
		return errors.New("there is no lab to change")
	}
	switch step := &r.Step; {
	case step.LinkDown != nil:
		return link.Down(ctx, s.plan, step.LinkDown.Link, s.space)
	case step.LinkUp != nil:
		return link.Up(ctx, s.plan, step.LinkUp.Link, s.space)
	case step.SetRoute != nil:
		return s.changeRoute(ctx, step.SetRoute)
	}
	ns := s.spaces[r.Step.Node()]
	if ns == nil || s.plan.NodeOf(r.Step.Node()) == nil {
		return fmt.Errorf("there is no node %q", r.Step.Node())
	}
	switch step := &r.Step; {
	case step.SetSysctl != nil:
		return link.Set(ns, step.SetSysctl.Node, plan.SysctlOf(*step.SetSysctl))
	case step.FirewallDrop != nil:
		return s.addRule(ns, plan.Drop, step.FirewallDrop)
	case step.FirewallReject != nil:
		return s.addRule(ns, plan.Reject, step.FirewallReject)
	case step.FirewallAccept != nil:
		return s.addRule(ns, plan.Accept, step.FirewallAccept)
	case step.FirewallClear != nil:
		return filter.Clear(ns)
	}
	return fmt.Errorf("this version cannot do %q", r.Step.Verb)
}

// space returns the namespace of a node or switch, nil if there is none.
func (s *supervisor) space(name string) *netns.NS { return s.spaces[name] }

func (s *supervisor) changeRoute(ctx context.Context, step *scenarios.RouteStep) error {
	n, ns := s.plan.NodeOf(step.Node), s.spaces[step.Node]
	if n == nil || ns == nil {
		return fmt.Errorf("there is no node %q", step.Node)
	}
	before := n.Routes
	route := s.plan.ChangeRoute(*step)
	err := link.SetRoute(ctx, s.plan, ns, n.Name, route, step.Refuse)
	if err != nil {
		n.Routes = before
	}
	return err
}

func (s *supervisor) addRule(ns *netns.NS, do plan.Action, step *scenarios.FirewallStep) error {
	rules, err := s.plan.Rules(step.Node, do, step.Match)
	if err != nil {
		return err
	}
	return filter.Add(ns, rules)
}
