package content

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A tape is a capture being written: interfaces wire@client and wire@server,
// and a router's two beside them.
type tape struct {
	t      testing.TB
	buf    bytes.Buffer
	ng     *pcapgo.NgWriter
	ids    map[string]int
	now    int64
	frames int
}

func newTape(t testing.TB, taps ...string) *tape {
	t.Helper()
	if len(taps) == 0 {
		taps = []string{"wire@client", "wire@server"}
	}
	tp := &tape{t: t, ids: map[string]int{}, now: 1e18}
	for i, name := range taps {
		intf := pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeEthernet}
		var err error
		if i == 0 {
			tp.ng, err = pcapgo.NewNgWriterInterface(&tp.buf, intf, pcapgo.DefaultNgWriterOptions)
		} else {
			_, err = tp.ng.AddInterface(intf)
		}
		if err != nil {
			t.Fatal(err)
		}
		tp.ids[name] = i
	}
	return tp
}

var (
	clientAt = netip.MustParseAddrPort("10.77.0.1:40000")
	serverAt = netip.MustParseAddrPort("10.77.0.2:80")
)

// A seg is a segment to write.
type seg struct {
	tap      string
	in       bool
	src, dst netip.AddrPort
	seq, ack uint32
	flags    probes.Flags
	data     string
	cut      int // bytes that the capture lacks
}

func fromClient(seq uint32, flags probes.Flags, data string) seg {
	return seg{tap: "wire@client", src: clientAt, dst: serverAt, seq: seq, flags: flags | probes.ACK, data: data}
}

func fromServer(seq uint32, flags probes.Flags, data string) seg {
	return seg{tap: "wire@server", src: serverAt, dst: clientAt, seq: seq, flags: flags | probes.ACK, data: data}
}

func (tp *tape) write(segs ...seg) *tape {
	tp.t.Helper()
	for _, s := range segs {
		tp.frame(s)
	}
	return tp
}

func (tp *tape) frame(s seg) {
	eth := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	ip4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: s.src.Addr().AsSlice(), DstIP: s.dst.Addr().AsSlice()}
	ip6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: s.src.Addr().AsSlice(), DstIP: s.dst.Addr().AsSlice()}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(s.src.Port()), DstPort: layers.TCPPort(s.dst.Port()), Seq: s.seq, Ack: s.ack,
		SYN: s.flags.Has(probes.SYN), FIN: s.flags.Has(probes.FIN), RST: s.flags.Has(probes.RST), ACK: s.flags.Has(probes.ACK), Window: 500}
	var network gopacket.SerializableLayer = ip4
	if s.src.Addr().Is6() {
		eth.EthernetType, network = layers.EthernetTypeIPv6, ip6
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, eth, network, tcp, gopacket.Payload(s.data)); err != nil {
		tp.t.Fatal(err)
	}
	b := buf.Bytes()
	direction := pcapgo.NgEpbFlagDirectionOutbound
	if s.in {
		direction = pcapgo.NgEpbFlagDirectionInbound
	}
	tp.now += 1000
	tp.frames++
	info := gopacket.CaptureInfo{Timestamp: time.Unix(0, tp.now), CaptureLength: len(b) - s.cut, Length: len(b), InterfaceIndex: tp.ids[s.tap]}
	if err := tp.ng.WritePacketWithOptions(info, b[:len(b)-s.cut], pcapgo.NgPacketOptions{Flags: &pcapgo.NgEpbFlags{Direction: direction}}); err != nil {
		tp.t.Fatal(err)
	}
}

func (tp *tape) bytes() []byte {
	if err := tp.ng.Flush(); err != nil {
		tp.t.Fatal(err)
	}
	return tp.buf.Bytes()
}

func owners() map[netip.Addr][]string {
	return map[netip.Addr][]string{clientAt.Addr(): {"client"}, serverAt.Addr(): {"server"},
		netip.MustParseAddr("fd77::1"): {"client"}, netip.MustParseAddr("fd77::2"): {"server"}, netip.MustParseAddr("10.0.0.9"): {"router"}}
}

// stamp is the time of a frame in these tests: its number.
func stamp(frame uint64, _ time.Time) probes.Mono { return probes.Mono(frame) }

