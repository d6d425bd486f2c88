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

const kindState kind = 1

// The address families that a record may have (include/linux/socket.h).
const (
	familyIPv4 = 2
	familyIPv6 = 10
)

// recordSize is sizeof(struct record) of tcp.bpf.c.
const recordSize = 104

// A record is struct record of tcp.bpf.c: what one program noted once.
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
	new    uint8
	local  [16]byte
	remote [16]byte
	comm   [16]byte
}

// decode reads a record as the kernel left it in the ring.
func decode(b []byte) (record, error) {
	if len(b) != recordSize {
		return record{}, fmt.Errorf("record of %d bytes, want %d", len(b), recordSize)
	}
	le := binary.LittleEndian
	r := record{
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
		local:  [16]byte(b[56:72]),
		remote: [16]byte(b[72:88]),
		comm:   [16]byte(b[88:104]),
	}
	if r.kind != kindState {
		return record{}, fmt.Errorf("record of unknown kind %d", r.kind)
	}
	if r.family != familyIPv4 && r.family != familyIPv6 {
		return record{}, fmt.Errorf("record of unknown address family %d", r.family)
	}
	return r, nil
}

// event says the record in the words of package probes.
func (r *record) event(node string) probes.Event {
	e := probes.Event{
		Time:   r.time,
		Source: probes.BPF,
		Kind:   probes.KindState,
		Grade:  probes.Recorded,
		Node:   node,
		Sock:   r.sock,
		Flow:   probes.Flow{Local: r.addrPort(r.local, r.lport), Remote: r.addrPort(r.remote, r.rport)},
		Old:    probes.StateFromLinux(uint32(r.old)),
		New:    probes.StateFromLinux(uint32(r.new)),
	}
	if r.pid != 0 {
		comm, _, _ := bytes.Cut(r.comm[:], []byte{0})
		e.Owner = &probes.Owner{PID: int(r.pid), Comm: string(comm)}
	}
	return e
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
