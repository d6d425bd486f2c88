package web

import (
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a server refuses, and on which conditions, each over one connection.
func TestRules(t *testing.T) {
	b := start(t, ServerSpec{Routes: map[string]Route{
		"/read-only": {Body: "text", Methods: []string{"GET", "HEAD"}},
		"/small":     {Body: "thanks", MaxBody: 10},
		"/tagged":    {Body: "0123456789", ETag: "v1", Ranges: true},
		"/whole":     {Body: "0123456789", ETag: "v1"},
		"/twice":     {Body: "here", Limit: 2, RetryAfter: 30 * time.Second},
		"/busy":      {Status: 503, RetryAfter: 1500 * time.Millisecond},
		"/hints":     {Body: "page", EarlyHints: http.Header{"Link": {"</style.css>; rel=preload"}}},
		"/307":       {Status: 307, Redirect: "/small"},
		"/303":       {Status: 303, Redirect: "/small"},
	}}, "")
	c := b.client(t, ClientSpec{Follow: true})
	for _, tt := range []struct {
		name     string
		request  Request
		status   int
		content  string
		header   string // name: value
		interim  []int
		requests []string
	}{
		{name: "allowed", request: Request{Method: "GET", URL: "/read-only"}, status: 200, content: "text"},
		{name: "not allowed", request: Request{Method: "DELETE", URL: "/read-only"}, status: 405, content: "method not allowed\n", header: "Allow: GET, HEAD"},
		{name: "fits", request: Request{Method: "PUT", URL: "/small", Body: "0123456789"}, status: 200, content: "thanks"},
		{name: "too large", request: Request{Method: "PUT", URL: "/small", Body: "0123456789a"}, status: 413, content: "content too large\n"},
		{name: "continued", request: Request{Method: "POST", URL: "/small", Body: "hello", Continue: true}, status: 200, content: "thanks", interim: []int{100}},
		{name: "not continued", request: Request{Method: "POST", URL: "/small", Body: "too much to ask for", Continue: true}, status: 413, content: "content too large\n"},
		{name: "not modified", request: Request{Method: "GET", URL: "/tagged", Headers: http.Header{"If-None-Match": {`"v1"`}}}, status: 304},
		{name: "modified", request: Request{Method: "GET", URL: "/tagged", Headers: http.Header{"If-None-Match": {`"v0"`}}}, status: 200, content: "0123456789", header: `Etag: "v1"`},
		{name: "part", request: Request{Method: "GET", URL: "/tagged", Headers: http.Header{"Range": {"bytes=2-4"}}}, status: 206, content: "234", header: "Content-Range: bytes 2-4/10"},
		{name: "no such part", request: Request{Method: "GET", URL: "/tagged", Headers: http.Header{"Range": {"bytes=20-"}}}, status: 416, content: "invalid range: failed to overlap\n"},
		{name: "no parts", request: Request{Method: "GET", URL: "/whole", Headers: http.Header{"Range": {"bytes=2-4"}}}, status: 200, content: "0123456789"},
		{name: "first", request: Request{Method: "GET", URL: "/twice"}, status: 200, content: "here"},
		{name: "second", request: Request{Method: "GET", URL: "/twice"}, status: 200, content: "here"},
		{name: "third", request: Request{Method: "GET", URL: "/twice"}, status: 429, content: "too many requests\n", header: "Retry-After: 30"},
		{name: "busy", request: Request{Method: "GET", URL: "/busy"}, status: 503, header: "Retry-After: 2"},
		{name: "hints", request: Request{Method: "GET", URL: "/hints"}, status: 200, content: "page", interim: []int{103}},
		{name: "method kept", request: Request{Method: "POST", URL: "/307", Body: "hi"}, status: 200, content: "thanks", requests: []string{"POST /307", "POST /small"}},
		{name: "method changed", request: Request{Method: "POST", URL: "/303", Body: "hi"}, status: 200, content: "thanks", requests: []string{"POST /303", "GET /small"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.request.URL
			tt.request.URL = b.url + path
			got, err := c.Do(t.Context(), tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if tt.requests == nil {
				tt.requests = []string{tt.request.Method + " " + path}
			}
			name, value, _ := strings.Cut(tt.header, ": ")
			if got.Status != tt.status || got.Content != tt.content || !slices.Equal(got.Interim, tt.interim) ||
				!slices.Equal(got.Requests, tt.requests) || got.Headers.Get(name) != value {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSessions(t *testing.T) {
	routes := map[string]Route{}
	for _, what := range []SessionAction{SessionVisit, SessionLogin, SessionShow, SessionStore, SessionLogout, SessionTable} {
		routes["/"+string(what)] = Route{Session: what}
	}
	const hour = time.Hour
	for _, tt := range []struct {
		name string
		spec SessionSpec
		do   []string // METHOD path [body]
		want []string // status and body
	}{
		{"counted", SessionSpec{Lifetime: hour}, []string{"GET /show", "GET /visit", "GET /visit", "GET /show", "GET /table"},
			[]string{"200 no session", "200 visit 1", "200 visit 2", "200 nobody is logged in", "200 sessions: 1\nuser nobody, visits 2, 0 bytes"}},
		{"login", SessionSpec{Lifetime: hour, RenewLogin: true}, []string{"GET /visit", "GET /login?user=ann", "GET /show", "GET /logout", "GET /show", "GET /login", "GET /table"},
			[]string{"200 visit 1", "200 welcome, ann", "200 ann is logged in", "200 logged out", "200 no session", "400 who? ?user=NAME", "200 sessions: 1\nuser nobody, visits 0, 0 bytes"}},
		{"limit", SessionSpec{Lifetime: hour, MaxSize: 4}, []string{"POST /store four", "POST /store fives", "GET /table"},
			[]string{"200 stored 4 bytes", "507 a session holds at most 4 bytes", "200 sessions: 1\nuser nobody, visits 0, 4 bytes"}},
		{"forgotten", SessionSpec{Lifetime: 1}, []string{"GET /visit", "GET /visit", "GET /table"},
			[]string{"200 visit 1", "200 visit 1", "200 sessions: 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Cookie = "sid"
			b := start(t, ServerSpec{Routes: routes, Sessions: &tt.spec}, "")
			c := b.client(t, ClientSpec{Jar: true})
			for i, do := range tt.do {
				parts := strings.SplitN(do, " ", 3)
				r := Request{Method: parts[0], URL: b.url + parts[1]}
				if len(parts) > 2 {
					r.Body = parts[2]
				}
				got, err := c.Do(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				if said := strings.TrimSpace(fmt.Sprintf("%d %s", got.Status, got.Content)); said != tt.want[i] {
					t.Errorf("%s: %q, want %q", do, said, tt.want[i])
				}
			}
		})
	}
}

// Whose names a server accepts decides whether somebody can choose the name of
// another's session beforehand.
func TestFixation(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spec  SessionSpec
		taken bool
	}{
		{"any name, kept", SessionSpec{AcceptAny: true}, true},
		{"any name, renewed", SessionSpec{AcceptAny: true, RenewLogin: true}, false},
		{"own names", SessionSpec{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Cookie, tt.spec.Lifetime = "sid", time.Hour
			b := start(t, ServerSpec{Sessions: &tt.spec, Routes: map[string]Route{"/login": {Session: SessionLogin}, "/show": {Session: SessionShow}}}, "")
			c := b.client(t, ClientSpec{})
			chosen := http.Header{"Cookie": {"sid=chosen"}}
			for _, path := range []string{"/login?user=ann", "/show"} {
				got, err := c.Do(t.Context(), Request{Method: "GET", URL: b.url + path, Headers: chosen})
				if err != nil {
					t.Fatal(err)
				}
				if taken := got.Content == "ann is logged in\n"; path == "/show" && taken != tt.taken {
					t.Errorf("taken over: %v, want %v (%q)", taken, tt.taken, got.Content)
				}
			}
		})
	}
}

func TestSignedCookies(t *testing.T) {
	for _, signed := range []bool{false, true} {
		b := start(t, ServerSpec{Signed: signed, Routes: map[string]Route{
			"/set": {Cookies: []*http.Cookie{{Name: "role", Value: "guest"}}}, "/read": {Reads: "role"},
		}}, "")
		c := b.client(t, ClientSpec{Jar: true})
		b.get(t, c, "/set")
		if got := b.get(t, c, "/read"); got.Content != "role is guest\n" {
			t.Errorf("signed %v: got %q", signed, got.Content)
		}
		other := b.client(t, ClientSpec{})
		got, err := other.Do(t.Context(), Request{Method: "GET", URL: b.url + "/read", Headers: http.Header{"Cookie": {"role=admin"}}})
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 200, true: 403}[signed]; got.Status != want {
			t.Errorf("signed %v: %d, want %d", signed, got.Status, want)
		}
		if got := b.get(t, other, "/read"); got.Content != "role is not set\n" {
			t.Errorf("signed %v: got %q", signed, got.Content)
		}
	}
}

func TestMedia(t *testing.T) {
	b := start(t, ServerSpec{Routes: map[string]Route{"/jpeg": {Media: JPEG}, "/mpeg": {Media: MPEG}}}, "")
	c := b.client(t, ClientSpec{})
	for path, want := range map[string]string{"/jpeg": "image/jpeg", "/mpeg": "video/mpeg"} {
		if got := b.get(t, c, path); got.Headers.Get("Content-Type") != want || got.Bytes == 0 {
			t.Errorf("%s: %s, %d bytes", path, got.Headers.Get("Content-Type"), got.Bytes)
		}
	}
	if _, err := jpeg.Decode(strings.NewReader(JPEG.sample())); err != nil {
		t.Errorf("the picture is none: %v", err)
	}
}

// A body that does not come in time is answered, and the connection closed.
func TestBodyTimeout(t *testing.T) {
	b := start(t, ServerSpec{BodyTimeout: 50 * time.Millisecond, Routes: map[string]Route{"/": {Body: "thanks"}}}, "")
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 408 ") {
		t.Errorf("%q, %v; want 408, and the end", got, err)
	}
	c := b.client(t, ClientSpec{})
	if r, err := c.Do(t.Context(), Request{Method: "POST", URL: b.url + "/", Body: "hello"}); err != nil || r.Status != 200 {
		t.Errorf("in time: %+v, %v", r, err)
	}
}
