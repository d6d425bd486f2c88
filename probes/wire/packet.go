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
	size = max(size, len(frame))
	kind, b := network(frame)
	size -= len(frame) - len(b)
	var d datagram
	var o outcome
	switch kind {
	case etherIPv4:
		o = d.ipv4(b, size)
	case etherIPv6:
		o = d.ipv6(b, size)
	}
	var q packet
	if o != tcpSegment || d.tcp(true, &q) != tcpSegment {
		return Packet{}, false
	}
	head := int(d.body[12]>>4) * 4
	payload := d.body[head:]
	q.seg.BadSum = false
	return Packet{Src: q.src, Dst: q.dst, Segment: q.seg, Payload: payload[:min(len(payload), q.seg.Len)]}, true
}
