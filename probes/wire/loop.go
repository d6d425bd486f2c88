package wire

import (
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// A loop reads the rings of a probe while it runs. Frames are passed on in
// the order of their time: a frame waits in its ring until no other ring can
// bring an older one, which the open blocks' counts of frames show.
type loop struct {
	*Probe
	emit    func(probes.Event)
	busy    []*ring   // that are read in rounds, and not by the poller's news
	heads   rings     // that have a frame to read
	held    time.Time // since when none of heads was passed on; 0 if not so
	now     func(sec, nsec uint32) probes.Mono
	opened  func()
	packet  packet
	scratch []byte // a frame with its VLAN tag put back
}

const (
	// tickEvery is the time between comparisons of the clocks.
	tickEvery = time.Second
	// A ring that brought something is read every round without being asked
	// for, until it was quiet for quietRounds. To wake a reader for each
	// block costs the sender time, and while the kernel does so, a frame from
	// another processor finds no room (tpacket_rcv looks at the active block
	// without the lock, and sees the one that prb_close_block just closed).
	round       = 2 * time.Millisecond
	quietRounds = 8
)

func newLoop(p *Probe, emit func(probes.Event)) *loop {
	l := &loop{Probe: p, emit: emit, now: p.clock.convert}
	l.opened = func() {
		if p.clock.moved() {
			emit(p.clock.event(p.clock.tick()))
		}
	}
	return l
}

// run reads until ctx ends, and then what is left.
func (l *loop) run(ctx context.Context) error {
	return errors.Join(l.read(ctx), l.drain())
}

// read reads until ctx ends.
func (l *loop) read(ctx context.Context) error {
	l.emit(l.clock.event(l.first))
	tick := time.Now().Add(tickEvery)
	for ctx.Err() == nil {
		patience := time.Until(tick)
		if len(l.busy) > 0 {
			patience = round
		}
		news, err := l.poller.wait(patience)
		if err != nil {
			return fmt.Errorf("capture: %w", err)
		}
		for _, e := range news {
			l.hear(e)
		}
		if err := l.round(); err != nil {
			return err
		}
		if now := time.Now(); now.After(tick) {
			tick = now.Add(tickEvery)
			if err := l.tick(); err != nil {
				return err
			}
		}
	}
	return nil
}

// hear takes notice of what a socket has to say.
func (l *loop) hear(e unix.EpollEvent) {
	r := l.rings[e.Fd]
	if e.Events&unix.EPOLLERR != 0 {
		// The interface went down, or is not up yet (ENETDOWN): reading the
		// error clears it, and capture goes on when it comes up.
		_, _ = unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	}
	r.quietly = 0
	l.busy = append(l.busy, r)
}

// round reads the busy rings, and leaves those that have become quiet to the
// poller.
func (l *loop) round() error {
	for _, r := range l.busy {
		l.look(r)
	}
	if l.pass(l.late()) {
		l.held = time.Time{}
	}
	l.capture.flush()
	still := l.busy[:0]
	for _, r := range l.busy {
		if r.lined || r.waiting() || r.taken != r.before {
			r.quietly = 0
		}
		r.before = r.taken
		if r.quietly++; r.quietly <= quietRounds {
			still = append(still, r)
		} else if err := l.poller.again(r.fd, r.id); err != nil {
			return fmt.Errorf("capture in %s: %w", r.place.Node, err)
		}
	}
	l.busy = still
	return nil
}

// late reports whether frames have been held for too long.
func (l *loop) late() bool {
	switch {
	case len(l.heads) == 0:
		return false
	case l.held.IsZero():
		l.held = time.Now()
	}
	return time.Since(l.held) > l.patience
}

// look lines r up if it has something to read.
func (l *loop) look(r *ring) {
	if !r.lined && r.peek(l.now, l.opened) {
		r.lined = true
		heap.Push(&l.heads, r)
	}
}

// pass passes on the frames that are due, or all if force is set, or if a
// ring is half full, and reports whether there were any.
func (l *loop) pass(force bool) (some bool) {
	if len(l.heads) == 0 {
		return false
	}
	horizon := probes.Mono(1<<63 - 1)
	for _, r := range l.rings {
		if !r.lined {
			horizon = min(horizon, r.quiet())
		}
	}
	for len(l.heads) > 0 {
		r := l.heads[0]
		if !force && r.head.time > horizon {
			if force = l.heads.pressed(); !force {
				return some
			}
		}
		some = true
		l.handle(r, &r.head)
		r.take()
		if r.peek(l.now, l.opened) {
			heap.Fix(&l.heads, 0)
			continue
		}
		heap.Pop(&l.heads)
		r.lined = false
		horizon = min(horizon, r.quiet())
	}
	return some
}

// handle writes a frame to the capture file and emits it if it is a segment.
func (l *loop) handle(r *ring, f *frame) {
	p := r.ports[f.ifindex]
	if p == nil {
		return // an interface of the namespace that is no link end of the place
	}
	if f.status&unix.TP_STATUS_VLAN_VALID != 0 {
		l.retag(f)
	}
	p.frames++
	number := l.capture.add(p, f)
	const unsummed = unix.TP_STATUS_CSUMNOTREADY | unix.TP_STATUS_CSUM_VALID
	switch decode(f.data, f.size, f.status&unsummed != 0, &l.packet) {
	case tcpFragment:
		r.fragments++
	case tcpCut:
		r.cuts++
	case tcpSegment:
		l.emit(segment(r, p, f, &l.packet, number))
	}
}

// segment makes the event of a frame.
func segment(r *ring, p *port, f *frame, d *packet, number uint64) probes.Event {
	s := d.seg
	s.Link, s.Capture, s.Snapped = p.Link, number, len(f.data) < f.size
	flow := probes.Flow{Local: d.src, Remote: d.dst}
	if s.Dir = probes.Out; f.pkttype != unix.PACKET_OUTGOING {
		s.Dir = probes.In
		if !r.place.Forwards && f.pkttype != unix.PACKET_OTHERHOST {
			flow = flow.Reverse()
		}
	}
	return probes.Event{
		Time: f.time, Source: probes.Wire, Kind: probes.KindSegment, Grade: probes.Recorded,
		Node: r.place.Node, Sock: probes.SocketID{NetNS: r.place.Cookie}, Flow: flow, Segment: &s,
	}
}

// retag puts the VLAN tag back that the kernel keeps beside the frame.
func (l *loop) retag(f *frame) {
	if len(f.data) < 12 {
		return
	}
	tpid := f.tpid
	if f.status&unix.TP_STATUS_VLAN_TPID_VALID == 0 {
		tpid = etherVLAN
	}
	b := append(l.scratch[:0], f.data[:12]...)
	b = binary.BigEndian.AppendUint16(b, tpid)
	b = binary.BigEndian.AppendUint16(b, uint16(f.tci))
	l.scratch = append(b, f.data[12:]...)
	f.data, f.size = l.scratch, f.size+4
}

// tick does what is done every second.
func (l *loop) tick() error {
	l.emit(l.clock.event(l.clock.tick()))
	for _, r := range l.rings {
		if r.taken == r.counted {
			continue
		}
		r.counted = r.taken
		if err := r.statistics(); err != nil {
			return err
		}
		l.dropped(r)
	}
	return nil
}

// drain reads what the kernel holds when no more is to come: the block that
// it is filling is handed over a few milliseconds later, and is waited for
// only if something is in it.
func (l *loop) drain() error {
	var errs error
	for _, r := range l.rings {
		errs = errors.Join(errs, r.stop())
	}
	left := append([]*ring(nil), l.rings...)
	end := time.Now().Add(10 * l.patience)
	for {
		still := left[:0]
		for _, r := range left {
			l.look(r)
			if done, err := r.drained(); err != nil {
				errs = errors.Join(errs, err)
			} else if !done {
				still = append(still, r)
				errs = errors.Join(errs, l.poller.again(r.fd, r.id))
			}
		}
		left = still
		now := time.Now()
		l.pass(len(left) == 0 || now.After(end))
		if len(left) == 0 && len(l.heads) == 0 || now.After(end) {
			break
		}
		if _, err := l.poller.wait(l.patience / 4); err != nil {
			return errors.Join(errs, fmt.Errorf("capture: %w", err))
		}
	}
	for _, r := range l.rings {
		l.losses(r)
	}
	l.emit(l.clock.event(l.clock.tick()))
	return errs
}

// losses tells what a ring did not bring in the end.
func (l *loop) losses(r *ring) {
	l.dropped(r)
	if held := r.packets - r.drops; held != r.taken {
		l.lost(r, "the kernel's count of captured frames differs from ours", max(held, r.taken)-min(held, r.taken))
	}
	if r.fragments > 0 {
		l.lost(r, "IP fragments of TCP, which are not put together", r.fragments)
	}
	if r.cuts > 0 {
		l.lost(r, "frames cut inside the TCP header", r.cuts)
	}
}

// dropped tells drops that were not told yet.
func (l *loop) dropped(r *ring) {
	if n := r.drops - r.reported; n > 0 {
		l.lost(r, fmt.Sprintf("capture ring full (%d times)", r.freezes), n)
		r.reported = r.drops
	}
}

func (l *loop) lost(r *ring, what string, n uint64) {
	l.emit(probes.Event{
		Time: clock.Now(), Source: probes.Wire, Kind: probes.KindLoss, Grade: probes.Recorded,
		Node: r.place.Node, Sock: probes.SocketID{NetNS: r.place.Cookie}, Loss: &probes.Loss{What: what, Count: n},
	})
}

// rings is a heap by the time of the next frame.
type rings []*ring

func (h rings) Len() int           { return len(h) }
func (h rings) Less(i, j int) bool { return h[i].head.time < h[j].head.time }
func (h rings) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *rings) Push(x any)        { *h = append(*h, x.(*ring)) }
func (h *rings) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	*h = (*h)[:last]
	return r
}

// pressed reports whether one of them is half full.
func (h rings) pressed() bool {
	for _, r := range h {
		if r.pressed() {
			return true
		}
	}
	return false
}
