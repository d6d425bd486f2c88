package content

import (
	"slices"

	"netlab/probes"
	"netlab/probes/wire"
)

// A stream is what one side of a connection sent, put together from segments.
// Offsets in it count from 0.
type stream struct {
	desk  *desk
	place place
	tap   int // the interface that it is read from

	begun   bool
	synced  bool   // its SYN was seen: it is read from its first byte
	refused bool   // all that was sent is the refusal of a SYN: there is no stream
	base    uint32 // sequence number of offset 0
	next    int64  // offset of what comes next
	end     int64  // offset behind the last byte that is known to have been sent
	fin     bool   // end is behind FIN's predecessor: FIN takes one more number
	arrive  int64  // offset up to which the receiver acknowledged
	holes   bool
	over    bool
	last    moment  // of its last segment
	held    []piece // out of order, by offset
	bytes   int     // in held

	finder *finder
	tls    *tlsReader
}

// A piece is payload that waits for what comes before it.
type piece struct {
	offset int64
	size   int // on the wire; what is missing of it at its end is a hole
	data   []byte
	at     moment
}

func newStream(d *desk, at place, tap int) *stream {
	s := &stream{desk: d, place: at, tap: tap}
	s.finder = newFinder(d.texts, &d.scratch)
	s.tls = &tlsReader{emit: func(t probes.TLS, at moment) {
		t.Capture = at.frame
		d.event(s, at, probes.Event{Kind: probes.KindTLS, TLS: &t})
	}}
	return s
}

// isOver reports whether a segment is the first of another connection.
func (s *stream) isOver(p *wire.Packet) bool {
	return (s.begun || s.refused) && p.Segment.Flags.Has(probes.SYN) && (!s.synced || p.Segment.Seq+1 != s.base)
}

// farthest is how far ahead a segment may be: a window (RFC 7323) and some
// more. What claims to be farther is not of this stream.
const farthest = 1 << 30

// segment takes a segment as its sender sent it.
func (s *stream) segment(p *wire.Packet, at moment) {
	seq := p.Segment.Seq
	s.last = at
	if p.Segment.Flags.Has(probes.RST) {
		// Who has no connection answers a SYN with number 0 (RFC 9293
		// section 3.10.7.1). What a RST bears, if anything, is no data.
		s.refused = !s.begun && seq == 0 && p.Segment.Flags.Has(probes.ACK)
		return
	}
	s.refused = false
	if p.Segment.Flags.Has(probes.SYN) {
		seq++
		s.synced = true
	}
	if !s.begun {
		s.begun, s.base = true, seq
	}
	offset := s.offset(seq)
	if offset > s.next+farthest {
		s.holes = true
		return
	}
	if s.fin && p.Segment.Len == 0 {
		return // its number counts the FIN, which would look like a gap
	}
	s.end = max(s.end, offset+int64(p.Segment.Len))
	s.fin = s.fin || p.Segment.Flags.Has(probes.FIN)
	s.take(piece{offset: offset, size: p.Segment.Len, data: p.Payload, at: at})
}

// offset converts a sequence number near the next one.
func (s *stream) offset(seq uint32) int64 {
	return s.next + int64(int32(seq-s.base-uint32(s.next)))
}

// acked notes that the receiver has everything before a sequence number.
func (s *stream) acked(ack uint32) {
	if s.begun {
		s.arrive = max(s.arrive, s.offset(ack))
	}
}

// take delivers a piece, or holds it until what is missing before it comes.
func (s *stream) take(p piece) {
	if p.offset+int64(p.size) <= s.next {
		return // sent again, or nothing
	}
	if p.offset > s.next {
		s.hold(p)
		return
	}
	s.deliver(p)
	s.release()
}

// release delivers what was held and is next now.
func (s *stream) release() {
	for len(s.held) > 0 && s.held[0].offset <= s.next {
		p := s.held[0]
		s.held = s.held[1:]
		s.forget(p)
		if p.offset+int64(p.size) > s.next {
			s.deliver(p)
		}
	}
}

func (s *stream) forget(p piece) {
	s.bytes -= len(p.data)
	s.desk.held -= len(p.data)
}

// hold keeps a copy of a piece. Where too much would be kept, what is missing
// is given up: a hole.
func (s *stream) hold(p piece) {
	i, found := slices.BinarySearchFunc(s.held, p.offset, func(q piece, offset int64) int { return int(q.offset - offset) })
	if found && s.held[i].size >= p.size {
		return // again
	}
	p.data = slices.Clone(p.data)
	s.held = slices.Insert(s.held, i, p)
	s.bytes += len(p.data)
	s.desk.held += len(p.data)
	for len(s.held) > 0 && (len(s.held) > maxPieces || s.bytes > maxHeld || s.desk.held > maxHeldTotal) {
		s.skip()
	}
}

// skip gives up what is missing before the first held piece.
func (s *stream) skip() {
	s.gap(s.held[0].offset)
	s.release()
}

// gap leaves out what lies before an offset.
func (s *stream) gap(to int64) {
	s.holes = true
	s.next = to
	s.finder.gap()
	s.tls.gap()
}

// deliver hands the part of a piece that is new to the readers.
func (s *stream) deliver(p piece) {
	data := p.data
	if skip := s.next - p.offset; skip < int64(len(data)) {
		data = data[skip:]
		s.finder.add(s.next, data, p.at)
		s.tls.add(data, p.at)
		s.next += int64(len(data))
	}
	if to := p.offset + int64(p.size); to > s.next { // the capture holds only a part
		s.gap(to)
	}
}

// finish delivers what is left, and tells what was found.
func (s *stream) finish() {
	if s.over {
		return
	}
	s.over = true
	for len(s.held) > 0 {
		s.skip()
	}
	unread := s.tls.finish()
	sent := s.next
	if s.fin {
		sent++
	}
	s.holes = s.holes || !s.synced && !s.refused || s.end > s.next || s.arrive > sent
	s.desk.event(s, s.last, probes.Event{Kind: probes.KindFound, Found: &probes.Found{Holes: s.holes || unread}})
	for i, text := range s.desk.texts {
		h := &s.finder.hits[i]
		at := s.last
		if h.count > 0 {
			at = h.at
		}
		s.desk.event(s, at, probes.Event{Kind: probes.KindFound, Found: &probes.Found{
			Text: string(text), Count: h.count, Offset: h.offset, Capture: h.frames, Holes: s.holes,
		}})
	}
	s.finder, s.tls, s.held = nil, nil, nil
}
