// Package content reads the capture of a run again, as whoever reads along on
// the wire would, and tells what is in the streams of TCP: whether given texts
// are there, and which records of TLS.
//
// Each direction of a connection is a stream of its own, read from one tap:
// the sender's. There first transmissions come in order; what was sent again
// is left out; what the tap missed is a hole, and said. Where addresses are
// translated on the way, the translator's own segments are a further stream,
// with the flow that they have there.
//
// Everything in a frame is untrusted: nothing in it makes the reader panic,
// or keep more than a bounded amount of memory.
package content

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlab/probes"
	"netlab/probes/wire"

	"github.com/gopacket/gopacket/pcapgo"
)

// A Search says what to look for, and how to read the capture.
type Search struct {
	Texts  []string                                     // looked for in every stream; empty ones are left out
	Owners map[netip.Addr][]string                      // the nodes that have an address; several may have the same one
	Stacks bool                                         // tell how frames are made up, too
	Ports  map[uint16]probes.Protocol                   // of FTP and SMTP, beside their own; for Stacks
	Time   func(frame uint64, at time.Time) probes.Mono // when a frame of the capture was seen, given its number, from 1, and its stamp
}

// Read reads a capture in the format of package wire from its beginning to its
// end, and emits what it finds: TLS events as they come, and at the end of each
// stream one Found without a text, which says that it was read and whether it
// has holes or TLS that could not be followed to its end, and one for each
// text, with count 0 if it is not there. A capture that ends within a frame is
// read so far. What was emitted before an error holds.
func Read(r io.Reader, s Search, emit func(probes.Event)) error {
	ng, err := pcapgo.NewNgReader(bufio.NewReaderSize(r, 64<<10), pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if errors.Is(err, io.EOF) {
		return nil // a lab without links
	}
	if err != nil {
		return fmt.Errorf("read capture: %w", err)
	}
	d := newDesk(s, emit)
	for frame := uint64(1); ; frame++ {
		data, info, options, err := ng.ZeroCopyReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read frame %d of capture: %w", frame, err)
		}
		for n := len(d.taps); n < ng.NInterfaces(); n++ {
			intf, err := ng.Interface(n)
			if err != nil {
				return fmt.Errorf("read interface %d of capture: %w", n, err)
			}
			d.tap(intf.Name)
		}
		if d.stacks != nil && info.InterfaceIndex < len(d.taps) {
			d.stacks.frame(data, d.taps[info.InterfaceIndex], moment{frame: frame, time: s.Time(frame, info.Timestamp)})
		}
		p, ok := wire.Decode(data, info.Length)
		if !ok || info.InterfaceIndex >= len(d.taps) {
			continue
		}
		at := moment{frame: frame, time: s.Time(frame, info.Timestamp)}
		d.segment(info.InterfaceIndex, way(options.Flags), &p, at)
	}
	d.finish()
	if d.stacks != nil {
		d.stacks.finish(emit)
	}
	return nil
}

// A moment is a frame of the capture and when it was seen.
type moment struct {
	frame uint64
	time  probes.Mono
}

// way returns where a frame went at its tap, "" if that is not said.
func way(flags *pcapgo.NgEpbFlags) probes.Direction {
	if flags == nil {
		return ""
	}
	switch flags.Direction & 3 { // section 4.3.1 of the format
	case 1:
		return probes.In
	case 2:
		return probes.Out
	}
	return ""
}

// bounds of what is kept.
const (
	maxHeld      = 4 << 20  // bytes of one stream that wait for what comes before them
	maxPieces    = 4 << 10  // segments of one stream that do: they may be of one byte
	maxHeldTotal = 64 << 20 // of all streams
)

// A desk sorts segments to their streams.
type desk struct {
	Search
	texts   [][]byte
	emit    func(probes.Event)
	taps    []string // nodes of the capture's interfaces
	tapped  map[string]bool
	streams map[place]*stream
	order   []*stream // as they began
	held    int       // bytes, of all streams
	stacks  *stacks   // nil if nobody wants to know
	scratch []byte    // where finders put together what they search
}

// A place is where a stream is read: at the node that sent it, "" where that
// is not known.
type place struct {
	node string
	flow probes.Flow
}

func newDesk(s Search, emit func(probes.Event)) *desk {
	d := &desk{Search: s, emit: emit, tapped: map[string]bool{}, streams: map[place]*stream{}}
	if s.Stacks {
		d.stacks = newStacks(s.Ports)
	}
	for _, t := range s.Texts {
		if t != "" && !slices.ContainsFunc(d.texts, func(b []byte) bool { return string(b) == t }) {
			d.texts = append(d.texts, []byte(t))
		}
	}
	return d
}

// tap adds an interface of the capture, LINK@NODE.
func (d *desk) tap(name string) {
	node := name[strings.LastIndexByte(name, '@')+1:]
	d.taps = append(d.taps, node)
	d.tapped[node] = true
}

// segment gives a segment to the stream of its sender, if this is the tap to
// read it from; and says to the stream of its receiver what has arrived.
func (d *desk) segment(tap int, dir probes.Direction, p *wire.Packet, at moment) {
	node := d.taps[tap]
	flow := probes.Flow{Local: p.Src, Remote: p.Dst}
	owned := func(addr netip.Addr) bool { return slices.Contains(d.Owners[addr], node) }
	if dir != probes.Out && owned(p.Dst.Addr()) && p.Segment.Flags.Has(probes.ACK) {
		if s := d.streams[place{node, flow.Reverse()}]; s != nil {
			s.acked(p.Segment.Ack)
		}
	}
	switch {
	case dir != probes.In && owned(p.Src.Addr()):
		d.stream(place{node, flow}, tap, p).segment(p, at)
	case !slices.ContainsFunc(d.Owners[p.Src.Addr()], func(n string) bool { return d.tapped[n] }):
		// Nobody's address: whoever saw it first is as near as we get.
		if s := d.stream(place{"", flow}, tap, p); s.tap == tap {
			s.segment(p, at)
		}
	}
}

// stream returns the stream of a place. A SYN with another number begins
// another one: the ports are used again.
func (d *desk) stream(at place, tap int, p *wire.Packet) *stream {
	s := d.streams[at]
	if s != nil && (at.node != "" || s.tap == tap) && s.isOver(p) {
		s.finish()
		s = nil
	}
	if s == nil {
		s = newStream(d, at, tap)
		d.streams[at] = s
		d.order = append(d.order, s)
	}
	return s
}

// finish ends all streams.
func (d *desk) finish() {
	for _, s := range d.order {
		s.finish()
	}
}

// event makes an event of a stream.
func (d *desk) event(s *stream, at moment, e probes.Event) {
	e.Time, e.Source, e.Grade, e.Node, e.Flow = at.time, probes.Wire, probes.Recorded, s.place.node, s.place.flow
	d.emit(e)
}
