package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"netlab/lab/link"
	"netlab/lab/netns"
	"netlab/lab/plan"
	"netlab/probes"

	"golang.org/x/sync/errgroup"
)

// A supervisor builds a lab and looks into it. It lives as long as its
// control connection.
type supervisor struct {
	events   *sender
	spaces   map[string]*netns.NS // by node or switch
	plan     *plan.Plan           // of the lab that was built; steps change it
	logs     map[string]*os.File  // by node, until the agents have them
	agents   []*agentProcess      // in the order of the plan's nodes
	lookers  *lookers
	gates    *gates    // nil until the links are there
	step     *lockstep // nil where nothing waits for the observers
	steps    stepWaits
	heart    *heartbeat
	draining sync.Once
	drainErr error

	building sync.Mutex      // held while the lab is built
	wanted   context.Context // ends when the lab is wanted no more
	giveUp   context.CancelFunc
}

// supervise is the supervisor's main.
func supervise(ctx context.Context) error {
	control, err := NewConn(os.NewFile(controlFD, "control"))
	if err != nil {
		return err
	}
	stream, err := NewConn(os.NewFile(eventsFD, "events"))
	if err != nil {
		return err
	}
	s := &supervisor{
		events: newSender(stream),
		spaces: map[string]*netns.NS{}, logs: map[string]*os.File{},
	}
	s.heart = &heartbeat{emit: s.events.emit}
	s.wanted, s.giveUp = context.WithCancel(ctx)
	defer s.giveUp()
	// When Serve returns the command is gone or has closed the lab: the end
	// of this process ends everything else.
	return Serve(ctx, control, s.handle)
}

func (s *supervisor) handle(ctx context.Context, do string, body json.RawMessage, files []*os.File) (any, []*os.File, error) {
	switch do {
	case doLogs:
		return s.takeLogs(body, files)
	case doUp:
		return s.up(ctx, body, files)
	case doAgents:
		return s.giveAgents(body)
	case doSettle:
		var r SettleRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		var now settling
		defer s.steps.begin(now.still)()
		reply, err := s.lookers.settle(ctx, r, s.gates.held, &now)
		return reply, nil, err
	case doLook:
		var r LookRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		return nil, nil, s.lookers.last(ctx, r)
	case doLookAt:
		reply, err := s.lookers.lookAt(body)
		return reply, nil, err
	case doGate:
		var r GateRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		reply, err := s.takeGateStep(ctx, r)
		return reply, nil, err
	case doTally:
		return nil, nil, s.gates.tally()
	case doFrames:
		reply, err := s.frames(ctx)
		return reply, nil, err
	case doHand:
		var r HandRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		return nil, nil, s.hand(r)
	case doChange:
		var r ChangeRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, nil, err
		}
		return nil, nil, s.change(ctx, r)
	case doDrain:
		return nil, nil, s.drain()
	case doClear:
		return nil, nil, s.clear()
	}
	closeFiles(files)
	return nil, nil, fmt.Errorf("supervisor cannot %q", do)
}

func (s *supervisor) takeLogs(body json.RawMessage, files []*os.File) (any, []*os.File, error) {
	var r LogsRequest
	if err := json.Unmarshal(body, &r); err != nil || len(r.Nodes) != len(files) {
		closeFiles(files)
		return nil, nil, errors.Join(err, fmt.Errorf("%d log files for %d nodes", len(files), len(r.Nodes)))
	}
	for i, name := range r.Nodes {
		s.logs[name] = files[i]
	}
	return nil, nil, nil
}

// up builds everything: the namespaces first, then side by side the links,
// the agents and the probes, most of whose time is spent waiting.
func (s *supervisor) up(ctx context.Context, body json.RawMessage, files []*os.File) (any, []*os.File, error) {
	var r UpRequest
	if err := json.Unmarshal(body, &r); err != nil {
		closeFiles(files)
		return nil, nil, fmt.Errorf("read plan: %w", err)
	}
	var capture *os.File
	if len(files) > 0 {
		capture = files[0]
	}
	s.building.Lock()
	defer s.building.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.wanted, cancel)()
	reply := UpReply{Took: map[string]time.Duration{}}
	phase := stopwatch(reply.Took)
	if err := privateMounts(); err != nil {
		return nil, nil, err
	}
	smallTables()
	phase("mounts")
	if err := s.populate(ctx, r.Plan); err != nil {
		return nil, nil, err
	}
	if err := s.choose(r.Plan); err != nil {
		return nil, nil, err
	}
	phase("namespaces")
	places := s.places(r.Plan)
	var side errgroup.Group
	s.lookers = newLookers(places, s.events.emit)
	side.Go(func() error { return s.lookers.arm(r, capture) })
	side.Go(func() error { return s.startAgents(ctx, r) })
	side.Go(func() error {
		return link.Build(ctx, r.Plan, func(name string) *netns.NS { return s.spaces[name] })
	})
	if err := side.Wait(); err != nil {
		return nil, nil, err
	}
	if err := s.firewalls(r.Plan); err != nil {
		return nil, nil, err
	}
	s.plan = r.Plan
	var err error
	if s.step, err = s.newLockstep(); err != nil {
		return nil, nil, err
	}
	if err := s.openGates(r.Plan, r.Hold); err != nil {
		return nil, nil, err
	}
	phase("links")
	s.lookers.start()
	s.heart.begin()
	for _, n := range r.Plan.Nodes {
		reply.Nodes = append(reply.Nodes, probes.NodeInfo{Name: n.Name, Cookie: s.spaces[n.Name].Cookie()})
	}
	for _, a := range s.agents {
		reply.Agents = append(reply.Agents, a.node)
	}
	for _, l := range r.Plan.Links {
		if l.Gate != nil && l.Gate.Netem {
			reply.Netem = append(reply.Netem, l.Name)
		}
	}
	reply.Probes = s.lookers.status
	phase("probes")
	return reply, nil, nil
}

