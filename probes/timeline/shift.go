package timeline

import (
	"slices"

	"netlab/probes"
)

// A shift relates sequence numbers on both sides of a translator from a
// segment on whose length it changed: [after, afterEnd) on the far side of
// the connection's opener is [before, beforeEnd) on the near side. What
// follows is as far apart as the ends are.
type shift struct {
	before, beforeEnd uint32
	after, afterEnd   uint32
}

// shifts are those of one direction, in the order of their numbers.
type shifts []shift

// near returns the near side's number for one of the far side.
func (l shifts) near(n uint32) uint32 {
	for _, s := range slices.Backward(l) {
		if !before(n, s.afterEnd) {
			return n - s.afterEnd + s.beforeEnd
		}
	}
	return n
}

// length returns the near side's length of a segment of the far side.
func (l shifts) length(seq uint32, n int) int {
	for _, s := range l {
		if s.after == seq && s.afterEnd == seq+uint32(n) {
			return int(s.beforeEnd - s.before)
		}
	}
	return n
}

// start returns the near side's number for the first of a segment of the far
// side: a segment that was itself changed begins where it always began.
func (l shifts) start(seq uint32) uint32 {
	for _, s := range l {
		if s.after == seq {
			return s.before
		}
	}
	return l.near(seq)
}

// add notes a shift, unless it is known.
func (l *shifts) add(s shift) {
	if slices.Contains(*l, s) {
		return
	}
	i := len(*l)
	for i > 0 && before(s.afterEnd, (*l)[i-1].afterEnd) {
		i--
	}
	*l = slices.Insert(*l, i, s)
}

// numbers returns what tells a segment apart, in the numbers of the near
// side; far says on which side it was seen, and dir who sent it: 0 the
// opener, 1 the acceptor.
func (tr *translation) numbers(k frameKey, dir int, far bool) frameKey {
	if !far {
		return k
	}
	own, peer := tr.shifts[dir], tr.shifts[1-dir]
	k.seq, k.len = own.start(k.seq), own.length(k.seq, k.len)
	if k.ack != 0 {
		k.ack = peer.near(k.ack)
	}
	return k
}

// learnShifts follows the segments of translated connections through their
// translators, and notes where a helper changed lengths.
func (b *builder) learnShifts(sightings []*probes.Event) {
	if len(b.nat.before) == 0 {
		return
	}
	for _, e := range sightings {
		if e.Segment.Flags.Has(probes.RST) {
			continue // a node may reset both sides in the name of the peers
		}
		flow := b.flows.of(e.Flow)
		if tr := at(b.nat.after[flow&^1], e.Time); tr != nil && tr.node == e.Node && !tr.origin {
			tr.pass(e, flow^tr.after, true)
		}
		if tr := at(b.nat.before[flow&^1], e.Time); tr != nil && tr.node == e.Node {
			tr.pass(e, flow^tr.before, false)
		}
	}
}

// pass takes in a segment at the translator itself.
func (tr *translation) pass(e *probes.Event, dir int, far bool) {
	arrives := (dir == 0) != far // the opener's come on the near side, the answers on the far side
	if arrives != (e.Segment.Dir == probes.In) {
		return
	}
	if arrives {
		if tr.waiting[dir] = append(tr.waiting[dir], e); len(tr.waiting[dir]) > maxWaiting {
			tr.waiting[dir] = slices.Delete(tr.waiting[dir], 0, 1)
		}
		return
	}
	if i := tr.twin(e, dir, far); i >= 0 {
		came := tr.waiting[dir][i]
		tr.waiting[dir] = slices.Delete(tr.waiting[dir], i, i+1)
		near, beyond := came, e
		if !far {
			near, beyond = e, came
		}
		tr.compare(near.Segment, beyond.Segment, dir)
	}
}

// twin finds the segment that came, among those that wait: the same in all,
// else the same but for what a helper changes.
func (tr *translation) twin(e *probes.Event, dir int, far bool) int {
	left := tr.numbers(plainKey(e), dir, far)
	like := -1
	for i, w := range tr.waiting[dir] {
		came := tr.numbers(plainKey(w), dir, !far)
		if came == left {
			return i
		}
		same := came.flags == left.flags && came.tsval == left.tsval && came.tsecr == left.tsecr && came.ipid == left.ipid
		if same && like < 0 && (left.ipid != 0 || came.seq == left.seq && came.ack == left.ack) {
			like = i
		}
	}
	return like
}

// key returns what tells a sighting apart from others, in the opener's terms:
// what a translator changed is undone.
func (b *builder) key(e *probes.Event, flow int) frameKey {
	k := keyOf(e, flow)
	if len(b.nat.after) == 0 {
		return k
	}
	for range maxHops {
		tr := b.nat.undo(k.flow, e.Time)
		if tr == nil {
			break
		}
		k = tr.numbers(k, k.flow^tr.after, true)
		k.flow ^= tr.before ^ tr.after
	}
	return k
}

// plainKey is the key of a sighting without its flow.
func plainKey(e *probes.Event) frameKey { return keyOf(e, 0) }

// compare notes how the two sides of one segment differ.
func (tr *translation) compare(near, far *probes.Segment, dir int) {
	own := &tr.shifts[dir]
	if own.start(far.Seq) != near.Seq || own.length(far.Seq, far.Len) != near.Len {
		own.add(shift{before: near.Seq, beforeEnd: near.Seq + uint32(near.Len), after: far.Seq, afterEnd: far.Seq + uint32(far.Len)})
	}
}
