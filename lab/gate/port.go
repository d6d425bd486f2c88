package gate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

// Sizes of rings, in bytes.
const (
	ringSize = 8 << 20 // of a ring where nothing else is said: 4096 slots for full frames of Ethernet, more than a window of TCP
	minBlock = 64 << 10
	minSlots = 16
	// slotRoom is more than the kernel puts beside a packet into its slot:
	// headers, alignment, the link-layer header with two VLAN tags.
	slotRoom = 128
)

// A port is one interface of the gate: a packet socket bound to it, with a
// ring that brings what comes in (TPACKET_V2,
// Documentation/networking/packet_mmap.rst: frame by frame, so that none waits
// for a block to fill). It is used under the gate's lock.
type port struct {
	Port
	fd    int
	mem   []byte
	slot  int // bytes
	count int // slots
	cur   int // the next to be read
	taken int // slots before cur that the kernel was not given back yet
}

// openPort makes the socket and its ring, inside the namespace ns.
func openPort(at Port, ns probes.Namespace, mtu, ring int) (*port, error) {
	p := &port{Port: at, fd: -1}
	err := ns.Do(func() (err error) {
		// Protocol 0: nothing comes before bind.
		p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return os.NewSyscallError("socket AF_PACKET", err)
	})
	if err == nil {
		err = p.start(mtu, ring)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("port %s: %w", at.Name, err), p.close())
	}
	return p, nil
}

func (p *port) start(mtu, ring int) error {
	for _, o := range []struct {
		name       string
		opt, value int
	}{
		{"PACKET_VERSION TPACKET_V2", unix.PACKET_VERSION, unix.TPACKET_V2},
		{"PACKET_IGNORE_OUTGOING", unix.PACKET_IGNORE_OUTGOING, 1}, // or what is sent would come again
		{"PACKET_QDISC_BYPASS", unix.PACKET_QDISC_BYPASS, 1},
	} {
		if err := unix.SetsockoptInt(p.fd, unix.SOL_PACKET, o.opt, o.value); err != nil {
			return os.NewSyscallError("setsockopt "+o.name, err)
		}
	}
	// As much as the system allows: what was sent counts until the receiver's
	// kernel has looked at it.
	if err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, ringSize); err != nil {
		return os.NewSyscallError("setsockopt SO_SNDBUF", err)
	}
	if err := p.makeRing(mtu, ring); err != nil {
		return err
	}
	addr := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: p.Ifindex}
	if err := unix.Bind(p.fd, addr); err != nil {
		return os.NewSyscallError("bind AF_PACKET", err)
	}
	// PACKET_MR_PROMISC: frames are for the node behind the other port.
	mreq := &unix.PacketMreq{Ifindex: int32(p.Ifindex), Type: unix.PACKET_MR_PROMISC}
	err := unix.SetsockoptPacketMreq(p.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, mreq)
	return os.NewSyscallError("setsockopt PACKET_ADD_MEMBERSHIP", err)
}

