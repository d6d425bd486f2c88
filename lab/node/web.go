package node

import (
	"context"
	"errors"

	"netlab/probes"
)

var errNotYet = errors.New("this version cannot do that")

func (a *agent) startHTTP(ctx context.Context, r ServeRequest) (stopper, error) {
	return nil, errNotYet
}

func (a *agent) openHTTP(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	return nil, probes.Step{}, errNotYet
}
