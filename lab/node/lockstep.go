package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"netlab/probes"
	"netlab/probes/clock"
)

// A lockstep lets things happen in a lab one at a time, each after every
// observer has looked: a frame goes on, a program closes.
type lockstep struct {
	look   func() // at every node where something runs
	cancel func() // ends looks, and all that are to come

	mu      sync.Mutex // held from a look until what it was for has happened
	waiting sync.WaitGroup
	ends    []net.Conn // of the agents' barriers
}

// pass looks and then does on, as the next thing that happens in the lab.
func (l *lockstep) pass(on func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look()
	on()
}

// attend lets the agent at the other end of a barrier pass, one call at a
// time, until it is gone or the lockstep ends. It takes the barrier over.
func (l *lockstep) attend(file *os.File) error {
	defer file.Close()
	// Unlike a file's, a connection's Close ends a read that waits.
	barrier, err := net.FileConn(file)
	if err != nil {
		return fmt.Errorf("use %s: %w", file.Name(), err)
	}
	l.ends = append(l.ends, barrier)
	l.waiting.Go(func() {
		var one [1]byte
		for {
			if _, err := barrier.Read(one[:]); err != nil {
				return // the agent is gone, or this is the end
			}
			l.pass(func() {})
			if _, err := barrier.Write(one[:]); err != nil {
				return
			}
		}
	})
	return nil
}

// end lets agents that wait go, and is waited for by nobody any more. It may
// be called again.
func (l *lockstep) end() {
	l.cancel()
	for _, f := range l.ends {
		f.Close()
	}
	l.waiting.Wait()
}

// lookWithin bounds a look. ss(8) takes milliseconds; what cannot be seen in
// this time is in the record as a loss.
const lookWithin = 2 * time.Second

// newLockstep returns the lockstep of a lab, with the agents' barriers; nil
// where nothing waits. It looks at the nodes where something runs: elsewhere
// there are no sockets.
func (s *supervisor) newLockstep() (*lockstep, error) {
	if !s.plan.Lockstep {
		return nil, nil
	}
	var nodes []string
	for _, a := range s.agents {
		nodes = append(nodes, a.node)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &lockstep{cancel: cancel, look: func() {
		if len(nodes) == 0 || ctx.Err() != nil {
			return
		}
		ctx, cancel := context.WithTimeoutCause(ctx, lookWithin, fmt.Errorf("not done within %v", lookWithin))
		defer cancel()
		_ = s.lookers.look(ctx, LookRequest{SS: true}, nodes...) // a failure is an event
		if ctx.Err() != nil && context.Cause(ctx) != context.Canceled {
			s.events.emit(probes.Event{
				Time: clock.Now(), Source: probes.SockDiag, Kind: probes.KindLoss,
				Loss: &probes.Loss{What: "look in lockstep: " + context.Cause(ctx).Error(), Count: 1},
			})
		}
	}}
	for _, a := range s.agents {
		if a.barrier == nil {
			continue
		}
		if err := l.attend(a.barrier); err != nil {
			l.end()
			return nil, err
		}
		a.barrier = nil
	}
	return l, nil
}

// A barrier is an agent's end of its way to the supervisor's lockstep.
type barrier struct {
	mu   sync.Mutex // one call at a time
	sock io.ReadWriteCloser
}

// wait returns when every observer has looked. Where nobody answers any more
// the lab is coming to its end, and there is nothing to wait for.
func (b *barrier) wait(string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := [1]byte{1}
	if _, err := b.sock.Write(one[:]); err == nil {
		_, _ = io.ReadFull(b.sock, one[:])
	}
}

// openBarrier takes over the descriptor that an agent of a lab in lockstep
// inherits.
func openBarrier() (*barrier, error) {
	f := os.NewFile(barrierFD, "barrier")
	if f == nil {
		return nil, fmt.Errorf("open barrier: %w", errors.ErrUnsupported)
	}
	return &barrier{sock: f}, nil
}
