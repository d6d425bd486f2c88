package link_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"netlab/lab/link"
	"netlab/lab/link/linktest"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// gated is two nodes with a gate between them, with both families.
func gated() *plan.Plan {
	var w linktest.Wiring
	w.Nodes("client", "server")
	w.Link("wire", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.End("server", "10.77.0.2/24", "fd77::2/64"))
	w.Plan.Links[0].Gate = &plan.Gate{Name: "gate:wire", Needed: true, Ports: [2]plan.GatePort{
		{Interface: "port0", Index: 2, MAC: "02:77:00:00:01:11"}, {Interface: "port1", Index: 3, MAC: "02:77:00:00:01:12"},
	}}
	return &w.Plan
}

// A gate is two veth pairs and a namespace: both ports are up when Build
// returns, nothing is between them, and nothing has an address.
func TestGateIsTwoPairs(t *testing.T) {
	p := gated()
	p.Links[0].MTU = 9000
	l := up(t, p)
	inside(t, l["gate:wire"], func(h *netlink.Handle) error {
		links, err := h.LinkList()
		if err != nil {
			return err
		}
		var names []string
		for _, x := range links {
			names = append(names, fmt.Sprintf("%s %s %d peer %d", x.Attrs().Name, x.Type(), x.Attrs().Index, x.Attrs().ParentIndex))
		}
		slices.Sort(names)
		want := []string{"lo device 1 peer 0", "port0 veth 2 peer 2", "port1 veth 3 peer 2"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("interfaces of the gate (-want +got):\n%s", diff)
		}
		for i, at := range p.Links[0].Gate.Ports {
			got, err := readIface(h, at.Interface)
			if err != nil {
				return err
			}
			want := iface{Name: at.Interface, MAC: at.MAC, Index: at.Index, MTU: 9000, State: "up", TxQueues: 1}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("port %d (-want +got):\n%s", i, diff)
			}
		}
		routes, err := readRoutes(h)
		if len(routes) > 0 {
			t.Errorf("the gate has routes %v", routes)
		}
		return err
	})
	for _, node := range []string{"client", "server"} {
		inside(t, l[node], func(h *netlink.Handle) error {
			got, err := readIface(h, "eth0")
			if got.State != "up" || got.MTU != 9000 || len(got.Addresses) != 3 {
				t.Errorf("eth0 of %s is %+v", node, got)
			}
			return err
		})
	}
}

// speaksFor is longer than a host waits before it tells of its multicast
// groups (RFC 3810 section 9.11), or solicits routers, when it comes up.
const speaksFor = 1500 * time.Millisecond

// Whatever comes up speaks IPv6 unasked, and so do the nodes; the gate's
// kernel does not.
func TestGateIsQuiet(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("down and up %v", again), func(t *testing.T) {
			p := gated()
			l := spaces(t, p)
			fd := -1
			if err := l["gate:wire"].Do(func() (err error) {
				const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
				fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Close(fd) })
			if err := link.Build(t.Context(), p, l.find); err != nil {
				t.Fatal(err)
			}
			if again {
				if err := errors.Join(link.Down(t.Context(), p, "wire", l.find), link.Up(t.Context(), p, "wire", l.find)); err != nil {
					t.Fatal(err)
				}
			}
			own, others := frames(t, fd, time.Now().Add(speaksFor))
			if own > 0 {
				t.Errorf("%d frames come from the gate's own kernel", own)
			}
			if others == 0 {
				t.Error("not even the nodes spoke: nothing was seen")
			}
		})
	}
}

// frames counts what a socket sees of its namespace until then: what its own
// kernel sends, and what comes from elsewhere.
func frames(t *testing.T, fd int, until time.Time) (own, others int) {
	t.Helper()
	buf := make([]byte, 1<<16)
	for left := time.Until(until); left > 0; left = time.Until(until) {
		tv := unix.NsecToTimeval(int64(max(left, time.Microsecond)))
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			t.Fatal(err)
		}
		_, from, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			continue // that nothing comes is what is waited for
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype == unix.PACKET_OUTGOING {
			own++
		} else {
			others++
		}
	}
	return own, others
}

// timers lists a node's unicast routes with what they say of timers.
func timers(h *netlink.Handle) ([]string, error) {
	var all []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := h.RouteList(nil, family)
		if err != nil {
			return nil, err
		}
		for _, r := range routes {
			if r.Type != unix.RTN_UNICAST || r.Dst.IP.IsMulticast() {
				continue
			}
			all = append(all, fmt.Sprintf("%s dev %d quickack %d rto_min %d lock %v", r.Dst, r.LinkIndex, r.QuickACK, r.RtoMin, r.RtoMinLock))
		}
	}
	slices.Sort(all)
	return all, nil
}

