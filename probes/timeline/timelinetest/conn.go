package timelinetest

import (
	"net/netip"

	"netlab/probes"
)

// A Conn is one connection. Opener is the end that dials.
type Conn struct {
	Opener, Acceptor *End

	script *Script
}

// Flags that the phases use.
const (
	synAck = probes.SYN | probes.ACK
	finAck = probes.FIN | probes.ACK
	pshAck = probes.PSH | probes.ACK
	rstAck = probes.RST | probes.ACK
)

// Dial makes a connection from the client to the server's port. Nothing
// happens yet: see Open.
func (s *Script) Dial(port uint16) *Conn { return s.DialFrom(Client, port) }

// DialFrom makes a connection from a node to the other node's port, for
// example a server's data connection in FTP's active mode.
func (s *Script) DialFrom(node string, port uint16) *Conn {
	s.ports += 2
	return s.DialPorts(node, s.ports, port)
}

// DialPorts is DialFrom with the opener's port chosen, for a second
// incarnation of a connection.
func (s *Script) DialPorts(node string, local, remote uint16) *Conn {
	other := Server
	if node == Server {
		other = Client
	}
	flow := probes.Flow{
		Local:  netip.AddrPortFrom(s.Addr(node), local),
		Remote: netip.AddrPortFrom(s.Addr(other), remote),
	}
	beyond := flow.Reverse() // as the acceptor has it
	if s.opts.Path == Translated {
		router := s.Addr(Router)
		if node == Client {
			beyond.Remote = netip.AddrPortFrom(router, local+s.opts.PortShift)
		} else { // the router lets a connection in
			flow.Remote = netip.AddrPortFrom(router, remote+s.opts.PortShift)
		}
	}
	c := &Conn{script: s, Opener: s.end(node, flow), Acceptor: s.end(other, beyond)}
	c.Opener.peer, c.Acceptor.peer = c.Acceptor, c.Opener
	c.Acceptor.Passive = true
	for _, l := range s.listeners {
		if l.flow.Local.Port() == remote && l.sock.NetNS == c.Acceptor.Sock.NetNS {
			c.Acceptor.Workload = l.workload
		}
		if l.sock.NetNS == c.Opener.Sock.NetNS && node == Server {
			c.Opener.Workload = l.workload
		}
	}
	return c
}

func (s *Script) end(node string, flow probes.Flow) *End {
	s.isn += 100000
	e := &End{
		script: s, Node: node, Flow: flow, Seq: s.isn, State: probes.Closed, server: node == Server,
		Sock: probes.SocketID{NetNS: s.cookieOf(node), Cookie: s.cookie()},
	}
	if node == Client {
		e.Workload = "dialer"
	}
	s.ends = append(s.ends, e)
	return e
}

// Open plays a three-way handshake with the calls around it.
func (c *Conn) Open() {
	c.Opener.Call("connect", "", "", 0, func() {
		c.SYN().Deliver()
		c.SYNACK().Deliver()
		c.Opener.Enter(probes.Established)
		ack := c.Opener.Emit(probes.ACK, "", 0)
		ack.Deliver()
		c.Acceptor.Child()
	})
	c.Acceptor.Call("accept", "", "", 0, nil)
}

// SYN lets the opener call connect and sends its SYN.
func (c *Conn) SYN() *Packet {
	c.Opener.Enter(probes.SynSent)
	return c.Opener.Emit(probes.SYN, "", 0)
}

// SYNACK lets the acceptor answer the SYN from a request socket.
func (c *Conn) SYNACK() *Packet {
	c.Acceptor.Request()
	return c.Acceptor.Emit(synAck, "", 0)
}

// Send plays length bytes of data from an end, acknowledged at once.
func (c *Conn) Send(from *End, text string, length int) {
	from.Call("send", "", "", length, func() { from.Emit(pshAck, text, length).Deliver() })
	from.peer.Emit(probes.ACK, "", 0).Deliver()
	from.peer.Call("receive", "", "", length, nil)
}

// SendGrown is Send with a helper at the router that makes the data n bytes
// longer.
func (c *Conn) SendGrown(from *End, text string, length, n int) {
	from.Call("send", "", "", length, func() { from.Emit(pshAck, text, length).Grow(n).Deliver() })
	from.peer.Emit(probes.ACK, "", 0).Deliver()
	from.peer.Call("receive", "", "", length+n, nil)
}

// FourWay plays a close in four segments: first's FIN, its ACK, the other's
// FIN, its ACK.
func (c *Conn) FourWay(first *End) {
	c.HalfClose(first, "close")
	second := first.peer
	second.Call("receive", "", "EOF", 0, nil)
	c.LastHalf(second)
}

// ThreeWay plays a close in three segments: the other end closes before it
// acknowledges first's FIN.
func (c *Conn) ThreeWay(first *End) {
	second := first.peer
	c.fin(first, "close").Deliver()
	second.Enter(probes.CloseWait)
	second.Call("close", "", "", 0, func() {
		second.Enter(probes.LastAck)
		second.Emit(finAck, "", 0).Deliver()
	})
	first.Enter(probes.FinWait2)
	first.Emit(probes.ACK, "", 0).Deliver()
	first.Mini(probes.TimeWait)
	second.Enter(probes.Closed)
}

