package wire

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// A ring is a packet socket with its TPACKET_V3 ring: blocks of memory shared
// with the kernel, filled and read in turn. It is used by one goroutine.
type ring struct {
	place probes.Place
	id    int             // the poller's name for it
	ports map[int32]*port // by ifindex
	fd    int
	mem   []byte
	block int // bytes
	count int // blocks
	cur   int // the block being read, or the next to be

	lined bool        // in the loop's heap
	left  int         // frames of the block that were not read yet; 0: the block is the kernel's
	off   int         // of the next of them
	head  frame       // that next one, read by peek
	last  probes.Mono // the latest time told

	before  uint64 // taken, a round ago
	quietly int    // rounds without a frame

	taken           uint64 // frames read
	counted         uint64 // taken when the statistics were last read
	packets, drops  uint64 // by the kernel's count: those that passed, and how many of them found no room
	freezes         uint64 // how often there was no free block
	reported        uint64 // drops that a Loss event told
	fragments, cuts uint64 // TCP that could not be decoded
}

// A port is one link end at work.
type port struct {
	probes.Port
	id     uint32 // interface in the capture file
	frames uint64 // captured
}

// A frame is one packet as the ring holds it. data points into the ring and
// dies with the next call of take.
type frame struct {
	time    probes.Mono
	sec     uint32 // CLOCK_REALTIME
	nsec    uint32
	size    int // on the wire
	status  uint32
	tci     uint32 // VLAN tag that the kernel took out of data
	tpid    uint16
	ifindex int32
	pkttype uint8
	data    []byte
}

// Lengths of include/uapi/linux/if_packet.h.
const (
	frameHead = unix.SizeofTpacket3Hdr // a struct sockaddr_ll follows it
	blockHead = 48                     // sizeof(struct tpacket_block_desc)
	// frameRoom is more than the kernel puts beside a frame into a block:
	// headers, alignment, its padding before the network header.
	frameRoom = blockHead + frameHead + unix.SizeofSockaddrLinklayer + 96
)

// newRing makes what is not yet open; id is the poller's name for it.
func newRing(place probes.Place, id int) *ring {
	r := &ring{place: place, id: id, fd: -1, ports: make(map[int32]*port, len(place.Ports))}
	for _, p := range place.Ports {
		r.ports[int32(p.Ifindex)] = &port{Port: p}
	}
	return r
}

// start begins the capture.
func (r *ring) start(g geometry, snap int) error {
	err := r.place.NS.Do(func() (err error) {
		r.fd, err = packetSocket()
		return err
	})
	if err != nil {
		return err
	}
	if err := r.open(g); err != nil {
		return err
	}
	return r.listen(snap)
}

// packetSocket makes the socket. It must be called inside the namespace.
// Protocol 0 means that it receives nothing before listen.
func packetSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return fd, os.NewSyscallError("socket AF_PACKET", err)
}

// open gives the socket its ring of g's size, or of half of it, and so on,
// where the kernel has no memory.
func (r *ring) open(g geometry) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return os.NewSyscallError("setsockopt PACKET_VERSION TPACKET_V3", err)
	}
	for {
		err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
			Block_size: uint32(g.block), Block_nr: uint32(g.count),
			Frame_size: frameStep, Frame_nr: uint32(g.block / frameStep * g.count), // of no meaning in V3, but checked
			Retire_blk_tov: uint32(g.retire.Milliseconds()),
		})
		if err == nil {
			break
		}
		if !errors.Is(err, unix.ENOMEM) || g.count/2 < minBlocks {
			return os.NewSyscallError("setsockopt PACKET_RX_RING", err)
		}
		g.count /= 2
	}
	mem, err := unix.Mmap(r.fd, 0, g.block*g.count, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	r.mem, r.block, r.count = mem, g.block, g.count
	return nil
}

// listen lets the kernel deliver. The ring of a place with one port listens
// to that alone, so that kernels before 6.15 need not ask every ring of the
// machine about every packet; else to all of the namespace, without what lies
// outside the ports' range of indexes, the loopback above all.
func (r *ring) listen(snap int) error {
	low, high := int32(0), int32(0)
	for i := range r.ports {
		if low == 0 || i < low {
			low = i
		}
		high = max(high, i)
	}
	if err := r.filter(capturing(uint32(low), uint32(high), uint32(snap))); err != nil {
		return err
	}
	addr := unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)}
	if low == high {
		addr.Ifindex = int(low)
	}
	err := unix.Bind(r.fd, &addr)
	if errors.Is(err, unix.ENODEV) && low == high { // the interface is yet to be made
		addr.Ifindex = 0
		err = unix.Bind(r.fd, &addr)
	}
	return os.NewSyscallError("bind AF_PACKET", err)
}

