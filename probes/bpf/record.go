package bpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"netlab/probes"
)

// A kind says which program wrote a record: the KIND_ numbers of tcp.bpf.c.
type kind uint16

const (
	kindState kind = 1 + iota
	kindResetSent
	kindResetReceived
	kindResent
	kindResentSYNACK
	kindFault
	kindTally
	kindDrop
	kindMiniStart
	kindMiniCancel
	kindMiniExpire
	kindMiniSeen
	kindEnd // none
)

// The sizes of struct record of tcp.bpf.c, and of what else begins with it.
const (
	commonSize  = 88
	fullSize    = commonSize + 16 // struct full
	sumSize     = fullSize + 32   // struct sum
	segmentSize = commonSize + 16 // struct segment
	miniSize    = commonSize + 8  // struct mini
)

// recordSizes is the size of a record, by kind.
var recordSizes = [kindEnd]int{
	kindState: fullSize, kindResetSent: fullSize, kindResetReceived: fullSize, kindResent: fullSize, kindFault: fullSize,
	kindTally: sumSize, kindDrop: segmentSize,
	kindResentSYNACK: miniSize, kindMiniStart: miniSize, kindMiniCancel: miniSize, kindMiniExpire: miniSize, kindMiniSeen: miniSize,
}

// The address families that a record may have (include/linux/socket.h).
const (
	familyNone = 0 // nothing is known of the addresses
	familyIPv4 = 2
	familyIPv6 = 10
)

// The states that tell kinds of socket apart (include/net/tcp_states.h).
const (
	tcpFinWait2   = 5
	tcpTimeWait   = 6
	tcpClose      = 7 // in which sockets end
	tcpNewSynRecv = 12
)

// A record is what one program noted once: struct record of tcp.bpf.c, and of
// what comes after it the part that its kind has.
type record struct {
	time   probes.Mono
	sock   probes.SocketID
	seq    uint64 // of this CPU and namespace, from 1
	cpu    uint32
	pid    uint32 // 0: no process held the socket
	kind   kind
	family uint16
	lport  uint16
	rport  uint16
	old    uint8
	new    uint8  // of a state; of a mini-socket, the state that it is in
	reason uint16 // of a reset or a drop; of a request, how often its SYN+ACK was sent again
	value  uint32 // errno; of kindMiniStart, jiffies until the timer fires
	local  [16]byte
	remote [16]byte

	comm    [16]byte // struct full
	sum     sum      // struct sum
	segment segment  // struct segment
	place   uint64   // struct mini: its address
}

type sum struct {
	bytesOut, bytesIn       uint64
	segsOut, segsIn, resent uint32
	rtt                     uint32 // eight times the smoothed round-trip time, microseconds
}

type segment struct {
	seq, ack uint32
	flags    uint8
}

// decode reads a record as the kernel left it in the ring.
func decode(b []byte, r *record) error {
	if len(b) < commonSize {
		return fmt.Errorf("record of %d bytes, want %d or more", len(b), commonSize)
	}
	le := binary.LittleEndian
	*r = record{
		time:   probes.Mono(le.Uint64(b[0:])),
		sock:   probes.SocketID{NetNS: le.Uint64(b[8:]), Cookie: le.Uint64(b[16:])},
		seq:    le.Uint64(b[24:]),
		cpu:    le.Uint32(b[32:]),
		pid:    le.Uint32(b[36:]),
		kind:   kind(le.Uint16(b[40:])),
		family: le.Uint16(b[42:]),
		lport:  le.Uint16(b[44:]),
		rport:  le.Uint16(b[46:]),
		old:    b[48],
		new:    b[49],
		reason: le.Uint16(b[50:]),
		value:  le.Uint32(b[52:]),
		local:  [16]byte(b[56:72]),
		remote: [16]byte(b[72:88]),
	}
	if err := r.check(len(b)); err != nil {
		return err
	}
	r.decodeRest(b[commonSize:])
	return nil
}

// check says what is wrong with what all records have, of one of a size.
func (r *record) check(size int) error {
	if r.kind >= kindEnd || recordSizes[r.kind] == 0 {
		return fmt.Errorf("record of unknown kind %d", r.kind)
	}
	if want := recordSizes[r.kind]; size != want {
		return fmt.Errorf("record of kind %d has %d bytes, want %d", r.kind, size, want)
	}
	switch r.family {
	case familyIPv4, familyIPv6:
	case familyNone:
		// A segment that could not be read.
		if r.kind != kindDrop && r.kind != kindResetSent {
			return fmt.Errorf("record of kind %d has no addresses", r.kind)
		}
	default:
		return fmt.Errorf("record of unknown address family %d", r.family)
	}
	return nil
}

// decodeRest reads what comes after that; its size is right.
func (r *record) decodeRest(b []byte) {
	le, be := binary.LittleEndian, binary.BigEndian
	switch r.kind {
	case kindDrop:
		r.segment = segment{seq: be.Uint32(b), ack: be.Uint32(b[4:]), flags: b[8]}
	case kindResentSYNACK, kindMiniStart, kindMiniCancel, kindMiniExpire, kindMiniSeen:
		r.place = le.Uint64(b)
	case kindTally:
		r.sum = sum{
			bytesOut: le.Uint64(b[16:]), bytesIn: le.Uint64(b[24:]),
			segsOut: le.Uint32(b[32:]), segsIn: le.Uint32(b[36:]), resent: le.Uint32(b[40:]), rtt: le.Uint32(b[44:]),
		}
		fallthrough
	default:
		r.comm = [16]byte(b[:16])
	}
}

// common fills in what the events of all kinds have, but for the owner.
func (r *record) common(node string, kind probes.Kind) probes.Event {
	return probes.Event{
		Time:   r.time,
		Source: probes.BPF,
		Kind:   kind,
		Grade:  probes.Recorded,
		Node:   node,
		Sock:   r.sock,
		Flow:   probes.Flow{Local: r.addrPort(r.local, r.lport), Remote: r.addrPort(r.remote, r.rport)},
		Old:    probes.StateFromLinux(uint32(r.old)),
	}
}

// owners makes the owners of events: one for records of a process that follow
// each other, as most do.
type owners struct {
	last *probes.Owner
	comm [16]byte
}

// of returns who held the record's socket, nil for nobody.
func (o *owners) of(r *record) *probes.Owner {
	if r.pid == 0 {
		return nil
	}
	if o.last == nil || o.last.PID != int(r.pid) || o.comm != r.comm {
		comm, _, _ := bytes.Cut(r.comm[:], []byte{0})
		o.last, o.comm = &probes.Owner{PID: int(r.pid), Comm: string(comm)}, r.comm
	}
	return o.last
}

// addrPort returns the zero AddrPort where the kernel had neither address nor
// port: not chosen yet, or forgotten.
func (r *record) addrPort(addr [16]byte, port uint16) netip.AddrPort {
	a := netip.AddrFrom4([4]byte(addr[:4]))
	if r.family == familyIPv6 {
		a = netip.AddrFrom16(addr).Unmap()
	}
	if a.IsUnspecified() && port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, port)
}