// HalfClose plays the first half of a close: FIN by call, "close" or
// "shutdown", and its ACK. After it first is in FIN-WAIT-2, the other in
// CLOSE-WAIT.
func (c *Conn) HalfClose(first *End, call string) {
	second := first.peer
	c.fin(first, call).Deliver()
	second.Enter(probes.CloseWait)
	second.Emit(probes.ACK, "", 0).Deliver()
	first.Enter(probes.FinWait2)
	if call == "close" { // nobody holds the socket: a mini-socket takes over
		first.Mini(probes.FinWait2)
	}
}

// LastHalf plays the second half of a close: second's FIN and its ACK.
func (c *Conn) LastHalf(second *End) {
	first := second.peer
	second.Call("close", "", "", 0, func() {
		second.Enter(probes.LastAck)
		second.Emit(finAck, "", 0).Deliver()
	})
	first.Emit(probes.ACK, "", 0).Deliver()
	if first.object == probes.MiniObject {
		first.Step() // inside the mini-socket
	} else {
		first.Mini(probes.TimeWait)
	}
	second.Enter(probes.Closed)
}

// fin plays the call that closes an open direction and sends the FIN.
func (c *Conn) fin(e *End, call string) *Packet {
	args := ""
	if call == "shutdown" {
		args = "write"
	}
	var p *Packet
	e.Call(call, args, "", 0, func() {
		if e.State == probes.CloseWait {
			e.Enter(probes.LastAck)
		} else {
			e.Enter(probes.FinWait1)
		}
		p = e.Emit(finAck, "", 0)
	})
	return p
}

// Simultaneous plays a close at which both FINs cross.
func (c *Conn) Simultaneous() {
	a, b := c.Opener, c.Acceptor
	pa, pb := c.fin(a, "close"), c.fin(b, "close")
	pa.Deliver()
	pb.Deliver()
	aa := a.Emit(probes.ACK, "", 0) // sent before the event: tcp_fin in net/ipv4/tcp_input.c
	a.Enter(probes.Closing)
	ab := b.Emit(probes.ACK, "", 0)
	b.Enter(probes.Closing)
	aa.Deliver()
	b.Mini(probes.TimeWait)
	ab.Deliver()
	a.Mini(probes.TimeWait)
}

// SimultaneousOpen plays an opening at which both SYNs cross; both ends are
// full sockets from the start.
func (c *Conn) SimultaneousOpen() {
	a, b := c.Opener, c.Acceptor
	b.Passive = false
	a.Enter(probes.SynSent)
	sa := a.Emit(probes.SYN, "", 0)
	b.Enter(probes.SynSent)
	sb := b.Emit(probes.SYN, "", 0)
	sa.Deliver()
	b.Enter(probes.SynReceived)
	sb.Deliver()
	a.Enter(probes.SynReceived)
	// The SYN is sent again, with its old number.
	pb, pa := b.reSYNACK(), a.reSYNACK()
	pb.Arrive()
	a.Enter(probes.Established)
	pa.Arrive()
	b.Enter(probes.Established)
	a.Emit(probes.ACK, "", 0).Deliver()
	b.Emit(probes.ACK, "", 0).Deliver()
}

func (e *End) reSYNACK() *Packet {
	return e.Inject(probes.Segment{Seq: e.Seq - 1, Ack: e.Ack, Flags: synAck, Window: 64240, MSS: 1460, WScale: 8})
}

// Reset plays an abort by one end, as close() with linger 0 does.
func (c *Conn) Reset(by *End) {
	by.Call("linger", "0", "", 0, nil)
	by.Call("close", "", "", 0, func() {
		by.Enter(probes.Closed)
		by.Emit(rstAck, "", 0).Deliver()
	})
	by.peer.Enter(probes.Closed)
	by.peer.Call("receive", "", "ECONNRESET", 0, nil)
}

// DataAfterClose plays the end of a session whose client closes without
// waiting for the reply: FIN, ACK, data, RST.
func (c *Conn) DataAfterClose(first *End, text string, length int) {
	second := first.peer
	c.HalfClose(first, "close")
	second.Call("send", "", "", length, func() { second.Emit(pshAck, text, length).Deliver() })
	first.Vanish()
	first.Inject(probes.Segment{Seq: first.Seq, Flags: probes.RST}).Deliver()
	second.Enter(probes.Closed)
	second.Call("close", "", "", 0, nil)
}

// Refuse plays a SYN to a port where nobody listens.
func (c *Conn) Refuse() {
	c.Opener.Call("connect", "", "ECONNREFUSED", 0, func() {
		c.SYN().Deliver()
		c.Acceptor.Inject(probes.Segment{Ack: c.Acceptor.Ack, Flags: rstAck}).Deliver()
		c.Opener.Enter(probes.Closed)
	})
}
