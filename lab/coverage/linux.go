package coverage

import (
	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/scenarios/words"
)

// This file holds what Linux does not do, and what some observers cannot see.

// A closedWay is a kind of edges that no program can take on Linux.
type closedWay struct {
	is     func(rfc9293.Edge) bool
	why    words.ID
	source string // where the kernel says so
}

// closedWays returns them; the first that fits an edge counts.
func closedWays() []closedWay {
	return []closedWay{
		{func(e rfc9293.Edge) bool { return e.From == probes.Listen && e.To == probes.SynSent },
			words.CoverageConnectListener, "net/ipv4/af_inet.c: __inet_stream_connect; net/ipv4/tcp.c: tcp_sendmsg_locked"},
		{func(e rfc9293.Edge) bool { return e.From == probes.Listen && e.Event == rfc9293.Abort },
			words.CoverageAbortListener, "net/ipv4/tcp.c: __tcp_close; net/ipv4/inet_connection_sock.c: inet_csk_listen_stop"},
		{func(e rfc9293.Edge) bool { return e.From == probes.Listen && e.Event == rfc9293.UserTimeout },
			words.CoverageListenerTimeless, "net/ipv4/inet_connection_sock.c: inet_csk_accept"},
		{func(e rfc9293.Edge) bool { return e.From == probes.SynReceived && e.Event == rfc9293.RcvFIN },
			words.CoverageThroughEstablished, "net/ipv4/tcp_input.c: tcp_rcv_state_process; net/ipv4/tcp_minisocks.c: tcp_check_req"},
		{func(e rfc9293.Edge) bool { return e.Event == rfc9293.RcvFINACK },
			words.CoverageThroughFinWait2, "net/ipv4/tcp_input.c: tcp_rcv_state_process"},
		{func(e rfc9293.Edge) bool { return e.Event == rfc9293.SndRST },
			words.CoverageResetCloses, "net/ipv4/tcp.c: tcp_disconnect, __tcp_close, tcp_done"},
		{func(e rfc9293.Edge) bool { return e.From == probes.TimeWait && e.Event == rfc9293.Abort },
			words.CoverageNobodyHolds, "net/ipv4/tcp_minisocks.c: tcp_time_wait"},
		{func(e rfc9293.Edge) bool { return e.From == probes.TimeWait && e.Event == rfc9293.UserTimeout },
			words.CoverageOnlyTwoMSL, "net/ipv4/inet_timewait_sock.c: tw_timer_handler"},
	}
}

// unreachable returns why no program can take an edge on Linux, nil if one can.
func unreachable(e rfc9293.Edge) *closedWay {
	for _, c := range closedWays() {
		if c.is(e) {
			return &c
		}
	}
	return nil
}

// onlyKernel returns why kernel events alone may see an edge, "" where other
// classes can too. What a timer does to a socket that nobody holds is on no
// wire and in no call; a look at the kernel's tables finds the socket gone, if
// it knew it.
func onlyKernel(e rfc9293.Edge) words.ID {
	if e.Event == rfc9293.TwoMSL {
		return words.CoverageOnlyTimer
	}
	if e.Event != rfc9293.UserTimeout {
		return ""
	}
	switch e.From {
	case probes.SynReceived, probes.FinWait1, probes.FinWait2, probes.Closing, probes.LastAck:
		return words.CoverageOnlyTimer
	}
	return "" // the call that waits for it returns ETIMEDOUT
}
