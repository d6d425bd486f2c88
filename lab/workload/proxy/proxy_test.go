package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/socket"
	"netlab/lab/workload/workloadtest"
	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// A bench is a server, a proxy in front of it, what was called and logged.
type bench struct {
	proxy *Server
	workloadtest.Witness
}

// called reports whether a workload made a call with that result.
func (b *bench) called(workload, call, errno string) bool {
	for _, e := range b.Events() {
		if e.Call.Workload == workload && e.Call.Name == call && e.Call.Errno == errno {
			return true
		}
	}
	return false
}

// awaitCloses waits until the proxy has closed so many connections. Nothing but
// the record tells.
func (b *bench) awaitCloses(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		closed := 0
		for _, e := range b.Events() {
			if e.Call.Workload == "proxy" && e.Call.Name == "close" {
				closed++
			}
		}
		if closed >= n {
			return
		}
		<-tick.C
	}
	t.Errorf("the proxy did not close %d connections", n)
}

// start starts both; the test's end stops them.
func start(t *testing.T, server socket.ServerSpec, spec Spec) *bench {
	t.Helper()
	b := &bench{}
	s, err := socket.ServeTCP(t.Context(), server, socket.ServerOptions{
		Calls: b.Caller("server"), Log: slog.NewTextHandler(b, nil), Listen: "127.0.0.1:0",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	spec.To = netip.MustParseAddrPort(s.Addr().String())
	b.front(t, spec)
	return b
}

func (b *bench) front(t *testing.T, spec Spec) {
	t.Helper()
	var err error
	b.proxy, err = Start(t.Context(), spec, Options{Calls: b.Caller("proxy"), Log: slog.NewTextHandler(b, nil), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, b.proxy) })
}

func stop(t *testing.T, s interface{ Stop(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// ask sends, closes its direction, and reads to the end.
func (b *bench) ask(t *testing.T, text string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", b.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		_, _ = io.WriteString(conn, text) // a cut breaks it off
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	got, err := io.ReadAll(conn)
	return string(got), err
}

// greeting connects and reads to the end. A reset may be faster than the
// connect, which then fails with it.
func greeting(b *bench) (string, error) {
	conn, err := net.Dial("tcp", b.proxy.Addr().String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	return string(got), err
}

// The server echoes, and closes only after the client's FIN: which must have
// been passed on.
func TestPass(t *testing.T) {
	tests := []struct {
		name       string
		spec       Spec
		send, want string
		edits      []probes.Edit
	}{
		{"untouched", Spec{}, "hello", "hello", nil},
		{"nothing", Spec{}, "", "", nil},
		{"flip in the answer", Spec{Flip: &Place{After: 3}}, "hello", "helmo", []probes.Edit{{Change: "flip", Made: 1}}},
		{"flip in the request", Spec{Flip: &Place{Of: Request, Text: "o w"}}, "hello world", "helln world", []probes.Edit{{Change: "flip", Made: 1}}},
		{"no such text", Spec{Flip: &Place{Text: "hellp"}}, "hello", "hello", []probes.Edit{{Change: "flip"}}},
		{"cut in the answer", Spec{Cut: &Place{After: 3}}, "hello", "hel", []probes.Edit{{Change: "cut", Made: 1}}},
		{"cut in the request", Spec{Cut: &Place{Of: Request, After: 0}}, "hello", "", []probes.Edit{{Change: "cut", Made: 1}}},
		{"both, one behind the other", Spec{Flip: &Place{After: 9}, Cut: &Place{After: 3}}, "hello world", "hel", []probes.Edit{{Change: "flip"}, {Change: "cut", Made: 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, socket.ServerSpec{Close: workload.Close{Style: workload.AfterPeer}}, tt.spec)
			got, err := b.ask(t, tt.send)
			if err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			if diff := cmp.Diff(tt.edits, b.proxy.Edits()); diff != "" {
				t.Errorf("edits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPassMuch(t *testing.T) {
	b := start(t, socket.ServerSpec{}, Spec{Flip: &Place{Text: "no such thing"}})
	c, err := socket.DialTCP(t.Context(), b.Caller("client"), netip.MustParseAddrPort(b.proxy.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	const size = 4 << 20
	var sent socket.Result
	var failed error
	var sending sync.WaitGroup
	sending.Go(func() { sent, failed = c.Send(t.Context(), workload.Generated(size)) })
	got, err := c.Receive(t.Context(), size)
	sending.Wait()
	if err := errors.Join(err, failed, c.Close(t.Context(), workload.Close{Style: workload.HalfThenDrain})); err != nil || got.SHA256 != sent.SHA256 {
		t.Errorf("sent %s, got %s, %v", sent.SHA256, got.SHA256, err)
	}
}

// A server in full flow is cut off without a reset, on either side.
func TestCutIsOrderly(t *testing.T) {
	b := start(t, socket.ServerSpec{}, Spec{Cut: &Place{After: 100_000}})
	c, err := socket.DialTCP(t.Context(), b.Caller("client"), netip.MustParseAddrPort(b.proxy.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), workload.Generated(300_000)); err != nil {
		t.Fatal(err)
	}
	got, err := c.ReceiveAll(t.Context())
	if err != nil || got.Bytes != 100_000 {
		t.Errorf("received %d bytes, %v; want 100000", got.Bytes, err)
	}
	if err := c.Close(t.Context(), workload.Close{}); err != nil {
		t.Error(err)
	}
	b.awaitCloses(t, 2) // Stop would break the draining off
	for _, who := range []string{"client", "proxy", "server"} {
		for _, call := range []string{"receive", "send"} {
			if b.called(who, call, "ECONNRESET") || b.called(who, call, "EPIPE") {
				t.Errorf("%s's %s met a reset", who, call)
			}
		}
	}
}

// The beginning of a text that is looked for does not keep a peer waiting.
func TestHeldBackIsLetGo(t *testing.T) {
	b := start(t, socket.ServerSpec{}, Spec{Flip: &Place{Text: "\nX"}})
	c, err := socket.DialTCP(t.Context(), b.Caller("client"), netip.MustParseAddrPort(b.proxy.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context(), workload.Close{})
	for range 2 {
		if _, err := c.Send(t.Context(), strings.NewReader("hello\n")); err != nil {
			t.Fatal(err)
		}
		if got, err := c.ReceiveLine(t.Context()); err != nil || got.Content != "hello\n" {
			t.Fatalf("%q, %v", got.Content, err)
		}
	}
}

func TestServerIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	for style, want := range map[workload.CloseStyle]error{workload.AtOnce: nil, workload.Reset: syscall.ECONNRESET} {
		b := &bench{}
		b.front(t, Spec{To: addr, Close: workload.Close{Style: style}})
		if got, err := greeting(b); got != "" || !errors.Is(err, want) {
			t.Errorf("%s: %q, %v; want %v", style, got, err, want)
		}
		stop(t, b.proxy)
		if !b.called("proxy", "connect", "ECONNREFUSED") || !strings.Contains(b.Logged(), "connection refused") {
			t.Errorf("%s: no word of the refusal: %s", style, b.Logged())
		}
	}
}

// A reset on one side ends the other in the proxy's style; so does a FIN with
// the style reset.
func TestBrokenServer(t *testing.T) {
	tests := []struct {
		name   string
		server workload.CloseStyle
		proxy  workload.CloseStyle
		want   error
	}{
		{"a reset becomes a FIN", workload.Reset, workload.AtOnce, nil},
		{"a reset stays a reset", workload.Reset, workload.Reset, syscall.ECONNRESET},
		{"a FIN becomes a reset", workload.AtOnce, workload.Reset, syscall.ECONNRESET},
		{"a FIN stays a FIN", workload.AtOnce, workload.AtOnce, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, socket.ServerSpec{Does: socket.Scripted, Script: []string{"close"}, Close: workload.Close{Style: tt.server}},
				Spec{Close: workload.Close{Style: tt.proxy}})
			if _, err := greeting(b); !errors.Is(err, tt.want) {
				t.Errorf("client sees %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRecord(t *testing.T) {
	b := start(t, socket.ServerSpec{}, Spec{Record: true, Flip: &Place{After: 3}})
	if _, err := b.ask(t, "hello\r\n\x00\xff"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`what=request`, `what=answer`, `"hello\r\n\x00\xff"`, `"helmo\r\n\x00\xff"`} {
		if !strings.Contains(b.Logged(), want) {
			t.Errorf("log lacks %s:\n%s", want, b.Logged())
		}
	}
	if _, err := b.ask(t, strings.Repeat("x", 3*maxRecord)); err != nil {
		t.Fatal(err)
	}
	if log := b.Logged(); len(log) > 2*maxRecord || !strings.Contains(log, "more than is logged") {
		t.Errorf("the log has %d bytes", len(log))
	}
}

func TestBadSpecs(t *testing.T) {
	to := netip.MustParseAddrPort("127.0.0.1:1")
	tests := []struct {
		name string
		spec Spec
		want string
	}{
		{"no server", Spec{}, "no server to pass on to"},
		{"port", Spec{To: to, Port: 70000}, "out of range"},
		{"direction", Spec{To: to, Flip: &Place{Of: "up"}}, "is none"},
		{"before the beginning", Spec{To: to, Cut: &Place{After: -1}}, "is none"},
		{"style", Spec{To: to, Close: workload.Close{Style: "politely"}}, "close style"},
	}
	for _, tt := range tests {
		if _, err := Start(t.Context(), tt.spec, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
