package gate

import (
	"bytes"
	"container/heap"
	"fmt"
	"slices"

	"netlab/probes"
)

// keep makes a frame wait, and tells so.
func (e *engine) keep(now probes.Mono, do probes.Deed, r *rule, why string, f *frame) {
	kept := e.add(now, r, why, f)
	if kept == nil {
		return
	}
	if do == probes.Held {
		e.mergeable(kept)
	}
	if kept.left > 0 {
		e.aside++
	}
	if kept.due > 0 {
		heap.Push(&e.due, kept)
	}
	e.tell(e.event(now, do, kept, why))
}

// add puts a frame among those that wait, and returns it as it is kept; nil if
// there is no room: then it is refused.
func (e *engine) add(now probes.Mono, r *rule, why string, f *frame) *frame {
	var full string
	switch {
	case len(e.waiting) >= maxWaiting:
		full = fmt.Sprintf("%d frames wait at the gate already", maxWaiting)
	case e.bytes+len(f.data) > maxWaitingBytes:
		full = fmt.Sprintf("frames of %d MiB wait at the gate already", maxWaitingBytes>>20)
	}
	if full != "" {
		e.refuse(now, f, full)
		return nil
	}
	kept := f.own()
	kept.rule, kept.why = r, why
	if kept.deed == "" {
		kept.kept = now
	}
	e.waiting = append(e.waiting, kept)
	e.bytes += len(kept.data)
	e.news = true
	return kept
}

// own returns a copy of f whose bytes are its own.
func (f *frame) own() *frame {
	kept := *f
	if !f.owned {
		kept.data, kept.owned = bytes.Clone(f.data), true
	}
	return &kept
}

// mergeable has repetitions of a segment merged with it while it waits. What
// takes no sequence number is never sent again.
func (e *engine) mergeable(f *frame) {
	if f.header.kind == kindTCP && space(&f.header.Segment) > 0 {
		e.repeats[f.repetition()] = f
	}
}

// remove takes a frame out of those that wait, and reports whether it was one.
func (e *engine) remove(f *frame) bool {
	i := slices.Index(e.waiting, f)
	if i < 0 {
		return false
	}
	e.waiting = slices.Delete(e.waiting, i, i+1)
	e.bytes -= len(f.data)
	e.news = true
	if key := f.repetition(); e.repeats[key] == f {
		delete(e.repeats, key)
	}
	if i := slices.Index(e.looking, f); i >= 0 {
		e.looking = slices.Delete(e.looking, i, i+1)
	}
	if f.left > 0 {
		e.aside--
	}
	if f.due > 0 {
		heap.Remove(&e.due, f.index)
	}
	f.left, f.due = 0, 0
	return true
}

// look makes a frame wait for the observers.
func (e *engine) look(now probes.Mono, f *frame, then stage) {
	if kept := e.add(now, nil, probes.ByLockstep, f); kept != nil {
		kept.then = then
		e.looking = append(e.looking, kept)
		e.mergeable(kept)
	}
}

// step lets the frame go on that has waited longest for the observers.
func (e *engine) step(now probes.Mono) {
	if len(e.looking) == 0 {
		return
	}
	f := e.looking[0]
	e.remove(f)
	switch f.then {
	case thenJudge:
		f.copies = 0
		e.judge(now, f)
	case thenGo:
		e.leave(now, f)
	}
}

// goOn sends a frame on that has waited; in lockstep when the observers have
// looked. Where everything is let on by hand, so is what a rule has let go.
func (e *engine) goOn(now probes.Mono, f *frame) {
	if e.all && f.header.kind == kindTCP && f.freed != probes.ByHand && f.deed != probes.Injected {
		f.freed, f.deed = "", ""
		e.keep(now, probes.Held, nil, probes.ByHand, f)
		return
	}
	if e.lockstep && f.header.kind == kindTCP {
		e.look(now, f, thenGo)
		return
	}
	e.leave(now, f)
}

// leave sends a frame on that has waited, and tells so if something has let it
// go.
func (e *engine) leave(now probes.Mono, f *frame) {
	if f.deed != "" {
		ev := e.event(now, f.deed, f, f.freed)
		if f.deed == probes.Released {
			ev.Gate.Copies, ev.Gate.Waited = f.copies, now-f.kept
		}
		e.tell(ev)
	}
	if f.again > 0 {
		ev := e.event(now, probes.Duplicated, f, f.freed)
		ev.Gate.Copies = f.again
		e.tell(ev)
	}
	e.copies(now, f, 1+f.again)
}

// release lets a frame go on that waits, as why says. It does nothing where
// another that went on has taken it along.
func (e *engine) release(now probes.Mono, f *frame, why string) {
	if !e.remove(f) {
		return
	}
	f.freed, f.deed = why, probes.Released
	e.goOn(now, f)
}

// discard drops a frame that waits, as why says.
func (e *engine) discard(now probes.Mono, f *frame, why string) {
	e.remove(f)
	ev := e.event(now, probes.Dropped, f, why)
	ev.Gate.Copies, ev.Gate.Waited = f.copies, now-f.kept
	e.tell(ev)
}

// keptBy returns what a rule keeps, in the order of its coming.
func (e *engine) keptBy(r *rule) []*frame {
	var list []*frame
	for _, f := range e.waiting {
		if f.rule == r {
			list = append(list, f)
		}
	}
	return list
}

// releaseAll lets go on what a rule keeps.
func (e *engine) releaseAll(now probes.Mono, r *rule) int {
	list := e.keptBy(r)
	for _, f := range list {
		e.release(now, f, r.name)
	}
	return len(list)
}
