package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"netlab/lab/gate"
	"netlab/lab/link"
	"netlab/lab/netns"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/clock"
	"netlab/scenarios"
)

// gates are the gates of a lab, by the name of their link.
type gates struct {
	byLink  map[string]*gate.Gate
	cancel  context.CancelFunc
	running sync.WaitGroup
	step    *lockstep // nil where nothing waits for the observers

	mu   sync.Mutex
	errs []error
}

// choose decides which links are impaired by netem and which by a gate, and
// makes the namespaces of both.
func (s *supervisor) choose(p *plan.Plan) error {
	var tried, has bool
	for i := range p.Links {
		g := p.Links[i].Gate
		if g == nil {
			continue
		}
		ns, err := netns.New()
		if err != nil {
			return &Refused{fmt.Sprintf("make the network namespace of the gate of %q", p.Links[i].Name), err}
		}
		s.spaces[g.Name] = ns
		if g.Needed || !link.FitsNetem(g.Impair) {
			continue
		}
		if !tried {
			tried, has = true, link.HasNetem(ns)
		}
		g.Netem = has
	}
	return nil
}

// openGates opens the gates of links that are built, and lets frames through.
func (s *supervisor) openGates(p *plan.Plan, hold bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	s.gates = &gates{byLink: map[string]*gate.Gate{}, cancel: cancel, step: s.step}
	for i := range p.Links {
		l := &p.Links[i]
		if l.Gate == nil {
			continue
		}
		if l.Gate.Netem {
			if err := link.Impair(s.spaces[l.Gate.Name], l); err != nil {
				return err
			}
			continue
		}
		g, err := gate.Open(s.gateConfig(p, l, hold))
		if err != nil {
			return fmt.Errorf("open the gate of link %q: %w", l.Name, err)
		}
		s.gates.run(ctx, l.Name, g)
	}
	return nil
}

// Rings of gates, in bytes. Few links have large ones, as a window of TCP may
// come at once; many share what a lab may take, as their pages are not swapped.
const (
	allRings    = 64 << 20
	largestRing = 8 << 20
	leastRing   = 256 << 10
)

// ringOf returns the size of each ring where so many links are gates.
func ringOf(links int) int {
	ring := largestRing
	for ring > leastRing && ring*2*links > allRings {
		ring /= 2
	}
	return ring
}

func (s *supervisor) gateConfig(p *plan.Plan, l *plan.Link, hold bool) gate.Config {
	c := gate.Config{
		Link: l.Name, NS: s.spaces[l.Gate.Name], MTU: l.MTU, Seed: p.Seed,
		Impair: l.Gate.Impair, HoldAll: hold, Emit: s.events.emit, Ring: ringOf(p.Gates()),
	}
	for i, e := range l.Ends {
		c.Ends[i] = e.Node
		c.Ports[i] = gate.Port{Name: l.Gate.Ports[i].Interface, Ifindex: l.Gate.Ports[i].Index}
	}
	if s.step != nil {
		c.Lockstep = s.step.pass
	}
	return c
}

// run lets a gate run and waits until it carries frames.
func (g *gates) run(ctx context.Context, name string, one *gate.Gate) {
	g.byLink[name] = one
	ended := make(chan struct{})
	g.running.Go(func() {
		defer close(ended)
		if err := one.Run(ctx); err != nil {
			g.mu.Lock()
			g.errs = append(g.errs, fmt.Errorf("gate of link %q: %w", name, err))
			g.mu.Unlock()
		}
	})
	select {
	case <-one.Ready():
	case <-ended: // its error is told when it is stopped
	}
}

// stop ends the gates. What they hold goes on; nobody looks any more.
func (g *gates) stop() error {
	if g == nil {
		return nil
	}
	g.cancel()
	if g.step != nil {
		g.step.cancel() // nobody looks any more
	}
	g.running.Wait()
	if g.step != nil {
		g.step.end()
	}
	return errors.Join(g.errs...)
}

// of returns the gate of a link.
func (g *gates) of(name string) (*gate.Gate, error) {
	if g == nil || g.byLink[name] == nil {
		return nil, fmt.Errorf("link %q is no gate", name)
	}
	return g.byLink[name], nil
}

// Bounds of what is told of frames that are held.
const (
	maxShown = 2000 // of all gates
	maxData  = 200  // with their bytes
	maxNamed = 8    // in words, of each gate
)

// waiting returns the frames that are held, in the order of their coming: as
// many as anybody can look at.
func (g *gates) waiting() []gate.Frame {
	if g == nil {
		return nil
	}
	var list []gate.Frame
	for _, one := range g.byLink {
		list = append(list, one.Waiting()...)
	}
	slices.SortFunc(list, func(a, b gate.Frame) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Link, b.Link), cmp.Compare(a.ID, b.ID))
	})
	list = list[:min(len(list), maxShown)]
	for i := maxData; i < len(list); i++ {
		list[i].Data = nil
	}
	return list
}

