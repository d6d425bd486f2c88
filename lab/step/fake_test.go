package step

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/probes/timeline/timelinetest"
)

// A fakeLab is a lab that plays one connection between two imitated kernels.
// Every segment waits. What was recorded is written by timelinetest, so that
// the timeline is built as from a real run.
type fakeLab struct {
	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	number  uint64
	run     *timelinetest.Script
	conn    *timelinetest.Conn
	hooks   hooks
	waiting []*held
	ids     uint64
	doing   string
	kept    []string
	refuse  error // what the next act answers
	gates   []probes.Event
	more    []gate.Frame // that wait, too, and are not of the connection
}

// hooks is what the programs at both ends do.
type hooks struct {
	established func(l *fakeLab, e *timelinetest.End) // the end is in ESTABLISHED
	heard       func(l *fakeLab, e *timelinetest.End, text string)
	peerClosed  func(l *fakeLab, e *timelinetest.End)
	joins       bool // a FIN is acknowledged by the FIN that answers it
}

// A held is a packet that waits.
type held struct {
	gate.Frame
	packet *timelinetest.Packet
	from   *timelinetest.End
	to     *timelinetest.End
}

var _ Lab = (*fakeLab)(nil)

// newFake starts a connection of the client to the server: its SYN waits.
func newFake(h hooks, path timelinetest.Options, port uint16) *fakeLab {
	l := &fakeLab{changed: make(chan struct{}), number: 1, run: timelinetest.New(path), hooks: h, doing: "steps[1] tcp.connect"}
	l.run.Listen(port, "server")
	l.run.Mark(probes.WindowOpen)
	l.conn = l.run.Dial(port)
	l.hold(l.conn.SYN(), l.conn.Opener)
	return l
}

// hold lets a packet wait.
func (l *fakeLab) hold(p *timelinetest.Packet, from *timelinetest.End) {
	to := l.conn.Acceptor
	if from == to {
		to = l.conn.Opener
	}
	l.ids++
	seg := p.Segment
	f := gate.Frame{
		ID: l.ids, Link: "wire", From: from.Node, To: to.Node, Rule: probes.ByHand, Since: l.run.Now(),
		Flow: from.Flow, Segment: &seg, What: seg.Flags.String(),
		Seq: seg.Seq - isn(from), Data: bytesOf(seg, from.Flow),
	}
	if seg.Flags.Has(probes.ACK) {
		f.Ack = seg.Ack - isn(to)
	}
	l.waiting = append(l.waiting, &held{Frame: f, packet: p, from: from, to: to})
}

// isn returns an end's initial sequence number: timelinetest counts in steps
// of 100000.
func isn(e *timelinetest.End) uint32 { return e.Seq - (e.Seq-1000)%100000 }

// emit sends a segment, which waits.
func (l *fakeLab) emit(e *timelinetest.End, flags probes.Flags, text string) {
	l.hold(e.Emit(flags, text, len(text)), e)
}

// close lets an end's program call close().
func (l *fakeLab) close(e *timelinetest.End) {
	e.Call("close", "", "", 0, func() {
		if e.State == probes.CloseWait {
			e.Enter(probes.LastAck)
		} else {
			e.Enter(probes.FinWait1)
		}
		l.emit(e, probes.FIN|probes.ACK, "")
	})
}

// send lets an end's program send a text.
func (l *fakeLab) send(e *timelinetest.End, text string) {
	e.Call("send", "", "", len(text), func() { l.emit(e, probes.PSH|probes.ACK, text) })
}

func (l *fakeLab) View(context.Context) (View, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := append(l.run.Events(), l.gates...)
	slices.SortStableFunc(events, func(a, b probes.Event) int { return int(a.Time - b.Time) })
	for i := range events {
		events[i].Seq = uint64(i + 1)
	}
	t, err := timeline.Build(l.run.Header(), events)
	if err != nil {
		return View{}, err
	}
	v := View{Number: l.number, Timeline: t, Doing: l.doing, Kept: l.kept, Done: l.over()}
	for _, h := range l.waiting {
		v.Waiting = append(v.Waiting, h.Frame)
	}
	v.Waiting = append(v.Waiting, l.more...)
	v.Sockets = append(v.Sockets, Socket{Node: timelinetest.Server, State: probes.Listen, Object: probes.ListenerObject,
		Flow: probes.Flow{Local: l.conn.Acceptor.Flow.Local}})
	for _, e := range []*timelinetest.End{l.conn.Opener, l.conn.Acceptor} {
		if e.State == probes.Closed {
			continue
		}
		s := Socket{Node: e.Node, Flow: e.Flow, State: e.State, Object: probes.FullObject}
		switch e.State {
		case probes.TimeWait:
			s.Object, s.Timer, s.Expires = probes.MiniObject, "timewait", 59000
		case probes.SynReceived:
			s.Object = probes.RequestObject
		}
		if slices.ContainsFunc(l.waiting, func(h *held) bool { return h.from == e && h.Segment.Len > 0 }) {
			s.WQueue, s.Timer, s.Expires = 9, "on", 204
		}
		v.Sockets = append(v.Sockets, s)
	}
	return v, nil
}

