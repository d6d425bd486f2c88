package filter_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"netlab/lab/filter"
	"netlab/lab/link"
	"netlab/lab/link/linktest"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// A lab is client - router - server, in both families.
type lab map[string]*netns.NS

const (
	client4, router4, server4 = "10.77.0.1", "10.77.1.1", "10.77.1.2"
	client6, router6, server6 = "fd77::1", "fd77:0:0:1::1", "fd77:0:0:1::2"
)

// built builds the lab, with the router's NAT. The server has routes to the
// client if it is told to.
func built(t *testing.T, routes bool) lab {
	t.Helper()
	netnstest.Require(t, "netns", netns.Supported())
	var w linktest.Wiring
	w.Nodes("client", "router", "server")
	w.Link("inside", w.End("client", client4+"/24", client6+"/64"), w.End("router", "10.77.0.2/24", "fd77::2/64"))
	w.Link("outside", w.End("router", router4+"/24", router6+"/64"), w.End("server", server4+"/24", server6+"/64"))
	nodes := w.Plan.Nodes
	nodes[1].Sysctls = append(nodes[1].Sysctls, plan.Sysctl{Path: "net/ipv4/ip_forward", Value: "1"}, plan.Sysctl{Path: "net/ipv6/conf/all/forwarding", Value: "1"})
	defaults := func(n *plan.Node, via4, via6 string) {
		n.Routes = []plan.Route{
			{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr(via4), Interface: "eth0"},
			{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr(via6), Interface: "eth0"},
		}
	}
	defaults(&nodes[0], "10.77.0.2", "fd77::2")
	if routes {
		defaults(&nodes[2], router4, router6)
	}
	l := lab{}
	for _, n := range nodes {
		ns, err := netns.New()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ns.Close() })
		l[n.Name] = ns
	}
	if err := link.Build(t.Context(), &w.Plan, func(name string) *netns.NS { return l[name] }); err != nil {
		t.Fatal(err)
	}
	return l
}

