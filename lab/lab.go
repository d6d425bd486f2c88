// Package lab is the live lab, as the command holds it: Up builds what a plan
// says in processes of its own, Close takes all of it away. Between them the
// lab's servers are started, its steps are taken and its probes look on.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"netlab/lab/node"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/scenarios"

	"golang.org/x/sync/errgroup"
)

// Supervisor stands for the supervisor where nodes are named. No node can have
// this name.
const Supervisor = "_supervisor"

// Options are the choices of Up that are no matter of the plan.
type Options struct {
	// Log opens the log of a node, or that of Supervisor. The files are
	// closed by Up.
	Log func(node string) (*os.File, error)
	// Capture is the file for the raw capture, nil for none. Up closes it.
	Capture *os.File
	// MaxCapture bounds the capture file, in bytes; 0 for no bound.
	MaxCapture int64
	// Emit takes the events of all probes of the lab. It is called from
	// several goroutines, never after Close has returned.
	Emit func(probes.Event)
	// Everywhere puts an agent into every node, needed or not.
	Everywhere bool
	// Lost is told, once, that a process of the lab has ended by itself: it
	// crashed or was killed. node is that of the agent, or Supervisor. What
	// is recorded from then on is no evidence of anything. May be nil.
	Lost func(node string, err error)
	// News is told what the agent of a node has to say of its programs without
	// having been asked: that a server has ended, or that there are too many
	// processes. It must not wait for the lab. May be nil.
	News func(node string, news node.News)
	// Without names probes of the lab that are not to be used.
	Without []probes.Source
	// Hold has gates hold every TCP frame until it is let on by hand.
	Hold bool
}

// A Lab is built and alive. Its methods are safe for concurrent use, but
// Close.
type Lab struct {
	plan   *plan.Plan
	super  *node.Supervisor
	client *node.Client            // of the supervisor
	agents map[string]*node.Client // by node
	reply  node.UpReply
	events sync.WaitGroup // the reader of the supervisor's events
	evErr  error          // its error; read after events

	news sync.WaitGroup // those who wait for news of agents

	mu      sync.Mutex
	closing bool // processes end because they are meant to, or one did not
}

