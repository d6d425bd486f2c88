package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
)

// An Act is what a gate did to a frame.
type Act struct {
	Event       uint64 // Seq of the event
	Time        probes.Mono
	Node        string // the end of the link that the frame came from, or in whose name it was made
	*probes.Act        // the event's own: not to be altered
}

// Ordered reports whether a step, or somebody's hand, made the gate do it: not
// an impairment of the link, and not lockstep, which acts on every frame.
func (a Act) Ordered() bool {
	return a.Rule != probes.ByImpair && a.Rule != probes.ByLockstep && a.Do != probes.Refused
}

// A Gate is a link that netlab itself carried, as its gate tells it at the end.
type Gate struct {
	Link   string
	Passed []Act // how much went on: one for each direction
	First  []Act // when rules that only watch matched for the first time
	Rules  []Act // how often each rule matched: by the end of the window where that was told, else by that of the gate
	Held   []Held
}

// Held is a frame that a gate still held when the window closed, or when the
// record ended.
type Held struct {
	Act              // by which it came to be held
	Segment *Segment // nil if it is none of TCP, or no tap saw it
}

// An actID names a frame of a gate.
type actID struct {
	link  string
	frame uint64
}

func idOf(a *probes.Act) actID { return actID{a.Link, a.Frame} }

// collectActs finds what gates did, in the order of time.
func (b *builder) collectActs() {
	for i := range b.t.Events {
		if e := &b.t.Events[i]; e.Kind == probes.KindGate {
			b.acts = append(b.acts, e)
		}
	}
	slices.SortStableFunc(b.acts, func(x, y *probes.Event) int {
		return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Seq, y.Seq))
	})
	for _, e := range b.acts {
		switch g, a := b.gate(e.Gate.Link), actOf(e); a.Do {
		case probes.Passed:
			g.Passed = append(g.Passed, a)
		case probes.Matched:
			if a.Frame != 0 {
				g.First = append(g.First, a)
				continue
			}
			g.tell(a, b.teardown(a.Time))
		default:
			b.t.Acts = append(b.t.Acts, a)
		}
	}
	slices.SortFunc(b.t.Gates, func(x, y *Gate) int { return cmp.Compare(x.Link, y.Link) })
}

func actOf(e *probes.Event) Act { return Act{Event: e.Seq, Time: e.Time, Node: e.Node, Act: e.Gate} }

// gate returns the gate of a link, which it is if it ever told anything.
func (b *builder) gate(link string) *Gate {
	for _, g := range b.t.Gates {
		if g.Link == link {
			return g
		}
	}
	g := &Gate{Link: link}
	b.t.Gates = append(b.t.Gates, g)
	return g
}

// tell takes how often a rule matched. What is told after the window counts only
// of a rule of which nothing was told before.
func (g *Gate) tell(a Act, late bool) {
	i := slices.IndexFunc(g.Rules, func(r Act) bool { return r.Rule == a.Rule })
	switch {
	case i < 0:
		g.Rules = append(g.Rules, a)
	case !late:
		g.Rules[i] = a
	}
}

// finishGates tells which frames are still held, and which repetitions were
// merged into which segments.
func (b *builder) finishGates() {
	if len(b.acts) == 0 {
		return
	}
	segments := make(map[actID]*Segment)
	for _, f := range b.frames {
		for _, a := range f.Acts {
			if a.Do != probes.Merged && a.Frame != 0 {
				segments[idOf(a.Act)] = f.Segment
			}
		}
	}
	b.countRepeats(segments)
	held := make(map[actID]Act)
	for _, a := range b.t.Acts {
		switch id := idOf(a.Act); {
		case a.Do == probes.Merged || b.teardown(a.Time):
		case a.Do == probes.Held:
			held[id] = a
		case a.Do == probes.Released, a.Do == probes.Dropped, a.Do == probes.Refused:
			delete(held, id)
		}
	}
	for id, a := range held {
		g := b.gate(a.Link)
		g.Held = append(g.Held, Held{Act: a, Segment: segments[id]})
	}
	for _, g := range b.t.Gates {
		slices.SortFunc(g.Held, func(x, y Held) int { return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Event, y.Event)) })
	}
}

