package watch

import (
	"context"
	"net"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/probes/bpf"
)

func TestMain(m *testing.M) {
	netns.LockMain()
	os.Exit(m.Run())
}

// visit opens a connection over the namespace's loopback and closes it again,
// the client first. The listener is there when it begins.
func visit(l net.Listener, ns *netns.NS) error {
	var client net.Conn
	if err := ns.Do(func() (err error) {
		// An address needs no resolver, whose goroutines would be outside.
		client, err = (&net.Dialer{}).Dial("tcp4", l.Addr().String())
		return err
	}); err != nil {
		return err
	}
	server, err := l.Accept()
	if err != nil {
		return err
	}
	client.Close()
	_, _ = server.Read(make([]byte, 1)) // until the FIN has come
	return server.Close()
}

func listen(t *testing.T, ns *netns.NS) net.Listener {
	t.Helper()
	var l net.Listener
	if err := ns.Do(func() (err error) {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		l, err = config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// story runs a connection in a fresh namespace and returns the lines, up to
// one in which somebody is in TIME-WAIT.
func story(t *testing.T, tracer *bpf.Tracer) []Line {
	t.Helper()
	ns := netnstest.New(t)
	l := listen(t, ns)
	self, err := Own() // another, in which nothing of ours happens
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var lines []Line
	listed := make(chan struct{})
	ended := make(chan error, 1)
	inside, err := Open("/proc/self/fd/" + strconv.Itoa(ns.FD()))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		ended <- Run(ctx, Config{Scopes: []Scope{inside, self}, Tracer: tracer, Emit: func(line Line) {
			if line.Sock.NetNS != ns.Cookie() {
				return
			}
			lines = append(lines, line)
			if line.Kind == probes.KindSample && line.New == probes.Listen {
				close(listed)
			}
			if line.New == probes.TimeWait {
				cancel()
			}
		}})
	}()
	select {
	case <-listed:
	case <-ctx.Done():
		t.Fatal("the listener was not listed")
	}
	if err := visit(l, ns); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if ctx.Err() == context.DeadlineExceeded {
		t.Fatalf("nobody came to TIME-WAIT: %+v", lines)
	}
	return lines
}

func TestRun(t *testing.T) {
	tracer, err := bpf.Load()
	netnstest.Require(t, "bpf", err)
	defer tracer.Close()
	private := netnstest.New(t)
	if err := tracer.Check(private.Cookie(), func() error { return private.Do(bpf.Rehearse) }); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, l := range story(t, tracer) {
		if l.Old != probes.Unknown && (l.Kind == probes.KindState || l.Kind == probes.KindLife) {
			states = append(states, l.Old.String()+" -> "+l.New.String())
			if l.Flow.Local.Port() == 0 {
				t.Errorf("%s without its port", states[len(states)-1])
			}
		}
	}
	for _, want := range []string{
		"CLOSED -> SYN-SENT", "LISTEN -> SYN-RECEIVED", "SYN-SENT -> ESTABLISHED", "SYN-RECEIVED -> ESTABLISHED",
		"ESTABLISHED -> FIN-WAIT-1", "FIN-WAIT-2 -> TIME-WAIT",
	} {
		if !slices.Contains(states, want) {
			t.Errorf("no %s in %q", want, states)
		}
	}
}

// Without kernel events TIME-WAIT, which lasts, is seen all the same, and said
// to be sampled.
func TestRunSampled(t *testing.T) {
	for _, l := range story(t, nil) {
		if l.Kind == probes.KindState || l.Kind == probes.KindSample && l.Grade != probes.Sampled {
			t.Errorf("%s %s -> %s, graded %s", l.Kind, l.Old, l.New, l.Grade)
		}
	}
}
