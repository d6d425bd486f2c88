package node

import (
	"context"

	"netlab/probes"
)

func (a *agent) startDNS(ctx context.Context, r ServeRequest) (stopper, error) {
	return nil, errNotYet
}

func (a *agent) startSMTP(ctx context.Context, r ServeRequest) (stopper, error) {
	return nil, errNotYet
}

func (a *agent) startProxy(ctx context.Context, r ServeRequest) (stopper, error) {
	return nil, errNotYet
}

func (a *agent) lookUp(ctx context.Context, r StepRequest) (probes.Step, error) {
	return probes.Step{}, errNotYet
}

func (a *agent) sendMail(ctx context.Context, r StepRequest) (probes.Step, error) {
	return probes.Step{}, errNotYet
}
