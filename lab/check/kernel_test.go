package check

import (
	"strings"
	"testing"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"
	"netlab/scenarios"
)

// told is a run with a single connection, of which the kernel told more than
// states.
func told(t *testing.T, opts tt.Options, kinds []probes.Kind, play func(*tt.Script, *tt.Conn), more func(*tt.Conn, *timeline.Timeline) []probes.Event) *timeline.Timeline {
	t.Helper()
	opts.Addressed = true
	var c *tt.Conn
	s := tt.One(opts, func(s *tt.Script, conn *tt.Conn) { c = conn; play(s, conn) })
	header, events := s.Header(), s.Events()
	for i := range header.Probes {
		switch p := &header.Probes[i]; p.Source {
		case probes.BPF:
			p.Kinds = kinds
		case probes.SockDiag:
			p.Counters = []string{"ListenDrops", "ListenOverflows"}
		}
	}
	tl, err := timeline.Build(header, events)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range more(c, tl) {
		e.Seq = uint64(len(events) + 1)
		events = append(events, e)
	}
	if tl, err = timeline.Build(header, events); err != nil {
		t.Fatal(err)
	}
	return tl
}

// rst is the kernel's word of a RST that an end sent.
func rst(e *tt.End, at probes.Mono, reason string) probes.Event {
	return probes.Event{
		Time: at, Source: probes.BPF, Kind: probes.KindReset, Grade: probes.Recorded, Node: e.Node, Sock: e.Sock, Flow: e.Flow,
		Old: probes.Established, Reset: &probes.Reset{Dir: probes.Out, Reason: reason},
	}
}

func verdictText(v Verdict) string {
	text := string(v.Outcome) + ", " + v.Got
	if v.Reason != nil {
		text += ": " + v.Reason.String()
	}
	return text
}

func TestResetReasons(t *testing.T) {
	resets := []probes.Kind{probes.KindReset}
	byClient := func(s *tt.Script, c *tt.Conn) { c.Open(); c.Reset(c.Opener) }
	inTime := func(tl *timeline.Timeline) probes.Mono { return tl.Close - 1 }
	said := func(reason string) func(*tt.Conn, *timeline.Timeline) []probes.Event {
		return func(c *tt.Conn, tl *timeline.Timeline) []probes.Event {
			return []probes.Event{rst(c.Opener, inTime(tl), reason)}
		}
	}
	noSocket := func(c *tt.Conn, tl *timeline.Timeline) []probes.Event {
		e := rst(c.Acceptor, inTime(tl), "NO_SOCKET")
		e.Sock.Cookie, e.Old = 0, probes.Unknown
		return []probes.Event{e}
	}
	silent := func(*tt.Conn, *timeline.Timeline) []probes.Event { return nil }
	for _, x := range []struct {
		name  string
		opts  tt.Options
		kinds []probes.Kind
		more  func(*tt.Conn, *timeline.Timeline) []probes.Event
		want  []scenarios.ResetReason
		got   string
	}{
		{"as wanted", tt.Options{}, resets, said("TCP_STATE"), []scenarios.ResetReason{{End: "client", Reason: "TCP_STATE"}}, "pass, client TCP_STATE"},
		{"by addresses", tt.Options{}, resets, noSocket, []scenarios.ResetReason{{End: "server", Reason: "NO_SOCKET"}}, "pass, server NO_SOCKET"},
		{"by role", tt.Options{}, resets, said("TCP_STATE"), []scenarios.ResetReason{{End: "opener", Reason: "TCP_STATE"}}, "pass, client TCP_STATE"},
		{"another reason", tt.Options{}, resets, said("TCP_STATE"), []scenarios.ResetReason{{End: "client", Reason: "NO_SOCKET"}}, "fail, client TCP_STATE"},
		{"another end", tt.Options{}, resets, said("TCP_STATE"), []scenarios.ResetReason{{End: "server", Reason: "TCP_STATE"}}, "fail, client TCP_STATE"},
		{"one more", tt.Options{}, resets, said("TCP_STATE"), nil, "fail, client TCP_STATE"},
		{"none", tt.Options{}, resets, silent, []scenarios.ResetReason{{End: "client", Reason: "TCP_STATE"}}, "fail, nothing"},
		{"an old kernel", tt.Options{}, resets, said(""), []scenarios.ResetReason{{End: "client", Reason: "TCP_STATE"}}, "inconclusive, client ?: this kernel does not say"},
		{"no such layer", tt.Options{}, nil, silent, nil, "inconclusive, nothing: bpf (reset) did not run"},
		{"no bpf", tt.Options{Without: []probes.Source{probes.BPF}}, nil, silent, nil, "inconclusive, nothing: bpf refused"},
		{"lost", tt.Options{}, resets, func(_ *tt.Conn, tl *timeline.Timeline) []probes.Event {
			return []probes.Event{{Time: inTime(tl), Source: probes.BPF, Kind: probes.KindLoss, Node: tt.Server, Loss: &probes.Loss{What: "ring buffer full", Count: 3}}}
		}, nil, "inconclusive, nothing: 3 records of bpf were lost"},
		{"after the window", tt.Options{}, resets, func(c *tt.Conn, tl *timeline.Timeline) []probes.Event {
			return []probes.Event{rst(c.Opener, tl.Close+1, "TCP_STATE")}
		}, nil, "pass, nothing"},
	} {
		t.Run(x.name, func(t *testing.T) {
			tl := told(t, x.opts, x.kinds, byClient, x.more)
			if x.want == nil {
				x.want = []scenarios.ResetReason{}
			}
			for _, v := range Eval(tl, visitScenario(scenarios.ConnectionExpect{ResetReasons: &x.want})).Verdicts {
				if got := verdictText(v); v.Kind == ResetReasonsKind && !strings.HasPrefix(got, x.got) {
					t.Errorf("%s, want %s", got, x.got)
				}
			}
		})
	}
}

