package scenarios

import (
	"net/netip"
	"strings"
	"time"

	"netlab/scenarios/words"
)

// This file checks that the parts of a lab fit together.

// checkTexts looks at what is shown in one line, and at the name.
func (c *checker) checkTexts() {
	if c.given(&c.s.Name) {
		if flaw := checkName(c.s.Name, maxTitle); flaw != nil && c.s.Name != "" {
			c.wrong(flaw, &c.s.Name)
		}
	}
	for _, text := range []*string{&c.s.Title.EN, &c.s.Title.ZH} {
		if flaw := checkText(*text, textLine); flaw != nil {
			c.wrong(flaw, text, &c.s.Title)
		}
	}
}

// checkAddressing sees to it that each pool is of its family.
func (c *checker) checkAddressing() {
	a := &c.s.Addressing
	if a.IPv4.IsValid() && !a.IPv4.Addr().Is4() {
		c.wrong(bad(words.WrongFamily, a.IPv4.String(), "IPv4"), &a.IPv4)
	}
	if a.IPv6.IsValid() && a.IPv6.Addr().Is4() {
		c.wrong(bad(words.WrongFamily, a.IPv6.String(), "IPv6"), &a.IPv6)
	}
}

// checkNodes looks at host names, and at addresses given to a node as a whole.
func (c *checker) checkNodes() {
	hosts := map[string]*string{}
	for i := range c.s.Nodes {
		hosts[c.s.Nodes[i].Name] = &c.s.Nodes[i].Name
	}
	for i := range c.s.Nodes {
		n := &c.s.Nodes[i]
		for j := range n.Names {
			c.checkHostName(&n.Names[j], hosts)
		}
		c.checkBox(n)
		if len(n.Addresses) == 0 {
			continue
		}
		switch links := len(c.linksOf[n.Name]); {
		case links == 0:
			c.wrong(bad(words.AddressesNoLink, quote(n.Name)), &n.Addresses)
		case links > 1:
			c.wrong(bad(words.AddressesOfLinks, quote(n.Name), links), &n.Addresses)
		}
	}
}

func (c *checker) checkHostName(name *string, hosts map[string]*string) {
	if !isHostName(*name) {
		c.wrong(bad(words.NameNotHost, quote(*name)), name)
		return
	}
	lower := strings.ToLower(*name)
	if first, ok := hosts[lower]; ok {
		c.wrong(bad(words.NameTaken, quote(*name), c.line(first)), name)
		return
	}
	hosts[lower] = name
}

// checkLinks looks at what the ends of links are, and at all addresses.
func (c *checker) checkLinks() {
	taken := map[netip.Addr]*Prefix{}
	for i := range c.s.Nodes {
		c.checkAddresses(c.s.Nodes[i].Addresses, taken)
	}
	for i := range c.s.Links {
		l := &c.s.Links[i]
		if l.MTU < 1280 && l.MTU >= 68 && c.s.Addressing.IPv6.IsValid() {
			c.wrong(bad(words.MTUTooSmall, l.MTU), &l.MTU, &l.Name)
		}
		c.checkImpairs(l)
		for j := range l.Ends {
			c.checkEnd(&l.Ends[j])
			c.checkAddresses(l.Ends[j].Addresses, taken)
		}
		if len(l.Ends) != 2 {
			if c.given(&l.Ends) || c.given(l) {
				c.wrong(bad(words.LinkEnds, len(l.Ends)), &l.Ends, l)
			}
			l.Ends = make([]End, 2) // so that the other checks can go on
			continue
		}
		a, b := l.Ends[0].Name, l.Ends[1].Name
		switch {
		case a == b:
			c.wrong(bad(words.LinkToItself, quote(a)), &l.Ends[1].Name)
		case c.switches.has(a) && c.switches.has(b):
			c.wrong(bad(words.LinkOfSwitches, quote(a), quote(b)), &l.Ends[1].Name)
		}
	}
}

// checkEnd sees to it that a switch has no settings of a node, and a node not
// two sets of addresses.
func (c *checker) checkEnd(e *End) {
	if c.switches.has(e.Name) {
		if len(e.Addresses) > 0 {
			c.wrong(bad(words.SwitchSetting, quote(e.Name)), &e.Addresses)
		}
		if e.Acks == ImmediateAcks {
			c.wrong(bad(words.SwitchSetting, quote(e.Name)), &e.Acks)
		}
		if c.given(&e.RTOMin) {
			c.wrong(bad(words.SwitchSetting, quote(e.Name)), &e.RTOMin)
		}
		return
	}
	c.inWhole(&e.RTOMin, time.Millisecond, words.ValueWholeMillis)
	if i, ok := c.nodes.index[e.Name]; ok && len(e.Addresses) > 0 && len(c.s.Nodes[i].Addresses) > 0 {
		c.wrong(bad(words.AddressesTwice, quote(e.Name), c.line(&c.s.Nodes[i].Addresses)), &e.Addresses)
	}
}

func (c *checker) checkAddresses(list []Prefix, taken map[netip.Addr]*Prefix) {
	for i := range list {
		p := &list[i]
		if !p.IsValid() {
			continue // reported
		}
		if first, ok := taken[p.Addr()]; ok {
			c.wrong(bad(words.AddressTaken, p.Addr().String(), c.line(first)), p)
			continue
		}
		taken[p.Addr()] = p
		family := IPv6
		if p.Addr().Is4() {
			family = IPv4
		}
		c.checkFamily(family, p)
	}
}

// checkFamily sees to it that the lab has a family of addresses.
func (c *checker) checkFamily(f Family, pointers ...any) {
	pool, name := &c.s.Addressing.IPv4, "IPv4"
	if f == IPv6 {
		pool, name = &c.s.Addressing.IPv6, "IPv6"
	}
	if at, ok := c.places[pool]; ok && at.node.text == none {
		c.wrong(bad(words.FamilyMissing, name, strings.ToLower(name)), pointers...)
	}
}

func (c *checker) checkSettle(x *Settle) {
	for i := range x.Until {
		u := &x.Until[i]
		if len(u.Ends) == 0 && c.given(&u.Ends) {
			c.wrong(bad(words.NothingExpected), &u.Ends)
		}
		for j := range u.Ends {
			c.checkEndName(u.Name, u.Ends[j].Name, &u.Ends[j].Name)
		}
	}
}

// checkEndName sees to it that a connection has an end of this name. ptr is
// what the name stands in.
func (c *checker) checkEndName(connection, end string, ptr any) {
	if !c.connections.has(connection) || c.unreadable(&c.nodes) || end == Opener || end == Acceptor {
		return
	}
	e := c.ends[connection]
	if e.a != "" && e.a == e.b && end == e.a {
		c.wrong(bad(words.EndsOneNode, quote(connection), quote(end)), ptr)
		return
	}
	if end == e.a || end == e.b {
		return
	}
	allowed := []string{e.a, e.b, Opener, Acceptor}
	if e.a == "" || e.b == "" { // any node may be the one that is not known
		if c.nodes.has(end) {
			return
		}
		allowed = c.anyEnd
	}
	c.wrong(bad(words.NoEnd, quote(connection), quote(end)).instead(allowed, end), ptr)
}
