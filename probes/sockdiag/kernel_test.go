package sockdiag

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"golang.org/x/sys/unix"
)

func TestStates(t *testing.T) {
	at := newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}})

	t.Run("LISTEN with its queue", func(t *testing.T) {
		l := listen(t, at, "127.0.0.1:0")
		connect(t, at, l.local())
		s := await(t, p, l.cookie(), probes.Listen, probes.ListenerObject)
		if s.Flow.Local != l.local() || s.Flow.Remote.IsValid() || s.Sample.RQueue != 1 || s.Sample.WQueue != 7 || s.Sample.Inode == 0 {
			t.Errorf("listener: %+v", s)
		}
		if s.Node != "node" || s.ID.NetNS != at.Cookie {
			t.Errorf("listener of %q, netns %d", s.Node, s.ID.NetNS)
		}
	})
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run("half close, then TIME-WAIT, "+host, func(t *testing.T) {
			l := listen(t, at, netip.AddrPortFrom(netip.MustParseAddr(host), 0).String())
			client, server := l.pair(at, host)
			id := client.cookie()
			s := await(t, p, id, probes.Established, probes.FullObject)
			if want := (probes.Flow{Local: client.local(), Remote: server.local()}); s.Flow != want {
				t.Errorf("flow %v, want %v", s.Flow, want)
			}
			client.check("shutdown", unix.Shutdown(client.fd, unix.SHUT_WR))
			await(t, p, server.cookie(), probes.CloseWait, probes.FullObject)
			await(t, p, id, probes.FinWait2, probes.FullObject)
			server.close()
			s = await(t, p, id, probes.TimeWait, probes.MiniObject)
			if s.Sample.Timer != "timewait" || s.Sample.Expires < 50_000 || s.Sample.Inode != 0 {
				t.Errorf("TIME-WAIT: %+v", s)
			}
		})
	}
	t.Run("orphaned FIN-WAIT-2 becomes TIME-WAIT", func(t *testing.T) {
		client, server := listen(t, at, "127.0.0.1:0").pair(at, "127.0.0.1")
		id := client.cookie()
		client.close()
		await(t, p, id, probes.FinWait2, probes.MiniObject)
		server.close()
		await(t, p, id, probes.TimeWait, probes.MiniObject)
	})
	t.Run("IPv4 connection to an IPv6 listener", func(t *testing.T) {
		client, server := listen(t, at, "[::]:0").pair(at, "127.0.0.1")
		s := await(t, p, server.cookie(), probes.Established, probes.FullObject)
		if want := (probes.Flow{Local: server.local(), Remote: client.local()}); s.Flow != want {
			t.Errorf("flow %v, want %v", s.Flow, want)
		}
	})
	t.Run("unread bytes", func(t *testing.T) {
		client, server := listen(t, at, "127.0.0.1:0").pair(at, "127.0.0.1")
		_, err := unix.Write(client.fd, []byte("hello"))
		client.check("write", err)
		if s := await(t, p, server.cookie(), probes.Established, probes.FullObject); s.Sample.RQueue != 5 {
			t.Errorf("%d bytes unread, want 5", s.Sample.RQueue)
		}
	})
	// A listener that defers keeps the request socket until data arrives.
	t.Run("request socket, and its child's cookie", func(t *testing.T) {
		l := listen(t, at, "127.0.0.1:0", unix.TCP_DEFER_ACCEPT)
		client := connect(t, at, l.local())
		want := probes.Flow{Local: l.local(), Remote: client.local()}
		list, err := p.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var id uint64
		for _, s := range list {
			if s.Flow == want && s.State == probes.SynReceived && s.Sample.Object == probes.RequestObject {
				id = s.ID.Cookie
			}
		}
		if id == 0 {
			t.Fatalf("no request socket %v in %+v", want, list)
		}
		_, err = unix.Write(client.fd, []byte("x"))
		client.check("write", err)
		if server := l.accept(); server.cookie() != id {
			t.Errorf("request socket had cookie %d, its child has %d", id, server.cookie())
		}
	})
}

// A recorder collects events.
type recorder struct {
	mu     sync.Mutex
	events []probes.Event
	closed bool
	late   int
}

