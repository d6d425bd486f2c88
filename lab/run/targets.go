package run

import (
	"fmt"
	"net/netip"

	"netlab/scenarios"
)

// This file finds what steps speak to.

func (r *runner) server(name string) scenarios.Server {
	for _, s := range r.Scenario.Servers {
		if s.Name == name {
			return s
		}
	}
	return scenarios.Server{} // the parser has seen to it that this cannot be
}

// behind returns the server that stands behind a chain of proxies.
func (r *runner) behind(name string) scenarios.Server {
	s := r.server(name)
	for range r.Scenario.Servers {
		if s.Proxy == nil {
			break
		}
		s = r.server(s.Proxy.To)
	}
	return s
}

// family returns which of a server's addresses a step uses: a step of a
// session that of the step that opened it.
func (r *runner) family(s *scenarios.Step) scenarios.Family {
	for i := range r.Scenario.Steps {
		if open := &r.Scenario.Steps[i]; open.Opens() && open.Session() == s.Session() {
			return open.Family()
		}
	}
	return s.Family()
}

// target returns where a client finds a server.
func (r *runner) target(to string, family scenarios.Family) (netip.AddrPort, error) {
	s := r.server(to)
	addr, ok := r.lab.AddrOf(s.Node, family)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("node %s of server %q has no %s address", s.Node, s.Name, family)
	}
	return netip.AddrPortFrom(addr, uint16(s.Port())), nil
}

// peerOf returns the node that a step opens a socket for, or connects it to, and the port there;
// "" if it is for a server or for nobody.
func peerOf(s *scenarios.Step) (string, int) {
	switch {
	case s.TCPConnect != nil:
		return s.TCPConnect.Peer, s.TCPConnect.Port
	case s.TCPReopen != nil:
		return s.TCPReopen.Peer, s.TCPReopen.Port
	case s.UDPOpen != nil:
		return s.UDPOpen.Peer, s.UDPOpen.Port
	case s.Ping != nil:
		return s.Ping.Peer, 0
	}
	return "", 0
}

// peerTarget returns where a port of a node is.
func (r *runner) peerTarget(peer string, port int, family scenarios.Family) (netip.AddrPort, error) {
	addr, ok := r.lab.AddrOf(peer, family)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("node %s has no %s address", peer, family)
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}
