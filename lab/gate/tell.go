package gate

import (
	"netlab/probes"
)

// event makes the event of a deed to a frame.
func (e *engine) event(now probes.Mono, do probes.Deed, f *frame, why string) probes.Event {
	ev := e.plain(now, do, f.end)
	ev.Gate.Frame, ev.Gate.Rule = f.id, why
	e.describe(&ev, f)
	return ev
}

// plain makes an event that is about no frame, or what all have in common.
func (e *engine) plain(now probes.Mono, do probes.Deed, end int) probes.Event {
	return probes.Event{
		Time: now, Source: probes.Gate, Kind: probes.KindGate, Grade: probes.Recorded,
		Node: e.ends[end], Gate: &probes.Act{Do: do, Link: e.link, To: e.ends[1-end]},
	}
}

// describe says what a frame is.
func (e *engine) describe(ev *probes.Event, f *frame) {
	ev.Flow = f.header.Flow
	ev.Segment = e.segment(f)
	if ev.Segment == nil {
		ev.Gate.What = f.header.what()
	}
}

// segment returns a frame's segment; nil of frames that have none.
func (e *engine) segment(f *frame) *probes.Segment {
	if f.header.kind != kindTCP {
		return nil
	}
	s := f.header.Segment
	s.Link = e.link
	s.Text = f.header.Text(f.data)
	return &s
}

func (e *engine) tell(ev probes.Event) { e.events = append(e.events, ev) }

// refuse tells that a frame cannot go on.
func (e *engine) refuse(now probes.Mono, f *frame, why string) {
	ev := e.event(now, probes.Refused, f, "")
	ev.Gate.What = why
	e.tell(ev)
}

// refuseArrival tells that a frame that came cannot go on, and knows of it
// only a part.
func (e *engine) refuseArrival(now probes.Mono, end int, part []byte, why string) {
	e.came[end]++
	e.next++
	f := frame{id: e.next, end: end, data: part}
	f.header.parse(part)
	e.refuse(now, &f, why)
}

// sent counts the n-th frame of out.
func (e *engine) sent(n int) {
	s := &e.out[n]
	e.passed[s.end]++
	e.octets[s.end] += uint64(len(s.data))
}

// unsent tells that the n-th frame of out could not be sent.
func (e *engine) unsent(now probes.Mono, n int, why string) {
	s := &e.out[n]
	f := frame{id: s.id, end: s.end, data: s.data}
	f.header.parse(s.data)
	e.refuse(now, &f, why)
}

// total tells, at the end, how often rules matched and how much passed.
func (e *engine) total(now probes.Mono) {
	e.tally(now)
	for end := range e.ends {
		ev := e.plain(now, probes.Passed, end)
		ev.Gate.Frames, ev.Gate.Bytes = e.passed[end], e.octets[end]
		e.tell(ev)
	}
}

// tally tells how often rules have matched by now.
func (e *engine) tally(now probes.Mono) {
	for _, r := range e.rules {
		end := max(r.match.from, 0)
		ev := e.plain(now, probes.Matched, end)
		if r.match.from == anyEnd {
			ev.Node, ev.Gate.To = "", ""
		}
		ev.Gate.Rule, ev.Gate.Times, ev.Gate.What = r.name, r.matched, r.why()
		e.tell(ev)
	}
}

// tellFirst tells that a rule that only watches has matched for the first time:
// those that act tell by what they do.
func (e *engine) tellFirst(now probes.Mono, f *frame, r *rule) {
	ev := e.plain(now, probes.Matched, f.end)
	ev.Gate.Frame, ev.Gate.Rule, ev.Gate.Times = f.id, r.name, 1
	e.tell(ev)
}

// view is a frame that waits, as others see it.
func (e *engine) view(f *frame) Frame {
	return Frame{
		ID: f.id, Link: e.link, From: e.ends[f.end], To: e.ends[1-f.end], Rule: f.why, Copies: f.copies,
		Since: f.since, Flow: f.header.Flow, Segment: e.segment(f), What: f.words(), Seq: f.seq, Ack: f.ack,
	}
}
