package filter

import (
	"fmt"
	"net/netip"
	"slices"

	"netlab/lab/plan"
	"netlab/probes"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// A match is what one rule of nftables can say. A rule of the plan becomes
// several where it speaks of either way, either family or either protocol.
type match struct {
	chain      string
	in, out    string       // interface
	from, to   []netip.Addr // of family
	family     byte         // unix.NFPROTO_IPV4 or NFPROTO_IPV6; 0 for both
	protocol   byte         // unix.IPPROTO_*; 0 for all
	ports      scenarios.PortRange
	fromPorts  scenarios.PortRange
	set, unset probes.Flags
	do         plan.Action
	with       scenarios.RejectWith
}

// matches turns a rule into those of nftables, in the order in which they are
// tried.
func matches(r plan.Rule) ([]match, error) {
	base := match{ports: r.Ports, fromPorts: r.FromPorts, do: r.Do}
	var err error
	if base.set, err = flags(r.Flags); err != nil {
		return nil, err
	}
	if base.unset, err = flags(r.Unset); err != nil {
		return nil, err
	}
	protocols, err := protocolsOf(r)
	if err != nil {
		return nil, err
	}
	var list []match
	for _, way := range ways(r) {
		for _, f := range families(r) {
			for _, protocol := range protocols {
				if f == unix.NFPROTO_IPV4 && protocol == unix.IPPROTO_ICMPV6 || f == unix.NFPROTO_IPV6 && protocol == unix.IPPROTO_ICMP {
					continue
				}
				m := base
				m.chain, m.in, m.out = way.chain, way.in, way.out
				m.family, m.protocol = f, protocol
				m.from, m.to = ofFamily(r.From, f), ofFamily(r.To, f)
				m.with = refusal(r, protocol)
				list = append(list, m)
			}
		}
	}
	return list, nil
}

// ways returns the chains that a rule goes into, with the interface where the
// rule names one: what passes through a node may come or go by it.
func ways(r plan.Rule) []match {
	var list []match
	for _, p := range paths() {
		if r.Path != scenarios.PathAny && r.Path != "" && r.Path != p.name {
			continue
		}
		m := match{chain: p.chain}
		switch {
		case r.Interface == "":
			list = append(list, m)
			continue
		case p.name != scenarios.PathOut:
			m.in = r.Interface
			list = append(list, m)
		}
		if p.name != scenarios.PathIn {
			m.in, m.out = "", r.Interface
			list = append(list, m)
		}
	}
	return list
}

// families returns what a rule's addresses allow: those that all of its ends
// have, or 0 where it names no end.
func families(r plan.Rule) []byte {
	if len(r.From)+len(r.To) == 0 {
		return []byte{0}
	}
	var list []byte
	for _, f := range []byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		if (len(r.From) == 0 || len(ofFamily(r.From, f)) > 0) && (len(r.To) == 0 || len(ofFamily(r.To, f)) > 0) {
			list = append(list, f)
		}
	}
	return list
}

func ofFamily(all []netip.Addr, family byte) []netip.Addr {
	var list []netip.Addr
	for _, a := range all {
		if a.Is4() == (family == unix.NFPROTO_IPV4) {
			list = append(list, a)
		}
	}
	return list
}

// protocolsOf returns the protocols that a rule is about, 0 for all. A refusal
// differs by protocol, and ports belong to two.
func protocolsOf(r plan.Rule) ([]byte, error) {
	ports := r.Ports.Low != 0 || r.FromPorts.Low != 0
	switch r.Protocol {
	case scenarios.TCP:
		return []byte{unix.IPPROTO_TCP}, nil
	case scenarios.UDP:
		return []byte{unix.IPPROTO_UDP}, nil
	case scenarios.ICMP:
		return []byte{unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6}, nil
	case "":
		switch {
		case ports:
			return []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP}, nil
		case r.Do == plan.Reject && r.With == scenarios.RejectReset:
			return []byte{unix.IPPROTO_TCP}, nil // there is no reset of anything else
		case r.Do == plan.Reject && r.With == "":
			return []byte{unix.IPPROTO_TCP, 0}, nil
		}
		return []byte{0}, nil
	}
	return nil, fmt.Errorf("unknown protocol %q", r.Protocol)
}

// refusal returns how the sender of a refused packet is told.
func refusal(r plan.Rule, protocol byte) scenarios.RejectWith {
	switch {
	case r.Do != plan.Reject:
		return ""
	case r.With == scenarios.RejectReset && protocol != unix.IPPROTO_TCP:
		return scenarios.RejectPort
	case r.With != "":
		return r.With
	case protocol == unix.IPPROTO_TCP:
		return scenarios.RejectReset
	}
	return scenarios.RejectPort
}

// flags joins control bits.
func flags(names []scenarios.TCPFlag) (probes.Flags, error) {
	var all probes.Flags
	for _, n := range names {
		f, err := probes.ParseFlags(string(n))
		if err != nil {
			return 0, err
		}
		all |= f
	}
	return all, nil
}

// one reports whether the range is a single port.
func one(r scenarios.PortRange) bool { return r.Low == r.High }

// sorted returns addresses in order, each once: the elements of a set.
func sorted(list []netip.Addr) []netip.Addr {
	out := slices.Clone(list)
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
