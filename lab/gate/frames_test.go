package gate

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/scenarios"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// The sockets of the frames that tests make.
var (
	clientAt = netip.MustParseAddrPort(clientV4 + ":40000")
	serverAt = netip.MustParseAddrPort(serverV4 + ":21")
	flowOf   = [2]probes.Flow{{Local: clientAt, Remote: serverAt}, {Local: serverAt, Remote: clientAt}}
	macOf    = [2][]byte{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}
)

// The initial sequence numbers of those; one is near the end of the space.
const (
	clientISN = 4_294_967_290
	serverISN = 5000
)

// frameOf serializes layers with lengths and checksums.
func frameOf(tb testing.TB, ls ...gopacket.SerializableLayer) []byte {
	tb.Helper()
	var ip gopacket.NetworkLayer
	for _, l := range ls {
		switch l := l.(type) {
		case *layers.IPv4:
			ip = l
		case *layers.IPv6:
			ip = l
		case interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}:
			check(tb, l.SetNetworkLayerForChecksum(ip))
		}
	}
	buf := gopacket.NewSerializeBuffer()
	check(tb, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	return buf.Bytes()
}

func ethernet(end int, kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macOf[end], DstMAC: macOf[1-end], EthernetType: kind}
}

func ip4(end int, proto layers.IPProtocol) *layers.IPv4 {
	f := flowOf[end]
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: f.Local.Addr().AsSlice(), DstIP: f.Remote.Addr().AsSlice()}
}

func ip6(end int, next layers.IPProtocol) *layers.IPv6 {
	at := [2]netip.Addr{netip.MustParseAddr(clientV6), netip.MustParseAddr(serverV6)}
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: at[end].AsSlice(), DstIP: at[1-end].AsSlice()}
}

// tcpOf is a header with relative numbers.
func tcpOf(end int, flags probes.Flags, seq, ack uint32) *layers.TCP {
	isn := [2]uint32{clientISN, serverISN}
	f := flowOf[end]
	t := &layers.TCP{
		SrcPort: layers.TCPPort(f.Local.Port()), DstPort: layers.TCPPort(f.Remote.Port()), Seq: isn[end] + seq, Window: 500,
		FIN: flags.Has(probes.FIN), SYN: flags.Has(probes.SYN), RST: flags.Has(probes.RST), PSH: flags.Has(probes.PSH), ACK: flags.Has(probes.ACK),
	}
	if t.ACK {
		t.Ack = isn[1-end] + ack
	}
	return t
}

// seg is a segment of the connection of clientAt and serverAt.
func seg(tb testing.TB, end int, flags probes.Flags, seq, ack uint32, payload string) []byte {
	tb.Helper()
	return frameOf(tb, ethernet(end, layers.EthernetTypeIPv4), ip4(end, layers.IPProtocolTCP), tcpOf(end, flags, seq, ack), gopacket.Payload(payload))
}

func udpOf(end int) *layers.UDP {
	return &layers.UDP{SrcPort: layers.UDPPort(flowOf[end].Local.Port()), DstPort: layers.UDPPort(flowOf[end].Remote.Port())}
}

func datagram(tb testing.TB, end int, payload string) []byte {
	tb.Helper()
	return frameOf(tb, ethernet(end, layers.EthernetTypeIPv4), ip4(end, layers.IPProtocolUDP), udpOf(end), gopacket.Payload(payload))
}

func arp(tb testing.TB, end int) []byte {
	tb.Helper()
	f := flowOf[end]
	return frameOf(tb, ethernet(end, layers.EthernetTypeARP), &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1,
		SourceHwAddress: macOf[end], SourceProtAddress: f.Local.Addr().AsSlice(), DstHwAddress: make([]byte, 6), DstProtAddress: f.Remote.Addr().AsSlice(),
	})
}

func icmp6(tb testing.TB, end int, kind uint8) []byte {
	tb.Helper()
	return frameOf(tb, ethernet(end, layers.EthernetTypeIPv6), ip6(end, layers.IPProtocolICMPv6),
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}, gopacket.Payload(make([]byte, 20)))
}

func ping(tb testing.TB, end int) []byte {
	tb.Helper()
	return frameOf(tb, ethernet(end, layers.EthernetTypeIPv4), ip4(end, layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0)}, gopacket.Payload("ping"))
}

// with returns b with some bytes set.
func with(b []byte, at int, value ...byte) []byte {
	b = append([]byte(nil), b...)
	copy(b[at:], value)
	return b
}

// A bench is an engine without ports, whose time is the test's.
type bench struct {
	*engine
	tb     testing.TB
	now    probes.Mono
	sent   [][]byte // what went out since the last call of took
	events []probes.Event
}

func newBench(tb testing.TB, change func(*Config)) *bench {
	cfg := Config{Link: "wire", Ends: [2]string{"client", "server"}, Seed: 1}
	if change != nil {
		change(&cfg)
	}
	return &bench{engine: newEngine(&cfg), tb: tb, now: 1000}
}

