package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/authority"

	"github.com/google/go-cmp/cmp"
)

// What a client and a server that waits for it do, in every style of the
// client, with and without TLS. Of TLS nothing is said before its turn.
func TestClientStyles(t *testing.T) {
	for _, tt := range []struct {
		style          workload.CloseStyle
		server         workload.CloseStyle
		plain          []string
		secure         []string
		servers        []string // with TLS
		serversAnyways bool     // the end of what the server does is a race
	}{
		{
			style: workload.AtOnce, server: workload.AfterPeer,
			plain:   []string{"close"},
			secure:  []string{"handshake 1.3", "close_notify sent", "close"},
			servers: []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"},
		},
		{
			style: workload.AfterReply, server: workload.AfterPeer,
			plain:   []string{"close"},
			secure:  []string{"handshake 1.3", "close_notify sent", "close"},
			servers: []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"},
		},
		{
			style: workload.HalfThenDrain, server: workload.AfterPeer,
			plain:   []string{"shutdown write", "EOF", "close"},
			secure:  []string{"handshake 1.3", "close_notify sent", "shutdown write", "close_notify received", "EOF", "close"},
			servers: []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"},
		},
		{
			style: workload.Reset, server: workload.AfterPeer,
			plain:   []string{"linger 0", "close"},
			secure:  []string{"handshake 1.3", "linger 0", "close"},
			servers: []string{"handshake 1.3", "ECONNRESET", "ECONNRESET", "close_notify sent", "close"}, serversAnyways: true,
		},
	} {
		for _, kind := range []authority.Kind{"", authority.Good} {
			t.Run(fmt.Sprintf("%s %s", tt.style, kind), func(t *testing.T) {
				b := start(t, ServerSpec{Close: workload.Close{Style: tt.server}}, kind)
				c := b.client(t, ClientSpec{})
				b.get(t, c, "/")
				if err := c.Close(t.Context(), workload.Close{Style: tt.style}); err != nil {
					t.Error(err)
				}
				b.await(t, "server", "close", 1)
				want := tt.plain
				if kind != "" {
					want = tt.secure
				}
				if diff := cmp.Diff(want, b.calls("client")); diff != "" {
					t.Errorf("client (-want +got):\n%s", diff)
				}
				if kind == "" || tt.serversAnyways {
					return
				}
				if diff := cmp.Diff(tt.servers, b.calls("server")); diff != "" {
					t.Errorf("server (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// What a server that closes after each response and a client that waits for it
// do.
func TestServerStyles(t *testing.T) {
	for _, tt := range []struct {
		style          workload.CloseStyle
		plain, secure  []string
		client         []string // with TLS
		resets, silent bool
	}{
		{
			style:  workload.AtOnce,
			plain:  []string{"close"},
			secure: []string{"handshake 1.3", "close_notify sent", "close"},
			client: []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"},
		},
		{
			style:  workload.HalfThenDrain,
			plain:  []string{"shutdown write", "EOF", "close"},
			secure: []string{"handshake 1.3", "close_notify sent", "shutdown write", "close_notify received", "EOF", "close"},
			client: []string{"handshake 1.3", "close_notify received", "EOF", "close_notify sent", "close"},
		},
		{
			style:  workload.HalfThenDrain,
			silent: true,
			plain:  []string{"shutdown write", "EOF", "close"},
			secure: []string{"handshake 1.3", "shutdown write", "close_notify received", "EOF", "close"},
			client: []string{"handshake 1.3", "EOF", "close_notify sent", "close"},
		},
		{
			style:  workload.Reset,
			plain:  []string{"linger 0", "close"},
			secure: []string{"handshake 1.3", "linger 0", "close"},
			resets: true,
		},
	} {
		for _, kind := range []authority.Kind{"", authority.Good} {
			t.Run(fmt.Sprintf("%s %s %v", tt.style, kind, tt.silent), func(t *testing.T) {
				spec := ServerSpec{NoKeepAlive: true, Close: workload.Close{Style: tt.style}}
				if kind != "" {
					spec.TLS = &ServerTLS{NoNotify: tt.silent}
				}
				b := start(t, spec, kind)
				c := b.client(t, ClientSpec{Close: workload.Close{Style: workload.AfterPeer}})
				got, err := c.Do(t.Context(), Request{Method: "GET", URL: b.url})
				if err != nil && !tt.resets { // a reset may overtake the response
					t.Fatal(err)
				}
				if said := got.Headers.Get("Connection"); err == nil && said != "close" {
					t.Errorf("Connection: %q", said)
				}
				b.await(t, "server", "close", 1)
				want := tt.plain
				if kind != "" {
					want = tt.secure
				}
				if diff := cmp.Diff(want, b.calls("server")); diff != "" {
					t.Errorf("server (-want +got):\n%s", diff)
				}
				if kind == "" || tt.resets {
					return
				}
				// Of the end of the stream only the first sight is told, but a
				// client drains the socket, too.
				if diff := cmp.Diff(tt.client, slices.Compact(b.calls("client"))); diff != "" {
					t.Errorf("client (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// An idle connection is closed by the server in its style, but not after the
// peer, whom nobody has told; the client notices and closes.
func TestIdleTimeout(t *testing.T) {
	for _, kind := range []authority.Kind{"", authority.Good} {
		b := start(t, ServerSpec{IdleTimeout: 30 * time.Millisecond, Close: workload.Close{Style: workload.AfterPeer}}, kind)
		c := b.client(t, ClientSpec{Close: workload.Close{Style: workload.AfterPeer}})
		b.get(t, c, "/")
		b.await(t, "client", "close", 1)
		got := b.calls("server")
		want := []string{"close"}
		if kind != "" {
			want = []string{"handshake 1.3", "close_notify sent", "close"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("server (-want +got):\n%s", diff)
		}
		if second := b.get(t, c, "/"); second.Reused {
			t.Error("the closed connection was used again")
		}
	}
}

// A peer that never closes holds up a close for as long as the step lets it.
func TestCloseGivesUp(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	addr := serve(t, func(c net.Conn) {
		buf := make([]byte, 1000)
		if _, err := c.Read(buf); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		<-release
	})
	b := start(t, ServerSpec{}, "")
	c := b.client(t, ClientSpec{})
	if _, err := c.Do(t.Context(), Request{Method: "GET", URL: "http://" + addr}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := c.Close(ctx, workload.Close{Style: workload.HalfThenDrain})
	if err == nil || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	got := b.calls("client")
	if !strings.HasPrefix(got[len(got)-1], "close half_then_drain given up") {
		t.Errorf("calls %v", got)
	}
}

// serve runs a server of the test's own, one connection at a time.
func serve(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}
