package timeline_test

import (
	"net/netip"
	"strings"
	"testing"

	"netlab/probes"
	"netlab/probes/timeline"
)

// A censusRun is a record of one node, made event by event.
type censusRun struct {
	header probes.Header
	events []probes.Event
}

var censusFlow = probes.Flow{Local: netip.MustParseAddrPort("10.0.0.1:5000"), Remote: netip.MustParseAddrPort("10.0.0.2:80")}

func (r *censusRun) add(at probes.Mono, e probes.Event) {
	e.Seq, e.Time = uint64(len(r.events)+1), at
	if e.Source != probes.Lab && e.Mark == "" {
		e.Node, e.Sock = "client", probes.SocketID{NetNS: 1, Cookie: 7}
		if e.Loss == nil {
			e.Flow = censusFlow
		}
	}
	r.events = append(r.events, e)
}

func (r *censusRun) state(at probes.Mono, from, to probes.State) {
	r.add(at, probes.Event{Source: probes.BPF, Kind: probes.KindState, Grade: probes.Recorded, Old: from, New: to})
}

func (r *censusRun) sample(at, since probes.Mono, state probes.State, object probes.Object, gone bool) {
	r.add(at, probes.Event{Source: probes.SockDiag, Kind: probes.KindSample, Grade: probes.Sampled, New: state,
		Sample: &probes.Sample{Object: object, Since: since, Gone: gone}})
}

func (r *censusRun) looked(times ...probes.Mono) {
	for _, at := range times {
		r.add(at, probes.Event{Source: probes.SockDiag, Kind: probes.KindMark, Mark: probes.Looked})
	}
}

func (r *censusRun) lost(source probes.Source) {
	r.add(50, probes.Event{Source: source, Kind: probes.KindLoss, Loss: &probes.Loss{What: "some", Count: 1}})
}

func TestCensus(t *testing.T) {
	const (
		untold = "no kernel event told of it"
		hidden = "is not listed"
	)
	full, est, closed := probes.FullObject, probes.Established, probes.Closed
	for _, tt := range []struct {
		name string
		do   func(*censusRun)
		want string
	}{
		{"listed again and again, and never told of", func(r *censusRun) {
			r.sample(210, 100, est, full, false)
			r.looked(200, 300, 400)
		}, untold},
		{"listed once", func(r *censusRun) {
			r.sample(210, 100, est, full, false)
			r.sample(310, 200, est, full, true)
			r.looked(200, 300, 400, 500)
		}, ""},
		{"listed twice, then gone", func(r *censusRun) {
			r.sample(210, 100, est, full, false)
			r.sample(510, 400, est, full, true)
			r.looked(200, 300, 400, 500)
		}, untold},
		{"there before the record", func(r *censusRun) {
			r.sample(210, 0, est, full, false)
			r.looked(200, 300, 400)
		}, ""},
		{"told of", func(r *censusRun) {
			r.state(150, probes.SynSent, est)
			r.sample(210, 100, est, full, false)
			r.looked(200, 300, 400)
		}, ""},
		{"a mini-socket, of which nothing tells", func(r *censusRun) {
			r.sample(210, 100, probes.TimeWait, probes.MiniObject, false)
			r.looked(200, 300, 400)
		}, ""},
		{"a mini-socket, of which something would", func(r *censusRun) {
			r.header.Probes[0].Kinds = []probes.Kind{probes.KindLife}
			r.sample(210, 100, probes.TimeWait, probes.MiniObject, false)
			r.looked(200, 300, 400)
		}, untold},
		{"a request, told of before it had a cookie", func(r *censusRun) {
			r.header.Probes[0].Kinds = []probes.Kind{probes.KindLife}
			r.add(150, probes.Event{Source: probes.BPF, Kind: probes.KindLife, Grade: probes.RecordedMini, New: probes.SynReceived,
				Life: &probes.Life{Object: probes.RequestObject, Stage: probes.Born}})
			r.events[len(r.events)-1].Sock.Cookie = 0
			r.sample(210, 100, probes.SynReceived, probes.RequestObject, false)
			r.looked(200, 300, 400)
		}, ""},
		{"a request that ended with a cookie", func(r *censusRun) {
			r.header.Probes[0].Kinds = []probes.Kind{probes.KindLife}
			r.sample(110, 50, probes.SynReceived, probes.RequestObject, false)
			r.add(150, probes.Event{Source: probes.BPF, Kind: probes.KindLife, Grade: probes.RecordedMini, Old: probes.SynReceived,
				Life: &probes.Life{Object: probes.RequestObject, Stage: probes.Ended}})
			r.sample(160, 110, probes.SynReceived, probes.RequestObject, true)
			r.looked(200, 300, 400)
		}, ""},
		{"listed, and events are missing", func(r *censusRun) {
			r.lost(probes.BPF)
			r.sample(210, 100, est, full, false)
			r.looked(200, 300, 400)
		}, ""},
		{"open, and never listed", func(r *censusRun) {
			r.state(150, probes.SynSent, est)
			r.looked(200, 300)
		}, hidden},
		{"open, and not listed once", func(r *censusRun) {
			r.state(150, probes.SynSent, est)
			r.looked(100, 200)
		}, ""},
		{"closed before the second look was over", func(r *censusRun) {
			r.state(150, probes.SynSent, est)
			r.state(350, est, closed)
			r.looked(200, 300, 400)
		}, ""},
		{"closed, then open again and not listed", func(r *censusRun) {
			r.state(150, probes.SynSent, est)
			r.state(160, est, closed)
			r.state(170, closed, probes.SynSent)
			r.looked(200, 300)
		}, hidden},
		{"no more listed, and still open", func(r *censusRun) {
			r.state(150, probes.SynSent, est)
			r.sample(210, 100, est, full, false)
			r.sample(310, 200, est, full, true)
			r.looked(200, 300, 400, 500)
		}, hidden},
		{"not listed, and a look failed", func(r *censusRun) {
			r.lost(probes.SockDiag)
			r.state(150, probes.SynSent, est)
			r.looked(200, 300)
		}, ""},
		{"open at teardown only", func(r *censusRun) {
			r.state(950, probes.SynSent, est)
			r.looked(960, 970, 980)
		}, ""},
		{"nobody looked", func(r *censusRun) { r.state(150, probes.SynSent, est) }, ""},
		{"no kernel events", func(r *censusRun) {
			r.header.Probes[0].Reason = "refused"
			r.sample(210, 100, est, full, false)
			r.looked(200, 300, 400)
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &censusRun{header: probes.Header{
				Format: probes.Format, Nodes: []probes.NodeInfo{{Name: "client", Cookie: 1}},
				Probes: []probes.ProbeStatus{{Source: probes.BPF}, {Source: probes.SockDiag}},
			}}
			mark := func(at probes.Mono, m probes.Mark) {
				r.add(at, probes.Event{Source: probes.Lab, Kind: probes.KindMark, Mark: m})
			}
			mark(10, probes.WindowOpen)
			tt.do(r)
			mark(900, probes.WindowClose)
			mark(1000, probes.Complete)
			tl, err := timeline.Build(r.header, r.events)
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, c := range tl.Conflicts {
				if strings.HasPrefix(c.Text, "unexplained: ") {
					found = append(found, c.Text)
					if c.Endpoint == nil || len(c.Events) != 1 {
						t.Errorf("conflict %+v", c)
					}
				}
			}
			if got := strings.Join(found, "; "); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
