package gate

import (
	"net"
	"testing"

	"netlab/probes"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// fits reports whether the checksums of a frame are right, by another's code.
func fits(t *testing.T, frame []byte) bool {
	t.Helper()
	packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	for _, l := range packet.Layers() {
		if l, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			check(t, l.SetNetworkLayerForChecksum(packet.NetworkLayer()))
		}
	}
	err, mismatches := packet.VerifyChecksums()
	check(t, err)
	return len(mismatches) == 0
}

func TestCorrupt(t *testing.T) {
	tcp6 := frameOf(t, ethernet(client, layers.EthernetTypeIPv6), ip6(client, layers.IPProtocolTCP), tcpOf(client, ack, 1, 1), gopacket.Payload("odd"))
	tcp4 := seg(t, client, ack, 1, 1, "word")
	for _, tt := range []struct {
		name  string
		frame []byte
		octet int
		sum   scenarios.Checksum
		bits  int // that change, without those of the checksum
		fits  bool
	}{
		{"kept", tcp4, 0, scenarios.KeepChecksum, 1, false},
		{"fixed, first byte", tcp4, 0, scenarios.FixChecksum, 1, true},
		{"fixed, second byte", tcp4, 1, scenarios.FixChecksum, 1, true},
		{"fixed, last byte", tcp4, 3, scenarios.FixChecksum, 1, true},
		{"IPv6, kept", tcp6, 2, scenarios.KeepChecksum, 1, false},
		{"IPv6, fixed", tcp6, 2, scenarios.FixChecksum, 1, true},
		{"without payload", seg(t, client, ack, 1, 1, ""), 0, scenarios.KeepChecksum, 0, false},
		{"UDP, fixed", datagram(t, client, "query"), 4, scenarios.FixChecksum, 1, true},
		{"UDP, kept", datagram(t, client, "query"), 4, scenarios.KeepChecksum, 1, false},
		{"UDP without checksum", with(datagram(t, client, "query"), 40, 0, 0), 4, scenarios.FixChecksum, 1, true},
		{"ICMP, fixed", ping(t, client), 3, scenarios.FixChecksum, 1, true},
		{"a wrong one is not made right", with(tcp4, 50, 1, 2), 0, scenarios.FixChecksum, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.rule("c", corrupting(scenarios.FrameMatch{}, tt.octet, tt.sum))
			b.come(client, tt.frame)
			if len(b.sent) != 1 {
				t.Fatalf("%d went out", len(b.sent))
			}
			if fits(t, b.sent[0]) != tt.fits {
				t.Errorf("the checksum fits: %v, want %v", !tt.fits, tt.fits)
			}
			var h header
			h.parse(tt.frame)
			at := h.Header + checksumAt(h.kind)
			blank := func(b []byte) []byte { return with(b, at, 0, 0) }
			if n := bitsChanged(blank(tt.frame), blank(b.sent[0])); n != tt.bits {
				t.Errorf("%d bits changed, want %d", n, tt.bits)
			}
			if e := b.events; len(e) != 1 || e[0].Gate.Do != probes.Corrupted {
				t.Errorf("told %q", b.told())
			}
		})
	}
}

// What has no such byte does not match.
func TestCorruptNeedsTheByte(t *testing.T) {
	b := newBench(t, nil)
	b.rule("c", corrupting(scenarios.FrameMatch{}, 4, scenarios.KeepChecksum))
	frames := [][]byte{seg(t, client, ack, 1, 1, "word"), with(seg(t, client, ack, 1, 1, "words"), 20, 0x20), with(datagram(t, client, "words"), 20, 0x20)}
	for _, f := range frames {
		b.come(client, f)
	}
	if diff := cmp.Diff(frames, b.sent); diff != "" || len(b.events) > 0 {
		t.Errorf("told %q; changed (-want +got):\n%s", b.told(), diff)
	}
}