// over reports whether nothing more will come.
func (l *fakeLab) over() bool {
	ended := func(s probes.State) bool { return s == probes.Closed || s == probes.TimeWait }
	return len(l.waiting) == 0 && ended(l.conn.Opener.State) && ended(l.conn.Acceptor.State)
}

func (l *fakeLab) Wait(ctx context.Context, seen uint64) error {
	for {
		l.mu.Lock()
		number, changed := l.number, l.changed
		l.mu.Unlock()
		if number != seen {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (l *fakeLab) Pass(_ context.Context, f gate.Frame) error {
	return l.act(f, func(h *held) { h.packet.Deliver(); l.receive(h) })
}

func (l *fakeLab) Drop(_ context.Context, f gate.Frame) error {
	return l.act(f, func(h *held) {
		l.run.Wait(time.Millisecond)
		l.gates = append(l.gates, probes.Event{Time: l.run.Now(), Source: probes.Gate, Kind: probes.KindGate, Node: h.From, Flow: h.Flow,
			Segment: h.Segment, Gate: &probes.Act{Do: probes.Dropped, Link: h.Link, To: h.To, Frame: h.ID, Rule: probes.ByHand}})
		l.run.Wait(200 * time.Millisecond)
		if h.Segment.Len > 0 || h.Segment.Flags&(probes.SYN|probes.FIN) != 0 { // it is sent again
			l.hold(h.packet.Again(), h.from)
		}
	})
}

func (l *fakeLab) Duplicate(_ context.Context, f gate.Frame) error {
	return l.act(f, func(h *held) { h.packet.Deliver(); h.packet.Arrive(); l.receive(h) })
}

// act does something to a frame that waits, once.
func (l *fakeLab) act(f gate.Frame, do func(*held)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refuse; err != nil {
		l.refuse = nil
		return err
	}
	i := slices.IndexFunc(l.waiting, func(h *held) bool { return h.ID == f.ID && h.Link == f.Link })
	if i < 0 {
		return errors.New("no such frame waits")
	}
	h := l.waiting[i]
	l.waiting = slices.Delete(l.waiting, i, i+1)
	l.run.Wait(100 * time.Microsecond)
	do(h)
	l.note()
	return nil
}

// note tells those who wait that something has changed.
func (l *fakeLab) note() {
	l.number++
	close(l.changed)
	l.changed = make(chan struct{})
}

// receive is what the kernel of the receiver does: RFC 9293 section 3.10.7,
// as far as it is played here.
func (l *fakeLab) receive(h *held) {
	e, s := h.to, h.Segment
	syn, fin, ack := s.Flags.Has(probes.SYN), s.Flags.Has(probes.FIN), s.Flags.Has(probes.ACK)
	acksAll := ack && s.Ack == e.Seq
	answer := func() { l.emit(e, probes.ACK, "") }
	switch {
	case e.State == probes.Closed && syn && !ack:
		l.hold(l.conn.SYNACK(), e)
	case e.State == probes.SynSent && syn && ack:
		e.Enter(probes.Established)
		answer()
		l.established(e)
	case e.State == probes.SynReceived && acksAll:
		e.Child()
		l.established(e)
	case e.State == probes.Established && s.Len > 0:
		answer()
		if l.hooks.heard != nil {
			l.hooks.heard(l, e, s.Text)
		}
	case e.State == probes.Established && fin:
		e.Enter(probes.CloseWait)
		if !l.hooks.joins {
			answer()
		}
		if l.hooks.peerClosed != nil {
			l.hooks.peerClosed(l, e)
		}
	case e.State == probes.FinWait1 && fin && acksAll, e.State == probes.FinWait2 && fin:
		answer()
		e.Mini(probes.TimeWait)
	case e.State == probes.FinWait1 && fin:
		answer()
		e.Enter(probes.Closing)
	case e.State == probes.FinWait1 && acksAll:
		e.Enter(probes.FinWait2)
	case e.State == probes.Closing && acksAll:
		e.Mini(probes.TimeWait)
	case e.State == probes.LastAck && acksAll:
		e.Enter(probes.Closed)
	}
}

func (l *fakeLab) established(e *timelinetest.End) {
	l.doing = "steps[2] tcp.close"
	if l.hooks.established != nil {
		l.hooks.established(l, e)
	}
}

// plainClose is a connection that the client closes at once, and the server
// then.
func plainClose() *fakeLab {
	return newFake(hooks{
		established: func(l *fakeLab, e *timelinetest.End) {
			if e == l.conn.Opener {
				l.close(e)
			}
		},
		peerClosed: func(l *fakeLab, e *timelinetest.End) { l.close(e) },
	}, timelinetest.Options{}, 80)
}

// crossedClose is a connection that both close before either FIN arrives.
func crossedClose() *fakeLab {
	return newFake(hooks{
		established: func(l *fakeLab, e *timelinetest.End) {
			if e == l.conn.Acceptor { // both are, then
				l.close(l.conn.Opener)
				l.close(l.conn.Acceptor)
			}
		},
	}, timelinetest.Options{}, 80)
}

// ftpClose is the end of an FTP session: 220, QUIT, 221, and the client closes
// first.
func ftpClose(path timelinetest.Options) *fakeLab {
	return newFake(hooks{
		established: func(l *fakeLab, e *timelinetest.End) {
			if e == l.conn.Acceptor {
				l.send(e, "220 ready\r\n")
			}
		},
		heard: func(l *fakeLab, e *timelinetest.End, text string) {
			switch text {
			case "220 ready\r\n":
				l.send(e, "QUIT\r\n")
			case "QUIT\r\n":
				l.send(e, "221 bye\r\n")
			case "221 bye\r\n":
				l.close(e)
			}
		},
		peerClosed: func(l *fakeLab, e *timelinetest.End) { l.close(e) },
	}, path, 21)
}

// bytesOf makes the frame of a segment.
func bytesOf(s probes.Segment, flow probes.Flow) []byte {
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(flow.Local.Port()), DstPort: layers.TCPPort(flow.Remote.Port()), Seq: s.Seq, Ack: s.Ack, Window: s.Window,
		FIN: s.Flags.Has(probes.FIN), SYN: s.Flags.Has(probes.SYN), RST: s.Flags.Has(probes.RST), PSH: s.Flags.Has(probes.PSH), ACK: s.Flags.Has(probes.ACK),
	}
	if tcp.SYN {
		tcp.Options = []layers.TCPOption{
			{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{0x05, 0xb4}},
			{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
			{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte{0, 0, 3, 232, 0, 0, 0, 0}},
			{OptionType: layers.TCPOptionKindNop, OptionLength: 1},
			{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}},
		}
	}
	e := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	var ip gopacket.SerializableLayer
	if flow.Local.Addr().Is4() {
		x := &layers.IPv4{Version: 4, TTL: 64, Id: s.IPID, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP,
			SrcIP: flow.Local.Addr().AsSlice(), DstIP: flow.Remote.Addr().AsSlice()}
		_ = tcp.SetNetworkLayerForChecksum(x)
		ip = x
	} else {
		x := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: flow.Local.Addr().AsSlice(), DstIP: flow.Remote.Addr().AsSlice()}
		_ = tcp.SetNetworkLayerForChecksum(x)
		e.EthernetType, ip = layers.EthernetTypeIPv6, x
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, e, ip, tcp, gopacket.Payload(s.Text)); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// predictOne stands in for the machine of RFC 9293.
func predictOne(v View, f gate.Frame) []string {
	p, sender := v.find(f)
	if f.Segment == nil {
		return nil
	}
	to := 1 - sender
	from := v.state(p, to)
	switch s := f.Segment; {
	case s.Flags.Has(probes.FIN) && from == probes.Established:
		return []string{p.sides[to].node + ": ESTABLISHED -> CLOSE-WAIT; it answers ACK", "section 3.10.7.4: the FIN is acknowledged, and the user told"}
	case s.Flags.Has(probes.FIN) && from == probes.FinWait1:
		return []string{p.sides[to].node + ": FIN-WAIT-1 -> CLOSING; it answers ACK", "section 3.10.7.4: its own FIN is not acknowledged"}
	}
	return []string{p.sides[to].node + ": " + from.String()}
}

func viewOf(tb testing.TB, l Lab) View {
	tb.Helper()
	v, err := l.View(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
