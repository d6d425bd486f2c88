package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/authority"
	"netlab/lab/workload/workloadtest"
	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
)

// TestMain fails the package if a test leaves something running.
func TestMain(m *testing.M) { os.Exit(workloadtest.Main(m, "net/http.", "workload/web.(*")) }

// A bench is a server with what was recorded of it and its clients.
type bench struct {
	server *Server
	addr   netip.AddrPort
	url    string // http://127.0.0.1:80
	ca     *authority.Authority

	recorder *calls.Recorder
	mu       sync.Mutex
	events   []probes.Event
}

// start starts a server on loopback, stopped with the test. kind is that of
// its certificate; "" is no TLS.
func start(t *testing.T, spec ServerSpec, kind authority.Kind) *bench {
	t.Helper()
	b := &bench{url: "http://"}
	b.recorder = calls.New("node", 0, func(e probes.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	})
	if kind != "" {
		b.certify(t, &spec, kind)
	}
	if spec.Routes == nil {
		spec.Routes = map[string]Route{"/": {Body: "hello\n"}}
	}
	var err error
	b.server, err = Start(t.Context(), spec, ServerOptions{Calls: b.recorder.Caller("server"), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	b.addr = b.server.Addr().(*net.TCPAddr).AddrPort()
	b.url += b.addr.String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := b.server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) certify(t *testing.T, spec *ServerSpec, kind authority.Kind) {
	t.Helper()
	var err error
	if b.ca, err = authority.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	identity, err := b.ca.Issue(kind, []string{"server.lab.test"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	if spec.TLS == nil {
		spec.TLS = &ServerTLS{}
	}
	if spec.TLS.Certificate, err = tls.X509KeyPair(identity.Certificate, identity.Key); err != nil {
		t.Fatal(err)
	}
	b.url = "https://"
}

// client makes a client of the bench, closed with the test.
func (b *bench) client(t *testing.T, spec ClientSpec) *Client {
	t.Helper()
	if b.ca != nil {
		var err error
		spec.Authority = b.ca.PEM()
		if spec.Revoked, err = b.ca.Revocations(); err != nil {
			t.Fatal(err)
		}
	}
	c, err := NewClient(b.recorder.Caller("client"), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background(), workload.Close{}) }) // unless the test did
	return c
}

// get asks for a path; going wrong fails the test.
func (b *bench) get(t *testing.T, c *Client, path string) Result {
	t.Helper()
	r, err := c.Do(t.Context(), Request{Method: "GET", URL: b.url + path})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// await waits until a workload has made so many calls of a name.
func (b *bench) await(t *testing.T, workload, name string, n int) {
	t.Helper()
	for range 1000 {
		count := 0
		for _, call := range b.calls(workload) {
			if call == name || strings.HasPrefix(call, name+" ") {
				count++
			}
		}
		if count >= n {
			return
		}
		time.Sleep(2 * time.Millisecond) // the recorder wakes nobody
	}
	t.Fatalf("%s: no %d calls of %s: %v", workload, n, name, b.calls(workload))
}

// calls returns what a workload did, without what only moves bytes.
func (b *bench) calls(workload string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := slices.Clone(b.events)
	slices.SortStableFunc(events, func(x, y probes.Event) int { return int(x.Call.End - y.Call.End) })
	var list []string
	for _, e := range events {
		c := e.Call
		if c.Workload != workload || slices.Contains([]string{"listen", "accept", "connect", "send"}, c.Name) || c.Name == "receive" && c.Errno != "EOF" && c.Errno != "ECONNRESET" {
			continue
		}
		text := c.Name
		if c.Name == "receive" {
			text = c.Errno
		} else if c.Args != "" {
			args, _, _ := strings.Cut(c.Args, ": ")
			text += " " + args
		}
		list = append(list, text)
	}
	return list
}

// Every version, with and without TLS, brings what the route says.
func TestVersions(t *testing.T) {
	for _, kind := range []authority.Kind{"", authority.Good} {
		for _, v := range []Version{HTTP10, HTTP11, HTTP2} {
			t.Run(fmt.Sprintf("%s %s", v, kind), func(t *testing.T) {
				b := start(t, ServerSpec{Versions: []Version{HTTP10, HTTP11, HTTP2}}, kind)
				c := b.client(t, ClientSpec{Version: v})
				first, second := b.get(t, c, "/a"), b.get(t, c, "/b")
				want := Result{
					Status: 200, Text: "OK", Protocol: map[Version]string{HTTP10: "HTTP/1.0", HTTP11: "HTTP/1.1", HTTP2: "HTTP/2.0"}[v],
					Content: "hello\n", Bytes: 6, SHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
				}
				if kind != "" {
					want.Secure = "1.3"
				}
				first.Headers, second.Headers = nil, nil
				want.Requests = []string{"GET /a"}
				if diff := cmp.Diff(want, first); diff != "" {
					t.Errorf("first (-want +got):\n%s", diff)
				}
				want.Reused, want.Requests = v != HTTP10, []string{"GET /b"}
				if diff := cmp.Diff(want, second); diff != "" {
					t.Errorf("second (-want +got):\n%s", diff)
				}
				if err := c.Close(t.Context(), workload.Close{}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A server of 1.0 alone answers a newer client as such a server does.
func TestOldServer(t *testing.T) {
	for _, kind := range []authority.Kind{"", authority.Good} {
		b := start(t, ServerSpec{Versions: []Version{HTTP10}}, kind)
		c := b.client(t, ClientSpec{Close: workload.Close{Style: workload.AfterPeer}})
		for range 2 {
			got := b.get(t, c, "/")
			if got.Protocol != "HTTP/1.0" || got.Reused || got.Content != "hello\n" || got.Headers.Get("Connection") != "" {
				t.Errorf("got %+v", got)
			}
		}
		if n := strings.Count(strings.Join(b.calls("server"), "\n"), "close\n"); n > 2 {
			t.Errorf("%d closes", n)
		}
	}
}

func TestRoutes(t *testing.T) {
	b := start(t, ServerSpec{Routes: map[string]Route{
		"/":        {Body: "root"},
		"/deep/":   {Body: "below", Headers: http.Header{"X-Kind": {"deep"}}},
		"/deep/a":  {Body: "own"},
		"/teapot":  {Status: 418},
		"/nothing": {Status: 204},
		"/old":     {Redirect: "/deep/"},
		"/big":     {Size: 100_000},
		"/secret":  {Body: "in", User: "u", Password: "p"},
		"/login":   {Cookies: []*http.Cookie{{Name: "sid", Value: "1"}, {Name: "soon", Value: "x", MaxAge: 60}}},
	}}, "")
	c := b.client(t, ClientSpec{Jar: true})
	for _, tt := range []struct {
		path          string
		status        int
		content       string
		user, method  string
		bytes         int64
		name, header  string
		cookies       []string
		contentLength string
	}{
		{path: "/", status: 200, content: "root"},
		{path: "/x/y", status: 200, content: "root"},
		{path: "/deep/b", status: 200, content: "below", name: "X-Kind", header: "deep"},
		{path: "/deep/a", status: 200, content: "own"},
		{path: "/deep", status: 200, content: "root"},
		{path: "/teapot", status: 418},
		{path: "/nothing", status: 204},
		{path: "/old", status: 302, name: "Location", header: "/deep/"},
		{path: "/big", status: 200, bytes: 100_000},
		{path: "/big", method: "HEAD", status: 200, name: "Content-Length", header: "100000"},
		{path: "/secret", status: 401, content: "unauthorized\n", name: "Www-Authenticate", header: `Basic realm="netlab", charset="UTF-8"`},
		{path: "/secret", user: "u", status: 200, content: "in"},
		{path: "/login", status: 200},
		{path: "/", status: 200, content: "root", cookies: []string{"sid=1", "soon=x"}},
	} {
		t.Run(tt.method+tt.path, func(t *testing.T) {
			method := "GET"
			if tt.method != "" {
				method = tt.method
			}
			got, err := c.Do(t.Context(), Request{Method: method, URL: b.url + tt.path, User: tt.user, Password: "p"})
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != tt.status || tt.bytes == 0 && got.Content != tt.content || tt.bytes != 0 && (got.Bytes != tt.bytes || !got.Cut) {
				t.Errorf("got %+v", got)
			}
			if tt.name != "" && got.Headers.Get(tt.name) != tt.header {
				t.Errorf("%s: %q", tt.name, got.Headers.Get(tt.name))
			}
			if diff := cmp.Diff(tt.cookies, got.Sent); tt.cookies != nil && diff != "" {
				t.Errorf("cookies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPostAndFollow(t *testing.T) {
	b := start(t, ServerSpec{Routes: map[string]Route{"/": {Body: "done"}, "/old": {Status: 307, Redirect: "/new"}}}, "")
	for _, v := range []Version{HTTP10, HTTP11} {
		c := b.client(t, ClientSpec{Version: v, Follow: true})
		for _, r := range []Request{
			{Method: "POST", URL: b.url + "/", Body: "text", Type: "text/plain"},
			{Method: "POST", URL: b.url + "/", Size: 3 << 20},
			{Method: "POST", URL: b.url + "/old", Size: 1 << 20},
			{Method: "POST", URL: b.url + "/"},
			{Method: "GET", URL: "http://www.lab.test/old", Target: b.addr},
		} {
			got, err := c.Do(t.Context(), r)
			if err != nil || got.Content != "done" {
				t.Errorf("HTTP/%s %s %s: %+v, %v", v, r.Method, r.URL, got, err)
			}
		}
	}
}

// Why a certificate is refused is in the client's error; what of it the peer
// is told, in the alerts.
func TestTrust(t *testing.T) {
	for _, tt := range []struct {
		kind  authority.Kind
		spec  ClientSpec
		error string // "" for none
	}{
		{kind: authority.Good},
		{kind: authority.Good, spec: ClientSpec{CheckRevocation: true}},
		{kind: authority.Good, spec: ClientSpec{ServerName: "server.lab.test"}},
		{kind: authority.Good, spec: ClientSpec{ServerName: "other.lab.test"}, error: "not other.lab.test"},
		{kind: authority.Good, spec: ClientSpec{Trust: TrustNobody}, error: "unknown authority"},
		{kind: authority.Expired, error: "expired"},
		{kind: authority.WrongName, error: "certificate refused: x509: "},
		{kind: authority.SelfSigned, error: "unknown authority"},
		{kind: authority.SelfSigned, spec: ClientSpec{Trust: TrustAny}},
		{kind: authority.Revoked},
		{kind: authority.Revoked, spec: ClientSpec{CheckRevocation: true}, error: "revoked"},
	} {
		t.Run(fmt.Sprintf("%s %+v", tt.kind, tt.spec), func(t *testing.T) {
			b := start(t, ServerSpec{Close: workload.Close{Style: workload.AfterPeer}}, tt.kind)
			tt.spec.Close = workload.Close{Style: workload.HalfThenDrain}
			c := b.client(t, tt.spec)
			_, err := c.Do(t.Context(), Request{Method: "GET", URL: b.url})
			if tt.error == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.error) || strings.Contains(err.Error(), "truncated") {
				t.Fatalf("got %v, want %q", err, tt.error)
			}
			b.await(t, "server", "close", 1)
			if diff := cmp.Diff([]string{"handshake failed", "alert sent bad_certificate", "shutdown write", "EOF", "close"}, b.calls("client")); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"handshake failed", "alert received bad_certificate", "EOF", "close"}, b.calls("server")); diff != "" {
				t.Errorf("server (-want +got):\n%s", diff)
			}
		})
	}
}
