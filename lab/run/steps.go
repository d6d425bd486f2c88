package run

import (
	"context"
	"fmt"
	"time"

	"netlab/lab/node"
	"netlab/probes"
	"netlab/probes/clock"
	"netlab/scenarios"
)

// grace is how much longer than the step itself an agent may take to answer. It
// is generous: an agent that is merely kept from the processor makes a run
// inconclusive, not one that failed.
const grace = 10 * time.Second

// mark records that the run reached a point.
func (r *runner) mark(m probes.Mark) {
	r.rec.emit(probes.Event{Time: clock.Now(), Source: probes.Lab, Kind: probes.KindMark, Mark: m})
}

// steps opens the window, takes the steps, looks a last time and closes the
// window. After a step that failed and was not meant to, only settle is still
// done: what follows would be about something else.
func (r *runner) steps(ctx context.Context) error {
	r.mark(probes.WindowOpen)
	defer r.leave() // an error has been told
	failed := false
	for i := range r.Scenario.Steps {
		s := &r.Scenario.Steps[i]
		if failed && s.Settle == nil {
			continue
		}
		if s.Settle != nil {
			r.phase("steps")
		}
		result, err := r.step(ctx, s)
		if err != nil {
			return fmt.Errorf("steps[%d].%s: %w", i, s.Verb, err)
		}
		failed = failed || r.failed(s, result)
		if w := s.Wait; w != nil {
			failed = failed || r.failedAside(w.Step)
		}
		if s.Settle != nil {
			r.phase("settle")
		}
	}
	if err := r.leave(); err != nil {
		return err
	}
	looked := probes.Event{Time: clock.Now(), Source: probes.Lab, Kind: probes.KindMark, Mark: probes.Looked}
	if err := r.lab.Look(ctx, true); err != nil {
		return fmt.Errorf("look at the sockets: %w", err)
	}
	if err := context.Cause(ctx); err != nil {
		return err // what was lost meanwhile is not judged
	}
	if r.has(probes.SockDiag) {
		r.rec.emit(looked)
	}
	r.phase("look")
	if err := r.lab.Tally(ctx); err != nil { // what rules match later is no more the scenario's
		return fmt.Errorf("tell how often rules matched: %w", err)
	}
	r.mark(probes.WindowClose)
	return nil
}

// failed reports whether a step failed that was not meant to.
func (r *runner) failed(s *scenarios.Step, result probes.Step) bool {
	c := s.Common()
	return c != nil && result.Error != "" && !c.ExpectError && !r.meantToFail(c.As)
}

// meantToFail reports whether an expectation on the step of this name says
// that it fails: in so many words, by the error, or by the exit status.
func (r *runner) meantToFail(name string) bool {
	for _, x := range r.Scenario.Expect.Steps {
		switch {
		case x.Name != name || name == "":
		case x.Error != nil:
			return bool(*x.Error)
		case x.Why != nil || x.Exit != nil && x.Exit.Min > 0:
			return true
		}
	}
	return false
}

// step takes one step and records its beginning and end.
func (r *runner) step(ctx context.Context, s *scenarios.Step) (probes.Step, error) {
	record := probes.Step{Index: s.Index, Verb: s.Verb}
	if c := s.Common(); c != nil {
		record.Name = c.As
	}
	where := r.nodeOf(s)
	r.now(s)
	r.emitStep(where, record)
	if s.InBackground() {
		r.begin(ctx, s, where, record)
		return probes.Step{}, nil
	}
	result, err := r.do(ctx, s, where)
	if err != nil {
		return result, err
	}
	return r.finish(where, record, result), nil
}

// finish records the end of a step that began as record.
func (r *runner) finish(where string, record, result probes.Step) probes.Step {
	result.Index, result.Verb, result.Name, result.Ended = record.Index, record.Verb, record.Name, true
	r.emitStep(where, result)
	return result
}

func (r *runner) emitStep(where string, s probes.Step) {
	r.rec.emit(probes.Event{Time: clock.Now(), Source: probes.Lab, Kind: probes.KindStep, Node: where, Step: &s})
}