// flush does what the Gate does after every command.
func (b *bench) flush() {
	for i, s := range b.out {
		b.sent = append(b.sent, append([]byte(nil), s.data...))
		b.engine.sent(i)
	}
	b.events = append(b.events, b.engine.events...)
	b.flushed()
}

// come has a frame arrive, in memory that is used again afterwards.
func (b *bench) come(end int, data []byte) {
	slot := append([]byte(nil), data...)
	b.now++
	b.arrive(b.now, end, slot)
	b.flush()
	for i := range slot {
		slot[i] = 0xee
	}
}

// pass lets time pass.
func (b *bench) passTime(d time.Duration) {
	b.now += probes.Mono(d)
	b.advance(b.now)
	b.flush()
}

// rule gives a rule.
func (b *bench) rule(name string, s *scenarios.Step) {
	b.tb.Helper()
	check(b.tb, b.addRule(name, s))
}

// took returns what went out since the last call, in words.
func (b *bench) took() []string {
	var list []string
	for _, data := range b.sent {
		list = append(list, words(data))
	}
	b.sent = nil
	return list
}

// told returns the events since the last call, in words.
func (b *bench) told() []string {
	var list []string
	for _, e := range b.events {
		list = append(list, toldOf(e))
	}
	b.events = nil
	return list
}

// toldOf says an event in words.
func toldOf(e probes.Event) string {
	a := e.Gate
	text := fmt.Sprintf("%s #%d by %s", a.Do, a.Frame, a.Rule)
	if a.Copies > 0 {
		text += fmt.Sprintf(" copies=%d", a.Copies)
	}
	if a.What != "" {
		text += ": " + a.What
	}
	return text
}

// words says which of the segments of tests a frame is.
func words(data []byte) string {
	var h header
	h.parse(data)
	if h.kind != kindTCP {
		return h.what()
	}
	end := 0
	if h.Flow == flowOf[1] {
		end = 1
	}
	s := h.Segment
	text := fmt.Sprintf("%s %s %d", [2]string{"client", "server"}[end], s.Flags, s.Seq-[2]uint32{clientISN, serverISN}[end])
	return strings.TrimSpace(text + " " + h.Text(data))
}

// open has the three segments of a handshake pass.
func (b *bench) open() {
	b.come(client, seg(b.tb, client, probes.SYN, 0, 0, ""))
	b.come(server, seg(b.tb, server, probes.SYN|probes.ACK, 0, 1, ""))
	b.come(client, seg(b.tb, client, probes.ACK, 1, 1, ""))
	b.took()
	b.told()
}

// Steps that give rules.
func holding(m scenarios.FrameMatch, until *scenarios.FrameMatch) *scenarios.Step {
	return &scenarios.Step{Verb: "gate.hold", GateHold: &scenarios.GateHold{GateRule: scenarios.GateRule{FrameMatch: m}, Until: until}}
}

func dropping(m scenarios.FrameMatch, times int) *scenarios.Step {
	return &scenarios.Step{Verb: "gate.drop", GateDrop: &scenarios.GateDrop{GateRule: scenarios.GateRule{FrameMatch: m, Times: times}}}
}

func watching(m scenarios.FrameMatch) *scenarios.Step {
	return &scenarios.Step{Verb: "gate.watch", GateWatch: &scenarios.GateWatch{GateRule: scenarios.GateRule{FrameMatch: m}}}
}

func duplicating(m scenarios.FrameMatch, copies int) *scenarios.Step {
	return &scenarios.Step{Verb: "gate.duplicate", GateDuplicate: &scenarios.GateDuplicate{GateRule: scenarios.GateRule{FrameMatch: m}, Copies: copies}}
}

func reordering(m scenarios.FrameMatch, after int) *scenarios.Step {
	return &scenarios.Step{Verb: "gate.reorder", GateReorder: &scenarios.GateReorder{GateRule: scenarios.GateRule{FrameMatch: m}, After: after}}
}

func delaying(m scenarios.FrameMatch, by time.Duration) *scenarios.Step {
	return &scenarios.Step{Verb: "gate.delay", GateDelay: &scenarios.GateDelay{GateRule: scenarios.GateRule{FrameMatch: m}, By: scenarios.Duration{Duration: by}}}
}

func corrupting(m scenarios.FrameMatch, octet int, sum scenarios.Checksum) *scenarios.Step {
	return &scenarios.Step{Verb: "gate.corrupt", GateCorrupt: &scenarios.GateCorrupt{GateRule: scenarios.GateRule{FrameMatch: m}, Byte: octet, Checksum: sum}}
}

var (
	fin  = scenarios.FrameMatch{Flags: []scenarios.TCPFlag{"FIN"}}
	data = scenarios.FrameMatch{Payload: &scenarios.Count{Min: 1, Max: -1}}
)

// by returns m from an end.
func by(m scenarios.FrameMatch, end string) scenarios.FrameMatch {
	m.From = end
	return m
}

func exactly(n int64) *scenarios.Count { return &scenarios.Count{Min: n, Max: n} }
