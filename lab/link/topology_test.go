package link_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"testing"

	"netlab/lab/link"
	"netlab/lab/link/linktest"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"
)

// chain is client - r1 - r2 - r3 - server, with both families.
func chain() *plan.Plan {
	var w linktest.Wiring
	names := []string{"client", "r1", "r2", "r3", "server"}
	w.Nodes(names...)
	for i := range len(names) - 1 {
		left := []string{fmt.Sprintf("10.77.%d.1/24", i), fmt.Sprintf("fd77:0:0:%d::1/64", i)}
		right := []string{fmt.Sprintf("10.77.%d.2/24", i), fmt.Sprintf("fd77:0:0:%d::2/64", i)}
		w.Link(fmt.Sprintf("hop%d", i), w.End(names[i], left...), w.End(names[i+1], right...))
	}
	nodes := w.Plan.Nodes
	for i := range nodes {
		if i > 0 && i < len(nodes)-1 {
			nodes[i].Forwards = true
			nodes[i].Sysctls = append(nodes[i].Sysctls,
				plan.Sysctl{Path: "net/ipv4/ip_forward", Value: "1"},
				plan.Sysctl{Path: "net/ipv6/conf/all/forwarding", Value: "1"})
		}
		// Everything to the right by the right-hand neighbour, and the other way.
		for hop := range len(nodes) - 1 {
			switch {
			case hop > i:
				route(&nodes[i], hop, i, 2, eth(i > 0))
			case hop < i-1:
				route(&nodes[i], hop, i-1, 1, "eth0")
			}
		}
	}
	return &w.Plan
}

// eth is the interface to the right: the second one, if there is one to the
// left.
func eth(second bool) string {
	if second {
		return "eth1"
	}
	return "eth0"
}

// route leads a node to a hop of the chain, by the host at the end of another.
func route(n *plan.Node, to, by, host int, dev string) {
	n.Routes = append(n.Routes,
		plan.Route{
			To:        netip.MustParsePrefix(fmt.Sprintf("10.77.%d.0/24", to)),
			Via:       netip.MustParseAddr(fmt.Sprintf("10.77.%d.%d", by, host)),
			Interface: dev,
		},
		plan.Route{
			To:        netip.MustParsePrefix(fmt.Sprintf("fd77:0:0:%d::/64", to)),
			Via:       netip.MustParseAddr(fmt.Sprintf("fd77:0:0:%d::%d", by, host)),
			Interface: dev,
		})
}

func TestTwoNodesDirectly(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server")
	w.Link("wire", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.End("server", "10.77.0.2/24", "fd77::2/64"))
	up(t, &w.Plan).mustConnect(t, "client", "server", "10.77.0.2", "fd77::2")
}

func TestNodesOnASwitch(t *testing.T) {
	l := up(t, linktest.Star(3))
	for from := range 3 {
		for to := range 3 {
			if from != to {
				v4, v6 := linktest.Addresses(to)
				l.mustConnect(t, fmt.Sprintf("h%d", from), fmt.Sprintf("h%d", to), v4.Addr().String(), v6.Addr().String())
			}
		}
	}
}

func TestSwitchesJoined(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server").Switches("left", "right")
	w.Link("a", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.Port("left"))
	w.Link("trunk", w.Port("left"), w.Port("right"))
	w.Link("b", w.Port("right"), w.End("server", "10.77.0.2/24", "fd77::2/64"))
	up(t, &w.Plan).mustConnect(t, "client", "server", "10.77.0.2", "fd77::2")
}

// A switch with STP says so, and has the shortest times that the kernel takes.
func TestSpanningTree(t *testing.T) {
	netnstest.Require(t, "iproute2", lookPath("ip"))
	var w linktest.Wiring
	w.Nodes("client").Switches("lan", "plain")
	w.Link("a", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.Port("lan"))
	w.Plan.Switches[0].STP = true
	l := up(t, &w.Plan)
	for name, want := range map[string]bridgeInfo{"lan": {1, 200, 100}, "plain": {0, 0, 100}} {
		var out []byte
		if err := l.find(name).Do(func() (err error) {
			out, err = exec.Command("ip", "-j", "-d", "link", "show", link.Bridge).Output()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		var links []struct {
			Info struct {
				Data bridgeInfo `json:"info_data"`
			} `json:"linkinfo"`
		}
		if err := json.Unmarshal(out, &links); err != nil || len(links) != 1 || links[0].Info.Data != want {
			t.Errorf("%s: %+v, %v; want %+v", name, links, err, want)
		}
	}
}

// A bridgeInfo is what ip(8) says of a bridge; times are in hundredths of a
// second.
type bridgeInfo struct {
	State   int `json:"stp_state"`
	Forward int `json:"forward_delay"`
	Hello   int `json:"hello_time"`
}

func lookPath(program string) error {
	_, err := exec.LookPath(program)
	return err
}

// Routers solicit IPv6 neighbours from link-local addresses only.
func TestRouterChain(t *testing.T) {
	l := up(t, chain())
	l.mustConnect(t, "client", "server", "10.77.3.2", "fd77:0:0:3::2")
	l.mustConnect(t, "server", "client", "10.77.0.1", "fd77::1")
}

func TestSmallMTUWithoutIPv6(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server")
	w.Link("wire", w.End("client", "10.77.0.1/24"), w.End("server", "10.77.0.2/24"))
	w.Plan.Links[0].MTU = 576 // too small for IPv6, which must not be missed
	up(t, &w.Plan).mustConnect(t, "client", "server", "10.77.0.2")
}

func TestNodeWithoutLinks(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("alone")
	up(t, &w.Plan).mustConnect(t, "alone", "alone", "127.0.0.1", "::1")
}

// A first packet that is lost shows as a connection that takes a second. It
// was seen once in 40 labs when nothing waited for readiness.
func TestFortyLabsConnectAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("builds 40 labs")
	}
	for i := range 40 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if i%2 == 0 {
				var w linktest.Wiring
				w.Nodes("h0", "h1")
				v0, w0 := linktest.Addresses(0)
				v1, w1 := linktest.Addresses(1)
				w.Link("wire", w.End("h0", v0.String(), w0.String()), w.End("h1", v1.String(), w1.String()))
				up(t, &w.Plan).mustConnect(t, "h0", "h1", w1.Addr().String(), v1.Addr().String())
				return
			}
			v4, v6 := linktest.Addresses(1)
			first, second := v4, v6
			if i%4 == 1 {
				first, second = v6, v4
			}
			up(t, linktest.Star(2)).mustConnect(t, "h0", "h1", first.Addr().String(), second.Addr().String())
		})
	}
}

func TestHundredNodesConnectAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("builds 100 nodes")
	}
	const n = 100
	l := up(t, linktest.Star(n))
	for i := range 10 {
		v4, v6 := linktest.Addresses(n - 1 - i)
		first := v4
		if i%2 == 0 {
			first = v6
		}
		l.mustConnect(t, fmt.Sprintf("h%d", i), fmt.Sprintf("h%d", n-1-i), first.Addr().String())
	}
}
