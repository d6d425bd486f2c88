package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/sockdiag"
	"netlab/scenarios"
)

// This file is what a lab that is up can be asked to do.

// Furnish gives a node files for its programs, in /run/netlab by name.
func (l *Lab) Furnish(ctx context.Context, name string, files map[string][]byte) error {
	agent, err := l.agent(name)
	if err != nil {
		return err
	}
	return node.Furnish(ctx, agent, files)
}

// Nodes returns the nodes with their namespace cookies, in the plan's order.
func (l *Lab) Nodes() []probes.NodeInfo { return l.reply.Nodes }

// Probes says which of the lab's probes are there, and why others are not.
func (l *Lab) Probes() []probes.ProbeStatus { return l.reply.Probes }

// Netem names the links that the kernel's netem impairs, where gates do not.
func (l *Lab) Netem() []string { return l.reply.Netem }

// Took says how long the parts of Up took inside the supervisor.
func (l *Lab) Took() map[string]time.Duration { return l.reply.Took }

// StartServer starts a server; it is ready when StartServer returns. What the
// plan knows of it is filled into the request. dir is the directory that it
// serves, nil if it serves none; it remains the caller's.
func (l *Lab) StartServer(ctx context.Context, r node.ServeRequest, dir *os.File) error {
	s := r.Server
	agent, err := l.agent(s.Node)
	if err != nil {
		return err
	}
	r.Names, r.Addrs = []string{s.Node}, l.plan.AddressesOf(s.Node)
	err = node.StartServer(ctx, agent, r, dir)
	if told, ok := errors.AsType[*node.Told](err); ok {
		err = errors.New(told.Text) // whose it is, is said already
	}
	if err != nil {
		return fmt.Errorf("server %q (node %s): %w", s.Name, s.Node, err)
	}
	return nil
}

// Step takes a step in a node. A step that fails is a result, with its reply
// and error; the error returned is only for a step that could not be tried.
func (l *Lab) Step(ctx context.Context, name string, r node.StepRequest) (probes.Step, error) {
	agent, err := l.agent(name)
	if err != nil {
		return probes.Step{}, err
	}
	return node.TakeStep(ctx, agent, r)
}

// GiveSecrets hands every agent the file to which secrets of TLS are appended.
// It remains the caller's.
func (l *Lab) GiveSecrets(ctx context.Context, file *os.File) error {
	for name, agent := range l.agents {
		if err := node.GiveSecrets(ctx, agent, file); err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	return nil
}

func (l *Lab) agent(name string) (*node.Client, error) {
	a := l.agents[name]
	if a == nil {
		return nil, fmt.Errorf("node %q has no agent", name)
	}
	return a, nil
}

// Change takes a step that changes the network. The error says that the
// kernel refused it.
func (l *Lab) Change(ctx context.Context, step scenarios.Step) error {
	return node.Change(ctx, l.client, step)
}

// Gate takes a step of a gate. The error says that it failed.
func (l *Lab) Gate(ctx context.Context, r node.GateRequest) (node.GateReply, error) {
	return node.Gate(ctx, l.client, r)
}

// Tally has every gate of the lab emit how often its rules have matched by now.
func (l *Lab) Tally(ctx context.Context) error {
	gated := func(k plan.Link) bool { return k.Gate != nil }
	if !slices.ContainsFunc(l.plan.Links, gated) {
		return nil
	}
	return node.Tally(ctx, l.client)
}

// Frames returns the frames that gates hold, and all sockets.
func (l *Lab) Frames(ctx context.Context) (node.FramesReply, error) {
	return node.Frames(ctx, l.client)
}

// Handle does something to a frame that is held.
func (l *Lab) Handle(ctx context.Context, r node.HandRequest) error {
	return node.Handle(ctx, l.client, r)
}

// StepsUnderWay returns how many steps that were asked for have not been
// answered, by agents and by the supervisor. An answer that agents had sent is
// known by then.
func (l *Lab) StepsUnderWay(ctx context.Context) (agents, supervisor int, err error) {
	for _, a := range l.agents {
		n, err := node.StepsAtAgent(ctx, a)
		if err != nil {
			return 0, 0, err
		}
		agents += n
	}
	return agents, node.StepsAtSupervisor(l.client), nil
}

// Settle waits until the lab is at rest.
func (l *Lab) Settle(ctx context.Context, r node.SettleRequest) (node.SettleReply, error) {
	return node.Settle(ctx, l.client, r)
}

// Look has the samplers look at all sockets now; ss(8) only where wanted.
func (l *Lab) Look(ctx context.Context, withSS bool) error {
	return node.Look(ctx, l.client, withSS)
}

// LookAt has sockdiag look at single sockets now, and returns how much CPU
// time that took.
func (l *Lab) LookAt(ctx context.Context, asks []sockdiag.Ask) (time.Duration, error) {
	return node.LookAt(ctx, l.client, asks)
}
