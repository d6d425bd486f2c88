package timeline

import (
	"slices"

	"netlab/probes"
)

// A translation is a rewriting of addresses at a node, learnt from a SYN that
// came with one flow and left with another. The sequence numbers are those of
// an opener's SYN, so that port numbers may be used again.
//
// What the wire shows comes first, then what a connection tracker told: a
// connection for which there is neither, as its SYN is not in the record, stays
// two, one on either side of the node.
type translation struct {
	node          string
	before, after int         // ordinals of the flows of the SYN
	from          probes.Mono // when it began
	iss           uint32      // number of the SYN
	origin        bool        // no translation at all: after belongs to node itself from here on
	tracked       bool        // told by a connection tracker, not seen on the wire: iss is not known
	// shifts relate the numbers on both sides where a helper changed the
	// length of what was sent: by the opener, by the acceptor.
	shifts [2]shifts
	// waiting are segments that came to the node and did not leave it yet.
	waiting [2][]*probes.Event
}

// maxWaiting bounds the segments that wait for their other half: what a
// firewall drops waits for ever.
const maxWaiting = 64

// maxHops bounds how many translators one segment passes.
const maxHops = 8

// translations are all that happened, by either flow without its lowest bit,
// in the order of time.
type translations struct {
	after, before map[int][]*translation
}

// add notes a translation, unless it is known: a SYN is sent again.
func (ts *translations) add(tr *translation) {
	for _, o := range ts.after[tr.after&^1] {
		if o.node == tr.node && o.before == tr.before && o.after == tr.after && o.iss == tr.iss && !o.tracked {
			return
		}
	}
	insert := func(m map[int][]*translation, key int) {
		list := m[key]
		i := len(list)
		for i > 0 && list[i-1].from > tr.from {
			i--
		}
		m[key] = slices.Insert(list, i, tr)
	}
	insert(ts.after, tr.after&^1)
	if !tr.origin {
		insert(ts.before, tr.before&^1)
	}
}

// at returns the last of a list that had begun, nil if none had.
func at(list []*translation, when probes.Mono) *translation {
	for _, tr := range slices.Backward(list) {
		if tr.from <= when {
			return tr
		}
	}
	return nil
}

// undo returns the translation that gave a segment its flow, nil if none did.
func (ts *translations) undo(flow int, when probes.Mono) *translation {
	tr := at(ts.after[flow&^1], when)
	if tr == nil || tr.origin {
		return nil
	}
	return tr
}

// canonical returns the flow as the connection's opener has it.
func (b *builder) canonical(flow int, when probes.Mono) int {
	if len(b.nat.after) == 0 {
		return flow
	}
	for range maxHops {
		tr := b.nat.undo(flow, when)
		if tr == nil {
			break
		}
		flow = tr.before ^ (tr.after ^ flow) // reversed where flow is
	}
	return flow
}

// learnTranslations compares the SYNs that came to a node with those that
// left it.
func (b *builder) learnTranslations(sightings []*probes.Event) {
	type key struct {
		node       string
		seq, tsval uint32
		ipid       uint16
		scale      uint8
	}
	came := make(map[key][]*probes.Event)
	var left []*probes.Event
	keyed := func(e *probes.Event) key {
		s := e.Segment
		return key{e.Node, s.Seq, s.TSVal, s.IPID, s.WScale}
	}
	for _, e := range sightings {
		switch f := e.Segment.Flags; {
		case !f.Has(probes.SYN) || f.Has(probes.ACK) || f.Has(probes.RST):
		case e.Segment.Dir == probes.In:
			came[keyed(e)] = append(came[keyed(e)], e)
		default:
			left = append(left, e)
		}
	}
	for _, e := range left {
		after := b.flows.of(e.Flow)
		var twin *probes.Event
		same := false
		for _, in := range came[keyed(e)] {
			same = same || b.flows.of(in.Flow)&^1 == after&^1
			if twin == nil || distance(in, e) < distance(twin, e) {
				twin = in
			}
		}
		switch {
		case same:
		case twin != nil:
			b.nat.add(&translation{node: e.Node, before: b.flows.of(twin.Flow), after: after,
				from: min(twin.Time, e.Time), iss: e.Segment.Seq})
		case len(b.nat.after[after&^1]) > 0:
			if last := at(b.nat.after[after&^1], e.Time); last != nil && last.iss != e.Segment.Seq {
				b.nat.add(&translation{node: e.Node, before: after, after: after, from: e.Time, iss: e.Segment.Seq, origin: true})
			}
		}
	}
}

func distance(x, y *probes.Event) probes.Mono { return max(x.Time-y.Time, y.Time-x.Time) }

// late is how long after the SYN a tracker's word may come.
const late probes.Mono = 100e6

// learnTracked takes from connection trackers what the wire did not show: what
// a node translates for itself is on no wire.
func (b *builder) learnTracked() {
	for i := range b.t.Events {
		e := &b.t.Events[i]
		if e.Kind != probes.KindTrack || e.Track.Change == "destroy" || !e.Flow.Complete() || !e.Track.Reply.Complete() {
			continue
		}
		before, after := b.flows.of(e.Flow), b.flows.of(e.Track.Reply.Reverse())
		if before == after {
			continue
		}
		known := slices.ContainsFunc(b.nat.after[after&^1], func(o *translation) bool {
			return o.node == e.Node && o.before == before && o.after == after
		})
		if !known {
			b.nat.add(&translation{node: e.Node, before: before, after: after, from: e.Time - late, tracked: true})
		}
	}
}

// chain returns the translations of a connection in the order of travel:
// those of the SYN with the number, or, where that is not known, of the time.
func (b *builder) chain(opener int, iss uint32, known bool, when probes.Mono) []*translation {
	var list []*translation
	flow := opener
	for range maxHops {
		var found *translation
		for _, tr := range b.nat.before[flow&^1] {
			fits := known && tr.iss == iss && !tr.tracked
			if (!known || tr.tracked) && (found == nil || found.tracked) {
				fits = found == nil || distanceTo(tr, when) < distanceTo(found, when)
			}
			if fits && tr.before == flow {
				found = tr
			}
		}
		if found == nil {
			break
		}
		list = append(list, found)
		flow = found.after
	}
	return list
}

func distanceTo(tr *translation, when probes.Mono) probes.Mono {
	return max(tr.from-when, when-tr.from)
}

// received returns the flow of a segment as its receiver has it, given that
// of its connection as the opener has it.
func (b *builder) received(flow int, when probes.Mono) int {
	for range maxHops {
		var found *translation
		for _, tr := range b.nat.before[flow&^1] {
			if tr.before == flow && (found == nil || tr.from <= when) {
				found = tr // a SYN was sent before it was translated
			}
		}
		if found == nil {
			break
		}
		flow = found.after
	}
	return flow
}
