package rfc9293

import "slices"

// Sequence numbers are compared modulo 2^32, RFC 9293 section 3.4.

// before reports whether a < b.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// later returns the greater of a and b.
func later(a, b uint32) uint32 {
	if before(a, b) {
		return b
	}
	return a
}

// maxSpans bounds what an endpoint may have received out of order. A stream
// with more holes loses some; its FIN is then taken in when it is sent again.
const maxSpans = 256

// A span is received sequence space ahead of a hole: [from, to).
type span struct{ from, to uint32 }

// An inbox is the receiving half of a TCB: what arrived without holes.
type inbox struct {
	next  uint32 // RCV.NXT
	ahead []span // beyond the first hole
}

// add takes in [from, to) and moves next as far as there is no hole.
func (b *inbox) add(from, to uint32) {
	if !before(b.next, to) {
		return
	}
	if before(b.next, from) {
		if len(b.ahead) < maxSpans {
			b.ahead = append(b.ahead, span{from, to})
		}
		return
	}
	b.next = to
	for moved := true; moved; {
		moved = false
		b.ahead = slices.DeleteFunc(b.ahead, func(s span) bool {
			if before(b.next, s.from) {
				return false
			}
			if before(b.next, s.to) {
				b.next, moved = s.to, true
			}
			return true
		})
	}
}
