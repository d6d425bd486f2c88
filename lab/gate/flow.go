package gate

import "netlab/probes"

// maxFlows bounds what is remembered of connections; the oldest is forgotten.
const maxFlows = 4096

// A flow is what the gate knows of one direction of a connection.
type flow struct {
	key   probes.Flow // the sender's
	end   int         // that it last came from
	peer  *flow       // the other direction
	link  [addressesLen + 8 + 2]byte
	linkN int // of link, that are the last frame's header; 0 before the first

	isn   uint32
	known bool // the SYN was seen, with isn
	old   bool // something but SYNs was seen
	next  uint32
	sent  bool // something was seen: next follows it
	// What passed in order ends before got.
	got    uint32
	passed bool // got is of meaning
}

// reset forgets the connection, but not where it is.
func (f *flow) reset() {
	*f = flow{key: f.key, end: f.end, peer: f.peer, link: f.link, linkN: f.linkN}
}

// flows are both directions of the connections that were seen last.
type flows struct {
	all   map[probes.Flow]*flow
	order []*flow // one direction of each, by age; a ring when it is full
	first int     // the oldest, then
	last  *flow   // that was looked up: mostly it is the next, too
}

func newFlows() flows { return flows{all: map[probes.Flow]*flow{}} }

// find returns the flow with that key; nil if there is none.
func (t *flows) find(key probes.Flow) *flow {
	if t.last != nil && t.last.key == key {
		return t.last
	}
	f := t.all[key]
	if f != nil {
		t.last = f
	}
	return f
}

// get returns the flow with that key, a new one if there is none.
func (t *flows) get(key probes.Flow) *flow {
	if f := t.find(key); f != nil {
		return f
	}
	f := &flow{key: key}
	f.peer = f
	if back := key.Reverse(); back != key {
		f.peer = &flow{key: back, peer: f}
	}
	if len(t.order) < maxFlows {
		t.order = append(t.order, f)
	} else {
		gone := t.order[t.first]
		delete(t.all, gone.key)
		delete(t.all, gone.peer.key)
		t.last = nil
		t.order[t.first] = f
		t.first = (t.first + 1) % maxFlows
	}
	t.all[f.key], t.all[f.peer.key] = f, f.peer
	return f
}

// space is how much of the sequence space a segment takes (SEG.LEN of RFC 9293
// section 3.3.1).
func space(s *probes.Segment) uint32 {
	n := uint32(s.Len)
	if s.Flags.Has(probes.SYN) {
		n++
	}
	if s.Flags.Has(probes.FIN) {
		n++
	}
	return n
}

// came looks at a segment that an end sent.
func (f *flow) came(end int, s *probes.Segment, link []byte) {
	f.end = end
	if len(link) <= len(f.link) { // else it has more tags than anybody needs
		f.linkN = copy(f.link[:], link)
	}
	switch {
	case !s.Flags.Has(probes.SYN):
		f.old = true
	case !f.known || f.isn != s.Seq: // another connection
		// What is known of the other direction is of the connection before,
		// unless that has opened this one, too.
		if !s.Flags.Has(probes.ACK) && (f.old || f.peer.old) {
			f.peer.reset()
		}
		f.reset()
		f.isn, f.known = s.Seq, true
	}
	if after := s.Seq + space(s); !f.sent || int32(after-f.next) > 0 {
		f.next, f.sent = after, true
	}
}

// went looks at a segment that goes on to the other end.
func (f *flow) went(s *probes.Segment) {
	after := s.Seq + space(s)
	if !f.passed || s.Flags.Has(probes.SYN) || int32(s.Seq-f.got) <= 0 && int32(after-f.got) > 0 {
		f.got, f.passed = after, true
	}
}
