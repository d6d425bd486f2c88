package rfc9293

import (
	"cmp"
	"slices"

	"netlab/probes"
)

// A Kind says what an Input is.
type Kind uint8

// The kinds of input.
const (
	Sent     Kind = iota + 1 // the endpoint sent Segment
	Received                 // Segment arrived at the endpoint
	Called                   // the endpoint's user made Call
)

// An Input is one thing that an endpoint did or that happened to it.
type Input struct {
	Kind    Kind
	Time    probes.Mono
	Event   uint64          // ordinal of the event that says so
	Segment *probes.Segment // of Sent and Received
	Call    *probes.Call    // of Called
}

// flags returns the control bits, none for a call.
func (in Input) flags() probes.Flags {
	if in.Segment == nil {
		return 0
	}
	return in.Segment.Flags
}

// end returns the first sequence number after the segment.
func end(s *probes.Segment) uint32 {
	n := s.Seq + uint32(s.Len)
	if s.Flags.Has(probes.SYN) {
		n++
	}
	if s.Flags.Has(probes.FIN) {
		n++
	}
	return n
}

// Order returns the inputs in the order in which the endpoint acted on them.
// That is the order of time, except that a segment is acted on some time after
// it arrived: a FIN that the endpoint's own segments do not acknowledge yet
// was not acted on when they were sent, and so comes after them. Without this
// rule two FINs that cross inside a host look like one that answers the other.
func Order(inputs []Input) []Input {
	list := slices.Clone(inputs)
	slices.SortStableFunc(list, func(a, b Input) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Event, b.Event))
	})
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Kind == Received && list[i].flags().Has(probes.FIN) {
			postpone(list, i)
		}
	}
	return list
}

// lookAhead bounds how many inputs may lie between a FIN's arrival and its
// effect, so that no record, however made, takes quadratic time.
const lookAhead = 512

// postpone moves the FIN at list[i] behind the segments that do not acknowledge
// it, up to the first that does or as far as lookAhead allows.
func postpone(list []Input, i int) {
	fin := list[i]
	last := i
	for j := i + 1; j < min(len(list), i+lookAhead); j++ {
		if list[j].Kind != Sent || list[j].Segment == nil || !list[j].flags().Has(probes.ACK) {
			continue
		}
		if !before(list[j].Segment.Ack, end(fin.Segment)) {
			break
		}
		last = j
	}
	copy(list[i:last], list[i+1:last+1])
	list[last] = fin
}
