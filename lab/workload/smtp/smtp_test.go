package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/workloadtest"

	"github.com/google/go-cmp/cmp"
)

// A witness keeps what was called and logged.
type witness struct{ workloadtest.Witness }

// end returns the last calls of one side.
func (w *witness) end(who string, n int) []string {
	var list []string
	for _, e := range w.Events() {
		c := strings.TrimSpace(e.Call.Workload + " " + e.Call.Name + " " + e.Call.Errno)
		if name, ok := strings.CutPrefix(c, who+" "); ok && name != "accept EBADF" {
			list = append(list, name)
		}
	}
	return list[max(0, len(list)-n):]
}

func serve(t *testing.T, w *witness, spec Spec) (*Server, netip.AddrPort) {
	t.Helper()
	s, err := Start(t.Context(), spec, Options{Calls: w.Caller("server"), Log: slog.NewTextHandler(w, nil), Listen: "127.0.0.1:0", Name: "mail.lab.test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s, netip.MustParseAddrPort(s.Addr().String())
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil && !strings.Contains(err.Error(), "already closed") {
		t.Error(err)
	}
}

func mail(change func(*Mail)) Mail {
	m := Mail{
		From: "alice@lab.test", For: []string{"bob@lab.test"}, Subject: "Grüße", Body: ".hello\nworld", Hello: "client",
		Close: workload.Close{Style: workload.AfterReply}, Timeout: time.Second,
	}
	if change != nil {
		change(&m)
	}
	return m
}

func TestSend(t *testing.T) {
	users := map[string]string{"alice": "secret"}
	login := func(user, password string) func(*Mail) {
		return func(m *Mail) { m.User, m.Password = user, password }
	}
	tests := []struct {
		name  string
		spec  Spec
		mail  func(*Mail)
		reply int
		text  string
	}{
		{"taken", Spec{}, nil, 250, "queued"},
		{"of the domain", Spec{Domains: []string{"LAB.test"}}, nil, 250, "queued"},
		{"of another domain", Spec{Domains: []string{"other.test"}}, nil, 550, "5.7.1 No mail for lab.test here"},
		{"one of two is refused", Spec{Domains: []string{"lab.test"}}, func(m *Mail) { m.For = append(m.For, "x@other.test") }, 550, "other.test"},
		{"with password", Spec{Users: users}, login("alice", "secret"), 250, "queued"},
		{"without password", Spec{Users: users}, nil, 530, "Authentication required"},
		{"wrong password", Spec{Users: users}, login("alice", "guess"), 535, "Authentication failed"},
		{"nobody", Spec{Users: users}, login("mallory", "secret"), 535, "Authentication failed"},
		{"password not asked for", Spec{}, login("alice", "secret"), 504, "Unsupported authentication"},
		{"too large", Spec{MaxSize: 1000}, func(m *Mail) { m.Body = strings.Repeat("x\n", 1000) }, 552, "size exceeded"},
		{"as large as may be", Spec{MaxSize: 10_000}, func(m *Mail) { m.Body = strings.Repeat("x\n", 1000) }, 250, "queued"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &witness{}
			s, addr := serve(t, w, tt.spec)
			got, err := Send(t.Context(), w.Caller("client"), addr, mail(tt.mail))
			var refused *ReplyError
			if (err != nil) != (tt.reply >= 400) || err != nil && (!errors.As(err, &refused) || refused.Code != tt.reply) {
				t.Fatalf("%v, want reply %d", err, tt.reply)
			}
			if got.Reply != tt.reply || !strings.Contains(got.Text, tt.text) {
				t.Errorf("%d %s; want %d, %s", got.Reply, got.Text, tt.reply, tt.text)
			}
			stop(t, s)
			if taken := strings.Contains(w.Logged(), "mail taken") && strings.Contains(w.Logged(), got.SHA256); taken != (err == nil) {
				t.Errorf("taken %t with %v:\n%s", taken, err, w.Logged())
			}
			// Refused or not, the end is the same.
			if diff := cmp.Diff([]string{"send", "receive", "close"}, w.end("client", 3)); diff != "" {
				t.Errorf("client's end (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCloseStyles(t *testing.T) {
	tests := []struct {
		name           string
		client, server workload.CloseStyle
		want           []string // the client's last calls
		wantServer     []string
	}{
		{"client first", workload.AfterReply, workload.AfterPeer, []string{"receive", "close"}, []string{"receive EOF", "close"}},
		{"server first", workload.AfterPeer, workload.AtOnce, []string{"receive EOF", "close"}, []string{"send", "close"}},
		{"half", workload.HalfThenDrain, workload.AfterPeer, []string{"receive EOF", "close"}, []string{"receive EOF", "close"}},
		{"reset", workload.Reset, workload.AfterPeer, []string{"linger", "close"}, nil},
	}
	for _, tt := range tests {
		w := &witness{}
		s, addr := serve(t, w, Spec{Close: workload.Close{Style: tt.server}})
		if _, err := Send(t.Context(), w.Caller("client"), addr, mail(func(m *Mail) { m.Close.Style = tt.client })); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, w.end("client", 2)); diff != "" {
			t.Errorf("%s, client (-want +got):\n%s", tt.name, diff)
		}
		// The library waits for the session, and so for its close.
		stopped, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		waitClosed(stopped, w)
		cancel()
		stop(t, s)
		if got := w.end("server", 3)[:2]; tt.wantServer != nil && cmp.Diff(tt.wantServer, got) != "" {
			t.Errorf("%s: server's end %q, want %q", tt.name, got, tt.wantServer)
		}
	}
}

// waitClosed waits until the server has closed its connection. Nothing but the
// record tells.
func waitClosed(ctx context.Context, w *witness) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if last := w.end("server", 1); len(last) == 1 && last[0] == "close" {
			return
		}
		<-tick.C
	}
}

func TestMessage(t *testing.T) {
	got, err := mail(func(m *Mail) { m.For = append(m.For, "carol@lab.test") }).message(time.Unix(0, 0))
	want := "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: <alice@lab.test>\r\nTo: <bob@lab.test>, <carol@lab.test>\r\n" +
		"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Content-Transfer-Encoding: 8bit\r\n\r\n.hello\r\nworld\r\n"
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, change := range map[string]func(*Mail){
		"line end in sender":   func(m *Mail) { m.From = "a@b\r\nRCPT TO:<x@y>" },
		"blank in recipient":   func(m *Mail) { m.For = []string{"a b@c"} },
		"bracket in recipient": func(m *Mail) { m.For = []string{"a@b> SIZE=1"} },
		"nobody":               func(m *Mail) { m.For = nil },
		"line end in greeting": func(m *Mail) { m.Hello = "x\ny" },
	} {
		if got, err := mail(change).message(time.Unix(0, 0)); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	// A subject cannot bring header fields along.
	got, err = mail(func(m *Mail) { m.Subject = "x\r\nBcc: <eve@lab.test>" }).message(time.Unix(0, 0))
	if err != nil || strings.Contains(got, "\nBcc:") {
		t.Errorf("%q, %v", got, err)
	}
}

// Clients without manners are sent away; none ends the server.
func TestHostileClients(t *testing.T) {
	w := &witness{}
	s, addr := serve(t, w, Spec{MaxSize: 1000})
	tests := []struct{ name, send, want string }{
		{"endless line", strings.Repeat("x", 100_000), "500 "},
		{"rubbish", "\x00\xff\r\n\r\n\x16\x03\x01\r\nfoo\r\nbar\r\n", "500 "},
		{"mail before EHLO", "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n", "502 "},
		{"too much", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n" + strings.Repeat("y\r\n", 1000) + ".\r\n", "552 "},
		{"too much in a chunk", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nBDAT 2000 LAST\r\n" + strings.Repeat("y\n", 1000), "552 "},
		{"gone within a mail", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nhalf", "354 "},
		{"no address", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>\r\nRCPT TO:@\r\n", "501 "},
	}
	for _, tt := range tests {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		var sending sync.WaitGroup
		sending.Go(func() {
			_, _ = io.WriteString(conn, tt.send) // the server may hang up
			_ = conn.(*net.TCPConn).CloseWrite()
		})
		got, _ := io.ReadAll(conn) // a reset is an end, too
		sending.Wait()
		conn.Close()
		if !strings.Contains(string(got), tt.want) {
			t.Errorf("%s: %.300q, want %s", tt.name, got, tt.want)
		}
	}
	if _, err := Send(t.Context(), w.Caller("client"), addr, mail(nil)); err != nil {
		t.Errorf("after all that: %v", err)
	}
	stop(t, s)
}

// Stop waits for nobody.
func TestStopWithSessions(t *testing.T) {
	w := &witness{}
	s, addr := serve(t, w, Spec{Close: workload.Close{Style: workload.AfterPeer}})
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
}

func TestHostileServers(t *testing.T) {
	tests := []struct{ name, say, want string }{
		{"silent", "", "send mail: no answer within 50ms"},
		{"unwilling", "554 go away\r\n", "554 go away"},
		{"rubbish", "\x16\x03\x01\x00\x02\x02\x28\r\n", "send mail: "},
		{"endless", "220-" + strings.Repeat("x", 10_000), "send mail: "},
	}
	for _, tt := range tests {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var served sync.WaitGroup
		served.Go(func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, tt.say)
			_, _ = io.Copy(io.Discard, conn)
		})
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("no answer within 50ms"))
		got, err := Send(ctx, (&witness{}).Caller("client"), netip.MustParseAddrPort(l.Addr().String()), mail(nil))
		cancel()
		if !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%s: %+v, %v; want %s", tt.name, got, err, tt.want)
		}
		l.Close()
		served.Wait()
	}
}
