package gate

import "encoding/binary"

// corruptible reports whether a frame has what a corrupt rule changes: a byte
// of its payload, or the checksum of a segment without payload.
func corruptible(h *header, octet int) bool {
	if h.fragment || h.kind&(kindTCP|kindUDP|kindICMP) == 0 {
		return false
	}
	return h.Segment.Len == 0 || octet < h.Segment.Len
}

// corruptByte inverts the lowest bit of a byte of the payload, or of the
// checksum if there is no payload. Where fix is set, the checksum is changed
// so that it fits, if it did before.
func corruptByte(frame []byte, h *header, octet int, fix bool) {
	at := h.Header + checksumAt(h.kind)
	if h.Segment.Len > 0 {
		at = h.Payload + octet
	}
	frame[at] ^= 1
	if fix && h.Segment.Len > 0 {
		weight := uint16(1) // of the byte in its word of the sum
		if (at-h.Header)%2 == 0 {
			weight = 1 << 8
		}
		is := uint16(frame[at])
		amend(frame[h.Header+checksumAt(h.kind):], h.kind, (is^1)*weight, is*weight)
	}
}

// checksumAt is where in its header a protocol has its checksum: RFC 9293
// section 3.1, RFC 768, RFC 792, RFC 4443 section 2.1.
func checksumAt(k kind) int {
	switch k {
	case kindTCP:
		return 16
	case kindUDP:
		return 6
	}
	return 2
}

// amend changes a checksum for a word that became another (RFC 1624 section 3).
func amend(sum []byte, k kind, was, is uint16) {
	old := binary.BigEndian.Uint16(sum)
	if k == kindUDP && old == 0 {
		return // there is none
	}
	s := uint32(^old) + uint32(^was) + uint32(is)
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	sum16 := ^uint16(s)
	if k == kindUDP && sum16 == 0 {
		sum16 = 0xffff
	}
	binary.BigEndian.PutUint16(sum, sum16)
}
