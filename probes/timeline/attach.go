package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
)

// attach gives connections what was read in their streams and what
// middleboxes tracked of them, in the order of time.
func (b *builder) attach() {
	var list []*probes.Event
	for i := range b.t.Events {
		switch e := &b.t.Events[i]; e.Kind {
		case probes.KindTLS, probes.KindFound, probes.KindTrack:
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortStableFunc(list, func(x, y *probes.Event) int { return cmp.Compare(x.Time, y.Time) })
	frames := make(map[uint64]*Segment, len(b.frames)) // by number in the capture file
	seen := make(map[spot]*Segment, len(b.frames))
	for _, f := range b.frames {
		for _, tap := range f.Taps {
			if tap.Capture != 0 {
				frames[tap.Capture] = f.Segment
			}
			seen[spot{tap.Node, tap.Time}] = f.Segment
		}
	}
	for _, e := range list {
		switch e.Kind {
		case probes.KindTLS:
			b.attachTLS(e, frames[e.TLS.Capture])
		case probes.KindFound:
			b.attachFound(e, frames, seen)
		case probes.KindTrack:
			if inc, l := b.sender(e, nil); inc != nil {
				inc.conn.Tracks = append(inc.conn.Tracks, Track{Event: e.Seq, Time: e.Time, Node: e.Node, Original: l.Endpoint, Track: e.Track})
			}
		}
	}
}

// attachTLS attaches a record. Those that were read a second time, beyond a
// translator, are left out.
func (b *builder) attachTLS(e *probes.Event, f *Segment) {
	inc, from := b.sender(e, f)
	if inc == nil || len(inc.conn.Translations) > 0 && e.Node != "" && e.Node != from.Node {
		return
	}
	inc.conn.TLS = append(inc.conn.TLS, TLS{Event: e.Seq, Time: e.Time, From: from.Endpoint, Segment: f, TLS: e.TLS})
}

// A spot is where and when a segment was seen.
type spot struct {
	node string
	at   probes.Mono
}

// attachFound attaches what the search of a stream came to. Where the text is
// not there the event bears the time of the stream's last segment, which tells
// connections apart whose ports are the same: one may end while the next
// begins.
func (b *builder) attachFound(e *probes.Event, frames map[uint64]*Segment, seen map[spot]*Segment) {
	f := Found{Event: e.Seq, Time: e.Time, Node: e.Node, Found: e.Found}
	for _, n := range e.Found.Capture {
		if s := frames[n]; s != nil {
			f.Segments = append(f.Segments, s)
		}
	}
	first := seen[spot{e.Node, e.Time}]
	if len(f.Segments) > 0 {
		first = f.Segments[0]
	}
	if inc, from := b.sender(e, first); inc != nil {
		f.From = from.Endpoint
		inc.conn.Found = append(inc.conn.Found, f)
	}
}

// sender finds the incarnation that an event speaks of, and the lane that is
// the Local side of its Flow: by the segment that it names, else by the flow
// and the time.
func (b *builder) sender(e *probes.Event, f *Segment) (*incarnation, *lane) {
	flow := b.canonical(b.flows.of(e.Flow), e.Time)
	t := b.tuples[flow&^1]
	if t == nil || len(t.incarnations) == 0 {
		return nil, nil
	}
	i := len(t.incarnations) - 1
	for i > 0 && t.incarnations[i].start > e.Time+slack {
		i--
	}
	inc := t.incarnations[i]
	if f != nil {
		for _, other := range t.incarnations {
			if other.conn == f.Connection {
				inc = other
			}
		}
	}
	return inc, inc.lane(flow)
}
