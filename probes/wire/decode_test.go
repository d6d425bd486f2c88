package wire

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// frameOf serializes layers with lengths and checksums, by another's encoder.
func frameOf(tb testing.TB, ls ...gopacket.SerializableLayer) []byte {
	tb.Helper()
	var ip gopacket.NetworkLayer
	for _, l := range ls {
		switch l := l.(type) {
		case *layers.IPv4:
			ip = l
		case *layers.IPv6:
			ip = l
		case *layers.TCP:
			check(tb, l.SetNetworkLayerForChecksum(ip))
		}
	}
	buf := gopacket.NewSerializeBuffer()
	check(tb, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	return buf.Bytes()
}

func ethernet(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: kind}
}

func ip4() *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Id: 77, Protocol: layers.IPProtocolTCP, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
}

func ip6(next layers.IPProtocol) *layers.IPv6 {
	src, dst := netip.MustParseAddr("fd00::1").As16(), netip.MustParseAddr("fd00::2").As16()
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: src[:], DstIP: dst[:]}
}

func syn() *layers.TCP {
	return &layers.TCP{SrcPort: 40000, DstPort: 21, Seq: 1 << 31, SYN: true, Window: 64240, Options: []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{0x05, 0xb4}},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
		{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte{0, 0, 0, 9, 0, 0, 0, 0}},
		{OptionType: layers.TCPOptionKindNop},
		{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}},
	}}
}

func data() *layers.TCP {
	return &layers.TCP{SrcPort: 40000, DstPort: 21, Seq: 5, Ack: 6, ACK: true, PSH: true, Window: 512, Options: []layers.TCPOption{
		{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte{0, 0, 0, 9, 0, 0, 0, 8}},
	}}
}

// tcp4 is a segment with a payload.
func tcp4(tb testing.TB, payload string) []byte {
	return frameOf(tb, ethernet(layers.EthernetTypeIPv4), ip4(), data(), gopacket.Payload(payload))
}

func tcp6(tb testing.TB, payload string) []byte {
	return frameOf(tb, ethernet(layers.EthernetTypeIPv6), ip6(layers.IPProtocolTCP), data(), gopacket.Payload(payload))
}

// extended puts raw extension headers between the IPv6 header and TCP. Each
// begins with a byte for the header that follows it.
func extended(tb testing.TB, first byte, headers ...[]byte) []byte {
	plain := tcp6(tb, "x")
	var between []byte
	for _, h := range headers {
		between = append(between, h...)
	}
	b := append(append(append([]byte(nil), plain[:54]...), between...), plain[54:]...)
	b[14+6] = first
	binary.BigEndian.PutUint16(b[14+4:], uint16(len(b)-54))
	return b
}

// with returns b with some bytes set.
func with(b []byte, at int, value ...byte) []byte {
	b = append([]byte(nil), b...)
	copy(b[at:], value)
	return b
}

