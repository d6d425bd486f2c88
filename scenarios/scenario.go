package scenarios

import (
	"net/netip"
	"slices"
	"time"

	"netlab/scenarios/words"
)

// A Pos is a place in a scenario file.
type Pos struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`   // from 1
	Column int    `json:"column,omitempty"` // from 1, in characters
}

// A Scenario is one experiment. Every reference in it resolves, every name is
// safe in a path and on a command line, every number is in bounds.
type Scenario struct {
	At          Pos
	Version     int              `key:"netlab,required" doc:"Version of the language; 1."`
	Name        string           `key:"name,required" doc:"Name of the scenario, of the letters, digits and marks a-z 0-9 - _."`
	Title       Text             `key:"title" doc:"One line on what it is about."`
	Claim       Text             `key:"claim" doc:"The taught sentence that is put to the test."`
	Finding     Finding          `key:"finding" doc:"What the author found of the claim, on this system."`
	Reason      Text             `key:"reason" doc:"Why the finding is what it is."`
	References  []string         `key:"references" doc:"RFC sections and manual pages to read."`
	Seed        uint64           `key:"seed" default:"1" doc:"Seed of everything random."`
	Addressing  Addressing       `key:"addressing" doc:"Where automatic addresses come from."`
	Nodes       []Node           `key:"nodes,required" doc:"The hosts of the lab."`
	Switches    []Switch         `key:"switches" doc:"Ethernet switches: Linux bridges in namespaces of their own."`
	Links       []Link           `key:"links" doc:"Cables between two nodes, or a node and a switch."`
	Servers     []Server         `key:"servers" doc:"Programs that serve, started before the first step."`
	Steps       []Step           `key:"steps" doc:"What is done, in order."`
	Connections []ConnectionName `key:"connections" doc:"Names for the connections that expectations speak about; a step's 'as' gives one by itself."`
	Expect      Expect           `key:"expect" doc:"What must be seen."`
	Runs        int              `key:"runs" default:"1" min:"1" max:"100000" doc:"How often the scenario is run."`
	Tally       []string         `key:"tally" doc:"Names of expectations (control.first_fin) whose observed values are counted over the runs; judges nothing."`
	Needs       Needs            `key:"needs" doc:"What it needs of the machine; what is missing makes it inconclusive before anything starts."`
	Observe     Observe          `key:"observe" default:"auto" doc:"How closely it is looked at. lockstep: every frame, and every close of netlab's own programs, waits until sockdiag and ss have looked at every node, so that states are seen without kernel events; free: nothing waits; auto: lockstep where there are no kernel events and the scenario allows it."`
	Exclusive   YesNo            `key:"exclusive" doc:"In a suite it runs alone: its claim depends on times that a busy machine would change."`
	Variants    []Variant        `key:"variants" doc:"Changed copies of the scenario, as JSON Merge Patches (RFC 7396)."`
	Mutations   []Mutation       `key:"mutations" doc:"Changed copies in which what is expected does not hold: each names expectations that must fail there, which shows that they can."`
	Limits      Limits           `key:"limits" doc:"Bounds; exceeding one is an error that names it."`

	Stepped  bool     // by hand, see ByHand; no file says so
	MustFail []string // of a mutation: its Fails; of no other scenario
}

// A Text is for people: one string, or one for each language.
type Text struct {
	EN string `key:"en" text:"prose" doc:"English."`
	ZH string `key:"zh" text:"prose" doc:"Chinese."`
}

// In returns the text in a language, or in the other where it is missing.
func (t Text) In(lang words.Lang) string {
	if lang == words.Chinese && t.ZH != "" || t.EN == "" {
		return t.ZH
	}
	return t.EN
}

// A Finding is what an author says of the claim. It is not a verdict: the
// scenario passes when what its finding says was seen.
type Finding string

// The findings. (They are no YAML booleans: true and false would be.)
const (
	NoFinding Finding = ""
	Confirmed Finding = "confirmed"
	Partly    Finding = "partly"
	Refuted   Finding = "refuted"
	OpenClaim Finding = "open"
)

// Addressing says where automatic addresses come from. The zero Prefix means
// that the lab has none of that family.
type Addressing struct {
	IPv4 Pool `key:"ipv4" default:"10.77.0.0/16" doc:"IPv4 network shared out over the links, or 'none'."`
	IPv6 Pool `key:"ipv6" default:"fd77::/48" doc:"IPv6 network shared out over the links, or 'none'."`
}

// A Pool is a network to take addresses from, or none (the zero Prefix).
type Pool struct{ netip.Prefix }

// A Node is a host: namespaces, and a process where something runs in it.
type Node struct {
	At        Pos
	Name      string
	Names     []string `key:"names" doc:"Further host names, put into every node's /etc/hosts."`
	Forwards  bool     `key:"forwards" doc:"It is a router: forwards IPv4 and IPv6."`
	Addresses []Prefix `key:"addresses" doc:"Addresses with prefix length on its only link; with several links give them at the link's ends."`
	Sysctls   []Sysctl `key:"sysctls" doc:"Settings below net., as sysctl(8) writes them."`
	Resolver  string   `key:"resolver" ref:"server" doc:"The dns server that its programs ask; names of the lab are in /etc/hosts in any case."`
	NAT       *NAT     `key:"nat" doc:"Translates addresses; the node must forward."`
	Firewall  []Rule   `key:"firewall" doc:"Rules for packets, in order."`
}

// A Prefix is an address with a prefix length, for example 10.0.0.1/24.
type Prefix struct{ netip.Prefix }

// A Sysctl is one setting of a node's network namespace.
type Sysctl struct {
	At    Pos
	Name  string // net.ipv4.tcp_fin_timeout
	Value string
}

// A Switch is a bridge in a namespace of its own.
type Switch struct {
	At   Pos
	Name string
	STP  YesNo `key:"stp" default:"off" doc:"It speaks the spanning tree protocol (IEEE 802.1D), once a second; frames pass only 4 seconds after the lab is up."`
}

// A Link is a veth pair. In short form it is the list of its two ends.
type Link struct {
	At     Pos
	Name   string
	Ends   []End   `key:"ends,required" doc:"The two ends, by the name of the node or switch."`
	Gate   YesNo   `key:"gate" doc:"Its frames pass through netlab, where gate steps act on them; a gate step makes it so by itself."`
	Impair *Impair `key:"impair" doc:"Makes it worse, in both directions."`
	MTU    int     `key:"mtu" default:"1500" min:"68" max:"65535" doc:"Largest packet, 1280 to 65535 bytes (from 68 where the lab has no IPv6)."`
}

// An End is one end of a link.
type End struct {
	At        Pos
	Name      string   `ref:"node or switch"`
	Addresses []Prefix `key:"addresses" doc:"Addresses with prefix length; automatic if absent."`
	Acks      Acks     `key:"acks" default:"default" doc:"immediate: every segment is acknowledged at once (quickack on the routes)."`
	RTOMin    Duration `key:"rto_min" min:"1ms" max:"2m" doc:"Least time before a segment is sent again (rto_min of the routes), and no tail loss probes: for time that is to stand still while a gate holds frames. A SYN is not bound by it."`
	Impair    *Impair  `key:"impair" doc:"Makes what this end sends come worse; instead of impair of the link."`
}

// Acks says when a node acknowledges.
type Acks string

// The ways to acknowledge.
const (
	DefaultAcks   Acks = "default"
	ImmediateAcks Acks = "immediate"
)

// A Server is a program that serves. Exactly one kind is given.
type Server struct {
	At    Pos
	Name  string
	Node  string       `key:"node,required" ref:"node" doc:"Where it runs."`
	FTP   *FTPServer   `key:"ftp,kind" doc:"An FTP server."`
	HTTP  *HTTPServer  `key:"http,kind" doc:"An HTTP server."`
	HTTPS *HTTPSServer `key:"https,kind" doc:"An HTTP server with TLS."`
	TCP   *TCPServer   `key:"tcp,kind" doc:"A plain TCP server."`
	UDP   *UDPServer   `key:"udp,kind" doc:"A plain UDP server."`
	DNS   *DNSServer   `key:"dns,kind" doc:"A name server."`
	SMTP  *SMTPServer  `key:"smtp,kind" doc:"A mail server."`
	Proxy *ProxyServer `key:"proxy,kind" doc:"A proxy for TCP: passes on, changes or cuts what passes."`
	Exec  *ExecServer  `key:"exec,kind" doc:"Any program."`
}

// Kind returns the key of the server's kind: ftp, http, https...
func (s *Server) Kind() string {
	switch {
	case s.FTP != nil:
		return "ftp"
	case s.HTTP != nil:
		return "http"
	case s.HTTPS != nil:
		return "https"
	case s.TCP != nil:
		return "tcp"
	case s.UDP != nil:
		return "udp"
	case s.DNS != nil:
		return "dns"
	case s.SMTP != nil:
		return "smtp"
	case s.Proxy != nil:
		return "proxy"
	case s.Exec != nil:
		return "exec"
	}
	return ""
}

// Port returns where the server listens, 0 if that is not known.
func (s *Server) Port() int {
	switch {
	case s.FTP != nil:
		return s.FTP.ListenPort()
	case s.HTTP != nil && s.HTTP.Port == 0:
		return 80
	case s.HTTP != nil:
		return s.HTTP.Port
	case s.HTTPS != nil && s.HTTPS.Port == 0:
		return 443
	case s.HTTPS != nil:
		return s.HTTPS.Port
	case s.TCP != nil:
		return s.TCP.Port
	case s.UDP != nil:
		return s.UDP.Port
	case s.DNS != nil:
		return s.DNS.Port
	case s.SMTP != nil:
		return s.SMTP.Port
	case s.Proxy != nil:
		return s.Proxy.Port
	case s.Exec != nil && s.Exec.Port == 0 && s.Exec.Ready != nil:
		return s.Exec.Ready.Port
	case s.Exec != nil:
		return s.Exec.Port
	}
	return 0
}

// OnTCP reports whether the server listens on TCP.
func (s *Server) OnTCP() bool { return s.UDP == nil }

// Certificates reports whether the lab needs an authority: where a server
// speaks TLS, or a program may.
func (s *Scenario) Certificates() bool {
	return slices.ContainsFunc(s.Servers, func(v Server) bool {
		return v.HTTPS != nil || v.FTP != nil && v.FTP.TLS != NoTLS || v.Exec != nil
	}) || slices.ContainsFunc(s.Steps, func(v Step) bool { return v.Exec != nil })
}

// A ConnectionName names a connection: that of a step, or the nth to a server.
type ConnectionName struct {
	At       Pos
	Name     string
	Step     string `key:"step" ref:"step" doc:"The connection that was opened during the step of this name."`
	To       string `key:"to" ref:"server" doc:"A server: connections that it accepted, or opened (active mode)."`
	OpenedBy string `key:"opened_by" ref:"node" doc:"Only connections whose first SYN this node sent."`
	Nth      int    `key:"nth" default:"1" min:"1" max:"1000000" doc:"Which of them, in the order of their opening, from 1."`
}

// A Variant is the scenario with a patch applied.
type Variant struct {
	At       Pos
	Name     string
	Patch    Patch     `key:"patch,required" doc:"What is different: a JSON Merge Patch (RFC 7396). It changes, adds, or removes keys (null); a list is replaced as a whole."`
	Note     Text      `key:"note" doc:"What is different, in a few words."`
	Runs     int       `key:"runs" min:"1" max:"100000" doc:"How often it is run; as the scenario if absent."`
	Tally    []string  `key:"tally" doc:"What is counted over the runs; as the scenario if absent."`
	Scenario *Scenario // the patched scenario, with these Runs and Tally; its own Variants are empty
}

// A Mutation is the scenario with a patch applied that makes the finding
// false: another server, another setting. Expectations that do not notice it
// would hold whatever happens.
type Mutation struct {
	At       Pos
	Name     string
	Patch    Patch     `key:"patch,required" doc:"What is different: a JSON Merge Patch (RFC 7396), as in variants. It leaves alone the expectations that are to fail."`
	Note     Text      `key:"note" doc:"What is different, in a few words."`
	Fails    []string  `key:"fails,required" doc:"Names of expectations that must fail (control.first_fin), as the report of a run writes them."`
	Scenario *Scenario // the patched scenario; its MustFail is Fails
}

// A Patch names what a variant changes: the paths of the values that it sets
// or removes (links.wire.ends.client.acks), in the order of the file.
type Patch []string

// Limits bound a run.
type Limits struct {
	Run       Duration `key:"run" default:"60s" min:"1ms" max:"24h" doc:"Time of the whole run."`
	Step      Duration `key:"step" default:"10s" min:"1ms" max:"24h" doc:"Time of one step that does not say otherwise."`
	Events    int      `key:"events" default:"2000000" min:"1" max:"1000000000" doc:"Number of recorded events."`
	Disk      Size     `key:"disk" default:"1GB" min:"1kB" max:"1TB" doc:"Size of the run directory."`
	Processes int      `key:"processes" default:"4096" min:"1" max:"1000000" doc:"Processes in the lab."`
}

// A Duration is written as Go writes it: 60ms, 1.5s, 2m.
type Duration struct{ time.Duration }

// A Size is a number of bytes, written 6, 64kB, 100MB, 1GB (powers of 1000)
// or 64KiB, 100MiB, 1GiB (powers of 1024).
type Size int64
