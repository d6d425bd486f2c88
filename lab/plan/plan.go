// Package plan decides everything about a lab before anything is built: the
// same scenario gives the same addresses, interface names and settings. It is
// pure and deterministic.
package plan

import (
	"net/netip"
	"time"

	"netlab/scenarios"
)

// A Plan is what will be built, in the order in which it is built.
type Plan struct {
	Scenario string             `json:"scenario"`
	Seed     uint64             `json:"seed"` // of everything random
	Nodes    []Node             `json:"nodes"`
	Switches []Switch           `json:"switches,omitempty"`
	Links    []Link             `json:"links,omitempty"`
	Servers  []scenarios.Server `json:"servers,omitempty"`
	Hosts    []Host             `json:"hosts,omitempty"`    // of every node's /etc/hosts
	Settings []Setting          `json:"settings,omitempty"` // what differs from the system's or a library's default
	Lockstep bool               `json:"lockstep,omitempty"` // every frame waits until sockdiag and ss have looked
	Observe  string             `json:"-"`                  // how the lab is looked at, in words
	Memory   int                `json:"capture_memory"`     // bytes, shared out over the taps
	Ring     int                `json:"capture_ring"`       // bytes that the capture of one node takes at most
}

// A Node is a host to build.
type Node struct {
	Name     string `json:"name"`
	Hostname string `json:"hostname"`
	Process  bool   `json:"process"` // an agent runs in it
	// Programs of the host run in it: at most so many processes of them. 0 for
	// none.
	Programs int `json:"programs,omitempty"`
	// Files of its programs take so many bytes at most.
	Disk int64 `json:"disk,omitempty"`
	// Named are the programs that the scenario names, and all that its
	// commands name by absolute paths, but for /: sorted, each once.
	Named    []string `json:"named,omitempty"`
	Forwards bool     `json:"forwards,omitempty"`
	Sysctls  []Sysctl `json:"sysctls"` // below /proc/sys, in the order of writing
	Routes   []Route  `json:"routes,omitempty"`
	NAT      *NAT     `json:"nat,omitempty"`
	Firewall []Rule   `json:"firewall,omitempty"` // the first that matches counts
	// Resolver is the name server of its programs; zero for none. Programs
	// ask at port 53 (resolv.conf(5) knows no other).
	Resolver netip.Addr `json:"resolver,omitzero"`
}

// A Sysctl is a file below /proc/sys and what is written to it.
type Sysctl struct {
	Path  string `json:"path"` // net/ipv4/ip_forward
	Value string `json:"value"`
	// Optional settings are those that a kernel may lack.
	Optional bool `json:"optional,omitempty"`
}

// A Host is a line of /etc/hosts.
type Host struct {
	Address netip.Addr `json:"address"`
	Names   []string   `json:"names"`
}

// A Switch is a bridge to build in a namespace of its own.
type Switch struct {
	Name string `json:"name"`
	STP  bool   `json:"stp,omitempty"` // it speaks IEEE 802.1D
}

// A Link is a veth pair to build.
type Link struct {
	Name string `json:"name"`
	MTU  int    `json:"mtu"`
	Ends [2]End `json:"ends"`
	Gate *Gate  `json:"gate,omitempty"` // stands in the link; nil for a plain veth pair
}

// A Gate stands in a link, in a namespace of its own: each end of the link is
// one end of a veth pair, whose other end is a port of the gate.
type Gate struct {
	Name   string               `json:"name"`             // of its namespace; no node or switch can have it
	Ports  [2]GatePort          `json:"ports"`            // by end of the link
	Impair [2]*scenarios.Impair `json:"impair,omitzero"`  // what each end sends comes so much worse; nil for not at all
	Needed bool                 `json:"needed,omitempty"` // also where the kernel has netem; else only where it has not
	Netem  bool                 `json:"netem,omitempty"`  // the kernel's netem does it, behind a bridge; decided when the lab is built
}

// A GatePort is an interface of a gate.
type GatePort struct {
	Interface string `json:"interface"` // port0, port1
	Index     int    `json:"ifindex"`
	MAC       string `json:"mac"`
}

// An End is one interface of a link.
type End struct {
	Node      string         `json:"node"` // or switch
	Switch    bool           `json:"switch,omitempty"`
	Interface string         `json:"interface"` // eth0, eth1... in nodes; port0... in switches
	Index     int            `json:"ifindex"`   // chosen by us: no need to look it up
	MAC       string         `json:"mac"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	QuickAck  bool           `json:"quickack,omitempty"` // acks: immediate
	RTOMin    time.Duration  `json:"rto_min,omitempty"`  // of the routes over it; 0 for the kernel's

	automatic bool // the addresses were given out, not written in the file
}

// A Route leads to a network by a gateway, or out of an interface.
type Route struct {
	To        netip.Prefix  `json:"to"`
	Via       netip.Addr    `json:"via,omitzero"`
	Interface string        `json:"interface"`
	QuickAck  bool          `json:"quickack,omitempty"`
	RTOMin    time.Duration `json:"rto_min,omitempty"` // 0 for the kernel's
	MTU       int           `json:"mtu,omitempty"`     // of the route; 0 for that of the interface
}

// A Setting differs from the default: a claim that needs it is not simply
// true. Where says which: "wire.acks=immediate".
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
