package lab_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/lab/node"
	"netlab/probes"
	"netlab/scenarios"
)

// What becomes of connecting through a network that steps change. A step of
// ftp.connect is named after how it goes.
const changes = `
netlab: 1
name: changes
nodes: {client: {}, r1: {forwards: true}, r2: {forwards: true}, server: {}}
links: {inside: [client, r1], middle: [r1, r2], outside: [r2, server]}
servers: {ftpd: {node: server, ftp: {anonymous: on}}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: opens-1}
  - link.down: {link: outside}
  - ftp.connect: {node: client, to: ftpd, as: network-is-unreachable}
  - link.up: {link: outside}
  - ftp.connect: {node: client, to: ftpd, as: opens-2}
  - firewall.reject: {node: r1, path: forward, protocol: tcp, to: server}
  - ftp.connect: {node: client, to: ftpd, as: connection-refused}
  - firewall.accept: {node: r1, path: forward, protocol: tcp, ports: "21"}
  - ftp.connect: {node: client, to: ftpd, as: opens-3}
  - firewall.drop: {node: r1, link: middle, flags: [SYN], flags_unset: [ACK]}
  - ftp.connect: {node: client, to: ftpd, as: no-answer}
  - firewall.clear: {node: r1}
  - ftp.connect: {node: client, to: ftpd, as: opens-4}
  - sysctl: {node: client, name: net.ipv4.tcp_syn_retries, value: "1"}
  - route: {node: client, network: 0.0.0.0/0, refuse: unreachable}
  - ftp.connect: {node: client, to: ftpd, as: no-route-to-host}
  - route: {node: client, network: 0.0.0.0/0, via: 10.77.0.2, mtu: 1400}
  - link.down: {link: inside}
  - link.up: {link: inside}
  - ftp.connect: {node: client, to: ftpd, as: opens-5}
  - route: {node: r2, network: 10.77.2.0/24, via: 10.77.1.1}
  - ftp.connect: {node: client, to: ftpd, as: no-route-to-host-2}
`

func TestChanges(t *testing.T) {
	l, sc, rec, closeLab := up(t, changes)
	if err := l.StartServer(t.Context(), node.ServeRequest{Server: sc.Servers[0]}, nil); err != nil {
		t.Fatal(err)
	}
	addr, _ := l.AddrOf("server", scenarios.IPv4)
	for _, s := range sc.Steps {
		if s.OfNetwork() {
			if err := l.Change(t.Context(), s); err != nil {
				t.Fatalf("step %d, %s: %v", s.Index, s.Verb, err)
			}
			continue
		}
		name := strings.TrimRight(s.FTPConnect.As, "-0123456789")
		r := node.StepRequest{Step: s, Target: netip.AddrPortFrom(addr, 21), Timeout: 5 * time.Second}
		if name == "no-answer" {
			r.Timeout = 300 * time.Millisecond
		}
		got, err := l.Step(t.Context(), "client", r)
		if err != nil {
			t.Fatalf("%s: %v", s.FTPConnect.As, err)
		}
		want := strings.ReplaceAll(name, "-", " ")
		if name == "opens" && got.Error != "" || name != "opens" && !strings.Contains(got.Error, want) {
			t.Errorf("%s: error %q", s.FTPConnect.As, got.Error)
		}
	}
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeLab()
	// The last SYN went around until its time to live was over, and was seen
	// everywhere on its way.
	seen := map[string]int{}
	var last probes.Flow
	for _, e := range rec.events {
		if e.Kind == probes.KindSegment && e.Node == "client" && e.Segment.Flags == probes.SYN {
			last = e.Flow
		}
	}
	for _, e := range rec.events {
		if e.Kind == probes.KindSegment && (e.Flow == last || e.Flow == last.Reverse()) {
			seen[e.Segment.Link]++
		}
	}
	const aroundTheLoop = 62 // 64, less the hops before and the last, at each of two taps
	if seen["middle"] < aroundTheLoop || seen["inside"] == 0 || seen["outside"] != 0 {
		t.Errorf("in a loop a SYN was seen %v times", seen)
	}
}

// What cannot be changed is said, and what was stays.
func TestWrongChanges(t *testing.T) {
	l, sc, _, _ := up(t, `
netlab: 1
name: wrong
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
steps:
  - sysctl: {node: client, name: net.ipv4.tcp_no_such_setting, value: "1"}
  - sysctl: {node: client, name: net.ipv4.tcp_fin_timeout, value: many}
  - route: {node: client, network: 10.99.0.0/16, via: 192.0.2.1}
  - route: {node: client, network: 10.99.0.0/16, refuse: delete}
`)
	want := []string{"ENOENT", "EINVAL", "ENETUNREACH", "there is none"}
	for i, s := range sc.Steps {
		err := l.Change(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), want[i]) || !strings.Contains(err.Error(), `"client"`) {
			t.Errorf("%s: got %v, want %s", s.Verb, err, want[i])
		}
	}
}

// An entry of the router's tracker tells how a connection is called on either
// side.
func TestTrackerOfRouter(t *testing.T) {
	l, sc, rec, closeLab := up(t, strings.Replace(strings.Replace(twoNodes,
		"nodes: {client: {}, server: {}}", "nodes: {client: {}, router: {forwards: true, nat: {masquerade: outside}}, server: {}}", 1),
		"links: {wire: [client, server]}", "links: {inside: [client, router], outside: [router, server]}", 1))
	status := map[probes.Source]probes.ProbeStatus{}
	for _, p := range l.Probes() {
		status[p.Source] = p
	}
	if p, ok := status[probes.Conntrack]; !ok || p.Missing() {
		t.Fatalf("conntrack: %+v", p)
	}
	if err := l.StartServer(t.Context(), node.ServeRequest{Server: sc.Servers[0]}, nil); err != nil {
		t.Fatal(err)
	}
	addr, _ := l.AddrOf("server", scenarios.IPv4)
	got, err := l.Step(t.Context(), "client", node.StepRequest{Step: sc.Steps[0], Target: netip.AddrPortFrom(addr, 21), Timeout: 5 * time.Second})
	if err != nil || got.Error != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeLab()
	established := 0
	for _, e := range rec.events {
		if e.Kind != probes.KindTrack {
			continue
		}
		inside, outside := e.Flow.Local.Addr().String(), e.Track.Reply.Remote.Addr().String()
		if e.Node != "router" || inside != "10.77.0.1" || outside != "10.77.1.1" || e.Track.Reply.Local != e.Flow.Remote {
			t.Errorf("entry %+v of %+v", e.Track, e.Flow)
		}
		if e.Track.State == "ESTABLISHED" {
			established++
		}
	}
	if established != 1 {
		t.Errorf("%d entries became ESTABLISHED, want 1", established)
	}
}

// A lab without such a router has no such probe, and says nothing of it.
func TestNoTrackerWithoutRouter(t *testing.T) {
	l, _, _, _ := up(t, twoNodes)
	for _, p := range l.Probes() {
		if p.Source == probes.Conntrack {
			t.Errorf("%+v", p)
		}
	}
}
