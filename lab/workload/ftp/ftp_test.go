package ftp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
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

	"netlab/lab/workload"
	"netlab/lab/workload/authority"
	"netlab/lab/workload/workloadtest"
	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
)

// A bench is a server with what was recorded of it and its clients.
type bench struct {
	server *Server
	addr   string
	roots  string // PEM

	recorder *calls.Recorder
	mu       sync.Mutex
	events   []probes.Event
}

// start starts a server on loopback. It is stopped with the test.
func start(t *testing.T, host string, spec ServerSpec) *bench {
	t.Helper()
	b := &bench{}
	b.recorder = calls.New("node", 0, func(e probes.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	})
	if spec.Users == nil {
		spec.Users = map[string]string{"student": "secret"}
	}
	if spec.Active == "" {
		spec.Active = ActiveAny // port 20 takes a privilege
	}
	opts := ServerOptions{Calls: b.recorder.Caller("ftpd"), Listen: net.JoinHostPort(host, "0")}
	if spec.TLS == TLSExplicit || spec.TLS == TLSImplicit {
		b.certify(t, &opts, host)
	}
	var err error
	if b.server, err = Start(t.Context(), spec, opts); err != nil {
		t.Fatal(err)
	}
	b.addr = b.server.Addr().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := b.server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

// certify gives the server a certificate for its address.
func (b *bench) certify(t *testing.T, opts *ServerOptions, host string) {
	t.Helper()
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	identity, err := ca.Issue(authority.Good, nil, []netip.Addr{netip.MustParseAddr(host)})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(identity.Certificate, identity.Key)
	if err != nil {
		t.Fatal(err)
	}
	opts.Certificate, b.roots = &certificate, string(ca.PEM())
}

// TestMain fails the package if a test leaves something running.
func TestMain(m *testing.M) { os.Exit(workloadtest.Main(m, "ftpserverlib", "workload/ftp.(*")) }

// connect opens a session and logs in.
func (b *bench) connect(t *testing.T, opts Options) *Session {
	t.Helper()
	if opts.secure() {
		opts.RootsPEM = b.roots
	}
	s, result, err := Connect(t.Context(), b.recorder.Caller("ftp"), b.addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background(), workload.Close{}) })
	if result.Reply != codeReady {
		t.Errorf("connect: reply %d, want 220", result.Reply)
	}
	result, err = s.Login(t.Context(), "student", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if result.Reply != codeLoggedIn {
		t.Errorf("login: reply %d %q, want 230", result.Reply, result.Text)
	}
	return s
}

// of returns the calls of one workload, each as name, argument and errno,
// without sends and successful receives.
func (b *bench) of(workload string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for _, e := range b.events {
		if e.Call.Workload != workload || e.Call.Name == "send" || e.Call.Name == "receive" && e.Call.Errno == "" {
			continue
		}
		names = append(names, strings.TrimRight(fmt.Sprintf("%s %s %s", e.Call.Name, e.Call.Args, e.Call.Errno), " "))
	}
	return names
}

func sum(content []byte) string {
	h := sha256.Sum256(content)
	return hex.EncodeToString(h[:])
}

func text(s string) io.Reader { return strings.NewReader(s) }

// Every verb, by both clients, in every data mode, plain and over both kinds of
// TLS, over IPv4 and IPv6.
func TestVerbs(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, mode := range []DataMode{Passive, ExtendedPassive, Active, ExtendedActive} {
			if host == "::1" && (mode == Passive || mode == Active) {
				continue // PASV and PORT know IPv4 only
			}
			for _, secure := range []TLSMode{TLSNone, TLSExplicit, TLSImplicit} {
				for _, client := range []ClientKind{Library, Raw} {
					if client == Library && mode.active() {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%s", host, mode, secure, client), func(t *testing.T) {
						t.Parallel()
						b := start(t, host, ServerSpec{TLS: secure, Files: map[string]File{
							"hello.txt": {Content: "hello\n"}, "/sub/empty": {}, "big": {Size: 256 << 10},
						}})
						s := b.connect(t, Options{Mode: mode, TLS: secure, Client: client})
						runVerbs(t, s)
					})
				}
			}
		}
	}
}

