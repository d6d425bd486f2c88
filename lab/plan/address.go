package plan

import (
	"fmt"
	"net/netip"

	"netlab/scenarios"
)

// A domain is what shares one Ethernet: the ends of a link between two nodes,
// or of all links to one switch.
type domain struct {
	ends     []*End         // of nodes, in the order of the file
	prefixes []netip.Prefix // networks on it
}

// domains groups the ends of the plan's links, in the order of the file.
func (p *Plan) domains() []*domain {
	var list []*domain
	bySwitch := map[string]*domain{}
	for i := range p.Links {
		a, b := &p.Links[i].Ends[0], &p.Links[i].Ends[1]
		if !a.Switch && !b.Switch {
			list = append(list, &domain{ends: []*End{a, b}})
			continue
		}
		if b.Switch {
			a, b = b, a
		}
		d := bySwitch[a.Node]
		if d == nil {
			d = &domain{}
			bySwitch[a.Node] = d
			list = append(list, d)
		}
		d.ends = append(d.ends, b)
	}
	return list
}

// address gives every end of a node its addresses: those of the file, else
// the domain's next ones of both families. Addresses that the file gives to
// anybody are never given out.
func (p *Plan) address(sc *scenarios.Scenario) ([]*domain, error) {
	taken := map[netip.Addr]bool{}
	for i, l := range sc.Links {
		for j, e := range l.Ends {
			for _, a := range explicit(sc, e) {
				p.Links[i].Ends[j].Addresses = append(p.Links[i].Ends[j].Addresses, a.Prefix)
				taken[a.Addr()] = true
			}
		}
	}
	v4 := pool{rest: sc.Addressing.IPv4.Prefix}
	v6 := pool{rest: sc.Addressing.IPv6.Prefix}
	domains := p.domains()
	for _, d := range domains {
		if err := d.number(&v4, &v6, taken); err != nil {
			return nil, err
		}
	}
	return domains, nil
}

// explicit returns the addresses that the file gives to an end, or to its
// node where it has only this link.
func explicit(sc *scenarios.Scenario, e scenarios.End) []scenarios.Prefix {
	if len(e.Addresses) > 0 {
		return e.Addresses
	}
	for _, n := range sc.Nodes {
		if n.Name == e.Name {
			return n.Addresses
		}
	}
	return nil
}

// number gives the domain its networks and the ends that have no addresses
// yet the next ones of each.
func (d *domain) number(v4, v6 *pool, taken map[netip.Addr]bool) error {
	automatic := 0
	for _, e := range d.ends {
		if len(e.Addresses) == 0 {
			automatic++
		}
	}
	if automatic > 0 {
		for _, pool := range []*pool{v4, v6} {
			if !pool.rest.IsValid() {
				continue
			}
			network, err := pool.take(len(d.ends) + len(taken))
			if err != nil {
				return err
			}
			next := network.Addr()
			for _, e := range d.ends {
				if len(e.Addresses) > 0 && !e.automatic {
					continue
				}
				for next = next.Next(); taken[next]; next = next.Next() {
				}
				e.automatic = true
				e.Addresses = append(e.Addresses, netip.PrefixFrom(next, network.Bits()))
			}
		}
	}
	seen := map[netip.Prefix]bool{}
	for _, e := range d.ends {
		for _, a := range e.Addresses {
			if m := a.Masked(); !seen[m] {
				seen[m] = true
				d.prefixes = append(d.prefixes, m)
			}
		}
	}
	return nil
}

// A pool hands out networks, aligned, in order.
type pool struct {
	rest netip.Prefix // whole pool
	next netip.Addr   // first address not handed out
}

// take returns the next network with room for the given number of hosts: a
// /24 of IPv4 or larger, a /64 of IPv6 (or what the pool is, if smaller).
func (p *pool) take(hosts int) (netip.Prefix, error) {
	bits := 64
	if p.rest.Addr().Is4() {
		bits = 24
		for bits > 0 && 1<<(32-bits) < hosts+2 {
			bits--
		}
	}
	bits = max(bits, p.rest.Bits())
	if !p.next.IsValid() {
		p.next = p.rest.Masked().Addr()
	}
	network := netip.PrefixFrom(p.next, bits).Masked()
	if network.Addr().Less(p.next) { // not aligned: the next one is
		network = netip.PrefixFrom(after(network), bits)
	}
	size := network.Addr().BitLen() - bits
	if !p.rest.Contains(network.Addr()) || size < 31 && 1<<size < hosts+2 {
		return netip.Prefix{}, fmt.Errorf("addressing: %s has no room for another network of %d hosts", p.rest, hosts)
	}
	p.next = after(network)
	return network, nil
}

// after returns the first address behind a network.
func after(n netip.Prefix) netip.Addr {
	b := n.Masked().Addr().AsSlice()
	for i, add := (n.Bits()-1)/8, 1<<(7-(n.Bits()-1)%8); i >= 0 && add > 0; i-- {
		sum := int(b[i]) + add
		b[i], add = byte(sum), sum>>8
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
