package link

import (
	"net"
	"net/netip"
	"time"

	"netlab/lab/plan"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// create are the flags of a request that makes something new.
const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL

// beside are the flags of a request for a route that may stand beside another
// to the same network, as the kernel makes those of addresses (fib_magic in
// net/ipv4/fib_frontend.c): a router has fe80::/64 at every end. That the very
// same is there already is told by EEXIST.
const beside = unix.NLM_F_CREATE | unix.NLM_F_APPEND

// Values of uapi/linux that golang.org/x/sys/unix does not have.
const (
	rtextFilterSkipStats = 1 << 3 // RTEXT_FILTER_SKIP_STATS
	ifOperUp             = 6      // IF_OPER_UP
	ip6PriorityKernel    = 256    // IP6_RT_PRIO_ADDRCONF, the metric of connected routes
)

// attr is an attribute that holds bytes.
func attr(kind int, data []byte) *nl.RtAttr { return nl.NewRtAttr(kind, data) }

// attr32 is an attribute that holds a number of 32 bits.
func attr32(kind int, v uint32) *nl.RtAttr { return attr(kind, nl.Uint32Attr(v)) }

// nest is an attribute that holds attributes.
func nest(kind int, children ...*nl.RtAttr) *nl.RtAttr {
	a := nl.NewRtAttr(kind, nil)
	for _, c := range children {
		a.AddChild(c)
	}
	return a
}

// ifinfo heads messages about the interface index, and sets the flags.
func ifinfo(index int, flags uint32) *nl.IfInfomsg {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(index)
	m.Flags = flags
	m.Change = flags
	return m
}

// Times of a bridge with STP, in hundredths of a second: the shortest that the
// kernel takes (net/bridge/br_private_stp.h).
const (
	stpHello        = 100
	stpForwardDelay = 200
)

// newBridge describes a bridge that will forward as soon as it is up, and says
// nothing itself; with STP it does both otherwise.
func newBridge(index int, stp bool) []nl.NetlinkRequestData {
	state, delay := uint32(0), uint32(0)
	if stp {
		state, delay = 1, stpForwardDelay
	}
	return []nl.NetlinkRequestData{
		ifinfo(index, 0),
		attr(unix.IFLA_IFNAME, nl.ZeroTerminated(Bridge)),
		nest(unix.IFLA_LINKINFO,
			attr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge")),
			nest(unix.IFLA_INFO_DATA,
				attr32(nl.IFLA_BR_STP_STATE, state),
				attr32(nl.IFLA_BR_FORWARD_DELAY, delay),
				attr32(nl.IFLA_BR_HELLO_TIME, stpHello),
				attr(nl.IFLA_BR_MCAST_SNOOPING, nl.Uint8Attr(0)),
				attr(nl.IFLA_BR_MCAST_QUERIER, nl.Uint8Attr(0)),
			)),
	}
}

// newVeth describes a veth pair, each end in its own namespace. The first end
// may have a master, and is up; the kernel can do neither for the second.
func newVeth(mtu int, first, second *port) []nl.NetlinkRequestData {
	peer := nest(nl.VETH_INFO_PEER, second.attributes(mtu)...)
	peer.Data = ifinfo(second.end.Index, 0).Serialize()
	data := []nl.NetlinkRequestData{ifinfo(first.end.Index, first.bornUp())}
	for _, a := range first.attributes(mtu) {
		data = append(data, a)
	}
	if first.space.isSwitch {
		data = append(data, attr32(unix.IFLA_MASTER, uint32(first.space.bridge)))
	}
	return append(data, nest(unix.IFLA_LINKINFO,
		attr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated("veth")),
		nest(unix.IFLA_INFO_DATA, peer)))
}

// attributes describes one end of a veth pair. A single queue is enough, keeps
// frames in order, and spares the kernel objects for one queue per processor.
func (p *port) attributes(mtu int) []*nl.RtAttr {
	return []*nl.RtAttr{
		attr(unix.IFLA_IFNAME, nl.ZeroTerminated(p.end.Interface)),
		attr(unix.IFLA_ADDRESS, p.mac),
		attr32(unix.IFLA_MTU, uint32(mtu)),
		attr32(unix.IFLA_NET_NS_FD, uint32(p.space.ns.FD())),
		attr32(unix.IFLA_NUM_TX_QUEUES, 1),
		attr32(unix.IFLA_NUM_RX_QUEUES, 1),
	}
}

// noLinkLocal keeps the kernel from making IPv6 addresses for an interface.
func noLinkLocal(index int) []nl.NetlinkRequestData {
	return []nl.NetlinkRequestData{
		ifinfo(index, 0),
		nest(unix.IFLA_AF_SPEC,
			nest(unix.AF_INET6,
				attr(unix.IFLA_INET6_ADDR_GEN_MODE, nl.Uint8Attr(nl.IN6_ADDR_GEN_MODE_NONE)))),
	}
}

