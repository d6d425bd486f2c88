package timeline

import (
	"cmp"
	"net/netip"
	"slices"

	"netlab/probes"
)

// A frameKey tells segments apart: what a tap further on sees unchanged, once
// translations are undone.
// Copies of one segment share it, and so, seldom, do repetitions that carry
// neither identification nor timestamps.
type frameKey struct {
	flow  int // ordinal of the sender's flow
	seq   uint32
	ack   uint32
	tsval uint32
	tsecr uint32
	len   int
	flags probes.Flags
	ipid  uint16
	made  uint64 // the event of the act by which a gate made it; 0 if somebody sent it
}

// flows gives every flow an ordinal, so that keys are small.
type flows struct {
	ordinals map[probes.Flow]int
	list     []probes.Flow
}

// of returns the ordinal of a flow. That of the reverse flow differs in the
// lowest bit.
func (f *flows) of(flow probes.Flow) int {
	flow = normal(flow)
	if n, ok := f.ordinals[flow]; ok {
		return n
	}
	n := len(f.list)
	f.list = append(f.list, flow, flow.Reverse())
	f.ordinals[flow] = n
	if flow.Local != flow.Remote {
		f.ordinals[flow.Reverse()] = n + 1
	}
	return n
}

// find returns the ordinal of a flow, if it has one.
func (f *flows) find(flow probes.Flow) (int, bool) {
	n, ok := f.ordinals[normal(flow)]
	return n, ok
}

// normal returns the flow without zones and without mapped addresses, which
// some sources know and others do not.
func normal(f probes.Flow) probes.Flow {
	return probes.Flow{Local: normalAddr(f.Local), Remote: normalAddr(f.Remote)}
}

func normalAddr(a netip.AddrPort) netip.AddrPort {
	if !a.Addr().Is6() {
		return a
	}
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// A frame is a segment with its sender's flow.
type frame struct {
	*Segment
	flow int // ordinal
}

// matchSegments makes Segments of the sightings of all taps.
func (b *builder) matchSegments() {
	sightings := b.sightings()
	b.learnTranslations(sightings)
	b.learnTracked()
	b.learnShifts(sightings)
	b.findInjected(sightings)
	keys, groups := b.group(sightings)
	// Sort the sightings by group; inside a group they stay in order of time.
	start := make([]int, len(groups)+1)
	for _, g := range keys {
		if g != garbage {
			start[g+1]++
		}
	}
	for g := range groups {
		start[g+1] += start[g]
	}
	sorted, next := make([]*probes.Event, len(sightings)), slices.Clone(start)
	for i, g := range keys {
		if g != garbage {
			sorted[next[g]] = sightings[i]
			next[g]++
		}
	}
	block := make([]Segment, 0, len(groups))
	for g, flow := range groups {
		for _, c := range split(sorted[start[g]:start[g+1]], b.actsOn[g]) {
			if len(block) == cap(block) {
				block = make([]Segment, 0, 1024)
			}
			block = append(block, newSegment(c))
			block[len(block)-1].Injected = b.injected[c.taps[0]] != nil
			b.frames = append(b.frames, frame{&block[len(block)-1], flow})
		}
	}
	slices.SortFunc(b.frames, func(x, y frame) int {
		return cmp.Or(cmp.Compare(x.Sent(), y.Sent()), cmp.Compare(x.Taps[0].Event, y.Taps[0].Event))
	})
	b.t.Segments = make([]*Segment, len(b.frames))
	for i, f := range b.frames {
		f.Frame, f.Teardown = i+1, b.teardown(f.Sent())
		b.t.Segments[i] = f.Segment
	}
	b.nameNodes()
	b.finishGates()
}

// garbage is the group of sightings that are of no segment: what a flipped bit
// made of one, and nobody sent or takes for one.
const garbage = -1

// sightings returns the segment events in the order of time.
func (b *builder) sightings() []*probes.Event {
	var list []*probes.Event
	for i := range b.t.Events {
		if e := &b.t.Events[i]; e.Kind == probes.KindSegment {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(x, y *probes.Event) int {
		return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Seq, y.Seq))
	})
	return list
}