// countRepeats counts what was merged into each segment. That one waits for the
// observers is not told: then it is the last that was like the repetition.
func (b *builder) countRepeats(held map[actID]*Segment) {
	type like struct {
		flow, len int
		seq       uint32
		flags     probes.Flags
	}
	last := make(map[like]*Segment)
	for _, f := range b.frames {
		k := like{f.flow, f.Len, f.Seq, f.Flags}
		i := slices.IndexFunc(f.Acts, func(a Act) bool { return a.Do == probes.Merged })
		if i < 0 {
			last[k] = f.Segment
			continue
		}
		into := held[idOf(f.Acts[i].Act)]
		if into == nil {
			into = last[k]
		}
		if into != nil {
			into.Repeats++
		}
	}
}

// findActs finds the group of segments that each act of a gate is about.
func (b *builder) findActs(groups map[frameKey]int) {
	b.actsOn = make(map[int][]*probes.Event)
	made := make(map[actID]uint64)
	for _, e := range b.acts {
		if e.Gate.Do == probes.Injected && e.Gate.Frame != 0 {
			made[idOf(e.Gate)] = e.Seq
		}
	}
	for _, e := range b.acts {
		if e.Segment == nil {
			continue
		}
		k := b.key(e, b.flows.of(e.Flow))
		switch e.Gate.Do {
		case probes.Injected:
			k.made = e.Seq
		case probes.Merged:
		default:
			k.made = made[idOf(e.Gate)]
		}
		if g, ok := groups[k]; ok {
			b.actsOn[g] = append(b.actsOn[g], e)
		}
	}
}

// waiting reports whether the frame of some acts is at a gate and will not
// have left it by a moment.
func waiting(acts []*probes.Event, at probes.Mono) bool {
	held := false
	for _, e := range acts {
		if e.Time > at+slack {
			break
		}
		switch e.Gate.Do {
		case probes.Held:
			held = true
		case probes.Released:
			held = false
		case probes.Dropped, probes.Refused, probes.Merged:
			return true
		}
	}
	return held
}

// splitGated is split for a key that a tap saw more than once and that a gate
// acted on: what waits there does not arrive meanwhile.
func splitGated(list, acts []*probes.Event) []transmission {
	sent, order, places := sendings(list)
	byFrame := make(map[actID]int)
	last := 0
	for _, a := range acts {
		for last+1 < len(sent) && sent[last+1].taps[0].Time <= a.Time+slack {
			last++
		}
		i := last
		if a.Gate.Do != probes.Merged && a.Gate.Frame != 0 {
			if k, ok := byFrame[idOf(a.Gate)]; ok {
				i = k
			}
			byFrame[idOf(a.Gate)] = i
		}
		sent[i].acts = append(sent[i].acts, a)
	}
	for _, p := range order[1:] {
		for _, e := range places[p] {
			sent[arriving(sent, p, e.Time)].saw(p, e)
		}
	}
	return sent
}

// maxAlike bounds how many segments that are alike are looked at for the one
// that arrives.
const maxAlike = 1024

// arriving returns which transmission a sighting is of: the last that was on
// its way then and was not seen there before, else the last on its way, else
// the last that was sent.
func arriving(sent []transmission, p place, at probes.Mono) int {
	n, _ := slices.BinarySearchFunc(sent, at+1, func(s transmission, t probes.Mono) int { return cmp.Compare(s.taps[0].Time, t) })
	best, rank := max(0, n-1), 0
	for i := max(0, n-maxAlike); i < n; i++ {
		r := 0
		switch {
		case waiting(sent[i].acts, at):
		case sent[i].extra[p] > 0:
			r = 1
		default:
			r = 2
		}
		if r >= rank {
			best, rank = i, r
		}
	}
	return best
}

// kept is what the act of corrupting says of a checksum that was left as it
// was.
const kept = "keep"

// spoiled reports whether a segment that arrived had a checksum that no longer
// fits: as its last tap saw, or as the gate says that changed it.
func (b *builder) spoiled(f frame) bool {
	return b.event(f.Taps[len(f.Taps)-1].Event).Segment.BadSum || slices.ContainsFunc(f.Acts, func(a Act) bool {
		return a.Do == probes.Corrupted && a.What == kept
	})
}