func (r *recorder) emit(e probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.late++
	}
	r.events = append(r.events, e)
}

// of returns the states of a socket as the events tell them.
func (r *recorder) of(cookie uint64) (states []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == probes.KindSample && e.Sock.Cookie == cookie {
			s := fmt.Sprint(e.New, " ", e.Sample.Object)
			if e.Sample.Gone {
				s += " gone"
			}
			states = append(states, s)
		}
	}
	return states
}

// samples returns what looks have told so far.
func (r *recorder) samples() (list []probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == probes.KindSample {
			list = append(list, e)
		}
	}
	return list
}

// start runs p; stop ends it and waits for it.
func start(t *testing.T, p *Probe) (r *recorder, stop func()) {
	t.Helper()
	r = new(recorder)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, r.emit) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.closed = true
	})
	t.Cleanup(stop)
	select {
	case <-p.Ready():
	case <-time.After(patience):
		t.Fatal("never ready")
	}
	return r, stop
}

func TestRunEmitsChangesOnly(t *testing.T) {
	at := newPlace(t)
	l := listen(t, at, "127.0.0.1:0")
	// The heartbeat rests; the looks are the test's, so the samples are exact.
	p := newProbe(t, Config{Places: []probes.Place{at}, Every: time.Hour})
	if _, err := p.Snapshot(t.Context()); err != nil { // before Run: takes nothing from it
		t.Fatal(err)
	}
	r, stop := start(t, p)
	client, server := l.pair(at, "127.0.0.1")
	id := client.cookie()
	await(t, p, id, probes.Established, probes.FullObject)
	await(t, p, id, probes.Established, probes.FullObject)
	client.check("shutdown", unix.Shutdown(client.fd, unix.SHUT_WR))
	await(t, p, id, probes.FinWait2, probes.FullObject)
	server.close()
	await(t, p, id, probes.TimeWait, probes.MiniObject)
	l.close()
	if _, err := p.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := p.Snapshot(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("snapshot after the run: %v", err)
	}
	if r.late != 0 {
		t.Errorf("%d events after Run", r.late)
	}
	got := r.of(id)
	// FIN-WAIT-1 may or may not be met.
	if len(got) == 4 && got[1] == "FIN-WAIT-1 full" {
		got = append(got[:1], got[2:]...)
	}
	want := []string{"ESTABLISHED full", "FIN-WAIT-2 full", "TIME-WAIT mini"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("client: %v, want %v", got, want)
	}
	samples := r.samples()
	for i, e := range samples {
		switch first := i == 0; {
		case e.Node != "node" || e.Sock.NetNS != at.Cookie || e.Sample == nil:
			t.Errorf("event %d: %+v", i, e)
		case first != (e.Sample.Since == 0), !first && e.Sample.Since >= e.Time:
			t.Errorf("event %d at %d, since %d", i, e.Time, e.Sample.Since)
		}
	}
	last := samples[len(samples)-1]
	if last.New != probes.Listen || !last.Sample.Gone {
		t.Errorf("last event %+v, want the listener gone", last)
	}
}

func TestHeartbeat(t *testing.T) {
	at := newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}, Every: time.Millisecond})
	r, stop := start(t, p)
	l := listen(t, at, "[::1]:0")
	id := l.cookie()
	deadline := time.After(patience)
	for len(r.of(id)) == 0 {
		select {
		case <-deadline:
			t.Fatal("the heartbeat never found the listener")
		case <-time.After(time.Millisecond): // the recorder is only looked at
		}
	}
	stop()
}

func TestWaitListen(t *testing.T) {
	at := newPlace(t)
	l := listen(t, at, "127.0.0.1:0")
	addr := l.local()
	l.close()
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		done <- WaitListen(ctx, at, addr)
	}()
	listen(t, at, addr.String())
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := WaitListen(ctx, at, netip.MustParseAddrPort("127.0.0.1:1")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody listens, but got %v", err)
	}
}