func runVerbs(t *testing.T, s *Session) {
	t.Helper()
	ctx := t.Context()
	big, err := io.ReadAll(workload.Generated(256 << 10))
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name    string
		do      func() (Result, error)
		reply   int
		content string // moved, if any
		text    string // in the reply
		sent    bool   // the content went to the server
	}{
		{name: "retrieve", do: func() (Result, error) { return s.Retrieve(ctx, "hello.txt") }, reply: 226, content: "hello\n"},
		{name: "retrieve nothing", do: func() (Result, error) { return s.Retrieve(ctx, "sub/empty") }, reply: 226},
		{name: "retrieve big", do: func() (Result, error) { return s.Retrieve(ctx, "big") }, reply: 226, content: string(big)},
		{name: "store", do: func() (Result, error) { return s.Store(ctx, "new", text("first\n")) }, reply: 226, content: "first\n", sent: true},
		{name: "append", do: func() (Result, error) { return s.Append(ctx, "new", text("second\n")) }, reply: 226, content: "second\n", sent: true},
		{name: "retrieve what was stored", do: func() (Result, error) { return s.Retrieve(ctx, "new") }, reply: 226, content: "first\nsecond\n"},
		{name: "store nothing", do: func() (Result, error) { return s.Store(ctx, "nothing", text("")) }, reply: 226},
		{name: "append nothing", do: func() (Result, error) { return s.Append(ctx, "nothing", text("")) }, reply: 226},
		{name: "store big", do: func() (Result, error) { return s.Store(ctx, "big2", workload.Generated(256<<10)) }, reply: 226, content: string(big), sent: true},
		{name: "names", do: func() (Result, error) { return s.NameList(ctx, "/sub") }, reply: 226, content: "sub/empty\r\n"},
		{name: "size", do: func() (Result, error) { return s.Size(ctx, "big2") }, reply: 213, text: "262144"},
		{name: "size of a generated file", do: func() (Result, error) { return s.Size(ctx, "big") }, reply: 213, text: "262144"},
		{name: "rename", do: func() (Result, error) { return s.Rename(ctx, "new", "old") }, reply: 250},
		{name: "delete", do: func() (Result, error) { return s.Delete(ctx, "old") }, reply: 250},
		{name: "make dir", do: func() (Result, error) { return s.MakeDir(ctx, "dir") }, reply: 257},
		{name: "change dir", do: func() (Result, error) { return s.ChangeDir(ctx, "dir") }, reply: 250},
		{name: "current dir", do: func() (Result, error) { return s.CurrentDir(ctx) }, reply: 257, text: `"/dir"`},
		{name: "back", do: func() (Result, error) { return s.ChangeDir(ctx, "..") }, reply: 250},
		{name: "remove dir", do: func() (Result, error) { return s.RemoveDir(ctx, "dir") }, reply: 250},
		{name: "noop", do: func() (Result, error) { return s.Noop(ctx) }, reply: 200},
	}
	for _, step := range steps {
		got, err := step.do()
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got.Reply != step.reply || !strings.Contains(got.Text, step.text) {
			t.Errorf("%s: reply %d %q, want %d with %q", step.name, got.Reply, got.Text, step.reply, step.text)
		}
		if got.Bytes != int64(len(step.content)) || step.content != "" && got.SHA256 != sum([]byte(step.content)) {
			t.Errorf("%s: moved %d bytes, want %d, or other bytes", step.name, got.Bytes, len(step.content))
		}
		want, cut := workload.Readable([]byte(step.content))
		if step.sent {
			want, cut = "", false
		}
		if got.Content != want || got.Cut != cut {
			t.Errorf("%s: content of %d bytes, cut: %t; want %d, cut: %t, or other content", step.name, len(got.Content), got.Cut, len(want), cut)
		}
	}
	got, err := s.List(ctx, "")
	if err != nil || got.Reply != 226 || got.Bytes == 0 || !strings.Contains(got.Content, "hello.txt") {
		t.Errorf("list: %+v, %v; want 226 and hello.txt", got, err)
	}
	got, err = s.Quit(ctx, workload.Close{Style: workload.AfterReply})
	if err != nil || got.Reply != codeGoodbye {
		t.Errorf("quit: %+v, %v; want 221", got, err)
	}
	if _, err := s.Noop(ctx); !errors.Is(err, errClosed) {
		t.Errorf("noop after quit: %v", err)
	}
}

