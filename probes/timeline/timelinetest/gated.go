package timelinetest

import (
	"time"

	"netlab/probes"
)

// This file plays what only a gate brings about every time.

// HeldOpen plays an opening at which a gate holds both SYNs until both were
// sent: RFC 9293 figure 7, in the six segments that Linux makes of it. The
// opener's SYN is sent again meanwhile.
func (c *Conn) HeldOpen(rule string) {
	a, b := c.Opener, c.Acceptor
	b.Passive = false
	var sa, sb *Packet
	a.Call("connect", "", "", 0, func() {
		b.Call("connect", "", "", 0, func() {
			a.Enter(probes.SynSent)
			sa = a.Emit(probes.SYN, "", 0).Hold(rule)
			c.script.Wait(time.Second)
			sa.Merge()
			b.Enter(probes.SynSent)
			sb = b.Emit(probes.SYN, "", 0).Hold(rule)
			c.script.Wait(3 * time.Millisecond)
			sa.Release().Deliver()
			b.Enter(probes.SynReceived)
			pb := b.reSYNACK()
			sb.Release().Deliver()
			a.Enter(probes.SynReceived)
			pa := a.reSYNACK()
			pb.Arrive()
			a.Enter(probes.Established)
			pa.Arrive()
			b.Enter(probes.Established)
		})
	})
	a.Emit(probes.ACK, "", 0).Deliver()
	b.Emit(probes.ACK, "", 0).Deliver()
}

// HeldClose plays a close at which a gate holds the opener's FIN until the
// acceptor's was sent, and that one until it is released: RFC 9293 figure 13.
func (c *Conn) HeldClose(rule string) {
	a, b := c.Opener, c.Acceptor
	pa := c.fin(a, "close").Hold(rule)
	c.script.Wait(2 * time.Millisecond)
	pb := c.fin(b, "close").Hold(rule)
	c.script.Wait(200 * time.Millisecond)
	pa.Merge()
	pa.Release().Deliver()
	ab := b.Emit(probes.ACK, "", 0) // sent before the event: tcp_fin in net/ipv4/tcp_input.c
	b.Enter(probes.Closing)
	pb.Release().Deliver()
	aa := a.Emit(probes.ACK, "", 0)
	a.Enter(probes.Closing)
	ab.Deliver()
	a.Mini(probes.TimeWait)
	aa.Deliver()
	b.Mini(probes.TimeWait)
}

// LostLastACK plays a close whose last ACK a gate drops: the FIN comes again,
// and TIME-WAIT answers again.
func (c *Conn) LostLastACK(rule string) {
	a, b := c.Opener, c.Acceptor
	c.HalfClose(a, "close")
	var fin *Packet
	b.Call("close", "", "", 0, func() {
		b.Enter(probes.LastAck)
		fin = b.Emit(finAck, "", 0)
		fin.Deliver()
	})
	a.State = probes.TimeWait
	a.Emit(probes.ACK, "", 0).Drop(rule)
	c.script.Wait(220 * time.Millisecond)
	fin.Again().Deliver()
	a.Emit(probes.ACK, "", 0).Deliver()
	b.Enter(probes.Closed)
}

// LostFirstFIN plays a close whose first FIN a gate drops.
func (c *Conn) LostFirstFIN(rule string) {
	a, b := c.Opener, c.Acceptor
	fin := c.fin(a, "close")
	fin.Drop(rule)
	c.script.Wait(220 * time.Millisecond)
	fin.Again().Deliver()
	b.Enter(probes.CloseWait)
	b.Emit(probes.ACK, "", 0).Deliver()
	a.Enter(probes.FinWait2)
	a.Mini(probes.FinWait2)
	b.Call("receive", "", "EOF", 0, nil)
	c.LastHalf(b)
}

// Unanswered plays a SYN, and n repetitions, that a gate drops.
func (c *Conn) Unanswered(rule string, n int) {
	c.Opener.Call("connect", "", "ETIMEDOUT", 0, func() {
		syn := c.SYN()
		syn.Drop(rule)
		for i := range n {
			c.script.Wait(time.Second << i)
			syn = syn.Again()
			syn.Drop(rule)
		}
		c.script.Wait(time.Second << n)
		c.Opener.Enter(probes.Closed)
	})
}

// Unread plays the end of a connection whose end by closes without having read
// what came: RFC 9293 section 3.6.1.
func (c *Conn) Unread(by *End) {
	by.peer.Call("send", "", "", 4, func() { by.peer.Emit(pshAck, "more", 4).Deliver() })
	by.Emit(probes.ACK, "", 0).Deliver()
	by.Call("close", "", "", 0, func() {
		by.Enter(probes.Closed)
		by.Emit(rstAck, "", 0).Deliver()
	})
	by.peer.Enter(probes.Closed)
	by.peer.Call("receive", "", "ECONNRESET", 0, nil)
}

// Shot plays an end that a gate resets in its peer's name. The peer goes on,
// and is reset by the end itself.
func (c *Conn) Shot(rule string, at *End) {
	peer := at.peer
	peer.Forge(rule, probes.Segment{Seq: peer.Seq, Ack: peer.Ack, Flags: rstAck, Window: 65535}).Arrive()
	at.Enter(probes.Closed)
	at.Call("receive", "", "ECONNRESET", 0, nil)
	c.script.Wait(time.Millisecond)
	peer.Call("send", "", "", 5, func() { peer.Emit(pshAck, "there", 5).Arrive() })
	at.Inject(probes.Segment{Seq: at.Seq, Flags: probes.RST}).Deliver()
	peer.Enter(probes.Closed)
	peer.Call("receive", "", "ECONNRESET", 0, nil)
}

// Challenge plays an open connection into which a gate sends a SYN in one
// end's name: the other answers with an ACK, RFC 5961 section 4.
func (c *Conn) Challenge(rule string, at *End) {
	peer := at.peer
	peer.Forge(rule, probes.Segment{Seq: peer.Seq + 1000, Flags: probes.SYN, Window: 65535, MSS: 1460}).Arrive()
	at.Emit(probes.ACK, "", 0).Deliver()
}