func TestDecode(t *testing.T) {
	a4, b4 := netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:21")
	a6, b6 := netip.MustParseAddrPort("[fd00::1]:40000"), netip.MustParseAddrPort("[fd00::2]:21")
	plain := probes.Segment{Seq: 5, Ack: 6, Flags: probes.PSH | probes.ACK, Window: 512, Len: 1, TSVal: 9, TSEcr: 8, Text: "x"}
	v4 := plain
	v4.IPID = 77
	bad := v4
	bad.BadSum = true
	const ip, tcp, tcpv6 = 14, 34, 54 // offsets of headers
	for _, tt := range []struct {
		name     string
		frame    []byte
		size     int // on the wire, if more than frame
		unsummed bool
		want     outcome
		src, dst netip.AddrPort
		seg      probes.Segment
	}{
		{name: "IPv4", frame: tcp4(t, "x"), want: tcpSegment, src: a4, dst: b4, seg: v4},
		{name: "IPv6", frame: tcp6(t, "x"), want: tcpSegment, src: a6, dst: b6, seg: plain},
		{
			name: "SYN", frame: frameOf(t, ethernet(layers.EthernetTypeIPv4), ip4(), syn()), want: tcpSegment, src: a4, dst: b4,
			seg: probes.Segment{Seq: 1 << 31, Flags: probes.SYN, Window: 64240, IPID: 77, TSVal: 9, MSS: 1460, WScale: 8},
		},
		{name: "padding", frame: append(tcp4(t, "x"), 0, 0, 0), want: tcpSegment, src: a4, dst: b4, seg: v4},
		{name: "VLAN", frame: frameOf(t, ethernet(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4}, ip4(), data(), gopacket.Payload("x")), want: tcpSegment, src: a4, dst: b4, seg: v4},
		{name: "two VLANs", frame: frameOf(t, ethernet(layers.EthernetTypeQinQ), &layers.Dot1Q{Type: layers.EthernetTypeDot1Q}, &layers.Dot1Q{Type: layers.EthernetTypeIPv4}, ip4(), data(), gopacket.Payload("x")), want: tcpSegment, src: a4, dst: b4, seg: v4},
		{name: "bad checksum", frame: with(tcp4(t, "x"), tcp+16, 1, 2), want: tcpSegment, src: a4, dst: b4, seg: bad},
		{name: "checksum to come", frame: with(tcp4(t, "x"), tcp+16, 1, 2), unsummed: true, want: tcpSegment, src: a4, dst: b4, seg: v4},
		{name: "bad header checksum", frame: with(tcp4(t, "x"), ip+10, 1, 2), unsummed: true, want: tcpSegment, src: a4, dst: b4, seg: bad},
		{name: "bad checksum, IPv6", frame: with(tcp6(t, "x"), tcpv6+16, 1, 2), want: tcpSegment, src: a6, dst: b6, seg: func() probes.Segment { s := plain; s.BadSum = true; return s }()},
		{name: "cut payload", frame: tcp4(t, strings.Repeat("y", 60))[:tcp+32+50], size: tcp + 32 + 60, want: tcpSegment, src: a4, dst: b4, seg: func() probes.Segment { s := v4; s.Len, s.Text = 60, strings.Repeat("y", 40); return s }()},
		{name: "cut header", frame: tcp4(t, "x")[:tcp+25], size: tcp + 33, want: tcpCut},
		{name: "cut fixed header", frame: tcp4(t, "x")[:tcp+19], size: tcp + 33, want: tcpCut},
		{name: "truncated by the sender", frame: tcp4(t, "x")[:tcp+32], want: tcpBroken},
		{name: "truncated by the sender, IPv6", frame: tcp6(t, "x")[:tcpv6+32], want: tcpBroken},
		{name: "length below header", frame: with(tcp4(t, "x"), ip+2, 0, 19), want: tcpBroken},
		{name: "no length", frame: with(tcp4(t, "x"), ip+2, 0, 0), unsummed: true, want: tcpSegment, src: a4, dst: b4, seg: bad}, // the header's sum covers it
		{name: "header length below five words", frame: with(tcp4(t, "x"), ip, 0x44), want: tcpBroken},
		{name: "no room for TCP", frame: with(tcp4(t, "x"), ip+2, 0, 39), want: tcpBroken},
		{name: "data offset too small", frame: with(tcp4(t, "x"), tcp+12, 0x40), want: tcpBroken},
		{name: "data offset beyond the segment", frame: with(tcp4(t, "x"), tcp+12, 0xf0), want: tcpBroken},
		{name: "first fragment", frame: with(tcp4(t, "x"), ip+6, 0x20, 0), want: tcpFragment},
		{name: "later fragment", frame: with(tcp4(t, "x"), ip+6, 0, 9), want: tcpFragment},
		{name: "UDP", frame: with(tcp4(t, "x"), ip+9, 17), want: otherFrame},
		{name: "ARP", frame: with(tcp4(t, "x"), 12, 8, 6), want: otherFrame},
		{name: "version 5", frame: with(tcp4(t, "x"), ip, 0x55), want: otherFrame},
		{name: "version 5 of IPv6", frame: with(tcp6(t, "x"), ip, 0x55), want: otherFrame},
		{name: "empty", want: otherFrame},
		{name: "Ethernet only", frame: tcp4(t, "x")[:14], want: otherFrame},
		{name: "hop-by-hop and destination options", frame: extended(t, 0, []byte{60, 0, 1, 4, 0, 0, 0, 0}, []byte{6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), want: tcpSegment, src: a6, dst: b6, seg: plain},
		{name: "atomic fragment", frame: extended(t, 44, []byte{6, 0, 0, 0, 0, 0, 0, 1}), want: tcpSegment, src: a6, dst: b6, seg: plain},
		{name: "first fragment, IPv6", frame: extended(t, 44, []byte{6, 0, 0, 1, 0, 0, 0, 1}), want: tcpFragment},
		{name: "later fragment, IPv6", frame: extended(t, 44, []byte{6, 0, 0, 8, 0, 0, 0, 1}), want: tcpFragment},
		{name: "later fragment of something else", frame: extended(t, 44, []byte{0, 0, 0, 8, 0, 0, 0, 1}), want: otherFrame},
		{name: "authentication header", frame: extended(t, 51, []byte{6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), want: tcpSegment, src: a6, dst: b6, seg: plain},
		{name: "routing header, destination not reached", frame: with(extended(t, 43, []byte{6, 0, 0, 1, 0, 0, 0, 0}), ip+24, 0xfe), want: tcpSegment, src: a6, dst: netip.MustParseAddrPort("[fe00::2]:21"), seg: plain},
		{name: "extension header longer than the frame", frame: extended(t, 0, []byte{6, 200, 0, 0, 0, 0, 0, 0}), want: otherFrame},
		{name: "extension headers without end", frame: extended(t, 0, []byte{0, 0, 0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 0, 0, 0}), want: otherFrame},
		{name: "mapped addresses", frame: func() []byte {
			ip := ip6(layers.IPProtocolTCP)
			m, n := netip.MustParseAddr("::ffff:10.0.0.1").As16(), netip.MustParseAddr("::ffff:10.0.0.2").As16()
			ip.SrcIP, ip.DstIP = m[:], n[:]
			return frameOf(t, ethernet(layers.EthernetTypeIPv6), ip, data(), gopacket.Payload("x"))
		}(), want: tcpSegment, src: a4, dst: b4, seg: plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p packet
			got := decode(tt.frame, tt.size, tt.unsummed, &p)
			if got != tt.want {
				t.Fatalf("outcome %d, want %d", got, tt.want)
			}
			if got != tcpSegment {
				return
			}
			if p.src != tt.src || p.dst != tt.dst {
				t.Errorf("from %v to %v, want %v to %v", p.src, p.dst, tt.src, tt.dst)
			}
			if diff := cmp.Diff(tt.seg, p.seg); diff != "" {
				t.Errorf("segment (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags probes.Flags
		b     []byte
		want  probes.Segment
	}{
		{name: "none", b: nil},
		{name: "MSS outside SYN", b: []byte{2, 4, 5, 180}},
		{name: "window scale of 255", flags: probes.SYN, b: []byte{3, 3, 255}, want: probes.Segment{WScale: 255}},
		{name: "window scale of 0", flags: probes.SYN, b: []byte{3, 3, 0}, want: probes.Segment{WScale: 1}},
		{name: "after the end", flags: probes.SYN, b: []byte{0, 2, 4, 5, 180}},
		{name: "length 0", flags: probes.SYN, b: []byte{9, 0, 2, 4, 5, 180}},
		{name: "length 1", flags: probes.SYN, b: []byte{9, 1, 2, 4, 5, 180}},
		{name: "length beyond", flags: probes.SYN, b: []byte{9, 9, 2, 4, 5, 180}},
		{name: "kind only", b: []byte{1, 8}},
		{name: "wrong length of a known one", flags: probes.SYN, b: []byte{2, 3, 5, 3, 3, 7}, want: probes.Segment{WScale: 8}},
		{name: "unknown ones skipped", b: []byte{253, 4, 1, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, want: probes.Segment{TSVal: 1, TSEcr: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := probes.Segment{Flags: tt.flags}
			options(tt.b, &got)
			tt.want.Flags = tt.flags
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFirstLine(t *testing.T) {
	for _, tt := range []struct{ name, b, want string }{
		{"empty", "", ""},
		{"line", "220 ready\r\n230 in\r\n", "220 ready"},
		{"bare newline", "a\nb", "a"},
		{"return at the end", "a\r", "a"},
		{"return within", "a\rb\n", "a.b"},
		{"first line empty", "\r\nb", ""},
		{"control and high bytes", "\x1b[31m\xff\x00~ \x7f", ".[31m..~ ."},
		{"long", strings.Repeat("abcde", 9), strings.Repeat("abcde", 8)},
	} {
		if got := firstLine([]byte(tt.b)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSum compares with the definition, at all lengths and alignments.
func TestSum(t *testing.T) {
	b := make([]byte, 100)
	for i := range b {
		b[i] = byte(255 - i*7%13)
	}
	for n := range b {
		want := uint32(0)
		for i, c := range b[:n] {
			want += uint32(c) << (8 * (1 - i%2))
			want = want>>16 + want&0xffff
		}
		if got := fold(sum(0, b[:n])); uint32(got) != want {
			t.Errorf("sum of %d bytes is %#x, want %#x", n, got, want)
		}
	}
	if got := fold(sum(1<<64-1, []byte{255, 255, 255, 255})); got != 0xffff {
		t.Errorf("sum with carries is %#x", got)
	}
}

// FuzzDecode holds that no frame makes decode panic or read beyond it, and
// that what it tells is consistent.
func FuzzDecode(f *testing.F) {
	for _, b := range [][]byte{
		tcp4(f, "hello\r\n"), tcp6(f, "hello"), tcp4(f, "x")[:40], with(tcp4(f, "x"), 14+2, 255, 255), with(tcp4(f, "x"), 34+12, 0xf0),
		frameOf(f, ethernet(layers.EthernetTypeIPv4), ip4(), syn()),
		extended(f, 0, []byte{60, 0, 1, 4, 0, 0, 0, 0}, []byte{6, 255, 1, 4, 0, 0, 0, 0}),
		extended(f, 44, []byte{6, 0, 0, 8, 0, 0, 0, 1}), extended(f, 43, []byte{6, 0, 0, 1, 0, 0, 0, 0}),
	} {
		f.Add(b, uint16(0), false)
		f.Add(b, uint16(1500), true)
	}
	f.Fuzz(func(t *testing.T, frame []byte, more uint16, unsummed bool) {
		parseAgrees(t, frame)
		exact := append(make([]byte, 0, len(frame)), frame...) // reading beyond it panics
		size := len(exact) + int(more)
		var p packet
		o := decode(exact[:len(exact):len(exact)], size, unsummed, &p)
		if o != tcpSegment {
			return
		}
		if p.seg.Len < 0 || p.seg.Len > size {
			t.Errorf("%d bytes of payload in a frame of %d", p.seg.Len, size)
		}
		if !p.src.Addr().IsValid() || !p.dst.Addr().IsValid() || p.src.Addr().Is4In6() {
			t.Errorf("addresses %v and %v", p.src, p.dst)
		}
		if len(p.seg.Text) > textMax || strings.ContainsFunc(p.seg.Text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("text %q", p.seg.Text)
		}
		if unsummed && p.seg.BadSum && p.seg.IPID == 0 && p.src.Addr().Is6() {
			t.Error("bad checksum that was not to be checked")
		}
	})
}

// parseAgrees compares Parse with Decode.
func parseAgrees(t *testing.T, frame []byte) {
	t.Helper()
	want, ok := Decode(frame, len(frame))
	var got Parsed
	if Parse(frame, &got) != ok {
		t.Fatalf("Parse reports %v, Decode %v", !ok, ok)
	}
	if !ok {
		return
	}
	if got.Flow != (probes.Flow{Local: want.Src, Remote: want.Dst}) || got.Text(frame) != want.Segment.Text {
		t.Errorf("parsed %+v, decoded %+v", got, want)
	}
	seg := got.Segment
	seg.Dir, seg.Text = "", want.Segment.Text
	if diff := cmp.Diff(want.Segment, seg); diff != "" {
		t.Errorf("segment (-decoded +parsed):\n%s", diff)
	}
	if payload := frame[got.Payload:][:seg.Len]; string(payload) != string(want.Payload) || got.Header < 34 || got.Header > got.Payload-20 {
		t.Errorf("header at %d, payload at %d", got.Header, got.Payload)
	}
}
