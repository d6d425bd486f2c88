package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"netlab/lab/netns"
	"netlab/probes/calls"

	"golang.org/x/sys/unix"
)

// An agent runs the servers and clients of one node. It lives as long as its
// control connection.
type agent struct {
	node    string
	cookie  uint64   // of the network namespace
	barrier *barrier // nil where nothing waits for the observers
	broken  error    // why it cannot work; told to whoever asks
	calls   *calls.Recorder
	events  *holder
	heart   *heartbeat

	children *children // nil where the plan has no programs
	count    *counter
	news     chan News

	mu       sync.Mutex
	servers  []served
	sessions map[string]client
	programs map[string]*program // servers and those left running, by name
	secrets  *os.File            // where secrets of TLS are appended; nil for nowhere
}

// attend is the agent's main.
func attend(ctx context.Context) error {
	if len(os.Args) != 4 {
		return errors.New("started without the names of node and host and its furniture")
	}
	control, err := NewConn(os.NewFile(controlFD, "control"))
	if err != nil {
		return err
	}
	a := &agent{
		node: os.Args[1], sessions: map[string]client{},
		programs: map[string]*program{}, news: make(chan News, 1),
	}
	a.broken = a.moveIn(ctx, os.Args[2], os.Args[3])
	if a.children != nil {
		a.children.begin()
		defer a.children.end()
	}
	a.events = newHolder(control)
	defer a.events.end()
	a.heart = &heartbeat{node: a.node, emit: a.events.emit}
	defer a.heart.end()
	a.calls = calls.New(a.node, a.cookie, a.events.emit)
	if a.barrier != nil {
		a.calls.Before = a.barrier.wait
	}
	return Serve(ctx, control, a.handle)
}

// moveIn furnishes the node: its host name, its /etc/hosts, its own cookie,
// and files of its own for programs.
func (a *agent) moveIn(ctx context.Context, hostname, rest string) error {
	var f furniture
	if err := json.Unmarshal([]byte(rest), &f); err != nil {
		return fmt.Errorf("read furniture: %w", err)
	}
	if err := unix.Sethostname([]byte(hostname)); err != nil {
		return &Refused{"set host name", err}
	}
	text := os.NewFile(hostsFD, "hosts")
	defer text.Close()
	// The descriptor's position is shared with the other agents.
	hosts, err := io.ReadAll(io.NewSectionReader(text, 0, 1<<30))
	if err != nil {
		return fmt.Errorf("read hosts: %w", err)
	}
	if err := ownEtc(hosts, f.Resolver); err != nil {
		return err
	}
	if f.InStep {
		if a.barrier, err = openBarrier(); err != nil {
			return err
		}
	}
	if f.Programs > 0 {
		if err := privateFiles(f); err != nil {
			return err
		}
		a.children = newChildren()
		a.count = &counter{most: f.Programs, ctx: ctx, tell: a.tell}
	}
	here, err := netns.Here()
	if err != nil {
		return err
	}
	a.cookie = here.Cookie()
	return here.Close()
}

func (a *agent) handle(ctx context.Context, do string, body json.RawMessage, files []*os.File) (any, []*os.File, error) {
	defer closeFiles(files)
	defer a.events.flush() // what happened in a step is told before its reply
	if a.broken != nil {
		return nil, nil, a.broken
	}
	switch do {
	case doHello:
		return HelloReply{PID: os.Getpid(), Cookie: a.cookie}, nil, nil
	case doServe:
		a.heart.begin()
		var r ServeRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		return nil, nil, a.serve(ctx, r, files)
	case doStep:
		a.heart.begin()
		var r StepRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		result, err := a.step(ctx, r)
		return result, nil, err
	case doFlush:
		a.heart.end()
		a.mu.Lock()
		servers := a.servers
		a.mu.Unlock()
		for _, s := range servers {
			a.tellEdits(s.name, s.stopper)
		}
		return nil, nil, nil // every request flushes
	case doSecrets:
		return nil, nil, a.keepSecrets(files)
	case doFurnish:
		var r FurnishRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		return nil, nil, a.furnish(r)
	case doAwait:
		news, err := a.await(ctx)
		return news, nil, err
	case doFinish:
		return nil, nil, a.finish(ctx)
	}
	return nil, nil, fmt.Errorf("agent cannot %q", do)
}

// finish stops the servers, last first.
func (a *agent) finish(ctx context.Context) error {
	a.mu.Lock()
	servers := a.servers
	a.servers = nil
	a.mu.Unlock()
	var errs []error
	for i := len(servers) - 1; i >= 0; i-- {
		errs = append(errs, servers[i].Stop(ctx))
	}
	return errors.Join(errs...)
}