func TestInject(t *testing.T) {
	n := func(v int64) *int64 { return &v }
	rst, syn := probes.RST, probes.SYN
	for _, tt := range []struct {
		name string
		in   Injection
		want string
		err  string
	}{
		{name: "what comes next", in: Injection{Flags: rst | ack}, want: "client RST+ACK 6"},
		{name: "relative", in: Injection{Flags: rst, Relative: true, Seq: n(3)}, want: "client RST 3"},
		{name: "absolute", in: Injection{Flags: rst, Seq: n(clientISN + 2)}, want: "client RST 2"},
		{name: "content", in: Injection{Flags: ack, Content: []byte("made up")}, want: "client ACK 6 made up"},
		{name: "from the other", in: Injection{From: "server", Flow: flowOf[server], Flags: probes.FIN | ack}, want: "server FIN+ACK 1"},
		{name: "another connection", in: Injection{Flow: probes.Flow{Local: serverAt, Remote: clientAt}, Flags: syn, Seq: n(serverISN), Src: macOf[0], Dst: macOf[1]}, want: "server SYN 0"},
		{name: "unknown flow", in: Injection{Flow: probes.Flow{Local: clientAt, Remote: clientAt}, Flags: syn}, err: "what 10.9.0.1:40000 would send next is not known: the gate has seen nothing of it"},
		{name: "unknown addresses", in: Injection{Flow: probes.Flow{Local: clientAt, Remote: clientAt}, Flags: syn, Seq: n(1)}, err: "the link-layer addresses of 10.9.0.1:40000 to 10.9.0.1:40000 are not known: the gate has seen nothing of it"},
		{name: "unknown SYN", in: Injection{Flow: probes.Flow{Local: clientAt, Remote: clientAt}, Flags: syn, Seq: n(1), Relative: true}, err: "numbers count from a SYN of 10.9.0.1:40000 to 10.9.0.1:40000 that the gate has not seen"},
		{name: "no addresses", in: Injection{Flow: probes.Flow{Local: clientAt}, Flags: syn}, err: "the addresses of the segment are not complete, or of two families"},
		{name: "no such end", in: Injection{From: "x"}, err: "x is no end of the link: they are client and server"},
		{name: "one address", in: Injection{Flags: rst, Src: macOf[0]}, err: "link-layer addresses are not two of 6 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := opened(t, nil)
			b.come(client, seg(t, client, ack, 1, 1, "12345"))
			b.rule("none", dropping(scenarios.FrameMatch{}, 0))
			b.took()
			tt.in.Name = "step"
			if tt.in.From == "" {
				tt.in.From = "client"
			}
			if tt.in.Flow == (probes.Flow{}) {
				tt.in.Flow = flowOf[client]
			}
			err := b.inject(b.now, tt.in)
			b.flush()
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			frame := b.sent[0]
			b.want([]string{tt.want}, []string{"injected #5 by step"})
			if !fits(t, frame) {
				t.Error("the checksum does not fit")
			}
			end := client
			if tt.in.From == "server" {
				end = server
			}
			if net.HardwareAddr(frame[6:12]).String() != net.HardwareAddr(macOf[end]).String() {
				t.Errorf("from %x to %x", frame[6:12], frame[:6])
			}
		})
	}
}

// A tag that the frames of a connection bear is that of the made-up one, too.
func TestInjectTagged(t *testing.T) {
	b := newBench(t, nil)
	b.come(client, frameOf(t, ethernet(client, layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4},
		ip4(client, layers.IPProtocolTCP), tcpOf(client, probes.SYN, 0, 0)))
	b.took()
	for end, flags := range []probes.Flags{probes.RST, probes.RST | ack} {
		seq := int64(7)
		check(t, b.inject(b.now, Injection{From: b.ends[end], Flow: flowOf[end], Flags: flags, Seq: &seq}))
	}
	b.flush()
	for end, frame := range b.sent {
		vlan, ok := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default).Layer(layers.LayerTypeDot1Q).(*layers.Dot1Q)
		if !ok || vlan.VLANIdentifier != 5 || !cmp.Equal(frame[6:12], macOf[end]) {
			t.Errorf("from %s: %x", b.ends[end], frame)
		}
	}
}
