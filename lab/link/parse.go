package link

import (
	"encoding/binary"
	"fmt"
	"iter"

	"golang.org/x/sys/unix"
)

// A message is a netlink message (struct nlmsghdr and what follows it). Its
// data is valid until the buffer that it was read into is used again.
type message struct {
	kind, flags uint16
	seq         uint32
	data        []byte
}

// parseMessages splits a datagram.
func parseMessages(b []byte) ([]message, error) {
	var all []message
	for len(b) > 0 {
		if len(b) < unix.SizeofNlMsghdr {
			return nil, fmt.Errorf("netlink message of %d bytes is too short", len(b))
		}
		length := int(binary.NativeEndian.Uint32(b))
		if length < unix.SizeofNlMsghdr || length > len(b) {
			return nil, fmt.Errorf("netlink message of %d bytes says that it has %d", len(b), length)
		}
		all = append(all, message{
			kind:  binary.NativeEndian.Uint16(b[4:]),
			flags: binary.NativeEndian.Uint16(b[6:]),
			seq:   binary.NativeEndian.Uint32(b[8:]),
			data:  b[unix.SizeofNlMsghdr:length],
		})
		b = b[min(align(length), len(b)):]
	}
	return all, nil
}

// attributes walks over attributes (struct rtattr) by type, and ends early
// where they make no sense.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			length := int(binary.NativeEndian.Uint16(b))
			if length < unix.SizeofRtAttr || length > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) & nlaTypeMask
			if !yield(kind, b[unix.SizeofRtAttr:length]) {
				return
			}
			b = b[min(align(length), len(b)):]
		}
	}
}

// nlaTypeMask leaves the flags out of an attribute's type (NLA_TYPE_MASK).
const nlaTypeMask = 1<<14 - 1

// align rounds up to the alignment of netlink messages and attributes.
func align(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// An answer is the kernel's acknowledgement of a request, or its error.
type answer struct {
	seq    uint32
	errno  unix.Errno // 0: done
	detail string     // the kernel's explanation, or ""
}

// nlmsgerrAttrMsg is the attribute that explains an error (NLMSGERR_ATTR_MSG).
const nlmsgerrAttrMsg = 1

// parseAnswer reads a message of type NLMSG_ERROR: struct nlmsgerr, perhaps a
// copy of the request, perhaps the attributes of an extended acknowledgement.
func parseAnswer(m message) (answer, error) {
	a := answer{seq: m.seq}
	const header = 4 + unix.SizeofNlMsghdr // the error, and the request's header
	if len(m.data) < header {
		return a, fmt.Errorf("netlink error message of %d bytes is too short", len(m.data))
	}
	a.errno = unix.Errno(-int32(binary.NativeEndian.Uint32(m.data)))
	if m.flags&unix.NLM_F_ACK_TLVS == 0 {
		return a, nil
	}
	rest := m.data[header:]
	if m.flags&unix.NLM_F_CAPPED == 0 {
		copied := int64(binary.NativeEndian.Uint32(m.data[4:])) - unix.SizeofNlMsghdr
		if copied < 0 || copied > int64(len(rest)) {
			return a, nil // the error is known, only its explanation is not
		}
		rest = rest[min(align(int(copied)), len(rest)):]
	}
	for kind, value := range attributes(rest) {
		if kind == nlmsgerrAttrMsg {
			a.detail = unix.ByteSliceToString(value)
		}
	}
	return a, nil
}

// parseLink reads RTM_NEWLINK: which interface it is, and its operational
// state (RFC 2863, IF_OPER_*).
func parseLink(m message) (index int, operstate uint8, ok bool) {
	if len(m.data) < unix.SizeofIfInfomsg {
		return 0, 0, false
	}
	index = int(int32(binary.NativeEndian.Uint32(m.data[4:])))
	for kind, value := range attributes(m.data[unix.SizeofIfInfomsg:]) {
		if kind == unix.IFLA_OPERSTATE && len(value) == 1 {
			return index, value[0], true
		}
	}
	return 0, 0, false
}

// parseRoute reads RTM_NEWROUTE: whether it leads to the host itself.
func parseRoute(m message) (local, ok bool) {
	const kind = 7 // offset of rtm_type
	if len(m.data) < unix.SizeofRtMsg {
		return false, false
	}
	return m.data[kind] == unix.RTN_LOCAL, true
}
