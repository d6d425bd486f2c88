package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

// Sizes of the kernel's structures (include/uapi/linux/netlink.h,
// include/uapi/linux/inet_diag.h).
const (
	headerLen  = 16 // struct nlmsghdr
	sockidLen  = 48 // struct inet_diag_sockid
	messageLen = 72 // struct inet_diag_msg
	requestLen = 56 // struct inet_diag_req_v2
	attrLen    = 4  // struct nlattr
)

// Attributes that come unasked (include/uapi/linux/inet_diag.h).
const (
	attrInfo     = 2  // INET_DIAG_INFO, of destroy notifications
	attrShutdown = 8  // INET_DIAG_SHUTDOWN, of full sockets only
	attrV6Only   = 11 // INET_DIAG_SKV6ONLY
)

// States and timers of inet_diag_msg that the decoder must know.
const (
	stateSynRecv  = 3  // TCP_SYN_RECV; request sockets are shown as this
	stateListen   = 10 // TCP_LISTEN
	timerOn       = 1
	timerTimeWait = 3 // set for mini-sockets, whatever their state
)

var timerNames = [...]string{0: "", 1: "on", 2: "keepalive", 3: "timewait", 4: "persist"}

// noCookie is what the kernel says for "any" (INET_DIAG_NOCOOKIE).
const noCookie = 1<<64 - 1

// A Socket is one line of the kernel's table.
type Socket struct {
	Node        string
	ID          probes.SocketID
	Flow        probes.Flow
	State       probes.State
	Sample      probes.Sample // Since and Gone are not set
	Retransmits uint8         // of the segment that the timer is for
	UID         uint32        // owner; of a request socket, the listener's
	Ifindex     uint32        // interface that the socket is bound to, or 0
	V6Only      bool          // an IPv6 listener that takes no IPv4
}

// An entry is a Socket together with what names it to the kernel.
type entry struct {
	Socket
	family uint8
	id     [sockidLen]byte // struct inet_diag_sockid, as received
	info   []byte          // struct tcp_info, where it came: part of the datagram
}

// errInterrupted says that the table changed under the dump (NLM_F_DUMP_INTR).
var errInterrupted = errors.New("the dump was interrupted by a change")

// A reply is what one datagram said beside the sockets in it.
type reply struct {
	done        bool // the last datagram of the answer
	interrupted bool // NLM_F_DUMP_INTR was set
}

// decode reads one datagram that answers request seq, and calls visit for
// each socket in it. Answers to other requests are skipped. It reads nothing
// beyond b, whatever b holds. An errno that the kernel sent is in the chain
// of the error; the reply is then done.
func decode(b []byte, seq uint32, visit func(entry)) (reply, error) {
	var r reply
	for len(b) > 0 {
		if len(b) < headerLen {
			return r, fmt.Errorf("%d bytes left, too few for a message header", len(b))
		}
		size := binary.NativeEndian.Uint32(b)
		if size < headerLen || uint64(size) > uint64(len(b)) {
			return r, fmt.Errorf("message of %d bytes in %d", size, len(b))
		}
		kind := binary.NativeEndian.Uint16(b[4:])
		flags := binary.NativeEndian.Uint16(b[6:])
		got := binary.NativeEndian.Uint32(b[8:])
		body := b[headerLen:size]
		b = b[min(align(int(size)), len(b)):]
		if got != seq {
			continue // the tail of an answer that was given up
		}
		if flags&unix.NLM_F_DUMP_INTR != 0 {
			r.interrupted = true
		}
		switch kind {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			r.done = true
			return r, kernelError(body)
		case unix.SOCK_DIAG_BY_FAMILY:
			e, err := decodeMessage(body)
			if err != nil {
				return r, err
			}
			visit(e)
		}
	}
	return r, nil
}

// kernelError reads the errno at the head of an NLMSG_DONE or NLMSG_ERROR;
// old kernels send an NLMSG_DONE without one.
func kernelError(body []byte) error {
	if len(body) < 4 {
		return nil
	}
	code := int32(binary.NativeEndian.Uint32(body))
	switch {
	case code == 0:
		return nil
	case code < 0 && code > -4096:
		return unix.Errno(-code)
	}
	return fmt.Errorf("the kernel sent error code %d", code)
}

