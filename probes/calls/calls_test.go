package calls_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A log keeps the events of a test.
type log struct {
	mu     sync.Mutex
	events []probes.Event
}

func (l *log) emit(e probes.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// of returns the events of one socket.
func (l *log) of(id probes.SocketID) []probes.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []probes.Event
	for _, e := range l.events {
		if e.Sock == id {
			found = append(found, e)
		}
	}
	return found
}

// summary is the part of a call that does not change from run to run.
type summary struct {
	Name, Args, Errno string
	Bytes, Step       int
}

func summaries(events []probes.Event) []summary {
	var s []summary
	for _, e := range events {
		s = append(s, summary{e.Call.Name, e.Call.Args, e.Call.Errno, e.Call.Bytes, e.Call.Step})
	}
	return s
}

func listen(t *testing.T, c *calls.Caller, addr string) *calls.Listener {
	t.Helper()
	l, err := c.Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestEveryCallIsRecordedAtBothEnds(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			var events log
			recorder := calls.New("node", 7, events.emit)
			server, client := recorder.Caller("ftpd"), recorder.Caller("ftp")
			l := listen(t, server, addr)
			client.SetStep(3)
			c, err := client.DialContext(t.Context(), "tcp", l.Addr().String(), calls.DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := l.AcceptConn()
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 16)
			must(t, second(c.Write([]byte("hello"))))
			must(t, second(s.Read(buf)))
			client.SetStep(4)
			must(t, c.CloseWrite())
			if _, err := s.Read(buf); err != io.EOF {
				t.Errorf("read at the end: %v, want EOF", err)
			}
			must(t, s.Close())
			must(t, c.Close())
			if err := c.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("second close: %v, want net.ErrClosed", err)
			}
			must(t, l.Close())

			wantClient := []summary{
				{Name: "connect", Step: 3}, {Name: "send", Bytes: 5, Step: 3},
				{Name: "shutdown", Args: "write", Step: 4}, {Name: "close", Step: 4},
			}
			if diff := cmp.Diff(wantClient, summaries(events.of(c.ID()))); diff != "" {
				t.Errorf("client's calls (-want +got):\n%s", diff)
			}
			wantServer := []summary{
				{Name: "accept"}, {Name: "receive", Bytes: 5}, {Name: "receive", Errno: "EOF"}, {Name: "close"},
			}
			if diff := cmp.Diff(wantServer, summaries(events.of(s.ID()))); diff != "" {
				t.Errorf("server's calls (-want +got):\n%s", diff)
			}
			wantListener := []summary{{Name: "listen"}, {Name: "close"}}
			if diff := cmp.Diff(wantListener, summaries(events.of(l.ID()))); diff != "" {
				t.Errorf("listener's calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.Flow().Reverse(), s.Flow(), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("the ends' addresses (-client +server):\n%s", diff)
			}
			checkEnvelope(t, events.events)
		})
	}
}

// checkEnvelope checks what all events of a test have in common.
func checkEnvelope(t *testing.T, events []probes.Event) {
	t.Helper()
	seen := map[uint64]string{}
	for _, e := range events {
		if e.Source != probes.Calls || e.Kind != probes.KindCall || e.Grade != probes.Recorded || e.Node != "node" {
			t.Errorf("event %+v: wrong source, kind, grade or node", e)
		}
		if e.Time == 0 || e.Call.End < e.Time {
			t.Errorf("%s ended at %d, began at %d", e.Call.Name, e.Call.End, e.Time)
		}
		if e.Sock.Cookie == 0 || e.Sock.NetNS == 0 {
			t.Errorf("%s: a cookie is missing: %+v", e.Call.Name, e.Sock)
		}
		if w, ok := seen[e.Sock.Cookie]; ok && w != e.Call.Workload {
			t.Errorf("socket %d is of %s and of %s", e.Sock.Cookie, w, e.Call.Workload)
		}
		seen[e.Sock.Cookie] = e.Call.Workload
	}
}

