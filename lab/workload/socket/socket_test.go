package socket_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/lab/workload/socket"
	"netlab/lab/workload/workloadtest"
	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	os.Exit(workloadtest.Main(m, "workload/socket.(*", "probes/calls.(*"))
}

// A witness keeps the calls and the log of a test.
type witness struct{ workloadtest.Witness }

// last returns the last call of a workload, as its name and result.
func (w *witness) last(name string) string {
	for _, e := range slices.Backward(w.Events()) {
		if c := e.Call; c.Workload == name && c.Name != "listen" {
			return strings.TrimSpace(c.Name + " " + c.Errno)
		}
	}
	return ""
}

func (w *witness) options() socket.ServerOptions {
	return socket.ServerOptions{Calls: w.Caller("server"), Log: slog.NewTextHandler(w, nil), Listen: "127.0.0.1:0"}
}

// serveTCP starts a server that the test's end stops, and a client of it.
func serveTCP(t *testing.T, w *witness, spec socket.ServerSpec) *socket.TCPClient {
	t.Helper()
	s, err := socket.ServeTCP(t.Context(), spec, w.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return dial(t, w, s.Addr())
}

func dial(t *testing.T, w *witness, addr net.Addr) *socket.TCPClient {
	t.Helper()
	c, err := socket.DialTCP(t.Context(), w.Caller("client"), netip.MustParseAddrPort(addr.String()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background(), workload.Close{}) })
	return c
}

