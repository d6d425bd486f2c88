// Package checktest makes timelines and scenarios by hand, for tests of
// packages that read them: what a timeline says is written down witness by
// witness, without events that would have to be joined first.
package checktest

import (
	"net/netip"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
)

// Options choose who observed the run. The zero Options are an ordinary
// user's run: every probe but bpf.
type Options struct {
	Root    bool            // bpf was there
	Without []probes.Source // these were not
	IPv6    bool
}

// A Builder makes a timeline.
type Builder struct {
	TL   *timeline.Timeline
	opts Options
	now  probes.Mono
	port uint16
	step int
}

// New starts a timeline. The window opens at once; Done closes it.
func New(opts Options) *Builder {
	b := &Builder{opts: opts, now: 1e9, port: 41820, TL: &timeline.Timeline{
		Header: probes.Header{
			Format: probes.Format, Version: "test", Kernel: "6.18.44", Seed: 1, Root: opts.Root,
			Started:  time.Date(2026, 8, 1, 15, 4, 21, 0, time.UTC),
			Scenario: "ftp-close", Variant: "base",
			Nodes: []probes.NodeInfo{{Name: "client", Cookie: 11}, {Name: "server", Cookie: 12}},
		}, Open: 1e9, Complete: true,
	}}
	for _, src := range []probes.Source{probes.BPF, probes.SockDiag, probes.SS, probes.Wire, probes.Calls} {
		st := probes.ProbeStatus{Source: src, Grade: probes.Recorded}
		if src == probes.SockDiag || src == probes.SS {
			st.Grade = probes.Sampled
		}
		if !b.has(src) {
			st = probes.ProbeStatus{Source: src, Reason: "EPERM, unprivileged_bpf_disabled=2", Remedy: "sudo netlab run ftp-close"}
		}
		b.TL.Header.Probes = append(b.TL.Header.Probes, st)
	}
	b.event(probes.Event{Source: probes.Lab, Kind: probes.KindMark, Mark: probes.WindowOpen})
	return b
}

func (b *Builder) has(src probes.Source) bool {
	for _, s := range b.opts.Without {
		if s == src {
			return false
		}
	}
	return src != probes.BPF || b.opts.Root
}

func (b *Builder) event(ev probes.Event) uint64 {
	ev.Seq = uint64(len(b.TL.Events) + 1)
	if ev.Time == 0 {
		ev.Time = b.now
	}
	b.TL.Events = append(b.TL.Events, ev)
	return ev.Seq
}

// Wait lets time pass.
func (b *Builder) Wait(d time.Duration) { b.now += probes.Mono(d) }

// Done closes the window.
func (b *Builder) Done() *timeline.Timeline {
	b.Wait(time.Millisecond)
	b.TL.Close = b.now
	b.event(probes.Event{Source: probes.Lab, Kind: probes.KindMark, Mark: probes.WindowClose})
	b.event(probes.Event{Source: probes.Lab, Kind: probes.KindMark, Mark: probes.Complete})
	return b.TL
}

// Step runs fn as a step with a result.
func (b *Builder) Step(verb, name string, result probes.Step, fn func()) {
	b.step++
	s := &timeline.Step{Step: result, Start: b.now}
	s.Index, s.Verb, s.Name = b.step, verb, name
	s.Begun = b.event(probes.Event{Source: probes.Lab, Kind: probes.KindStep, Step: &probes.Step{Index: b.step, Verb: verb, Name: name}})
	b.TL.Steps = append(b.TL.Steps, s)
	b.Wait(10 * time.Microsecond)
	fn()
	b.Wait(10 * time.Microsecond)
	s.End, s.Step.Ended = b.now, true
	s.Ended = b.event(probes.Event{Source: probes.Lab, Kind: probes.KindStep, Step: &s.Step})
}

// A Conn is a connection being written.
type Conn struct {
	*timeline.Connection
	b   *Builder
	seq [2]uint32
	ack [2]uint32
	out [2]string // what was sent, as far as it has a text
}

