package scenarios

import "net/netip"

// NAT makes a router translate addresses.
type NAT struct {
	Masquerade string `key:"masquerade,required" ref:"link" doc:"The link to the outside: what leaves by it bears the router's address there. Nodes outside have no route to the networks behind."`
	FTPHelper  YesNo  `key:"ftp_helper" default:"off" doc:"Read FTP control connections (port 21), rewrite the addresses in PORT and EPRT, and let the data connections in."`
}

// A Rule says what a node's firewall does with packets. The first rule that
// matches counts; what none matches passes.
type Rule struct {
	At     Pos
	Accept *Match `key:"accept,kind" doc:"Let pass what matches."`
	Drop   *Match `key:"drop,kind" doc:"Drop it silently."`
	Reject *Match `key:"reject,kind" doc:"Refuse it, and tell the sender."`
}

// A Match says which packets a rule is about: those for which all that is
// said is true.
type Match struct {
	Path     PacketPath `key:"path" default:"any" doc:"in: to the node itself; out: from it; forward: through it; any."`
	Link     string     `key:"link" ref:"link" doc:"Packets that come or go by this link."`
	From     string     `key:"from" ref:"node" doc:"Sent by this node (by the addresses of the lab, before any translation here)."`
	To       string     `key:"to" ref:"node" doc:"Sent to this node."`
	Protocol Protocol   `key:"protocol" doc:"tcp, udp or icmp; tcp if flags are given, any if absent."`
	Ports    PortRange  `key:"ports" doc:"Destination port, or range, as 20-21; with tcp or udp, either if no protocol is given."`
	FromPort PortRange  `key:"from_ports" doc:"Source port, or range."`
	Flags    []TCPFlag  `key:"flags" doc:"TCP control bits that are all set, as [FIN]."`
	Unset    []TCPFlag  `key:"flags_unset" doc:"TCP control bits of which none is set."`
	With     RejectWith `key:"with" doc:"Of reject: tcp_reset, port_unreachable, host_unreachable or prohibited; tcp_reset for tcp, else port_unreachable, if absent."`
}

// A PacketPath is a way of packets through a node.
type PacketPath string

// The paths.
const (
	PathAny     PacketPath = "any"
	PathIn      PacketPath = "in"
	PathOut     PacketPath = "out"
	PathForward PacketPath = "forward"
)

// A Protocol is what is carried in IP.
type Protocol string

// The protocols.
const (
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	ICMP Protocol = "icmp" // and ICMPv6
)

// A TCPFlag is a control bit, by its name in RFC 9293.
type TCPFlag string

// A RejectWith is how a sender is told.
type RejectWith string

// The ways to refuse.
const (
	RejectReset      RejectWith = "tcp_reset"
	RejectPort       RejectWith = "port_unreachable"
	RejectHost       RejectWith = "host_unreachable"
	RejectProhibited RejectWith = "prohibited"
)

// FirewallStep adds a rule before those that are there.
type FirewallStep struct {
	Node   string `key:"node,required" ref:"node" doc:"Whose firewall."`
	Match  `key:",inline"`
	Common `key:",inline"`
}

// FirewallClear takes rules away.
type FirewallClear struct {
	Common `key:",inline"`
	Node   string `key:"node,required" ref:"node" doc:"Whose firewall."`
}

// LinkStep changes a link.
type LinkStep struct {
	Common `key:",inline"`
	Link   string `key:"link,required" ref:"link" doc:"The link."`
}

// SysctlStep changes a setting.
type SysctlStep struct {
	Common  `key:",inline"`
	Node    string `key:"node,required" ref:"node" doc:"The node."`
	Setting string `key:"name,required" doc:"The setting, as net.ipv4.tcp_fin_timeout."`
	Value   string `key:"value,required" doc:"Its value."`
}

// RouteStep changes a route. Exactly one of via, and refuse says how.
type RouteStep struct {
	Common  `key:",inline"`
	Node    string  `key:"node,required" ref:"node" doc:"The node."`
	Network Network `key:"network,required" doc:"The network, as 10.77.1.0/24; 0.0.0.0/0 or ::/0 for the default route."`
	Via     Address `key:"via" doc:"The gateway."`
	Refuse  Refusal `key:"refuse" doc:"blackhole: drop silently; unreachable: tell the sender; delete: take the route away."`
	MTU     int     `key:"mtu" min:"68" max:"65535" doc:"Largest packet on this route."`
}

// A Network is a prefix without host bits.
type Network struct{ netip.Prefix }

// An Address is one address.
type Address struct{ netip.Addr }

// A Refusal is a route that leads nowhere.
type Refusal string

// The refusals.
const (
	Blackhole   Refusal = "blackhole"
	Unreachable Refusal = "unreachable"
	NoRoute     Refusal = "delete"
)
