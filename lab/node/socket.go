package node

import (
	"context"

	"netlab/probes"
)

func (a *agent) startTCP(ctx context.Context, r ServeRequest) (stopper, error) {
	return nil, errNotYet
}

func (a *agent) startUDP(ctx context.Context, r ServeRequest) (stopper, error) {
	return nil, errNotYet
}

func (a *agent) openTCP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	return nil, probes.Step{}, errNotYet
}

func (a *agent) openUDP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	return nil, probes.Step{}, errNotYet
}
