package socket_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/workload"
	"netlab/lab/workload/socket"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// do runs fn in a namespace.
func do(t *testing.T, ns *netns.NS, fn func() error) {
	t.Helper()
	if err := ns.Do(fn); err != nil {
		t.Fatal(err)
	}
}

// sysctl sets a setting of the namespace.
func sysctl(t *testing.T, ns *netns.NS, path, value string) {
	t.Helper()
	do(t, ns, func() error { return os.WriteFile("/proc/sys/net/"+path, []byte(value), 0) })
}

// With a cookie of the listener's, connect returns before anything is sent, and
// the SYN leaves with the first data (RFC 7413).
func TestFastOpen(t *testing.T) {
	ns, w := netnstest.New(t), &witness{}
	sysctl(t, ns, "ipv4/tcp_fastopen", "3")
	var l *socket.TCPListener
	do(t, ns, func() (err error) {
		l, err = socket.ListenTCP(w.Caller("listener"), 80, 5, socket.Options{FastOpen: new(true)})
		return err
	})
	t.Cleanup(func() { l.Close(context.Background(), workload.Close{}) })
	for i, early := range []string{"", "early\n"} { // the first connection gets the cookie
		name := fmt.Sprint("client", i)
		var c *socket.TCPClient
		do(t, ns, func() (err error) {
			c, err = socket.NewTCP(w.Caller(name), netip.MustParseAddr("127.0.0.1"), socket.Dial{Options: socket.Options{FastOpen: new(true)}})
			return err
		})
		if err := c.Connect(t.Context(), netip.MustParseAddrPort("127.0.0.1:80")); err != nil {
			t.Fatal(err)
		}
		if early != "" {
			moved(t, "send", int64(len(early)), "")(c.Send(t.Context(), strings.NewReader(early)))
		}
		s, err := l.Accept(t.Context(), w.Caller("server"), socket.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if early != "" {
			moved(t, "receive", int64(len(early)), early)(s.ReceiveLine(t.Context()))
		}
		if err := errors.Join(c.Close(t.Context(), workload.Close{}), s.Close(t.Context(), workload.Close{})); err != nil {
			t.Error(err)
		}
	}
	if got := counter(t, ns, "TcpExt", "TCPFastOpenPassive"); got != "1" {
		t.Errorf("%s connections began with data in the SYN, want 1", got)
	}
	if diff := cmp.Diff([]string{"option TCP_FASTOPEN 4096", "bind", "listen backlog 5"}, w.calls("listener")); diff != "" {
		t.Errorf("listener (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"option TCP_FASTOPEN_CONNECT on", "connect", "send", "close"}, w.calls("client1")); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
}

// counter returns a counter of /proc/net/netstat in a namespace.
func counter(t *testing.T, ns *netns.NS, group, name string) string {
	t.Helper()
	var table []byte
	do(t, ns, func() (err error) {
		table, err = os.ReadFile("/proc/thread-self/net/netstat")
		return err
	})
	var names []string
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != group+":" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i := range names {
			if names[i] == name {
				return fields[i]
			}
		}
	}
	t.Fatalf("no counter %s", name)
	return ""
}

// A side is a namespace at one end of a wire.
type side struct {
	ns   *netns.NS
	addr netip.Addr
	mac  net.HardwareAddr
}

// wire joins two namespaces whose kernels do not answer ARP, so that what they
// send waits with them until they are told the other's address.
func wire(t *testing.T) [2]side {
	t.Helper()
	var sides [2]side
	for i := range sides {
		sides[i].ns = netnstest.New(t)
		sides[i].addr = netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)})
		sysctl(t, sides[i].ns, "ipv4/conf/all/arp_ignore", "8")
	}
	do(t, sides[0].ns, func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(sides[1].ns.FD()),
		})
	})
	for i := range sides {
		do(t, sides[i].ns, func() error {
			link, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			sides[i].mac = link.Attrs().HardwareAddr
			address := &netlink.Addr{IPNet: &net.IPNet{IP: sides[i].addr.AsSlice(), Mask: net.CIDRMask(24, 32)}}
			return errors.Join(netlink.AddrAdd(link, address), netlink.LinkSetUp(link))
		})
		// A connect must not fail before the test has come to its turn.
		sysctl(t, sides[i].ns, "ipv4/neigh/eth0/mcast_solicit", "60")
	}
	return sides
}

