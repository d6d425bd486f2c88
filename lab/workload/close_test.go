package workload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/workload"
	"netlab/probes"
	"netlab/probes/calls"

	"github.com/google/go-cmp/cmp"
)

// A pair is a connection with the calls made at both ends.
type pair struct {
	client, server *calls.Conn

	mu     sync.Mutex
	events []probes.Event
}

// newPair connects over loopback, inside ns unless that is nil.
func newPair(t *testing.T, ns *netns.NS) *pair {
	t.Helper()
	p := &pair{}
	recorder := calls.New("node", 0, func(e probes.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	})
	connect := func() error {
		l, err := recorder.Caller("server").Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		if p.client, err = recorder.Caller("client").DialContext(t.Context(), "tcp", l.Addr().String(), calls.DialOptions{}); err != nil {
			return err
		}
		p.server, err = l.AcceptConn()
		return err
	}
	var err error
	if ns == nil {
		err = connect()
	} else {
		err = ns.Do(connect)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.client.Close(); p.server.Close() })
	return p
}

// after returns the calls of one end since the connection stood, each as its
// name, its argument and its result.
func (p *pair) after(c *calls.Conn) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, e := range p.events {
		if e.Sock != c.ID() || e.Call.Name == "connect" || e.Call.Name == "accept" {
			continue
		}
		names = append(names, strings.TrimSpace(strings.Join([]string{e.Call.Name, e.Call.Args, e.Call.Errno}, " ")))
	}
	return names
}

// close runs a close with its step failing the test.
func closeIn(t *testing.T, style workload.CloseStyle, c *calls.Conn) {
	t.Helper()
	if err := (workload.Close{Style: style}).Do(t.Context(), c, nil); err != nil {
		t.Errorf("close %s: %v", style, err)
	}
}

// The client closes in each style, the server after its peer; the kernel's own
// table says who is left in TIME-WAIT.
func TestStyles(t *testing.T) {
	tests := []struct {
		name           string
		style          workload.CloseStyle // the client's
		peer           workload.CloseStyle // the server's
		client, server []string            // calls
		timeWait       string
	}{
		{
			name: "at once, then the peer", style: workload.AtOnce, peer: workload.AfterPeer,
			client: []string{"close"}, server: []string{"receive  EOF", "close"}, timeWait: "client",
		},
		{
			name: "after the peer, which is at once", style: workload.AfterPeer, peer: workload.AtOnce,
			client: []string{"receive  EOF", "close"}, server: []string{"close"}, timeWait: "server",
		},
		{
			name: "half, then drain", style: workload.HalfThenDrain, peer: workload.AfterPeer,
			client: []string{"shutdown write", "receive  EOF", "close"}, server: []string{"receive  EOF", "close"}, timeWait: "client",
		},
		{
			name: "reset", style: workload.Reset, peer: workload.AfterPeer,
			client: []string{"linger 0", "close"}, server: []string{"receive  ECONNRESET", "close"}, timeWait: "",
		},
		{
			name: "a server has no reply to wait for", style: workload.AfterReply, peer: workload.AfterPeer,
			client: []string{"close"}, server: []string{"receive  EOF", "close"}, timeWait: "client",
		},
	}
	ns := netnstest.New(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPair(t, ns)
			var wg sync.WaitGroup
			wg.Go(func() { closeIn(t, test.style, p.client) })
			wg.Go(func() { closeIn(t, test.peer, p.server) })
			wg.Wait()
			if diff := cmp.Diff(test.client, p.after(p.client)); diff != "" {
				t.Errorf("client's calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.server, p.after(p.server)); diff != "" {
				t.Errorf("server's calls (-want +got):\n%s", diff)
			}
			if got := timeWait(t, ns, p); got != test.timeWait {
				t.Errorf("TIME-WAIT is held by %q, want %q", got, test.timeWait)
			}
		})
	}
}

