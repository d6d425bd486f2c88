package timeline

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"netlab/probes"
)

// Build joins the events of a run. events must have the ordinals 1, 2, 3 ...;
// the Timeline keeps them, and keeps the slice. Their order need not be that
// of time. An error means that the record is no record: what observers lost,
// or contradict each other in, is in the Timeline.
func Build(header probes.Header, events []probes.Event) (*Timeline, error) {
	if err := validate(events); err != nil {
		return nil, fmt.Errorf("build timeline: %w", err)
	}
	b := &builder{
		t:          &Timeline{Header: header, Events: events},
		nodeOf:     make(map[netip.Addr]string),
		cookieOf:   make(map[string]uint64),
		sources:    make(map[probes.Source]bool),
		holes:      make(map[hole]string),
		forwarders: make(map[string]bool),
		flows:      flows{ordinals: make(map[probes.Flow]int)},
		tuples:     make(map[int]*tuple),
		nat:        translations{after: make(map[int][]*translation), before: make(map[int][]*translation)},
	}
	for _, n := range header.Nodes {
		b.cookieOf[n.Name] = n.Cookie
		for _, a := range n.Addresses {
			b.learn(netip.AddrPortFrom(a, 0), n.Name)
		}
	}
	b.run()
	b.collectActs()
	b.collectPrograms()
	b.collectSockets()
	b.matchSegments()
	b.placeSegments()
	b.joinSockets()
	b.number()
	b.attach()
	for _, inc := range b.all {
		for _, l := range inc.lanes {
			b.observe(l)
			b.tell(l)
		}
	}
	for _, inc := range b.all {
		b.compare(inc)
	}
	b.census()
	b.forget()
	b.t.oracle = b
	return b.t, nil
}

// forget lets go of what only Build needed.
func (b *builder) forget() {
	b.frames, b.sockets, b.actsOn, b.injected = nil, nil, nil, nil
	for _, inc := range b.all {
		for _, l := range inc.lanes {
			l.socket, l.told, l.inputs = nil, nil, nil
		}
	}
}

// A builder is a Timeline in the making.
type builder struct {
	t            *Timeline
	nodeOf       map[netip.Addr]string  // whose address it is
	cookieOf     map[string]uint64      // network namespaces of nodes
	sources      map[probes.Source]bool // that recorded anything
	holes        map[hole]string        // what is missing there
	forwarders   map[string]bool        // nodes that passed on a segment
	complete     bool                   // the mark was seen
	width        probes.Mono            // the greatest uncertainty of the wall clock
	counters     []*probes.Event        // how they moved
	flows        flows
	frames       []frame        // in the order of sending
	sockets      []*socket      // that are no listeners
	tuples       map[int]*tuple // by the lower ordinal of the two flows, as the opener has them
	nat          translations
	programs     []*program
	unlistenings []*probes.Event                 // ends of listeners
	all          []*incarnation                  // of all tuples
	acts         []*probes.Event                 // of gates, in the order of time
	actsOn       map[int][]*probes.Event         // by group of segments
	injected     map[*probes.Event]*probes.Event // sightings of what gates made: by which act
}

// run takes in what concerns the run as a whole: marks, steps and losses.
func (b *builder) run() {
	t := b.t
	steps := make(map[int]*Step)
	for i := range t.Events {
		e := &t.Events[i]
		b.sources[e.Source] = true
		switch e.Kind {
		case probes.KindMark:
			switch e.Mark {
			case probes.WindowOpen:
				t.Open = e.Time
			case probes.WindowClose:
				t.Close = e.Time
			case probes.Complete:
				b.complete = true
			case probes.Starved:
				t.Starved = append(t.Starved, Starved{Event: e.Seq, Time: e.Time, Node: e.Node, Late: e.Late})
			}
		case probes.KindStep:
			b.addStep(steps, e)
		case probes.KindLoss:
			t.Losses = append(t.Losses, Loss{Event: e.Seq, Source: e.Source, Node: e.Node, Loss: *e.Loss})
			if e.Source == probes.Lab && e.Loss.What == truncated {
				b.complete = false
			}
		case probes.KindCounter:
			b.counters = append(b.counters, e)
		case probes.KindClock:
			b.width = max(b.width, probes.Mono(e.Clock.Width))
			if e.Clock.Step {
				// Packets are stamped by the wall clock.
				t.Losses = append(t.Losses, Loss{Event: e.Seq, Source: probes.Wire, Node: e.Node,
					Loss: probes.Loss{What: "the wall clock was set", Count: 1}})
			}
		}
	}
	for _, l := range t.Losses {
		if l.Of == probes.KindTally || l.Of == probes.KindCounter {
			continue // no path of states is made of these
		}
		at := hole{l.Source, l.Node}
		b.holes[at] = cmp.Or(b.holes[at], l.What, "records")
	}
	t.Complete = b.complete && t.Close != 0
	slices.SortStableFunc(t.Steps, func(x, y *Step) int {
		return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(x.Index, y.Index))
	})
}

// addStep joins the beginning and the end of a step.
func (b *builder) addStep(steps map[int]*Step, e *probes.Event) {
	s := steps[e.Step.Index]
	if s == nil {
		s = &Step{Step: *e.Step, Node: e.Node, Start: e.Time}
		steps[e.Step.Index] = s
		b.t.Steps = append(b.t.Steps, s)
	}
	if !e.Step.Ended {
		s.Start, s.Begun = e.Time, e.Seq
		if s.Ended == 0 {
			s.Step = *e.Step
		}
		return
	}
	verb, name := s.Verb, s.Name
	s.Step, s.End, s.Ended = *e.Step, e.Time, e.Seq
	s.Verb, s.Name = cmp.Or(s.Verb, verb), cmp.Or(s.Name, name)
}

// teardown reports whether a moment lies after the window.
func (b *builder) teardown(at probes.Mono) bool { return b.t.Close != 0 && at > b.t.Close }

// present reports whether a probe was there: the header says so, or, where it
// says nothing, an event.
func (b *builder) present(source probes.Source) bool {
	for _, p := range b.t.Header.Probes {
		if p.Source == source {
			return !p.Missing()
		}
	}
	return b.sources[source]
}

// records reports whether bpf records a kind of event: the header says so.
func (b *builder) records(k probes.Kind) bool {
	return slices.ContainsFunc(b.t.Header.Probes, func(p probes.ProbeStatus) bool { return p.Source == probes.BPF && p.Records(k) })
}

// A hole is where records of a source are missing: at a node, or anywhere.
type hole struct {
	source probes.Source
	node   string
}

// loss returns what a source lost that may concern a node, "" if nothing.
func (b *builder) loss(source probes.Source, node string) string {
	return cmp.Or(b.holes[hole{source, ""}], b.holes[hole{source, node}])
}

// event returns the event with the ordinal.
func (b *builder) event(seq uint64) *probes.Event { return &b.t.Events[seq-1] }