func TestReaches(t *testing.T) {
	tests := []struct {
		name     string
		addr     string
		listener string
		v6only   bool
		want     bool
	}{
		{"same", "10.0.0.1:21", "10.0.0.1:21", false, true},
		{"other port", "10.0.0.1:21", "10.0.0.1:22", false, false},
		{"other address", "10.0.0.1:21", "10.0.0.2:21", false, false},
		{"any IPv4", "10.0.0.1:21", "0.0.0.0:21", false, true},
		{"any", "10.0.0.1:21", "[::]:21", false, true},
		{"any IPv6", "10.0.0.1:21", "[::]:21", true, false},
		{"IPv6 by any", "[fd00::1]:21", "[::]:21", true, true},
		{"IPv6 by any IPv4", "[fd00::1]:21", "0.0.0.0:21", false, false},
		{"port only", "[::]:21", "10.0.0.2:21", false, true},
		{"zone", "[fe80::1%eth0]:21", "[fe80::1]:21", false, true},
		{"mapped", "[::ffff:10.0.0.1]:21", "10.0.0.1:21", false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Socket{Flow: probes.Flow{Local: netip.MustParseAddrPort(test.listener)}, V6Only: test.v6only}
			if got := reaches(netip.MustParseAddrPort(test.addr), s); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestDestroy(t *testing.T) {
	at := newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}})
	l := listen(t, at, "[::]:0")
	kept := listen(t, at, "127.0.0.1:0")
	request := listen(t, at, "127.0.0.1:0", unix.TCP_DEFER_ACCEPT)
	connect(t, at, request.local())

	l.pair(at, "127.0.0.1")
	// The peer reads nothing and its window closes: FIN-WAIT-1 for good.
	orphan, _ := l.pair(at, "::1")
	id := orphan.cookie()
	orphan.check("nonblock", unix.SetNonblock(orphan.fd, true))
	for {
		if _, err := unix.Write(orphan.fd, make([]byte, 1<<16)); err != nil {
			break
		}
	}
	orphan.close()
	await(t, p, id, probes.FinWait1, probes.FullObject)
	active, passive := l.pair(at, "::1")
	mini := active.cookie()
	active.close()
	passive.close()
	await(t, p, mini, probes.TimeWait, probes.MiniObject)

	ended, err := Destroy(at, func(s Socket) bool { return s.Flow.Local != kept.local() })
	if errors.Is(err, probes.ErrUnavailable) {
		netnstest.Require(t, "sockdiag", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if ended < 5 {
		t.Errorf("%d sockets ended, want 5 or more", ended)
	}
	list, err := p.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Sample.Object != probes.MiniObject && s.ID.Cookie != kept.cookie() {
			t.Errorf("left: %+v", s)
		}
	}
	await(t, p, mini, probes.TimeWait, probes.MiniObject)
	await(t, p, kept.cookie(), probes.Listen, probes.ListenerObject)
}

func TestManySockets(t *testing.T) {
	at := newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}})
	const n = 300 // more than one datagram of the answer holds
	want := make(map[uint64]bool)
	for range n {
		want[listen(t, at, "127.0.0.1:0").cookie()] = true
	}
	list, err := p.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		delete(want, s.ID.Cookie)
	}
	if len(want) != 0 {
		t.Errorf("%d of %d listeners not listed", len(want), n)
	}
}

func TestUnavailable(t *testing.T) {
	var u *probes.Unavailable
	err := unavailable(fmt.Errorf("ask: %w", unix.ENOENT))
	if !errors.Is(err, probes.ErrUnavailable) || !errors.As(err, &u) || u.Remedy == "" {
		t.Errorf("ENOENT gives %v", err)
	}
	if err := unavailable(unix.ENOMEM); errors.Is(err, probes.ErrUnavailable) {
		t.Errorf("ENOMEM gives %v", err)
	}
}

// BenchmarkSnapshot shows what one look at one quiet place costs.
func BenchmarkSnapshot(b *testing.B) {
	p := newProbe(b, Config{Places: []probes.Place{newPlace(b)}})
	for b.Loop() {
		if _, err := p.Snapshot(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListeners shows what one look for listeners costs.
func BenchmarkListeners(b *testing.B) {
	at := newPlace(b)
	c, err := dial(at.NS)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	buf := make([]byte, bufferLen)
	for b.Loop() {
		if _, err := c.listeners(buf); err != nil {
			b.Fatal(err)
		}
	}
}
