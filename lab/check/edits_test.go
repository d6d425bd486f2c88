package check

import (
	"strings"
	"testing"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/scenarios"
)

// What a proxy was to do and never did was not tried.
func TestEdits(t *testing.T) {
	both := &scenarios.ProxyServer{Flip: &scenarios.ProxyAt{}, Cut: &scenarios.ProxyAt{}}
	for _, tt := range []struct {
		name  string
		proxy *scenarios.ProxyServer
		told  []probes.Edit
		want  []string
	}{
		{"nothing to do", &scenarios.ProxyServer{}, nil, nil},
		{"done", both, []probes.Edit{{Change: "flip", Made: 1}, {Change: "cut", Made: 2}}, nil},
		{"one was never done", both, []probes.Edit{{Change: "flip", Made: 1}, {Change: "cut"}}, []string{"mangler.cut inconclusive"}},
		{"done before a restart", &scenarios.ProxyServer{Flip: &scenarios.ProxyAt{}}, []probes.Edit{{Change: "flip", Made: 1}, {Change: "flip"}}, nil},
		{"nobody tells", &scenarios.ProxyServer{Flip: &scenarios.ProxyAt{}}, nil, []string{"mangler.flip inconclusive"}},
		{"another proxy's", &scenarios.ProxyServer{Flip: &scenarios.ProxyAt{}}, []probes.Edit{{Server: "other", Change: "flip", Made: 1}}, []string{"mangler.flip inconclusive"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tl := checktest.HTTPSClose(root, probes.Step{Status: 200}, secureClose("1.3", []bool{opener, acceptor}, opener, acceptor))
			for _, e := range tt.told {
				if e.Server == "" {
					e.Server = "mangler"
				}
				tl.Events = append(tl.Events, probes.Event{Seq: uint64(len(tl.Events) + 1), Source: probes.Lab, Kind: probes.KindEdit, Edit: &e})
			}
			sc := checktest.HTTPSScenario()
			sc.Servers = append(sc.Servers, scenarios.Server{Name: "mangler", Proxy: tt.proxy})
			j := Eval(tl, sc)
			var got []string
			for _, v := range j.Verdicts {
				if v.Kind == EditKind {
					got = append(got, v.Name+" "+string(v.Outcome))
				}
			}
			if g, w := strings.Join(got, ", "), strings.Join(tt.want, ", "); g != w {
				t.Errorf("%q, want %q", g, w)
			}
			if want := map[bool]Outcome{true: Pass, false: Inconclusive}[len(tt.want) == 0]; j.Outcome != want {
				t.Errorf("the run is %s, want %s", j.Outcome, want)
			}
		})
	}
}
