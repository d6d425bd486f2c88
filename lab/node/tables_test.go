package node

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/sockdiag"
)

func TestHostsText(t *testing.T) {
	const local = "127.0.0.1 localhost\n::1 localhost\n"
	tests := []struct {
		name  string
		hosts []plan.Host
		want  string
	}{
		{"none", nil, local},
		{"both families", []plan.Host{
			{Address: netip.MustParseAddr("10.77.0.1"), Names: []string{"client"}},
			{Address: netip.MustParseAddr("fd77::1"), Names: []string{"client", "www.lab.test"}},
		}, local + "10.77.0.1 client\nfd77::1 client www.lab.test\n"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, string(hostsText(tt.hosts))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

var (
	flow  = probes.Flow{Local: netip.MustParseAddrPort("10.77.0.1:40000"), Remote: netip.MustParseAddrPort("10.77.0.2:21")}
	other = probes.Flow{Local: netip.MustParseAddrPort("10.77.0.1:40001"), Remote: netip.MustParseAddrPort("10.77.0.2:21")}
)

func listed(node string, f probes.Flow, s probes.State, unacked uint32) sockdiag.Socket {
	return sockdiag.Socket{Node: node, Flow: f, State: s, Sample: probes.Sample{WQueue: unacked}}
}

func TestRestless(t *testing.T) {
	atRest := map[probes.State]bool{
		probes.Listen: true, probes.Closed: true, probes.TimeWait: true, probes.Established: true,
	}
	for _, s := range probes.States() {
		open := restless([]sockdiag.Socket{listed("a", flow, s, 0)})
		if (len(open) == 0) != atRest[s] {
			t.Errorf("%s: open %v", s, open)
		}
	}
	got := restless([]sockdiag.Socket{
		listed("a", flow, probes.Established, 7),
		listed("a", other, probes.Established, 0),
		listed("b", flow.Reverse(), probes.LastAck, 1),
		listed("b", other.Reverse(), probes.Listen, 128), // its backlog, not bytes
	})
	want := []OpenSocket{
		{Node: "a", Flow: flow, State: probes.Established, Unacked: 7},
		{Node: "b", Flow: flow.Reverse(), State: probes.LastAck, Unacked: 1},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(sameAddr)); diff != "" {
		t.Errorf("restless (-want +got):\n%s", diff)
	}
}

func sameAddr(a, b netip.AddrPort) bool { return a == b }

func TestUnmet(t *testing.T) {
	wants := func(s probes.State) []Condition { return []Condition{{Node: "a", Flow: flow, State: s}} }
	dead, waiting := listed("a", flow, probes.Closed, 0), listed("a", flow, probes.TimeWait, 0)
	tests := []struct {
		name       string
		conditions []Condition
		sockets    []sockdiag.Socket
		want       []probes.State // found instead
	}{
		{"no condition", nil, []sockdiag.Socket{listed("a", flow, probes.SynSent, 0)}, nil},
		{"holds", wants(probes.CloseWait), []sockdiag.Socket{listed("a", flow, probes.CloseWait, 0)}, nil},
		{"another state", wants(probes.CloseWait), []sockdiag.Socket{listed("a", flow, probes.FinWait1, 0)}, []probes.State{probes.FinWait1}},
		{"another flow", wants(probes.CloseWait), []sockdiag.Socket{listed("a", other, probes.CloseWait, 0)}, []probes.State{probes.Closed}},
		{"another node", wants(probes.CloseWait), []sockdiag.Socket{listed("b", flow, probes.CloseWait, 0)}, []probes.State{probes.Closed}},
		{"the peer's side", wants(probes.CloseWait), []sockdiag.Socket{listed("a", flow.Reverse(), probes.CloseWait, 0)}, []probes.State{probes.Closed}},
		{"in no table is closed", wants(probes.Closed), nil, nil},
		{"dead before its TIME-WAIT", wants(probes.TimeWait), []sockdiag.Socket{dead, waiting}, nil},
		{"dead behind its TIME-WAIT", wants(probes.TimeWait), []sockdiag.Socket{waiting, dead}, nil},
		{"not closed while in TIME-WAIT", wants(probes.Closed), []sockdiag.Socket{dead, waiting}, []probes.State{probes.TimeWait}},
		{"one of two", append(wants(probes.Established), wants(probes.CloseWait)...),
			[]sockdiag.Socket{listed("a", flow, probes.Established, 0)}, []probes.State{probes.Established}},
	}
	for _, tt := range tests {
		var got []probes.State
		for _, o := range unmet(tt.conditions, tt.sockets) {
			got = append(got, o.State)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Agents are handed out from a range, and none beyond it.
func TestGiveAgentsRange(t *testing.T) {
	s := &supervisor{agents: []*agentProcess{{node: "a"}, {node: "b"}}}
	for _, body := range []string{`{"From":-1,"Count":1}`, `{"From":1,"Count":2}`, `{"From":0,"Count":-1}`, `{"From":3}`, `[]`} {
		if _, files, err := s.giveAgents([]byte(body)); err == nil || files != nil {
			t.Errorf("%s: %d files, %v", body, len(files), err)
		}
	}
	if _, files, err := s.giveAgents([]byte(`{"From":1,"Count":1}`)); err != nil || len(files) != 1 {
		t.Errorf("one agent: %d files, %v", len(files), err)
	}
}
