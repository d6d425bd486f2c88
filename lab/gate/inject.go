package gate

import (
	"errors"
	"fmt"
	"net"

	"netlab/probes"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// An Injection is a TCP segment to be made up.
type Injection struct {
	Name  string      // of the step that says so; ByHand if ""
	From  string      // end that it seems to come from
	Flow  probes.Flow // of the sender that it seems to have
	Flags probes.Flags
	// Seq and Ack are as they stand in the header or, if Relative, count from
	// the SYNs of the connection, which the gate must have seen. Without Seq
	// it is what the sender would send next; without Ack, if the bit ACK is
	// set, what it would acknowledge next. For that, too, the gate must have
	// seen the connection.
	Seq, Ack *int64
	Relative bool
	Window   uint16
	Content  []byte
	// Src and Dst are link-layer addresses; where they are nil, those of the
	// last frame of the flow are taken, or turned around of the other
	// direction, with their VLAN tags.
	Src, Dst net.HardwareAddr
}

// inject makes the segment, and sends it.
func (e *engine) inject(now probes.Mono, in Injection) error {
	end, err := endOf(in.From, e.ends)
	if err != nil {
		return err
	}
	if !in.Flow.Complete() || in.Flow.Local.Addr().Is4() != in.Flow.Remote.Addr().Is4() {
		return errors.New("the addresses of the segment are not complete, or of two families")
	}
	known := e.flows.find(in.Flow)
	seq, ack, err := in.numbers(known)
	if err != nil {
		return err
	}
	link, err := in.linkHeader(known)
	if err != nil {
		return err
	}
	data, err := in.build(link, seq, ack)
	if err != nil {
		return fmt.Errorf("make segment: %w", err)
	}
	e.next++
	f := &frame{id: e.next, end: end, since: now, data: data, owned: true}
	f.freed, f.deed = in.Name, probes.Injected
	if f.freed == "" {
		f.freed = probes.ByHand
	}
	f.header.parse(data)
	if f.header.kind == kindTCP {
		f.seq, f.ack = f.header.Segment.Seq, f.header.Segment.Ack
		if known != nil {
			e.number(f, known)
		}
	}
	e.goOn(now, f)
	return nil
}

// between names the connection that the segment seems to belong to.
func (in *Injection) between() string {
	return fmt.Sprintf("%v to %v", in.Flow.Local, in.Flow.Remote)
}

// numbers returns the sequence and acknowledgement numbers as they stand in
// the header.
func (in *Injection) numbers(f *flow) (seq, ack uint32, err error) {
	if in.Relative && (in.Seq != nil && (f == nil || !f.known) || in.Ack != nil && (f == nil || !f.peer.known)) {
		return 0, 0, fmt.Errorf("numbers count from a SYN of %s that the gate has not seen", in.between())
	}
	switch {
	case in.Seq != nil && in.Relative:
		seq = f.isn + uint32(*in.Seq)
	case in.Seq != nil:
		seq = uint32(*in.Seq)
	case f != nil && f.sent:
		seq = f.next
	default:
		return 0, 0, fmt.Errorf("what %v would send next is not known: the gate has seen nothing of it", in.Flow.Local)
	}
	switch {
	case in.Ack != nil && in.Relative:
		ack = f.peer.isn + uint32(*in.Ack)
	case in.Ack != nil:
		ack = uint32(*in.Ack)
	case !in.Flags.Has(probes.ACK):
	case f != nil && f.peer.passed:
		ack = f.peer.got
	default:
		return 0, 0, fmt.Errorf("what %v would acknowledge next is not known: nothing has passed to it", in.Flow.Local)
	}
	return seq, ack, nil
}

// linkHeader returns the link-layer header but for its EtherType.
func (in *Injection) linkHeader(f *flow) ([]byte, error) {
	if len(in.Src) == 6 && len(in.Dst) == 6 {
		return append(append([]byte(nil), in.Dst...), in.Src...), nil
	}
	var link []byte
	switch {
	case in.Src != nil || in.Dst != nil:
		return nil, errors.New("link-layer addresses are not two of 6 bytes")
	case f != nil && f.linkN > addressesLen:
		link = append(link, f.link[:f.linkN-2]...)
	case f != nil && f.peer.linkN > addressesLen:
		back := f.peer.link[:f.peer.linkN-2]
		link = append(link, back[6:12]...)
		link = append(link, back[:6]...)
		link = append(link, back[12:]...)
	default:
		return nil, fmt.Errorf("the link-layer addresses of %s are not known: the gate has seen nothing of it", in.between())
	}
	return link, nil
}

// build makes the frame, behind a link-layer header that lacks the EtherType.
func (in *Injection) build(link []byte, seq, ack uint32) ([]byte, error) {
	src, dst := in.Flow.Local.Addr(), in.Flow.Remote.Addr()
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(in.Flow.Local.Port()), DstPort: layers.TCPPort(in.Flow.Remote.Port()),
		Seq: seq, Ack: ack, Window: in.Window,
		FIN: in.Flags.Has(probes.FIN), SYN: in.Flags.Has(probes.SYN), RST: in.Flags.Has(probes.RST), PSH: in.Flags.Has(probes.PSH),
		ACK: in.Flags.Has(probes.ACK), URG: in.Flags.Has(probes.URG), ECE: in.Flags.Has(probes.ECE), CWR: in.Flags.Has(probes.CWR),
	}
	const hops = 64 // RFC 1700: the default
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	ether := uint16(etherIPv6)
	if src.Is4() {
		ether = etherIPv4
		ip = &layers.IPv4{Version: 4, TTL: hops, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	} else {
		ip = &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: layers.IPProtocolTCP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	buf := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, options, ip, tcp, gopacket.Payload(in.Content)); err != nil {
		return nil, err
	}
	return append(append(link, byte(ether>>8), byte(ether)), buf.Bytes()...), nil
}
