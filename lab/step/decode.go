package step

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"netlab/lab/gate"
	"netlab/scenarios/words"
)

// A field is a part of a frame in words, under a label.
type field struct{ label, text string }

// maxPayload bounds what is shown of a payload, in bytes.
const maxPayload = 200

// decode reads a frame from its Ethernet header on. Layers are read only as
// they are asked for, and whatever the bytes are, it does not panic.
func decode(data []byte) gopacket.Packet {
	return gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
}

// payloadOf returns the payload of TCP or UDP in a frame, nil if there is
// none.
func payloadOf(data []byte) []byte {
	if t := decode(data).TransportLayer(); t != nil {
		return t.LayerPayload()
	}
	return nil
}

// headers tells a frame in words, header by header.
func (p pen) headers(f gate.Frame) []field {
	packet := decode(f.Data)
	var out []field
	add := func(label, text string) {
		if text != "" {
			out = append(out, field{label, plainly(text)})
		}
	}
	if e, ok := packet.Layer(layers.LayerTypeEthernet).(*layers.Ethernet); ok {
		add("Ethernet", p.ethernet(packet, e))
	}
	switch ip := packet.NetworkLayer().(type) {
	case *layers.IPv4:
		add("IPv4", p.ipv4(ip))
	case *layers.IPv6:
		add("IPv6", p.say(words.StepIPv6, ip.SrcIP, ip.DstIP, ip.HopLimit, len(ip.Payload)))
	}
	switch t := packet.TransportLayer().(type) {
	case *layers.TCP:
		add("TCP", p.tcp(f, t))
		add("", p.numbers(f, t))
		add(p.say(words.StepOptions), p.options(t))
		add(p.say(words.StepPayload), p.payload(t.Payload))
	case *layers.UDP:
		add("UDP", p.ports(f, uint16(t.SrcPort), uint16(t.DstPort)))
		add(p.say(words.StepPayload), p.payload(t.Payload))
	default:
		p.others(packet, add)
	}
	if bad := packet.ErrorLayer(); bad != nil {
		add(p.say(words.StepMalformed), bad.Error().Error())
	}
	if len(out) == 0 {
		add("", f.What)
	}
	return out
}

func (p pen) ethernet(packet gopacket.Packet, e *layers.Ethernet) string {
	text := fmt.Sprintf("%s -> %s", e.SrcMAC, e.DstMAC)
	if p.stable {
		text = ""
	}
	for _, l := range packet.Layers() {
		if tag, ok := l.(*layers.Dot1Q); ok {
			text = join(text, ", ", fmt.Sprintf("VLAN %d", tag.VLANIdentifier))
		}
	}
	return join(text, ", ", e.EthernetType.String())
}

func (p pen) ipv4(ip *layers.IPv4) string {
	text := p.say(words.StepIPv4, ip.SrcIP, ip.DstIP, ip.TTL, ip.Length)
	if ip.Flags&layers.IPv4DontFragment != 0 {
		text = join(text, ", ", p.say(words.StepDontFragment))
	}
	if ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset != 0 {
		text = join(text, ", ", p.say(words.StepFragment, int(ip.FragOffset)*8))
	}
	if !p.stable {
		text = join(text, ", ", fmt.Sprintf("id %d", ip.Id))
	}
	return text
}

// ports writes "41822 -> 21". The opener's is chosen by the kernel.
func (p pen) ports(f gate.Frame, from, to uint16) string {
	if !p.stable || from < ephemeral && to < ephemeral {
		return fmt.Sprintf("%d -> %d", from, to)
	}
	return fmt.Sprintf("%s -> %s", stablePort(from), stablePort(to))
}

// ephemeral is the lowest port that Linux gives to sockets that ask for none:
// net.ipv4.ip_local_port_range.
const ephemeral = 32768

func stablePort(port uint16) string {
	if port >= ephemeral {
		return "*"
	}
	return fmt.Sprint(port)
}

// tcp says who talks to whom, and what the control bits mean, RFC 9293
// section 3.1.
func (p pen) tcp(f gate.Frame, t *layers.TCP) string {
	var parts []string
	for _, x := range []struct {
		set  bool
		what words.ID
	}{
		{t.RST, words.StepFlagRST}, {t.SYN && t.ACK, words.StepFlagSYNACK}, {t.SYN && !t.ACK, words.StepFlagSYN},
		{t.FIN, words.StepFlagFIN}, {t.PSH, words.StepFlagPSH}, {t.URG, words.StepFlagURG},
		{t.ECE, words.StepFlagECE}, {t.CWR, words.StepFlagCWR},
	} {
		if x.set {
			parts = append(parts, p.say(x.what))
		}
	}
	if t.ACK && !t.RST {
		parts = append(parts, p.say(words.StepFlagACK, relative(f, f.Ack)))
	}
	if f.Segment != nil && f.Segment.BadSum {
		parts = append(parts, p.say(words.StepBadSum))
	}
	return p.ports(f, uint16(t.SrcPort), uint16(t.DstPort)) + "  " + bits(t) + "  " + strings.Join(parts, p.say(words.StepSemicolon))
}

