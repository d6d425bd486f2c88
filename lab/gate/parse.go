package gate

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"netlab/probes"
	"netlab/probes/wire"
)

// A kind is what a frame carries, as a set with one member.
type kind uint8

// The kinds of frame.
const (
	kindTCP   kind = 1 << iota // a whole segment, not a fragment
	kindUDP                    // a datagram, or a fragment of one
	kindICMP                   // of either version, but neighbour discovery
	kindARP                    // RFC 826
	kindND                     // neighbour discovery, RFC 4861
	kindOther                  // whatever else, TCP that no receiver would take included
)

// Numbers of protocols (IANA).
const (
	etherIPv4  = 0x0800
	etherARP   = 0x0806
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100 // IEEE 802.1Q
	etherQinQ  = 0x88a8 // IEEE 802.1ad
	protoHop   = 0
	protoICMP  = 1
	protoTCP   = 6
	protoUDP   = 17
	protoRoute = 43
	protoFrag  = 44
	protoICMP6 = 58
	protoDest  = 60
)

// addressesLen is the length of the two addresses that an Ethernet frame
// begins with: destination, source.
const addressesLen = 12

// A header is what the gate knows of a frame from its headers.
type header struct {
	kind     kind
	ether    uint16
	fragment bool // of UDP or ICMP: ports and payload cannot be told
	icmp     uint8
	link     int // length of the link-layer header, with its tags

	// Of kindTCP and kindUDP. For UDP only Flow, Header, Payload and
	// Segment.Len are set.
	wire.Parsed
}

// parse reads the headers of a frame.
func (h *header) parse(frame []byte) {
	h.kind, h.fragment, h.icmp, h.Flow = kindOther, false, 0, probes.Flow{}
	h.ether, h.link = etherType(frame)
	if wire.Parse(frame, &h.Parsed) {
		h.kind = kindTCP
		return
	}
	h.Parsed = wire.Parsed{}
	switch h.ether {
	case etherARP:
		h.kind = kindARP
	case etherIPv4:
		h.ipv4(frame)
	case etherIPv6:
		h.ipv6(frame)
	}
}

// etherType returns the EtherType behind VLAN tags and the length of the
// header up to it; 0 of a frame that is too short for one.
func etherType(frame []byte) (ether uint16, n int) {
	for n = addressesLen; len(frame) >= n+2; n += 4 {
		ether = binary.BigEndian.Uint16(frame[n:])
		if ether != etherVLAN && ether != etherQinQ {
			return ether, n + 2
		}
	}
	return 0, len(frame)
}

// ipv4 reads the header of RFC 791 section 3.1.
func (h *header) ipv4(frame []byte) {
	b := frame[h.link:]
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || total < head || total > len(b) {
		return
	}
	h.fragment = binary.BigEndian.Uint16(b[6:])&0x3fff != 0 // more fragments, or an offset
	src, dst := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	h.datagram(frame[:h.link+total], h.link+head, b[9], src, dst)
}

// ipv6 reads the header of RFC 8200 section 3 and skips extension headers.
func (h *header) ipv6(frame []byte) {
	b := frame[h.link:]
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total > len(b) {
		return
	}
	b = b[:total]
	proto, at := b[6], 40
	for proto == protoHop || proto == protoDest || proto == protoRoute || proto == protoFrag {
		if len(b) < at+8 {
			return
		}
		n := 8 + int(b[at+1])*8
		if proto == protoFrag {
			n = 8
			h.fragment = h.fragment || binary.BigEndian.Uint16(b[at+2:])&0xfff9 != 0 // an offset, or more fragments
		}
		proto, at = b[at], at+n
		if h.fragment {
			break // what follows may be no header
		}
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:])).Unmap(), netip.AddrFrom16([16]byte(b[24:])).Unmap()
	h.datagram(frame[:h.link+total], h.link+at, proto, src, dst)
}

// datagram tells the kind of an IP packet whose payload begins at.
func (h *header) datagram(frame []byte, at int, proto uint8, src, dst netip.Addr) {
	if h.fragment {
		switch proto {
		case protoUDP:
			h.kind = kindUDP
		case protoICMP, protoICMP6:
			h.kind = kindICMP
		}
		return
	}
	if len(frame) < at+8 {
		return // too short for a header of UDP or ICMP
	}
	b := frame[at:]
	switch proto {
	case protoUDP: // RFC 768
		n := int(binary.BigEndian.Uint16(b[4:]))
		if n < 8 || n > len(b) {
			return
		}
		h.kind, h.Header, h.Payload = kindUDP, at, at+8
		h.Segment.Len = n - 8
		h.Flow = probes.Flow{
			Local:  netip.AddrPortFrom(src, binary.BigEndian.Uint16(b)),
			Remote: netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:])),
		}
	case protoICMP, protoICMP6:
		h.kind, h.icmp, h.Header, h.Payload = kindICMP, b[0], at, at+8
		h.Segment.Len = len(frame) - h.Payload
		const firstND, lastND = 133, 137 // router solicitation to redirect, RFC 4861 section 4
		if proto == protoICMP6 && b[0] >= firstND && b[0] <= lastND {
			h.kind = kindND
		}
	}
}

// payload returns the payload of TCP or UDP, or what follows the header of
// ICMP; nil of whatever else.
func (h *header) payload(frame []byte) []byte {
	if h.Payload == 0 {
		return nil
	}
	return frame[h.Payload:][:h.Segment.Len]
}

// what names a frame that is no TCP segment.
func (h *header) what() string {
	name := map[kind]string{kindARP: "ARP", kindND: "ND", kindUDP: "UDP", kindICMP: "ICMP"}[h.kind]
	switch {
	case h.fragment && name != "":
		return "fragment of " + name
	case h.fragment:
		return "fragment of IP"
	case h.kind == kindUDP:
		return fmt.Sprintf("UDP len=%d", h.Segment.Len)
	case h.kind == kindICMP:
		return fmt.Sprintf("ICMP type %d", h.icmp)
	case name != "":
		return name
	}
	return fmt.Sprintf("frame of type %#04x", h.ether)
}