func readAll(t testing.TB, capture []byte, texts ...string) []probes.Event {
	t.Helper()
	var events []probes.Event
	err := Read(bytes.NewReader(capture), Search{Texts: texts, Owners: owners(), Time: stamp}, func(e probes.Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// found writes what was found: "client count@offset [frames] holes".
func found(events []probes.Event) []string {
	var out []string
	for _, e := range events {
		if f := e.Found; f != nil && f.Text != "" {
			s := fmt.Sprintf("%s %q %d", e.Node, f.Text, f.Count)
			if f.Count > 0 {
				s += fmt.Sprintf(" at %d in %v", f.Offset, f.Capture)
			}
			if f.Holes {
				s += " holes"
			}
			out = append(out, s)
		}
	}
	return out
}

func TestFound(t *testing.T) {
	syn := []seg{
		{tap: "wire@client", src: clientAt, dst: serverAt, seq: 999, flags: probes.SYN},
		{tap: "wire@server", src: serverAt, dst: clientAt, seq: 4999, flags: probes.SYN | probes.ACK},
	}
	none := `server "secret" 0`
	six := func(addr string, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
	}
	for _, tt := range []struct {
		name string
		segs []seg
		want []string
	}{
		{"in one segment", []seg{fromClient(1000, 0, "a secret.")}, []string{`client "secret" 1 at 2 in [3]`, none}},
		{"across a border", []seg{fromClient(1000, 0, "sec"), fromClient(1003, 0, "ret")}, []string{`client "secret" 1 at 0 in [3 4]`, none}},
		{"byte by byte", []seg{fromClient(1000, 0, "x"), fromClient(1001, 0, "s"), fromClient(1002, 0, "e"), fromClient(1003, 0, "c"),
			fromClient(1004, 0, "r"), fromClient(1005, 0, "e"), fromClient(1006, 0, "t"), fromClient(1007, 0, "!")},
			[]string{`client "secret" 1 at 1 in [4 5 6 7 8 9]`, none}},
		{"twice", []seg{fromClient(1000, 0, "secret sec"), fromClient(1010, 0, "ret")}, []string{`client "secret" 2 at 0 in [3]`, none}},
		{"sent again", []seg{fromClient(1000, 0, "secret"), fromClient(1000, 0, "secret"), fromClient(1003, 0, "ret!")}, []string{`client "secret" 1 at 0 in [3]`, none}},
		{"out of order", []seg{fromClient(1003, 0, "ret"), fromClient(1000, 0, "sec")}, []string{`client "secret" 1 at 0 in [4 3]`, none}},
		{"overlapping", []seg{fromClient(1003, 0, "ret"), fromClient(1000, 0, "secre")}, []string{`client "secret" 1 at 0 in [4 3]`, none}},
		{"by the server", []seg{fromServer(5000, 0, "secret")}, []string{`client "secret" 0`, `server "secret" 1 at 0 in [3]`}},
		{"not there", []seg{fromClient(1000, 0, "sec"), fromClient(1003, 0, "rot")}, []string{`client "secret" 0`, none}},
		{"in a hole", []seg{fromClient(1000, 0, "sec"), fromClient(1006, 0, "...")}, []string{`client "secret" 0 holes`, none}},
		{"before and after a hole", []seg{fromClient(1000, 0, "secret"), fromClient(1010, 0, "secret")}, []string{`client "secret" 2 at 0 in [3] holes`, none}},
		{"not across a hole", []seg{fromClient(1000, 0, "sec"), fromClient(1004, 0, "ret")}, []string{`client "secret" 0 holes`, none}},
		{"FIN beyond a hole", []seg{fromClient(1000, 0, "x"), fromClient(1005, probes.FIN, "")}, []string{`client "secret" 0 holes`, none}},
		{"whole with FIN", []seg{fromClient(1000, probes.FIN, "x"),
			{tap: "wire@client", in: true, src: serverAt, dst: clientAt, seq: 5000, ack: 1002, flags: probes.ACK}}, []string{`client "secret" 0`, none}},
		{"ACK behind the FIN", []seg{fromClient(1000, probes.FIN, "x"), fromClient(1002, 0, "")}, []string{`client "secret" 0`, none}},
		{"acknowledged what no tap saw", []seg{fromClient(1000, 0, "x"),
			{tap: "wire@client", in: true, src: serverAt, dst: clientAt, seq: 5000, ack: 1005, flags: probes.ACK}}, []string{`client "secret" 0 holes`, none}},
		{"captured in part", []seg{{tap: "wire@client", src: clientAt, dst: serverAt, seq: 1000, flags: probes.ACK, data: "......secret", cut: 3}},
			[]string{`client "secret" 0 holes`, none}},
		{"keep-alive", []seg{fromClient(1000, 0, "x"), fromClient(1000, 0, "s"), fromClient(1001, 0, "y")}, []string{`client "secret" 0`, none}},
		{"in a RST", []seg{fromClient(1000, probes.RST, "secret")}, []string{`client "secret" 0`, none}},
		{"seen elsewhere only", []seg{{tap: "wire@server", in: true, src: clientAt, dst: serverAt, seq: 1000, flags: probes.ACK, data: "secret"}},
			[]string{`client "secret" 0`, none}},
		{"ports used again", []seg{fromClient(1000, 0, "secret"), {tap: "wire@client", src: clientAt, dst: serverAt, seq: 77776, flags: probes.SYN}, fromClient(77777, 0, "x")},
			[]string{`client "secret" 1 at 0 in [3]`, none, `client "secret" 0`}},
		{"no SYN", []seg{{tap: "wire@client", src: six("fd77::1", 1), dst: six("fd77::2", 2), seq: 7, flags: probes.ACK, data: "secret"}},
			[]string{`client "secret" 0`, none, `client "secret" 1 at 0 in [3] holes`}},
		{"refused", []seg{{tap: "wire@client", src: six("fd77::1", 1), dst: six("fd77::2", 2), seq: 7, flags: probes.SYN},
			{tap: "wire@server", src: six("fd77::2", 2), dst: six("fd77::1", 1), ack: 8, flags: probes.RST | probes.ACK}},
			[]string{`client "secret" 0`, none, `client "secret" 0`, none}},
		{"refused, then accepted", []seg{{tap: "wire@server", src: six("fd77::2", 2), dst: six("fd77::1", 1), ack: 8, flags: probes.RST | probes.ACK},
			{tap: "wire@server", src: six("fd77::2", 2), dst: six("fd77::1", 1), seq: 9, ack: 8, flags: probes.SYN | probes.ACK},
			{tap: "wire@server", src: six("fd77::2", 2), dst: six("fd77::1", 1), seq: 10, ack: 8, flags: probes.ACK, data: "secret"}},
			[]string{none, `client "secret" 0`, none, `server "secret" 1 at 0 in [5]`}},
		{"only a RST", []seg{{tap: "wire@server", src: six("fd77::2", 2), dst: six("fd77::1", 1), seq: 70, ack: 8, flags: probes.RST | probes.ACK}},
			[]string{`client "secret" 0`, none, `server "secret" 0 holes`}},
		{"numbers wrap", []seg{{tap: "wire@client", src: six("fd77::1", 1), dst: six("fd77::2", 2), seq: 1<<32 - 4, flags: probes.SYN},
			{tap: "wire@client", src: six("fd77::1", 1), dst: six("fd77::2", 2), seq: 1<<32 - 3, flags: probes.ACK, data: "sec"},
			{tap: "wire@client", src: six("fd77::1", 1), dst: six("fd77::2", 2), seq: 0, flags: probes.ACK, data: "ret"}},
			[]string{`client "secret" 0`, none, `client "secret" 1 at 0 in [4 5]`}},
		{"nobody's address", []seg{
			{tap: "wire@server", in: true, src: netip.MustParseAddrPort("1.2.3.4:5"), dst: serverAt, seq: 1, flags: probes.SYN, data: "secret"},
			{tap: "wire@client", in: true, src: netip.MustParseAddrPort("1.2.3.4:5"), dst: serverAt, seq: 2, flags: probes.ACK, data: "secret"}},
			[]string{`client "secret" 0`, none, ` "secret" 1 at 0 in [3]`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			capture := newTape(t).write(syn...).write(tt.segs...).bytes()
			got := found(readAll(t, capture, "secret", "", "secret"))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// An address that is translated gives one stream more, as the translator sent
// it; one address in two places gives one stream for each.
func TestTranslated(t *testing.T) {
	natted := netip.MustParseAddrPort("10.0.0.9:50000")
	tp := newTape(t, "in@client", "in@router", "out@router", "out@server", "twin@twin")
	tp.write(
		seg{tap: "in@client", src: clientAt, dst: serverAt, seq: 9, flags: probes.SYN},
		seg{tap: "in@router", in: true, src: clientAt, dst: serverAt, seq: 9, flags: probes.SYN},
		seg{tap: "out@router", src: natted, dst: serverAt, seq: 9, flags: probes.SYN},
		seg{tap: "out@server", in: true, src: natted, dst: serverAt, seq: 9, flags: probes.SYN},
		seg{tap: "in@client", src: clientAt, dst: serverAt, seq: 10, flags: probes.ACK, data: "secret"},
		seg{tap: "out@router", src: natted, dst: serverAt, seq: 10, flags: probes.ACK, data: "secret"},
		seg{tap: "twin@twin", src: clientAt, dst: serverAt, seq: 70, flags: probes.SYN},
	)
	var events []probes.Event
	who := owners()
	who[clientAt.Addr()] = []string{"client", "twin"}
	if err := Read(bytes.NewReader(tp.bytes()), Search{Texts: []string{"secret"}, Owners: who, Time: stamp}, func(e probes.Event) { events = append(events, e) }); err != nil {
		t.Fatal(err)
	}
	want := []string{`client "secret" 1 at 0 in [5]`, `router "secret" 1 at 0 in [6]`, `twin "secret" 0`}
	if diff := cmp.Diff(want, found(events)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if events[1].Flow.Local != clientAt || events[3].Flow.Local != natted || events[1].Time != 5 {
		t.Errorf("%+v", events[:4])
	}
}

// What waits for a missing segment is bounded.
func TestHeldIsBounded(t *testing.T) {
	tp := newTape(t).write(seg{tap: "wire@client", src: clientAt, dst: serverAt, seq: 999, flags: probes.SYN})
	block := string(bytes.Repeat([]byte("x"), 60000))
	for i := range uint32(100) {
		tp.write(fromClient(2000+i*60000, 0, block))
	}
	tp.write(fromClient(2000+100*60000, 0, "secret"))
	d := newDesk(Search{Texts: []string{"secret"}, Owners: owners(), Time: stamp}, func(probes.Event) {})
	if got := found(readAll(t, tp.bytes(), "secret")); got[0] != fmt.Sprintf(`client "secret" 1 at %d in [102] holes`, 1000+100*60000) {
		t.Errorf("%v", got)
	}
	s := newStream(d, place{}, 0)
	s.begun, s.synced = true, true
	for i := range 200 {
		s.hold(piece{offset: int64(1 + i*100000), size: 100000, data: make([]byte, 100000)})
		if d.held > maxHeld {
			t.Fatalf("%d bytes held", d.held)
		}
	}
	s.finish()
	if d.held != 0 {
		t.Errorf("%d bytes held in the end", d.held)
	}
}

// So is the work with tiny segments, each before all that wait.
func TestPiecesAreBounded(t *testing.T) {
	d := newDesk(Search{}, func(probes.Event) {})
	s := newStream(d, place{}, 0)
	s.begun, s.synced = true, true
	for i := range 4 * maxPieces {
		s.hold(piece{offset: int64(1_000_000 - 2*i), size: 1})
		if len(s.held) > maxPieces {
			t.Fatalf("%d pieces held", len(s.held))
		}
	}
	s.finish()
	if !s.holes {
		t.Error("no holes")
	}
}

func TestReadErrors(t *testing.T) {
	whole := newTape(t).write(fromClient(1, 0, "secret")).bytes()
	for n := range whole {
		err := Read(bytes.NewReader(whole[:n]), Search{Time: stamp}, func(probes.Event) {})
		if n > 200 && err != nil {
			t.Errorf("%d bytes: %v, want what there is", n, err)
		}
	}
	if err := Read(bytes.NewReader([]byte("no capture, this is not")), Search{Time: stamp}, nil); err == nil {
		t.Error("no error for what is no capture")
	}
	broken := errors.New("broken")
	if err := Read(&failing{whole[:len(whole)-10], broken}, Search{Time: stamp}, func(probes.Event) {}); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

type failing struct {
	b   []byte
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	if len(f.b) == 0 {
		return 0, f.err
	}
	n := copy(b, f.b)
	f.b = f.b[n:]
	return n, nil
}