// timeWait returns which end of p the kernel keeps in TIME-WAIT, by the table
// in /proc. Loopback delivers in the sender's context, so the table is final
// once the calls have returned.
func timeWait(t *testing.T, ns *netns.NS, p *pair) string {
	t.Helper()
	var table []byte
	if err := ns.Do(func() (err error) {
		table, err = os.ReadFile("/proc/thread-self/net/tcp")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	const timeWaitState = "06" // include/net/tcp_states.h
	var holders []string
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		for name, c := range map[string]*calls.Conn{"client": p.client, "server": p.server} {
			local, remote := fmt.Sprintf(":%04X", c.Flow().Local.Port()), fmt.Sprintf(":%04X", c.Flow().Remote.Port())
			if len(fields) > 3 && fields[3] == timeWaitState && strings.HasSuffix(fields[1], local) && strings.HasSuffix(fields[2], remote) {
				holders = append(holders, name)
			}
		}
	}
	return strings.Join(holders, ",")
}

func TestAfterReplyReadsTheReply(t *testing.T) {
	p := newPair(t, nil)
	if _, err := p.server.Write([]byte("221 Goodbye\r\n")); err != nil {
		t.Fatal(err)
	}
	c := workload.Close{Style: workload.AfterReply}
	err := c.Do(t.Context(), p.client, func() error {
		_, err := io.ReadFull(p.client, make([]byte, 13))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"receive", "close"}, p.after(p.client)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDelayLiesBetweenTheFINAndTheClose(t *testing.T) {
	p := newPair(t, nil)
	closeIn(t, workload.AtOnce, p.server)
	const delay = 30 * time.Millisecond
	if err := (workload.Close{Style: workload.AfterPeer, Delay: delay}).Do(t.Context(), p.client, nil); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	closed := p.events[len(p.events)-1]
	eof := p.events[len(p.events)-2]
	if got := closed.Time.Sub(eof.Call.End); got < delay {
		t.Errorf("close came %v after the FIN, want at least %v", got, delay)
	}
}

func TestCap(t *testing.T) {
	for _, style := range []workload.CloseStyle{workload.AfterPeer, workload.HalfThenDrain} {
		t.Run(string(style), func(t *testing.T) {
			p := newPair(t, nil)
			err := workload.Close{Style: style, Cap: 10 * time.Millisecond}.Do(t.Context(), p.client, nil)
			if !errors.Is(err, workload.ErrCapped) {
				t.Errorf("close with a peer that does nothing: %v, want ErrCapped", err)
			}
			calls := p.after(p.client)
			if got, want := calls[len(calls)-1], "close "+string(style)+" given up after 10ms"; got != want {
				t.Errorf("last call is %q, want %q", got, want)
			}
		})
	}
}

func TestContextEndsTheWait(t *testing.T) {
	p := newPair(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- workload.Close{Style: workload.AfterPeer, Cap: time.Hour}.Do(ctx, p.client, nil) }()
	cancel()
	if err := <-done; !errors.Is(err, workload.ErrCapped) {
		t.Errorf("cancelled close: %v, want ErrCapped", err)
	}
	// And the delay, too.
	p = newPair(t, nil)
	if err := (workload.Close{Delay: time.Hour}).Do(ctx, p.client, nil); err != nil {
		t.Errorf("close at once with a cancelled context: %v", err)
	}
}

func TestCloseInJSON(t *testing.T) {
	tests := []struct {
		text string
		want workload.Close
		err  string
	}{
		{text: `"after_peer"`, want: workload.Close{Style: workload.AfterPeer}},
		{text: `{"after_peer":{"delay":"60ms"}}`, want: workload.Close{Style: workload.AfterPeer, Delay: 60 * time.Millisecond}},
		{text: `{"half_then_drain":{"delay":"1s","cap":"2s"}}`, want: workload.Close{Style: workload.HalfThenDrain, Delay: time.Second, Cap: 2 * time.Second}},
		{text: `"politely"`, err: "none of at_once, after_reply"},
		{text: `{"after_peer":{"dealy":"60ms"}}`, err: "dealy"},
		{text: `{"after_peer":{"delay":60}}`, err: "delay"},
		{text: `{"after_peer":{"delay":"-1s"}}`, err: "negative"},
		{text: `{"after_peer":{},"reset":{}}`, err: "want one of"},
		{text: `7`, err: "want one of"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			var got workload.Close
			err := json.Unmarshal([]byte(test.text), &got)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error is %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			back, err := json.Marshal(got)
			if err != nil || string(back) != test.text {
				t.Errorf("written again it is %s, %v; want %s", back, err, test.text)
			}
		})
	}
}