// listen listens at a node and port; every peer's address comes out.
func (l lab) listen(t *testing.T, node string, port int) <-chan netip.Addr {
	t.Helper()
	var listener net.Listener
	if err := l[node].Do(func() (err error) {
		listener, err = net.Listen("tcp", fmt.Sprintf("[::]:%d", port))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	peers := make(chan netip.Addr, 16)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			select {
			case peers <- conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap():
			default: // nobody asks
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return peers
}

// How long nothing must come for it to be taken as dropped, and how long to
// wait for what must come. The kernel does not tell a program of an ICMPv6
// error that comes while connect(2) still sends the SYN, but of that for the
// next one, a second later (tcp_v6_err in net/ipv6/tcp_ipv6.c).
const (
	silence  = 400 * time.Millisecond
	patience = 5 * time.Second
)

// connect connects from a node to port 80, and compares how it went: "",
// "timeout" or an errno.
func (l lab) connect(t *testing.T, node, host, want string) {
	t.Helper()
	limit := patience
	if want == "timeout" {
		limit = silence
	}
	if got := l.dial(t, node, host, 80, limit); got != want {
		t.Errorf("from %s to %s: %q, want %q", node, host, got, want)
	}
}

func (l lab) dial(t *testing.T, node, host string, port int, limit time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := l[node].Do(func() error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if err == nil {
			conn.Close()
		}
		return err
	})
	var errno unix.Errno
	switch {
	case err == nil:
		return ""
	case os.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func TestMasquerade(t *testing.T) {
	l := built(t, false)
	if err := filter.Apply(l["router"], &plan.Node{NAT: &plan.NAT{Interface: "eth1"}}); err != nil {
		t.Fatal(err)
	}
	peers := l.listen(t, "server", 80)
	for server, router := range map[string]string{server4: router4, server6: router6} {
		l.connect(t, "client", server, "")
		if t.Failed() {
			return
		}
		if got := <-peers; got != netip.MustParseAddr(router) {
			t.Errorf("the server sees %s, want %s", got, router)
		}
	}
	l.listen(t, "client", 80)
	for _, client := range []string{client4, client6} {
		l.connect(t, "server", client, "ENETUNREACH")
	}
}

// What nobody inside asked for does not come in, even from one who has a route.
func TestNothingNewFromOutside(t *testing.T) {
	l := built(t, true)
	l.listen(t, "client", 80)
	l.connect(t, "server", client4, "")
	if err := filter.Apply(l["router"], &plan.Node{NAT: &plan.NAT{Interface: "eth1"}}); err != nil {
		t.Fatal(err)
	}
	for _, client := range []string{client4, client6} {
		l.connect(t, "server", client, "timeout")
	}
	open := plan.Rule{Do: plan.Accept, Path: scenarios.PathForward, Protocol: scenarios.TCP, Ports: scenarios.PortRange{Low: 80, High: 80}}
	if err := filter.Add(l["router"], []plan.Rule{open}); err != nil {
		t.Fatal(err)
	}
	l.connect(t, "server", client4, "")
}

func TestRulesOnTraffic(t *testing.T) {
	type ports = scenarios.PortRange
	tcp, all := scenarios.TCP, scenarios.PathAny
	tests := []struct {
		name   string
		node   string
		rule   plan.Rule
		v4, v6 string // how connecting from client to server's port 80 goes
	}{
		{"drop in", "server", plan.Rule{Do: plan.Drop, Path: scenarios.PathIn, Protocol: tcp}, "timeout", "timeout"},
		{"drop everything", "server", plan.Rule{Do: plan.Drop, Path: all}, "timeout", "timeout"},
		{"drop forward", "router", plan.Rule{Do: plan.Drop, Path: scenarios.PathForward, Protocol: tcp}, "timeout", "timeout"},
		{"drop out", "client", plan.Rule{Do: plan.Drop, Path: scenarios.PathOut, Protocol: tcp}, "timeout", "timeout"},
		{"in is not forward", "router", plan.Rule{Do: plan.Drop, Path: scenarios.PathIn}, "", ""},
		{"by the link", "router", plan.Rule{Do: plan.Drop, Path: all, Interface: "eth1"}, "timeout", "timeout"},
		{"by another link", "router", plan.Rule{Do: plan.Drop, Path: all, Interface: "eth7"}, "", ""},
		{"this port", "router", plan.Rule{Do: plan.Drop, Path: all, Ports: ports{Low: 80, High: 80}}, "timeout", "timeout"},
		{"a range", "router", plan.Rule{Do: plan.Drop, Path: all, Protocol: tcp, Ports: ports{Low: 79, High: 81}}, "timeout", "timeout"},
		{"another port", "router", plan.Rule{Do: plan.Drop, Path: all, Ports: ports{Low: 81, High: 99}}, "", ""},
		{"answers by source port", "server", plan.Rule{Do: plan.Drop, Path: scenarios.PathOut, FromPorts: ports{Low: 80, High: 80}}, "timeout", "timeout"},
		{"UDP only", "server", plan.Rule{Do: plan.Drop, Path: all, Protocol: scenarios.UDP}, "", ""},
		{"ICMP leaves neighbours alone", "server", plan.Rule{Do: plan.Drop, Path: all, Protocol: scenarios.ICMP}, "", ""},
		{"from the client, IPv4", "router", plan.Rule{Do: plan.Drop, Path: all, From: addrs(client4)}, "timeout", ""},
		{"from the client, IPv6", "router", plan.Rule{Do: plan.Drop, Path: all, From: addrs(client6)}, "", "timeout"},
		{"from one of several", "router", plan.Rule{Do: plan.Drop, Path: all, From: addrs("192.0.2.1", client4, client6)}, "timeout", "timeout"},
		{"to the client", "router", plan.Rule{Do: plan.Drop, Path: all, To: addrs(client4, client6)}, "timeout", "timeout"},
		{"from others", "router", plan.Rule{Do: plan.Drop, Path: all, From: addrs("192.0.2.1", "2001:db8::1")}, "", ""},
		{"SYN without ACK", "router", plan.Rule{Do: plan.Drop, Path: all, Protocol: tcp, Flags: []scenarios.TCPFlag{"SYN"}, Unset: []scenarios.TCPFlag{"ACK"}}, "timeout", "timeout"},
		{"SYN and FIN", "router", plan.Rule{Do: plan.Drop, Path: all, Protocol: tcp, Flags: []scenarios.TCPFlag{"SYN", "FIN"}}, "", ""},
		{"reject", "server", plan.Rule{Do: plan.Reject, Path: scenarios.PathIn}, "ECONNREFUSED", "ECONNREFUSED"},
		{"reject forward", "router", plan.Rule{Do: plan.Reject, Path: scenarios.PathForward, Protocol: tcp}, "ECONNREFUSED", "ECONNREFUSED"},
		{"reject out", "client", plan.Rule{Do: plan.Reject, Path: scenarios.PathOut, Protocol: tcp}, "ECONNREFUSED", "ECONNREFUSED"},
		{"port unreachable", "router", plan.Rule{Do: plan.Reject, Path: scenarios.PathForward, With: scenarios.RejectPort}, "ECONNREFUSED", "ECONNREFUSED"},
		{"host unreachable", "router", plan.Rule{Do: plan.Reject, Path: scenarios.PathForward, With: scenarios.RejectHost}, "EHOSTUNREACH", "EHOSTUNREACH"},
		{"prohibited", "router", plan.Rule{Do: plan.Reject, Path: scenarios.PathForward, With: scenarios.RejectProhibited}, "EHOSTUNREACH", "EACCES"},
	}
	l := built(t, true)
	l.listen(t, "server", 80)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := filter.Add(l[tt.node], []plan.Rule{tt.rule}); err != nil {
				t.Fatal(err)
			}
			l.connect(t, "client", server4, tt.v4)
			l.connect(t, "client", server6, tt.v6)
			if err := filter.Clear(l[tt.node]); err != nil {
				t.Fatal(err)
			}
			l.connect(t, "client", server4, "")
		})
	}
}

// The first rule that matches counts, and a step's comes first.
func TestOrder(t *testing.T) {
	l := built(t, true)
	l.listen(t, "server", 80)
	rule := func(do plan.Action) plan.Rule {
		return plan.Rule{Do: do, Path: scenarios.PathIn, Protocol: scenarios.TCP}
	}
	if err := filter.Apply(l["server"], &plan.Node{Firewall: []plan.Rule{rule(plan.Reject), rule(plan.Accept)}}); err != nil {
		t.Fatal(err)
	}
	l.connect(t, "client", server4, "ECONNREFUSED")
	for do, want := range map[plan.Action]string{plan.Accept: "", plan.Drop: "timeout"} {
		if err := filter.Add(l["server"], []plan.Rule{rule(do)}); err != nil {
			t.Fatal(err)
		}
		l.connect(t, "client", server4, want)
	}
	if err := filter.Clear(l["server"]); err != nil {
		t.Fatal(err)
	}
	l.connect(t, "client", server4, "ECONNREFUSED")
}
