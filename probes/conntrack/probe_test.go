package conntrack_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"netlab/lab/filter"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"
	"netlab/probes"
	"netlab/probes/conntrack"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	netns.LockMain()
	os.Exit(m.Run())
}

// tracked makes a namespace whose tracker is at work: some rule needs it. (It
// must not be one that translates what goes over lo, which has no address that
// could stand for others.)
func tracked(t *testing.T) *netns.NS {
	t.Helper()
	ns := netnstest.New(t)
	if err := filter.Apply(ns, &plan.Node{NAT: &plan.NAT{Interface: "eth9"}}); err != nil {
		t.Fatal(err)
	}
	return ns
}

// A record collects events.
type record struct {
	mu     sync.Mutex
	events []probes.Event
}

func (r *record) emit(e probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// running starts a probe; the function it returns ends it.
func running(t *testing.T, ns *netns.NS) (*record, func()) {
	t.Helper()
	p, err := conntrack.New(conntrack.Config{Places: []probes.Place{{Node: "router", Cookie: ns.Cookie(), NS: ns}}})
	if err != nil {
		t.Fatal(err)
	}
	r := &record{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, r.emit) }()
	<-p.Ready()
	return r, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// visit connects over the namespace's loopback and closes, the client first.
func visit(t *testing.T, ns *netns.NS, host string, port uint16) (client netip.AddrPort) {
	t.Helper()
	at := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), port))
	var listener *net.TCPListener
	if err := ns.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", at)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var conn *net.TCPConn
	if err := ns.Do(func() (err error) {
		conn, err = net.DialTCP("tcp", nil, at)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, peer); err != nil {
		t.Fatal(err)
	}
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatal(err)
	}
	return conn.LocalAddr().(*net.TCPAddr).AddrPort()
}

func TestOneConnection(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			ns := tracked(t)
			r, stop := running(t, ns)
			defer stop()
			client := visit(t, ns, host, 7)
			stop()
			flow := probes.Flow{Local: client, Remote: netip.AddrPortFrom(netip.MustParseAddr(host), 7)}
			var got []string
			for i, e := range r.events {
				got = append(got, e.Track.Change+" "+e.Track.State)
				if e.Kind != probes.KindTrack || e.Grade != probes.Recorded || e.Source != probes.Conntrack ||
					e.Node != "router" || e.Sock.NetNS != ns.Cookie() || e.Time == 0 || i > 0 && e.Time < r.events[i-1].Time {
					t.Errorf("event %+v", e)
				}
				if e.Flow != flow || e.Track.Reply != flow.Reverse() || e.Track.ID != r.events[0].Track.ID {
					t.Errorf("%+v of %+v, want %+v", e.Track, e.Flow, flow)
				}
			}
			want := []string{"new SYN_SENT", "update SYN_RECV", "update ESTABLISHED", "update FIN_WAIT", "update CLOSE_WAIT", "update LAST_ACK", "update TIME_WAIT"}
			if len(got) == len(want)-1 { // the ACK of the first FIN came with the second
				want = slices.Delete(want, 4, 5)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// A namespace without rules that ask for it tracks nothing.
func TestWithoutTracker(t *testing.T) {
	ns := netnstest.New(t)
	r, stop := running(t, ns)
	defer stop()
	visit(t, ns, "127.0.0.1", 7)
	stop()
	if len(r.events) > 0 {
		t.Errorf("got %v", r.events)
	}
}

// What the kernel could not tell is a loss, not silence.
func TestOverrun(t *testing.T) {
	ns := tracked(t)
	p, err := conntrack.New(conntrack.Config{Places: []probes.Place{{Node: "router", NS: ns}}})
	if err != nil {
		t.Fatal(err)
	}
	conntrack.Shrink(p, 4096)
	for port := range uint16(40) {
		visit(t, ns, "127.0.0.1", 1000+port)
	}
	r := &record{}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Run(ctx, r.emit); err != nil {
		t.Fatal(err)
	}
	losses := 0
	for _, e := range r.events {
		if e.Kind == probes.KindLoss && e.Node == "router" {
			losses++
		}
	}
	if losses != 1 {
		t.Errorf("%d losses among %d events, want 1", losses, len(r.events))
	}
}

// Nobody is kept waiting where there is nothing to see, and what is closed
// without having run leaves nothing.
func TestCloseWithoutRun(t *testing.T) {
	p, err := conntrack.New(conntrack.Config{Places: []probes.Place{{Node: "router", NS: netnstest.New(t)}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// refusing is a namespace that one may not make sockets in.
type refusing struct{}

func (refusing) Do(func() error) error { return unix.EPERM }

func TestUnavailable(t *testing.T) {
	_, err := conntrack.New(conntrack.Config{Places: []probes.Place{{Node: "router", NS: refusing{}}}})
	if u, ok := errors.AsType[*probes.Unavailable](err); !ok || u.Source != probes.Conntrack || u.Remedy == "" {
		t.Errorf("got %v", err)
	}
}
