package gate

import (
	"testing"

	"netlab/probes"
	"netlab/scenarios"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func TestParseKinds(t *testing.T) {
	tagged := func(tags ...layers.EthernetType) []byte {
		ls := []gopacket.SerializableLayer{ethernet(client, tags[0])}
		for i := range tags {
			next := layers.EthernetTypeIPv4
			if i+1 < len(tags) {
				next = tags[i+1]
			}
			ls = append(ls, &layers.Dot1Q{VLANIdentifier: 5, Type: next})
		}
		return frameOf(t, append(ls, ip4(client, layers.IPProtocolUDP), udpOf(client), gopacket.Payload("x"))...)
	}
	for _, tt := range []struct {
		name     string
		frame    []byte
		want     kind
		fragment bool
		what     string
	}{
		{name: "TCP", frame: seg(t, client, probes.SYN, 0, 0, ""), want: kindTCP},
		{name: "UDP", frame: datagram(t, client, "abc"), want: kindUDP, what: "UDP len=3"},
		{name: "ICMP", frame: ping(t, client), want: kindICMP, what: "ICMP type 8"},
		{name: "ARP", frame: arp(t, client), want: kindARP, what: "ARP"},
		{name: "ICMPv6 echo", frame: icmp6(t, client, 128), want: kindICMP, what: "ICMP type 128"},
		{name: "before neighbour discovery", frame: icmp6(t, client, 132), want: kindICMP, what: "ICMP type 132"},
		{name: "router solicitation", frame: icmp6(t, client, 133), want: kindND, what: "ND"},
		{name: "redirect", frame: icmp6(t, client, 137), want: kindND, what: "ND"},
		{name: "type 135 of IPv4", frame: with(ping(t, client), 34, 135), want: kindICMP, what: "ICMP type 135"},
		{name: "VLAN", frame: tagged(layers.EthernetTypeDot1Q), want: kindUDP, what: "UDP len=1"},
		{name: "two tags", frame: tagged(layers.EthernetTypeQinQ, layers.EthernetTypeDot1Q), want: kindUDP, what: "UDP len=1"},
		{name: "first fragment of TCP", frame: with(seg(t, client, probes.ACK, 0, 0, "x"), 20, 0x20), want: kindOther, fragment: true, what: "fragment of IP"},
		{name: "fragment of UDP", frame: with(datagram(t, client, "x"), 20, 0, 9), want: kindUDP, fragment: true, what: "fragment of UDP"},
		{name: "TCP that contradicts itself", frame: with(seg(t, client, probes.ACK, 0, 0, "x"), 46, 0xf0), want: kindOther, what: "frame of type 0x0800"},
		{name: "UDP longer than the packet", frame: with(datagram(t, client, "x"), 38, 0, 200), want: kindOther, what: "frame of type 0x0800"},
		{name: "LLDP", frame: with(arp(t, client), 12, 0x88, 0xcc), want: kindOther, what: "frame of type 0x88cc"},
		{name: "short", frame: []byte{1, 2, 3}, want: kindOther, what: "frame of type 0x0000"},
		{name: "tag without end", frame: with(arp(t, client), 12, 0x81, 0)[:15], want: kindOther, what: "frame of type 0x0000"},
		{name: "empty", want: kindOther, what: "frame of type 0x0000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h header
			h.parse(tt.frame)
			if h.kind != tt.want || h.fragment != tt.fragment {
				t.Errorf("kind %d, fragment %v, want %d, %v", h.kind, h.fragment, tt.want, tt.fragment)
			}
			if h.kind != kindTCP && h.what() != tt.what {
				t.Errorf("named %q, want %q", h.what(), tt.what)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	type match = scenarios.FrameMatch
	tcp, fragment := seg(t, client, probes.PSH|probes.ACK, 4, 1, "RETR x"), with(seg(t, client, probes.ACK, 4, 1, "x"), 20, 0x20)
	udp, udpFragment := datagram(t, client, "query"), with(datagram(t, client, "x"), 20, 0x20)
	for _, tt := range []struct {
		name  string
		m     match
		frame []byte
		want  bool
	}{
		{"nothing said", match{}, tcp, true},
		{"nothing said, UDP", match{}, udp, true},
		{"nothing said, ICMP", match{}, ping(t, client), true},
		{"nothing said, fragment", match{}, fragment, true},
		{"nothing said, ARP", match{}, arp(t, client), false},
		{"nothing said, ND", match{}, icmp6(t, client, 135), false},
		{"any, ARP", match{Protocol: "any"}, arp(t, client), true},
		{"any, ND", match{Protocol: "any"}, icmp6(t, client, 135), true},
		{"arp", match{Protocol: "arp"}, arp(t, client), true},
		{"arp, TCP", match{Protocol: "arp"}, tcp, false},
		{"nd", match{Protocol: "nd"}, icmp6(t, client, 136), true},
		{"icmp, ND", match{Protocol: "icmp"}, icmp6(t, client, 136), false},
		{"icmp, echo of IPv6", match{Protocol: "icmp"}, icmp6(t, client, 128), true},
		{"from", match{From: "client"}, tcp, true},
		{"from the other", match{From: "server"}, tcp, false},
		{"port", match{Ports: scenarios.PortRange{Low: 21, High: 21}}, tcp, true},
		{"port, UDP", match{Ports: scenarios.PortRange{Low: 20, High: 21}}, udp, true},
		{"port, fragment of UDP", match{Ports: scenarios.PortRange{Low: 20, High: 21}}, udpFragment, false},
		{"protocol, fragment of UDP", match{Protocol: "udp"}, udpFragment, true},
		{"another port", match{Ports: scenarios.PortRange{Low: 22, High: 30}}, tcp, false},
		{"port, ICMP", match{Ports: scenarios.PortRange{Low: 1, High: 65535}}, ping(t, client), false},
		{"source port", match{FromPort: scenarios.PortRange{Low: 40000, High: 40000}}, tcp, true},
		{"flags", match{Flags: []scenarios.TCPFlag{"PSH", "ACK"}}, tcp, true},
		{"flags not all set", match{Flags: []scenarios.TCPFlag{"PSH", "FIN"}}, tcp, false},
		{"flags, UDP", match{Unset: []scenarios.TCPFlag{"FIN"}}, udp, false},
		{"unset", match{Unset: []scenarios.TCPFlag{"FIN", "RST"}}, tcp, true},
		{"unset is set", match{Unset: []scenarios.TCPFlag{"PSH"}}, tcp, false},
		{"seq", match{Seq: exactly(4)}, tcp, true},
		{"seq, beyond", match{Seq: &scenarios.Count{Min: 5, Max: -1}}, tcp, false},
		{"ack", match{Ack: exactly(1)}, tcp, true},
		{"ack of a segment without", match{Ack: &scenarios.Count{Max: -1}}, seg(t, client, probes.RST, 4, 0, ""), false},
		{"payload", match{Payload: exactly(6)}, tcp, true},
		{"payload, none", match{Payload: exactly(0)}, seg(t, client, probes.ACK, 4, 1, ""), true},
		{"payload, UDP", match{Payload: exactly(5)}, udp, true},
		{"payload, fragment of UDP", match{Payload: exactly(0)}, udpFragment, false},
		{"content", match{Content: "RETR"}, tcp, true},
		{"content, not there", match{Content: "STOR"}, tcp, false},
		{"content, not in the header", match{Content: "\x02\x00\x00"}, tcp, false},
		{"content, UDP", match{Protocol: "udp", Content: "query"}, udp, true},
		{"tcp, fragment", match{Protocol: "tcp"}, fragment, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.open()
			m, err := newMatcher(&tt.m, b.ends)
			check(t, err)
			f := &frame{end: client, data: tt.frame}
			f.header.parse(tt.frame)
			if f.header.kind == kindTCP {
				b.track(f)
			}
			if got := m.matches(f); got != tt.want {
				t.Errorf("matches: %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMatchErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    scenarios.FrameMatch
		want string
	}{
		{"unknown end", scenarios.FrameMatch{From: "router"}, "router is no end of the link: they are client and server"},
		{"unknown flag", scenarios.FrameMatch{Flags: []scenarios.TCPFlag{"FOO"}}, `"FOO" is not a control bit of TCP`},
		{"unknown protocol", scenarios.FrameMatch{Protocol: "sctp"}, `"sctp" is no protocol of frames`},
		{"ports of ARP", scenarios.FrameMatch{Protocol: "arp", Content: "x"}, "no frame of arp has what is asked of it: that is of tcp or udp"},
		{"flags of UDP", scenarios.FrameMatch{Protocol: "udp", Seq: exactly(1)}, "no frame of udp has what is asked of it: that is of tcp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newMatcher(&tt.m, [2]string{"client", "server"})
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// Where no SYN was seen, numbers are told as they are, and match nothing.
func TestNumbersWithoutSYN(t *testing.T) {
	b := newBench(t, nil)
	b.rule("seq", watching(scenarios.FrameMatch{Seq: &scenarios.Count{Max: -1}}))
	b.rule("ack", watching(scenarios.FrameMatch{Ack: &scenarios.Count{Max: -1}}))
	b.rule("hold", holding(fin, nil))
	b.come(server, seg(t, server, probes.FIN|probes.ACK, 9, 7, ""))
	f := b.list()[0]
	if f.Seq != serverISN+9 || f.Ack != 1 { // the client's number has wrapped
		t.Errorf("seq %d, ack %d, want them as they are", f.Seq, f.Ack)
	}
	for _, name := range []string{"seq", "ack"} {
		if n := b.engine.rule(name).matched; n != 0 {
			t.Errorf("%s matched %d times", name, n)
		}
	}
}
