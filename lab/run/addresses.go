package run

import (
	"net/netip"
	"slices"

	"netlab/lab/plan"
	"netlab/probes"
)

// addressed returns the nodes with the addresses that the plan gives them,
// save those that more than one of them has: what tells whose packet it is.
func addressed(nodes []probes.NodeInfo, p *plan.Plan) []probes.NodeInfo {
	owners := make(map[netip.Addr]int)
	of := make(map[string][]netip.Addr)
	for _, l := range p.Links {
		for _, e := range l.Ends {
			for _, a := range e.Addresses {
				owners[a.Addr()]++
				of[e.Node] = append(of[e.Node], a.Addr())
			}
		}
	}
	list := slices.Clone(nodes)
	for i, n := range list {
		for _, a := range of[n.Name] {
			if owners[a] == 1 {
				list[i].Addresses = append(list[i].Addresses, a)
			}
		}
	}
	return list
}
