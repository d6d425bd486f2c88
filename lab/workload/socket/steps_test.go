package socket_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/socket"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
)

// calls returns the calls of a workload so far, each as "name args errno".
func (w *witness) calls(name string) []string {
	var list []string
	for _, e := range w.Events() {
		if c := e.Call; c.Workload == name {
			list = append(list, strings.Join(strings.Fields(c.Name+" "+c.Args+" "+c.Errno), " "))
		}
	}
	return list
}

// listenTCP makes a listener that the test's end closes, and returns where a
// client on this machine finds it.
func listenTCP(t *testing.T, w *witness, backlog int, options socket.Options) (*socket.TCPListener, netip.AddrPort) {
	t.Helper()
	l, err := socket.ListenTCP(w.Caller("listener"), 0, backlog, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(context.Background(), workload.Close{}) })
	return l, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), l.Addr().(*net.TCPAddr).AddrPort().Port())
}

// joined returns both ends of a connection.
func joined(t *testing.T, w *witness, options socket.Options) (opener, acceptor *socket.TCPClient) {
	t.Helper()
	l, addr := listenTCP(t, w, 5, socket.Options{})
	opener, err := socket.NewTCP(w.Caller("opener"), addr.Addr(), socket.Dial{Options: options})
	if err != nil {
		t.Fatal(err)
	}
	if err := opener.Connect(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	if acceptor, err = l.Accept(t.Context(), w.Caller("acceptor"), options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		opener.Close(context.Background(), workload.Close{})
		acceptor.Close(context.Background(), workload.Close{})
	})
	return opener, acceptor
}

// within returns a context that ends soon, with a cause.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, fmt.Errorf("no answer within %v", d))
	t.Cleanup(cancel)
	return ctx
}

