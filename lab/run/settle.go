package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"netlab/lab/check"
	"netlab/lab/node"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// settle waits for rest. That it did not come in time is a result.
func (r *runner) settle(ctx context.Context, s *scenarios.Settle) (probes.Step, error) {
	if !r.has(probes.SockDiag) {
		return r.quiet(ctx, s.Within.Duration)
	}
	request := node.SettleRequest{Within: s.Within.Duration}
	for _, u := range s.Until {
		conditions, err := r.conditions(u)
		if err != nil {
			return probes.Step{Error: err.Error()}, nil
		}
		request.Until = append(request.Until, conditions...)
	}
	reply, err := r.lab.Settle(ctx, request)
	if err != nil || reply.Rest {
		return probes.Step{}, err
	}
	var open []string
	for _, o := range reply.Open {
		text := fmt.Sprintf("%s %s (%s, peer %s)", o.Node, o.State, o.Flow.Local, o.Flow.Remote)
		if o.Unacked > 0 {
			text += fmt.Sprintf(", %d bytes unacknowledged", o.Unacked)
		}
		open = append(open, text)
	}
	for _, held := range reply.Held {
		open = append(open, "held at a gate: "+held)
	}
	return probes.Step{Error: fmt.Sprintf("not at rest after %v: %s", s.Within, strings.Join(open, "; "))}, nil
}

// has reports whether a probe is there.
func (r *runner) has(source probes.Source) bool {
	for _, p := range r.header.Probes {
		if p.Source == source {
			return !p.Missing()
		}
	}
	return false
}

// quietFor is how long nothing must be recorded to be taken for rest: longer
// than a delayed ACK and the first retransmission (RTO at least 200 ms).
const quietFor = 300 * time.Millisecond

// quiet is settle where nobody can look at the sockets: it waits until
// nothing has been recorded for a while.
func (r *runner) quiet(ctx context.Context, within time.Duration) (probes.Step, error) {
	deadline := time.Now().Add(within)
	for before := -1; ; {
		now := len(r.rec.soFar())
		why := "events still come"
		if now == before {
			reply, err := r.lab.Settle(ctx, node.SettleRequest{})
			if err != nil {
				return probes.Step{}, err
			}
			if len(reply.Held) == 0 {
				return probes.Step{Text: fmt.Sprintf("no sockdiag: nothing was recorded for %v", quietFor)}, nil
			}
			why = "held at a gate: " + strings.Join(reply.Held, "; ")
		}
		before = now
		if time.Now().After(deadline) {
			return probes.Step{Error: fmt.Sprintf("not at rest after %v: %s; there is no sockdiag to look with", within, why)}, nil
		}
		select {
		case <-ctx.Done():
			return probes.Step{}, context.Cause(ctx)
		case <-time.After(quietFor): // the absence of events is what is waited for
		}
	}
}

// conditions finds the sockets that settle is to wait for: those of a
// connection as far as it has been recorded by now.
func (r *runner) conditions(u scenarios.Until) ([]node.Condition, error) {
	soFar, err := timeline.Build(r.header, r.rec.soFar())
	if err != nil {
		return nil, err
	}
	c := check.Connection(soFar, r.Scenario, u.Name)
	if c == nil {
		return nil, fmt.Errorf("settle: no connection %q yet", u.Name)
	}
	var list []node.Condition
	for _, e := range u.Ends {
		end := c.Opener
		if e.Name == scenarios.Acceptor || e.Name != scenarios.Opener && c.Opener.Node != e.Name {
			end = c.Acceptor
		}
		list = append(list, node.Condition{Node: end.Node, Flow: end.Flow, State: e.State.State})
	}
	return list, nil
}