// makeRing gives the socket a ring of so many bytes, a power of two, or of half
// of it, and so on, where the kernel has no memory; but of minSlots at least.
func (p *port) makeRing(mtu, size int) error {
	p.slot = slotFor(mtu)
	block := max(p.slot, minBlock)
	for p.count = max(size, minSlots*p.slot) / p.slot; ; p.count /= 2 {
		err := unix.SetsockoptTpacketReq(p.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{
			Block_size: uint32(block), Block_nr: uint32(p.count * p.slot / block),
			Frame_size: uint32(p.slot), Frame_nr: uint32(p.count),
		})
		if err == nil {
			break
		}
		if !errors.Is(err, unix.ENOMEM) || p.count/2*p.slot < block || p.count/2 < minSlots {
			return os.NewSyscallError("setsockopt PACKET_RX_RING", err)
		}
	}
	mem, err := unix.Mmap(p.fd, 0, p.slot*p.count, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	p.mem = mem
	return nil
}

// slotFor returns the least power of two that holds a frame of an interface,
// so that slots fill blocks without gaps.
func slotFor(mtu int) int {
	slot := 2048
	for slot < mtu+slotRoom {
		slot *= 2
	}
	return slot
}

// networkOrder swaps the bytes of v if the machine's order is little-endian.
func networkOrder(v uint16) uint16 {
	b := [2]byte{byte(v >> 8), byte(v)}
	return *(*uint16)(unsafe.Pointer(&b))
}

// An arrival is a frame as its slot of the ring holds it.
type arrival struct {
	data     []byte // in the ring: gone after the next giveBack
	size     int    // on the wire; more than len(data) if the slot was too small
	unsummed bool   // the sender's offload has yet to compute its checksum
	losing   bool   // since the statistics were last read the ring was full
}

func (p *port) header(i int) *unix.Tpacket2Hdr {
	return (*unix.Tpacket2Hdr)(unsafe.Pointer(&p.mem[i*p.slot]))
}

// next returns the next frame, if there is one.
func (p *port) next() (a arrival, ok bool) {
	if p.taken == p.count {
		return a, false
	}
	h := p.header(p.cur)
	status := atomic.LoadUint32(&h.Status)
	if status&unix.TP_STATUS_USER == 0 {
		return a, false
	}
	start := p.cur*p.slot + int(h.Mac)
	end := start + int(h.Snaplen)
	if status&unix.TP_STATUS_VLAN_VALID != 0 {
		start = p.tag(start, h, status)
	}
	a = arrival{
		data: p.mem[start:end:end], size: int(h.Len) + end - start - int(h.Snaplen),
		unsummed: status&unix.TP_STATUS_CSUMNOTREADY != 0, losing: status&unix.TP_STATUS_LOSING != 0,
	}
	p.cur = (p.cur + 1) % p.count
	p.taken++
	return a, true
}

// tag puts the VLAN tag back that the kernel took out of a frame
// (skb_vlan_untag in net/core/skbuff.c), before the EtherType. There are some
// bytes between the kernel's headers and the frame (TPACKET_ALIGN in
// tpacket_rcv of net/packet/af_packet.c). It returns where the frame begins now.
func (p *port) tag(start int, h *unix.Tpacket2Hdr, status uint32) int {
	const addresses, tagLen = 12, 4
	copy(p.mem[start-tagLen:], p.mem[start:start+addresses])
	tpid := uint16(unix.ETH_P_8021Q)
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = h.Vlan_tpid
	}
	at := p.mem[start-tagLen+addresses:]
	binary.BigEndian.PutUint16(at, tpid)
	binary.BigEndian.PutUint16(at[2:], h.Vlan_tci)
	return start - tagLen
}

// giveBack returns all slots that were read to the kernel.
func (p *port) giveBack() {
	for ; p.taken > 0; p.taken-- {
		i := (p.cur - p.taken + p.count) % p.count
		atomic.StoreUint32(&p.header(i).Status, unix.TP_STATUS_KERNEL)
	}
}

// drops returns how many frames the ring had no room for since the last call;
// the kernel clears the number when it is read.
func (p *port) drops() (uint64, error) {
	s, err := unix.GetsockoptTpacketStats(p.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, fmt.Errorf("port %s: %w", p.Name, os.NewSyscallError("getsockopt PACKET_STATISTICS", err))
	}
	return uint64(s.Drops), nil
}

// up reports whether frames can go out: the interface is up, and so is its
// peer (dev_get_flags in net/core/dev.c).
func (p *port) up() bool {
	ifr, err := unix.NewIfreq(p.Name)
	if err != nil {
		return false
	}
	if err := unix.IoctlIfreq(p.fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return false
	}
	const need = unix.IFF_UP | unix.IFF_RUNNING
	return ifr.Uint16()&need == need
}

// clearError takes back the error that the kernel left on the socket, such as
// ENETDOWN when the interface went down; until then poll(2) would report it
// again and again. When the interface comes up, the kernel delivers again
// (packet_notifier in net/packet/af_packet.c).
func (p *port) clearError() error {
	errno, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = unix.Errno(errno)
	}
	return err
}

// close frees everything. It may be called on a port that was half made.
func (p *port) close() error {
	var err error
	if p.mem != nil {
		err = os.NewSyscallError("munmap", unix.Munmap(p.mem))
		p.mem = nil
	}
	if p.fd >= 0 {
		err = errors.Join(err, os.NewSyscallError("close", unix.Close(p.fd)))
		p.fd = -1
	}
	return err
}
