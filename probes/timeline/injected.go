package timeline

import (
	"slices"

	"netlab/probes"
)

// A forgery is a segment that a gate made, on its way.
type forgery struct {
	act   *probes.Event
	nodes map[string]bool // that it came to
	links map[string]bool // that it went over
	seen  map[place]bool
	loose bool // the end of the link that it goes to has no tap: any node may be the first
}

// takes reports whether a sighting, the next in the order of time, is of the
// forgery: it comes to the other end of the gate's link first.
func (f *forgery) takes(e *probes.Event) bool {
	p := placeOf(e)
	if f.seen[p] || e.Time < f.act.Time-slack {
		return false
	}
	a := f.act.Gate
	first := p.node == a.To && p.link == a.Link || f.loose && len(f.seen) == 0
	came := p.dir == probes.In && (first || f.links[p.link] && p.link != a.Link)
	if !came && (p.dir == probes.In || !f.nodes[p.node]) {
		return false
	}
	f.seen[p] = true
	if came {
		f.nodes[p.node] = true
	} else {
		f.links[p.link] = true
	}
	return true
}

// findInjected finds the sightings of segments that gates made.
func (b *builder) findInjected(sightings []*probes.Event) {
	made := make(map[frameKey][]*forgery)
	for _, e := range b.acts {
		if e.Gate.Do == probes.Injected && e.Segment != nil {
			k := b.key(e, b.flows.of(e.Flow))
			made[k] = append(made[k], &forgery{act: e, nodes: map[string]bool{}, links: map[string]bool{}, seen: map[place]bool{}})
		}
	}
	if len(made) == 0 {
		return
	}
	tapped := make(map[string]bool)
	for _, e := range sightings {
		tapped[e.Node] = true
	}
	for _, list := range made {
		for _, f := range list {
			f.loose = !tapped[f.act.Gate.To]
		}
	}
	b.injected = make(map[*probes.Event]*probes.Event)
	for _, e := range sightings {
		flow := b.flows.of(e.Flow)
		for _, k := range []frameKey{b.key(e, flow), b.key(e, flow^1)} {
			if i := slices.IndexFunc(made[k], func(f *forgery) bool { return f.takes(e) }); i >= 0 {
				b.injected[e] = made[k][i].act
				break
			}
		}
	}
}

// madeKey is the key of a segment that an act made: no other shares it.
func (b *builder) madeKey(act *probes.Event) frameKey {
	k := b.key(act, b.flows.of(act.Flow))
	k.made = act.Seq
	return k
}
