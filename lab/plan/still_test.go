package plan

import (
	"slices"
	"testing"

	"netlab/scenarios"
)

// A lab that is stepped stands still as far as the kernel lets it; what the
// scenario sets stays as it says.
func TestStandStill(t *testing.T) {
	sc, err := scenarios.Parse("x.yaml", []byte(`netlab: 1
name: still
nodes: {client: {sysctls: {net.ipv4.tcp_fin_timeout: "5"}}, server: {}}
links: {wire: [client, server]}
`))
	if err != nil {
		t.Fatal(err)
	}
	stepped, err := sc.ByHand(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		sc   *scenarios.Scenario
		want map[string]string // by node
	}{
		{"stepped", stepped, map[string]string{"client": "5", "server": "7200"}},
		{"not stepped", sc, map[string]string{"client": "5", "server": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(tt.sc)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range p.Nodes {
				got := ""
				for _, s := range n.Sysctls {
					if s.Path == "net/ipv4/tcp_fin_timeout" {
						got += s.Value
					}
				}
				if got != tt.want[n.Name] {
					t.Errorf("%s: tcp_fin_timeout %q, want %q", n.Name, got, tt.want[n.Name])
				}
			}
			if said := slices.Contains(p.Settings, Setting{"stepped", "by hand"}); said != tt.sc.Stepped {
				t.Errorf("the plan says that it is stepped: %v", said)
			}
		})
	}
}