// Up builds a lab. When it returns every port is up, every agent is ready and
// the lab's probes miss nothing more. The caller closes the lab.
func Up(ctx context.Context, p *plan.Plan, o Options) (_ *Lab, err error) {
	if o.Capture != nil {
		defer o.Capture.Close() // the supervisor has its own by then
	}
	log, err := o.Log(Supervisor)
	if err != nil {
		return nil, err
	}
	super, err := node.StartSupervisor(log)
	log.Close()
	if err != nil {
		return nil, err
	}
	l := &Lab{plan: p, super: super, agents: map[string]*node.Client{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	l.client = node.NewClient(super.Control, "supervisor", o.Emit)
	l.events.Go(func() { l.evErr = receiveEvents(super.Events, o.Emit) })
	if err := l.giveLogs(ctx, o); err != nil {
		return nil, err
	}
	if err := l.build(ctx, o); err != nil {
		return nil, err
	}
	if err := l.meetAgents(ctx, o); err != nil {
		return nil, err
	}
	return l, nil
}

// receiveEvents reads until the supervisor has drained its probes.
func receiveEvents(conn *node.Conn, emit func(probes.Event)) error {
	err := node.ReceiveEvents(conn, emit)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// portion is how many descriptors are handed over at a time.
const portion = 100

func (l *Lab) giveLogs(ctx context.Context, o Options) error {
	var names []string
	for _, n := range l.plan.Nodes {
		if n.Process || o.Everywhere {
			names = append(names, n.Name)
		}
	}
	for len(names) > 0 {
		some := names[:min(portion, len(names))]
		names = names[len(some):]
		if err := l.giveSomeLogs(ctx, o, some); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) giveSomeLogs(ctx context.Context, o Options, names []string) error {
	var files []*os.File
	defer func() { closeAll(files) }()
	for _, name := range names {
		f, err := o.Log(name)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	return node.GiveLogs(ctx, l.client, names, files)
}

func (l *Lab) build(ctx context.Context, o Options) error {
	var files []*os.File
	if o.Capture != nil {
		files = append(files, o.Capture)
	}
	reply, err := node.Up(ctx, l.client, node.UpRequest{
		Plan: l.plan, Everywhere: o.Everywhere, Without: o.Without, MaxCapture: o.MaxCapture, Hold: o.Hold,
	}, files...)
	l.reply = reply
	return err
}

// meetAgents takes over the agents' control sockets and waits until each
// answers.
func (l *Lab) meetAgents(ctx context.Context, o Options) error {
	names := l.reply.Agents
	for from := 0; from < len(names); from += portion {
		n := min(portion, len(names)-from)
		files, err := node.TakeAgents(ctx, l.client, from, n)
		if err != nil {
			return err
		}
		for i, f := range files {
			conn, err := node.NewConn(f)
			if err != nil {
				closeAll(files[i+1:])
				return err
			}
			name := names[from+i]
			l.agents[name] = node.NewClient(conn, fmt.Sprintf("agent of node %q", name), o.Emit)
		}
	}
	var hellos errgroup.Group
	hellos.SetLimit(16)
	for _, name := range names {
		hellos.Go(func() error { return node.Hello(ctx, l.agents[name]) })
	}
	if err := hellos.Wait(); err != nil {
		return err
	}
	if o.Lost != nil {
		l.client.OnEnd(func(err error) { l.lose(Supervisor, err, o.Lost) })
		for _, name := range names {
			l.agents[name].OnEnd(func(err error) { l.lose(name, err, o.Lost) })
		}
	}
	if o.News != nil {
		for _, n := range l.plan.Nodes {
			if agent := l.agents[n.Name]; n.Programs > 0 && agent != nil {
				l.news.Go(func() { l.awaitNews(n.Name, agent, o.News) })
			}
		}
	}
	return nil
}

// supervisorFirst is how long the end of an agent waits for that of the
// supervisor: its end takes all agents along, and is then the news.
const supervisorFirst = 200 * time.Millisecond

// lose tells the caller that a process has ended by itself.
func (l *Lab) lose(name string, err error, tell func(string, error)) {
	l.mu.Lock()
	closing := l.closing
	l.mu.Unlock()
	if closing {
		return
	}
	if name != Supervisor {
		select {
		case <-l.client.Done(): // it tells for itself
			return
		case <-time.After(supervisorFirst):
		}
	}
	l.mu.Lock()
	first := !l.closing
	l.closing = true
	l.mu.Unlock()
	if first {
		tell(name, err)
	}
}

// awaitNews waits until an agent has something to say, or has ended.
func (l *Lab) awaitNews(name string, agent *node.Client, tell func(string, node.News)) {
	news, err := node.Await(context.Background(), agent)
	if err != nil {
		return
	}
	l.mu.Lock()
	closing := l.closing
	l.mu.Unlock()
	if !closing {
		tell(name, news)
	}
}

// Drain ends the lab's probes; when it returns every event that they and the
// workloads have recorded was emitted.
func (l *Lab) Drain(ctx context.Context) error {
	var side errgroup.Group
	side.SetLimit(16)
	side.Go(func() error { return node.Drain(ctx, l.client) })
	for _, a := range l.agents {
		side.Go(func() error { return node.Flush(ctx, a) })
	}
	if err := side.Wait(); err != nil {
		return err // whoever did not drain may never end the stream
	}
	l.events.Wait()
	return l.evErr
}

// Gone is closed when all processes of the lab are gone.
func (l *Lab) Gone() <-chan struct{} { return l.super.Exited() }

// Close ends the lab and waits until all its processes are gone.
func (l *Lab) Close() error {
	err := l.End()
	<-l.Gone()
	return err
}

// End ends the lab: connections that would outlive it, processes, mounts and
// namespaces. It does not wait for the kernel, which needs some tens of
// milliseconds (RCU) to take the capture rings away; Gone tells when it has.
func (l *Lab) End() error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	within := 2*time.Second + time.Duration(len(l.plan.Nodes))*10*time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var errs []error
	if err := node.Clear(ctx, l.client); err != nil && !errors.Is(err, node.ErrGone) {
		errs = append(errs, err)
	}
	errs = append(errs, l.super.Kill())
	for _, a := range l.agents {
		errs = append(errs, ignoreClosed(a.Close()))
	}
	l.news.Wait()
	errs = append(errs, ignoreClosed(l.client.Close()), ignoreClosed(l.super.Events.Close()))
	l.events.Wait()
	return errors.Join(errs...)
}

// AddrOf returns the first address of a family that a node has.
func (l *Lab) AddrOf(name string, family scenarios.Family) (netip.Addr, bool) {
	for _, a := range l.plan.AddressesOf(name) {
		if a.Is4() == (family == scenarios.IPv4) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// ignoreClosed drops the error of closing again what is closed already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