// bits lists the control bits that are set, as RFC 9293 does: "<SYN,ACK>".
func bits(t *layers.TCP) string {
	var set []string
	for _, x := range []struct {
		is   bool
		name string
	}{
		{t.CWR, "CWR"}, {t.ECE, "ECE"}, {t.URG, "URG"}, {t.SYN, "SYN"}, {t.FIN, "FIN"}, {t.RST, "RST"}, {t.PSH, "PSH"}, {t.ACK, "ACK"},
	} {
		if x.is {
			set = append(set, x.name)
		}
	}
	return "<" + strings.Join(set, ",") + ">"
}

// relative returns a number of the segment as it is shown. A gate tells those
// of segments only.
func relative(f gate.Frame, n uint32) string {
	if f.Segment == nil {
		return "?"
	}
	return fmt.Sprint(n)
}

func (p pen) numbers(f gate.Frame, t *layers.TCP) string {
	seq, ack := "seq="+relative(f, f.Seq), "ack="+relative(f, f.Ack)
	if !p.stable {
		seq += fmt.Sprintf(" (%d)", t.Seq)
		ack += fmt.Sprintf(" (%d)", t.Ack)
	}
	if !t.ACK {
		return p.say(words.StepNumbers, seq, t.Window)
	}
	return p.say(words.StepNumbers, seq+"  "+ack, t.Window)
}

// options tells those of RFC 9293 section 3.2, RFC 7323, RFC 2018 and RFC
// 7413.
func (p pen) options(t *layers.TCP) string {
	var parts []string
	for _, o := range t.Options {
		d := o.OptionData
		switch {
		case o.OptionType == layers.TCPOptionKindNop || o.OptionType == layers.TCPOptionKindEndList:
			continue
		case o.OptionType == layers.TCPOptionKindMSS && len(d) == 2:
			parts = append(parts, p.say(words.StepOptionMSS, binary.BigEndian.Uint16(d)))
		case o.OptionType == layers.TCPOptionKindWindowScale && len(d) == 1:
			parts = append(parts, p.say(words.StepOptionScale, 1<<min(d[0], 14), d[0])) // RFC 7323 section 2.3: at most 14
		case o.OptionType == layers.TCPOptionKindSACKPermitted:
			parts = append(parts, p.say(words.StepOptionSACK))
		case o.OptionType == layers.TCPOptionKindSACK:
			parts = append(parts, p.say(words.StepOptionBlocks, len(d)/8))
		case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8 && p.stable:
			parts = append(parts, p.say(words.StepOptionTime))
		case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8:
			parts = append(parts, fmt.Sprintf("%s %d/%d", p.say(words.StepOptionTime), binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:])))
		default:
			parts = append(parts, p.say(words.StepOptionOther, uint8(o.OptionType), hex.EncodeToString(d[:min(len(d), 16)])))
		}
	}
	return strings.Join(parts, ", ")
}

func (p pen) payload(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	line, more := firstLine(b, maxPayload)
	line = p.portless(line)
	if more {
		line += " ..."
	}
	return p.say(words.StepBytes, len(b)) + "  " + line
}

// others tells what is neither TCP nor UDP.
func (p pen) others(packet gopacket.Packet, add func(label, text string)) {
	for _, l := range packet.Layers() {
		switch l := l.(type) {
		case *layers.ARP:
			add("ARP", fmt.Sprintf("%s -> %s  %s", address(l.SourceProtAddress), address(l.DstProtAddress), arpKind(l.Operation)))
		case *layers.ICMPv4:
			add("ICMP", l.TypeCode.String())
		case *layers.ICMPv6:
			add("ICMPv6", l.TypeCode.String())
		}
	}
}

func arpKind(op uint16) string {
	switch op {
	case layers.ARPRequest:
		return "request"
	case layers.ARPReply:
		return "reply"
	}
	return fmt.Sprintf("operation %d", op)
}

func address(b []byte) string {
	if len(b) != 4 {
		return hex.EncodeToString(b[:min(len(b), 16)])
	}
	return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], b[3])
}

// join puts sep between two texts that are not empty.
func join(a, sep, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}

// said returns the first line of a segment's payload, quoted; "" if it has
// none.
func (p pen) said(f gate.Frame) string {
	if f.Segment == nil || f.Segment.Len == 0 {
		return ""
	}
	if b := payloadOf(f.Data); len(b) > 0 {
		return p.quoted(string(b))
	}
	return p.quoted(f.Segment.Text)
}

// quoted returns the first line of a payload, quoted.
func (p pen) quoted(payload string) string {
	line, _ := firstLine([]byte(payload), maxPayload)
	return p.portless(plainly(line))
}

// dataPorts are the ports of data connections that FTP's commands and replies
// name: PORT and 227 (RFC 959), EPRT and 229 (RFC 2428).
var dataPorts = regexp.MustCompile(`(EPRT \|[^|]*\|[^|]*\||\(\|\|\|)\d+(\|)|((?:PORT |227 [^(]*\()\d+,\d+,\d+,\d+,)\d+,\d+()`)

// portless leaves out ports in a payload that the kernel chose, where what
// differs from run to run is left out.
func (p pen) portless(text string) string {
	if !p.stable {
		return text
	}
	return dataPorts.ReplaceAllString(text, "${1}${3}*${2}${4}")
}
