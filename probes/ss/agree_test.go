package ss_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/probes/sockdiag"
	"netlab/probes/ss"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// patience bounds what these tests wait for; it is never waited out.
const patience = 10 * time.Second

// listen makes a listener inside the place, with a TCP option if not 0.
func listen(t *testing.T, at probes.Place, addr string, option int) *net.TCPListener {
	t.Helper()
	var l *net.TCPListener
	err := at.NS.Do(func() (err error) {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			return err
		}
		family, sa := unix.AF_INET, unix.Sockaddr(nil)
		if v4 := a.IP.To4(); v4 != nil {
			sa = &unix.SockaddrInet4{Addr: [4]byte(v4)}
		} else {
			family, sa = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte(a.IP.To16())}
		}
		l, err = rawListen(family, sa, option)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// rawListen makes the listener by hand: net.Listen would make an MPTCP one.
func rawListen(family int, sa unix.Sockaddr, option int) (*net.TCPListener, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	if option != 0 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, 30); err != nil {
			return nil, err
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, 5); err != nil {
		return nil, err
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// dial connects inside the place.
func dial(t *testing.T, at probes.Place, l *net.TCPListener, host string) *net.TCPConn {
	t.Helper()
	var conn net.Conn
	err := at.NS.Do(func() (err error) {
		conn, err = net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(l.Addr().(*net.TCPAddr).Port)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func accept(t *testing.T, l *net.TCPListener) *net.TCPConn {
	t.Helper()
	conn, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// line is what both probes must say alike of a socket. Timers run meanwhile.
func line(e probes.Event) string {
	s := e.Sample
	return fmt.Sprintf("%d/%d %s %s %s > %s queues=%d,%d timer=%s inode=%d",
		e.Sock.NetNS, e.Sock.Cookie, e.New, s.Object, e.Flow.Local, e.Flow.Remote, s.RQueue, s.WQueue, s.Timer, s.Inode)
}

// TestAgree makes sockets of every lasting kind and has both probes look.
func TestAgree(t *testing.T) {
	ns := netnstest.New(t)
	at := probes.Place{Node: "node", Cookie: ns.Cookie(), NS: ns}
	text, err := ss.New(ss.Config{Places: []probes.Place{at}})
	netnstest.Require(t, "ss", err)
	diag, err := sockdiag.New(sockdiag.Config{Places: []probes.Place{at}})
	netnstest.Require(t, "sockdiag", err)
	defer diag.Close()

	l4, l6, lany := listen(t, at, "127.0.0.1:0", 0), listen(t, at, "[::1]:0", 0), listen(t, at, "[::]:0", 0)
	deferring := listen(t, at, "127.0.0.1:0", unix.TCP_DEFER_ACCEPT)
	dial(t, at, deferring, "127.0.0.1") // a request socket
	dial(t, at, l4, "127.0.0.1")        // not accepted
	dial(t, at, lany, "127.0.0.1")      // IPv4 in an IPv6 socket
	client := dial(t, at, l6, "::1")
	server := accept(t, l6)
	if _, err := server.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	accept(t, l4)
	if err := client.CloseWrite(); err != nil { // FIN-WAIT-2 and CLOSE-WAIT
		t.Fatal(err)
	}
	orphan := dial(t, at, lany, "::1") // orphaned FIN-WAIT-2
	orphan.Close()
	active, passive := dial(t, at, l6, "::1"), accept(t, l6)
	active.Close() // TIME-WAIT
	passive.Close()

	want := settled(t, diag)
	var mu sync.Mutex
	var got []string
	err = text.Look(t.Context(), func(e probes.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Kind != probes.KindSample || e.Source != probes.SS || e.Grade != probes.Sampled || e.Node != "node" || e.Time == 0 {
			t.Errorf("event %+v", e)
		}
		got = append(got, line(e))
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sockdiag and ss disagree (-sockdiag +ss):\n%s", diff)
	}
	if len(got) < 14 {
		t.Errorf("%d sockets", len(got))
	}
}

// settled has sockdiag look until every socket is in a lasting state.
func settled(t *testing.T, diag *sockdiag.Probe) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		list, err := diag.Snapshot(ctx)
		if err != nil {
			t.Fatalf("never settled: %v", err)
		}
		var lines []string
		moving := false
		for _, s := range list {
			moving = moving || s.State == probes.FinWait1 || s.State == probes.LastAck || s.State != probes.Listen && s.Sample.WQueue > 0
			lines = append(lines, line(probes.Event{Sock: s.ID, New: s.State, Flow: s.Flow, Sample: &s.Sample}))
		}
		if !moving {
			slices.Sort(lines)
			return lines
		}
	}
}

func TestRun(t *testing.T) {
	ns := netnstest.New(t)
	at := probes.Place{Node: "node", Cookie: ns.Cookie(), NS: ns}
	p, err := ss.New(ss.Config{Places: []probes.Place{at}, Every: time.Millisecond})
	netnstest.Require(t, "ss", err)
	listen(t, at, "127.0.0.1:0", 0)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	found := make(chan probes.Event, 1)
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx, func(e probes.Event) {
			select {
			case found <- e:
			default:
			}
		})
	}()
	<-p.Ready()
	select {
	case e := <-found:
		if e.New != probes.Listen || e.Sample == nil || e.Sample.Object != probes.ListenerObject {
			t.Errorf("event %+v", e)
		}
	case <-ctx.Done():
		t.Error("no event")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestManyPlaces looks at several namespaces at a time: each text must be
// that of its own.
func TestManyPlaces(t *testing.T) {
	var places []probes.Place
	want := make(map[string]string)
	for i := range 12 {
		ns := netnstest.New(t)
		at := probes.Place{Node: fmt.Sprintf("node%d", i), Cookie: ns.Cookie(), NS: ns}
		places = append(places, at)
		want[at.Node] = listen(t, at, "127.0.0.1:0", 0).Addr().String()
	}
	p, err := ss.New(ss.Config{Places: places})
	netnstest.Require(t, "ss", err)
	var mu sync.Mutex
	got := make(map[string]string)
	err = p.Look(t.Context(), func(e probes.Event) {
		mu.Lock()
		defer mu.Unlock()
		got[e.Node] += e.Flow.Local.String()
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
}

// BenchmarkLook shows what one look at one place costs.
func BenchmarkLook(b *testing.B) {
	ns := netnstest.New(b)
	p, err := ss.New(ss.Config{Places: []probes.Place{{Node: "node", Cookie: ns.Cookie(), NS: ns}}})
	netnstest.Require(b, "ss", err)
	for b.Loop() {
		if err := p.Look(b.Context(), func(probes.Event) {}); err != nil {
			b.Fatal(err)
		}
	}
}