// held puts the frames that are held, or delayed, into words, for who waited
// for rest.
func (g *gates) held() []string {
	if g == nil {
		return nil
	}
	var list []string
	for name, one := range g.byLink {
		first, all := one.First(maxNamed)
		for _, f := range first {
			text := fmt.Sprintf("%s from %s at %s, held for %v", f.What, f.From, f.Link, clock.Now().Sub(f.Since).Round(time.Millisecond))
			if f.Rule != "" {
				text += " by " + f.Rule
			}
			list = append(list, text)
		}
		if more := all - len(first); more > 0 {
			list = append(list, fmt.Sprintf("and %d more at %s", more, name))
		}
		if n := one.Counters().Delayed; n > 0 {
			list = append(list, fmt.Sprintf("%d frames that the impairment of %s delays", n, name))
		}
	}
	return list
}

// tally has every gate tell how often its rules have matched.
func (g *gates) tally() error {
	if g == nil {
		return nil
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(g.byLink)) {
		errs = append(errs, g.byLink[name].Tally())
	}
	return errors.Join(errs...)
}

// takeGateStep takes a step of a gate. The error is the step's result.
func (s *supervisor) takeGateStep(ctx context.Context, r GateRequest) (GateReply, error) {
	g, err := s.gates.of(r.Link)
	if err != nil {
		return GateReply{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("not within %v", r.Timeout))
	defer cancel()
	var reply GateReply
	switch step := &r.Step; {
	case step.GateRule() != nil:
		err = g.AddRule(r.Rule, step)
	case step.GateAwait != nil:
		defer s.steps.begin(func(context.Context) bool { return !g.Matched(step.GateAwait.Rule, step.GateAwait.Times) })()
		err = g.Await(ctx, step.GateAwait.Rule, step.GateAwait.Times)
	case step.GateRelease != nil:
		reply.Frames, err = g.Release(ctx, step.GateRelease)
	case step.GateDiscard != nil:
		reply.Frames, err = g.Discard(ctx, step.GateDiscard)
	case step.GateClear != nil:
		err = g.Clear(step.GateClear.Rule)
	case step.GateInject != nil:
		err = s.inject(g, step.GateInject, r)
	default:
		err = fmt.Errorf("a gate cannot do %q", step.Verb)
	}
	return reply, err
}

// inject makes the segment that a step describes and has it sent.
func (s *supervisor) inject(g *gate.Gate, x *scenarios.GateInject, r GateRequest) error {
	l := s.plan.LinkOf(x.Link)
	from := slices.IndexFunc(l.Ends[:], func(e plan.End) bool { return e.Node == x.From })
	if from < 0 {
		return fmt.Errorf("link %q has no end %q", x.Link, x.From)
	}
	in := gate.Injection{
		Name: r.Rule, From: x.From, Relative: x.Connection != "",
		Seq: x.Seq, Ack: x.Ack, Window: uint16(x.Window), Content: []byte(x.Content),
	}
	for _, f := range x.Flags {
		bit, err := probes.ParseFlags(string(f))
		if err != nil {
			return err
		}
		in.Flags |= bit
	}
	var err error
	if x.Connection == "" {
		in.Flow, err = s.flowOf(l, from, x)
	} else {
		in.Flow, err = flowSeen(g, x, r.Flows)
	}
	if err != nil {
		return err
	}
	if x.Connection == "" { // else the gate has seen how frames of it are addressed
		in.Src = s.macOf(l, from, in.Flow.Local.Addr())
		in.Dst = s.macOf(l, 1-from, in.Flow.Remote.Addr())
	}
	return g.Inject(in)
}

// flowSeen returns which of the flows of a connection came from an end.
func flowSeen(g *gate.Gate, x *scenarios.GateInject, flows []probes.Flow) (probes.Flow, error) {
	for _, f := range flows {
		if g.Saw(x.From, f) {
			return f, nil
		}
	}
	return probes.Flow{}, fmt.Errorf("no segment of connection %q came from end %q of link %q", x.Connection, x.From, x.Link)
}

// flowOf returns the addresses of a segment that belongs to no connection:
// those of the ends of its link.
func (s *supervisor) flowOf(l *plan.Link, from int, x *scenarios.GateInject) (probes.Flow, error) {
	var flow probes.Flow
	for _, end := range []struct {
		e    plan.End
		port int
		into *netip.AddrPort
	}{{l.Ends[from], x.FromPort, &flow.Local}, {l.Ends[1-from], x.Port, &flow.Remote}} {
		for _, a := range end.e.Addresses {
			if a.Addr().Is4() == (x.Family != scenarios.IPv6) && !end.into.IsValid() {
				*end.into = netip.AddrPortFrom(a.Addr(), uint16(end.port))
			}
		}
		if !end.into.IsValid() {
			return flow, fmt.Errorf("end %q of link %q has no %s address", end.e.Node, l.Name, x.Family)
		}
	}
	return flow, nil
}

// macOf returns the address on the link of who has an IP address behind an
// end: the end's own, or, behind a switch, that of the node; else the end's.
func (s *supervisor) macOf(l *plan.Link, end int, a netip.Addr) net.HardwareAddr {
	text := l.Ends[end].MAC
	if l.Ends[end].Switch {
		for _, other := range s.plan.Links {
			for _, e := range other.Ends {
				if slices.ContainsFunc(e.Addresses, func(p netip.Prefix) bool { return p.Addr() == a }) {
					text = e.MAC
				}
			}
		}
	}
	mac, _ := net.ParseMAC(text) // the plan's are well formed
	return mac
}