// group gives each sighting the number of its key's group, and each group the
// ordinal of its sender's flow.
//
// A segment that leaves a node was sent by the flow's local side. Of one that
// arrives the local side is the receiver, save on switches and routers and for
// frames that a switch floods; so the taps that saw it leave decide.
func (b *builder) group(sightings []*probes.Event) (keys, groups []int) {
	keys = make([]int, len(sightings))
	left := make(map[frameKey]int, len(sightings)/2)
	number := func(k frameKey) int {
		g, ok := left[k]
		if !ok {
			g = len(groups)
			left[k] = g
			groups = append(groups, k.flow)
		}
		return g
	}
	for i, e := range sightings {
		if act := b.injected[e]; act != nil {
			keys[i] = number(b.madeKey(act))
		} else if e.Segment.Dir != probes.In {
			keys[i] = number(b.key(e, b.flows.of(e.Flow)))
		}
	}
	for i, e := range sightings {
		if e.Segment.Dir != probes.In || b.injected[e] != nil {
			continue
		}
		flow := b.flows.of(e.Flow)
		fromRemote, fromLocal := b.key(e, flow^1), b.key(e, flow)
		if g, ok := left[fromRemote]; ok {
			keys[i] = g
		} else if g, ok := left[fromLocal]; ok {
			keys[i] = g
		} else if e.Segment.BadSum {
			keys[i] = garbage
		} else {
			keys[i] = number(fromRemote)
		}
	}
	b.findActs(left)
	return keys, groups
}

func keyOf(e *probes.Event, flow int) frameKey {
	s := e.Segment
	return frameKey{flow: flow, seq: s.Seq, ack: s.Ack, tsval: s.TSVal, tsecr: s.TSEcr, len: s.Len, flags: s.Flags, ipid: s.IPID}
}

// A transmission is one copy of a segment as sent: its first sighting at each tap, and how many
// taps saw it more than once.
type transmission struct {
	taps  []*probes.Event
	extra map[place]int
	acts  []*probes.Event // what gates did to it
}

// saw notes a sighting at a place.
func (s *transmission) saw(p place, e *probes.Event) {
	if s.extra[p]++; s.extra[p] == 1 {
		s.taps = append(s.taps, e)
	}
}

// A place is where a tap sits.
type place struct {
	node, link string
	dir        probes.Direction
}

func placeOf(e *probes.Event) place { return place{e.Node, e.Segment.Link, e.Segment.Dir} }

// split divides the sightings of one key, in order of time, into
// transmissions, with what gates did to each.
func split(list, acts []*probes.Event) []transmission {
	if !repeats(list) {
		return []transmission{{taps: list, acts: acts}}
	}
	if len(acts) > 0 {
		return splitGated(list, acts)
	}
	sent, order, places := sendings(list)
	for _, p := range order[1:] {
		assign(sent, p, places[p])
	}
	return sent
}

// sendings divides the sightings of one key by place, and makes a transmission
// of each at the place where it was sent, which comes first in order.
func sendings(list []*probes.Event) (sent []transmission, order []place, places map[place][]*probes.Event) {
	places = make(map[place][]*probes.Event)
	for _, e := range list {
		p := placeOf(e)
		if places[p] == nil {
			order = append(order, p)
		}
		places[p] = append(places[p], e)
	}
	if i := slices.IndexFunc(order, func(p place) bool { return p.dir == probes.Out }); i > 0 {
		first := order[i]
		order = slices.Insert(slices.Delete(order, i, i+1), 0, first)
	}
	sent = make([]transmission, len(places[order[0]]))
	for i, e := range places[order[0]] {
		sent[i] = transmission{taps: []*probes.Event{e}, extra: make(map[place]int)}
	}
	return sent, order, places
}

// repeats reports whether a tap saw the key more than once. Keys that many
// taps saw are few, so that comparing all pairs is cheap.
func repeats(list []*probes.Event) bool {
	if len(list) > 64 {
		return true
	}
	for i, x := range list {
		for _, y := range list[:i] {
			if x.Node == y.Node && x.Segment.Dir == y.Segment.Dir && x.Segment.Link == y.Segment.Link {
				return true
			}
		}
	}
	return false
}

// assign gives the sightings at one further tap to transmissions: the k-th to
// the k-th where they are as many; else each to the last one sent before it,
// so that one which was lost on the way stays lost, and one which was
// duplicated has its copies.
func assign(sent []transmission, p place, seen []*probes.Event) {
	at := 0
	for k, e := range seen {
		if len(seen) == len(sent) {
			at = k
		} else {
			for at+1 < len(sent) && sent[at+1].taps[0].Time <= e.Time {
				at++
			}
		}
		sent[at].saw(p, e)
	}
}

