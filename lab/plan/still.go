package plan

import (
	"fmt"
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
	// A small share of what is sent may be on its way through the machine, and
	// less where round trips take long: what follows is joined to one segment.
	{Path: "net/ipv4/tcp_pacing_ss_ratio", Value: "1000"},
	{Path: "net/ipv4/tcp_pacing_ca_ratio", Value: "1000"},
}

// lowPorts lists the ports of which the lower byte has less than three digits:
// FTP writes ports as two numbers (RFC 959 section 4.1.2), and with others
// chosen by the kernel every command has the same length each time.
func lowPorts() Sysctl {
	var list []string
	for high := 128; high < 256; high++ {
		list = append(list, fmt.Sprintf("%d-%d", high<<8, high<<8+99))
	}
	return Sysctl{Path: "net/ipv4/ip_local_reserved_ports", Value: strings.Join(list, ",")}
}

// standStill gives it to all nodes. What the scenario sets stays.
func (p *Plan) standStill() {
	for i := range p.Nodes {
		n := &p.Nodes[i]
		for _, s := range append(slices.Clone(still), lowPorts()) {
			if !slices.ContainsFunc(n.Sysctls, func(own Sysctl) bool { return own.Path == s.Path }) {
				n.Sysctls = append(n.Sysctls, s)
			}
		}
	}
}