func TestAllOptions(t *testing.T) {
	w := &witness{}
	yes, n, times := true, 2000, time.Second
	options := socket.Options{
		NoDelay: &yes, Cork: &yes, QuickAck: &yes, KeepAlive: &socket.KeepAlive{Idle: time.Second, Interval: time.Second, Probes: 2},
		UserTimeout: &times, Linger: &times, OrphanTimeout: &times, DeferAccept: &times,
		ReceiveBuffer: &n, SendBuffer: &n, MaxSegment: &n,
	}
	opener, acceptor := joined(t, w, options)
	set := []string{
		"option SO_RCVBUF 2000", "option SO_SNDBUF 2000", "option TCP_MAXSEG 2000",
		"option TCP_NODELAY on", "option TCP_CORK on", "option TCP_QUICKACK on",
		"option TCP_KEEPIDLE 1s", "option TCP_KEEPINTVL 1s", "option TCP_KEEPCNT 2", "option SO_KEEPALIVE on",
		"option TCP_USER_TIMEOUT 1s", "linger 1", "option TCP_LINGER2 1s", "option TCP_DEFER_ACCEPT 1s",
	}
	if diff := cmp.Diff(append(slices.Clone(set), "connect"), w.calls("opener")); diff != "" {
		t.Errorf("opener (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append([]string{"accept"}, set...), w.calls("acceptor")); diff != "" {
		t.Errorf("acceptor (-want +got):\n%s", diff)
	}
	if err := errors.Join(opener.SetOptions(options), acceptor.SetOptions(socket.Options{})); err != nil {
		t.Error(err)
	}
	if got := w.calls("opener"); len(got) != 2*len(set)+1 {
		t.Errorf("set again: %d calls", len(got))
	}
	err := acceptor.SetOptions(socket.Options{FastOpen: &yes})
	if want := "set TCP_FASTOPEN_CONNECT on: EINVAL (invalid argument)"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Two steps are under way on one connection at once, each with its own end.
func TestTwoAtOnce(t *testing.T) {
	w := &witness{}
	opener, acceptor := joined(t, w, socket.Options{})
	var receiving sync.WaitGroup
	receiving.Go(func() { moved(t, "receive", 5, "late\n")(opener.At(7).ReceiveLine(t.Context())) })
	// A send whose time is over breaks off nothing but itself.
	if _, err := opener.At(8).Send(within(t, 20*time.Millisecond), workload.Generated(1<<30)); fmt.Sprint(err) != "send: no answer within 20ms" {
		t.Errorf("send to a peer that does not read: %v", err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { acceptor.ReceiveAll(t.Context()) })
	moved(t, "send", 1, "")(opener.At(9).Send(t.Context(), strings.NewReader("x")))
	// A receive that waits for its turn ends with its own time, too.
	if _, err := opener.At(10).Receive(within(t, 20*time.Millisecond), 1); fmt.Sprint(err) != "receive: no answer within 20ms" {
		t.Errorf("receive while another does: %v", err)
	}
	moved(t, "send", 5, "")(acceptor.Send(t.Context(), strings.NewReader("late\n")))
	receiving.Wait()
	if err := opener.Close(t.Context(), workload.Close{}); err != nil {
		t.Error(err)
	}
	reading.Wait()
	for _, e := range w.Events() {
		if c := e.Call; c.Workload == "opener" && c.Name == "receive" && c.Step != 7 {
			t.Errorf("a receive belongs to step %d, want 7", c.Step)
		}
	}
}

// The queue holds one more than the backlog; further SYNs are dropped.
func TestBacklog(t *testing.T) {
	for _, backlog := range []int{0, 1, 3} {
		w := &witness{}
		_, addr := listenTCP(t, w, backlog, socket.Options{})
		taken := 0
		for range backlog + 3 {
			c, err := socket.DialTCP(within(t, 50*time.Millisecond), w.Caller("client"), addr)
			if err == nil {
				taken++
				defer c.Close(context.Background(), workload.Close{})
			}
		}
		if taken != backlog+1 {
			t.Errorf("backlog %d: %d connections stand, want %d", backlog, taken, backlog+1)
		}
		if got, want := w.calls("listener"), []string{"bind", fmt.Sprintf("listen backlog %d", backlog)}; !slices.Equal(got, want) {
			t.Errorf("listener called %q, want %q", got, want)
		}
	}
}

func TestShutdown(t *testing.T) {
	tests := []struct {
		half  calls.Half
		reads string // what the opener's receive says afterwards
		peer  string // the last of what the peer's says
	}{
		{calls.Write, "<nil>", "receive EOF"},
		{calls.Read, "receive: the peer closed after 0 bytes: unexpected EOF", "receive EAGAIN"},
		{calls.Both, "receive: the peer closed after 0 bytes: unexpected EOF", "receive EOF"},
	}
	for _, tt := range tests {
		t.Run(string(tt.half), func(t *testing.T) {
			w := &witness{}
			opener, acceptor := joined(t, w, socket.Options{})
			if err := opener.At(4).Shutdown(tt.half); err != nil {
				t.Fatal(err)
			}
			acceptor.ReceiveAll(within(t, 20*time.Millisecond))
			if got := w.last("acceptor"); got != tt.peer {
				t.Errorf("the peer: %s, want %s", got, tt.peer)
			}
			if tt.half == calls.Write {
				moved(t, "send", 2, "")(acceptor.Send(t.Context(), strings.NewReader("on")))
			}
			if _, err := opener.Receive(t.Context(), 2); fmt.Sprint(err) != tt.reads {
				t.Errorf("receive: %v, want %s", err, tt.reads)
			}
			if got := w.calls("opener")[1]; got != "shutdown "+string(tt.half) {
				t.Errorf("call %q", got)
			}
			opener.Close(t.Context(), workload.Close{})
			if err := opener.Shutdown(tt.half); fmt.Sprint(err) != fmt.Sprintf("shutdown %s: EBADF (use of closed network connection)", tt.half) {
				t.Errorf("after close: %v", err)
			}
		})
	}
}

// What is not a full segment waits for more, and goes with it.
func TestSendMore(t *testing.T) {
	w := &witness{}
	opener, acceptor := joined(t, w, socket.Options{})
	var receiving sync.WaitGroup
	receiving.Go(func() { moved(t, "receive", 8, "one two\n")(acceptor.ReceiveLine(t.Context())) })
	moved(t, "send more", 4, "")(opener.SendMore(t.Context(), strings.NewReader("one ")))
	moved(t, "send", 4, "")(opener.Send(t.Context(), strings.NewReader("two\n")))
	receiving.Wait()
	if diff := cmp.Diff([]string{"connect", "send MSG_MORE", "send"}, w.calls("opener")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"accept", "receive"}, w.calls("acceptor")); diff != "" {
		t.Errorf("it came in pieces (-want +got):\n%s", diff)
	}
}

// What was looked at, or never asked for, is unread: the close is a reset.
func TestUnread(t *testing.T) {
	w := &witness{}
	opener, acceptor := joined(t, w, socket.Options{})
	moved(t, "send", 6, "")(opener.Send(t.Context(), strings.NewReader("line\nx")))
	moved(t, "peek", 6, "line\nx")(acceptor.Peek(t.Context(), 6))
	moved(t, "line", 5, "line\n")(acceptor.ReceiveLine(t.Context()))
	if err := acceptor.Close(t.Context(), workload.Close{}); err != nil {
		t.Error(err)
	}
	if _, err := opener.ReceiveAll(t.Context()); fmt.Sprint(err) != "receive: ECONNRESET (connection reset by peer)" {
		t.Errorf("%v", err)
	}
}

func TestPeekOfMoreThanComes(t *testing.T) {
	opener, acceptor := joined(t, &witness{}, socket.Options{})
	moved(t, "send", 2, "")(opener.Send(t.Context(), strings.NewReader("ab")))
	if err := opener.Shutdown(calls.Write); err != nil {
		t.Fatal(err)
	}
	got, err := acceptor.Peek(t.Context(), 1<<40)
	if fmt.Sprint(err) != "receive: the peer closed after 2 bytes: unexpected EOF" || got.Content != "ab" {
		t.Errorf("%q, %v", got.Content, err)
	}
}

func TestListenerFailures(t *testing.T) {
	w := &witness{}
	l, addr := listenTCP(t, w, 1, socket.Options{})
	port := addr.Port()
	_, err := socket.ListenTCP(w.Caller("second"), port, 1, socket.Options{})
	if want := fmt.Sprintf("bind to port %d: EADDRINUSE (address already in use)", port); fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if diff := cmp.Diff([]string{"bind EADDRINUSE", "close"}, w.calls("second")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = socket.NewTCP(w.Caller("third"), addr.Addr(), socket.Dial{FromPort: port})
	if want := fmt.Sprintf("bind to port %d: EADDRINUSE (address already in use)", port); fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = socket.NewTCP(w.Caller("fourth"), addr.Addr(), socket.Dial{ISN: new(uint32)})
	if want := "choose initial sequence number 0: the kernel takes 0 for none"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := l.Close(t.Context(), workload.Close{Style: workload.AfterPeer}); fmt.Sprint(err) != "close: a socket that listens can only be closed at_once, not after_peer" {
		t.Errorf("%v", err)
	}
	if err := l.Shutdown(calls.Both); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(t.Context(), w.Caller("acceptor"), socket.Options{}); fmt.Sprint(err) != "accept: EINVAL (invalid argument)" {
		t.Errorf("accept after shutdown: %v", err)
	}
	if _, err := socket.DialTCP(t.Context(), w.Caller("fifth"), addr); !strings.HasSuffix(fmt.Sprint(err), ": ECONNREFUSED (connection refused)") {
		t.Errorf("connect after shutdown: %v", err)
	}
}

// A port whose last connection is in TIME-WAIT can be used again.
func TestPortInTimeWait(t *testing.T) {
	w := &witness{}
	free, at := listenTCP(t, w, 1, socket.Options{})
	if err := free.Close(t.Context(), workload.Close{}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the kernel's timestamps and times: each time another listener
		l, addr := listenTCP(t, w, 1, socket.Options{})
		c, err := socket.NewTCP(w.Caller("client"), addr.Addr(), socket.Dial{FromPort: at.Port()})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Connect(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept(t.Context(), w.Caller("server"), socket.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.Close(t.Context(), workload.Close{}), s.Close(t.Context(), workload.Close{Style: workload.AfterPeer})); err != nil {
			t.Error(err)
		}
	}
}

// A socket that meets its own SYN opens simultaneously, with itself.
func TestSelfConnect(t *testing.T) {
	w := &witness{}
	free, at := listenTCP(t, w, 1, socket.Options{})
	if err := free.Close(t.Context(), workload.Close{}); err != nil {
		t.Fatal(err)
	}
	c, err := socket.NewTCP(w.Caller("client"), at.Addr(), socket.Dial{FromPort: at.Port()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	moved(t, "send", 5, "")(c.Send(t.Context(), strings.NewReader("self\n")))
	moved(t, "receive", 5, "self\n")(c.ReceiveLine(t.Context()))
	if err := c.Close(t.Context(), workload.Close{Style: workload.HalfThenDrain}); err != nil {
		t.Error(err)
	}
}

// A close that SO_LINGER makes wait ends with its step.
func TestLingerEndsWithTheStep(t *testing.T) {
	opener, _ := joined(t, &witness{}, socket.Options{Linger: new(time.Minute)})
	opener.Send(within(t, 20*time.Millisecond), workload.Generated(1<<30))
	err := opener.Close(within(t, 50*time.Millisecond), workload.Close{})
	if fmt.Sprint(err) != "close: no answer within 50ms" {
		t.Errorf("%v", err)
	}
}
