package wire

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/sys/unix"
)

// A capture writes the pcapng file
// (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html). It
// writes whole blocks only, so the file can be read at any time. After its
// first error it writes no more. The capture of no file counts frames.
type capture struct {
	name    string
	buf     *bufio.Writer
	ng      *pcapgo.NgWriter
	started time.Time
	frames  uint64 // counted, whether or not they could be written
	err     error
}

// captureBuffer is what is collected before it is written at the latest.
const captureBuffer = 512 << 10

// A limited writer passes on at most left bytes, whole calls only.
type limited struct {
	w    io.Writer
	max  int64 // 0: no limit
	done int64
}

func (l *limited) Write(b []byte) (int, error) {
	if l.max > 0 && l.done+int64(len(b)) > l.max {
		return 0, fmt.Errorf("limit of %d bytes reached", l.max)
	}
	n, err := l.w.Write(b)
	l.done += int64(n)
	return n, err
}

// newCapture begins a file with the interfaces of rings, and gives each port
// its number in it. w may be nil.
func newCapture(w io.Writer, max int64, snap int, rings []*ring) *capture {
	c := &capture{name: "capture", started: time.Now()}
	if f, ok := w.(interface{ Name() string }); ok {
		c.name = "capture file " + f.Name()
	}
	if w == nil {
		return c
	}
	// NgWriter uses a bufio.Writer of sufficient size as it is: bufio's
	// promise. So c.buf is where it writes, and c decides when to flush.
	c.buf = bufio.NewWriterSize(&limited{w: w, max: max}, captureBuffer)
	options := pcapgo.DefaultNgWriterOptions
	options.SectionInfo.Application = "netlab"
	id := 0
	for _, r := range rings {
		for _, at := range r.place.Ports {
			intf := pcapgo.NgInterface{
				Name:                at.Link + "@" + r.place.Node,
				Description:         at.Name,
				LinkType:            layers.LinkTypeEthernet,
				SnapLength:          uint32(snap),
				TimestampResolution: 9,
			}
			r.ports[int32(at.Ifindex)].id = id
			if id++; c.ng == nil {
				c.ng, c.err = pcapgo.NewNgWriterInterface(c.buf, intf, options)
			} else if c.err == nil {
				_, c.err = c.ng.AddInterface(intf)
			}
		}
	}
	c.flush()
	return c
}

// add counts a frame, writes it and returns its number in the file, from 1.
func (c *capture) add(p *port, f *frame) uint64 {
	c.frames++
	if c.ng == nil || c.err != nil {
		return c.frames
	}
	if c.buf.Available() < len(f.data)+64 { // the block's own fields take 44
		if c.flush(); c.err != nil {
			return c.frames
		}
	}
	c.err = c.ng.WritePacketWithOptions(gopacket.CaptureInfo{
		Timestamp:      time.Unix(int64(f.sec), int64(f.nsec)),
		CaptureLength:  len(f.data),
		Length:         max(f.size, len(f.data)),
		InterfaceIndex: p.id,
	}, f.data, pcapgo.NgPacketOptions{Flags: epbFlags(f.pkttype)})
	return c.frames
}

// epbFlags says which way a frame went, and to whom.
func epbFlags(pkttype uint8) *pcapgo.NgEpbFlags {
	f := &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}
	switch pkttype {
	case unix.PACKET_OUTGOING:
		f.Direction = pcapgo.NgEpbFlagDirectionOutbound
	case unix.PACKET_HOST:
		f.Reception = pcapgo.NgEpbFlagReceptionTypeUnicast
	case unix.PACKET_MULTICAST:
		f.Reception = pcapgo.NgEpbFlagReceptionTypeMulticast
	case unix.PACKET_BROADCAST:
		f.Reception = pcapgo.NgEpbFlagReceptionTypeBroadcast
	case unix.PACKET_OTHERHOST:
		f.Reception = pcapgo.NgEpbFlagReceptionTypePromiscuous
	}
	return f
}

// flush writes what was collected.
func (c *capture) flush() {
	if c.ng == nil || c.err != nil || c.buf.Buffered() == 0 {
		return
	}
	c.err = c.buf.Flush()
}

// finish writes the statistics of all interfaces and returns the first error
// of all, naming the file. The kernel counts drops per namespace: of the
// interfaces of a switch each is given the sum.
func (c *capture) finish(rings []*ring) error {
	end := time.Now()
	for _, r := range rings {
		for _, at := range r.place.Ports {
			if c.ng == nil || c.err != nil {
				break
			}
			if c.buf.Available() < 128 {
				c.flush()
			}
			p := r.ports[int32(at.Ifindex)]
			c.err = c.ng.WriteInterfaceStats(p.id, pcapgo.NgInterfaceStatistics{
				LastUpdate: end, StartTime: c.started, EndTime: end,
				PacketsReceived: p.frames, PacketsDropped: r.drops,
			})
		}
	}
	c.flush()
	if c.err != nil {
		return fmt.Errorf("write %s: %w", c.name, c.err)
	}
	return nil
}
