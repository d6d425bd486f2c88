package sockdiag

import (
	"fmt"
	"net/netip"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	flow := func(port uint16) probes.Flow {
		return probes.Flow{Local: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), port), Remote: netip.MustParseAddrPort("10.0.0.2:21")}
	}
	sock := func(cookie uint64, port uint16, s probes.State, o probes.Object) Socket {
		return Socket{ID: probes.SocketID{Cookie: cookie}, Flow: flow(port), State: s, Sample: probes.Sample{Object: o, Inode: 5}}
	}
	est := sock(1, 100, probes.Established, probes.FullObject)
	busy := est
	busy.Sample.RQueue = 99
	early := sock(2, 200, probes.SynSent, probes.FullObject)
	early.Flow.Local = netip.AddrPort{}
	looks := []struct {
		name string
		list []Socket
		want []string
	}{
		{name: "first look", list: []Socket{est, early}, want: []string{"1 ESTABLISHED full 10.0.0.1:100 since 0", "2 SYN-SENT full invalid AddrPort since 0"}},
		{name: "queues are no news", list: []Socket{busy, early}},
		{name: "address learnt", list: []Socket{est, sock(2, 200, probes.SynSent, probes.FullObject)}, want: []string{"2 SYN-SENT full 10.0.0.1:200 since 20"}},
		{name: "dead socket beside its mini-socket", list: []Socket{
			sock(1, 100, probes.TimeWait, probes.MiniObject), sock(1, 100, probes.Closed, probes.FullObject), sock(2, 200, probes.Established, probes.FullObject),
		}, want: []string{"1 TIME-WAIT mini 10.0.0.1:100 since 30", "2 ESTABLISHED full 10.0.0.1:200 since 30"}},
		{name: "listed twice", list: []Socket{sock(1, 100, probes.TimeWait, probes.MiniObject), sock(2, 200, probes.FinWait1, probes.FullObject), sock(2, 200, probes.FinWait1, probes.FullObject)},
			want: []string{"2 FIN-WAIT-1 full 10.0.0.1:200 since 40"}},
		{name: "all gone", want: []string{"1 TIME-WAIT mini 10.0.0.1:100 since 50 gone", "2 FIN-WAIT-1 full 10.0.0.1:200 since 50 gone"}},
		{name: "still gone"},
		{name: "without cookies", list: []Socket{sock(0, 1, probes.Established, probes.FullObject), sock(0, 2, probes.Established, probes.FullObject)},
			want: []string{"0 ESTABLISHED full 10.0.0.1:1 since 70", "0 ESTABLISHED full 10.0.0.1:2 since 70"}},
	}
	var table table
	for i, look := range looks {
		begin := probes.Mono(10 * (i + 1))
		var got []string
		for _, e := range table.update(look.list, begin, begin+5) {
			line := fmt.Sprintf("%d %s %s %s since %d", e.Sock.Cookie, e.New, e.Sample.Object, e.Flow.Local, e.Sample.Since)
			if e.Sample.Gone {
				line += " gone"
			}
			if e.Time != begin+5 || e.Grade != probes.Sampled || e.Kind != probes.KindSample || e.Source != probes.SockDiag {
				t.Errorf("%s: %+v", look.name, e)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(look.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", look.name, diff)
		}
	}
}