// stop cuts the ring off from the interfaces; what it holds stays.
func (r *ring) stop() error {
	return r.filter([]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}})
}

func (r *ring) filter(prog []unix.SockFilter) error {
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET,
		unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}))
}

// capturing is a filter that takes the first snap bytes of frames on
// interfaces low to high.
func capturing(low, high, snap uint32) []unix.SockFilter {
	const ifindex = 0xfffff000 + 8 // SKF_AD_OFF + SKF_AD_IFINDEX
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: ifindex},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: low, Jf: 2},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: high, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: snap},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
}

// networkOrder swaps the bytes of v if the machine's order is little-endian.
func networkOrder(v uint16) uint16 {
	b := [2]byte{byte(v >> 8), byte(v)}
	return *(*uint16)(unsafe.Pointer(&b))
}

// desc returns the header of block i.
func (r *ring) desc(i int) *unix.TpacketHdrV1 {
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&r.mem[i*r.block+8]))
}

// ready reports whether the block n after the current one is ours to read.
func (r *ring) ready(n int) bool {
	return atomic.LoadUint32(&r.desc((r.cur+n)%r.count).Block_status)&unix.TP_STATUS_USER != 0
}

// waiting reports whether the kernel holds frames in the block that it is
// filling, which is the current one whenever that is not ours.
func (r *ring) waiting() bool {
	return atomic.LoadUint32(&r.desc(r.cur).Num_pkts) != 0
}

// peek makes r.head the next frame, if there is one. convert turns its
// stamp into the clock of the run.
func (r *ring) peek(convert func(sec, nsec uint32) probes.Mono, opened func()) bool {
	for r.left == 0 {
		if !r.ready(0) {
			return false
		}
		d := r.desc(r.cur)
		r.left, r.off = int(d.Num_pkts), r.cur*r.block+int(d.Offset_to_first_pkt)
		if r.left == 0 {
			r.release()
			continue
		}
		opened()
	}
	h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&r.mem[r.off]))
	ll := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&r.mem[r.off+frameHead]))
	start := r.off + int(h.Mac)
	r.head = frame{
		sec: h.Sec, nsec: h.Nsec, size: int(h.Len), status: h.Status,
		tci: h.Hv1.Vlan_tci, tpid: h.Hv1.Vlan_tpid,
		ifindex: ll.Ifindex, pkttype: ll.Pkttype,
		data: r.mem[start : start+int(h.Snaplen) : start+int(h.Snaplen)],
	}
	// Two processors may stamp in one order and reach the ring in the other.
	// The ring's order is what is told; the later stamp was still before the
	// frame went on.
	r.last = max(r.last, convert(h.Sec, h.Nsec))
	r.head.time = r.last
	return true
}

// take is done with r.head. The kernel gets the block back after its last.
func (r *ring) take() {
	r.taken++
	r.left--
	if r.left == 0 {
		r.release()
		return
	}
	r.off += int((*unix.Tpacket3Hdr)(unsafe.Pointer(&r.mem[r.off])).Next_offset)
}

// release gives the current block back. The kernel resets the count of
// frames when it opens the block; until then waiting must not see the old one.
func (r *ring) release() {
	d := r.desc(r.cur)
	atomic.StoreUint32(&d.Num_pkts, 0)
	atomic.StoreUint32(&d.Block_status, unix.TP_STATUS_KERNEL)
	r.cur = (r.cur + 1) % r.count
}

// quiet returns a time that everything older than has been read, of a ring
// that has nothing to read.
func (r *ring) quiet() probes.Mono {
	now := clock.Now()
	if r.waiting() {
		return r.last
	}
	return now
}

// drained reports whether a ring that was stopped has been read to its end.
func (r *ring) drained() (bool, error) {
	if r.lined || r.waiting() {
		return false, nil
	}
	err := r.statistics()
	return r.taken >= r.packets-r.drops, err
}

// pressed reports whether half of the ring waits to be read.
func (r *ring) pressed() bool { return r.ready(r.count / 2) }

// statistics adds up the kernel's statistics, which it clears when they are read.
func (r *ring) statistics() error {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return fmt.Errorf("capture in %s: %w", r.place.Node, os.NewSyscallError("getsockopt PACKET_STATISTICS", err))
	}
	r.packets += uint64(s.Packets)
	r.drops += uint64(s.Drops)
	r.freezes += uint64(s.Freeze_q_cnt)
	return nil
}

// close frees everything. It may be called on a ring that was half made.
func (r *ring) close() error {
	var err error
	if r.mem != nil {
		err = os.NewSyscallError("munmap", unix.Munmap(r.mem))
		r.mem = nil
	}
	if r.fd >= 0 {
		err = errors.Join(err, os.NewSyscallError("close", unix.Close(r.fd)))
		r.fd = -1
	}
	return err
}
