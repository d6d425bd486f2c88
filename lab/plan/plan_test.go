package plan

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/scenarios"
)

var update = flag.Bool("update", false, "write the golden files")

// parse reads a scenario from the lines below its name.
func parse(tb testing.TB, name, body string) *scenarios.Scenario {
	tb.Helper()
	sc, err := scenarios.Parse("test.yaml", []byte("netlab: 1\nname: "+name+"\n"+body))
	if err != nil {
		tb.Fatal(err)
	}
	return sc
}

// made returns the plan of a scenario.
func made(tb testing.TB, body string) *Plan {
	tb.Helper()
	p, err := New(parse(tb, "test", body))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func encoded(tb testing.TB, p *Plan) string {
	tb.Helper()
	var b bytes.Buffer
	if err := p.WriteJSON(&b); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	tests := []struct{ name, body string }{
		{"two", "nodes: {a: {}, b: {}}\nlinks: {wire: [a, b]}\n"},
		{"switch", "nodes: {c: {}, a: {}, b: {}}\nswitches: {lan: {}}\nlinks: {x: [c, lan], y: [lan, a], z: [b, lan]}\n"},
		{"chain", `
nodes: {left: {}, r1: {forwards: true}, r2: {forwards: true}, right: {}, far: {}}
links: {one: {ends: {left: {acks: immediate}, r1: {}}}, two: [r1, r2], three: [r2, right], four: [r2, far]}
`},
		{"shortcut", `
nodes: {a: {}, long1: {forwards: true}, long2: {forwards: true}, short: {forwards: true}, b: {}}
links: {l1: [a, long1], l2: [long1, long2], l3: [long2, b], s1: [a, short], s2: [short, b]}
`},
		{"gated", `
nodes: {a: {}, r: {forwards: true}, b: {}}
switches: {lan: {}}
links:
  plain: [a, lan]
  held: {ends: {r: {rto_min: 2s}, lan: {}}, gate: on}
  worse: {ends: {r: {impair: {delay: 10ms}}, b: {}}, mtu: 9000}
`},
		{"lockstep", "observe: lockstep\nnodes: {a: {}, b: {}}\nlinks: {wire: {ends: {a: {acks: immediate}, b: {rto_min: 5s}}}}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(parse(t, tt.name, tt.body))
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := p.WriteText(&got); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name+".golden", got.Bytes())
			golden(t, tt.name+".json.golden", []byte(encoded(t, p)))
		})
	}
	t.Run("ftp-close", func(t *testing.T) {
		text, err := scenarios.Load("ftp-close")
		if err != nil {
			t.Fatal(err)
		}
		sc, err := scenarios.Parse("ftp-close.yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := New(sc)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := p.WriteText(&got); err != nil {
			t.Fatal(err)
		}
		golden(t, "ftp-close.golden", got.Bytes())
	})
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestAddresses(t *testing.T) {
	const two = "links: {wire: [a, b]}\n"
	tests := []struct {
		name, body string
		want       []string // of all ends, in the order of the file
	}{
		{"both families", "nodes: {a: {}, b: {}}\n" + two,
			[]string{"a 10.77.0.1/24 fd77::1/64", "b 10.77.0.2/24 fd77::2/64"}},
		{"no IPv6", "addressing: {ipv6: none}\nnodes: {a: {}, b: {}}\n" + two,
			[]string{"a 10.77.0.1/24", "b 10.77.0.2/24"}},
		{"no IPv4", "addressing: {ipv4: none}\nnodes: {a: {}, b: {}}\n" + two,
			[]string{"a fd77::1/64", "b fd77::2/64"}},
		{"neither", "addressing: {ipv4: none, ipv6: none}\nnodes: {a: {}, b: {}}\n" + two,
			[]string{"a", "b"}},
		{"explicit only", "nodes: {a: {addresses: [192.0.2.9/24]}, b: {addresses: [192.0.2.1/24]}}\n" + two,
			[]string{"a 192.0.2.9/24", "b 192.0.2.1/24"}},
		{"automatic joins the explicit network", "nodes: {a: {addresses: [192.0.2.1/24]}, b: {}}\n" + two,
			[]string{"a 192.0.2.1/24", "b 192.0.2.2/24 fd77::1/64"}},
		{"both families explicit", `nodes: {a: {addresses: [192.0.2.2/24, "2001:db8::1/64"]}, b: {}}` + "\n" + two,
			[]string{"a 192.0.2.2/24 2001:db8::1/64", "b 192.0.2.1/24 2001:db8::2/64"}},
		{"the explicit network with room", "nodes: {a: {addresses: [192.0.2.1/32, 192.0.2.5/30]}, b: {}}\n" + two,
			[]string{"a 192.0.2.1/32 192.0.2.5/30", "b 192.0.2.6/30 fd77::1/64"}},
		{"explicit point to point", "nodes: {a: {addresses: [192.0.2.1/31]}, b: {}}\n" + two,
			[]string{"a 192.0.2.1/31", "b 192.0.2.0/31 fd77::1/64"}},
		{"a network of the file is not given to another link", `
nodes: {a: {}, b: {}, c: {}, d: {}}
links: {one: [a, b], two: {ends: {c: {addresses: [10.77.0.1/24]}, d: {addresses: [10.77.0.2/24]}}}}
`, []string{"a 10.77.1.1/24 fd77::1/64", "b 10.77.1.2/24 fd77::2/64", "c 10.77.0.1/24", "d 10.77.0.2/24"}},
		{"a larger network of the file is passed over", `
nodes: {a: {}, b: {}, c: {}, d: {}}
links: {one: [a, b], two: {ends: {c: {addresses: [10.77.3.1/20]}, d: {}}}}
`, []string{"a 10.77.16.1/24 fd77::1/64", "b 10.77.16.2/24 fd77::2/64", "c 10.77.3.1/20", "d 10.77.0.1/20 fd77:0:0:1::1/64"}},
		{"a smaller network of the file is passed over", `
nodes: {a: {}, b: {}, c: {}, d: {}}
links: {one: [a, b], two: {ends: {c: {addresses: [10.77.0.129/30]}, d: {}}}}
`, []string{"a 10.77.1.1/24 fd77::1/64", "b 10.77.1.2/24 fd77::2/64", "c 10.77.0.129/30", "d 10.77.0.130/30 fd77:0:0:1::1/64"}},
		{"pools as small as can be", `
addressing: {ipv4: 192.0.2.8/30, ipv6: "fd00::4/126"}
nodes: {a: {}, b: {}}
` + two, []string{"a 192.0.2.9/30 fd00::5/126", "b 192.0.2.10/30 fd00::6/126"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, l := range made(t, tt.body).Links {
				for _, e := range l.Ends {
					got = append(got, e.Node+prefixes(e.Addresses))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoRoom(t *testing.T) {
	const lan = "nodes: {a: {}, b: {}, c: {}}\nswitches: {lan: {}}\nlinks: {x: [a, lan], y: [b, lan], z: [c, lan]}\n"
	tests := []struct{ name, body, want string }{
		{"IPv4", "addressing: {ipv4: 192.0.2.0/30}\n" + lan,
			"addressing: 192.0.2.0/30 has no room for another network of 3 hosts"},
		{"IPv6", "addressing: {ipv6: 'fd00::/126'}\nnodes: {a: {}, b: {}, c: {}}\nlinks: {x: [a, b], y: [b, c]}\n",
			"addressing: fd00::/126 has no room for another network of 2 hosts"},
		{"second link", "addressing: {ipv4: 192.0.2.0/24}\nnodes: {a: {}, b: {}, c: {}}\nlinks: {x: [a, b], y: [b, c]}\n",
			"addressing: 192.0.2.0/24 has no room for another network of 2 hosts"},
		{"end of all addresses", "addressing: {ipv4: 255.255.255.0/24}\nnodes: {a: {}, b: {}, c: {}}\nlinks: {x: [a, b], y: [b, c]}\n",
			"addressing: 255.255.255.0/24 has no room for another network of 2 hosts"},
		{"pool is used up by the file", `
nodes: {a: {}, b: {}, c: {addresses: [10.0.0.1/8]}, d: {addresses: [10.0.0.2/8]}}
links: {x: [a, b], y: [c, d]}
`, "addressing: 10.77.0.0/16 has no room for another network of 2 hosts"},
		{"explicit network is full", "nodes: {a: {addresses: [192.0.2.1/32]}, b: {}}\nlinks: {wire: [a, b]}\n",
			"addressing: 192.0.2.1/32, which the file gives to an end, has no room for 1 automatic addresses"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(parse(t, "test", tt.body))
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if p != nil {
				t.Error("a plan came with the error")
			}
		})
	}
}

// star is a switch with so many nodes.
func star(nodes int) string {
	var names, links strings.Builder
	for i := range nodes {
		fmt.Fprintf(&names, "  n%d: {}\n", i)
		fmt.Fprintf(&links, "  l%d: [n%d, lan]\n", i, i)
	}
	return "nodes:\n" + names.String() + "switches: {lan: {}}\nlinks:\n" + links.String()
}

func TestLargeSwitch(t *testing.T) {
	tests := []struct {
		nodes int
		bits  int // of the IPv4 network
	}{{253, 24}, {254, 24}, {255, 23}, {1000, 22}}
	for _, tt := range tests {
		p := made(t, star(tt.nodes))
		last := p.Links[tt.nodes-1].Ends[0]
		want, _ := netip.AddrFromSlice([]byte{10, 77, byte(tt.nodes >> 8), byte(tt.nodes)})
		if got := last.Addresses[0]; got != netip.PrefixFrom(want, tt.bits) {
			t.Errorf("%d nodes: the last one has %s, want %s/%d", tt.nodes, got, want, tt.bits)
		}
		if got := last.Addresses[1].Bits(); got != 64 {
			t.Errorf("%d nodes: IPv6 network of /%d", tt.nodes, got)
		}
	}
}

// A large network after a small one begins where it is aligned.
func TestAlignment(t *testing.T) {
	p := &pool{all: netip.MustParsePrefix("10.0.0.0/16")}
	var got []string
	for _, hosts := range []int{2, 300, 2, 1000, 2} {
		n, err := p.take(hosts)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n.String())
	}
	want := []string{"10.0.0.0/24", "10.0.2.0/23", "10.0.4.0/24", "10.0.8.0/22", "10.0.12.0/24"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
}

// The language has no pools so small; the arithmetic holds for them too.
func TestSmallPools(t *testing.T) {
	tests := []struct {
		pool  string
		hosts int
		want  []string // nil: no room
	}{
		{"192.0.2.8/29", 6, []string{"192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"}},
		{"192.0.2.8/29", 7, nil},
		{"192.0.2.8/30", 2, []string{"192.0.2.9", "192.0.2.10"}},
		{"192.0.2.8/30", 3, nil},
		{"192.0.2.8/31", 2, []string{"192.0.2.8", "192.0.2.9"}},
		{"192.0.2.8/31", 3, nil},
		{"192.0.2.8/32", 1, []string{"192.0.2.8"}},
		{"192.0.2.8/32", 2, nil},
		{"255.255.255.252/30", 2, []string{"255.255.255.253", "255.255.255.254"}},
		{"255.255.255.252/30", 3, nil},
		{"fd00::4/126", 3, []string{"fd00::5", "fd00::6", "fd00::7"}},
		{"fd00::4/126", 4, nil},
		{"fd00::4/127", 2, []string{"fd00::4", "fd00::5"}},
		{"fd00::4/128", 2, nil},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 2,
			[]string{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}},
	}
	for _, tt := range tests {
		all := netip.MustParsePrefix(tt.pool)
		p := &pool{all: all}
		network, err := p.take(tt.hosts)
		var got []string
		if err == nil {
			for _, a := range free(network, tt.hosts, nil) {
				got = append(got, a.String())
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%d hosts of %s (-want +got):\n%s", tt.hosts, tt.pool, diff)
		}
		if free(all, tt.hosts, nil) == nil == hasRoom(all, tt.hosts) {
			t.Errorf("%d hosts of %s: free and hasRoom do not agree", tt.hosts, tt.pool)
		}
		if _, err := p.take(1); err == nil && tt.want != nil {
			t.Errorf("%s was given out twice", tt.pool)
		}
	}
}

func TestAfter(t *testing.T) {
	tests := []struct{ network, want string }{
		{"10.0.0.0/24", "10.0.1.0"},
		{"10.0.255.0/24", "10.1.0.0"},
		{"10.255.255.255/32", "11.0.0.0"},
		{"10.0.0.4/30", "10.0.0.8"},
		{"127.0.0.0/1", "128.0.0.0"},
		{"255.255.255.0/24", "0.0.0.0"},
		{"0.0.0.0/0", "0.0.0.0"},
		{"fd77::/64", "fd77:0:0:1::"},
		{"fd77:0:0:ffff::/64", "fd77:0:1::"},
		{"fd77::fffe/127", "fd77::1:0"},
		{"ffff::/16", "::"},
	}
	for _, tt := range tests {
		if got := after(netip.MustParsePrefix(tt.network)); got != netip.MustParseAddr(tt.want) {
			t.Errorf("after %s comes %s, want %s", tt.network, got, tt.want)
		}
	}
}

func TestSettings(t *testing.T) {
	const body = `
nodes: {client: {sysctls: {net.ipv4.tcp_fin_timeout: 5}}, server: {}, r: {}}
links:
  both: {ends: {client: {acks: immediate}, server: {acks: immediate}}}
  first: {ends: {client: {acks: immediate}, r: {}}}
  second: {ends: {server: {}, r: {acks: immediate}}}
servers:
  plain: {node: server, ftp: {users: {u: p}, close: at_once, data_close: at_once}}
  ftpd: {node: server, ftp: {port: 2121, users: {u: p}, close: {after_peer: {delay: 60ms}}, data_close: after_peer, idle_timeout: 3s, peer_check: off}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: one, data_close: half_then_drain}
  - ftp.quit: {session: one, close: after_reply}
  - ftp.connect: {node: client, to: ftpd, as: two, data_close: half_then_drain}
  - ftp.quit: {session: two, close: at_once}
`
	want := []Setting{
		{"client.net.ipv4.tcp_fin_timeout", "5"},
		{"both.acks", "immediate"}, {"first.client.acks", "immediate"}, {"second.r.acks", "immediate"},
		{"ftpd.close", "after_peer+60ms"}, {"ftpd.data_close", "after_peer"},
		{"ftpd.idle_timeout", "3s"}, {"ftpd.peer_check", "off"},
		{"ftp.connect.data_close", "half_then_drain"}, {"ftp.quit.close", "after_reply"},
	}
	if diff := cmp.Diff(want, made(t, body).Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestSysctls(t *testing.T) {
	paths := []struct{ name, want string }{
		{"net.ipv4.tcp_fin_timeout", "net/ipv4/tcp_fin_timeout"},
		{"net/ipv4/tcp_fin_timeout", "net/ipv4/tcp_fin_timeout"},
		{"net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
		{"net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
		{"net", "net"},
	}
	for _, tt := range paths {
		if got := sysctlPath(tt.name); got != tt.want {
			t.Errorf("%s is at %s, want %s", tt.name, got, tt.want)
		}
	}
	// The scenario's come last: it has the last word.
	n := made(t, "nodes: {r: {forwards: true, sysctls: {net.ipv4.ip_forward: 0}}}\n").Nodes[0]
	want := []Sysctl{
		{Path: "net/ipv6/conf/default/accept_ra", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/accept_dad", Value: "0", Optional: true},
		{Path: "net/ipv4/ip_forward", Value: "1"},
		{Path: "net/ipv6/conf/all/forwarding", Value: "1", Optional: true},
		{Path: "net/ipv4/ip_forward", Value: "0"},
	}
	if diff := cmp.Diff(want, n.Sysctls); diff != "" {
		t.Errorf("sysctls (-want +got):\n%s", diff)
	}
}

// The same text gives the same plan, in the order of the text.
func TestDeterminism(t *testing.T) {
	body := star(40)
	first := encoded(t, made(t, body))
	for range 5 {
		if again := encoded(t, made(t, body)); again != first {
			t.Fatal("the same scenario gives another plan")
		}
	}
	var p Plan
	if err := json.Unmarshal([]byte(first), &p); err != nil {
		t.Fatal(err)
	}
	if again := encoded(t, &p); again != first {
		t.Errorf("a plan changes when it is read back (-want +got):\n%s", cmp.Diff(first, again))
	}
	order := made(t, "nodes: {z: {}, a: {}, m: {}}\nlinks: {y: [z, m], b: [m, a]}\n")
	got := fmt.Sprint(order.Nodes[0].Name, order.Nodes[1].Name, order.Nodes[2].Name, order.Links[0].Name, order.Links[1].Name)
	if got != "zamyb" {
		t.Errorf("order %s, want that of the file", got)
	}
}

// Names of a node lead to all its addresses.
func TestHosts(t *testing.T) {
	p := made(t, "addressing: {ipv6: none}\nnodes: {a: {names: [www.lab.test]}, b: {}, c: {}}\nlinks: {x: [a, b], y: [c, a]}\n")
	want := []Host{
		{netip.MustParseAddr("10.77.0.1"), []string{"a", "www.lab.test"}},
		{netip.MustParseAddr("10.77.1.2"), []string{"a", "www.lab.test"}},
		{netip.MustParseAddr("10.77.0.2"), []string{"b"}},
		{netip.MustParseAddr("10.77.1.1"), []string{"c"}},
	}
	if diff := cmp.Diff(want, p.Hosts, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

// A process runs only where it has something to do.
func TestProcesses(t *testing.T) {
	p := made(t, `
nodes: {client: {}, router: {forwards: true}, server: {}, idle: {}}
links: {x: [client, router], y: [router, server], z: [idle, router]}
servers: {ftpd: {node: server, ftp: {users: {u: p}, close: after_peer}}}
steps: [ftp.connect: {node: client, to: ftpd, as: c}]
`)
	got := map[string]bool{}
	for _, n := range p.Nodes {
		got[n.Name] = n.Process
	}
	want := map[string]bool{"client": true, "router": false, "server": true, "idle": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
}

// A node is told what its programs are and what they may take.
func TestPrograms(t *testing.T) {
	p := made(t, `
limits: {processes: 7, disk: 5kB}
nodes: {client: {}, server: {}, idle: {}}
links: {x: [client, server], y: [server, idle]}
servers: {s: {node: server, exec: {command: [/opt/b/s, -c, /srv/c, d/e], port: 1}}}
steps:
  - exec: {node: client, command: [cat, /home/a/f], directory: /home/a}
  - exec: {node: client, command: [cat, x]}
`)
	type programs struct {
		Most  int
		Disk  int64
		Named []string
	}
	got := map[string]programs{}
	for _, n := range p.Nodes {
		got[n.Name] = programs{n.Programs, n.Disk, n.Named}
	}
	want := map[string]programs{
		"client": {7, 5000, []string{"/home/a", "/home/a/f", "cat"}},
		"server": {7, 5000, []string{"/opt/b/s", "/srv/c"}},
		"idle":   {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}
