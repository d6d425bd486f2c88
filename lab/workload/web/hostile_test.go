package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/authority"
)

// Whatever a client does, the server goes on serving others, and Stop ends
// within its time.
func TestHostileClients(t *testing.T) {
	for _, kind := range []authority.Kind{"", authority.Good} {
		for name, do := range map[string]func(c net.Conn) error{
			"silent":         func(net.Conn) error { return nil },
			"half a request": func(c net.Conn) error { _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x"); return err },
			"no HTTP":        func(c net.Conn) error { _, err := io.WriteString(c, "\x00\xff\r\n\r\n"); return err },
			"half a body": func(c net.Conn) error {
				_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
				return err
			},
			"never reads": func(c net.Conn) error {
				_, err := io.WriteString(c, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
				return err
			},
			"HTTP/2 without TLS": func(c net.Conn) error { _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); return err },
			"a slow answer": func(c net.Conn) error {
				_, err := io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
				return err
			},
		} {
			t.Run(fmt.Sprintf("%s %s", name, kind), func(t *testing.T) {
				spec := ServerSpec{
					Routes: map[string]Route{"/": {Body: "hello"}, "/big": {Size: 1 << 40}, "/slow": {Delay: time.Hour}},
					Close:  workload.Close{Style: workload.AfterPeer},
				}
				b := start(t, spec, kind)
				conn, err := net.Dial("tcp", b.addr.String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if kind != "" && name != "silent" && name != "no HTTP" {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				if err := do(conn); err != nil {
					t.Fatal(err)
				}
				if got := b.get(t, b.client(t, ClientSpec{}), "/"); got.Content != "hello" {
					t.Errorf("another client got %+v", got)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begun := time.Now()
				if err := b.server.Stop(ctx); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took > time.Second {
					t.Errorf("Stop took %v", took)
				}
			})
		}
	}
}

func TestServerRefuses(t *testing.T) {
	b, secure := start(t, ServerSpec{}, ""), start(t, ServerSpec{}, authority.Good)
	for _, tt := range []struct {
		name, send, want string
		bench            *bench
	}{
		{"long head", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n", "431", b},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "400", b},
		{"clear text where TLS is spoken", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nClient sent an HTTP request to an HTTPS server.", secure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", tt.bench.addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.send); err != nil {
				t.Fatal(err)
			}
			got, err := bufio.NewReader(conn).ReadString(0)
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q (%v), want %q", got, err, tt.want)
			}
		})
	}
}

// Whatever a server does, the client says what was wrong, in time.
func TestHostileServers(t *testing.T) {
	long := "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHeader)
	for _, tt := range []struct {
		name, send, want string
		hang             bool
		stays            bool // a status is known all the same
	}{
		{name: "truncated body", send: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", want: "truncated: it ended after 3 of 10 bytes", stays: true},
		{name: "truncated chunk", send: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", want: "truncated: it ended within a chunk after 3 bytes", stays: true},
		{name: "no response", want: "closed the connection without a response"},
		{name: "half a head", send: "HTTP/1.1 200 OK\r\nX", want: "malformed MIME header"},
		{name: "no HTTP", send: "220 ftp ready\r\n", want: "malformed HTTP"},
		{name: "endless head", send: long, want: ""},
		{name: "silence", hang: true, want: "too late"},
		{name: "a body that does not end", send: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", hang: true, want: "too late", stays: true},
	} {
		for _, version := range []Version{HTTP10, HTTP11} {
			t.Run(fmt.Sprintf("%s %s", tt.name, version), func(t *testing.T) {
				release := make(chan struct{})
				addr := serve(t, func(c net.Conn) {
					if _, err := c.Read(make([]byte, 4096)); err != nil {
						return
					}
					_, _ = io.WriteString(c, tt.send) // the client may have gone
					if tt.hang {
						<-release
					}
				})
				defer close(release)
				b := &bench{recorder: start(t, ServerSpec{}, "").recorder}
				c := b.client(t, ClientSpec{Version: version})
				ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errors.New("too late"))
				if tt.hang {
					ctx, cancel = context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too late"))
				}
				defer cancel()
				got, err := c.Do(ctx, Request{Method: "GET", URL: "http://" + addr})
				if err == nil || !strings.Contains(err.Error(), tt.want) || tt.stays != (got.Status == 200) {
					t.Errorf("got %+v, %v; want %q", got, err, tt.want)
				}
			})
		}
	}
}

// A body that ends with the connection is whole only if TLS says so.
func TestEndWithoutCloseNotify(t *testing.T) {
	for _, notify := range []bool{true, false} {
		b := start(t, ServerSpec{}, authority.Good)
		config := &tls.Config{Certificates: b.server.tls.Certificates}
		addr := serve(t, func(c net.Conn) {
			secure := tls.Server(c, config)
			if _, err := secure.Read(make([]byte, 4096)); err != nil {
				return
			}
			if _, err := io.WriteString(secure, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"); err == nil && notify {
				secure.CloseWrite()
			}
		})
		c := b.client(t, ClientSpec{Close: workload.Close{Style: workload.AfterPeer}})
		got, err := c.Do(t.Context(), Request{Method: "GET", URL: "https://" + addr})
		if got.Content != "abc" || (err == nil) != notify || err != nil && !strings.Contains(err.Error(), "without close_notify") {
			t.Errorf("notify %v: %+v, %v", notify, got, err)
		}
	}
}

func TestClientErrors(t *testing.T) {
	b := start(t, ServerSpec{Routes: map[string]Route{"/": {Redirect: "/"}}}, "")
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	c := b.client(t, ClientSpec{Follow: true})
	for name, tt := range map[string]struct{ url, want string }{
		"refused":       {"http://" + unused.Addr().String(), "ECONNREFUSED"},
		"loop":          {b.url, "10 redirects"},
		"no TLS there":  {"https://" + b.addr.String(), "speaks HTTP, not HTTPS"},
		"no such name":  {"http://nobody.invalid/", "nobody.invalid"},
		"other scheme":  {"ftp://server/", "is not http://"},
		"no host":       {"http:///x", "is not http://"},
		"not an URL":    {"http://a b/", "invalid"},
		"version of it": {"http://[::1", "missing"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		if _, err := c.Do(ctx, Request{Method: "GET", URL: tt.url}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		cancel()
	}
	if err := c.Close(t.Context(), workload.Close{}); err != nil {
		t.Error(err)
	}
	if err := c.Close(t.Context(), workload.Close{}); !errors.Is(err, errClosed) {
		t.Errorf("closed again: %v", err)
	}
	if _, err := c.Do(t.Context(), Request{Method: "GET", URL: b.url}); err == nil {
		t.Error("a closed client got an answer")
	}
}

func TestVersionsOfTLS(t *testing.T) {
	for _, tt := range []struct{ serverMin, serverMax, clientMin, clientMax, want string }{
		{"1.2", "1.3", "1.2", "1.3", "1.3"},
		{"1.2", "1.2", "1.2", "1.3", "1.2"},
		{"1.0", "1.0", "1.0", "1.3", "1.0"},
		{"1.3", "1.3", "1.2", "1.2", ""},
	} {
		b := start(t, ServerSpec{TLS: &ServerTLS{Min: tt.serverMin, Max: tt.serverMax}}, authority.Good)
		c := b.client(t, ClientSpec{MinTLS: tt.clientMin, MaxTLS: tt.clientMax})
		got, err := c.Do(t.Context(), Request{Method: "GET", URL: b.url})
		if got.Secure != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %q, %v", tt, got.Secure, err)
		}
	}
}

func TestSpecsAreChecked(t *testing.T) {
	_, err := Start(t.Context(), ServerSpec{
		Port: -1, IdleTimeout: -1, Versions: []Version{"3"}, Close: workload.Close{Style: "later"},
		Routes: map[string]Route{"x": {Status: 99, Body: "b", Size: 1}, "/h": {Headers: map[string][]string{"A B": {"c"}}}},
	}, ServerOptions{})
	for _, want := range []string{"port -1", "idle timeout", `"3"`, `"later"`, `"x" does not begin`, "status 99", "either a body", `"A B"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("server: no %q in %v", want, err)
		}
	}
	for _, spec := range []ClientSpec{{Version: "3"}, {Trust: "some"}, {MinTLS: "2"}, {Authority: []byte("x")}, {CheckRevocation: true}, {Close: workload.Close{Style: "later"}}} {
		if _, err := NewClient(nil, spec, nil); err == nil {
			t.Errorf("no error for %+v", spec)
		}
	}
}
