package plan

import (
	"fmt"
	"net/netip"
	"slices"

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
// the domain's next ones of both families. An address that the file gives to
// anybody is never given out, nor is a network of the file on another domain:
// there would be two ways to it.
func (p *Plan) address(sc *scenarios.Scenario) ([]*domain, error) {
	taken := map[netip.Addr]bool{}
	var given []netip.Prefix
	for i, l := range sc.Links {
		for j, e := range l.Ends {
			end := &p.Links[i].Ends[j]
			for _, a := range explicit(sc, e) {
				end.Addresses = append(end.Addresses, a.Prefix)
				given = append(given, a.Masked())
				taken[a.Addr()] = true
			}
			end.automatic = len(end.Addresses) == 0
		}
	}
	v4 := &pool{all: sc.Addressing.IPv4.Prefix, given: given}
	v6 := &pool{all: sc.Addressing.IPv6.Prefix, given: given}
	domains := p.domains()
	for _, d := range domains {
		written := d.networks()
		for _, pool := range []*pool{v4, v6} {
			if !pool.all.IsValid() {
				continue
			}
			if err := d.number(pool, written, taken); err != nil {
				return nil, err
			}
		}
		d.prefixes = d.networks()
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

// networks returns the networks of the domain's addresses, each once.
func (d *domain) networks() []netip.Prefix {
	var list []netip.Prefix
	seen := map[netip.Prefix]bool{}
	for _, e := range d.ends {
		for _, a := range e.Addresses {
			if m := a.Masked(); !seen[m] {
				seen[m] = true
				list = append(list, m)
			}
		}
	}
	return list
}

// number gives the ends that have no addresses in the file one each of the
// pool's family: of a network that the file puts on the domain, so that all
// its ends can talk, else of the pool's next one.
func (d *domain) number(p *pool, written []netip.Prefix, taken map[netip.Addr]bool) error {
	var ends []*End
	for _, e := range d.ends {
		if e.automatic {
			ends = append(ends, e)
		}
	}
	if len(ends) == 0 {
		return nil
	}
	var network netip.Prefix
	for _, w := range written {
		if w.Addr().Is4() != p.all.Addr().Is4() {
			continue
		}
		network = w
		if addrs := free(w, len(ends), taken); addrs != nil {
			give(ends, addrs, w, taken)
			return nil
		}
	}
	if network.IsValid() {
		return fmt.Errorf("addressing: %s, which the file gives to an end, has no room for %d automatic addresses",
			network, len(ends))
	}
	network, err := p.take(len(d.ends))
	if err != nil {
		return err
	}
	give(ends, free(network, len(ends), taken), network, taken)
	return nil
}

// give adds an address of the network to each end.
func give(ends []*End, addrs []netip.Addr, network netip.Prefix, taken map[netip.Addr]bool) {
	for i, e := range ends {
		e.Addresses = append(e.Addresses, netip.PrefixFrom(addrs[i], network.Bits()))
		taken[addrs[i]] = true
	}
}

// free returns the first n addresses of a network that nobody has; nil if
// there are not so many. It leaves out the first one (in IPv6 that of any
// router, RFC 4291 section 2.6.1) and IPv4's broadcast, except where a network
// has but two (RFC 3021, RFC 6164).
func free(network netip.Prefix, n int, taken map[netip.Addr]bool) []netip.Addr {
	two := network.Addr().BitLen()-network.Bits() <= 1
	var list []netip.Addr
	for a := network.Addr(); len(list) < n; a = a.Next() {
		if !network.Contains(a) {
			return nil
		}
		edge := a == network.Addr() || a.Is4() && !network.Contains(a.Next())
		if edge && !two || taken[a] {
			continue
		}
		list = append(list, a)
	}
	return list
}

// A pool hands out networks, aligned, in order.
type pool struct {
	all   netip.Prefix
	given []netip.Prefix // networks of the file, which are left out
	next  netip.Addr     // first address not handed out
	full  bool           // there is no address behind the last network
}

// take returns the next network with room for the given number of hosts: a
// /24 of IPv4 or larger, a /64 of IPv6 (or what the pool is, if smaller).
func (p *pool) take(hosts int) (netip.Prefix, error) {
	bits := 64
	if p.all.Addr().Is4() {
		bits = 24
		for bits > 0 && 1<<(32-bits) < hosts+2 {
			bits--
		}
	}
	bits = max(bits, p.all.Bits())
	if !p.next.IsValid() {
		p.next = p.all.Masked().Addr()
	}
	for !p.full {
		network := netip.PrefixFrom(p.next, bits).Masked()
		if network.Addr().Less(p.next) { // not aligned: the next one is
			p.skip(network)
			continue
		}
		if !p.all.Contains(network.Addr()) || !hasRoom(network, hosts) {
			break
		}
		p.skip(network)
		if i := slices.IndexFunc(p.given, network.Overlaps); i < 0 {
			return network, nil
		} else if p.given[i].Bits() < bits {
			p.skip(p.given[i])
		}
	}
	return netip.Prefix{}, fmt.Errorf("addressing: %s has no room for another network of %d hosts", p.all, hosts)
}

// hasRoom reports whether free can return so many addresses of a network.
func hasRoom(network netip.Prefix, hosts int) bool {
	switch size := network.Addr().BitLen() - network.Bits(); {
	case size <= 1:
		return hosts <= 1<<size
	case size > 30:
		return true
	case network.Addr().Is4():
		return hosts <= 1<<size-2
	default:
		return hosts <= 1<<size-1
	}
}

// skip goes on behind a network.
func (p *pool) skip(n netip.Prefix) {
	p.next = after(n)
	p.full = p.next.IsUnspecified()
}

// after returns the first address behind a network; behind the last network
// of all, the unspecified one.
func after(n netip.Prefix) netip.Addr {
	b := n.Masked().Addr().AsSlice()
	for i := n.Bits(); i > 0; i-- { // add one to the first Bits bits
		at, bit := (i-1)/8, byte(1)<<(7-(i-1)%8)
		b[at] ^= bit
		if b[at]&bit != 0 {
			break
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
