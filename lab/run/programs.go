package run

import (
	"context"
	"fmt"

	"netlab/lab/needs"
	"netlab/lab/node"
	"netlab/probes"
	"netlab/scenarios"
)

// meetNeeds looks whether the machine has what the scenario needs. The error
// is a *needs.Error if not; nothing was started then.
func (r *runner) meetNeeds(ctx context.Context) error {
	if r.Machine == nil {
		r.Machine = needs.NewMachine()
	}
	missing := r.Machine.Missing(ctx, needs.Of(r.Scenario))
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(missing) > 0 {
		name := r.Scenario.Name
		if r.Variant != Base {
			name += "/" + r.Variant
		}
		return &needs.Error{Scenario: name, Missing: missing}
	}
	return nil
}

// findPrograms finds out which programs of the host will run, while the lab is
// built. The first function that it returns waits for the answer; the second,
// which must be called, gives up and waits until nobody looks any more.
func (r *runner) findPrograms(ctx context.Context) (answer func() []probes.Program, forget func()) {
	if len(needs.RunsPrograms(r.Scenario)) == 0 {
		return func() []probes.Program { return nil }, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var list []probes.Program
	found := make(chan struct{})
	go func() {
		defer close(found)
		list = r.Machine.Programs(ctx, r.Scenario)
	}()
	answer = func() []probes.Program {
		<-found
		return list
	}
	return answer, func() {
		cancel()
		<-found
	}
}

// services lists where the servers of a scenario listen on TCP.
func services(sc *scenarios.Scenario) []probes.Service {
	var list []probes.Service
	for i := range sc.Servers {
		if s := &sc.Servers[i]; s.OnTCP() && s.Port() != 0 {
			list = append(list, probes.Service{Server: s.Name, Node: s.Node, Port: s.Port()})
		}
	}
	return list
}

// news ends the run, as what follows would be about something else: a server
// has ended by itself, or there are more processes than allowed.
func (r *runner) news(where string, n node.News) {
	if n.Limit {
		r.over(&LimitError{Name: "processes", Bound: fmt.Sprint(r.Scenario.Limits.Processes)})
		return
	}
	r.over(&NodeError{Node: where, Err: fmt.Errorf("server %q (node %s): %s", n.Server, where, n.Text)})
}
