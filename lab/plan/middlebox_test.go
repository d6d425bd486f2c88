package plan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/scenarios"
)

const behindRouter = `
nodes:
  client: {}
  router:
    forwards: true
    nat: {masquerade: wan, ftp_helper: on}
    firewall:
      - drop: {path: forward, link: lan, ports: 6000-6063, to: server}
      - reject: {path: in, protocol: tcp, flags: [SYN], flags_unset: [ACK], with: tcp_reset}
      - accept: {from: client, from_ports: 7}
  server: {}
  far: {}
  core: {forwards: true}
links: {lan: [client, router], wan: [router, server], trunk: [server, core], end: [core, far], up: [router, core]}
`

func TestMiddleboxGolden(t *testing.T) {
	p, err := New(parse(t, "nat", behindRouter))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := p.WriteText(&got); err != nil {
		t.Fatal(err)
	}
	golden(t, "nat.golden", got.Bytes())
	golden(t, "nat.json.golden", []byte(encoded(t, p)))
}

// Whoever is outside has no route to what is behind, whoever is inside has one
// to everything.
func TestNoRouteToWhatIsHidden(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		// A chain of routers, with a host at each; one of them translates
		// towards its right-hand neighbour.
		n := 2 + r.IntN(5)
		at := r.IntN(n - 1)
		nodes, links := "", ""
		for i := range n {
			nat := ""
			if i == at {
				nat = fmt.Sprintf(", nat: {masquerade: b%d}", i)
			}
			nodes += fmt.Sprintf("  r%d: {forwards: true%s}\n  h%d: {}\n", i, nat, i)
			links += fmt.Sprintf("  a%d: [r%d, h%d]\n", i, i, i)
			if i < n-1 {
				links += fmt.Sprintf("  b%d: [r%d, r%d]\n", i, i, i+1)
			}
		}
		p := made(t, "nodes:\n"+nodes+"links:\n"+links)
		soundRoutes(t, p)
		for from := range n {
			for to := range n {
				name := fmt.Sprintf("h%d", from)
				if hidden := from > at && to <= at; !hidden {
					for _, a := range p.AddressesOf(fmt.Sprintf("h%d", to)) {
						follow(t, p, name, a)
					}
				} else if a := p.AddressesOf(fmt.Sprintf("h%d", to))[0]; reaches(p, name, a) {
					t.Errorf("%s has a way to %s, which is hidden by r%d", name, a, at)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, nodes+links)
		}
	}
}

// reaches follows the routes from a node, as far as they go.
func reaches(p *Plan, from string, to netip.Addr) bool {
	owner := map[netip.Addr]string{}
	for _, l := range p.Links {
		for _, e := range l.Ends {
			for _, a := range e.Addresses {
				owner[a.Addr()] = e.Node
			}
		}
	}
	at := from
next:
	for range p.Nodes {
		if at == owner[to] {
			return true
		}
		for _, r := range p.NodeOf(at).Routes {
			if r.To.Contains(to) {
				at = owner[r.Via]
				continue next
			}
		}
		return false
	}
	return false
}

func TestRules(t *testing.T) {
	p := made(t, "nodes: {a: {forwards: true}, b: {}, alone: {}}\nlinks: {wire: [a, b]}\n")
	tests := []struct {
		name  string
		do    Action
		match scenarios.Match
		want  string
	}{
		{"everything", Drop, scenarios.Match{}, "drop"},
		{"flags make it TCP", Drop, scenarios.Match{Flags: []scenarios.TCPFlag{"FIN", "ACK"}}, "drop tcp flags FIN,ACK"},
		{"ends", Accept, scenarios.Match{Path: scenarios.PathForward, From: "b", To: "a"}, "accept forward from 10.77.0.2,fd77::2 to 10.77.0.1,fd77::1"},
		{"link", Drop, scenarios.Match{Link: "wire", Path: scenarios.PathIn}, "drop in dev eth0"},
		{"ports", Reject, scenarios.Match{Protocol: scenarios.UDP, Ports: scenarios.PortRange{Low: 5, High: 9}, FromPort: scenarios.PortRange{Low: 7, High: 7}, With: scenarios.RejectHost},
			"reject udp ports 5-9 from_ports 7 with host_unreachable"},
		{"only rejecting tells", Drop, scenarios.Match{With: scenarios.RejectHost}, "drop"},
		{"nobody", Drop, scenarios.Match{From: "alone"}, ""},
		{"to nobody", Drop, scenarios.Match{To: "alone"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := p.Rules("a", tt.do, tt.match)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, r := range rules {
				texts = append(texts, r.String())
			}
			if got := strings.Join(texts, "; "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if _, err := p.Rules("alone", Drop, scenarios.Match{Link: "wire"}); err == nil {
		t.Error("a rule about a link that the node does not have was taken")
	}
}

func TestChangeRoute(t *testing.T) {
	p := made(t, "nodes: {a: {}, r: {forwards: true}, b: {}}\nlinks: {x: {ends: {a: {acks: immediate}, r: {}}}, y: [r, b]}\n")
	step := func(to, via string) scenarios.RouteStep {
		s := scenarios.RouteStep{Node: "a", Network: scenarios.Network{Prefix: netip.MustParsePrefix(to)}}
		if via != "" {
			s.Via.Addr = netip.MustParseAddr(via)
		}
		return s
	}
	routes := func() (list []string) {
		for _, r := range p.NodeOf("a").Routes {
			list = append(list, fmt.Sprintf("%s via %s dev %s%s", r.To, r.Via, r.Interface, timersText(r.QuickAck, 0)))
		}
		return list
	}
	before := []string{"0.0.0.0/0 via 10.77.0.2 dev eth0 quickack", "::/0 via fd77::2 dev eth0 quickack"}
	if diff := cmp.Diff(before, routes()); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	p.ChangeRoute(step("0.0.0.0/0", "10.77.0.9"))
	p.ChangeRoute(step("10.99.0.0/16", "192.0.2.1"))
	p.ChangeRoute(step("::/0", ""))
	after := []string{"0.0.0.0/0 via 10.77.0.9 dev eth0 quickack", "10.99.0.0/16 via 192.0.2.1 dev "}
	if diff := cmp.Diff(after, routes()); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
}