// Dial makes a connection of a node to another; nothing is sent yet.
func (b *Builder) Dial(from, to string, port uint16, server string) *Conn {
	addr := func(node string) netip.Addr {
		v4, v6 := "10.77.0.1", "fd77::1"
		if node == "server" {
			v4, v6 = "10.77.0.2", "fd77::2"
		}
		if b.opts.IPv6 {
			return netip.MustParseAddr(v6)
		}
		return netip.MustParseAddr(v4)
	}
	b.port += 2
	flow := probes.Flow{Local: netip.AddrPortFrom(addr(from), b.port), Remote: netip.AddrPortFrom(addr(to), port)}
	c := &Conn{b: b, seq: [2]uint32{1000, 5000}, Connection: &timeline.Connection{
		Ordinal: len(b.TL.Connections) + 1, Step: b.step, Server: server,
		Opener:   &timeline.Endpoint{Ordinal: 2*len(b.TL.Connections) + 1, Node: from, Flow: flow},
		Acceptor: &timeline.Endpoint{Ordinal: 2*len(b.TL.Connections) + 2, Node: to, Flow: flow.Reverse()},
	}}
	for _, e := range c.Ends() {
		e.Sock = probes.SocketID{NetNS: 11, Cookie: uint64(100 + e.Ordinal)}
		e.Views = map[probes.Class]timeline.View{
			probes.KernelEvents: {Whole: b.has(probes.BPF), Why: "bpf is missing"},
			probes.KernelState:  {Why: "a sampler"},
			probes.Model:        {Whole: b.has(probes.Wire), Why: "wire is missing"},
		}
	}
	b.TL.Connections = append(b.TL.Connections, c.Connection)
	return c
}

func (c *Conn) end(opener bool) (*timeline.Endpoint, int) {
	if opener {
		return c.Opener, 0
	}
	return c.Acceptor, 1
}

// Segment sends a segment from the opener or the acceptor and lets it
// arrive; nil if the wire was not captured.
func (c *Conn) Segment(opener bool, flags probes.Flags, length int, text string) *timeline.Segment {
	b := c.b
	from, i := c.end(opener)
	to, k := c.end(!opener)
	b.Wait(5 * time.Microsecond)
	s := &timeline.Segment{Frame: len(b.TL.Segments) + 1, Connection: c.Connection, From: from.Node, To: to.Node, Opener: opener,
		Segment: probes.Segment{Link: "wire", Dir: probes.Out, Seq: c.seq[i], Flags: flags, Len: length, Window: 502, Text: text}}
	if flags.Has(probes.ACK) {
		s.Ack = c.ack[i]
	}
	c.out[i] += text
	c.seq[i] += uint32(length)
	if flags&(probes.SYN|probes.FIN) != 0 {
		c.seq[i]++
	}
	c.ack[k] = c.seq[i]
	if !b.has(probes.Wire) {
		b.Wait(5 * time.Microsecond)
		return s
	}
	c.tap(s, from.Node, probes.Out, from.Flow)
	b.Wait(5 * time.Microsecond)
	c.tap(s, to.Node, probes.In, to.Flow)
	b.TL.Segments = append(b.TL.Segments, s)
	c.Segments = append(c.Segments, s)
	return s
}

func (c *Conn) tap(s *timeline.Segment, node string, dir probes.Direction, flow probes.Flow) {
	seg := s.Segment
	seg.Dir = dir
	seq := c.b.event(probes.Event{Source: probes.Wire, Kind: probes.KindSegment, Grade: probes.Recorded, Node: node, Flow: flow, Segment: &seg})
	s.Taps = append(s.Taps, timeline.Tap{Event: seq, Node: node, Link: "wire", Dir: dir, Time: c.b.now})
}

