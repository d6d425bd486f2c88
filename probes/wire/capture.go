package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/sys/unix"
)

// A capture makes the pcapng file
// (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html). What it
// gives to its queue are whole blocks, so the file can be read at any time.
// The capture of no file counts frames.
type capture struct {
	queue   *queue // nil: no file
	chunk   []byte // blocks that the queue was not given yet
	ng      *pcapgo.NgWriter
	started time.Time
	frames  uint64 // counted, whether or not they could be written
}

// newCapture begins a file with the interfaces of rings, and gives each port
// its number in it.
func newCapture(q *queue, snap int, rings []*ring) (*capture, error) {
	c := &capture{queue: q, started: time.Now()}
	if q == nil {
		return c, nil
	}
	c.chunk = q.chunk()
	options := pcapgo.DefaultNgWriterOptions
	options.SectionInfo.Application = "netlab"
	id := 0
	for _, r := range rings {
		for _, at := range r.place.Ports {
			intf := pcapgo.NgInterface{
				Name:        at.Link + "@" + r.place.Node,
				Description: at.Name,
				LinkType:    layers.LinkTypeEthernet,
				SnapLength:  uint32(snap),
			}
			r.ports[int32(at.Ifindex)].id = uint32(id)
			id++
			var err error
			if c.ng == nil {
				c.ng, err = pcapgo.NewNgWriterInterface(c, intf, options)
			} else {
				_, err = c.ng.AddInterface(intf)
			}
			if err != nil {
				return nil, fmt.Errorf("describe interface %s of %s in capture: %w", at.Name, r.place.Node, err)
			}
		}
	}
	if c.ng == nil {
		return c, nil // a lab without links
	}
	return c, c.ng.Flush()
}

// Write takes what ng writes.
func (c *capture) Write(b []byte) (int, error) {
	c.chunk = append(c.chunk, b...)
	return len(b), nil
}

// add counts a frame, writes it and returns its number in the file, from 1.
func (c *capture) add(p *port, f *frame) uint64 {
	c.frames++
	if c.queue != nil {
		if len(c.chunk)+len(f.data)+packetRoom > cap(c.chunk) {
			c.pass()
		}
		c.chunk = appendPacket(c.chunk, p.id, f)
	}
	return c.frames
}

// flush passes on what there is, unless the disk is behind anyway.
func (c *capture) flush() {
	if c.queue != nil && len(c.chunk) > 0 && c.queue.idle() {
		c.pass()
	}
}

func (c *capture) pass() {
	c.queue.put(c.chunk)
	c.chunk = c.queue.chunk()
}

// finish writes the statistics of all interfaces. The kernel counts drops
// per namespace: of the interfaces of a switch each is given the sum.
func (c *capture) finish(rings []*ring) error {
	if c.ng == nil {
		return nil
	}
	end := time.Now()
	for _, r := range rings {
		for _, at := range r.place.Ports {
			p := r.ports[int32(at.Ifindex)]
			if err := c.ng.WriteInterfaceStats(int(p.id), pcapgo.NgInterfaceStatistics{
				LastUpdate: end, StartTime: c.started, EndTime: end,
				PacketsReceived: p.frames, PacketsDropped: r.drops,
			}); err != nil {
				return fmt.Errorf("write statistics of interface %s of %s: %w", at.Name, r.place.Node, err)
			}
		}
	}
	if err := c.ng.Flush(); err != nil {
		return err
	}
	c.pass()
	return nil
}

// Lengths of an Enhanced Packet Block (section 4.3 of the format): its fixed
// fields, the option epb_flags, the end of options, and the length again.
const (
	packetHead = 28
	packetTail = 8 + 4 + 4
	packetRoom = packetHead + packetTail + 3 // and padding
)

// appendPacket appends the block of a frame. This is done without NgWriter,
// which allocates for each: there may be some hundred thousand a second.
func appendPacket(b []byte, intf uint32, f *frame) []byte {
	le := binary.LittleEndian
	padding := -len(f.data) & 3
	length := uint32(packetHead + len(f.data) + padding + packetTail)
	stamp := uint64(f.sec)*1e9 + uint64(f.nsec)
	b = le.AppendUint32(b, 6)
	b = le.AppendUint32(b, length)
	b = le.AppendUint32(b, intf)
	b = le.AppendUint32(b, uint32(stamp>>32))
	b = le.AppendUint32(b, uint32(stamp))
	b = le.AppendUint32(b, uint32(len(f.data)))
	b = le.AppendUint32(b, uint32(max(f.size, len(f.data))))
	b = append(b, f.data...)
	b = append(b, 0, 0, 0)[:len(b)+padding]
	b = le.AppendUint32(b, 2|4<<16) // option epb_flags, 4 bytes
	b = le.AppendUint32(b, epbFlags(f.pkttype))
	b = le.AppendUint32(b, 0) // end of options
	return le.AppendUint32(b, length)
}

// epbFlags says which way a frame went, and to whom (section 4.3.1).
func epbFlags(pkttype uint8) uint32 {
	const in, out, unicast, multicast, broadcast, promiscuous = 1, 2, 1 << 2, 2 << 2, 3 << 2, 4 << 2
	switch pkttype {
	case unix.PACKET_OUTGOING:
		return out
	case unix.PACKET_HOST:
		return in | unicast
	case unix.PACKET_MULTICAST:
		return in | multicast
	case unix.PACKET_BROADCAST:
		return in | broadcast
	case unix.PACKET_OTHERHOST:
		return in | promiscuous
	}
	return in
}

var _ io.Writer = (*capture)(nil)
