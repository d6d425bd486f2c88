package run

import (
	"net/netip"

	"netlab/lab/node"
	"netlab/scenarios"
)

// introduce tells a server about the others that it has to do with: a proxy
// its server, a resolver its upstream, a name server the addresses of all nodes.
func (r *runner) introduce(request *node.ServeRequest) (err error) {
	switch s := &request.Server; {
	case s.Proxy != nil:
		request.Target, err = r.target(s.Proxy.To, s.Proxy.Family)
	case s.DNS != nil:
		request.Hosts = map[string][]netip.Addr{}
		for _, n := range r.Scenario.Nodes {
			for _, name := range append([]string{n.Name}, n.Names...) {
				request.Hosts[name] = r.result.Plan.AddressesOf(n.Name)
			}
		}
		if s.DNS.Upstream != "" {
			request.Target, err = r.nameServer(s.DNS.Upstream)
		}
	}
	return err
}

// nameServer returns where a name server is found: by IPv4, if it has that.
func (r *runner) nameServer(name string) (netip.AddrPort, error) {
	if target, err := r.target(name, scenarios.IPv4); err == nil {
		return target, nil
	}
	return r.target(name, scenarios.IPv6)
}

// lookupTarget returns the name server that a step asks: the one that it names,
// or its node's; the zero AddrPort if there is none.
func (r *runner) lookupTarget(s *scenarios.Step, where string) (netip.AddrPort, error) {
	if to := s.To(); to != "" {
		if s.Family() == scenarios.IPv6 {
			return r.target(to, scenarios.IPv6)
		}
		return r.nameServer(to)
	}
	for _, n := range r.Scenario.Nodes {
		if n.Name == where && n.Resolver != "" {
			return r.nameServer(n.Resolver)
		}
	}
	return netip.AddrPort{}, nil
}