// What a server refuses is a result with code and text, by both clients.
func TestRefusals(t *testing.T) {
	for _, client := range []ClientKind{Library, Raw} {
		t.Run(string(client), func(t *testing.T) {
			b := start(t, "127.0.0.1", ServerSpec{Files: map[string]File{"d/f": {Content: "x"}}})
			s := b.connect(t, Options{Client: client})
			ctx := t.Context()
			steps := []struct {
				name string
				do   func() (Result, error)
				want int
			}{
				{"missing file", func() (Result, error) { return s.Retrieve(ctx, "missing") }, 550},
				{"directory as a file", func() (Result, error) { return s.Retrieve(ctx, "d") }, 550},
				{"missing directory", func() (Result, error) { return s.ChangeDir(ctx, "missing") }, 550},
				{"store into a missing directory", func() (Result, error) { return s.Store(ctx, "missing/f", text("x")) }, 550},
				{"delete a directory", func() (Result, error) { return s.Delete(ctx, "d") }, 550},
				{"remove a directory with files", func() (Result, error) { return s.RemoveDir(ctx, "d") }, 550},
				{"make what is there", func() (Result, error) { return s.MakeDir(ctx, "d") }, 550},
				{"rename what is not there", func() (Result, error) { return s.Rename(ctx, "missing", "x") }, 550},
				{"size of what is not there", func() (Result, error) { return s.Size(ctx, "missing") }, 550},
			}
			for _, step := range steps {
				got, err := step.do()
				refused := replyError(err)
				if refused == nil || refused.Code != step.want || got.Reply != step.want || got.Text == "" {
					t.Errorf("%s: %+v, %v; want %d", step.name, got, err, step.want)
				}
			}
			if got, err := s.Retrieve(ctx, "d/f"); err != nil || got.Bytes != 1 {
				t.Errorf("after all this: %+v, %v", got, err)
			}
			if _, err := s.Retrieve(ctx, "a\r\nDELE d/f"); err == nil {
				t.Error("a path with a line end was sent")
			}

			bad, _, err := Connect(ctx, b.recorder.Caller("ftp"), b.addr, Options{Client: client})
			if err != nil {
				t.Fatal(err)
			}
			defer bad.Close(ctx, workload.Close{})
			got, err := bad.Login(ctx, "student", "wrong")
			if got.Reply != 530 || replyError(err) == nil {
				t.Errorf("wrong password: %+v, %v; want 530", got, err)
			}
		})
	}
}

func TestAnonymous(t *testing.T) {
	b := start(t, "127.0.0.1", ServerSpec{Anonymous: true, Banner: "Lab", Welcome: "Come in"})
	s, result, err := Connect(t.Context(), b.recorder.Caller("ftp"), b.addr, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context(), workload.Close{})
	if result.Text != "Lab" {
		t.Errorf("banner is %q", result.Text)
	}
	if got, err := s.Login(t.Context(), "anonymous", "me@example.org"); err != nil || got.Reply != 230 || got.Text != "Come in" {
		t.Errorf("login: %+v, %v", got, err)
	}
}

