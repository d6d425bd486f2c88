package plan

import (
	"slices"
	"strings"
)

// still is what makes the time of TCP stand still, as far as the kernel lets
// it, while a person reads: nobody gives up to send again, FIN-WAIT-2 is not
// over, and what a program writes is a segment of its own however busy the
// machine is. (ip-sysctl.rst of the kernel; TIME-WAIT cannot be changed.)
var still = []Sysctl{
	{Path: "net/ipv4/tcp_syn_retries", Value: "100"},
	{Path: "net/ipv4/tcp_synack_retries", Value: "100"},
	{Path: "net/ipv4/tcp_orphan_retries", Value: "100"},
	{Path: "net/ipv4/tcp_fin_timeout", Value: "7200"},
	{Path: "net/ipv4/tcp_autocorking", Value: "0"},
}

// standStill gives it to all nodes. What the scenario sets stays.
func (p *Plan) standStill() {
	for i := range p.Nodes {
		n := &p.Nodes[i]
		for _, s := range still {
			if !slices.ContainsFunc(n.Sysctls, func(own Sysctl) bool { return strings.EqualFold(own.Path, s.Path) }) {
				n.Sysctls = append(n.Sysctls, s)
			}
		}
	}
}
