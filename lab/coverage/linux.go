package coverage

import (
	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/scenarios/words"
)

// This file holds what Linux does not do, and what some observers cannot see.

// unreachable says why no program can take an edge on Linux; false if one can.
func unreachable(e rfc9293.Edge) (words.Message, bool) {
	switch {
	case e.From == probes.Listen && e.To == probes.SynSent:
		return words.M(words.CoverageConnectListener), true // inet_stream_connect: EISCONN
	case e.From == probes.Listen && e.Event == rfc9293.Abort:
		return words.M(words.CoverageAbortListener), true // inet_csk_listen_stop does the same for both
	case e.Note == 2:
		return words.M(words.CoverageThroughFinWait2), true // tcp_rcv_state_process: the ACK first
	case e.Note == 3 && e.Event == rfc9293.SndRST:
		return words.M(words.CoverageResetCloses), true // tcp_done, tcp_disconnect
	case e.From == probes.TimeWait && e.Event == rfc9293.Abort:
		return words.M(words.CoverageNobodyHolds), true // the descriptor is of the dead full socket
	}
	return words.Message{}, false
}

// A blind names the only class that can see an edge, and why.
type blind struct {
	class probes.Class
	why   words.ID
}

// blindness returns the only class that can see an edge; the zero blind if
// several can.
func blindness(e rfc9293.Edge) blind {
	switch {
	case e.From == probes.TimeWait && e.Event == rfc9293.TwoMSL:
		return blind{probes.KernelEvents, words.CoverageOnlyTimer}
	case e.Event == rfc9293.UserTimeout && e.From != probes.SynSent:
		return blind{probes.KernelEvents, words.CoverageOnlyTimer}
	}
	return blind{}
}
