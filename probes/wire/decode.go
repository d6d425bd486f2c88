package wire

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"netlab/probes"
)

// An outcome says what decode made of a frame.
type outcome uint8

const (
	otherFrame  outcome = iota // not TCP
	tcpSegment                 // a segment; everything is filled in
	tcpFragment                // a fragment of an IP packet that carries TCP
	tcpCut                     // TCP, but the capture ends inside its header
	tcpBroken                  // says that it is TCP, but contradicts itself; a receiver would drop it
)

// EtherTypes and IP protocol numbers (IANA).
const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100 // IEEE 802.1Q
	etherQinQ  = 0x88a8 // IEEE 802.1ad
	protoHop   = 0
	protoTCP   = 6
	protoRoute = 43
	protoFrag  = 44
	protoAH    = 51
	protoDest  = 60
	protoMob   = 135
	protoHIP   = 139
	protoShim6 = 140
)

// textMax is how much of a payload's first line an event shows.
const textMax = 40

// A packet is what decode found in a frame.
type packet struct {
	src, dst netip.AddrPort
	seg      probes.Segment // all fields that the frame alone determines
}

// A datagram is the IP payload of a frame.
type datagram struct {
	src, dst netip.Addr
	head     int    // bytes before the payload
	body     []byte // what was captured of the payload
	size     int    // of the payload on the wire
	id       uint16 // IPv4 identification
	proto    uint8
	fragment bool // other than the only one
	badSum   bool // IPv4 header checksum
	noSum    bool // a routing header holds the real destination: the sum cannot be checked
}

// decode reads an Ethernet frame of size bytes on the wire, of which frame
// was captured. Checksums are verified unless unsummed says that the sender's
// offload has yet to compute them. p is valid after tcpSegment only; it holds
// no reference to frame.
func decode(frame []byte, size int, unsummed bool, p *packet) outcome {
	if size < len(frame) {
		size = len(frame)
	}
	kind, b := network(frame)
	size -= len(frame) - len(b)
	var d datagram
	var o outcome
	switch kind {
	case etherIPv4:
		o = d.ipv4(b, size)
	case etherIPv6:
		o = d.ipv6(b, size)
	default:
		return otherFrame
	}
	if o != tcpSegment {
		return o
	}
	if o = d.tcp(unsummed, p); o == tcpSegment {
		p.seg.Text = firstLine(d.body[d.dataOffset():])
	}
	return o
}

// network skips the Ethernet header and VLAN tags.
func network(frame []byte) (kind uint16, rest []byte) {
	if len(frame) < 14 {
		return 0, nil
	}
	kind, rest = binary.BigEndian.Uint16(frame[12:]), frame[14:]
	for (kind == etherVLAN || kind == etherQinQ) && len(rest) >= 4 {
		kind, rest = binary.BigEndian.Uint16(rest[2:]), rest[4:]
	}
	return kind, rest
}

// ipv4 reads the header of RFC 791 section 3.1. It returns tcpSegment if the
// payload is to be read as TCP.
func (d *datagram) ipv4(b []byte, size int) outcome {
	if len(b) < 20 || b[0]>>4 != 4 {
		return otherFrame
	}
	if d.proto = b[9]; d.proto != protoTCP {
		return otherFrame
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = size // an offloaded packet of more than 64 KiB does not state its length
	}
	if head < 20 || total < head || total > size {
		return tcpBroken
	}
	if len(b) < head {
		return tcpCut
	}
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x3fff != 0 { // more fragments, or an offset
		return tcpFragment
	}
	d.src, d.dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	d.id = binary.BigEndian.Uint16(b[4:])
	d.badSum = fold(sum(0, b[:head])) != 0xffff
	d.head, d.body, d.size = head, b[head:min(total, len(b))], total-head
	return tcpSegment
}

// ipv6 reads the header of RFC 8200 section 3 and skips extension headers.
func (d *datagram) ipv6(b []byte, size int) outcome {
	if len(b) < 40 || b[0]>>4 != 6 {
		return otherFrame
	}
	total := int(binary.BigEndian.Uint16(b[4:]))
	if total == 0 {
		total = size - 40 // a jumbogram (RFC 2675), or offloaded
	}
	d.src = netip.AddrFrom16([16]byte(b[8:])).Unmap()
	d.dst = netip.AddrFrom16([16]byte(b[24:])).Unmap()
	d.proto, d.size, d.head = b[6], total, 40
	broken := 40+total > size // it claims more than the frame brought
	b = b[40:min(40+total, len(b))]
	for d.proto != protoTCP {
		n, ok := d.extension(b)
		if !ok || n > len(b) || n > d.size {
			return otherFrame // not TCP, or the capture does not reach so far
		}
		b, d.size, d.head = b[n:], d.size-n, d.head+n
	}
	switch {
	case broken:
		return tcpBroken
	case d.fragment:
		return tcpFragment
	}
	d.body = b
	return tcpSegment
}