// meet tells a side the other's address: what waits goes on.
func (s side) meet(t *testing.T, other side) {
	t.Helper()
	do(t, s.ns, func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.NeighSet(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: other.addr.AsSlice(), HardwareAddr: other.mac,
		})
	})
}

// waiting returns when a side has a connect under way, by the kernel's table.
func (s side) waiting(t *testing.T) {
	t.Helper()
	for {
		var sockets []*netlink.InetDiagTCPInfoResp
		do(t, s.ns, func() (err error) {
			sockets, err = netlink.SocketDiagTCPInfo(unix.AF_INET)
			return err
		})
		for _, found := range sockets {
			if found.InetDiagMsg.State == netlink.TCP_SYN_SENT {
				return
			}
		}
		if err := context.Cause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Two bound sockets that connect to each other before either has heard of the
// other make one connection (RFC 9293 section 3.5, figure 7).
func TestSimultaneousConnect(t *testing.T) {
	sides, w := wire(t), &witness{}
	const port = 5000
	var ends [2]*socket.TCPClient
	done := make(chan error, len(sides))
	for i, s := range sides {
		isn := uint32(1000 * (i + 1))
		do(t, s.ns, func() (err error) {
			ends[i], err = socket.NewTCP(w.Caller(fmt.Sprint("end", i)), s.addr, socket.Dial{FromPort: port, ISN: &isn})
			return err
		})
		target := netip.AddrPortFrom(sides[1-i].addr, port)
		go func() { done <- ends[i].Connect(t.Context(), target) }()
		s.waiting(t)
	}
	sides[0].meet(t, sides[1]) // its SYN meets a socket in SYN-SENT
	sides[1].meet(t, sides[0])
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	for i := range ends {
		moved(t, "send", 3, "")(ends[i].Send(t.Context(), strings.NewReader("hi\n")))
		moved(t, "receive", 3, "hi\n")(ends[1-i].ReceiveLine(t.Context()))
	}
	var closing = make(chan error, len(ends))
	for i := range ends {
		go func() { closing <- ends[i].Close(t.Context(), workload.Close{Style: workload.HalfThenDrain}) }()
	}
	if err := errors.Join(<-closing, <-closing); err != nil {
		t.Error(err)
	}
	for i := range ends {
		// No listener, and an opening without SYN,ACK first: by nothing but connect.
		if got := w.calls(fmt.Sprint("end", i)); got[4] != "bind" || got[5] != "connect" || len(got) < 7 {
			t.Errorf("calls %q", got)
		}
	}
}

// Where the kernel does not let the sequence number be chosen, the step says
// which call was refused, and nothing is left.
func TestISNRefused(t *testing.T) {
	ns, w := netnstest.New(t), &witness{}
	do(t, ns, func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err := unix.Capget(&header, &data[0]); err != nil {
			return err
		}
		data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
		if err := unix.Capset(&header, &data[0]); err != nil {
			return err
		}
		_, err := socket.NewTCP(w.Caller("client"), netip.MustParseAddr("127.0.0.1"), socket.Dial{ISN: new(uint32(1000))})
		if want := "choose initial sequence number 1000: set TCP_REPAIR on: EPERM (operation not permitted)"; fmt.Sprint(err) != want {
			return fmt.Errorf("%v, want %s", err, want)
		}
		return nil
	})
	if diff := cmp.Diff([]string{"option TCP_REPAIR on EPERM", "close"}, w.calls("client")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