// smallTables gives the namespaces to come a table of TCP sockets of their
// own (tcp_child_ehash_entries, Linux 6.1). They work without; but then every
// look walks a table that all namespaces share, at ten times the cost.
func smallTables() {
	_ = os.WriteFile("/proc/sys/net/ipv4/tcp_child_ehash_entries", []byte("512"), 0o644)
}

// stopwatch returns a function that notes the time since its last call.
func stopwatch(into map[string]time.Duration) func(name string) {
	last := time.Now()
	return func(name string) {
		now := time.Now()
		into[name] = now.Sub(last)
		last = now
	}
}

// populate makes the namespaces, two at a time, as the machine has no more
// use.
func (s *supervisor) populate(ctx context.Context, p *plan.Plan) error {
	var names []string
	for _, n := range p.Nodes {
		names = append(names, n.Name)
	}
	for _, sw := range p.Switches {
		names = append(names, sw.Name)
	}
	var mu sync.Mutex
	var side errgroup.Group
	side.SetLimit(2)
	for _, name := range names {
		side.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			ns, err := netns.New()
			if err != nil {
				return &Refused{fmt.Sprintf("make the network namespace of %q", name), err}
			}
			mu.Lock()
			s.spaces[name] = ns
			mu.Unlock()
			return nil
		})
	}
	return side.Wait()
}

// startAgents starts the agents of the nodes where something runs, or of all.
func (s *supervisor) startAgents(ctx context.Context, r UpRequest) error {
	hosts, err := memoryFile("hosts", hostsText(r.Plan.Hosts))
	if err != nil {
		return err
	}
	defer hosts.Close()
	for _, n := range r.Plan.Nodes {
		if !n.Process && !r.Everywhere {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		a, err := startAgent(n, s.spaces[n.Name], hosts, s.logs[n.Name], r.Plan.Lockstep)
		if err != nil {
			return err
		}
		s.agents = append(s.agents, a)
	}
	return nil
}

// places describes the namespaces to the probes.
func (s *supervisor) places(p *plan.Plan) []probes.Place {
	var list []probes.Place
	add := func(name string, forwards bool) {
		place := probes.Place{Node: name, Cookie: s.spaces[name].Cookie(), NS: s.spaces[name], Forwards: forwards}
		for _, l := range p.Links {
			for _, e := range l.Ends {
				if e.Node == name {
					place.Ports = append(place.Ports, probes.Port{Link: l.Name, Ifindex: e.Index, Name: e.Interface, MTU: l.MTU})
				}
			}
		}
		list = append(list, place)
	}
	for _, n := range p.Nodes {
		add(n.Name, n.Forwards)
	}
	for _, sw := range p.Switches {
		add(sw.Name, true)
	}
	return list
}

func (s *supervisor) giveAgents(body json.RawMessage) (any, []*os.File, error) {
	var r AgentsRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, nil, err
	}
	if r.From < 0 || r.Count < 0 || r.From+r.Count > len(s.agents) {
		return nil, nil, fmt.Errorf("there are %d agents, not %d", len(s.agents), r.From+r.Count)
	}
	var files []*os.File
	for _, a := range s.agents[r.From : r.From+r.Count] {
		files = append(files, a.control)
		a.control = nil // closed after it was sent
	}
	return nil, files, nil
}

// drain ends the probes and then the stream of events, once.
func (s *supervisor) drain() error {
	s.draining.Do(func() {
		s.drainErr = s.gates.stop() // what rules came to is recorded, too
		if s.lookers != nil {
			s.drainErr = errors.Join(s.drainErr, s.lookers.stop())
		}
		s.heart.end()
		s.drainErr = errors.Join(s.drainErr, s.events.end())
	})
	return s.drainErr
}

// clear prepares the end of this process, which ends everything else: it
// gives up building, and ends the probes, whose further events nobody wants,
// and the connections that would outlive the lab.
func (s *supervisor) clear() error {
	s.giveUp()
	s.building.Lock()
	defer s.building.Unlock()
	if s.lookers == nil {
		return nil
	}
	s.events.discard.Store(true)
	s.heart.end()
	_ = s.gates.stop()   // drain has told, if anyone asked
	_ = s.lookers.stop() // drain has told, if anyone asked
	s.lookers.release()
	var busy []string
	for _, a := range s.agents {
		busy = append(busy, a.node)
	}
	return s.lookers.clear(busy)
}
