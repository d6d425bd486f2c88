package scenarios

// A FrameMatch says which frames on a link a gate acts on: those for which
// all that is said is true. Numbers of a connection are relative, as tools
// show them: the SYN has sequence number 0.
type FrameMatch struct {
	From     string        `key:"from" ref:"node or switch" doc:"The end of the link that they come from; either if absent."`
	Protocol FrameProtocol `key:"protocol" doc:"tcp, udp, icmp, arp, nd (neighbour discovery of IPv6), or any of these. ARP and neighbour discovery always pass unless they are named so. tcp if anything of TCP is said; else tcp, udp, icmp and whatever else there is."`
	Ports    PortRange     `key:"ports" doc:"Destination port, or range, as 20-21."`
	FromPort PortRange     `key:"from_ports" doc:"Source port, or range."`
	Flags    []TCPFlag     `key:"flags" doc:"TCP control bits that are all set, as [FIN]. [ACK] matches nearly everything: a pure ACK is flags: [ACK], flags_unset: [SYN, FIN, RST], payload: 0."`
	Unset    []TCPFlag     `key:"flags_unset" doc:"TCP control bits of which none is set."`
	Seq      *Count        `key:"seq" doc:"Sequence number, from 0 for the SYN: a number, or {at_least: n, at_most: m}."`
	Ack      *Count        `key:"ack" doc:"Acknowledgement number, likewise: 1 acknowledges the SYN."`
	Payload  *Count        `key:"payload" doc:"Bytes of payload of TCP or UDP."`
	Content  string        `key:"content" text:"any" doc:"Text in that payload."`
	Nth      int           `key:"nth" min:"1" max:"1000000" doc:"Only the n-th such frame from now on, from 1 (repetitions count); every one if absent."`
}

// A FrameProtocol is what a frame carries.
type FrameProtocol string

// The protocols that a gate tells apart, beside those of Protocol.
const (
	AnyFrame  FrameProtocol = "any"
	TCPFrame  FrameProtocol = "tcp"
	UDPFrame  FrameProtocol = "udp"
	ICMPFrame FrameProtocol = "icmp"
	ARPFrame  FrameProtocol = "arp"
	NDFrame   FrameProtocol = "nd"
)

// GateRule is what steps that give a gate a rule have in common. The rule
// bears the step's name. Of several rules that match, the one given last acts;
// those of gate.watch never do.
type GateRule struct {
	Common     `key:",inline"`
	Link       string `key:"link,required" ref:"link" doc:"The link; it becomes a gate."`
	FrameMatch `key:",inline"`
	Times      int `key:"times" min:"1" max:"1000000" doc:"How often the rule acts (gate.watch: counts); then it ends. Always if absent. Not with nth, which acts once."`
}

// GateHold holds frames.
type GateHold struct {
	GateRule `key:",inline"`
	Until    *FrameMatch `key:"until" doc:"The rule ends, and what it holds goes on, when a frame that matches this comes to the gate."`
}

// GateDrop drops frames. Those that are held already are dropped by gate.discard.
type GateDrop struct {
	GateRule `key:",inline"`
}

// GateWatch only counts frames, for gate.await: it never decides what becomes
// of them.
type GateWatch struct {
	GateRule `key:",inline"`
}

// GateDuplicate sends frames more than once.
type GateDuplicate struct {
	GateRule `key:",inline"`
	Copies   int `key:"copies" default:"1" min:"1" max:"1000" doc:"How many copies follow the frame."`
}

// GateReorder lets later frames of the same direction pass before.
type GateReorder struct {
	GateRule `key:",inline"`
	After    int `key:"after" default:"1" min:"1" max:"1000" doc:"How many frames pass before it."`
}

// GateDelay delays frames.
type GateDelay struct {
	GateRule `key:",inline"`
	By       Duration `key:"by,required" max:"1h" doc:"For how long."`
}

// GateCorrupt inverts a bit of a byte.
type GateCorrupt struct {
	GateRule `key:",inline"`
	Byte     int      `key:"byte" min:"0" max:"65535" doc:"Which byte of the payload, from 0; of a segment without payload its checksum is changed."`
	Checksum Checksum `key:"checksum" default:"keep" doc:"keep: the checksum no longer fits, and the receiver drops it; fix: it is made to fit, and the receiver is deceived."`
}

// A Checksum is what becomes of the checksum of a changed segment.
type Checksum string

// What may become of it.
const (
	KeepChecksum Checksum = "keep"
	FixChecksum  Checksum = "fix"
)

// GateAwait waits until a rule has matched.
type GateAwait struct {
	Common `key:",inline"`
	Rule   string `key:"rule,required" ref:"rule" doc:"The rule: name of a gate step that gave one."`
	Times  int    `key:"times" default:"1" min:"1" max:"1000000" doc:"How often it must have matched. A repetition of a segment that is held does not count."`
}

// GateRelease lets frames go on that a rule holds.
type GateRelease struct {
	Common `key:",inline"`
	Rule   string      `key:"rule,required" ref:"rule" doc:"The rule: name of a gate.hold step."`
	Frames int         `key:"frames" min:"1" max:"1000000" doc:"So many, in the order of their coming. All if absent: then the rule ends, too."`
	Until  *FrameMatch `key:"until" doc:"In the order of their coming, up to and including the first that matches this."`
	Only   *FrameMatch `key:"only" doc:"Only those that match this. Of frames, until and only one can be given."`
	Keep   YesNo       `key:"keep" doc:"The rule stays, and holds what comes later, though all are released."`
}

