package timelinetest

import (
	"net/netip"
	"time"

	"netlab/probes"
)

// A Packet is a segment that was sent and may or may not arrive.
type Packet struct {
	probes.Segment
	from, to *End
	grows    int // by which a helper at the router changes its length

	frame  uint64 // the gate's number of it; 0 if no gate did anything to it
	rule   string
	since  probes.Mono // when the gate came to hold it
	merged int         // repetitions that came while it was held
}

// Emit sends a segment with the next sequence number, ACK and all, and
// records it at the sender's tap. A SYN has no ACK bit unless asked for, and
// Emit acknowledges all that has been delivered.
func (e *End) Emit(flags probes.Flags, text string, length int) *Packet {
	seg := probes.Segment{Seq: e.Seq, Flags: flags, Len: length, Window: 502, Text: text}
	if flags.Has(probes.ACK) {
		seg.Ack = e.Ack
	}
	if flags.Has(probes.SYN) {
		seg.MSS, seg.WScale, seg.Window = 1460, 8, 64240
	}
	e.Seq += uint32(length)
	if flags&(probes.SYN|probes.FIN) != 0 {
		e.Seq++
	}
	return e.Inject(seg)
}

// Inject sends a segment as given, save for identification and timestamps,
// and records it at the sender's tap. The end's numbers stay as they are.
func (e *End) Inject(seg probes.Segment) *Packet {
	e.ipid++
	if !e.Flow.Local.Addr().Is6() {
		seg.IPID = e.ipid
	}
	seg.TSVal, seg.TSEcr = uint32(e.script.now/1e6), e.recent
	p := &Packet{Segment: seg, from: e, to: e.peer}
	p.transmit()
	return p
}

// Again sends the packet once more: a retransmission, with its own
// identification and timestamp.
func (p *Packet) Again() *Packet { return p.from.Inject(p.Segment) }

func (p *Packet) transmit() {
	s := p.from.script
	s.Wait(2 * time.Microsecond)
	p.tap(p.from.Node, p.link(p.from), probes.Out, p.from.Flow)
}

// Deliver lets the packet arrive: every tap on the way records it, and the
// receiver acknowledges it from now on.
func (p *Packet) Deliver() {
	p.Arrive()
	far := p.far()
	end := far.Seq - p.Seq + uint32(p.grows) + p.end()
	if p.Flags.Has(probes.SYN) || int32(end-p.to.Ack) > 0 {
		p.to.Ack, p.to.recent = end, p.TSVal
	}
}

// Grow lets a helper at the router make the payload n bytes longer, as one
// does that writes another address into it.
func (p *Packet) Grow(n int) *Packet {
	p.grows = n
	p.from.shifts = append(p.from.shifts, growth{at: p.Seq, n: n})
	return p
}

// Arrive lets a copy of the packet arrive without any effect on the receiver.
// In lockstep the observers look before.
func (p *Packet) Arrive() {
	s := p.from.script
	if s.opts.Observe != "" {
		s.Look()
	}
	if s.opts.Path != Direct {
		s.Wait(time.Microsecond)
		p.tap(s.middle(), p.link(p.from), probes.In, p.from.Flow)
		s.Wait(time.Microsecond)
		p.tapFar(s.middle(), p.link(p.to), probes.Out, p.to.Flow.Reverse())
	}
	s.Wait(time.Microsecond)
	p.tapFar(p.to.Node, p.link(p.to), probes.In, p.to.Flow)
	s.Wait(2 * time.Microsecond)
}

// Stop lets the packet come as far as the router.
func (p *Packet) Stop() {
	s := p.from.script
	s.Wait(time.Microsecond)
	p.tap(s.middle(), p.link(p.from), probes.In, p.from.Flow)
	s.Wait(2 * time.Microsecond)
}

// Reject lets the packet come as far as the router, which answers with a RST
// in the name of the receiver.
func (p *Packet) Reject() {
	p.Stop()
	s := p.from.script
	rst := &Packet{from: p.to, to: p.from, Segment: probes.Segment{Flags: rstAck, Ack: p.end()}}
	rst.tap(s.middle(), p.link(p.from), probes.Out, p.from.Flow.Reverse())
	s.Wait(time.Microsecond)
	rst.tap(p.from.Node, p.link(p.from), probes.In, p.from.Flow)
	s.Wait(2 * time.Microsecond)
}

// end returns the first sequence number after the packet.
func (p *Packet) end() uint32 {
	end := p.Seq + uint32(p.Len)
	if p.Flags&(probes.SYN|probes.FIN) != 0 {
		end++
	}
	return end
}

// A growth is a change of length from the sequence number on.
type growth struct {
	at uint32
	n  int
}

// far returns the packet as it is beyond the router.
func (p *Packet) far() probes.Segment {
	seg := p.Segment
	for _, g := range p.from.shifts {
		if int32(p.Seq-g.at) > 0 {
			seg.Seq += uint32(g.n)
		}
	}
	seg.Len += p.grows
	grown := uint32(0)
	for _, g := range p.to.shifts { // of what it acknowledges
		if int32(p.Ack-grown-g.at) > 0 {
			grown += uint32(g.n)
		}
	}
	if seg.Ack != 0 {
		seg.Ack -= grown
	}
	return seg
}

func (p *Packet) link(e *End) string {
	switch {
	case e.script.opts.Path == Direct:
		return "wire"
	case e.Node == Client:
		return "left"
	}
	return "right"
}

// tap records the packet at one tap. On a switch or router the flow is the
// sender's.
func (p *Packet) tap(node, link string, dir probes.Direction, flow probes.Flow) {
	p.record(p.Segment, node, link, dir, flow)
}

// tapFar records the packet at a tap beyond the router.
func (p *Packet) tapFar(node, link string, dir probes.Direction, flow probes.Flow) {
	p.record(p.far(), node, link, dir, flow)
}

func (p *Packet) record(seg probes.Segment, node, link string, dir probes.Direction, flow probes.Flow) {
	s := p.from.script
	s.capture++
	seg.Link, seg.Dir, seg.Capture = link, dir, s.capture
	seg.BadSum = seg.BadSum && node == p.to.Node // a gate changed it on the way
	s.record(probes.Event{Source: probes.Wire, Kind: probes.KindSegment, Grade: probes.Recorded, Node: node, Flow: flow, Segment: &seg})
}

func portless(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), 0) }