// newAddress describes an address that is usable at once.
func newAddress(index int, p netip.Prefix, ownRoute bool) []nl.NetlinkRequestData {
	m := nl.NewIfAddrmsg(family(p.Addr()))
	m.Prefixlen = uint8(p.Bits())
	m.Index = uint32(index)
	addr := p.Addr().AsSlice()
	var flags uint32
	if p.Addr().Is6() {
		flags |= unix.IFA_F_NODAD
		if p.Addr().IsLinkLocalUnicast() {
			m.Scope = unix.RT_SCOPE_LINK
		}
	}
	if ownRoute && !p.IsSingleIP() {
		flags |= unix.IFA_F_NOPREFIXROUTE // connectedRoute takes its place
	}
	return []nl.NetlinkRequestData{
		m,
		attr(unix.IFA_LOCAL, addr),
		attr(unix.IFA_ADDRESS, addr),
		attr32(unix.IFA_FLAGS, flags),
	}
}

// connectedRoute describes the route that the kernel would have made for an
// address of an end, but with the end's metrics.
func connectedRoute(end *plan.End, p netip.Prefix) []nl.NetlinkRequestData {
	m := nl.NewRtMsg()
	m.Family = uint8(family(p.Addr()))
	m.Protocol = unix.RTPROT_KERNEL
	m.Dst_len = uint8(p.Bits())
	data := []nl.NetlinkRequestData{
		m,
		attr(unix.RTA_DST, p.Masked().Addr().AsSlice()),
		attr32(unix.RTA_OIF, uint32(end.Index)),
		nest(unix.RTA_METRICS, metrics(end.QuickAck, end.RTOMin, 0)...),
	}
	if p.Addr().Is4() {
		m.Scope = unix.RT_SCOPE_LINK
		return append(data, attr(unix.RTA_PREFSRC, p.Addr().AsSlice()))
	}
	return append(data, attr32(unix.RTA_PRIORITY, ip6PriorityKernel))
}

// newRoute describes a route of the plan. index is 0 if only the gateway says
// where it leads.
func newRoute(index int, r plan.Route) []nl.NetlinkRequestData {
	m := nl.NewRtMsg()
	m.Family = uint8(family(r.To.Addr()))
	m.Protocol = unix.RTPROT_STATIC
	m.Dst_len = uint8(r.To.Bits())
	data := []nl.NetlinkRequestData{m, attr(unix.RTA_DST, r.To.Masked().Addr().AsSlice())}
	if r.Via.IsValid() {
		data = append(data, attr(unix.RTA_GATEWAY, r.Via.AsSlice()))
	} else if r.To.Addr().Is4() {
		m.Scope = unix.RT_SCOPE_LINK
	}
	if index != 0 {
		data = append(data, attr32(unix.RTA_OIF, uint32(index)))
	}
	if list := metrics(r.QuickAck, r.RTOMin, r.MTU); len(list) > 0 {
		data = append(data, nest(unix.RTA_METRICS, list...))
	}
	return data
}

// metrics are those of a route over which every segment is acknowledged at
// once, segments are sent again after rtoMin at the earliest, and packets are
// of mtu bytes at most. The kernel heeds rto_min only if it is locked
// (tcp_rto_min in include/net/tcp.h).
func metrics(quickAck bool, rtoMin time.Duration, mtu int) []*nl.RtAttr {
	var list []*nl.RtAttr
	if quickAck {
		list = append(list, attr32(unix.RTAX_QUICKACK, 1))
	}
	if rtoMin > 0 {
		list = append(list, attr32(unix.RTAX_LOCK, 1<<unix.RTAX_RTO_MIN),
			attr32(unix.RTAX_RTO_MIN, uint32(rtoMin.Milliseconds())))
	}
	if mtu > 0 {
		list = append(list, attr32(unix.RTAX_MTU, uint32(mtu)))
	}
	return list
}

// getLink asks for the state of an interface. Since Linux 6.8 the kernel then
// first does the work that it has put off after a change of carrier.
func getLink(index int) []nl.NetlinkRequestData {
	return []nl.NetlinkRequestData{
		ifinfo(index, 0),
		attr32(unix.IFLA_EXT_MASK, rtextFilterSkipStats),
	}
}

// getRoute asks which way an address is, seen from an interface.
func getRoute(index int, a netip.Addr) []nl.NetlinkRequestData {
	m := &nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family(a)), Dst_len: uint8(a.BitLen())}}
	return []nl.NetlinkRequestData{m, attr(unix.RTA_DST, a.AsSlice()), attr32(unix.RTA_OIF, uint32(index))}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// linkLocal forms the link-local address that belongs to a MAC address
// (RFC 4291 appendix A).
func linkLocal(mac net.HardwareAddr) netip.Prefix {
	a := [16]byte{0: 0xfe, 1: 0x80, 11: 0xff, 12: 0xfe}
	copy(a[8:11], mac[:3])
	copy(a[13:], mac[3:])
	a[8] ^= 2 // universal/local
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}