// The calls that each pair of styles makes on a control connection.
func TestControlCloseStyles(t *testing.T) {
	const receiveEOF = "receive  EOF"
	tests := []struct {
		name       string
		client     workload.Close
		server     workload.Close
		wantClient []string
		wantServer []string // nil: depends on who is faster
		reply      int
	}{
		{
			name: "textbook", client: workload.Close{Style: workload.AfterReply}, server: workload.Close{Style: workload.AfterPeer},
			wantClient: []string{"connect", "close"}, wantServer: []string{"listen", "accept", receiveEOF, "close"}, reply: 221,
		},
		{
			name: "textbook with a pause", client: workload.Close{Style: workload.AfterReply}, server: workload.Close{Style: workload.AfterPeer, Delay: 20 * time.Millisecond},
			wantClient: []string{"connect", "close"}, wantServer: []string{"listen", "accept", receiveEOF, "close"}, reply: 221,
		},
		{
			name: "server first", client: workload.Close{Style: workload.AfterPeer}, server: workload.Close{Style: workload.AtOnce},
			wantClient: []string{"connect", receiveEOF, "close"}, wantServer: []string{"listen", "accept", "close"}, reply: 221,
		},
		{
			name: "client halves", client: workload.Close{Style: workload.HalfThenDrain}, server: workload.Close{Style: workload.AfterPeer},
			wantClient: []string{"connect", "shutdown write", receiveEOF, "close"}, wantServer: []string{"listen", "accept", receiveEOF, "close"}, reply: 221,
		},
		{
			name: "both halve", client: workload.Close{Style: workload.HalfThenDrain}, server: workload.Close{Style: workload.HalfThenDrain},
			wantClient: []string{"connect", "shutdown write", receiveEOF, "close"}, wantServer: []string{"listen", "accept", "shutdown write", receiveEOF, "close"}, reply: 221,
		},
		{
			name: "library's own", client: workload.Close{Style: workload.AtOnce}, server: workload.Close{Style: workload.AfterPeer},
			wantClient: []string{"connect", "close"}, reply: 0,
		},
		{
			name: "reset", client: workload.Close{Style: workload.Reset}, server: workload.Close{Style: workload.AfterPeer},
			wantClient: []string{"connect", "linger 0", "close"}, reply: 0,
		},
		{
			name: "server resets", client: workload.Close{Style: workload.AfterPeer}, server: workload.Close{Style: workload.Reset},
			wantServer: []string{"listen", "accept", "linger 0", "close"},
		},
	}
	for _, test := range tests {
		for _, client := range []ClientKind{Library, Raw} {
			t.Run(test.name+"/"+string(client), func(t *testing.T) {
				b := start(t, "127.0.0.1", ServerSpec{Close: test.server})
				s := b.connect(t, Options{Client: client})
				got, err := s.Quit(t.Context(), test.client)
				if err != nil && test.server.Style != workload.Reset {
					t.Error(err)
				}
				if got.Reply != test.reply && test.server.Style != workload.Reset {
					t.Errorf("reply %d, want %d", got.Reply, test.reply)
				}
				b.server.sessions.Wait() // the server has seen the end
				if diff := cmp.Diff(test.wantClient, b.of("ftp")); diff != "" && test.wantClient != nil {
					t.Errorf("client's calls (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.wantServer, b.of("ftpd")); diff != "" && test.wantServer != nil {
					t.Errorf("server's calls (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// The calls that a retrieve makes on its data connection, beside the control
// connection's.
func TestDataCloseStyles(t *testing.T) {
	tests := []struct {
		name       string
		mode       DataMode
		client     workload.Close
		server     workload.Close
		wantClient []string
		wantServer []string
	}{
		{
			name: "passive, server first", mode: Passive,
			wantClient: []string{"connect", "receive  EOF", "close"},
			wantServer: []string{"listen called before, by a library", "accept", "close", "close"},
		},
		{
			name: "passive, server halves", mode: Passive, server: workload.Close{Style: workload.HalfThenDrain},
			wantClient: []string{"connect", "receive  EOF", "close"},
			wantServer: []string{"listen called before, by a library", "accept", "close", "shutdown write", "receive  EOF", "close"},
		},
		{
			name: "passive, server resets", mode: Passive, server: workload.Close{Style: workload.Reset},
			wantServer: []string{"listen called before, by a library", "accept", "close", "linger 0", "close"},
		},
		{
			name: "active", mode: Active,
			wantClient: []string{"listen", "accept", "close", "receive  EOF", "close"},
			wantServer: []string{"close"},
		},
		{
			name: "active, server halves", mode: Active, server: workload.Close{Style: workload.HalfThenDrain},
			wantServer: []string{"shutdown write", "receive  EOF", "close"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, "127.0.0.1", ServerSpec{DataClose: test.server, Files: map[string]File{"f": {Content: "content"}}})
			s := b.connect(t, Options{Mode: test.mode, Client: Raw, DataClose: test.client})
			skipClient, skipServer := len(b.of("ftp")), len(b.of("ftpd"))
			got, err := s.Retrieve(t.Context(), "f")
			if test.server.Style != workload.Reset && (err != nil || got.Bytes != 7) {
				t.Errorf("%+v, %v", got, err)
			}
			if diff := cmp.Diff(test.wantClient, b.of("ftp")[skipClient:]); diff != "" && test.wantClient != nil {
				t.Errorf("client's calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantServer, b.of("ftpd")[skipServer:]); diff != "" {
				t.Errorf("server's calls (-want +got):\n%s", diff)
			}
		})
	}
}

// A data connection belongs to the step that is under way when it is dialled.
func TestStepsReachDataConnections(t *testing.T) {
	b := start(t, "127.0.0.1", ServerSpec{Files: map[string]File{"f": {Content: "x"}}})
	s := b.connect(t, Options{})
	s.SetStep(7)
	if _, err := s.Retrieve(t.Context(), "f"); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	steps := map[string]int{}
	for _, e := range b.events {
		if e.Call.Name == "connect" {
			steps[e.Flow.Remote.String()] = e.Call.Step
		}
		if e.Call.Workload == "ftpd" && e.Call.Step != 0 {
			t.Errorf("%s of the server belongs to step %d", e.Call.Name, e.Call.Step)
		}
	}
	delete(steps, b.addr)
	for addr, step := range steps {
		if step != 7 {
			t.Errorf("connect to %s belongs to step %d, want 7", addr, step)
		}
	}
	if len(steps) != 1 {
		t.Errorf("%d data connections, want 1", len(steps))
	}
}

func TestIdleTimeout(t *testing.T) {
	for _, client := range []ClientKind{Library, Raw} {
		b := start(t, "127.0.0.1", ServerSpec{
			IdleTimeout: workload.Duration(50 * time.Millisecond), Close: workload.Close{Style: workload.AfterPeer},
		})
		s := b.connect(t, Options{Client: client})
		if got, err := s.AwaitReply(t.Context()); got.Reply != 421 || err != nil {
			t.Errorf("%s: awaited %+v, %v; want 421", client, got, err)
		}
		// The server closes a moment later; Stop, which would close as well, waits for the session.
		b.server.sessions.Wait()
		if err := b.server.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		want := []string{"listen", "accept", "receive  EAGAIN", "close"}
		got := slices.DeleteFunc(b.of("ftpd"), func(call string) bool { return call == "accept  EBADF" }) // of Stop
		if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
			t.Errorf("%s: server's calls (-want +got):\n%s", client, diff)
		}
	}
}

// A client that speaks into the silence after a 421 gets that 421 as its answer.
func TestCommandAfterIdleTimeout(t *testing.T) {
	forClients(t, func(t *testing.T, client ClientKind) {
		b := start(t, "127.0.0.1", ServerSpec{IdleTimeout: workload.Duration(50 * time.Millisecond)})
		s := b.connect(t, Options{Client: client})
		b.server.sessions.Wait()
		if got, err := s.Noop(t.Context()); got.Reply != 421 || replyError(err) == nil {
			t.Errorf("noop after the timeout: %+v, %v; want 421", got, err)
		}
	})
}

func TestPeerCheck(t *testing.T) {
	elsewhere := func(t *testing.T, check *bool) (Result, error) {
		b := start(t, "127.0.0.1", ServerSpec{PeerCheck: check, Files: map[string]File{"f": {Content: "x"}}})
		s := b.connect(t, Options{Client: Raw})
		// Where another host would get the data: RFC 2577's bounce.
		l, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		command, err := portCommand(netip.MustParseAddrPort(l.Addr().String()))
		if err != nil {
			t.Fatal(err)
		}
		return s.Raw(t.Context(), command)
	}
	off := false
	if got, err := elsewhere(t, nil); got.Reply != 501 || err == nil {
		t.Errorf("PORT to another host, checked: %+v, %v; want 501", got, err)
	}
	if got, err := elsewhere(t, &off); got.Reply != 200 || err != nil {
		t.Errorf("PORT to another host, not checked: %+v, %v; want 200", got, err)
	}
}

func TestAbort(t *testing.T) {
	for _, mode := range []DataMode{Passive, ExtendedActive} {
		for _, style := range []workload.CloseStyle{workload.AtOnce, workload.AfterPeer} {
			t.Run(string(mode)+"/"+string(style), func(t *testing.T) {
				b := start(t, "127.0.0.1", ServerSpec{
					Files:     map[string]File{"big": {Size: 1 << 30}, "f": {Content: "x"}},
					DataClose: workload.Close{Style: workload.HalfThenDrain},
				})
				s := b.connect(t, Options{Mode: mode, Client: Raw, DataClose: workload.Close{Style: style}})
				got, err := s.RetrieveSome(t.Context(), "big", 100_000)
				if err != nil || got.Reply != 150 || got.Bytes != 100_000 {
					t.Fatalf("a part: %+v, %v; want 150 and 100000 bytes", got, err)
				}
				got, err = s.Abort(t.Context())
				if err != nil || got.Reply != 226 || len(got.Replies) != 2 || got.Replies[0].Code != 426 {
					t.Errorf("abort: %+v, %v; want 426, 226", got, err)
				}
				if got, err = s.Retrieve(t.Context(), "f"); err != nil || got.Bytes != 1 {
					t.Errorf("after the abort: %+v, %v", got, err)
				}
				if got, err = s.Abort(t.Context()); err != nil || got.Reply != 226 || len(got.Replies) != 1 {
					t.Errorf("abort of nothing: %+v, %v; want 226 alone", got, err)
				}
			})
		}
	}
}

func TestRawCommands(t *testing.T) {
	b := start(t, "127.0.0.1", ServerSpec{})
	s := b.connect(t, Options{Client: Raw})
	if got, err := s.Raw(t.Context(), "SYST"); err != nil || got.Reply != 215 {
		t.Errorf("SYST: %+v, %v", got, err)
	}
	if got, err := s.Raw(t.Context(), "FEAT"); err != nil || got.Reply != 211 || !strings.Contains(got.Text, "EPSV") {
		t.Errorf("FEAT: %+v, %v", got, err)
	}
	if got, err := s.Raw(t.Context(), "XYZZY"); replyError(err) == nil || got.Reply != 500 {
		t.Errorf("XYZZY: %+v, %v; want 500", got, err)
	}
	library := b.connect(t, Options{})
	for name, do := range map[string]func() (Result, error){
		"raw":   func() (Result, error) { return library.Raw(t.Context(), "SYST") },
		"abort": func() (Result, error) { return library.Abort(t.Context()) },
		"part":  func() (Result, error) { return library.RetrieveSome(t.Context(), "x", 1) },
	} {
		if _, err := do(); !errors.Is(err, ErrNeedsRaw) {
			t.Errorf("%s by the library: %v, want ErrNeedsRaw", name, err)
		}
	}
}

// Stop ends sessions that are idle, that wait for a data connection and that
// are transferring; TestMain looks for what is left.
func TestStopInTheMiddle(t *testing.T) {
	b := start(t, "127.0.0.1", ServerSpec{Files: map[string]File{"big": {Size: 1 << 30}}, Close: workload.Close{Style: workload.AfterPeer}})
	b.connect(t, Options{})
	waiting := b.connect(t, Options{Client: Raw})
	if _, err := waiting.Raw(t.Context(), "PASV"); err != nil {
		t.Fatal(err)
	}
	if err := waiting.control.send("RETR big"); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []DataMode{Passive, Active} {
		moving := b.connect(t, Options{Client: Raw, Mode: mode})
		if _, err := moving.RetrieveSome(t.Context(), "big", 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPassivePortsAreUsedInTurn(t *testing.T) {
	cycle := portCycle{ports: PortRange{40000, 40009}}
	for _, want := range []int{40000, 40001, 40002} {
		port, _, ok := cycle.FetchNext()
		if !ok || port != want {
			t.Errorf("a PASV begins with port %d, want %d", port, want)
		}
		for range 9 {
			cycle.FetchNext()
		}
	}
	b := start(t, "127.0.0.1", ServerSpec{PassivePorts: PortRange{42310, 42319}, Files: map[string]File{"f": {}}})
	s := b.connect(t, Options{Client: Raw})
	got, err := s.Raw(t.Context(), "PASV")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := parsePassive(got.Text)
	if err != nil || addr.Port() < 42310 || addr.Port() > 42319 {
		t.Errorf("PASV gave %s, %v", addr, err)
	}
}

// One whole session, recorded: connect, login, retrieve, quit.
func BenchmarkSession(b *testing.B) {
	caller := calls.New("node", 0, func(probes.Event) {}).Caller("ftp")
	server, err := Start(b.Context(), ServerSpec{
		Users: map[string]string{"u": "p"}, Files: map[string]File{"f": {Content: "hello"}}, Close: workload.Close{Style: workload.AfterPeer},
	}, ServerOptions{Calls: caller, Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Stop(context.Background())
	for _, client := range []ClientKind{Library, Raw} {
		b.Run(string(client), func(b *testing.B) {
			for b.Loop() {
				s, _, err := Connect(b.Context(), caller, server.Addr().String(), Options{Client: client})
				if err != nil {
					b.Fatal(err)
				}
				for _, step := range []func() (Result, error){
					func() (Result, error) { return s.Login(b.Context(), "u", "p") },
					func() (Result, error) { return s.Retrieve(b.Context(), "f") },
					func() (Result, error) { return s.Quit(b.Context(), workload.Close{Style: workload.AfterReply}) },
				} {
					if _, err := step(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// A file of 16 MiB, generated, sent, received, hashed and recorded.
func BenchmarkTransfer(b *testing.B) {
	const size = 16 << 20
	caller := calls.New("node", 0, func(probes.Event) {}).Caller("ftp")
	server, err := Start(b.Context(), ServerSpec{Anonymous: true, Files: map[string]File{"f": {Size: size}}}, ServerOptions{Calls: caller, Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Stop(context.Background())
	s, _, err := Connect(b.Context(), caller, server.Addr().String(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background(), workload.Close{})
	if _, err := s.Login(b.Context(), "ftp", ""); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		if _, err := s.Retrieve(b.Context(), "f"); err != nil {
			b.Fatal(err)
		}
	}
}
