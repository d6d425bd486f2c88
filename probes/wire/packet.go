package wire

import (
	"net/netip"

	"netlab/probes"
)

// A Packet is a TCP segment in a frame of a capture.
type Packet struct {
	Src, Dst netip.AddrPort
	Segment  probes.Segment // all fields that the frame alone determines, but BadSum
	Payload  []byte         // what was captured of it: Segment.Len bytes, or fewer; a part of the frame
}

// Decode reads an Ethernet frame of size bytes on the wire, of which frame was
// captured. ok is false if it is no TCP segment that a receiver would take.
func Decode(frame []byte, size int) (p Packet, ok bool) {
	var d datagram
	var q packet
	if !d.unsummed(frame, size, &q) {
		return Packet{}, false
	}
	payload := d.body[d.dataOffset():]
	q.seg.Text = firstLine(payload)
	return Packet{Src: q.src, Dst: q.dst, Segment: q.seg, Payload: payload[:min(len(payload), q.seg.Len)]}, true
}

// unsummed decodes a segment without looking at its checksums.
func (d *datagram) unsummed(frame []byte, size int, p *packet) bool {
	size = max(size, len(frame))
	kind, b := network(frame)
	size -= len(frame) - len(b)
	d.head = 0
	var o outcome
	switch kind {
	case etherIPv4:
		o = d.ipv4(b, size)
	case etherIPv6:
		o = d.ipv6(b, size)
	}
	if o != tcpSegment || d.tcp(true, p) != tcpSegment {
		return false
	}
	d.head += len(frame) - len(b)
	p.seg.BadSum = false
	return true
}

// A Parsed says where in a frame a TCP segment is, and what its header says.
type Parsed struct {
	Flow    probes.Flow    // the sender's
	Segment probes.Segment // all fields that the frame alone determines, but BadSum and Text
	Header  int            // offset of the TCP header in the frame
	Payload int            // offset of its payload, of which there are Segment.Len bytes
}

// Parse reads a whole Ethernet frame into p. It reports false, and p is of no
// meaning, if the frame is no TCP segment that a receiver would take; checksums
// are not looked at. It allocates nothing.
func Parse(frame []byte, p *Parsed) bool {
	var d datagram
	var q packet
	if !d.unsummed(frame, len(frame), &q) {
		return false
	}
	p.Flow = probes.Flow{Local: q.src, Remote: q.dst}
	p.Segment = q.seg
	p.Segment.Dir = probes.Out
	p.Header = d.head
	p.Payload = d.head + d.dataOffset()
	return true
}

// Text is the Segment's Text of a frame that p was parsed from.
func (p *Parsed) Text(frame []byte) string {
	return firstLine(frame[p.Payload:][:p.Segment.Len])
}
