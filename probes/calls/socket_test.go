package calls_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// text returns the calls of one socket since a number of them, each as
// "name args errno".
func (l *log) text(id probes.SocketID, skip int) []string {
	var list []string
	for _, s := range summaries(l.of(id))[skip:] {
		list = append(list, strings.Join(strings.Fields(s.Name+" "+s.Args+" "+s.Errno), " "))
	}
	return list
}

var loopback = netip.MustParseAddr("127.0.0.1")

func socket(t *testing.T, c *calls.Caller, network string) *calls.Conn {
	t.Helper()
	s, err := c.Socket(network)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// listenBare makes a listener call by call, and returns where it listens.
func listenBare(t *testing.T, c *calls.Caller, network string, options ...calls.Option) (*calls.Listener, uint16) {
	t.Helper()
	s := socket(t, c, network)
	for _, o := range options {
		must(t, s.SetOption(o))
	}
	must(t, s.Bind(netip.AddrPort{}))
	l, err := s.Listen(1)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).AddrPort().Port()
}

// pairBare connects two sockets made call by call.
func pairBare(t *testing.T, c *calls.Caller, options ...calls.Option) (opener, acceptor *calls.Conn) {
	t.Helper()
	l, port := listenBare(t, c, "tcp", options...)
	opener = socket(t, c, "tcp4")
	must(t, opener.Connect(t.Context(), netip.AddrPortFrom(loopback, port)))
	acceptor, err := l.AcceptConn()
	must(t, err)
	t.Cleanup(func() { acceptor.Close() })
	return opener, acceptor
}

func TestSocketCallByCall(t *testing.T) {
	for network, addr := range map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"} {
		t.Run(network, func(t *testing.T) {
			var events log
			recorder := calls.New("node", 7, events.emit)
			l, port := listenBare(t, recorder.Caller("listener"), "tcp", calls.DeferAccept(1500*time.Millisecond))
			caller := recorder.Caller("dialer")
			free, fromPort := listenBare(t, recorder.Caller("free"), network)
			must(t, free.Close())
			c := socket(t, caller.At(2), network)
			must(t, c.SetOption(calls.SendBuffer(20000)))
			must(t, c.Bind(netip.AddrPortFrom(netip.Addr{}, fromPort)))
			target := netip.AddrPortFrom(netip.MustParseAddr(addr), port)
			must(t, c.Connect(t.Context(), target))
			if want := netip.AddrPortFrom(target.Addr(), fromPort); c.Flow() != (probes.Flow{Local: want, Remote: target}) {
				t.Errorf("flow %v, want %s to %s", c.Flow(), want, target)
			}
			must(t, second(c.By(caller.At(3)).WriteMore([]byte("more"))))
			s, err := l.By(recorder.Caller("listener").At(4)).AcceptBy(recorder.Caller("acceptor").At(4))
			must(t, err)
			defer s.Close()
			if s.Flow() != c.Flow().Reverse() {
				t.Errorf("accepted %v, connected %v", s.Flow(), c.Flow())
			}
			must(t, c.By(caller.At(5)).Shutdown(calls.Both))
			must(t, c.Close())
			must(t, s.Close())
			must(t, l.Shutdown(calls.Both))
			if _, err := l.AcceptConn(); !errors.Is(err, unix.EINVAL) {
				t.Errorf("accept after shutdown: %v, want EINVAL", err)
			}
			must(t, l.Close())
			want := []summary{
				{Name: "option", Args: "SO_SNDBUF 20000", Step: 2}, {Name: "bind", Step: 2}, {Name: "connect", Step: 2},
				{Name: "send", Args: "MSG_MORE", Bytes: 4, Step: 3}, {Name: "shutdown", Args: "both", Step: 5}, {Name: "close", Step: 2},
			}
			if diff := cmp.Diff(want, summaries(events.of(c.ID()))); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			listener := []string{"option TCP_DEFER_ACCEPT 2s", "bind", "listen backlog 1", "shutdown both", "accept EINVAL", "close"}
			if diff := cmp.Diff(listener, events.text(l.ID(), 0)); diff != "" {
				t.Errorf("listener's calls (-want +got):\n%s", diff)
			}
			checkEnvelope(t, events.events)
		})
	}
}

