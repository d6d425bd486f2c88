package plan

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"netlab/scenarios"
)

// captureMemory is the budget of all capture rings of a lab, in bytes.
const captureMemory = 256 << 20

// Ifindexes are chosen here, so that nothing has to look them up. 1 is lo;
// in a switch's namespace 2 is the bridge.
const (
	firstNodeIndex = 2
	firstPortIndex = 10
)

// New decides how to build a scenario's lab. It fails only where the
// scenario's networks cannot be had from its address pools.
func New(sc *scenarios.Scenario) (*Plan, error) {
	p := &Plan{Scenario: sc.Name, Seed: sc.Seed, Observe: observed(sc), Memory: captureMemory, Ring: ring(sc), Servers: sc.Servers}
	busy, programs := whereThingsRun(sc)
	for _, n := range sc.Nodes {
		p.Nodes = append(p.Nodes, Node{
			Name: n.Name, Hostname: n.Name, Process: busy[n.Name], Programs: programs[n.Name],
			Forwards: n.Forwards, Sysctls: sysctls(n),
		})
		if programs[n.Name] > 0 {
			last := &p.Nodes[len(p.Nodes)-1]
			last.Disk, last.Named = int64(sc.Limits.Disk), namedIn(sc, n.Name)
		}
	}
	for _, s := range sc.Switches {
		p.Switches = append(p.Switches, Switch{Name: s.Name, STP: bool(s.STP)})
	}
	p.layLinks(sc)
	p.gates(sc)
	p.timers(sc)
	if sc.Stepped {
		p.standStill()
	}
	domains, err := p.address(sc)
	if err != nil {
		return nil, err
	}
	if err := p.translators(sc); err != nil {
		return nil, err
	}
	p.route(domains)
	if err := p.firewalls(sc); err != nil {
		return nil, err
	}
	p.Hosts = hosts(p, sc)
	p.resolvers(sc)
	p.Settings = slices.Concat(settings(sc), middleboxSettings(p), p.lockstepSettings(sc))
	if sc.Stepped {
		p.Settings = append(p.Settings, Setting{"stepped", "by hand"})
	}
	return p, nil
}

// whereThingsRun returns the nodes that need a process: those with a server
// and those whose clients take steps; and of these the ones where programs of
// the host run, with the limit of their processes.
func whereThingsRun(sc *scenarios.Scenario) (busy map[string]bool, programs map[string]int) {
	busy, programs = map[string]bool{}, map[string]int{}
	for _, s := range sc.Servers {
		busy[s.Node] = true
		if s.Exec != nil {
			programs[s.Node] = sc.Limits.Processes
		}
	}
	for _, s := range sc.Steps {
		if node := s.Node(); node != "" && !s.OfNetwork() {
			busy[node] = true
		}
		if s.Exec != nil {
			programs[s.Exec.Node] = sc.Limits.Processes
		}
	}
	return busy, programs
}

// namedIn returns what the commands of a node's programs name (Node.Named).
func namedIn(sc *scenarios.Scenario, node string) []string {
	var list []string
	add := func(command []string, directory string) {
		if len(command) == 0 {
			return
		}
		for i, word := range append(command[:len(command):len(command)], directory) {
			if i == 0 || path.IsAbs(word) && word != "/" {
				list = append(list, word)
			}
		}
	}
	for _, s := range sc.Servers {
		if s.Exec != nil && s.Node == node {
			add(s.Exec.Command, s.Exec.Directory)
			add(s.Exec.Prepare, s.Exec.Directory)
		}
	}
	for _, s := range sc.Steps {
		if s.Exec != nil && s.Exec.Node == node {
			add(s.Exec.Command, s.Exec.Directory)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// sysctls returns what is written into a node's namespace before it has
// links: no address of IPv6's own making and no waiting for duplicates of
// those that a user adds (each would add noise or seconds), forwarding, and
// what the scenario says. Each write costs some twenty microseconds: what
// package link sees to by other means is not repeated here.
func sysctls(n scenarios.Node) []Sysctl {
	list := []Sysctl{
		{Path: "net/ipv6/conf/default/accept_ra", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/accept_dad", Value: "0", Optional: true},
	}
	if n.Forwards {
		list = append(list,
			Sysctl{Path: "net/ipv4/ip_forward", Value: "1"},
			Sysctl{Path: "net/ipv6/conf/all/forwarding", Value: "1", Optional: true})
	}
	for _, s := range n.Sysctls {
		list = append(list, Sysctl{Path: sysctlPath(s.Name), Value: s.Value})
	}
	return list
}

// sysctlPath turns net.ipv4.tcp_fin_timeout into net/ipv4/tcp_fin_timeout. As
// with sysctl(8), what separates first does so throughout: the other mark
// stands for a dot in a file's name (net.ipv4.conf.eth0/1.rp_filter is
// net/ipv4/conf/eth0.1/rp_filter, which may be written so as well).
func sysctlPath(name string) string {
	if i := strings.IndexAny(name, "./"); i < 0 || name[i] == '/' {
		return name
	}
	return strings.NewReplacer(".", "/", "/", ".").Replace(name)
}

// layLinks gives every link's ends their interface names, indexes and MAC
// addresses, in the order of the file.
func (p *Plan) layLinks(sc *scenarios.Scenario) {
	isSwitch := map[string]bool{}
	for _, s := range sc.Switches {
		isSwitch[s.Name] = true
	}
	used := map[string]int{}
	for i, l := range sc.Links {
		link := Link{Name: l.Name, MTU: l.MTU}
		for j, e := range l.Ends {
			nth := used[e.Name]
			used[e.Name]++
			end := End{
				Node: e.Name, Switch: isSwitch[e.Name],
				Interface: fmt.Sprintf("eth%d", nth), Index: firstNodeIndex + nth,
				// Locally administered; "NL", then link and end.
				MAC:      fmt.Sprintf("02:4e:4c:%02x:%02x:%02x", i>>8&0xff, i&0xff, j+1),
				QuickAck: e.Acks == scenarios.ImmediateAcks,
			}
			if end.Switch {
				end.Interface, end.Index = fmt.Sprintf("port%d", nth), firstPortIndex+nth
			}
			link.Ends[j] = end
		}
		p.Links = append(p.Links, link)
	}
}

// hosts returns the lines of /etc/hosts: every address of every node, with
// the node's name and its further names.
func hosts(p *Plan, sc *scenarios.Scenario) []Host {
	var list []Host
	for _, n := range sc.Nodes {
		for _, a := range p.AddressesOf(n.Name) {
			list = append(list, Host{Address: a, Names: append([]string{n.Name}, n.Names...)})
		}
	}
	return list
}

// resolvers finds the address of each node's name server: the server's first,
// IPv4 before IPv6.
func (p *Plan) resolvers(sc *scenarios.Scenario) {
	for i, n := range sc.Nodes {
		for _, s := range sc.Servers {
			if n.Resolver == "" || s.Name != n.Resolver {
				continue
			}
			addresses := p.AddressesOf(s.Node)
			slices.SortStableFunc(addresses, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
			if len(addresses) > 0 {
				p.Nodes[i].Resolver = addresses[0]
			}
		}
	}
}

// AddressesOf returns a node's addresses in the order of its links, IPv4
// before IPv6 on each.
func (p *Plan) AddressesOf(node string) []netip.Addr {
	var list []netip.Addr
	for _, l := range p.Links {
		for _, e := range l.Ends {
			if e.Node == node {
				for _, a := range e.Addresses {
					list = append(list, a.Addr())
				}
			}
		}
	}
	return list
}
