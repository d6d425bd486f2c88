package link_test

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"netlab/lab/link"
	"netlab/lab/link/linktest"
	"netlab/lab/netns"
	"netlab/lab/plan"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inside gives fn a netlink handle of a namespace.
func inside(t *testing.T, ns *netns.NS, fn func(*netlink.Handle) error) {
	t.Helper()
	if err := ns.Do(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		return fn(h)
	}); err != nil {
		t.Fatal(err)
	}
}

// An iface is what is read back of an interface.
type iface struct {
	Name, MAC  string
	Index, MTU int
	State      string
	TxQueues   int
	Addresses  []string
	Flags      []int // IFA_F_*, of each address
}

func readIface(h *netlink.Handle, name string) (iface, error) {
	l, err := h.LinkByName(name)
	if err != nil {
		return iface{}, err
	}
	a := l.Attrs()
	got := iface{
		Name: a.Name, MAC: a.HardwareAddr.String(), Index: a.Index, MTU: a.MTU,
		State: a.OperState.String(), TxQueues: a.NumTxQueues,
	}
	addrs, err := h.AddrList(l, netlink.FAMILY_ALL)
	for _, a := range addrs {
		got.Addresses = append(got.Addresses, a.IPNet.String())
		got.Flags = append(got.Flags, a.Flags)
	}
	return got, err
}

func TestInterfacesAreAsPlanned(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server")
	w.Link("wire", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.End("server", "10.77.0.2/24", "fd77::2/64"))
	w.Plan.Links[0].MTU = 1400
	w.Plan.Links[0].Ends[0].Index = 17
	l := up(t, &w.Plan)
	const permanent = unix.IFA_F_PERMANENT
	for node, want := range map[string]iface{
		"client": {
			Name: "eth0", MAC: "02:77:00:00:00:01", Index: 17, MTU: 1400, State: "up", TxQueues: 1,
			Addresses: []string{"10.77.0.1/24", "fd77::1/64", "fe80::77:ff:fe00:1/64"},
			Flags:     []int{permanent, permanent | unix.IFA_F_NODAD, permanent | unix.IFA_F_NODAD},
		},
		"server": {
			Name: "eth0", MAC: "02:77:00:00:00:02", Index: 2, MTU: 1400, State: "up", TxQueues: 1,
			Addresses: []string{"10.77.0.2/24", "fd77::2/64", "fe80::77:ff:fe00:2/64"},
			Flags:     []int{permanent, permanent | unix.IFA_F_NODAD, permanent | unix.IFA_F_NODAD},
		},
	} {
		inside(t, l[node], func(h *netlink.Handle) error {
			got, err := readIface(h, "eth0")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("eth0 of %s (-want +got):\n%s", node, diff)
			}
			return err
		})
	}
}

func TestSwitchIsQuiet(t *testing.T) {
	l := up(t, linktest.Star(2))
	inside(t, l["s0"], func(h *netlink.Handle) error {
		for _, name := range []string{link.Bridge, "port0", "port1"} {
			got, err := readIface(h, name)
			if err != nil {
				return err
			}
			if len(got.Addresses) > 0 {
				t.Errorf("%s has addresses %v", name, got.Addresses)
			}
		}
		return nil
	})
}

func TestSettingsComeBeforeLinks(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server")
	w.Link("wire", w.End("client", "10.77.0.1/24"), w.End("server", "10.77.0.2/24"))
	w.Plan.Nodes[0].Sysctls = []plan.Sysctl{
		{Path: "net/ipv4/tcp_fin_timeout", Value: "7"},
		{Path: "net/ipv4/conf/default/rp_filter", Value: "2"}, // interfaces inherit it when they are made
		{Path: "net/ipv4/not_in_this_kernel", Value: "1", Optional: true},
	}
	l := up(t, &w.Plan)
	for file, want := range map[string]string{
		"/proc/sys/net/ipv4/tcp_fin_timeout":     "7",
		"/proc/sys/net/ipv4/conf/eth0/rp_filter": "2",
	} {
		var got []byte
		if err := l["client"].Do(func() (err error) {
			got, err = os.ReadFile(file)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(got)) != want {
			t.Errorf("%s is %q, want %s", file, got, want)
		}
	}
}

// readRoutes returns "destination quickack" of the unicast routes of a node.
func readRoutes(h *netlink.Handle) ([]string, error) {
	var all []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := h.RouteList(nil, family)
		if err != nil {
			return nil, err
		}
		for _, r := range routes {
			if r.Type != unix.RTN_UNICAST || r.Dst.IP.IsMulticast() || r.Dst.IP.IsLinkLocalUnicast() {
				continue
			}
			text := r.Dst.String()
			if r.QuickACK != 0 {
				text += " quickack"
			}
			all = append(all, text)
		}
	}
	slices.Sort(all)
	return all, nil
}

func TestQuickAck(t *testing.T) {
	var w linktest.Wiring
	w.Nodes("client", "server")
	w.Link("wire", w.End("client", "10.77.0.1/24", "fd77::1/64"), w.End("server", "10.77.0.2/24", "fd77::2/64"))
	w.Plan.Links[0].Ends[0].QuickAck = true
	for i := range w.Plan.Nodes {
		w.Plan.Nodes[i].Routes = []plan.Route{
			{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.77.0.9"), Interface: "eth0", QuickAck: i == 0},
			{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fd77::9"), Interface: "eth0", QuickAck: i == 0},
		}
	}
	l := up(t, &w.Plan)
	for node, want := range map[string][]string{
		"client": {"0.0.0.0/0 quickack", "10.77.0.0/24 quickack", "::/0 quickack", "fd77::/64 quickack"},
		"server": {"0.0.0.0/0", "10.77.0.0/24", "::/0", "fd77::/64"},
	} {
		inside(t, l[node], func(h *netlink.Handle) error {
			got, err := readRoutes(h)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("routes of %s (-want +got):\n%s", node, diff)
			}
			return err
		})
	}
	l.mustConnect(t, "client", "server", "10.77.0.2", "fd77::2")
}

// Names that no machine has let the test ignore what others do to the
// namespace that it shares with them.
func TestNothingAppearsInOwnNamespace(t *testing.T) {
	p := linktest.Star(2)
	ours := map[string]bool{link.Bridge: true}
	for i := range p.Links {
		for j := range p.Links[i].Ends {
			e := &p.Links[i].Ends[j]
			e.Interface = "nlab-" + e.Interface
			ours[e.Interface] = true
		}
	}
	p.Nodes[0].Routes, p.Nodes[1].Routes = nil, nil
	updates, done := make(chan netlink.LinkUpdate, 1000), make(chan struct{})
	if err := netlink.LinkSubscribe(updates, done); err != nil {
		t.Fatal(err)
	}
	up(t, p)
	// The answer to a question comes after all notifications before it.
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if ours[l.Name] {
			t.Errorf("%s is in the caller's namespace", l.Name)
		}
	}
	close(done)
	for u := range updates {
		if ours[u.Attrs().Name] {
			t.Errorf("%s was in the caller's namespace", u.Attrs().Name)
		}
	}
}
