package ftp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/workload"
	"netlab/probes"
	"netlab/probes/calls"
)

// script starts a server on loopback that serves one connection with fn, and
// returns its address. The connection is closed when the test ends.
func script(t *testing.T, fn func(conn net.Conn, lines *bufio.Scanner)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open net.Conn
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		mu.Lock()
		open = conn
		mu.Unlock()
		defer conn.Close()
		fn(conn, bufio.NewScanner(conn))
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		if open != nil {
			open.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// replies answers commands by their first word; what it does not know gets 200,
// and an empty answer none.
func replies(answers map[string]string) func(net.Conn, *bufio.Scanner) {
	return func(conn net.Conn, lines *bufio.Scanner) {
		fmt.Fprint(conn, answers[""])
		for lines.Scan() {
			word, _, _ := strings.Cut(lines.Text(), " ")
			answer, known := answers[word]
			if !known {
				answer = "200 OK\r\n"
			}
			fmt.Fprint(conn, answer)
		}
	}
}

func newCaller() *calls.Caller {
	return calls.New("node", 0, func(probes.Event) {}).Caller("ftp")
}

func forClients(t *testing.T, fn func(t *testing.T, client ClientKind)) {
	for _, client := range []ClientKind{Library, Raw} {
		t.Run(string(client), func(t *testing.T) { fn(t, client) })
	}
}

const shortTimeout = workload.Duration(50 * time.Millisecond)

func TestSilentServers(t *testing.T) {
	forClients(t, func(t *testing.T, client ClientKind) {
		silent := script(t, replies(map[string]string{"": ""}))
		if _, _, err := Connect(t.Context(), newCaller(), silent, Options{Client: client, Timeout: shortTimeout}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("no greeting: %v, want a timeout", err)
		}

		addr := script(t, replies(map[string]string{"": "220 Hi\r\n", "NOOP": "", "QUIT": ""}))
		s, _, err := Connect(t.Context(), newCaller(), addr, Options{Client: client, Timeout: shortTimeout})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Noop(t.Context()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("no reply: %v, want a timeout", err)
		}
		if _, err := s.Noop(t.Context()); !errors.Is(err, errOutOfStep) {
			t.Errorf("after a timeout: %v, want errOutOfStep", err)
		}
		style := workload.Close{Style: workload.AfterReply, Cap: 50 * time.Millisecond}
		if _, err := s.Quit(t.Context(), style); !errors.Is(err, workload.ErrCapped) {
			t.Errorf("no goodbye: %v, want ErrCapped", err)
		}
	})
}

// A reply that nobody asked for is delivered once, though it came in one segment
// with another.
func TestAwaitReply(t *testing.T) {
	forClients(t, func(t *testing.T, client ClientKind) {
		addr := script(t, replies(map[string]string{"": "220 Hi\r\n", "NOOP": "200 OK\r\n421 And now go\r\n"}))
		s, _, err := Connect(t.Context(), newCaller(), addr, Options{Client: client, Timeout: shortTimeout})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context(), workload.Close{})
		if got, err := s.Noop(t.Context()); got.Reply != 200 || err != nil {
			t.Errorf("noop: %+v, %v; want 200", got, err)
		}
		if got, err := s.AwaitReply(t.Context()); got.Reply != 421 || err != nil {
			t.Errorf("awaited: %+v, %v; want 421", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if got, err := s.AwaitReply(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("awaited once more: %+v, %v; want a timeout", got, err)
		}
	})
}

// A server whose data connection is accepted and then never used.
func TestSilentDataConnection(t *testing.T) {
	forClients(t, func(t *testing.T, client ClientKind) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		addr := script(t, replies(map[string]string{
			"": "220 Hi\r\n", "USER": "230 In\r\n", "RETR": "150 Here it comes\r\n",
			"PASV": fmt.Sprintf("227 Passive (127,0,0,1,%d,%d)\r\n", port>>8, port&0xff),
		}))
		s, _, err := Connect(t.Context(), newCaller(), addr, Options{Client: client, Timeout: shortTimeout})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context(), workload.Close{})
		if _, err := s.Login(t.Context(), "u", "p"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Retrieve(t.Context(), "f"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("silent data connection: %v, want a timeout", err)
		}
	})
}

func TestContextEndsAnOperation(t *testing.T) {
	forClients(t, func(t *testing.T, client ClientKind) {
		reached := make(chan struct{})
		addr := script(t, func(conn net.Conn, lines *bufio.Scanner) {
			fmt.Fprint(conn, "220 Hi\r\n")
			lines.Scan()
			close(reached)
			lines.Scan()
		})
		s, _, err := Connect(t.Context(), newCaller(), addr, Options{Client: client})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context(), workload.Close{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-reached
			cancel()
		}()
		if _, err := s.Noop(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v, want context.Canceled", err)
		}
	})
}

func TestActiveWithoutAConnection(t *testing.T) {
	addr := script(t, replies(map[string]string{"": "220 Hi\r\n", "RETR": "150 Soon\r\n"}))
	s, _, err := Connect(t.Context(), newCaller(), addr, Options{Mode: Active, Timeout: shortTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context(), workload.Close{})
	if _, err := s.Retrieve(t.Context(), "f"); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "no data connection") {
		t.Errorf("no data connection: %v", err)
	}
}

// Servers that send nonsense bring errors, never a panic, a hang or memory
// without end.
func TestNonsense(t *testing.T) {
	endless := strings.Repeat("a", 1<<20)
	tests := []struct {
		name    string
		answers map[string]string
		want    string // in the error
	}{
		{"not a reply", map[string]string{"": "SSH-2.0-OpenSSH\r\n"}, "malformed"},
		{"refusal", map[string]string{"": "421 Too many users\r\n"}, "421 Too many users"},
		{"line without end", map[string]string{"": "220 " + endless}, "too long"},
		{"reply without end", map[string]string{"": "220-a\r\n" + strings.Repeat("a\r\n", 1<<16)}, "too long"},
		{"parentheses reversed", map[string]string{"": "220 Hi\r\n", "PASV": "227 )(\r\n", "EPSV": "500 No\r\n"}, ""},
		{"passive nonsense", map[string]string{"": "220 Hi\r\n", "PASV": "227 (1,2,3,4,5,6,7)\r\n"}, ""},
		{"transfer over before it began", map[string]string{"": "220 Hi\r\n", "PASV": "227 (127,0,0,1,%s)\r\n", "RETR": "226 Done\r\n"}, "226"},
		{"replies without end", map[string]string{"": "220 Hi\r\n", "PASV": strings.Repeat("220 a\r\n", 10*maxReplies)}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			forClients(t, func(t *testing.T, client ClientKind) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				port := l.Addr().(*net.TCPAddr).Port
				answers := map[string]string{}
				for k, v := range test.answers {
					answers[k] = strings.ReplaceAll(v, "%s", fmt.Sprintf("%d,%d", port>>8, port&0xff))
				}
				s, _, err := Connect(t.Context(), newCaller(), script(t, replies(answers)), Options{Client: client, Timeout: workload.Duration(5 * time.Second)})
				if err == nil {
					defer s.Close(t.Context(), workload.Close{})
					_, err = s.Retrieve(t.Context(), "f")
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, want one with %q", err, test.want)
				}
			})
		})
	}
}

