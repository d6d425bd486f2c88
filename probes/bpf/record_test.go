package bpf

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// encode writes r as tcp.bpf.c would.
func encode(r record) []byte {
	var b []byte
	le, be := binary.LittleEndian, binary.BigEndian
	b = le.AppendUint64(b, uint64(r.time))
	b = le.AppendUint64(b, r.sock.NetNS)
	b = le.AppendUint64(b, r.sock.Cookie)
	b = le.AppendUint64(b, r.seq)
	b = le.AppendUint32(b, r.cpu)
	b = le.AppendUint32(b, r.pid)
	b = le.AppendUint16(b, uint16(r.kind))
	b = le.AppendUint16(b, r.family)
	b = le.AppendUint16(b, r.lport)
	b = le.AppendUint16(b, r.rport)
	b = append(b, r.old, r.new)
	b = le.AppendUint16(b, r.reason)
	b = le.AppendUint32(b, r.value)
	b = append(b, r.local[:]...)
	b = append(b, r.remote[:]...)
	switch r.kind {
	case kindDrop:
		b = be.AppendUint32(b, r.segment.seq)
		b = be.AppendUint32(b, r.segment.ack)
		return append(b, r.segment.flags, 0, 0, 0, 0, 0, 0, 0)
	case kindResentSYNACK, kindMiniStart, kindMiniCancel, kindMiniExpire, kindMiniSeen:
		return le.AppendUint64(b, r.place)
	}
	b = append(b, r.comm[:]...)
	if r.kind == kindTally {
		b = le.AppendUint64(b, r.sum.bytesOut)
		b = le.AppendUint64(b, r.sum.bytesIn)
		for _, n := range []uint32{r.sum.segsOut, r.sum.segsIn, r.sum.resent, r.sum.rtt} {
			b = le.AppendUint32(b, n)
		}
	}
	return b
}

func address(s string) (b [16]byte) {
	copy(b[:], netip.MustParseAddr(s).AsSlice())
	return b
}