// moved checks the result of an operation.
func moved(t *testing.T, what string, bytes int64, content string) func(socket.Result, error) {
	t.Helper()
	return func(got socket.Result, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got.SHA256 = ""
		if diff := cmp.Diff(socket.Result{Bytes: bytes, Content: content}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

func TestEcho(t *testing.T) {
	w := &witness{}
	c, ctx := serveTCP(t, w, socket.ServerSpec{}), t.Context()
	moved(t, "send", 9, "")(c.Send(ctx, strings.NewReader("one\ntwo\n3")))
	moved(t, "line", 4, "one\n")(c.ReceiveLine(ctx))
	moved(t, "bytes", 2, "tw")(c.Receive(ctx, 2))
	moved(t, "line", 2, "o\n")(c.ReceiveLine(ctx))
	moved(t, "bytes", 1, "3")(c.Receive(ctx, 1))
	if err := c.Close(ctx, workload.Close{Style: workload.HalfThenDrain}); err != nil {
		t.Error(err)
	}
	if got := w.last("client"); got != "close" {
		t.Errorf("client's last call is %q", got)
	}
}

// What is generated comes back as it was; the sums prove it.
func TestEchoOfMuch(t *testing.T) {
	const size = 3 << 20
	c, ctx := serveTCP(t, &witness{}, socket.ServerSpec{Does: socket.Echo}), t.Context()
	var sent socket.Result
	var failed error
	var sending sync.WaitGroup
	sending.Go(func() { sent, failed = c.Send(ctx, workload.Generated(size)) })
	got, err := c.Receive(ctx, size)
	sending.Wait()
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	if got.Bytes != size || !got.Cut || len(got.Content) != probes.MaxContent || got.SHA256 != sent.SHA256 || sent.Content != "" {
		t.Errorf("sent %d bytes %s, got %d bytes %s, cut %t to %d", sent.Bytes, sent.SHA256, got.Bytes, got.SHA256, got.Cut, len(got.Content))
	}
}

func TestCloseStyles(t *testing.T) {
	tests := []struct {
		name   string
		does   socket.Behaviour
		server workload.CloseStyle
		want   string // the client's last call before its own close
	}{
		{"echo after the peer", socket.Echo, workload.AfterPeer, "receive EOF"},
		{"echo at once", socket.Echo, workload.AtOnce, "receive EOF"},
		{"sink resets", socket.Sink, workload.Reset, "receive ECONNRESET"},
	}
	for _, tt := range tests {
		w := &witness{}
		s, err := socket.ServeTCP(t.Context(), socket.ServerSpec{Does: tt.does, Close: workload.Close{Style: tt.server}}, w.options())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		adopted := w.Caller("client").Adopt(conn.(*net.TCPConn))
		if err := adopted.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		adopted.Read(make([]byte, 1))
		if got := w.last("client"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if err := errors.Join(adopted.Close(), s.Stop(t.Context())); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// A silent server answers nothing and notices nothing; stopping it frees all.
func TestSilent(t *testing.T) {
	w := &witness{}
	s, err := socket.ServeTCP(t.Context(), socket.ServerSpec{Does: socket.Silent, Close: workload.Close{Style: workload.AfterPeer}}, w.options())
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, w, s.Addr())
	moved(t, "send", 5, "")(c.Send(t.Context(), strings.NewReader("hello")))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("no answer within 20ms"))
	defer cancel()
	if _, err := c.ReceiveLine(ctx); err == nil || err.Error() != "receive: no answer within 20ms" {
		t.Errorf("receive from a silent server: %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	// Its data was unread, and the earlier deadline is forgotten.
	if _, err := c.ReceiveAll(t.Context()); err == nil || err.Error() != "receive: ECONNRESET (connection reset by peer)" {
		t.Errorf("after the stop: %v", err)
	}
}

func TestTCPScript(t *testing.T) {
	tests := []struct {
		name   string
		script []string
		send   string
		want   string
		log    string
	}{
		{"greets", []string{"send hello", "expect bye", "send so long"}, "good bye\n", "hello\nso long\n", ""},
		{"skips what it does not expect", []string{"expect b", "send yes"}, "a\nab\nc\n", "yes\n", ""},
		{"exact bytes", []string{`expect "HELO\t"`, `send "250\r\n\x00"`}, "HELO\tme\n", "250\r\n\x00", ""},
		{"waits", []string{"wait 1ms", "send late", "close", "send never"}, "", "late\n", ""},
		{"an end without newline", []string{"expect x", "send y"}, "x", "y\n", ""},
		{"does not match", []string{"expect x", "send never"}, "y\n", "", "line 1 of the script: expected \\\"x\\\", got the end"},
		{"endless line", []string{"expect x", "send never"}, strings.Repeat("a", 100<<10), "", "got a line of more than 65536 bytes"},
		{"nothing", nil, "", "", ""},
		{"empty line", []string{"send", "send "}, "", "\n\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &witness{}
			s, err := socket.ServeTCP(t.Context(), socket.ServerSpec{
				Does: socket.Scripted, Script: tt.script, Close: workload.Close{Style: workload.AfterPeer},
			}, w.options())
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, tt.send)
			conn.(*net.TCPConn).CloseWrite()
			got, _ := io.ReadAll(conn)
			if string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if err := errors.Join(conn.Close(), s.Stop(t.Context())); err != nil {
				t.Error(err)
			}
			if log := w.Logged(); !strings.Contains(log, tt.log) || tt.log == "" && log != "" {
				t.Errorf("log is %q, want %q", log, tt.log)
			}
		})
	}
}

func TestBadSpecs(t *testing.T) {
	script := func(line string) socket.ServerSpec {
		return socket.ServerSpec{Does: socket.Scripted, Script: []string{"close", line}}
	}
	tests := []struct {
		name string
		spec socket.ServerSpec
		want string
	}{
		{"verb", script("say hello"), `line 2 of the script ("say hello"): want 'send TEXT'`},
		{"nothing expected", script("expect"), "want 'send TEXT'"},
		{"close with words", script("close now"), "want 'send TEXT'"},
		{"no time", script("wait long"), `"long" is not a time such as 100ms`},
		{"time without unit", script("wait 5"), "is not a time"},
		{"negative", script("wait -1s"), "is not a time"},
		{"open quote", script(`send "a`), "is not a quoted text"},
		{"two lines", script(`expect "a\nb"`), "must not contain a line's end"},
		{"script of an echo", socket.ServerSpec{Script: []string{"close"}}, "has a script"},
		{"behaviour", socket.ServerSpec{Does: "shout"}, `behaviour "shout" is none of`},
		{"style", socket.ServerSpec{Close: workload.Close{Style: "politely"}}, "close style"},
		{"port", socket.ServerSpec{Port: 70000}, "out of range"},
	}
	for _, tt := range tests {
		w := &witness{}
		_, err := socket.ServeTCP(t.Context(), tt.spec, w.options())
		_, err2 := socket.ServeUDP(t.Context(), tt.spec, w.options())
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
		}
	}
}

func TestClientFailures(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		w := &witness{}
		s, err := socket.ServeTCP(t.Context(), socket.ServerSpec{}, w.options())
		if err != nil {
			t.Fatal(err)
		}
		addr := s.Addr().String()
		s.Stop(t.Context())
		_, err = socket.DialTCP(t.Context(), w.Caller("client"), netip.MustParseAddrPort(addr))
		if want := "connect to " + addr + ": ECONNREFUSED (connection refused)"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
	t.Run("ends early", func(t *testing.T) {
		for name, op := range map[string]func(*socket.TCPClient) (socket.Result, error){
			"line":  func(c *socket.TCPClient) (socket.Result, error) { return c.ReceiveLine(t.Context()) },
			"bytes": func(c *socket.TCPClient) (socket.Result, error) { return c.Receive(t.Context(), 10) },
		} {
			c := serveTCP(t, &witness{}, socket.ServerSpec{Does: socket.Scripted, Script: []string{`send "abc"`}})
			got, err := op(c)
			if want := "receive: the peer closed after 3 bytes: unexpected EOF"; err == nil || err.Error() != want || got.Content != "abc" {
				t.Errorf("%s: %q, %v; want abc and %s", name, got.Content, err, want)
			}
		}
	})
	t.Run("endless line", func(t *testing.T) {
		c := serveTCP(t, &witness{}, socket.ServerSpec{})
		var sending sync.WaitGroup
		defer sending.Wait()
		sending.Go(func() { c.Send(t.Context(), strings.NewReader(strings.Repeat("x", 200<<10))) })
		got, err := c.ReceiveLine(t.Context())
		if err == nil || !strings.Contains(err.Error(), "no line's end") || got.Bytes > 200<<10 {
			t.Errorf("%d bytes, %v", got.Bytes, err)
		}
		c.Close(t.Context(), workload.Close{})
	})
}

// A flood of connections is held up, not held.
func TestFlood(t *testing.T) {
	w := &witness{}
	s, err := socket.ServeTCP(t.Context(), socket.ServerSpec{Does: socket.Silent}, w.options())
	if err != nil {
		t.Fatal(err)
	}
	for range workload.MaxConnections + 50 {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	accepted := 0
	for _, e := range w.Events() {
		if e.Call.Name == "accept" && e.Call.Errno == "" {
			accepted++
		}
	}
	if accepted > workload.MaxConnections {
		t.Errorf("%d connections were accepted, want at most %d", accepted, workload.MaxConnections)
	}
}
