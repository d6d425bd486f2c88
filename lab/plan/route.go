package plan

import "net/netip"

// route gives every node its way to the networks that it is not on, by the
// fewest routers; ties go to the file's order. A node with one gateway gets
// default routes. Whoever is outside a router that translates addresses has no
// way to what is behind it: there the network bears addresses of its own.
func (p *Plan) route(domains []*domain) {
	on := map[string][]*domain{} // node -> domains that it is on
	for _, d := range domains {
		for _, e := range d.ends {
			on[e.Node] = append(on[e.Node], d)
		}
	}
	gates := map[string]*Node{} // the nodes that forward
	for i := range p.Nodes {
		if p.Nodes[i].Forwards {
			gates[p.Nodes[i].Name] = &p.Nodes[i]
		}
	}
	for i := range p.Nodes {
		n := &p.Nodes[i]
		hops := nextHops(n.Name, on, gates)
		gateways := map[*End]bool{}
		reached := onIts(on[n.Name])
		var ways []Route
		for _, d := range domains {
			hop, ok := hops[d]
			if !ok || hop.gateway == nil {
				continue
			}
			gateways[hop.gateway] = true
			for _, to := range d.prefixes {
				if r, ok := hop.route(to); ok && !reached[to] {
					reached[to] = true
					ways = append(ways, r)
				}
			}
		}
		if len(gateways) == 1 && !n.Forwards {
			ways = defaults(ways)
		}
		n.Routes = ways
	}
}

// onIts returns the networks of domains. To them there is no further way, even
// if the file gives the same network to another domain: an address on it would
// be ambiguous, and the kernel takes one route to a network.
func onIts(own []*domain) map[netip.Prefix]bool {
	on := map[netip.Prefix]bool{}
	for _, d := range own {
		for _, p := range d.prefixes {
			on[p] = true
		}
	}
	return on
}

// A hop is how a node reaches a domain: out of its own end, to a gateway's.
// The gateway is nil where the node is on the domain itself.
type hop struct{ own, gateway *End }

// route returns the way to a network over the hop, in the network's family.
func (h hop) route(to netip.Prefix) (Route, bool) {
	for _, a := range h.gateway.Addresses {
		if a.Addr().Is4() == to.Addr().Is4() && onLink(h.own, a.Addr()) {
			return Route{To: to, Via: a.Addr(), Interface: h.own.Interface, QuickAck: h.own.QuickAck, RTOMin: h.own.RTOMin}, true
		}
	}
	return Route{}, false
}

// onLink reports whether an address is on a network of the end.
func onLink(e *End, a netip.Addr) bool {
	for _, p := range e.Addresses {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// nextHops walks the lab outward from a node, breadth first.
func nextHops(node string, on map[string][]*domain, gates map[string]*Node) map[*domain]hop {
	hops := map[*domain]hop{}
	var queue []*domain
	for _, d := range on[node] {
		if _, ok := hops[d]; !ok {
			hops[d] = hop{own: d.endOf(node)}
			queue = append(queue, d)
		}
	}
	seen := map[string]bool{node: true}
	for ; len(queue) > 0; queue = queue[1:] {
		d := queue[0]
		for _, e := range d.ends {
			gate := gates[e.Node]
			if gate == nil || seen[e.Node] || d.isOutside(gate) {
				continue
			}
			seen[e.Node] = true
			for _, next := range on[e.Node] {
				if _, ok := hops[next]; ok {
					continue
				}
				h := hops[d]
				if h.gateway == nil {
					h.gateway = e
				}
				hops[next] = h
				queue = append(queue, next)
			}
		}
	}
	return hops
}

// isOutside reports whether the domain is what a router hides its networks
// from.
func (d *domain) isOutside(gate *Node) bool {
	for _, e := range d.ends {
		if gate.NAT != nil && e.Node == gate.Name && e.Interface == gate.NAT.Interface {
			return true
		}
	}
	return false
}

// endOf returns the node's end on the domain.
func (d *domain) endOf(node string) *End {
	for _, e := range d.ends {
		if e.Node == node {
			return e
		}
	}
	return nil
}

// defaults turns routes by one gateway into a default route of each family.
func defaults(ways []Route) []Route {
	var out []Route
	seen := map[bool]bool{}
	for _, r := range ways {
		if is4 := r.To.Addr().Is4(); !seen[is4] {
			seen[is4] = true
			everywhere := netip.IPv6Unspecified()
			if is4 {
				everywhere = netip.IPv4Unspecified()
			}
			r.To = netip.PrefixFrom(everywhere, 0)
			out = append(out, r)
		}
	}
	return out
}