// Enter lets an end enter a state. The sources that were there and can see
// it witness it: bpf records all but TIME-WAIT and request sockets, the
// samplers see what lasts, the model infers all.
func (c *Conn) Enter(opener bool, state probes.State) {
	b := c.b
	e, _ := c.end(opener)
	b.Wait(time.Microsecond)
	v := timeline.Visit{State: state, From: b.now}
	witness := func(src probes.Source, grade probes.Grade, event uint64) {
		v.Witnesses = append(v.Witnesses, timeline.Witness{Source: src, Grade: grade, Event: event, Time: b.now})
	}
	hidden := state == probes.TimeWait || state == probes.Closed && len(e.History) == 0
	if b.has(probes.BPF) && !hidden {
		witness(probes.BPF, probes.Recorded, b.event(probes.Event{Source: probes.BPF, Kind: probes.KindState, Grade: probes.Recorded, Node: e.Node, Sock: e.Sock, Flow: e.Flow, New: state}))
	}
	if state == probes.Established || state == probes.TimeWait {
		for _, src := range []probes.Source{probes.SockDiag, probes.SS} {
			if b.has(src) {
				witness(src, probes.Sampled, b.event(probes.Event{Source: src, Kind: probes.KindSample, Grade: probes.Sampled,
					Node: e.Node, Sock: e.Sock, Flow: e.Flow, New: state, Sample: &probes.Sample{Since: b.now - 1000}}))
			}
		}
	}
	if b.has(probes.Wire) && len(c.Segments) > 0 && !(state == probes.Closed && len(e.History) == 0) {
		last := c.Segments[len(c.Segments)-1]
		witness(probes.Wire, probes.Inferred, last.Taps[len(last.Taps)-1].Event)
	}
	if n := len(e.History); n > 0 {
		e.History[n-1].Until = b.now
	}
	e.History = append(e.History, v)
}

// Open plays the three-way handshake.
func (c *Conn) Open() {
	c.Enter(true, probes.Closed)
	c.Segment(true, probes.SYN, 0, "")
	c.Enter(true, probes.SynSent)
	c.Enter(false, probes.SynReceived)
	c.Segment(false, probes.SYN|probes.ACK, 0, "")
	c.Enter(true, probes.Established)
	c.Segment(true, probes.ACK, 0, "")
	c.Enter(false, probes.Established)
}

// Send sends data, acknowledged at once.
func (c *Conn) Send(opener bool, text string, length int) {
	c.Segment(opener, probes.PSH|probes.ACK, length, text)
	c.Segment(!opener, probes.ACK, 0, "")
}

// FourWay plays a close in four segments.
func (c *Conn) FourWay(opener bool) {
	c.Segment(opener, probes.FIN|probes.ACK, 0, "")
	c.Enter(opener, probes.FinWait1)
	c.Enter(!opener, probes.CloseWait)
	c.Segment(!opener, probes.ACK, 0, "")
	c.Enter(opener, probes.FinWait2)
	c.lastHalf(opener)
}

// ThreeWay plays a close in three segments.
func (c *Conn) ThreeWay(opener bool) {
	c.Segment(opener, probes.FIN|probes.ACK, 0, "")
	c.Enter(opener, probes.FinWait1)
	c.Enter(!opener, probes.CloseWait)
	c.Segment(!opener, probes.FIN|probes.ACK, 0, "")
	c.Enter(!opener, probes.LastAck)
	c.Enter(opener, probes.FinWait2)
	c.Segment(opener, probes.ACK, 0, "")
	c.Enter(opener, probes.TimeWait)
	c.Enter(!opener, probes.Closed)
	c.gone(!opener)
}

func (c *Conn) lastHalf(opener bool) {
	c.Segment(!opener, probes.FIN|probes.ACK, 0, "")
	c.Enter(!opener, probes.LastAck)
	c.Enter(opener, probes.TimeWait)
	c.Segment(opener, probes.ACK, 0, "")
	c.Enter(!opener, probes.Closed)
	c.gone(!opener)
}

// Reset lets an end abort the connection.
func (c *Conn) Reset(opener bool) {
	c.Segment(opener, probes.RST|probes.ACK, 0, "")
	c.Enter(opener, probes.Closed)
	c.Enter(!opener, probes.Closed)
	c.gone(true)
	c.gone(false)
}

// gone records a look that no longer lists an end.
func (c *Conn) gone(opener bool) {
	e, _ := c.end(opener)
	c.b.Wait(100 * time.Microsecond)
	if c.b.has(probes.SockDiag) {
		c.b.event(probes.Event{Source: probes.SockDiag, Kind: probes.KindSample, Grade: probes.Sampled, Node: e.Node, Sock: e.Sock, Flow: e.Flow,
			New: probes.Established, Sample: &probes.Sample{Gone: true, Since: c.b.now - 1000}})
	}
}
