package conntrack_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"netlab/probes"
	"netlab/probes/conntrack"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// attr is a netlink attribute; nest one that holds others.
func attr(kind uint16, data ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, data...)
	return append(b, make([]byte, -len(b)&3)...)
}

func nest(kind uint16, children ...[]byte) []byte {
	return attr(kind|unix.NLA_F_NESTED, bytes.Join(children, nil)...)
}

// tuple is a CTA_TUPLE_*: addresses, and protocol with ports.
func tuple(kind uint16, protocol byte, from, to string) []byte {
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	source, destination := uint16(1), uint16(2) // CTA_IP_V4_SRC, _DST
	if a.Addr().Is6() {
		source, destination = 3, 4
	}
	port := func(kind uint16, p uint16) []byte { return attr(kind, byte(p>>8), byte(p)) }
	return nest(kind,
		nest(1, attr(source, a.Addr().AsSlice()...), attr(destination, b.Addr().AsSlice()...)),
		nest(2, attr(1, protocol), port(2, a.Port()), port(3, b.Port())))
}

// datagram is what the kernel sends of an entry.
func datagram(kind byte, flags uint16, attributes ...[]byte) []byte {
	body := append([]byte{unix.AF_INET, 0, 0, 0}, bytes.Join(attributes, nil)...)
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, unix.NFNL_SUBSYS_CTNETLINK<<8|uint16(kind))
	b = binary.NativeEndian.AppendUint16(b, flags)
	return append(append(b, make([]byte, 8)...), body...)
}

// Numbers of include/uapi/linux/netfilter/nfnetlink_conntrack.h.
const (
	ctNew, ctDelete                = 0, 2
	ctaOrig, ctaReply              = 1, 2
	ctaStatus, ctaProtoInfo        = 3, 4
	ctaHelp, ctaID                 = 5, 12
	created                 uint16 = unix.NLM_F_CREATE | unix.NLM_F_EXCL
)

func seeds() map[string][]byte {
	state := func(s byte) []byte { return nest(ctaProtoInfo, nest(1, attr(1, s))) }
	orig, reply := tuple(ctaOrig, 6, "10.77.0.1:4000", "10.77.1.2:21"), tuple(ctaReply, 6, "10.77.1.2:21", "10.77.1.1:4000")
	return map[string][]byte{
		"new": datagram(ctNew, created, orig, reply, attr(ctaID, 0, 0, 0, 9), attr(ctaStatus, 0, 0, 1, 0x98), state(1),
			nest(ctaHelp, attr(1, []byte("ftp\x00")...))),
		"update":   datagram(ctNew, 0, orig, reply, attr(ctaStatus, 0, 0, 0, 0x1f), state(3)),
		"destroy":  datagram(ctDelete, 0, orig, reply, state(7)),
		"unknown":  datagram(ctNew, 0, orig, reply, state(99)),
		"IPv6":     datagram(ctNew, created, tuple(ctaOrig, 6, "[fd77::1]:4000", "[fd77:0:0:1::2]:21"), tuple(ctaReply, 6, "[fd77:0:0:1::2]:21", "[fd77:0:0:1::1]:4000")),
		"UDP":      datagram(ctNew, created, tuple(ctaOrig, 17, "10.77.0.1:4000", "10.77.1.2:53"), tuple(ctaReply, 17, "10.77.1.2:53", "10.77.1.1:4000")),
		"cut":      datagram(ctNew, created, orig, reply)[:40],
		"nonsense": datagram(ctNew, created, orig, attr(ctaReply, 1, 2, 3)),
		"empty":    {},
	}
}

func TestDecode(t *testing.T) {
	flow := func(local, remote string) probes.Flow {
		return probes.Flow{Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote)}
	}
	entry := func(t probes.Track) []probes.Event {
		t.Reply = flow("10.77.1.2:21", "10.77.1.1:4000")
		return []probes.Event{{
			Source: probes.Conntrack, Kind: probes.KindTrack, Grade: probes.Recorded,
			Flow: flow("10.77.0.1:4000", "10.77.1.2:21"), Track: &t,
		}}
	}
	six := entry(probes.Track{Change: "new"})
	six[0].Flow, six[0].Track.Reply = flow("[fd77::1]:4000", "[fd77:0:0:1::2]:21"), flow("[fd77:0:0:1::2]:21", "[fd77:0:0:1::1]:4000")
	want := map[string][]probes.Event{
		"new":     entry(probes.Track{Change: "new", State: "SYN_SENT", Status: "snat", Helper: "ftp", ID: 9}),
		"update":  entry(probes.Track{Change: "update", State: "ESTABLISHED", Status: "seen_reply,assured,snat,expected"}),
		"destroy": entry(probes.Track{Change: "destroy", State: "TIME_WAIT"}),
		"unknown": entry(probes.Track{Change: "update", State: "state 99"}),
		"IPv6":    six,
	}
	wrong := map[string]bool{"cut": true, "nonsense": true}
	for name, b := range seeds() {
		t.Run(name, func(t *testing.T) {
			got, err := conntrack.Decode(b)
			if (err != nil) != wrong[name] {
				t.Errorf("got error %v, want one: %v", err, wrong[name])
			}
			if diff := cmp.Diff(want[name], got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzDecode reads what a kernel might say: nothing may panic.
func FuzzDecode(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events, _ := conntrack.Decode(b)
		for _, e := range events {
			if e.Track == nil || e.Kind != probes.KindTrack {
				t.Errorf("event without an entry: %+v", e)
			}
		}
	})
}
