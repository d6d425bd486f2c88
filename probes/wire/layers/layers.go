// Package layers takes frames apart, as the layers of a protocol stack: which
// protocol is carried in which, and how many bytes each adds. What programs
// send is told by its own marks (a record of TLS, a request line of HTTP, the
// magic number of DHCP), and only where a protocol has none, as the replies of
// FTP and SMTP, by the port as well.
//
// Everything in a frame is untrusted.
package layers

import (
	"fmt"
	"net/netip"
	"strings"

	"netlab/probes"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// maxFlows bounds the connections that are remembered.
const maxFlows = 1 << 16

// A Dissector takes frames apart. It remembers what a connection carries: the
// middle of a record has no mark of its own.
type Dissector struct {
	ports map[uint16]probes.Protocol // what is served at ports: FTP, SMTP
	flows map[probes.Flow]probes.Protocol
}

// New makes a dissector; ports says at which ports FTP and SMTP are served
// beside their own.
func New(ports map[uint16]probes.Protocol) *Dissector {
	d := &Dissector{ports: map[uint16]probes.Protocol{21: probes.FTPProtocol, 25: probes.SMTPProtocol}, flows: map[probes.Flow]probes.Protocol{}}
	for port, name := range ports {
		d.ports[port] = name
	}
	return d
}

// Dissect returns the layers of an Ethernet frame, the outermost first. A frame
// that cannot be read to its end is given as far as it can; what is left is
// data.
func (d *Dissector) Dissect(frame []byte) []probes.Layer {
	packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	var stack []probes.Layer
	add := func(name probes.Protocol, size int, text string) {
		stack = append(stack, probes.Layer{Name: name, Bytes: size, Text: text})
	}
	var local, remote netip.Addr
	rest := frame
	for _, l := range packet.Layers() {
		size := len(l.LayerContents())
		if size == 0 || l.LayerType() == gopacket.LayerTypeDecodeFailure { // begun, and not read
			break
		}
		rest = l.LayerPayload()
		switch x := l.(type) {
		case *layers.Ethernet:
			name := probes.EthernetProtocol
			if x.Length != 0 {
				name = probes.IEEE8023Protocol
			}
			add(name, size, "")
		case *layers.LLC:
			add(probes.LLCProtocol, size, "")
		case *layers.STP:
			add(probes.STPProtocol, len(x.Contents)+len(x.Payload), "")
			return stack
		case *layers.PPP:
			add(probes.PPPProtocol, size, "")
		case *layers.ARP:
			add(probes.ARPProtocol, size, arpText(x))
			return stack
		case *layers.IPv4:
			add(probes.IPv4Protocol, size, "")
			local, _ = netip.AddrFromSlice(x.SrcIP)
			remote, _ = netip.AddrFromSlice(x.DstIP)
			if x.FragOffset != 0 {
				add(probes.DataProtocol, len(x.Payload), "")
				return stack
			}
		case *layers.IPv6:
			add(probes.IPv6Protocol, size, "")
			local, _ = netip.AddrFromSlice(x.SrcIP)
			remote, _ = netip.AddrFromSlice(x.DstIP)
		case *layers.ICMPv4:
			add(probes.ICMPProtocol, size+len(x.Payload), x.TypeCode.String())
			return stack
		case *layers.ICMPv6:
			add(probes.ICMPv6Protocol, size+len(x.Payload), x.TypeCode.String())
			return stack
		case *layers.TCP:
			add(probes.TCPProtocol, size, "")
			flow := probes.Flow{Local: netip.AddrPortFrom(local, uint16(x.SrcPort)), Remote: netip.AddrPortFrom(remote, uint16(x.DstPort))}
			return append(stack, d.stream(flow, x.Payload)...)
		case *layers.UDP:
			add(probes.UDPProtocol, size, "")
			return append(stack, datagram(uint16(x.SrcPort), uint16(x.DstPort), x.Payload)...)
		}
	}
	if packet.ErrorLayer() != nil && len(rest) > 0 {
		add(probes.DataProtocol, len(rest), "")
	}
	return stack
}

func arpText(a *layers.ARP) string {
	from, _ := netip.AddrFromSlice(a.SourceProtAddress)
	to, _ := netip.AddrFromSlice(a.DstProtAddress)
	if a.Operation == layers.ARPReply {
		return fmt.Sprintf("%s is here", from)
	}
	return fmt.Sprintf("who has %s? tell %s", to, from)
}

// stream tells what a segment carries.
func (d *Dissector) stream(flow probes.Flow, payload []byte) []probes.Layer {
	if len(payload) == 0 {
		return nil
	}
	both := flow
	if flow.Remote.Compare(flow.Local) < 0 {
		both.Local, both.Remote = flow.Remote, flow.Local
	}
	found := recognise(payload)
	if found == nil {
		found = d.byPort(flow, payload)
	}
	known := d.flows[both]
	switch {
	case found != nil:
		if len(d.flows) < maxFlows {
			d.flows[both] = found[0].Name
		}
		return found
	case known != "":
		return []probes.Layer{{Name: known, Bytes: len(payload)}}
	}
	return content(payload)
}

// byPort tells what has no mark of its own.
func (d *Dissector) byPort(flow probes.Flow, payload []byte) []probes.Layer {
	for _, port := range []uint16{flow.Local.Port(), flow.Remote.Port()} {
		if name := d.ports[port]; name != "" && isText(payload) {
			return []probes.Layer{{Name: name, Bytes: len(payload), Text: line(payload)}}
		}
		if port == 53 && len(payload) > 2 {
			if text, ok := dnsText(payload[2:]); ok { // behind the length: RFC 1035, section 4.2.2
				return []probes.Layer{{Name: probes.DNSProtocol, Bytes: len(payload), Text: text}}
			}
		}
	}
	return nil
}

// line returns the first line of a text, without what cannot be shown.
func line(b []byte) string {
	const most = 60
	text, _, _ := strings.Cut(string(b[:min(len(b), most)]), "\r")
	text, _, _ = strings.Cut(text, "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, text)
}
