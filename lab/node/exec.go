package node

import (
	"context"

	"netlab/probes"
)

func (a *agent) startExec(ctx context.Context, r ServeRequest) (stopper, error) {
	return nil, errNotYet
}

func (a *agent) exec(ctx context.Context, r StepRequest) (probes.Step, error) {
	return probes.Step{}, errNotYet
}

func (a *agent) awaitExec(ctx context.Context, r StepRequest) (probes.Step, error) {
	return probes.Step{}, errNotYet
}

func (a *agent) signal(ctx context.Context, r StepRequest) (probes.Step, error) {
	return probes.Step{}, errNotYet
}
