package gate

import (
	"container/heap"

	"netlab/probes"
)

// A dueHeap has what goes on by itself, the next first, and in the order of
// coming what is due at the same time (container/heap).
type dueHeap []*frame

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (h dueHeap) Len() int { return len(h) }

// Less compares when, and then in which order, frames came.
func (h dueHeap) Less(i, j int) bool {
	if h[i].due != h[j].due {
		return h[i].due < h[j].due
	}
	return h[i].id < h[j].id
}

// Swap swaps.
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push adds a frame.
func (h *dueHeap) Push(x any) {
	f := x.(*frame)
	f.index = len(*h)
	*h = append(*h, f)
}

// Pop takes the last.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return f
}

// worsen throws the dice for a frame, and lets it enter, once, twice or never,
// now or later.
func (e *engine) worsen(now probes.Mono, i *impairment, f *frame) {
	fate := i.draw(len(f.data))
	// Of a frame that comes twice and is lost one copy is left, as of netem's.
	if fate.lost && !fate.twice {
		e.tell(e.event(now, probes.Dropped, f, probes.ByImpair))
		return
	}
	if !fate.twice || fate.lost {
		e.late(now, i, f, fate.copies[0])
		return
	}
	ev := e.event(now, probes.Duplicated, f, probes.ByImpair)
	ev.Gate.Copies = 1
	e.tell(ev)
	second := *f
	second.data, second.owned = append([]byte(nil), f.data...), true // the first may be changed
	second.doubled = true
	e.late(now, i, f, fate.copies[0])
	e.late(now, i, &second, fate.copies[1])
}

// late lets a copy enter when its time comes.
func (e *engine) late(now probes.Mono, i *impairment, f *frame, c copyFate) {
	if c.bit >= 0 && c.bit < len(f.data)*8 {
		e.tell(e.event(now, probes.Corrupted, f, probes.ByImpair))
		f.data[c.bit/8] ^= 1 << (c.bit % 8)
		f.header.parse(f.data)
	}
	due := i.due(now, c, len(f.data))
	if due <= now {
		e.enter(now, f)
		return
	}
	if i.full() || e.impairedBytes+len(f.data) > maxWaitingBytes {
		e.tell(e.event(now, probes.Dropped, f, probes.ByImpair))
		return
	}
	if i.spec.Rate > 0 && !c.atOnce {
		i.last = due
	}
	i.queued++
	e.impaired++
	e.impairedBytes += len(f.data)
	kept := f.own()
	kept.due, kept.then = due, thenEnter
	heap.Push(&e.due, kept)
}