// newSegment makes the Segment of a transmission, with its taps in the order
// of travel: that of time, but the tap of a node that only sent it comes
// first, and that of a node that only received it last.
func newSegment(c transmission) Segment {
	rank := func(e *probes.Event) int {
		through := slices.ContainsFunc(c.taps, func(o *probes.Event) bool {
			return o.Node == e.Node && o.Segment.Dir != e.Segment.Dir
		})
		switch {
		case through:
			return 1
		case e.Segment.Dir == probes.Out:
			return 0
		}
		return 2
	}
	if len(c.taps) > 1 {
		slices.SortStableFunc(c.taps, func(x, y *probes.Event) int {
			return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Time, y.Time), cmp.Compare(x.Seq, y.Seq))
		})
	}
	s := Segment{Segment: *c.taps[0].Segment, Taps: make([]Tap, len(c.taps))}
	for i, e := range c.taps {
		s.Taps[i] = Tap{Event: e.Seq, Node: e.Node, Link: e.Segment.Link, Dir: e.Segment.Dir, Time: e.Time, Capture: e.Segment.Capture}
	}
	for _, n := range c.extra {
		if n > 1 {
			s.Copies++
		}
	}
	for _, e := range c.acts {
		s.Acts = append(s.Acts, actOf(e))
	}
	return s
}

// nameNodes learns which node has which address from those that sent first,
// and names the ends of every segment.
func (b *builder) nameNodes() {
	for _, f := range b.frames {
		for i, in := range f.Taps {
			for _, out := range f.Taps[:i] {
				if in.Node == out.Node {
					b.forwarders[in.Node] = true
				}
			}
		}
		// A RST may be sent in the name of another.
		if f.Taps[0].Dir == probes.Out && !f.Flags.Has(probes.RST) {
			b.learn(b.event(f.Taps[0].Event).Flow.Local, f.Taps[0].Node)
		}
	}
	for _, f := range b.frames {
		if f.Taps[0].Dir == probes.Out && !b.forwarders[f.Taps[0].Node] {
			b.learn(b.event(f.Taps[0].Event).Flow.Local, f.Taps[0].Node)
		}
	}
	for _, f := range b.frames {
		b.nameEnds(f)
	}
}

// nameEnds names the nodes between which a segment went.
func (b *builder) nameEnds(f frame) {
	sender := b.nodeOf[b.flows.list[b.received(f.flow^1, f.Sent())].Remote.Addr()]
	f.From = f.Taps[0].Node
	if f.Taps[0].Dir != probes.Out {
		f.From = sender
	}
	if act := b.injected[b.event(f.Taps[0].Event)]; act != nil && f.From == "" {
		f.From = act.Node
	}
	f.Forged = f.Flags.Has(probes.RST) && f.Taps[0].Dir == probes.Out && sender != "" && sender != f.From
	last := f.Taps[len(f.Taps)-1]
	f.To = b.nodeOf[b.flows.list[b.received(f.flow, f.Sent())].Remote.Addr()]
	if f.To == "" && last.Dir == probes.In && !b.forwarders[last.Node] {
		f.To = last.Node
	}
	if last.Node != f.To { // a switch flooded it: others saw it, too
		slices.SortStableFunc(f.Taps[1:], func(x, y Tap) int { return cmp.Compare(arrival(x, f.To), arrival(y, f.To)) })
	}
	f.Corrupted = f.Arrived() != 0 && b.spoiled(f)
	switch first := b.event(f.Taps[0].Event); {
	case len(b.nat.after) == 0:
	case f.Arrived() != 0:
		f.lag = b.event(f.Taps[len(f.Taps)-1].Event).Segment.Ack - f.Ack
	case f.Taps[0].Dir == probes.Out: // right of what the acceptor sent
		f.lag = b.key(first, b.flows.of(first.Flow)).ack - f.Ack
	}
}

// arrival ranks the tap at which a segment arrived after the others.
func arrival(t Tap, to string) int {
	if t.Node == to && t.Dir == probes.In {
		return 1
	}
	return 0
}

// learn notes that a node has an address. The first word counts: what is
// learnt from sockets comes before what is learnt from the wire.
func (b *builder) learn(addr netip.AddrPort, node string) {
	a := normalAddr(addr).Addr()
	if node == "" || !a.IsValid() || a.IsUnspecified() || a.IsLoopback() {
		return
	}
	if b.nodeOf[a] == "" {
		b.nodeOf[a] = node
	}
}
