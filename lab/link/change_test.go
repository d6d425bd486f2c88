package link_test

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"netlab/lab/link"
	"netlab/lab/link/linktest"
	"netlab/lab/plan"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// state is all that a link may lose when it is down.
func (l lab) state(t *testing.T, node string) []string {
	t.Helper()
	var all []string
	inside(t, l[node], func(h *netlink.Handle) error {
		got, err := readIface(h, "eth0")
		if err != nil {
			return err
		}
		all, err = readRoutes(h)
		all = append(append(all, got.State), got.Addresses...)
		return err
	})
	return all
}

func TestLinkDownAndUp(t *testing.T) {
	var direct linktest.Wiring
	direct.Nodes("h0", "h1")
	a, b := direct.End("h0", "10.77.0.1/16", "fd77::1/64"), direct.End("h1", "10.77.0.2/16", "fd77::2/64")
	a.QuickAck = true
	direct.Link("l0", a, b)
	direct.Plan.Nodes[0].Routes = []plan.Route{
		{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.77.0.2"), Interface: "eth0", QuickAck: true},
		{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fd77::2"), Interface: "eth0"},
	}
	for name, p := range map[string]*plan.Plan{"direct": &direct.Plan, "switch": linktest.Star(2)} {
		t.Run(name, func(t *testing.T) {
			l := up(t, p)
			before := l.state(t, "h0")
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			for range 2 { // the second time around, and what is down already
				if err := link.Down(ctx, p, "l0", l.find); err != nil {
					t.Fatal(err)
				}
				if err := link.Down(ctx, p, "l0", l.find); err != nil {
					t.Fatal(err)
				}
				if down := strings.Join(l.state(t, "h0"), " "); strings.Contains(down, "up") || strings.Contains(down, "0.0.0.0/0") {
					t.Errorf("down: %s", down)
				}
				for range 2 { // and what is up already
					if err := link.Up(ctx, p, "l0", l.find); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(before, l.state(t, "h0")); diff != "" {
						t.Errorf("up again (-want +got):\n%s", diff)
					}
				}
				l.mustConnect(t, "h0", "h1", "10.77.0.2", "fd77::2")
			}
		})
	}
}

func TestChangeUnknownLink(t *testing.T) {
	p := linktest.Star(1)
	l := up(t, p)
	if err := link.Down(t.Context(), p, "nowhere", l.find); err == nil || !strings.Contains(err.Error(), `link "nowhere"`) {
		t.Errorf("got %v", err)
	}
}

func TestSet(t *testing.T) {
	p := linktest.Star(1)
	l := up(t, p)
	if err := link.Set(l["h0"], "h0", plan.Sysctl{Path: "net/ipv4/tcp_fin_timeout", Value: "7"}); err != nil {
		t.Fatal(err)
	}
	var got []byte
	if err := l["h0"].Do(func() (err error) {
		got, err = os.ReadFile("/proc/sys/net/ipv4/tcp_fin_timeout")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(got)) != "7" {
		t.Errorf("it is %s", got)
	}
	for _, path := range []string{"kernel/panic", "net/../kernel/panic", "net/ipv4/none"} {
		if err := link.Set(l["h0"], "h0", plan.Sysctl{Path: path, Value: "0"}); err == nil {
			t.Errorf("%s was written", path)
		}
	}
}

// readKinds returns "kind destination gateway mtu" of a node's routes in the
// main table, but those that every node has.
func readKinds(h *netlink.Handle) ([]string, error) {
	kinds := map[int]string{unix.RTN_UNICAST: "via", unix.RTN_BLACKHOLE: "blackhole", unix.RTN_UNREACHABLE: "unreachable"}
	var all []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := h.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		if err != nil {
			return nil, err
		}
		for _, r := range routes {
			if r.Dst.IP.IsLinkLocalUnicast() {
				continue
			}
			text := kinds[r.Type] + " " + r.Dst.String()
			if r.Gw != nil {
				text += " " + r.Gw.String()
			}
			if r.MTU != 0 {
				text += " mtu"
			}
			if r.QuickACK != 0 {
				text += " quickack"
			}
			all = append(all, text)
		}
	}
	return all, nil
}

func TestSetRoute(t *testing.T) {
	const v4, v6 = "via 10.77.0.0/16", "via fd77::/64"
	type ask struct {
		to, via string
		how     scenarios.Refusal
		mtu     int
	}
	tests := []struct {
		name string
		asks []ask
		want []string // beside those to its own networks, except where these are changed
	}{
		{"via", []ask{{"10.78.0.0/16", "10.77.0.9", "", 0}, {"fd78::/64", "fd77::9", "", 0}},
			[]string{"via 10.78.0.0/16 10.77.0.9", "via fd78::/64 fd77::9", v4, v6}},
		{"replace", []ask{{"10.78.0.0/16", "10.77.0.9", "", 0}, {"10.78.0.0/16", "10.77.0.8", "", 1400}, {"fd78::/64", "fd77::9", "", 0}, {"fd78::/64", "fd77::8", "", 1400}},
			[]string{"via 10.78.0.0/16 10.77.0.8 mtu", "via fd78::/64 fd77::8 mtu", v4, v6}},
		{"refuse", []ask{{"10.78.0.0/16", "10.77.0.9", "", 0}, {"10.78.0.0/16", "", scenarios.Blackhole, 0}, {"fd78::/64", "fd77::9", "", 0}, {"fd78::/64", "", scenarios.Unreachable, 0}},
			[]string{"blackhole 10.78.0.0/16", "unreachable fd78::/64", v4, v6}},
		{"and back", []ask{{"10.78.0.0/16", "", scenarios.Blackhole, 0}, {"10.78.0.0/16", "10.77.0.9", "", 0}, {"fd78::/64", "", scenarios.Unreachable, 0}, {"fd78::/64", "fd77::9", "", 0}},
			[]string{"via 10.78.0.0/16 10.77.0.9", "via fd78::/64 fd77::9", v4, v6}},
		{"delete", []ask{{"10.78.0.0/16", "10.77.0.9", "", 0}, {"10.78.0.0/16", "", scenarios.NoRoute, 0}, {"fd78::/64", "", scenarios.Unreachable, 0}, {"fd78::/64", "", scenarios.NoRoute, 0}},
			[]string{v4, v6}},
		{"own network", []ask{{"10.77.0.0/16", "", scenarios.Blackhole, 0}, {"fd77::/64", "", scenarios.Blackhole, 0}},
			[]string{"blackhole 10.77.0.0/16", "blackhole fd77::/64"}},
		{"default", []ask{{"0.0.0.0/0", "", scenarios.Unreachable, 0}, {"::/0", "fd77::9", "", 0}},
			[]string{"unreachable 0.0.0.0/0", "via ::/0 fd77::9", v4, v6}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := linktest.Star(1)
			p.Nodes[0].Routes = nil
			l := up(t, p)
			for _, a := range tt.asks {
				step := scenarios.RouteStep{Node: "h0", Network: scenarios.Network{Prefix: netip.MustParsePrefix(a.to)}, Refuse: a.how, MTU: a.mtu}
				if a.via != "" {
					step.Via.Addr = netip.MustParseAddr(a.via)
				}
				if err := link.SetRoute(t.Context(), p, l["h0"], "h0", p.ChangeRoute(step), a.how); err != nil {
					t.Fatal(err)
				}
			}
			inside(t, l["h0"], func(h *netlink.Handle) error {
				got, err := readKinds(h)
				if diff := cmp.Diff(asSet(tt.want), asSet(got)); diff != "" {
					t.Errorf("routes (-want +got):\n%s", diff)
				}
				return err
			})
		})
	}
}

func asSet(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

func TestRouteRefused(t *testing.T) {
	p := linktest.Star(1)
	l := up(t, p)
	for name, step := range map[string]scenarios.RouteStep{
		"gateway elsewhere": {Node: "h0", Network: scenarios.Network{Prefix: netip.MustParsePrefix("10.78.0.0/16")}, Via: scenarios.Address{Addr: netip.MustParseAddr("192.0.2.1")}},
		"nothing to delete": {Node: "h0", Network: scenarios.Network{Prefix: netip.MustParsePrefix("10.78.0.0/16")}, Refuse: scenarios.NoRoute},
	} {
		p.Nodes[0].Routes = nil
		err := link.SetRoute(t.Context(), p, l["h0"], "h0", p.ChangeRoute(step), step.Refuse)
		if err == nil || !strings.HasPrefix(err.Error(), `"h0": `) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}