// TrustPASV decides where the data connection goes when the server names
// another host than itself.
func TestTrustingThePASVAddress(t *testing.T) {
	forClients(t, func(t *testing.T, client ClientKind) {
		for _, trust := range []bool{false, true} {
			var mu sync.Mutex
			var dialled []string
			caller := calls.New("node", 0, func(e probes.Event) {
				if e.Call.Name == "connect" {
					mu.Lock()
					defer mu.Unlock()
					dialled = append(dialled, e.Flow.Remote.String())
				}
			}).Caller("ftp")
			addr := script(t, replies(map[string]string{"": "220 Hi\r\n", "PASV": "227 (127,0,0,3,0,1)\r\n"}))
			s, _, err := Connect(t.Context(), caller, addr, Options{Client: client, TrustPASV: trust})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(t.Context(), workload.Close{})
			if _, err := s.Retrieve(t.Context(), "f"); calls.Errno(err) != "ECONNREFUSED" {
				t.Errorf("trust %v: %v, want ECONNREFUSED", trust, err)
			}
			want := "127.0.0.1:1"
			if trust {
				want = "127.0.0.3:1"
			}
			if got := dialled[len(dialled)-1]; got != want {
				t.Errorf("trust %v: dialled %s, want %s", trust, got, want)
			}
		}
	})
}

// Clear text that follows the reply to AUTH would be read as protected.
func TestInjectionBeforeTLS(t *testing.T) {
	addr := script(t, replies(map[string]string{"": "220 Hi\r\n", "AUTH": "234 Go\r\n230 You are in\r\n"}))
	_, _, err := Connect(t.Context(), newCaller(), addr, Options{TLS: TLSExplicit, Insecure: true, Timeout: shortTimeout})
	if err == nil || !strings.Contains(err.Error(), "clear text") {
		t.Errorf("got %v, want a refusal", err)
	}
}
