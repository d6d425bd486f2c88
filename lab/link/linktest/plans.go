// Package linktest makes plans of regular labs for tests and benchmarks, and
// builds the same labs by other means, to compare.
package linktest

import (
	"fmt"
	"net/netip"

	"netlab/lab/plan"
)

// PortsPerSwitch is how many nodes Star puts on one switch. A Linux bridge has
// at most 1023 ports (BR_MAX_PORTS in net/bridge/br_private.h).
const PortsPerSwitch = 1000

// A Wiring collects a plan, end by end.
type Wiring struct {
	Plan plan.Plan
	next map[string]int // interfaces so far, by node or switch
	macs int
}

// Nodes adds nodes.
func (w *Wiring) Nodes(names ...string) *Wiring {
	for _, n := range names {
		w.Plan.Nodes = append(w.Plan.Nodes, plan.Node{Name: n, Hostname: n, Sysctls: NodeSysctls()})
	}
	return w
}

// Switches adds switches.
func (w *Wiring) Switches(names ...string) *Wiring {
	for _, n := range names {
		w.Plan.Switches = append(w.Plan.Switches, plan.Switch{Name: n})
	}
	return w
}

// NodeSysctls are the settings that keep a node from speaking IPv6 unasked.
func NodeSysctls() []plan.Sysctl {
	return []plan.Sysctl{
		{Path: "net/ipv6/conf/default/accept_ra", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/accept_dad", Value: "0", Optional: true},
	}
}

// End makes the next end of a node.
func (w *Wiring) End(node string, addresses ...string) plan.End {
	e := w.end(node, "eth", 2)
	for _, a := range addresses {
		e.Addresses = append(e.Addresses, netip.MustParsePrefix(a))
	}
	return e
}

// Port makes the next end of a switch.
func (w *Wiring) Port(sw string) plan.End {
	e := w.end(sw, "port", 2)
	e.Switch = true
	return e
}

func (w *Wiring) end(node, prefix string, firstIndex int) plan.End {
	if w.next == nil {
		w.next = map[string]int{}
	}
	n := w.next[node]
	w.next[node]++
	w.macs++
	return plan.End{
		Node:      node,
		Interface: fmt.Sprintf("%s%d", prefix, n),
		Index:     firstIndex + n,
		MAC:       fmt.Sprintf("02:77:00:%02x:%02x:%02x", w.macs>>16, w.macs>>8&0xff, w.macs&0xff),
	}
}

// Link adds a link with an MTU of 1500.
func (w *Wiring) Link(name string, a, b plan.End) *Wiring {
	w.Plan.Links = append(w.Plan.Links, plan.Link{Name: name, MTU: 1500, Ends: [2]plan.End{a, b}})
	return w
}

// Star is a lab of n nodes h0, h1... on as few switches s0, s1... as can be,
// with an IPv4 and an IPv6 address and default routes each. Nodes on different
// switches do not reach each other.
func Star(n int) *plan.Plan {
	var w Wiring
	for i := range n {
		node, sw := fmt.Sprintf("h%d", i), fmt.Sprintf("s%d", i/PortsPerSwitch)
		if i%PortsPerSwitch == 0 {
			w.Switches(sw)
		}
		w.Nodes(node)
		v4, v6 := Addresses(i)
		w.Link(fmt.Sprintf("l%d", i), w.End(node, v4.String(), v6.String()), w.Port(sw))
		w.Plan.Nodes[i].Routes = []plan.Route{
			{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.77.255.254"), Interface: "eth0"},
			{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fd77::ffff"), Interface: "eth0"},
		}
	}
	return &w.Plan
}

// Addresses are the addresses of node i of a Star.
func Addresses(i int) (v4, v6 netip.Prefix) {
	i++
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, byte(i >> 8), byte(i)}), 16),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 14: byte(i >> 8), 15: byte(i)}), 64)
}