// TestTimersOfRoutes reads back the least time before a segment is sent again,
// which the kernel heeds only where it is locked, and that segments are
// acknowledged at once: of connected routes and of others, at both ends of a
// router, after the link was down, too.
func TestTimersOfRoutes(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "router", "server")
	w.Link("near", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.End("router", "10.77.0.2/24", "fd77::2/64"))
	w.Link("far", w.End("router", "10.77.1.1/24", "fd77:0:0:1::1/64"), w.End("server", "10.77.1.2/24", "fd77:0:0:1::2/64"))
	w.Plan.Nodes[0].Routes = []plan.Route{
		{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.77.0.2"), Interface: "eth0", QuickAck: true, RTOMin: 10 * time.Second},
		{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fd77::2"), Interface: "eth0", RTOMin: 2 * time.Minute},
	}
	near, far := &w.Plan.Links[0], &w.Plan.Links[1]
	near.Ends[0].QuickAck, near.Ends[0].RTOMin = true, time.Millisecond
	near.Ends[1].RTOMin = 10 * time.Second
	far.Ends[0].QuickAck, far.Ends[0].RTOMin = true, 3*time.Second
	want := map[string][]string{
		"client": {
			"0.0.0.0/0 dev 2 quickack 1 rto_min 10000 lock true",
			"10.77.0.0/24 dev 2 quickack 1 rto_min 1 lock true",
			"::/0 dev 2 quickack 0 rto_min 120000 lock true",
			"fd77::/64 dev 2 quickack 1 rto_min 1 lock true",
			"fe80::/64 dev 2 quickack 1 rto_min 1 lock true",
		},
		"router": {
			"10.77.0.0/24 dev 2 quickack 0 rto_min 10000 lock true",
			"10.77.1.0/24 dev 3 quickack 1 rto_min 3000 lock true",
			"fd77:0:0:1::/64 dev 3 quickack 1 rto_min 3000 lock true",
			"fd77::/64 dev 2 quickack 0 rto_min 10000 lock true",
			"fe80::/64 dev 2 quickack 0 rto_min 10000 lock true",
			"fe80::/64 dev 3 quickack 1 rto_min 3000 lock true",
		},
		"server": {
			"10.77.1.0/24 dev 2 quickack 0 rto_min 0 lock false",
			"fd77:0:0:1::/64 dev 2 quickack 0 rto_min 0 lock false",
			"fe80::/64 dev 2 quickack 0 rto_min 0 lock false",
		},
	}
	l := up(t, &w.Plan)
	for _, when := range []string{"built", "down and up"} {
		for node, want := range want {
			inside(t, l[node], func(h *netlink.Handle) error {
				got, err := timers(h)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: routes of %s (-want +got):\n%s", when, node, diff)
				}
				return err
			})
		}
		l.mustConnect(t, "client", "router", "10.77.0.2", "fd77::2")
		l.mustConnect(t, "server", "router", "10.77.1.1", "fd77:0:0:1::1")
		for _, name := range []string{"near", "far"} {
			if err := errors.Join(link.Down(t.Context(), &w.Plan, name, l.find), link.Up(t.Context(), &w.Plan, name, l.find)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// An end may have several addresses of one network, and two ends may be on
// one: each route is there once for an end.
func TestTimersOfSeveralAddresses(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server")
	for i, name := range []string{"one", "other"} {
		v4 := []string{fmt.Sprintf("10.77.0.%d/24", 1+10*i), fmt.Sprintf("10.77.0.%d/24", 2+10*i), fmt.Sprintf("fd77::%d/64", 1+10*i), fmt.Sprintf("fd77::%d/64", 2+10*i)}
		w.Link(name, w.End("client", v4...), w.End("server"))
		w.Plan.Links[i].Ends[0].RTOMin = time.Second
	}
	l := up(t, &w.Plan)
	inside(t, l["client"], func(h *netlink.Handle) error {
		got, err := timers(h)
		seen := map[string]int{}
		for _, r := range got {
			seen[r]++
		}
		want := map[string]int{
			// IPv4 has one for each address, as they differ in what they make the source.
			"10.77.0.0/24 dev 2 quickack 0 rto_min 1000 lock true": 2, "10.77.0.0/24 dev 3 quickack 0 rto_min 1000 lock true": 2,
			"fd77::/64 dev 2 quickack 0 rto_min 1000 lock true": 1, "fd77::/64 dev 3 quickack 0 rto_min 1000 lock true": 1,
			"fe80::/64 dev 2 quickack 0 rto_min 1000 lock true": 1, "fe80::/64 dev 3 quickack 0 rto_min 1000 lock true": 1,
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("routes (-want +got):\n%s", diff)
		}
		return err
	})
}

// Where the kernel has no netem, to impair with it fails, and the error names
// link and end; where it has, it is there at the port towards the receiver.
func TestImpair(t *testing.T) {
	netnstest.Require(t, "netns", netns.Supported())
	p := gated()
	g := p.Links[0].Gate
	g.Needed, g.Netem = false, true
	g.Impair[0] = &scenarios.Impair{Delay: scenarios.Duration{Duration: 20 * time.Millisecond}, Queue: 1000}
	l := up(t, p)
	err := link.Impair(l[g.Name], &p.Links[0])
	if !link.HasNetem(l[g.Name]) {
		var refused *link.Error
		if !errors.As(err, &refused) || refused.Link != "wire" || refused.End != "client" {
			t.Errorf("without netem: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if took := connect(t, l["client"], l["server"], netip.MustParseAddr("10.77.0.2")); took < 20*time.Millisecond {
		t.Errorf("connecting took %v", took)
	}
}
