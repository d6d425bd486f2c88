package timeline

import (
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// A tuple is all that ever had the same two addresses and ports.
type tuple struct {
	incarnations []*incarnation // in the order of their beginning
}

// newest returns the last incarnation, nil if there is none.
func (t *tuple) newest() *incarnation {
	if len(t.incarnations) == 0 {
		return nil
	}
	return t.incarnations[len(t.incarnations)-1]
}

// An incarnation is a Connection in the making.
type incarnation struct {
	conn  *Connection
	lanes [2]*lane // opener, acceptor
	start probes.Mono
	syn   bool // its first SYN was seen
	made  bool // by a gate: who seems to have opened it did not
	reset bool
}

// A lane is an Endpoint in the making.
type lane struct {
	*Endpoint
	inc    *incarnation
	flow   int  // ordinal
	known  bool // iss is known
	opens  bool // it sent a SYN of its own
	iss    uint32
	edge   uint32 // the first number that it never sent
	answer bool   // it sent a SYN with ACK
	inputs []rfc9293.Input
	heard  []rfc9293.Input // those that the model was told of
	events []*probes.Event // of its socket, in the order of time
	socket *socket         // the full socket; nil if none is known

	passive bool          // it did not send a SYN of its own
	unseen  bool          // it acknowledged what no tap saw arrive
	unclear bool          // what arrived may not have come to it
	tapped  bool          // its own tap saw something
	taken   []step        // by the model
	told    []Visit       // the kernel's path, without the end of a full socket that is none of the endpoint's
	died    *probes.Event // the full socket went to CLOSED
	mini    bool          // the kernel's events told of a mini-socket that followed it
}

// A step is an edge that the model took. There are many: it is what is needed
// of an [rfc9293.Transition], and no more.
type step struct {
	From, To probes.State
	Event    rfc9293.Event
	Cause    uint64      // Seq of the event that drove it
	Time     probes.Mono // of that event
}

// space returns the first sequence number after the segment's.
func space(s *probes.Segment) uint32 {
	end := s.Seq + uint32(s.Len)
	if s.Flags.Has(probes.SYN) {
		end++
	}
	if s.Flags.Has(probes.FIN) {
		end++
	}
	return end
}

func before(a, b uint32) bool { return int32(a-b) < 0 }

// reach bounds how far a segment of a connection may lie beyond what was sent
// before: 64 MiB, more than any window here.
const reach = 64 << 20

// placeSegments gives each segment to a connection, and marks what was sent
// before.
func (b *builder) placeSegments() {
	for _, f := range b.frames {
		inc := b.incarnationOf(f)
		if inc == nil {
			continue
		}
		from, to := inc.lanes[0], inc.lanes[1]
		if from.flow != f.flow {
			from, to = to, from
		}
		f.Connection, f.Opener = inc.conn, from == inc.lanes[0]
		inc.conn.Segments = append(inc.conn.Segments, f.Segment)
		if !f.Injected { // else from did nothing
			inc.reset = inc.reset || f.Flags.Has(probes.RST)
			from.sent(f.Segment)
			if !f.Flags.Has(probes.RST) || !b.forwarders[f.From] {
				from.named(f.From)
			}
			b.feed(from, f.Taps[0], probes.Out)
		}
		to.named(f.To)
		if !f.Corrupted { // else TCP never saw it
			b.feed(to, f.Taps[len(f.Taps)-1], probes.In)
		}
	}
}

// named notes the node of the lane.
func (l *lane) named(node string) {
	if l.Node == "" {
		l.Node = node
	}
}

// feed hands the model a segment as the lane's own tap saw it, if it did.
func (b *builder) feed(l *lane, tap Tap, dir probes.Direction) {
	if tap.Dir != dir || tap.Node != l.Node || l.Node == "" {
		return
	}
	in := rfc9293.Input{Kind: rfc9293.Sent, Time: tap.Time, Event: tap.Event, Segment: b.event(tap.Event).Segment}
	if dir == probes.In {
		in.Kind = rfc9293.Received
	}
	l.tapped = true
	l.inputs = append(l.inputs, in)
}

// sent notes the sequence space of a segment of the lane, and whether it had
// been sent before. A pure ACK with an old number is a keepalive or window
// probe. The SYN that a simultaneous open repeats with an ACK is no
// retransmission: RFC 9293, figure 7, draws it.
func (l *lane) sent(s *Segment) {
	if s.Flags.Has(probes.RST) {
		return
	}
	end := space(&s.Segment)
	answers, answered := s.Flags.Has(probes.SYN|probes.ACK), l.answer
	l.answer = answers || answered
	if !l.known {
		l.known, l.iss, l.edge = true, s.Seq, end
		return
	}
	// Only the sender's own tap shows the order of sending: where its record
	// is lost, what arrives late looks like what was sent again.
	own := s.Taps[0].Dir == probes.Out || s.Taps[0].Node != s.To
	s.Retransmission = own && before(s.Seq, l.edge) && (answered || !answers)
	if before(l.edge, end) {
		l.edge = end
	}
}

// incarnationOf finds the connection of a segment, or begins it. It returns
// nil for a stray: a RST where no connection is known.
func (b *builder) incarnationOf(f frame) *incarnation {
	key := f.flow &^ 1
	t := b.tuples[key]
	if t == nil {
		t = &tuple{}
		b.tuples[key] = t
	}
	newest := t.newest()
	if f.Injected {
		return b.incarnationOfInjected(t, newest, f)
	}
	if f.Flags.Has(probes.SYN) && !f.Flags.Has(probes.ACK) && !f.Flags.Has(probes.RST) {
		if newest != nil && newest.takesSYN(f) {
			newest.lane(f.flow).opens = true
			return newest
		}
		inc := b.begin(t, f.flow, f.Sent(), f.Segment)
		inc.syn, inc.lanes[0].opens = true, true
		return inc
	}
	for _, inc := range slices.Backward(t.incarnations) {
		if inc.fits(f) {
			return inc
		}
	}
	if newest != nil {
		return newest
	}
	if f.Flags.Has(probes.RST) {
		return nil
	}
	opener := f.flow // begun before the record; who opened it is a guess
	if f.Flags.Has(probes.SYN) || b.listens(b.flows.list[f.flow].Local) && !b.listens(b.flows.list[f.flow].Remote) {
		opener ^= 1
	}
	return b.begin(t, opener, f.Sent(), nil)
}

// incarnationOfInjected finds the connection of a segment that a gate made:
// the one that there is, whatever the numbers. A SYN begins one where there is
// none, or none any more, as an old SYN does that comes after a reset.
func (b *builder) incarnationOfInjected(t *tuple, newest *incarnation, f frame) *incarnation {
	opens := f.Flags.Has(probes.SYN) && f.Flags&(probes.ACK|probes.RST) == 0
	if newest != nil && !(opens && newest.reset) || !opens {
		return newest
	}
	inc := b.begin(t, f.flow, f.Sent(), f.Segment)
	inc.syn, inc.made = true, true
	return inc
}

// begin starts an incarnation of a tuple; syn is its first SYN, nil if that is
// not known.
func (b *builder) begin(t *tuple, opener int, at probes.Mono, syn *Segment) *incarnation {
	iss := uint32(0)
	if syn != nil {
		iss = syn.Seq
	}
	chain := b.chain(opener, iss, syn != nil, at)
	inc := &incarnation{start: at}
	for i := range inc.lanes {
		flow := opener ^ i
		own := b.flows.list[flow]
		if n := len(chain); i == 1 && n > 0 {
			own = b.flows.list[chain[n-1].after].Reverse()
		}
		inc.lanes[i] = &lane{inc: inc, flow: flow, Endpoint: &Endpoint{Flow: own, Node: b.nodeOf[own.Local.Addr()]}}
	}
	inc.conn = &Connection{Opener: inc.lanes[0].Endpoint, Acceptor: inc.lanes[1].Endpoint}
	for _, tr := range chain {
		inc.conn.Translations = append(inc.conn.Translations,
			Translation{Node: tr.node, Before: b.flows.list[tr.before], After: b.flows.list[tr.after]})
	}
	t.incarnations = append(t.incarnations, inc)
	b.all = append(b.all, inc)
	return inc
}

// lane returns the lane with the flow.
func (inc *incarnation) lane(flow int) *lane {
	if inc.lanes[1].flow == flow {
		return inc.lanes[1]
	}
	return inc.lanes[0]
}

// takesSYN reports whether a SYN belongs to the incarnation: it is sent again,
// or crosses that of the other side.
func (inc *incarnation) takesSYN(f frame) bool {
	own, peer := inc.lane(f.flow), inc.lane(f.flow^1)
	if own.known || inc.made && own == inc.lanes[0] {
		return own.known && own.iss == f.Seq
	}
	return inc.syn && peer.known && !inc.reset
}

// fits reports whether the numbers of a segment are those of the incarnation.
func (inc *incarnation) fits(f frame) bool {
	own, peer := inc.lane(f.flow), inc.lane(f.flow^1)
	if own.known && !(f.Flags.Has(probes.RST) && f.Flags.Has(probes.ACK) && f.Seq == 0) {
		return own.holds(f.Seq)
	}
	if f.Flags.Has(probes.ACK) && peer.known {
		return peer.holds(f.Ack)
	}
	return true
}

// holds reports whether a number lies in what the lane sent, or may send.
func (l *lane) holds(n uint32) bool { return !before(n+1, l.iss) && !before(l.edge+reach, n) }
