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
