package scenarios

import (
	"netlab/scenarios/words"
)

// This file checks middleboxes: what a node does with packets that pass.

// checkBox looks at a node's resolver, translation and firewall.
func (c *checker) checkBox(n *Node) {
	if i, ok := c.servers.index[n.Resolver]; ok && c.mayAsk(n.Resolver, &n.Resolver, "dns") {
		if port := c.s.Servers[i].DNS.Port; port != 53 { // resolv.conf(5) knows no ports
			c.wrong(bad(words.ResolverPort, quote(n.Resolver), port), &n.Resolver)
		}
	}
	if n.NAT != nil {
		if !n.Forwards {
			c.wrong(bad(words.OnlyWith, "forwards: on"), n.NAT)
		}
		c.touches(n.NAT.Masquerade, n.Name, &n.NAT.Masquerade)
	}
	for i := range n.Firewall {
		for _, m := range []*Match{n.Firewall[i].Accept, n.Firewall[i].Drop} {
			if m != nil {
				c.checkMatch(m, n.Name, false, m)
			}
		}
		if m := n.Firewall[i].Reject; m != nil {
			c.checkMatch(m, n.Name, true, m)
		}
	}
}

// touches sees to it that a link ends at a node.
func (c *checker) touches(link, node string, ptr any) {
	i, ok := c.links.index[link]
	if !ok || !c.nodes.has(node) {
		return // reported
	}
	ends := c.s.Links[i].Ends
	if c.broken[&c.s.Links[i].Ends] || len(ends) != 2 || ends[0].Name == node || ends[1].Name == node {
		return
	}
	c.wrong(bad(words.LinkElsewhere, quote(link), quote(node)).instead(c.linksOf[node], link), ptr)
}

// checkMatch looks at which packets a rule is about. rejects says that it
// refuses them; whole is what the match is written in.
func (c *checker) checkMatch(m *Match, node string, rejects bool, whole any) {
	c.touches(m.Link, node, &m.Link)
	flags := len(m.Flags)+len(m.Unset) > 0
	if flags && m.Protocol != "" && m.Protocol != TCP {
		c.wrong(bad(words.OnlyWith, "protocol: tcp"), &m.Flags, &m.Unset, whole)
	}
	if m.Protocol == ICMP {
		for _, ports := range []*PortRange{&m.Ports, &m.FromPort} {
			if ports.Low != 0 {
				c.wrong(bad(words.OnlyWith, "protocol: tcp"+" | udp"), ports)
			}
		}
	}
	c.checkFlags(&m.Flags, &m.Unset)
	switch {
	case m.With == "":
	case !rejects:
		c.wrong(bad(words.OnlyWith, "reject"), &m.With)
	case m.With == RejectReset && m.Protocol != TCP && !flags:
		c.wrong(bad(words.OnlyWith, "protocol: tcp"), &m.With)
	}
}

func toStrings[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

func (c *checker) checkSysctlStep(x *SysctlStep) {
	if flaw := new(Sysctl).checkName(x.Setting); flaw != nil && x.Setting != "" {
		c.wrong(flaw, &x.Setting)
	}
}

func (c *checker) checkRouteStep(x *RouteStep) {
	via, refuse := c.given(&x.Via), c.given(&x.Refuse)
	switch {
	case via && refuse:
		c.wrong(bad(words.ExcludesKey, "via", "refuse"), &x.Refuse)
	case !via && !refuse:
		c.wrong(bad(words.OneOfKeys, "via", "refuse"), x)
	}
	c.only("via", &x.MTU, &x.Via)
	if !x.Network.IsValid() {
		return // reported
	}
	family, name := IPv4, "IPv4"
	if x.Network.Addr().Is6() {
		family, name = IPv6, "IPv6"
	}
	c.checkFamily(family, &x.Network)
	if x.Via.IsValid() && x.Via.Is6() != x.Network.Addr().Is6() {
		c.wrong(bad(words.WrongFamily, x.Via.String(), name), &x.Via)
	}
	if family == IPv6 && x.MTU > 0 && x.MTU < 1280 {
		c.wrong(bad(words.RouteMTU, x.MTU), &x.MTU)
	}
}
