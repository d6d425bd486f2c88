package scenarios

import (
	"net/netip"
	"strconv"
	"strings"

	"netlab/scenarios/words"
)

// This file checks name servers and proxies: servers that ask others.

func (c *checker) checkDNSServer(s *Server) {
	all := make([]named, len(s.DNS.Records))
	for i := range s.DNS.Records {
		r := &s.DNS.Records[i]
		all[i] = named{r.Name, strings.ToLower(strings.TrimSuffix(r.Name, ".")), &r.Name}
		for _, v := range r.Values {
			for j := range v.Values {
				if flaw := c.checkRecord(v.Type, v.Values[j]); flaw != nil && v.Values[j] != "" {
					c.wrong(flaw, &v.Values[j])
				}
			}
			if v.Type == "CNAME" && (len(r.Values) > 1 || len(v.Values) > 1) {
				c.wrong(bad(words.AliasAlone, quote(r.Name)), &v.Values[0]) // RFC 1034 section 3.6.2
			}
		}
	}
	c.checkTwice(words.NameTaken, all)
	c.mayAsk(s.DNS.Upstream, &s.DNS.Upstream, "dns")
}

// checkRecord looks at a value as it would stand in a zone file.
func (c *checker) checkRecord(kind, value string) *fault {
	addr, err := netip.ParseAddr(value)
	isAddr := err == nil && addr.Zone() == "" && !addr.Is4In6()
	parts := strings.Fields(value)
	switch kind {
	case "":
		if !isAddr && !c.nodes.has(value) && !c.unreadable(&c.nodes) {
			return bad(words.NotAddressOrNode, quote(value)).instead(c.nodes.names, value)
		}
	case "A":
		if !isAddr || !addr.Is4() {
			return bad(words.NotRecord, quote(value), kind, "10.0.0.1")
		}
	case "AAAA":
		if !isAddr || !addr.Is6() {
			return bad(words.NotRecord, quote(value), kind, "fd00::1")
		}
	case "CNAME", "NS", "PTR":
		if !isDomain(value) {
			return bad(words.NameNotDomain, quote(value))
		}
	case "MX":
		if len(parts) != 2 || !are16Bits(parts[:1]) || !isDomain(parts[1]) {
			return bad(words.NotRecord, quote(value), kind, "10 mail.lab.test")
		}
	case "SRV":
		if len(parts) != 4 || !are16Bits(parts[:3]) || !isDomain(parts[3]) && parts[3] != "." {
			return bad(words.NotRecord, quote(value), kind, "10 5 5060 sip.lab.test")
		}
	}
	return nil
}

// are16Bits reports whether texts are numbers of 16 bits.
func are16Bits(list []string) bool {
	for _, s := range list {
		if _, err := strconv.ParseUint(s, 10, 16); err != nil || !isNumber(s) {
			return false
		}
	}
	return true
}

func (c *checker) checkProxy(s *Server) {
	p := s.Proxy
	c.mayAsk(p.To, &p.To, onTCP()...)
	c.checkFamily(p.Family, &p.Family, p)
}

// asks returns the name of the server that a server asks, and where it
// stands; "" if none.
func (s *Server) asks() (string, any) {
	switch {
	case s.DNS != nil:
		return s.DNS.Upstream, &s.DNS.Upstream
	case s.Proxy != nil:
		return s.Proxy.To, &s.Proxy.To
	}
	return "", nil
}

// checkCircles sees to it that no server asks itself, by way of whomever. It
// goes over each server once.
func (c *checker) checkCircles() {
	seen := make([]int, len(c.s.Servers)) // by which walk, from 1
	for start := range c.s.Servers {
		for at := start; seen[at] == 0; {
			seen[at] = start + 1
			name, ptr := c.s.Servers[at].asks()
			next, ok := c.servers.index[name]
			if !ok {
				break
			}
			if seen[next] == start+1 {
				c.wrong(bad(words.ServerCircle, quote(c.s.Servers[at].Name), quote(name)), ptr)
			}
			at = next
		}
	}
}

// onTCP lists the kinds of servers that listen on TCP.
func onTCP() []string {
	return []string{"ftp", "http", "https", "tcp", "dns", "smtp", "proxy", "exec"}
}

// mayAsk sees to it that a server, if there is one of this name, is of one of
// the kinds, and that it is known where it listens. ptr is what the name
// stands in.
func (c *checker) mayAsk(name string, ptr any, kinds ...string) bool {
	i, ok := c.servers.index[name]
	if !ok {
		return false // reported
	}
	s := &c.s.Servers[i]
	kind := s.Kind()
	switch {
	case kind == "":
		return false // reported
	case !isWord(kind, kinds):
		c.wrong(bad(words.WrongServer, quote(name), kind, strings.Join(kinds, ", ")), ptr)
		return false
	case kind == "exec" && s.Port() == 0:
		c.wrong(bad(words.ServerNoPort, quote(name)), ptr)
		return false
	}
	return true
}