func TestCounters(t *testing.T) {
	grew := func(delta uint64) func(*tt.Conn, *timeline.Timeline) []probes.Event {
		return func(_ *tt.Conn, tl *timeline.Timeline) []probes.Event {
			count := func(node, name string, at probes.Mono, delta uint64) probes.Event {
				return probes.Event{Time: at, Source: probes.SockDiag, Kind: probes.KindCounter, Grade: probes.Recorded, Node: node,
					Counter: &probes.Counter{Name: name, Delta: delta}}
			}
			return []probes.Event{
				count(tt.Server, "ListenOverflows", tl.Open+1, delta), count(tt.Server, "ListenOverflows", tl.Close-1, delta),
				count(tt.Server, "ListenOverflows", tl.Close+1, 7), count(tt.Client, "ListenOverflows", tl.Close-1, 7),
				count(tt.Server, "ListenDrops", tl.Close-1, 7),
			}
		}
	}
	exactly, atLeast := func(n int64) scenarios.Count { return scenarios.Count{Min: n, Max: n} }, scenarios.Count{Min: 5, Max: -1}
	for _, x := range []struct {
		name    string
		opts    tt.Options
		delta   uint64
		counter string
		want    scenarios.Count
		got     string
	}{
		{"as wanted", tt.Options{}, 1, "ListenOverflows", exactly(2), "pass, 2"},
		{"none, as wanted", tt.Options{}, 0, "ListenOverflows", exactly(0), "pass, 0"},
		{"more", tt.Options{}, 2, "ListenOverflows", exactly(2), "fail, 4"},
		{"fewer", tt.Options{}, 2, "ListenOverflows", atLeast, "fail, 4"},
		{"never read", tt.Options{}, 1, "NoSuchCounter", exactly(0), "inconclusive, 0: counter NoSuchCounter of node server was not read"},
		{"no sockdiag", tt.Options{Without: []probes.Source{probes.SockDiag}}, 1, "ListenOverflows", atLeast, "inconclusive, 2: sockdiag refused"},
	} {
		t.Run(x.name, func(t *testing.T) {
			tl := told(t, x.opts, nil, func(_ *tt.Script, c *tt.Conn) { c.Open() }, grew(x.delta))
			sc := visitScenario(scenarios.ConnectionExpect{})
			sc.Expect = scenarios.Expect{Counters: []scenarios.NodeCounters{{Name: tt.Server, Counters: []scenarios.CounterExpect{{Name: x.counter, Count: x.want}}}}}
			found := false
			for _, v := range Eval(tl, sc).Verdicts {
				if got := verdictText(v); v.Kind == CounterKind {
					found = true
					if !strings.HasPrefix(got, x.got) {
						t.Errorf("%s, want %s", got, x.got)
					}
				}
			}
			if !found {
				t.Error("no verdict")
			}
		})
	}
}

func TestObjects(t *testing.T) {
	fourWay := func(s *tt.Script, c *tt.Conn) { c.Open(); c.FourWay(c.Opener) }
	lives := tt.Options{Lives: true}
	const request, full, mini = scenarios.ObjectName(probes.RequestObject), scenarios.ObjectName(probes.FullObject), scenarios.ObjectName(probes.MiniObject)
	for _, x := range []struct {
		name string
		opts tt.Options
		end  string
		want []scenarios.ObjectName
		got  string
	}{
		{"of the opener", lives, "client", []scenarios.ObjectName{full, mini}, "pass, full | mini"},
		{"of the acceptor", lives, "server", []scenarios.ObjectName{request, full}, "pass, request | full"},
		{"by role", lives, "acceptor", []scenarios.ObjectName{request, full}, "pass, request | full"},
		{"one more", lives, "client", []scenarios.ObjectName{full}, "fail, full | mini"},
		{"one is missing", lives, "server", []scenarios.ObjectName{request, full, mini}, "fail, request | full"},
		{"mini-sockets are not recorded", tt.Options{}, "client", []scenarios.ObjectName{full, mini}, "inconclusive, "},
		{"no bpf", tt.Options{Without: []probes.Source{probes.BPF}}, "client", []scenarios.ObjectName{full}, "inconclusive, "},
	} {
		t.Run(x.name, func(t *testing.T) {
			x.opts.Addressed = true
			s := tt.One(x.opts, fourWay)
			tl, err := timeline.Build(s.Header(), s.Events())
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, v := range Eval(tl, visitScenario(scenarios.ConnectionExpect{Ends: []scenarios.EndExpect{{Name: x.end, Objects: x.want}}})).Verdicts {
				if got := verdictText(v); v.Kind == ObjectsKind {
					found = true
					if !strings.HasPrefix(got, x.got) {
						t.Errorf("%s, want %s", got, x.got)
					}
				}
			}
			if !found {
				t.Error("no verdict")
			}
		})
	}
}
