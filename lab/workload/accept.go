package workload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"netlab/probes/calls"
)

// MaxConnections is how many connections one server of ours holds at a time.
// Further ones wait in the listener's queue, as the kernel keeps it.
const MaxConnections = 512

// An Acceptor takes the connections of a listener and has each handled by a
// goroutine. Its owner stops it.
type Acceptor struct {
	listener *calls.Listener
	handle   func(context.Context, *calls.Conn)
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	slots    chan struct{}
	accepted chan struct{} // closed when the accept loop has ended
	err      error         // of the accept loop; read after accepted
	handlers sync.WaitGroup

	mu       sync.Mutex
	stopping bool
	open     map[*calls.Conn]struct{}
}

// Accept begins to take connections. handle serves one until its end; the
// context that it gets ends when Stop begins, and the connection is then
// closed under it. Whatever handle leaves open is closed when it returns.
func Accept(l *calls.Listener, log *slog.Logger, handle func(context.Context, *calls.Conn)) *Acceptor {
	a := &Acceptor{
		listener: l, handle: handle, log: log,
		slots: make(chan struct{}, MaxConnections), accepted: make(chan struct{}),
		open: map[*calls.Conn]struct{}{},
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	go a.accept()
	return a
}

// Addr returns the address that is listened on.
func (a *Acceptor) Addr() net.Addr { return a.listener.Addr() }

// accept takes connections until the listener is closed.
func (a *Acceptor) accept() {
	defer close(a.accepted)
	for {
		select {
		case a.slots <- struct{}{}:
		case <-a.ctx.Done():
			return
		}
		conn, err := a.listener.AcceptConn()
		if err != nil {
			<-a.slots
			if a.passes(err) {
				continue
			}
			return
		}
		if !a.track(conn) {
			_ = conn.Close() // Stop has begun
			<-a.slots
			continue
		}
		a.handlers.Go(func() {
			defer func() { <-a.slots }()
			defer a.untrack(conn)
			a.handle(a.ctx, conn)
		})
	}
}

// passes reports whether accepting can go on after an error.
func (a *Acceptor) passes(err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	a.log.Error("accept", "err", err)
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) && !errors.Is(err, syscall.ECONNABORTED) {
		a.err = err
		return false
	}
	// Nothing tells when there are descriptors again.
	select {
	case <-time.After(10 * time.Millisecond):
	case <-a.ctx.Done():
	}
	return true
}

func (a *Acceptor) track(c *calls.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopping {
		return false
	}
	a.open[c] = struct{}{}
	return true
}

func (a *Acceptor) untrack(c *calls.Conn) {
	a.mu.Lock()
	delete(a.open, c)
	a.mu.Unlock()
	_ = c.Close() // net.ErrClosed, if it was handled well
}

// Stop closes the listener and every connection, at once whatever their close
// styles, and waits until all is handled or ctx ends.
func (a *Acceptor) Stop(ctx context.Context) error {
	a.mu.Lock()
	a.stopping = true
	open := make([]*calls.Conn, 0, len(a.open))
	for c := range a.open {
		open = append(open, c)
	}
	a.mu.Unlock()
	a.cancel()
	err := a.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	for _, c := range open {
		_ = c.Close() // whoever uses it notices
	}
	if waited := Join(ctx, func() { <-a.accepted; a.handlers.Wait() }); waited != nil {
		return fmt.Errorf("connections have not ended: %w", waited)
	}
	return errors.Join(err, a.err)
}

// Join calls wait, which waits for goroutines to end, and gives up when ctx
// ends; then it returns the cause.
func Join(ctx context.Context, wait func()) error {
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		wait()
	}()
	select {
	case <-joined:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
