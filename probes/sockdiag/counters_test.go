package sockdiag

import (
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

func TestParseCounters(t *testing.T) {
	tests := []struct {
		name string
		text string
		want reading
		bad  bool
	}{
		{name: "empty", want: reading{}},
		{name: "both groups, by name and not by place",
			text: "TcpExt: SyncookiesSent Unknown ListenDrops\nTcpExt: 1 2 18446744073709551615\nIpExt: ListenDrops\nIpExt: 7\nTcp: MaxConn OutRsts\nTcp: -1 9\n",
			want: reading{"SyncookiesSent": 1, "ListenDrops": 1<<64 - 1, "OutRsts": 9}},
		{name: "a name of the other file's group", text: "Tcp: ListenDrops\nTcp: 3\n", want: reading{}},
		{name: "no end of line", text: "TcpExt: TWRecycled\nTcpExt: 4", want: reading{"TWRecycled": 4}},
		{name: "a value too few", text: "TcpExt: A ListenDrops\nTcpExt: 1\n", bad: true},
		{name: "values of another group", text: "TcpExt: ListenDrops\nIpExt: 1\n", bad: true},
		{name: "no number", text: "TcpExt: ListenDrops\nTcpExt: x\n", bad: true},
		{name: "cut", text: "TcpExt: ListenDrops\n", bad: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := reading{}
			err := parseCounters([]byte(test.text), got)
			if (err != nil) != test.bad {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, got); !test.bad && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseCounters(f *testing.F) {
	f.Add([]byte("TcpExt: ListenDrops TWRecycled\nTcpExt: 1 2\nTcp: OutRsts\nTcp: 3\n"))
	f.Add([]byte("Tcp: OutRsts OutRsts\nTcp: 1 -1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reading{}
		if err := parseCounters(b, r); err == nil && len(r) > 27 {
			t.Errorf("%d counters: %v", len(r), r)
		}
	})
}

func TestCountersUpdate(t *testing.T) {
	var c counters
	for i, step := range []struct {
		read reading
		want []probes.Counter
	}{
		{read: reading{"OutRsts": 5}}, // before the run
		{read: reading{"OutRsts": 5}},
		{read: reading{"OutRsts": 7, "ListenDrops": 1}, want: []probes.Counter{{Name: "ListenDrops", Delta: 1, Since: 20}, {Name: "OutRsts", Delta: 2, Since: 20}}},
		{read: reading{"OutRsts": 7, "ListenDrops": 1}},
		{read: reading{"OutRsts": 8, "ListenDrops": 0}, want: []probes.Counter{{Name: "OutRsts", Delta: 1, Since: 40}}},
	} {
		if diff := cmp.Diff(step.want, c.update(step.read, probes.Mono(10*(i+1)))); diff != "" {
			t.Errorf("reading %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// The counters are those of the place: what other namespaces do moves none.
func TestCountersOfPlace(t *testing.T) {
	at, other := newPlace(t), newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}})
	r, stop := start(t, p)
	l := listen(t, at, "127.0.0.1:0")
	refused := listen(t, other, "127.0.0.1:0")
	free := refused.local()
	refused.close()
	tryConnect(t, other, free) // a RST of another namespace
	client, server := l.pair(at, "127.0.0.1")
	server.send("unread")
	client.close()
	if err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	total := map[string]uint64{}
	for _, e := range r.events {
		if e.Kind != probes.KindCounter {
			continue
		}
		if e.Node != at.Node || e.Sock.NetNS != at.Cookie || e.Grade != probes.Recorded || e.Counter.Since == 0 || e.Counter.Since > e.Time {
			t.Errorf("event %+v of %+v", e, e.Counter)
		}
		total[e.Counter.Name] += e.Counter.Delta
	}
	if want := map[string]uint64{"TCPAbortOnClose": 1, "EstabResets": 2, "OutRsts": 1}; !cmp.Equal(want, total) {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, total))
	}
}