func TestSocketFailures(t *testing.T) {
	var events log
	caller := calls.New("node", 7, events.emit).Caller("tcp")
	_, port := listenBare(t, caller, "tcp")
	free, closedPort := listenBare(t, caller, "tcp4")
	must(t, free.Close())
	tests := []struct {
		name    string
		network string
		do      func(*calls.Conn) error
		want    unix.Errno
		calls   []string
	}{
		{"bind to a listener's port", "tcp4", func(c *calls.Conn) error { return c.Bind(netip.AddrPortFrom(loopback, port)) },
			unix.EADDRINUSE, []string{"bind EADDRINUSE"}},
		{"bind to an address that is not ours", "tcp4", func(c *calls.Conn) error { return c.Bind(netip.MustParseAddrPort("192.0.2.1:0")) },
			unix.EADDRNOTAVAIL, []string{"bind EADDRNOTAVAIL"}},
		{"connect to a closed port", "tcp4", func(c *calls.Conn) error {
			return c.Connect(t.Context(), netip.AddrPortFrom(loopback, closedPort))
		}, unix.ECONNREFUSED, []string{"connect ECONNREFUSED"}},
		{"connect to the other family", "tcp4", func(c *calls.Conn) error { return c.Connect(t.Context(), netip.MustParseAddrPort("[::1]:1")) },
			unix.EAFNOSUPPORT, nil},
		{"an option of one that listens", "tcp4", func(c *calls.Conn) error {
			return errors.Join(c.Connect(t.Context(), netip.AddrPortFrom(loopback, port)), c.SetOption(calls.FastOpen(1)))
		}, unix.EINVAL, []string{"connect", "option TCP_FASTOPEN 1 EINVAL"}},
		{"shutdown of one that is not connected", "tcp4", func(c *calls.Conn) error { return c.Shutdown(calls.Both) },
			unix.ENOTCONN, []string{"shutdown both ENOTCONN"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := socket(t, caller, tt.network)
			if err := tt.do(c); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(tt.calls, events.text(c.ID(), 0)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := caller.Socket("udp"); err == nil {
		t.Error("a TCP socket of udp was made")
	}
}

// A socket that is open already keeps its addresses, and the kernel refuses to
// open it once more; one whose listening has ended may listen again.
func TestSocketReopened(t *testing.T) {
	var events log
	caller := calls.New("node", 7, events.emit).Caller("tcp")
	l, port := listenBare(t, caller, "tcp")
	target := netip.AddrPortFrom(loopback, port)
	refused := func(what string, err error, want unix.Errno) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	c := socket(t, caller, "tcp4")
	must(t, c.StartConnect(target))
	accepted, err := l.AcceptConn()
	must(t, err)
	t.Cleanup(func() { accepted.Close() })
	must(t, c.StartConnect(target)) // is told that it has come about
	flow := c.Flow()
	if flow != accepted.Flow().Reverse() {
		t.Errorf("connected %v, accepted %v", flow, accepted.Flow())
	}
	refused("connect once more", c.StartConnect(netip.AddrPortFrom(loopback, port+1)), unix.EISCONN)
	_, err = c.Listen(1)
	refused("listen on a connection", err, unix.EINVAL)
	if c.Flow() != flow {
		t.Errorf("is now %v, was %v", c.Flow(), flow)
	}
	refused("connect a listener", l.Connect(target), unix.EISCONN)
	must(t, l.Relisten(2))
	must(t, l.Shutdown(calls.Both))
	must(t, l.Relisten(3))
	again := socket(t, caller, "tcp4")
	// The port was the kernel's choice, which it may have made anew.
	must(t, again.Connect(t.Context(), netip.AddrPortFrom(loopback, l.Addr().(*net.TCPAddr).AddrPort().Port())))
	dialer := []string{"connect EINPROGRESS", "connect", "connect EISCONN", "listen backlog 1 EINVAL"}
	if diff := cmp.Diff(dialer, events.text(c.ID(), 0)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	listener := []string{"bind", "listen backlog 1", "connect EISCONN", "listen backlog 2", "shutdown both", "listen backlog 3"}
	if diff := cmp.Diff(listener, events.text(l.ID(), 0)); diff != "" {
		t.Errorf("listener's calls (-want +got):\n%s", diff)
	}
}

func TestPeek(t *testing.T) {
	tests := []struct {
		name string
		peer func(*calls.Conn)
		want string
		err  error
		call string
	}{
		{"enough at once", func(p *calls.Conn) { p.Write([]byte("hello")) }, "hel", nil, "receive MSG_PEEK"},
		{"in pieces", func(p *calls.Conn) { p.Write([]byte("h")); p.Write([]byte("e")); p.Write([]byte("l")) }, "hel", nil, "receive MSG_PEEK"},
		{"FIN before", func(p *calls.Conn) { p.Write([]byte("he")); p.CloseWrite() }, "he", io.EOF, "receive MSG_PEEK"},
		{"FIN at once", func(p *calls.Conn) { p.CloseWrite() }, "", io.EOF, "receive MSG_PEEK EOF"},
		{"reset", func(p *calls.Conn) { p.SetLinger(0); p.Close() }, "", unix.ECONNRESET, "receive MSG_PEEK ECONNRESET"},
		{"too late", func(p *calls.Conn) { p.Write([]byte("he")) }, "he", os.ErrDeadlineExceeded, "receive MSG_PEEK EAGAIN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var events log
			c, peer := pairBare(t, calls.New("node", 7, events.emit).Caller("tcp"))
			var peers sync.WaitGroup
			peers.Go(func() { tt.peer(peer) })
			if tt.err == os.ErrDeadlineExceeded {
				peers.Wait()
				must(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
			}
			got, err := c.Peek(3)
			peers.Wait()
			if string(got) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
			if diff := cmp.Diff([]string{tt.call}, events.text(c.ID(), 1)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			must(t, c.SetReadDeadline(time.Time{}))
			if tt.want == "" {
				return
			}
			left := make([]byte, len(tt.want))
			if n, err := io.ReadFull(c, left); err != nil || string(left) != tt.want {
				t.Errorf("afterwards %q of %d, %v, want all unread", left, n, err)
			}
		})
	}
}

// What was not asked for stays unread.
func TestReadSome(t *testing.T) {
	var events log
	c, peer := pairBare(t, calls.New("node", 7, events.emit).Caller("tcp"))
	buf := make([]byte, 10)
	some := func(queued []byte) int { return min(len(queued), 2) }
	must(t, second(peer.Write([]byte("abc"))))
	for _, want := range []string{"ab", "c"} {
		if n, err := c.ReadSome(buf, some); err != nil || string(buf[:n]) != want {
			t.Errorf("%q, %v; want %q", buf[:n], err, want)
		}
	}
	must(t, peer.CloseWrite())
	if n, err := c.ReadSome(buf, some); n != 0 || err != io.EOF {
		t.Errorf("%d, %v at the end, want EOF", n, err)
	}
	if diff := cmp.Diff([]string{"receive", "receive", "receive EOF"}, events.text(c.ID(), 1)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// Whatever is under way ends when the socket is closed, and says EBADF.
func TestCloseBreaksOff(t *testing.T) {
	var events log
	caller := calls.New("node", 7, events.emit).Caller("tcp")
	buf := make([]byte, 1)
	tests := []struct {
		name string
		do   func(*calls.Conn) error
		want string
	}{
		{"receive", func(c *calls.Conn) error { return second(c.Read(buf)) }, "receive EBADF"},
		{"some", func(c *calls.Conn) error { return second(c.ReadSome(buf, func([]byte) int { return 1 })) }, "receive EBADF"},
		{"peek", func(c *calls.Conn) error { _, err := c.Peek(1); return err }, "receive MSG_PEEK EBADF"},
		{"send", func(c *calls.Conn) error { return second(c.Write(make([]byte, 16<<20))) }, "send EBADF"},
		{"send more", func(c *calls.Conn) error { return second(c.WriteMore(make([]byte, 16<<20))) }, "send MSG_MORE EBADF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := pairBare(t, caller)
			done := make(chan error, 1)
			go func() { done <- tt.do(c) }()
			time.Sleep(5 * time.Millisecond) // nothing tells that a call has come to wait
			must(t, c.Close())
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v, want net.ErrClosed", err)
			}
			if got := events.text(c.ID(), 1); !slices.Contains(got, tt.want) || !slices.Contains(got, "close") {
				t.Errorf("calls %q, want %q and close", got, tt.want)
			}
			if err := tt.do(c); !errors.Is(err, net.ErrClosed) {
				t.Errorf("afterwards %v, want net.ErrClosed", err)
			}
			if err := errors.Join(c.SetDeadline(time.Time{}), c.Shutdown(calls.Write)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("deadline and shutdown afterwards: %v, want net.ErrClosed", err)
			}
		})
	}
}

// A close that lingers waits in the kernel, for as long as its context lasts.
func TestLingeringClose(t *testing.T) {
	var events log
	c, peer := pairBare(t, calls.New("node", 7, events.emit).Caller("tcp"), calls.ReceiveBuffer(4096))
	must(t, c.SetLinger(60))
	much := make([]byte, 16<<20)
	must(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	if n, err := c.Write(much); n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) { // the peer's window is full
		t.Fatalf("sent %d bytes, %v", n, err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("no answer within 50ms"))
	defer cancel()
	start := time.Now()
	if err := c.CloseWithin(ctx, ""); err == nil || err.Error() != "no answer within 50ms" {
		t.Errorf("%v, want no answer within 50ms", err)
	}
	if took := time.Since(start); took < 50*time.Millisecond || took > 5*time.Second {
		t.Errorf("close took %v, want 50ms", took)
	}
	// What was sent stays with the kernel: it comes, if slowly.
	must(t, second(peer.Read(make([]byte, 1))))
	if got := events.text(c.ID(), 2); got[len(got)-1] != "close" {
		t.Errorf("calls %q, want close last", got)
	}
}

func TestLingeringCloseEnds(t *testing.T) {
	c, peer := pairBare(t, calls.New("node", 7, func(probes.Event) {}).Caller("tcp"))
	must(t, c.SetLinger(60))
	must(t, second(c.Write([]byte("bye"))))
	must(t, c.Close())
	got, err := io.ReadAll(peer)
	if err != nil || string(got) != "bye" {
		t.Errorf("%q, %v; want bye", got, err)
	}
}

func TestBefore(t *testing.T) {
	var asked []string
	var events log
	recorder := calls.New("node", 7, events.emit)
	recorder.Before = func(call string) { asked = append(asked, fmt.Sprint(call, " after ", len(events.events))) }
	caller := recorder.Caller("tcp")
	adopted := listen(t, caller, "127.0.0.1:0") // 1 call
	c, err := caller.DialContext(t.Context(), "tcp", adopted.Addr().String(), calls.DialOptions{})
	must(t, err) // 2
	must(t, c.CloseRead())
	must(t, c.CloseWrite())
	must(t, c.CloseBecause("why")) // 5
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	must(t, adopted.Close()) // 6
	s := socket(t, caller, "tcp")
	must(t, s.Bind(netip.AddrPort{}))
	l, err := s.Listen(1) // 8
	must(t, err)
	must(t, l.Shutdown(calls.Read))
	must(t, l.Close())
	want := []string{
		"shutdown after 3", "close after 4", // the connection's
		"close after 5", "shutdown after 8", "close after 9", // the listeners'
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