func TestFailuresAreNamed(t *testing.T) {
	var events log
	caller := calls.New("node", 7, events.emit).Caller("tcp")
	l := listen(t, caller, "127.0.0.1:0")
	dial := func() (*calls.Conn, *calls.Conn) {
		c, err := caller.DialContext(t.Context(), "tcp", l.Addr().String(), calls.DialOptions{})
		must(t, err)
		s, err := l.AcceptConn()
		must(t, err)
		return c, s
	}
	last := func(id probes.SocketID) summary {
		all := summaries(events.of(id))
		return all[len(all)-1]
	}
	buf := make([]byte, 1)

	t.Run("reset", func(t *testing.T) {
		c, s := dial()
		must(t, c.SetLinger(0))
		must(t, c.Close())
		s.Read(buf)
		s.Close()
		want := []summary{{Name: "connect"}, {Name: "linger", Args: "0"}, {Name: "close"}}
		if diff := cmp.Diff(want, summaries(events.of(c.ID()))); diff != "" {
			t.Errorf("calls of a reset (-want +got):\n%s", diff)
		}
		want = []summary{{Name: "accept"}, {Name: "receive", Errno: "ECONNRESET"}, {Name: "close"}}
		if diff := cmp.Diff(want, summaries(events.of(s.ID()))); diff != "" {
			t.Errorf("calls of the reset end (-want +got):\n%s", diff)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		c, s := dial()
		defer c.Close()
		defer s.Close()
		must(t, c.SetReadDeadline(time.Unix(1, 0)))
		if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read after the deadline: %v", err)
		}
		if diff := cmp.Diff(summary{Name: "receive", Errno: "EAGAIN"}, last(c.ID())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		c, s := dial()
		defer s.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.Read(buf)
		}()
		must(t, c.CloseBecause("no FIN within 3s"))
		<-done
		got := summaries(events.of(c.ID()))[1:]
		a, b := summary{Name: "close", Args: "no FIN within 3s"}, summary{Name: "receive", Errno: "EBADF"}
		// Either may be recorded first.
		if len(got) != 2 || !(got[0] == a && got[1] == b || got[0] == b && got[1] == a) {
			t.Errorf("got %+v, want %+v and %+v in any order", got, a, b)
		}
	})
	t.Run("refused, with a cookie", func(t *testing.T) {
		closed := listen(t, caller, "127.0.0.1:0")
		addr := closed.Addr().String()
		must(t, closed.Close())
		before := len(events.events)
		if _, err := caller.DialContext(t.Context(), "tcp", addr, calls.DialOptions{}); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("dial to a closed port: %v", err)
		}
		got := events.events[before:]
		if diff := cmp.Diff([]summary{{Name: "connect", Errno: "ECONNREFUSED"}}, summaries(got)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if got[0].Sock.Cookie == 0 || got[0].Flow.Remote.String() != addr {
			t.Errorf("refused connect is of socket %+v to %s, want a cookie, to %s", got[0].Sock, got[0].Flow.Remote, addr)
		}
	})
}

func TestDialNamesAndLocalPorts(t *testing.T) {
	caller := calls.New("node", 7, func(probes.Event) {}).Caller("tcp")
	l := listen(t, caller, "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(l.Addr().String())
	local := netip.MustParseAddrPort("127.0.0.2:0")
	c, err := caller.DialContext(t.Context(), "tcp4", "localhost:"+port, calls.DialOptions{Local: local})
	must(t, err)
	defer c.Close()
	if c.Flow().Local.Addr() != local.Addr() {
		t.Errorf("dialled from %s, want %s", c.Flow().Local, local)
	}
	for _, bad := range []struct{ network, addr string }{
		{"udp", "127.0.0.1:1"}, {"tcp", "127.0.0.1"}, {"tcp", "127.0.0.1:http"}, {"tcp", "127.0.0.1:70000"},
	} {
		if c, err := caller.DialContext(t.Context(), bad.network, bad.addr, calls.DialOptions{}); err == nil {
			c.Close()
			t.Errorf("dial %s %s succeeded", bad.network, bad.addr)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := caller.DialContext(ctx, "tcp", l.Addr().String(), calls.DialOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("dial with a cancelled context: %v", err)
	}
}

// A library makes its own listeners: MPTCP and keepalive must not come with them.
func TestAdoptedSocketsArePlain(t *testing.T) {
	var events log
	caller := calls.New("node", 7, events.emit).Caller("ftpd")
	tcp, err := net.ListenTCP("tcp", nil)
	must(t, err)
	l := caller.AdoptListener(tcp)
	defer l.Close()
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), tcp.Addr().(*net.TCPAddr).AddrPort().Port())
	c, err := caller.DialContext(t.Context(), "tcp", addr.String(), calls.DialOptions{})
	must(t, err)
	defer c.Close()
	s, err := l.AcceptConn()
	must(t, err)
	defer s.Close()
	for name, conn := range map[string]*calls.Conn{"dialled": c, "accepted": s} {
		raw, err := conn.SyscallConn()
		must(t, err)
		var keepalive, protocol int
		must(t, raw.Control(func(fd uintptr) {
			keepalive, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
			protocol, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
		}))
		if keepalive != 0 || protocol != unix.IPPROTO_TCP {
			t.Errorf("%s socket has keepalive %d and protocol %d, want 0 and %d", name, keepalive, protocol, unix.IPPROTO_TCP)
		}
	}
	if e := events.of(l.ID())[0]; e.Call.Name != "listen" || e.Grade != probes.Inferred {
		t.Errorf("adopted listener's first event is %s, %s; want listen, inferred", e.Call.Name, e.Grade)
	}
	if s.Flow().Local != addr {
		t.Errorf("accepted on a dual-stack socket: local is %s, want %s", s.Flow().Local, addr)
	}
}

func TestTheSocketTellsItsNamespace(t *testing.T) {
	ns := netnstest.New(t)
	var events log
	caller := calls.New("node", 1, events.emit).Caller("tcp")
	must(t, ns.Do(func() error {
		l, err := caller.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return l.Close()
	}))
	for _, e := range events.events {
		if e.Sock.NetNS != ns.Cookie() {
			t.Errorf("%s says namespace %d, want %d", e.Call.Name, e.Sock.NetNS, ns.Cookie())
		}
	}
	here, err := netns.Here()
	must(t, err)
	defer here.Close()
	if here.Cookie() == ns.Cookie() {
		t.Error("the test's namespace is the host's")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func second(_ int, err error) error { return err }
