package layers

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var macs = [2]net.HardwareAddr{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}

// frame puts layers one into the next.
func frame(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, list...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macs[0], DstMAC: macs[1], EthernetType: kind}
}

func ip4(protocol layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
}

func tcp(t testing.TB, from, to uint16, payload string) []byte {
	return frame(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP),
		&layers.TCP{SrcPort: layers.TCPPort(from), DstPort: layers.TCPPort(to), ACK: true}, gopacket.Payload(payload))
}

func udp(t testing.TB, from, to uint16, payload string) []byte {
	return frame(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP),
		&layers.UDP{SrcPort: layers.UDPPort(from), DstPort: layers.UDPPort(to)}, gopacket.Payload(payload))
}

// dhcp is a message of a type, as RFC 2131 has it.
func dhcp(kind byte) string {
	return "\x01\x01\x06\x00" + strings.Repeat("\x00", 232) + "\x63\x82\x53\x63\x00\x35\x01" + string([]byte{kind}) + "\xff"
}

const (
	question = "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x03lab\x00\x00\x01\x00\x01"
	rpcCall  = "\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x86\xa0\x00\x00\x00\x02\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

func said(stack []probes.Layer) string {
	parts := make([]string, len(stack))
	for i, l := range stack {
		parts[i] = fmt.Sprintf("%s %d", l.Name, l.Bytes)
		if l.Text != "" {
			parts[i] += " " + l.Text
		}
	}
	return strings.Join(parts, " | ")
}

func TestDissect(t *testing.T) {
	const ip, up = "Ethernet 14 | IPv4 20 | TCP 20", "Ethernet 14 | IPv4 20 | UDP 8"
	arp := &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1,
		SourceHwAddress: macs[0], SourceProtAddress: []byte{10, 0, 0, 1}, DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 0, 2}}
	late := ip4(layers.IPProtocolTCP)
	late.FragOffset = 100
	for _, tt := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"nothing but TCP", tcp(t, 5000, 80, ""), ip},
		{"HTTP request", tcp(t, 5000, 8080, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ip + " | HTTP 27 GET / HTTP/1.1"},
		{"HTTP with text", tcp(t, 80, 5000, "HTTP/1.1 200 OK\r\n\r\nhello\n"), ip + " | HTTP 19 HTTP/1.1 200 OK | text 6 hello"},
		{"HTTP with a picture", tcp(t, 80, 5000, "HTTP/1.1 200 OK\r\n\r\n\xff\xd8\xff\xe0"), ip + " | HTTP 19 HTTP/1.1 200 OK | JPEG 4"},
		{"HTTP with a film", tcp(t, 80, 5000, "HTTP/1.1 200 OK\r\n\r\n\x00\x00\x01\xba"), ip + " | HTTP 19 HTTP/1.1 200 OK | MPEG 4"},
		{"TLS", tcp(t, 5000, 443, "\x16\x03\x01\x00\x02\x01\x00"), ip + " | TLS 7 handshake"},
		{"SSH", tcp(t, 22, 5000, "SSH-2.0-OpenSSH_9.2\r\n"), ip + " | SSH 21 SSH-2.0-OpenSSH_9.2"},
		{"FTP by its port", tcp(t, 21, 5000, "220 ready\r\n"), ip + " | FTP 11 220 ready"},
		{"FTP at another port", tcp(t, 2121, 5000, "220 ready\r\n"), ip + " | FTP 11 220 ready"},
		{"SMTP by its port", tcp(t, 25, 5000, "220 ready\r\n"), ip + " | SMTP 11 220 ready"},
		{"a reply of nobody", tcp(t, 26, 5000, "220 ready\r\n"), ip + " | text 11 220 ready"},
		{"a picture alone", tcp(t, 20, 5000, "\xff\xd8\xff\xe0"), ip + " | JPEG 4"},
		{"anything", tcp(t, 20, 5000, "\x01\x02"), ip + " | data 2"},
		{"DNS over TCP", tcp(t, 5000, 53, "\x00\x1a"+question), ip + " | DNS 27 A www.lab."},
		{"RPC over TCP", tcp(t, 5000, 111, "\x80\x00\x00\x28"+rpcCall), ip + " | RPC 44 call to rpcbind"},
		{"DNS", udp(t, 5000, 53, question), up + " | DNS 25 A www.lab."},
		{"DNS that is none", udp(t, 5000, 53, "hello"), up + " | text 5 hello"},
		{"DHCP", udp(t, 68, 67, dhcp(1)), up + " | DHCP 245 DISCOVER"},
		{"DHCP without its cookie", udp(t, 68, 67, strings.Repeat("\x01", 240)), up + " | data 240"},
		{"RPC", udp(t, 5000, 111, rpcCall), up + " | RPC 40 call to rpcbind"},
		{"an empty datagram", udp(t, 5000, 9, ""), up},
		{"ARP", frame(t, ether(layers.EthernetTypeARP), arp), "Ethernet 14 | ARP 28 who has 10.0.0.2? tell 10.0.0.1"},
		{"ICMP", frame(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolICMPv4),
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}, gopacket.Payload("ping")), "Ethernet 14 | IPv4 20 | ICMP 12 EchoRequest"},
		{"a later fragment", frame(t, ether(layers.EthernetTypeIPv4), late, gopacket.Payload("rest")), "Ethernet 14 | IPv4 20 | data 4"},
		{"802.3", append(append(append([]byte{1, 0x80, 0xc2, 0, 0, 0}, macs[0]...), 0, 38, 0x42, 0x42, 3), make([]byte, 35)...),
			"802.3 14 | LLC 3 | STP 35"},
		{"cut short", tcp(t, 5000, 80, "")[:40], "Ethernet 14 | IPv4 20 | data 6"},
		{"too short for Ethernet", []byte{1, 2, 3}, "data 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := said(New(map[uint16]probes.Protocol{2121: probes.FTPProtocol}).Dissect(tt.frame)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The middle of what a connection carries has no mark of its own.
func TestContinued(t *testing.T) {
	d := New(nil)
	d.Dissect(tcp(t, 443, 5000, "\x16\x03\x03\xff\xff\x02"))
	back := ip4(layers.IPProtocolTCP)
	back.SrcIP, back.DstIP = back.DstIP, back.SrcIP
	answer := frame(t, ether(layers.EthernetTypeIPv4), back, &layers.TCP{SrcPort: 5000, DstPort: 443, ACK: true}, gopacket.Payload("\x97"))
	for _, f := range [][]byte{tcp(t, 443, 5000, "\x99\x98"), answer} {
		if got := d.Dissect(f); got[len(got)-1].Name != probes.TLSProtocol {
			t.Errorf("%s, want TLS", said(got))
		}
	}
	if got := d.Dissect(tcp(t, 443, 5001, "\x99\x98")); got[len(got)-1].Name != probes.DataProtocol {
		t.Errorf("another connection: %s, want data", said(got))
	}
}

// FuzzDissect holds that no frame makes the dissector panic, that every name is
// one that is known, and that layers add up to no more than the frame.
func FuzzDissect(f *testing.F) {
	for _, b := range [][]byte{
		tcp(f, 5000, 80, "GET / HTTP/1.1\r\n\r\n"), tcp(f, 5000, 111, "\x80\x00\x00\x28"+rpcCall), udp(f, 68, 67, dhcp(1)), udp(f, 5000, 53, question),
		tcp(f, 443, 5000, "\x16\x03\x01\x00\x02\x01\x00"), tcp(f, 80, 5000, "HTTP/1.1 200 OK\r\n\r\n\xff\xd8\xff"),
	} {
		f.Add(b)
	}
	known := map[probes.Protocol]bool{}
	for _, p := range probes.Protocols() {
		known[p] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		size := 0
		for _, l := range New(nil).Dissect(append(make([]byte, 0, len(b)), b...)) {
			if !known[l.Name] || l.Bytes < 0 || len(l.Text) > 200 {
				t.Fatalf("layer %+v", l)
			}
			size += l.Bytes
		}
		if size > len(b) {
			t.Fatalf("%d bytes in layers of a frame of %d", size, len(b))
		}
	})
}
