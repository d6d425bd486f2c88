// Package calls records the socket calls of our own workloads, as the
// workload made them: which call, when it was entered and left, how many
// bytes, which errno. It is the "user" of RFC 9293, section 3.9.1, made
// visible: an event that a model of TCP needs and no wire shows.
//
// A [Recorder] belongs to a process of a node. Each server or client in it
// has a [Caller], which dials and listens; the connections and listeners that
// it returns record what is done with them. Sockets that a library made by
// itself can be adopted afterwards; what was called before is then not known,
// and is not made up.
//
// Every socket of TCP is a plain one (Go would otherwise listen with MPTCP)
// without keepalive probes, which would disturb a quiet connection, and with
// TCP_NODELAY, as package net has them. A [Caller] also makes sockets call by
// call, as a C program does: see [Caller.Socket], and [Caller.BindUDP] and
// [Caller.ConnectUDP] for UDP. Of such a socket every call is recorded but
// those that belong to its making: socket(2) itself, TCP_NODELAY, IPV6_V6ONLY,
// and SO_REUSEADDR before bind.
//
// # Names of results
//
// Call.Errno holds the errno's name. Go hides some of them, so these are named
// by what the same call would have given a C program: a deadline is EAGAIN
// (EINPROGRESS for connect), as with SO_RCVTIMEO in socket(7), never the
// kernel's own ETIMEDOUT; a call broken off because the process itself closed
// the socket is EBADF. The end of input is "EOF".
package calls

import (
	"net"
	"net/netip"
	"sync/atomic"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// A Recorder turns calls into events of one node. It is safe for concurrent
// use if emit is.
type Recorder struct {
	// Before, if it is not nil, is called before every close of a socket of TCP
	// ("close") and before every shutdown that sends a FIN or ends a listener
	// ("shutdown"), by the goroutine that makes the call, before the clock is
	// read for it: whoever wants to look at the sockets first has the workload
	// wait in it. It is set before the first use of the recorder, may be called
	// from many goroutines at once, and must return by itself when what it
	// waits for cannot come any more.
	Before func(call string)

	node  string
	netns uint64
	emit  func(probes.Event)
}

// New returns a recorder that hands its events to emit, which may be called
// from many goroutines at once and must not block for long: it runs inside the
// call that it describes, after the clock was read. netns is the cookie that
// is assumed where a socket does not tell its own.
func New(node string, netns uint64, emit func(probes.Event)) *Recorder {
	return &Recorder{node: node, netns: netns, emit: emit}
}

// Caller returns the maker of sockets for one workload.
func (r *Recorder) Caller(workload string) *Caller {
	return &Caller{r: r, workload: workload}
}

// A Caller makes the sockets of one workload. It is safe for concurrent use.
type Caller struct {
	r        *Recorder
	workload string
	step     atomic.Int64
}

// Workload returns the name given to [Recorder.Caller].
func (c *Caller) Workload() string { return c.workload }

// At returns a caller for the same workload, whose calls belong to another
// step: for steps that are under way at once.
func (c *Caller) At(step int) *Caller {
	at := c.r.Caller(c.workload)
	at.SetStep(step)
	return at
}

// SetStep says which step of the scenario is under way, from 1. Calls belong
// to the step in which they return, whoever makes them: a library that dials
// a data connection on its own knows nothing of steps. 0 is for servers.
func (c *Caller) SetStep(step int) { c.step.Store(int64(step)) }

// before lets whoever wants to look first do so; see [Recorder].
func (c *Caller) before(call string) {
	if c.r.Before != nil {
		c.r.Before(call)
	}
}

// record emits one call that began at start and has just returned.
func (c *Caller) record(start probes.Mono, sock probes.SocketID, flow probes.Flow, call probes.Call) {
	call.End = clock.Now()
	call.Workload = c.workload
	call.Step = int(c.step.Load())
	c.emit(start, probes.Recorded, sock, flow, call)
}

func (c *Caller) emit(start probes.Mono, grade probes.Grade, sock probes.SocketID, flow probes.Flow, call probes.Call) {
	if sock.NetNS == 0 {
		sock.NetNS = c.r.netns
	}
	c.r.emit(probes.Event{
		Time: start, Source: probes.Calls, Kind: probes.KindCall, Grade: grade,
		Node: c.r.node, Sock: sock, Flow: flow, Call: &call,
	})
}

// A controller gives access to a descriptor; it is syscall.RawConn's part.
type controller interface {
	Control(f func(fd uintptr)) error
}

// identify reads the kernel's cookies of a socket. What the kernel does not
// tell stays 0: SO_NETNS_COOKIE came with Linux 5.14, SO_COOKIE with 4.12.
func identify(raw controller) probes.SocketID {
	var id probes.SocketID
	// The error says that the descriptor is closed: nothing is known then.
	_ = raw.Control(func(fd uintptr) {
		if v, err := unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE); err == nil {
			id.Cookie = v
		}
		if v, err := unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_NETNS_COOKIE); err == nil {
			id.NetNS = v
		}
	})
	return id
}

// addrPort converts an address of package net, unmapped; zero if it is none.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok || t == nil {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