// decodeMessage reads a struct inet_diag_msg and its attributes.
func decodeMessage(b []byte) (entry, error) {
	if len(b) < messageLen {
		return entry{}, fmt.Errorf("socket of %d bytes, want at least %d", len(b), messageLen)
	}
	e := entry{family: b[0], id: [sockidLen]byte(b[4 : 4+sockidLen])}
	state, timer := b[1], b[2]
	e.State = probes.StateFromLinux(uint32(state))
	if e.State == probes.Unknown {
		return entry{}, fmt.Errorf("socket in state %d, which is none", state)
	}
	e.Retransmits = b[3]
	var err error
	if e.Flow.Local, err = decodeAddr(e.family, e.id[4:20], e.id[0:2]); err != nil {
		return entry{}, err
	}
	if e.Flow.Remote, err = decodeAddr(e.family, e.id[20:36], e.id[2:4]); err != nil {
		return entry{}, err
	}
	e.Ifindex = binary.NativeEndian.Uint32(e.id[36:])
	// Two 32-bit halves, the low one first.
	e.ID.Cookie = uint64(binary.NativeEndian.Uint32(e.id[40:])) | uint64(binary.NativeEndian.Uint32(e.id[44:]))<<32
	if e.ID.Cookie == noCookie {
		e.ID.Cookie = 0
	}
	rest := b[4+sockidLen:]
	e.Sample.Timer = timerName(timer)
	// An overdue timer has a negative remainder on older kernels.
	e.Sample.Expires = int(max(0, int32(binary.NativeEndian.Uint32(rest[0:]))))
	e.Sample.RQueue = binary.NativeEndian.Uint32(rest[4:])
	e.Sample.WQueue = binary.NativeEndian.Uint32(rest[8:])
	e.UID = binary.NativeEndian.Uint32(rest[12:])
	e.Sample.Inode = binary.NativeEndian.Uint32(rest[16:])

	full := false
	full, e.V6Only, e.info = decodeAttrs(b[messageLen:])
	e.Sample.Object = object(state, timer, e.Sample.Inode, full)
	return e, nil
}

// decodeAttrs reports whether the attributes are those of a full socket, the
// socket's IPV6_V6ONLY and its struct tcp_info. What is malformed ends the
// walk.
func decodeAttrs(b []byte) (full, v6only bool, info []byte) {
	for len(b) >= attrLen {
		size := int(binary.NativeEndian.Uint16(b))
		if size < attrLen || size > len(b) {
			return full, v6only, info
		}
		switch binary.NativeEndian.Uint16(b[2:]) {
		case attrShutdown:
			full = true
		case attrInfo:
			info = b[attrLen:size]
		case attrV6Only:
			v6only = size > attrLen && b[attrLen] != 0
		}
		b = b[min(align(size), len(b)):]
	}
	return full, v6only, info
}

// object says what the kernel keeps. A request socket is shown in SYN_RECV
// like the full socket of a simultaneous or fast open; it has no inode, its
// timer is the one for the SYN+ACK, and the kernel gives no attributes
// for it (inet_req_diag_fill in net/ipv4/inet_diag.c).
func object(state, timer uint8, inode uint32, full bool) probes.Object {
	switch {
	case state == stateListen:
		return probes.ListenerObject
	case timer == timerTimeWait:
		return probes.MiniObject
	case state == stateSynRecv && timer == timerOn && inode == 0 && !full:
		return probes.RequestObject
	}
	return probes.FullObject
}

// decodeAddr reads an address and a port in network order. The unspecified
// address with port 0 says nothing: it becomes the zero AddrPort.
func decodeAddr(family uint8, addr, port []byte) (netip.AddrPort, error) {
	var a netip.Addr
	switch family {
	case unix.AF_INET:
		a = netip.AddrFrom4([4]byte(addr))
	case unix.AF_INET6:
		a = netip.AddrFrom16([16]byte(addr)).Unmap()
	default:
		return netip.AddrPort{}, fmt.Errorf("socket of address family %d", family)
	}
	p := binary.BigEndian.Uint16(port)
	if p == 0 && a.IsUnspecified() {
		return netip.AddrPort{}, nil
	}
	return netip.AddrPortFrom(a, p), nil
}

func timerName(n uint8) string {
	if int(n) < len(timerNames) {
		return timerNames[n]
	}
	return "unknown" // as ss(8) says
}

// align rounds a length up to the netlink alignment of 4 bytes.
func align(n int) int { return (n + 3) &^ 3 }

// encodeRequest makes a struct inet_diag_req_v2 for protocol TCP behind a
// netlink header. A zero id names every socket.
func encodeRequest(kind, flags uint16, seq uint32, family uint8, states uint32, id [sockidLen]byte) []byte {
	b := make([]byte, headerLen+requestLen)
	binary.NativeEndian.PutUint32(b[0:], uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	b[headerLen] = family
	b[headerLen+1] = unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[headerLen+4:], states)
	copy(b[headerLen+8:], id[:])
	return b
}
