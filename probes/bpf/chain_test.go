package bpf

import (
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

func TestChains(t *testing.T) {
	const established, synSent, finWait1, finWait2, closed, listen = 1, 2, 4, 5, 7, 10
	step := func(cookie uint64, old, new uint8) record {
		return record{sock: probes.SocketID{NetNS: 1, Cookie: cookie}, time: probes.Mono(100*uint64(old) + uint64(new)), old: old, new: new}
	}
	type item struct {
		Cookie uint64
		Time   probes.Mono
		What   string
	}
	tests := []struct {
		name    string
		records []record
		lost    uint64 // by the ring
		want    []item
	}{
		{"unbroken", []record{step(1, closed, synSent), step(1, synSent, established), step(2, listen, 3), step(1, established, closed)}, 0, nil},
		{"older than the watch", []record{step(1, established, finWait1)}, 0, nil},
		{"two lives", []record{step(1, closed, listen), step(1, listen, closed), step(1, closed, synSent)}, 0, nil},
		{"FIN-WAIT-2 not traced", []record{step(1, established, finWait1), step(2, closed, synSent), step(1, finWait2, closed)}, 0, []item{{1, 507, lossUntraced}}},
		{"lost by the ring", []record{step(1, established, finWait1), step(1, finWait2, closed)}, 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []item
			p := &place{cookie: 1, emit: func(e probes.Event) { got = append(got, item{e.Sock.Cookie, e.Time, e.Loss.What}) }}
			for _, r := range tt.records {
				p.chains.follow(&r)
			}
			p.loseBreaks([]tally{{Seq: 9}, {Seq: 9, Lost: tt.lost}})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
		})
	}
}
