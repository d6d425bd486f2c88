package socket_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/socket"
)

// serveUDP starts a server at all addresses, and a client that knows it by one.
func serveUDP(t *testing.T, w *witness, spec socket.ServerSpec, host string) *socket.UDPClient {
	t.Helper()
	s, err := socket.ServeUDP(t.Context(), spec, socket.ServerOptions{Log: slog.NewTextHandler(w, nil), Listen: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	port := netip.MustParseAddrPort(s.Addr().String()).Port()
	c, err := socket.DialUDP(w.Caller("client"), 0, netip.AddrPortFrom(netip.MustParseAddr(host), port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// An answer comes from the address that was asked, whichever that was.
func TestUDPEcho(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		t.Run(host, func(t *testing.T) {
			c, ctx := serveUDP(t, &witness{}, socket.ServerSpec{}, host), t.Context()
			moved(t, "send", 5, "")(c.Send(ctx, strings.NewReader("hello")))
			moved(t, "receive", 5, "hello")(c.Receive(ctx))
			moved(t, "send nothing", 0, "")(c.Send(ctx, strings.NewReader("")))
			moved(t, "receive nothing", 0, "")(c.Receive(ctx))
			sent, err := c.Send(ctx, workload.Generated(60000))
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Receive(ctx)
			if err != nil || got.SHA256 != sent.SHA256 || got.Bytes != 60000 {
				t.Errorf("sent %s, got %d bytes %s, %v", sent.SHA256, got.Bytes, got.SHA256, err)
			}
		})
	}
}

func TestUDPTooLarge(t *testing.T) {
	c := serveUDP(t, &witness{}, socket.ServerSpec{Does: socket.Sink}, "127.0.0.1")
	_, err := c.Send(t.Context(), workload.Generated(65508))
	if want := "send 65508 bytes: EMSGSIZE (message too long)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestUDPWithoutAnswer(t *testing.T) {
	for _, does := range []socket.Behaviour{socket.Sink, socket.Silent} {
		c := serveUDP(t, &witness{}, socket.ServerSpec{Does: does}, "127.0.0.1")
		moved(t, "send", 2, "")(c.Send(t.Context(), strings.NewReader("hi")))
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("no answer within 20ms"))
		if _, err := c.Receive(ctx); fmt.Sprint(err) != "receive: no answer within 20ms" {
			t.Errorf("%s: %v", does, err)
		}
		cancel()
	}
}

func TestUDPClosedPort(t *testing.T) {
	s, err := socket.ServeUDP(t.Context(), socket.ServerSpec{}, socket.ServerOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(s.Addr().String())
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := socket.DialUDP((&witness{}).Caller("client"), 0, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	moved(t, "send", 2, "")(c.Send(t.Context(), strings.NewReader("hi")))
	if _, err := c.Receive(t.Context()); fmt.Sprint(err) != "receive: ECONNREFUSED (connection refused)" {
		t.Errorf("%v", err)
	}
}

func TestUDPScript(t *testing.T) {
	w := &witness{}
	c, ctx := serveUDP(t, w, socket.ServerSpec{Does: socket.Scripted, Script: []string{
		"expect ping", `send "pong"`, "wait 1ms", "send again", "expect more",
	}}, "127.0.0.1"), t.Context()
	moved(t, "send", 5, "")(c.Send(ctx, strings.NewReader("ping!")))
	moved(t, "receive", 4, "pong")(c.Receive(ctx))
	moved(t, "receive", 6, "again\n")(c.Receive(ctx))
	moved(t, "send", 5, "")(c.Send(ctx, strings.NewReader("less\n")))
	limited, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if got, err := c.Receive(limited); err == nil {
		t.Errorf("a script that does not match answered %q", got.Content)
	}
	if !strings.Contains(w.Logged(), `line 5 of the script: expected \"more\", got \"less\\n\"`) {
		t.Errorf("log is %q", w.Logged())
	}
}

// A UDP socket that is bound answers whoever sent the last, from the address
// that was asked.
func TestUDPBind(t *testing.T) {
	w := &witness{}
	bound, err := socket.BindUDP(w.Caller("bound"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	if _, err := bound.Send(t.Context(), strings.NewReader("x")); fmt.Sprint(err) != "send: nobody has sent anything yet that could be answered" {
		t.Errorf("send to nobody: %v", err)
	}
	port := bound.LocalAddr().Port()
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		addr := netip.AddrPortFrom(netip.MustParseAddr(host), port)
		c, err := socket.DialUDP(w.Caller(host), 0, addr)
		if err != nil {
			t.Fatal(err)
		}
		moved(t, "send", 3, "")(c.Send(t.Context(), strings.NewReader("ask")))
		moved(t, "receive", 3, "ask")(bound.At(5).Receive(t.Context()))
		moved(t, "answer", 4, "")(bound.At(6).Send(t.Context(), strings.NewReader("told")))
		moved(t, "receive", 4, "told")(c.Receive(t.Context()))
		for _, e := range w.Events() {
			if e.Call.Workload == "bound" && e.Call.Name == "send" && e.Flow.Remote == c.LocalAddr() && e.Flow.Local != addr {
				t.Errorf("the answer went from %s, want %s", e.Flow.Local, addr)
			}
		}
		if err := errors.Join(c.Close()); err != nil {
			t.Error(err)
		}
		if err := c.Close(); fmt.Sprint(err) != "close: it was closed before" {
			t.Errorf("closed again: %v", err)
		}
	}
	_, err = socket.DialUDP(w.Caller("taken"), port, netip.MustParseAddrPort("[::1]:9"))
	if fmt.Sprint(err) != fmt.Sprintf("bind to port %d: EADDRINUSE (address already in use)", port) {
		t.Errorf("bound to a port that is taken: %v", err)
	}
	done := make(chan error, 1)
	go func() { _, err := bound.Receive(t.Context()); done <- err }()
	if err := bound.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; fmt.Sprint(err) != "receive: EBADF (use of closed network connection)" {
		t.Errorf("closed meanwhile: %v", err)
	}
}