// nodeOf returns the node that takes a step: that of its session, of its
// server, or of its process.
func (r *runner) nodeOf(s *scenarios.Step) string {
	if where := s.Node(); where != "" {
		return where
	}
	if s.ServerStop != nil {
		return r.server(s.ServerStop.To).Node
	}
	name := s.Session()
	if process := s.Process(); process != "" {
		if server := r.server(process); server.Name != "" {
			return server.Node
		}
		name = process
	}
	if s.TCPAccept != nil {
		name = s.TCPAccept.Listener
	}
	opener := r.stepOf(name)
	if opener != nil && opener.TCPAccept != nil {
		opener = r.stepOf(opener.TCPAccept.Listener)
	}
	if opener == nil {
		return ""
	}
	return opener.Node()
}

// stepOf returns the step of a name that a node takes, nil if there is none.
func (r *runner) stepOf(name string) *scenarios.Step {
	for i := range r.Scenario.Steps {
		s := &r.Scenario.Steps[i]
		if name != "" && (s.Node() != "" || s.TCPAccept != nil) && s.Common() != nil && s.Common().As == name {
			return s
		}
	}
	return nil
}

func (r *runner) do(ctx context.Context, s *scenarios.Step, where string) (probes.Step, error) {
	switch {
	case s.Sleep != nil:
		select {
		case <-time.After(s.Sleep.For.Duration): // what the scenario asks for
			return probes.Step{}, nil
		case <-ctx.Done():
			return probes.Step{}, context.Cause(ctx)
		}
	case s.Settle != nil:
		return r.settle(ctx, s.Settle)
	}
	switch {
	case s.Wait != nil:
		return r.await(ctx, s)
	case s.OfGate():
		return r.gate(ctx, s)
	case s.OfNetwork():
		return r.change(ctx, s)
	}
	request := node.StepRequest{Step: *s, Timeout: r.limit(s)}
	if s.DNSLookup != nil {
		target, err := r.lookupTarget(s, where)
		if err != nil {
			return probes.Step{}, err
		}
		request.Target = target
	} else if peer, port := peerOf(s); peer != "" {
		target, err := r.peerTarget(peer, port, s.Family())
		if err != nil {
			return probes.Step{}, err
		}
		request.Target = target
	} else if to := s.To(); to != "" {
		target, err := r.target(to, r.family(s))
		if err != nil {
			return probes.Step{}, err
		}
		request.Target, request.Peer, request.Behind = target, r.server(to), r.behind(to)
	}
	if s.FTPConnect != nil {
		request.Raw = r.needsRaw(s.FTPConnect.As)
	}
	if s.FTPConnect != nil || s.HTTPClient != nil {
		var err error
		if request.Trust, err = r.trust(); err != nil {
			return probes.Step{}, err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, request.Timeout+grace,
		fmt.Errorf("node %s did not answer within %v", where, request.Timeout+grace))
	defer cancel()
	result, err := r.lab.Step(ctx, where, request)
	if err != nil {
		return result, &NodeError{Node: where, Err: err}
	}
	return result, nil
}

// needsRaw reports whether a session has steps that the client library cannot
// take: ABOR, lines as typed, replies that nobody asked for.
func (r *runner) needsRaw(session string) bool {
	for i := range r.Scenario.Steps {
		s := &r.Scenario.Steps[i]
		if s.Session() != session {
			continue
		}
		if s.FTPAbort != nil || s.FTPRaw != nil || s.FTPReply != nil ||
			s.FTPRetrieve != nil && s.FTPRetrieve.AbortAfter > 0 {
			return true
		}
	}
	return false
}

// change takes a step that changes the network. That the kernel refuses is a
// result.
func (r *runner) change(ctx context.Context, s *scenarios.Step) (probes.Step, error) {
	limit := r.limit(s)
	bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	err := r.lab.Change(bounded, *s)
	switch {
	case ctx.Err() != nil:
		return probes.Step{}, context.Cause(ctx)
	case err != nil:
		return probes.Step{Error: err.Error()}, nil
	}
	return probes.Step{}, nil
}
