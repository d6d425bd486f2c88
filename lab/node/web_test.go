package node

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/web"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

func TestWebSpec(t *testing.T) {
	got := webSpec(&scenarios.HTTPServer{
		Port: 8080, KeepAlive: false, IdleTimeout: scenarios.Duration{Duration: time.Second},
		Versions: []scenarios.HTTPVersion{scenarios.HTTP10, scenarios.HTTP2},
		Close:    scenarios.Close{Style: scenarios.CloseAfterPeer, Delay: scenarios.Duration{Duration: time.Millisecond}},
		Routes: []scenarios.Route{{
			Name: "/a/", Status: 201, Size: 5, Headers: []scenarios.Header{{Name: "x-a", Value: "1"}, {Name: "X-A", Value: "2"}},
			Cookies: []scenarios.Cookie{{Name: "c", Value: "v", MaxAge: scenarios.Duration{Duration: 1500 * time.Millisecond}, SameSite: scenarios.SameSiteLax}},
			Delay:   scenarios.Duration{Duration: time.Second}, User: "u", Password: "p",
		}},
	})
	want := web.ServerSpec{
		Port: 8080, NoKeepAlive: true, IdleTimeout: time.Second, Versions: []web.Version{web.HTTP10, web.HTTP2},
		Close: workload.Close{Style: workload.AfterPeer, Delay: time.Millisecond},
		Routes: map[string]web.Route{"/a/": {
			Status: 201, Size: 5, Headers: http.Header{"X-A": {"1", "2"}}, EarlyHints: http.Header{},
			Cookies: []*http.Cookie{{Name: "c", Value: "v", MaxAge: 2, SameSite: http.SameSiteLaxMode}},
			Delay:   time.Second, User: "u", Password: "p",
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAddressOf(t *testing.T) {
	plain := scenarios.Server{Node: "server", HTTP: &scenarios.HTTPServer{}}
	secure := scenarios.Server{Node: "server", HTTPS: &scenarios.HTTPSServer{}}
	proxy := scenarios.Server{Node: "proxy", Proxy: &scenarios.ProxyServer{}}
	for _, tt := range []struct {
		name    string
		request scenarios.HTTPRequest
		peer    scenarios.Server
		target  string
		want    string
	}{
		{"usual port", scenarios.HTTPRequest{Path: "/"}, plain, "10.77.0.2:80", "http://server/"},
		{"with TLS", scenarios.HTTPRequest{Path: "/a"}, secure, "10.77.0.2:443", "https://server/a"},
		{"other port", scenarios.HTTPRequest{Path: "/"}, secure, "10.77.0.2:444", "https://server:444/"},
		{"other host", scenarios.HTTPRequest{Path: "/", Host: "www.lab.test"}, plain, "10.77.0.2:8080", "http://www.lab.test:8080/"},
		{"host with port", scenarios.HTTPRequest{Path: "/", Host: "www.lab.test:81"}, plain, "10.77.0.2:8080", "http://www.lab.test:81/"},
		{"other scheme", scenarios.HTTPRequest{Path: "/", Scheme: scenarios.HTTPS}, plain, "10.77.0.2:80", "https://server:80/"},
		{"escaped", scenarios.HTTPRequest{Path: "/a%20b?x=%26"}, plain, "10.77.0.2:80", "http://server/a%20b?x=%26"},
		{"two slashes", scenarios.HTTPRequest{Path: "//a"}, plain, "10.77.0.2:80", "http://server//a"},
		{"query", scenarios.HTTPRequest{Path: "/a b?x=1&y"}, plain, "10.77.0.2:80", "http://server/a%20b?x=1&y"},
	} {
		if got := addressOf(&tt.request, tt.peer, tt.peer, netip.MustParseAddrPort(tt.target)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	at := netip.MustParseAddrPort("10.77.0.3:8443")
	if got, want := addressOf(&scenarios.HTTPRequest{Path: "/"}, proxy, secure, at), "https://proxy:8443/"; got != want {
		t.Errorf("before HTTPS: %s, want %s", got, want)
	}
	if got, want := addressOf(&scenarios.HTTPRequest{Path: "/"}, proxy, plain, at), "http://proxy:8443/"; got != want {
		t.Errorf("before HTTP: %s, want %s", got, want)
	}
}
