package plan

import (
	"testing"

	"netlab/scenarios"
)

func TestResolvers(t *testing.T) {
	const lab = "nodes: {a: {}, b: {}, c: {}}\nlinks: {one: [a, b], two: [b, c]}\n"
	tests := []struct{ name, addressing, want string }{
		{"both families", "", "10.77.0.2"},
		{"IPv6 only", "addressing: {ipv4: none}\n", "fd77::2"},
	}
	for _, tt := range tests {
		sc := parse(t, "test", tt.addressing+lab)
		sc.Servers = []scenarios.Server{
			{Name: "other", Node: "c", DNS: &scenarios.DNSServer{Port: 53}},
			{Name: "names", Node: "b", DNS: &scenarios.DNSServer{Port: 53}},
		}
		sc.Nodes[0].Resolver = "names"
		p, err := New(sc)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Nodes[0].Resolver.String(); got != tt.want {
			t.Errorf("%s: a asks %s, want %s", tt.name, got, tt.want)
		}
		if got := p.Nodes[1].Resolver; got.IsValid() {
			t.Errorf("%s: b asks %s, want nobody", tt.name, got)
		}
	}
}
