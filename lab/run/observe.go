package run

import (
	"slices"

	"netlab/probes"
	"netlab/scenarios"
)

// observe decides how closely the lab is looked at. A scenario that leaves it
// to netlab is looked at in lockstep where there are no kernel events, unless
// what it expects would be another thing then, or nobody could look.
func (r *runner) observe() error {
	how := r.Scenario.Observe
	if r.Observe != "" {
		how = r.Observe
	}
	switch how {
	case scenarios.ObserveLockstep:
		r.lookInStep(probes.Lockstep)
		return nil
	case scenarios.ObserveFree:
		r.look(scenarios.ObserveFree)
		return nil
	}
	allowed, _ := r.Scenario.AllowsLockstep()
	looks := !slices.Contains(r.Without, probes.SockDiag) && !slices.Contains(r.Without, probes.Wire)
	if !allowed || !looks || len(r.Scenario.Links) == 0 {
		return nil
	}
	// Loading takes some ten milliseconds, once for all runs of a command.
	if _, status, err := r.kernel.status(); err != nil || !status.Missing() {
		return err
	}
	r.lookInStep(probes.LockstepChosen)
	return nil
}

// lookInStep has the lab looked at in lockstep, and says who wanted it.
func (r *runner) lookInStep(why probes.Observe) {
	r.observed = why
	r.look(scenarios.ObserveLockstep)
}

// look has the scenario say how it is looked at; the caller's stays as it is.
func (r *runner) look(how scenarios.Observe) {
	if r.Scenario.Observe == how {
		return
	}
	changed := *r.Scenario
	changed.Observe = how
	r.Scenario, r.result.Scenario = &changed, &changed
}