// extension reads one extension header (RFC 8200 section 4), sets d.proto to
// what follows it and returns its length. ok is false if b begins with no
// extension header that TCP could follow.
func (d *datagram) extension(b []byte) (n int, ok bool) {
	if len(b) < 8 {
		return 0, false
	}
	switch d.proto {
	case protoHop, protoDest, protoMob, protoHIP, protoShim6:
		n = 8 + int(b[1])*8
	case protoRoute:
		n = 8 + int(b[1])*8
		d.noSum = d.noSum || b[3] != 0 // segments left
	case protoAH:
		n = 8 + int(b[1])*4
	case protoFrag:
		n = 8
		if binary.BigEndian.Uint16(b[2:])&0xfff9 != 0 { // an offset, or more fragments
			d.fragment = true
		}
		if binary.BigEndian.Uint16(b[2:])&0xfff8 != 0 && b[0] != protoTCP {
			return 0, false // what follows is not a header
		}
	default:
		return 0, false
	}
	d.proto = b[0]
	return n, true
}

// dataOffset is the length of the TCP header in d.body, which tcp has checked.
func (d *datagram) dataOffset() int { return int(d.body[12]>>4) * 4 }

// tcp reads the header of RFC 9293 section 3.1; it leaves out Text.
func (d *datagram) tcp(unsummed bool, p *packet) outcome {
	b := d.body
	if d.size < 20 {
		return tcpBroken
	}
	if len(b) < 20 {
		return tcpCut
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > d.size {
		return tcpBroken
	}
	if len(b) < head {
		return tcpCut
	}
	p.src = netip.AddrPortFrom(d.src, binary.BigEndian.Uint16(b[0:]))
	p.dst = netip.AddrPortFrom(d.dst, binary.BigEndian.Uint16(b[2:]))
	p.seg = probes.Segment{
		Seq:    binary.BigEndian.Uint32(b[4:]),
		Ack:    binary.BigEndian.Uint32(b[8:]),
		Flags:  probes.Flags(b[13]), // the bits of Flags are those of the header
		Window: binary.BigEndian.Uint16(b[14:]),
		Len:    d.size - head,
		IPID:   d.id,
		BadSum: d.badSum || !unsummed && !d.sumOK(),
	}
	options(b[20:head], &p.seg)
	return tcpSegment
}

// options reads those of RFC 9293 section 3.2 and RFC 7323 that a Segment
// has, and stops at the first that is malformed.
func options(b []byte, s *probes.Segment) {
	for len(b) > 0 && b[0] != 0 {
		if b[0] == 1 { // no operation
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return
		}
		v := b[2:b[1]]
		switch {
		case b[0] == 2 && len(v) == 2 && s.Flags.Has(probes.SYN):
			s.MSS = binary.BigEndian.Uint16(v)
		case b[0] == 3 && len(v) == 1 && s.Flags.Has(probes.SYN):
			s.WScale = min(v[0], 254) + 1
		case b[0] == 8 && len(v) == 8:
			s.TSVal, s.TSEcr = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])
		}
		b = b[b[1]:]
	}
}

// sumOK verifies the checksum of RFC 9293 section 3.1, as far as can be.
func (d *datagram) sumOK() bool {
	if d.noSum || len(d.body) < d.size {
		return true
	}
	s := uint64(d.size) + protoTCP
	src, dst := d.src.As16(), d.dst.As16()
	if d.src.Is4() && d.dst.Is4() {
		s = sum(sum(s, src[12:]), dst[12:])
	} else {
		s = sum(sum(s, src[:]), dst[:])
	}
	return fold(sum(s, d.body)) == 0xffff
}

// sum adds b as 16-bit words (RFC 1071), eight bytes at a time: with the
// carry added back, words of any size fold to the same.
func sum(s uint64, b []byte) uint64 {
	var carry uint64
	for len(b) >= 32 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 2 {
		s, carry = bits.Add64(s, uint64(binary.BigEndian.Uint16(b)), carry)
		b = b[2:]
	}
	if len(b) == 1 {
		s, carry = bits.Add64(s, uint64(b[0])<<8, carry)
	}
	for carry != 0 {
		s, carry = bits.Add64(s, 0, carry)
	}
	return s
}

// fold brings s down to 16 bits; a correct checksum makes it 0xffff.
func fold(s uint64) uint16 {
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// firstLine returns the first line of b, at most textMax bytes, with "." for
// everything that is not printable ASCII: a wire is not to be trusted.
func firstLine(b []byte) string {
	var text [textMax]byte
	n := 0
	for ; n < len(b) && n < textMax; n++ {
		c := b[n]
		if c == '\n' || c == '\r' && (n+1 == len(b) || b[n+1] == '\n') {
			break
		}
		if c < ' ' || c > '~' {
			c = '.'
		}
		text[n] = c
	}
	return string(text[:n])
}