// GateDiscard drops frames that a rule holds.
type GateDiscard struct {
	Common `key:",inline"`
	Rule   string      `key:"rule,required" ref:"rule" doc:"The rule: name of a gate.hold step."`
	Frames int         `key:"frames" min:"1" max:"1000000" doc:"So many, in the order of their coming; all if absent. The rule stays."`
	Only   *FrameMatch `key:"only" doc:"Only those that match this; instead of frames."`
}

// GateClear ends rules. What they hold goes on.
type GateClear struct {
	Common `key:",inline"`
	Link   string `key:"link" ref:"link" doc:"All rules of this link."`
	Rule   string `key:"rule" ref:"rule" doc:"One rule."`
}

// GateInject makes a TCP segment and sends it to an end of a link.
type GateInject struct {
	Common     `key:",inline"`
	Link       string    `key:"link,required" ref:"link" doc:"The link; it becomes a gate."`
	From       string    `key:"from,required" ref:"node or switch" doc:"The end that it seems to come from; it goes to the other."`
	Connection string    `key:"connection" ref:"connection" doc:"The connection that it seems to belong to."`
	FromPort   int       `key:"from_port" min:"1" max:"65535" doc:"Instead of connection: its source port."`
	Port       int       `key:"port" min:"1" max:"65535" doc:"Its destination port."`
	Family     Family    `key:"family" default:"ipv4" doc:"With ports: ipv4 or ipv6."`
	Flags      []TCPFlag `key:"flags,required" doc:"Its control bits, as [RST]."`
	Seq        *int64    `key:"seq" min:"0" max:"4294967295" doc:"Its sequence number: of a connection, from 0 for the SYN of that end; else as it stands in the header. What that end would send next if absent: bytes that were injected before do not count as sent by it."`
	Ack        *int64    `key:"ack" min:"0" max:"4294967295" doc:"Its acknowledgement number, likewise; what that end would acknowledge next if absent and ACK is set; bytes that were injected to it do not count either."`
	Window     int       `key:"window" default:"65535" min:"0" max:"65535" doc:"Its window."`
	Content    string    `key:"content" text:"any" doc:"Its payload."`
}

// An Impair makes a link worse. Where the kernel has netem it does that; else
// the link becomes a gate, which does the same.
type Impair struct {
	Delay     Duration `key:"delay" max:"1h" doc:"What every frame is late by."`
	Jitter    Duration `key:"jitter" max:"1h" doc:"The delay varies by up to so much, evenly; frames may overtake each other."`
	Loss      Percent  `key:"loss" doc:"Share of the frames that are lost, as 1%."`
	Duplicate Percent  `key:"duplicate" doc:"Share that comes twice."`
	Reorder   Percent  `key:"reorder" doc:"Share that is not delayed, and so overtakes others; needs a delay."`
	Corrupt   Percent  `key:"corrupt" doc:"Share in which a bit is inverted."`
	Rate      Rate     `key:"rate" doc:"Bits that pass in a second, as 10Mbit."`
	Queue     int      `key:"queue" default:"1000" min:"1" max:"1000000" doc:"Frames that wait at most; more are dropped."`
}

// A Percent is a share in millionths: 1% is 10000.
type Percent int64

// A Rate is a number of bits in a second, written 500kbit, 10Mbit, 1Gbit.
type Rate int64

// An Observe says how closely a lab is looked at.
type Observe string

// The ways to look.
const (
	ObserveAuto     Observe = "auto"     // lockstep where kernel events are not to be had and the scenario allows it, else free
	ObserveFree     Observe = "free"     // nothing waits for the observers
	ObserveLockstep Observe = "lockstep" // every frame, and every close of ours, waits until sockdiag and ss have looked
)

// Gated reports whether a link is to be a gate: it says so, or a step acts on
// its frames.
func (s *Scenario) Gated(link string) bool {
	for i := range s.Links {
		if s.Links[i].Name == link && bool(s.Links[i].Gate) {
			return true
		}
	}
	for i := range s.Steps {
		if r := s.Steps[i].GateRule(); r != nil && r.Link == link {
			return true
		}
		if x := s.Steps[i].GateInject; x != nil && x.Link == link {
			return true
		}
	}
	return false
}

// Impairments returns by how much what each end sends comes worse, nil for
// not at all.
func (l *Link) Impairments() [2]*Impair {
	list := [2]*Impair{l.Impair, l.Impair}
	for i := range min(len(l.Ends), len(list)) {
		if x := l.Ends[i].Impair; x != nil {
			list[i] = x
		}
	}
	return list
}

// RuleLink returns the link of the rule that a step of this name gives, "" if
// there is none.
func (s *Scenario) RuleLink(name string) string {
	for i := range s.Steps {
		if r := s.Steps[i].GateRule(); r != nil && r.As == name && name != "" {
			return r.Link
		}
	}
	return ""
}

// ObserveWays lists the ways to look at a lab.
func ObserveWays() []string { return Observe("").words() }