func TestEvent(t *testing.T) {
	common := probes.Event{Time: 5, Source: probes.BPF, Kind: probes.KindState, Grade: probes.Recorded, Node: "client", Sock: probes.SocketID{NetNS: 3, Cookie: 4}}
	with := func(change func(*probes.Event)) probes.Event {
		e := common
		change(&e)
		return e
	}
	tests := []struct {
		name string
		rec  record
		want probes.Event
	}{
		{"connect, port not chosen", record{family: familyIPv4, local: address("10.0.0.1"), remote: address("10.0.0.2"), rport: 21, old: 7, new: 2, pid: 77, comm: [16]byte{'f', 't', 'p'}},
			with(func(e *probes.Event) {
				e.Flow = probes.Flow{Local: netip.MustParseAddrPort("10.0.0.1:0"), Remote: netip.MustParseAddrPort("10.0.0.2:21")}
				e.Old, e.New = probes.Closed, probes.SynSent
				e.Owner = &probes.Owner{PID: 77, Comm: "ftp"}
			})},
		{"listener", record{family: familyIPv4, lport: 21, old: 7, new: 10},
			with(func(e *probes.Event) {
				e.Flow.Local = netip.MustParseAddrPort("0.0.0.0:21")
				e.Old, e.New = probes.Closed, probes.Listen
			})},
		{"addresses forgotten", record{family: familyIPv6, old: 1, new: 7},
			with(func(e *probes.Event) { e.Old, e.New = probes.Established, probes.Closed })},
		{"IPv6", record{family: familyIPv6, local: address("fd00::1"), lport: 40000, remote: address("fd00::2"), rport: 21, old: 1, new: 4},
			with(func(e *probes.Event) {
				e.Flow = probes.Flow{Local: netip.MustParseAddrPort("[fd00::1]:40000"), Remote: netip.MustParseAddrPort("[fd00::2]:21")}
				e.Old, e.New = probes.Established, probes.FinWait1
			})},
		{"IPv4 on an IPv6 socket", record{family: familyIPv6, local: address("::ffff:10.0.0.2"), lport: 21, remote: address("::ffff:10.0.0.1"), rport: 40000, old: 8, new: 9},
			with(func(e *probes.Event) {
				e.Flow = probes.Flow{Local: netip.MustParseAddrPort("10.0.0.2:21"), Remote: netip.MustParseAddrPort("10.0.0.1:40000")}
				e.Old, e.New = probes.CloseWait, probes.LastAck
			})},
		{"comm without an end", record{family: familyIPv6, pid: 1, comm: [16]byte([]byte("0123456789abcdef")), old: 200, new: 201},
			with(func(e *probes.Event) { e.Owner = &probes.Owner{PID: 1, Comm: "0123456789abcdef"} })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.rec.time, tt.rec.sock, tt.rec.kind, tt.rec.seq = 5, common.Sock, kindState, 1
			var r record
			if err := decode(encode(tt.rec), &r); err != nil {
				t.Fatal(err)
			}
			if r != tt.rec {
				t.Errorf("decoded %+v, want %+v", r, tt.rec)
			}
			got := new(kernel).event(&r, "client")
			got.Owner = new(owners).of(&r)
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// What the other kinds of record say, beside what all have.
func TestEventOfEachKind(t *testing.T) {
	names := &kernel{
		resets: map[uint32]string{14: "SK_RST_REASON_TCP_STATE"},
		drops:  map[uint32]string{40: "SKB_DROP_REASON_TCP_LISTEN_OVERFLOW"},
	}
	tests := []struct {
		name string
		rec  record
		want probes.Event
	}{
		{"RST sent", record{kind: kindResetSent, family: familyIPv4, old: 1, reason: 14},
			probes.Event{Kind: probes.KindReset, Old: probes.Established, Reset: &probes.Reset{Dir: probes.Out, Reason: "TCP_STATE"}}},
		{"RST sent, a reason without a name, no addresses", record{kind: kindResetSent, reason: 99},
			probes.Event{Kind: probes.KindReset, Reset: &probes.Reset{Dir: probes.Out, Reason: "reason 99"}}},
		{"RST received", record{kind: kindResetReceived, family: familyIPv4, old: 2},
			probes.Event{Kind: probes.KindReset, Old: probes.SynSent, Reset: &probes.Reset{Dir: probes.In}}},
		{"sent again", record{kind: kindResent, family: familyIPv6, old: 2},
			probes.Event{Kind: probes.KindResent, Old: probes.SynSent, Resent: &probes.Resent{}}},
		{"SYN+ACK sent again", record{kind: kindResentSYNACK, family: familyIPv4, old: tcpNewSynRecv},
			probes.Event{Kind: probes.KindResent, Grade: probes.RecordedMini, Old: probes.SynReceived, Resent: &probes.Resent{SYNACK: true}}},
		{"error", record{kind: kindFault, family: familyIPv4, old: 7, value: 104},
			probes.Event{Kind: probes.KindFault, Old: probes.Closed, Fault: &probes.Fault{Errno: "ECONNRESET"}}},
		{"error without a name", record{kind: kindFault, family: familyIPv4, old: 7, value: 9999},
			probes.Event{Kind: probes.KindFault, Old: probes.Closed, Fault: &probes.Fault{Errno: "errno 9999"}}},
		{"tally", record{kind: kindTally, family: familyIPv4, old: 7, sum: sum{bytesOut: 1 << 40, bytesIn: 2, segsOut: 3, segsIn: 4, resent: 5, rtt: 12}},
			probes.Event{Kind: probes.KindTally, Old: probes.Closed, Tally: &probes.Tally{BytesOut: 1 << 40, BytesIn: 2, SegsOut: 3, SegsIn: 4, Resent: 5, RTT: 1500}}},
		{"drop", record{kind: kindDrop, family: familyIPv4, old: 10, reason: 40, segment: segment{seq: 1 << 31, ack: 7, flags: 0x10}},
			probes.Event{Kind: probes.KindDrop, Old: probes.Listen, Drop: &probes.Drop{Reason: "TCP_LISTEN_OVERFLOW", Flags: probes.ACK, Seq: 1 << 31, Ack: 7}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.rec.time, tt.rec.seq = 5, 1
			var r record
			if err := decode(encode(tt.rec), &r); err != nil {
				t.Fatal(err)
			}
			if r != tt.rec {
				t.Errorf("decoded %+v, want %+v", r, tt.rec)
			}
			tt.want.Time, tt.want.Source, tt.want.Node = 5, probes.BPF, "server"
			if tt.want.Grade == probes.Ungraded {
				tt.want.Grade = probes.Recorded
			}
			if diff := cmp.Diff(tt.want, names.event(&r, "server"), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwners(t *testing.T) {
	var o owners
	ftp, web := [16]byte{'f', 't', 'p'}, [16]byte{'w', 'e', 'b'}
	first := o.of(&record{pid: 1, comm: ftp})
	for _, tt := range []struct {
		name string
		rec  record
		want *probes.Owner
		same bool
	}{
		{"nobody", record{}, nil, false},
		{"the same", record{pid: 1, comm: ftp}, &probes.Owner{PID: 1, Comm: "ftp"}, true},
		{"another name", record{pid: 1, comm: web}, &probes.Owner{PID: 1, Comm: "web"}, false},
		{"another process", record{pid: 2, comm: web}, &probes.Owner{PID: 2, Comm: "web"}, false},
	} {
		got := o.of(&tt.rec)
		if diff := cmp.Diff(tt.want, got); diff != "" || (got == first) != tt.same {
			t.Errorf("%s: owner (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(record{kind: kindState, family: familyIPv4})
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"nothing", nil, "record of 0 bytes"},
		{"too short", good[:len(good)-1], "has 103 bytes"},
		{"too long", append(good, 0), "has 105 bytes"},
		{"kind", encode(record{kind: 99, family: familyIPv4}), "unknown kind 99"},
		{"kind 0", encode(record{family: familyIPv4}), "unknown kind 0"},
		{"another kind's size", encode(record{kind: kindMiniStart, family: familyIPv4})[:commonSize], "of kind 9 has 88 bytes, want 96"},
		{"no addresses", encode(record{kind: kindState}), "has no addresses"},
		{"family", encode(record{kind: kindState, family: 1}), "unknown address family 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := decode(tt.raw, new(record))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// FuzzDecode starts from records that a real kernel wrote (testdata/records).
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/records/*.hex")
	if err != nil || len(files) == 0 {
		f.Fatalf("no recorded records: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			raw, err := hex.DecodeString(strings.TrimSpace(line))
			if err != nil {
				f.Fatalf("%s: %v", name, err)
			}
			if err := decode(raw, new(record)); err != nil {
				f.Errorf("%s: %v", name, err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r record
		if decode(raw, &r) != nil {
			return
		}
		e := new(kernel).event(&r, "node")
		if e.Time != r.time || e.Sock != r.sock || e.Flow.Local.Addr().Is4In6() || e.Flow.Remote.Addr().Is4In6() {
			t.Errorf("%+v became %+v", r, e)
		}
		p := &place{node: "node", cookie: r.sock.NetNS, cpus: make([]progress, 2), emit: func(probes.Event) {}}
		tracer := &Tracer{kernel: new(kernel), lives: newLives(2), places: map[uint64]*place{p.cookie: p}}
		tracer.dispatch(raw)
		tracer.settleAll([]*place{p})
	})
}
