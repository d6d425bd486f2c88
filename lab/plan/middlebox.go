package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"netlab/scenarios"
)

// A NAT is how a router translates addresses: what leaves by the interface
// bears the router's address there.
type NAT struct {
	Link      string `json:"link"`
	Interface string `json:"interface"`
	FTPHelper bool   `json:"ftp_helper,omitempty"`
}

// An Action is what a rule does with a packet.
type Action string

// The actions.
const (
	Accept Action = "accept"
	Drop   Action = "drop"
	Reject Action = "reject"
)

// A Rule is a rule of a node's firewall, with what the scenario names resolved
// to interfaces and addresses. It is about packets for which all that is said
// is true; what is absent says nothing.
type Rule struct {
	Do        Action               `json:"do"`
	With      scenarios.RejectWith `json:"with,omitempty"` // of Reject
	Path      scenarios.PacketPath `json:"path"`
	Interface string               `json:"interface,omitempty"`
	From      []netip.Addr         `json:"from,omitempty"` // any of them
	To        []netip.Addr         `json:"to,omitempty"`
	Protocol  scenarios.Protocol   `json:"protocol,omitempty"`
	Ports     scenarios.PortRange  `json:"ports,omitzero"`      // of the destination
	FromPorts scenarios.PortRange  `json:"from_ports,omitzero"` // of the source
	Flags     []scenarios.TCPFlag  `json:"flags,omitempty"`
	Unset     []scenarios.TCPFlag  `json:"flags_unset,omitempty"`
}

