package probes

// What the kernel tells of TCP beside the states of full sockets. An event
// bears at most one of these, by its Kind.

// A Life is a moment in the life of a mini-socket: a request socket (SYN
// received, no socket yet) or what holds FIN-WAIT-2 or TIME-WAIT after the
// full socket has gone. The event's New is the state that it is in from then
// on, Unknown once it has gone; Old is the state before, Unknown at birth.
//
// A request socket that becomes a child socket goes at that moment, as does
// one that is given up: what came of it is another event's word.
type Life struct {
	Object  Object `json:"object"` // RequestObject or MiniObject
	Stage   Stage  `json:"stage"`
	Expires Mono   `json:"expires,omitempty"` // of Born, Rearmed and Stepped: nanoseconds until its timer fires, where that is known
	Resent  int    `json:"resent,omitempty"`  // of a request: how often its SYN+ACK has been sent again
}

// A Stage is a moment in the life of a mini-socket.
type Stage string

// The stages.
const (
	Born    Stage = "born"
	Rearmed Stage = "rearmed" // its timer was set again
	Stepped Stage = "stepped" // from FIN-WAIT-2 to TIME-WAIT
	Expired Stage = "expired" // its time was over, and it went
	Ended   Stage = "ended"   // it went before: became a child, was reset, reused, or its namespace went
)

// A Reset is a RST that the kernel sent, or the end of a socket as if one had
// been received (tcp_reset in net/ipv4/tcp_input.c, which data that comes
// after shutdown causes, too). The event's Old is the state of the socket
// then, Unknown where there was none.
type Reset struct {
	Dir    Direction `json:"dir"`              // Out: sent; In: received
	Reason string    `json:"reason,omitempty"` // of Out, as include/net/rstreason.h names it without SK_RST_REASON_: TCP_STATE; empty where the kernel does not say
}

// A Resent is a segment that the kernel sent again. The event's Old is the
// state of the socket: SYN-SENT of a SYN, SYN-RECEIVED of a SYN+ACK.
type Resent struct {
	SYNACK bool `json:"synack,omitempty"` // of a request socket
}

// A Fault is an error that the kernel gave to a socket, for its user to find
// (sk_err). The event's Old is the socket's state.
type Fault struct {
	Errno string `json:"errno"` // by name: ECONNRESET
}

// A Drop is a segment that TCP threw away. The event's Flow is that of the
// receiver, as far as it is known, and Old the state of the socket that it was
// for, Unknown if there was none.
type Drop struct {
	Reason string `json:"reason"` // as include/net/dropreason-core.h names it without SKB_DROP_REASON_: TCP_LISTEN_OVERFLOW
	Flags  Flags  `json:"flags,omitempty"`
	Seq    uint32 `json:"seq,omitempty"`
	Ack    uint32 `json:"ack,omitempty"`
}

// A Tally is what a full socket had done when the kernel destroyed it
// (struct tcp_sock, include/linux/tcp.h). A TIME-WAIT of it may live on.
type Tally struct {
	SegsOut  uint64 `json:"segs_out,omitempty"`
	SegsIn   uint64 `json:"segs_in,omitempty"`
	BytesOut uint64 `json:"bytes_out,omitempty"` // acknowledged by the peer, SYN and FIN included
	BytesIn  uint64 `json:"bytes_in,omitempty"`  // received in order
	Resent   uint64 `json:"resent,omitempty"`    // segments sent again
	RTT      Mono   `json:"rtt,omitempty"`       // smoothed round-trip time
}

// A Counter is a change of a counter of a node's namespace, as
// /proc/net/netstat and /proc/net/snmp show them, between two looks; or
// LooksSkipped.
type Counter struct {
	Name  string `json:"name"`  // ListenOverflows
	Delta uint64 `json:"delta"` // by how much it grew
	Since Mono   `json:"since"` // the look before
}

// LooksSkipped is the name of a counter of sockdiag itself: how often
// something happened to a socket of the node, and no look at it followed, as
// looks would have taken more than their share of the machine. That is no loss:
// what lies between two looks is never known.
const LooksSkipped = "LooksSkipped"