// String writes the rule in one line, as "drop forward tcp ports 20-21".
func (r Rule) String() string {
	words := []string{string(r.Do)}
	add := func(given bool, format string, args ...any) {
		if given {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(r.Path != scenarios.PathAny && r.Path != "", "%s", r.Path)
	add(r.Interface != "", "dev %s", r.Interface)
	add(len(r.From) > 0, "from %s", joined(r.From))
	add(len(r.To) > 0, "to %s", joined(r.To))
	add(r.Protocol != "", "%s", r.Protocol)
	add(r.Ports.Low != 0, "ports %s", portsText(r.Ports))
	add(r.FromPorts.Low != 0, "from_ports %s", portsText(r.FromPorts))
	add(len(r.Flags) > 0, "flags %s", joined(r.Flags))
	add(len(r.Unset) > 0, "flags_unset %s", joined(r.Unset))
	add(r.With != "", "with %s", r.With)
	return strings.Join(words, " ")
}

func joined[T any](list []T) string {
	var texts []string
	for _, x := range list {
		texts = append(texts, fmt.Sprint(x))
	}
	return strings.Join(texts, ",")
}

func portsText(r scenarios.PortRange) string {
	if r.Low == r.High {
		return fmt.Sprint(r.Low)
	}
	return fmt.Sprintf("%d-%d", r.Low, r.High)
}

// translators notes which nodes translate addresses, and by which interface.
// It needs the links, and is needed for the routes.
func (p *Plan) translators(sc *scenarios.Scenario) error {
	for i, n := range sc.Nodes {
		if n.NAT == nil {
			continue
		}
		end := p.EndOf(n.NAT.Masquerade, n.Name)
		if end == nil {
			return fmt.Errorf("nat: link %q has no end at node %q", n.NAT.Masquerade, n.Name)
		}
		p.Nodes[i].NAT = &NAT{Link: n.NAT.Masquerade, Interface: end.Interface, FTPHelper: bool(n.NAT.FTPHelper)}
	}
	return nil
}

// firewalls resolves the rules of the nodes. It needs the addresses.
func (p *Plan) firewalls(sc *scenarios.Scenario) error {
	for i, n := range sc.Nodes {
		for _, r := range n.Firewall {
			do, match := Accept, r.Accept
			switch {
			case r.Drop != nil:
				do, match = Drop, r.Drop
			case r.Reject != nil:
				do, match = Reject, r.Reject
			}
			if match == nil {
				continue
			}
			rules, err := p.Rules(n.Name, do, *match)
			if err != nil {
				return fmt.Errorf("firewall: %w", err)
			}
			p.Nodes[i].Firewall = append(p.Nodes[i].Firewall, rules...)
		}
	}
	return nil
}

// Rules resolves what a scenario says of packets at a node. There is no rule
// where nothing can ever match, as from a node that has no address.
func (p *Plan) Rules(node string, do Action, m scenarios.Match) ([]Rule, error) {
	r := Rule{
		Do: do, Path: m.Path, Protocol: m.Protocol,
		Ports: m.Ports, FromPorts: m.FromPort, Flags: m.Flags, Unset: m.Unset,
	}
	if r.Path == "" {
		r.Path = scenarios.PathAny
	}
	if len(m.Flags)+len(m.Unset) > 0 {
		r.Protocol = scenarios.TCP
	}
	if do == Reject {
		r.With = m.With
	}
	if m.Link != "" {
		end := p.EndOf(m.Link, node)
		if end == nil {
			return nil, fmt.Errorf("link %q has no end at node %q", m.Link, node)
		}
		r.Interface = end.Interface
	}
	if m.From != "" {
		if r.From = p.AddressesOf(m.From); len(r.From) == 0 {
			return nil, nil
		}
	}
	if m.To != "" {
		if r.To = p.AddressesOf(m.To); len(r.To) == 0 {
			return nil, nil
		}
	}
	return []Rule{r}, nil
}

// EndOf returns the end of a link at a node or switch, nil if there is none.
func (p *Plan) EndOf(link, node string) *End {
	for i := range p.Links {
		if p.Links[i].Name != link {
			continue
		}
		for j := range p.Links[i].Ends {
			if e := &p.Links[i].Ends[j]; e.Node == node {
				return e
			}
		}
	}
	return nil
}

// NodeOf returns the node of a name, nil if there is none.
func (p *Plan) NodeOf(name string) *Node {
	for i := range p.Nodes {
		if p.Nodes[i].Name == name {
			return &p.Nodes[i]
		}
	}
	return nil
}

// SysctlOf returns the file of a setting, and what a step writes to it.
func SysctlOf(s scenarios.SysctlStep) Sysctl {
	return Sysctl{Path: sysctlPath(s.Setting), Value: s.Value}
}

// ChangeRoute puts what a route step says in place of the node's route to
// that network, and returns the new route. It leaves by the node's end that
// the gateway is on, with that end's acknowledgements; which end it is is left
// to the kernel where the gateway is on none. A network that can no longer
// be reached has no route in the plan.
func (p *Plan) ChangeRoute(s scenarios.RouteStep) Route {
	r := Route{To: s.Network.Masked(), Via: s.Via.Addr, MTU: s.MTU}
	for i := range p.Links {
		for j := range p.Links[i].Ends {
			if e := &p.Links[i].Ends[j]; e.Node == s.Node && r.Via.IsValid() && onLink(e, r.Via) {
				r.Interface, r.QuickAck, r.RTOMin = e.Interface, e.QuickAck, e.RTOMin
			}
		}
	}
	n := p.NodeOf(s.Node)
	if n == nil {
		return r
	}
	var routes []Route
	for _, old := range n.Routes {
		if old.To != r.To {
			routes = append(routes, old)
		}
	}
	if r.Via.IsValid() {
		routes = append(routes, r)
	}
	n.Routes = routes
	return r
}

// middleboxSettings lists what a router does that a plain one would not.
func middleboxSettings(p *Plan) []Setting {
	var list []Setting
	for _, n := range p.Nodes {
		if n.NAT != nil {
			list = append(list, Setting{n.Name + ".nat.masquerade", n.NAT.Link})
			if n.NAT.FTPHelper {
				list = append(list, Setting{n.Name + ".nat.ftp_helper", "on"})
			}
		}
		for i, r := range n.Firewall {
			list = append(list, Setting{fmt.Sprintf("%s.firewall[%d]", n.Name, i), r.String()})
		}
	}
	return list
}

// middleboxText writes what is planned of a node's packets, line by line.
func middleboxText(n Node) string {
	var b strings.Builder
	if n.NAT != nil {
		fmt.Fprintf(&b, "          nat    masquerade dev %s (%s)", n.NAT.Interface, n.NAT.Link)
		if n.NAT.FTPHelper {
			b.WriteString(", ftp helper")
		}
		b.WriteString("\n")
	}
	for _, r := range n.Firewall {
		fmt.Fprintf(&b, "          rule   %s\n", r)
	}
	return b.String()
}
