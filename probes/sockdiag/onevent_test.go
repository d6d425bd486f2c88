package sockdiag

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/clock"

	"golang.org/x/sys/unix"
)

// A resting probe is one whose heartbeat has looked once, and rests: what it
// tells from then on are the test's looks.
func resting(t *testing.T) (probes.Place, *Probe, *recorder) {
	t.Helper()
	at := newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}, Every: time.Hour})
	r, _ := start(t, p)
	return at, p, r
}

func (s sock) ask(remote netip.AddrPort) Ask {
	return Ask{Node: "node", Cookie: s.cookie(), Flow: probes.Flow{Local: s.local(), Remote: remote}}
}

func TestLookAt(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			at, p, r := resting(t)
			l := listen(t, at, "[::]:0") // so that the IPv4 connection's end there is of AF_INET6
			client, server := l.pair(at, host)
			ask, other := client.ask(server.local()), server.ask(client.local())
			p.LookAt([]Ask{ask, other, ask, other})
			for _, a := range []Ask{ask, other} {
				if got := fmt.Sprint(r.of(a.Cookie)); got != "[ESTABLISHED full]" {
					t.Errorf("after connecting: %s", got)
				}
			}
			client.close()
			server.close()
			p.LookAt([]Ask{ask, other})
			if got := r.of(ask.Cookie); len(got) != 2 || got[1] != "TIME-WAIT mini" {
				t.Errorf("client %v, want TIME-WAIT at last", got)
			}
			if got := r.of(other.Cookie); len(got) != 2 || got[1] != "ESTABLISHED full gone" {
				t.Errorf("server %v, want it gone at last", got)
			}
			p.LookAt([]Ask{other})
			if _, err := p.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a, b := r.of(ask.Cookie), r.of(other.Cookie); len(a) != 2 || len(b) != 2 {
				t.Errorf("told again: %v, %v", a, b)
			}
		})
	}
}

// A look that finds what the one before did not bounds the moment between the
// two.
func TestLookAtSince(t *testing.T) {
	at, p, r := resting(t)
	client, server := listen(t, at, "127.0.0.1:0").pair(at, "127.0.0.1")
	ask := client.ask(server.local())
	p.LookAt([]Ask{ask})
	client.check("shutdown", unix.Shutdown(client.fd, unix.SHUT_WR))
	await(t, p, ask.Cookie, probes.FinWait2, probes.FullObject)
	server.close()
	p.LookAt([]Ask{ask})
	var since probes.Mono
	for _, e := range r.samples() {
		if e.Sock.Cookie != ask.Cookie {
			continue
		}
		if e.Sample.Since <= since || e.Sample.Since >= e.Time || e.Sock.NetNS != at.Cookie || e.Grade != probes.Sampled {
			t.Errorf("%s at %d since %d, after one since %d", e.New, e.Time, e.Sample.Since, since)
		}
		since = e.Sample.Since
	}
	if since == 0 {
		t.Error("never seen")
	}
}

func TestLookAtRequestAndItsChild(t *testing.T) {
	at, p, r := resting(t)
	l := listen(t, at, "127.0.0.1:0", unix.TCP_DEFER_ACCEPT)
	client := connect(t, at, l.local())
	passive := Ask{Node: "node", Flow: probes.Flow{Local: l.local(), Remote: client.local()}}
	p.LookAt([]Ask{passive}) // no cookie: the addresses name it
	client.send("x")
	server := l.accept()
	passive.Cookie = server.cookie()
	p.LookAt([]Ask{passive})
	if got := fmt.Sprint(r.of(passive.Cookie)); got != "[SYN-RECEIVED request ESTABLISHED full]" {
		t.Errorf("got %s", got)
	}
}

// Addresses alone find a listener where there is no connection: it is not
// what was asked for. A cookie of another socket is none either.
func TestLookAtAnother(t *testing.T) {
	at, p, r := resting(t)
	l := listen(t, at, "127.0.0.1:0")
	flow := probes.Flow{Local: l.local(), Remote: netip.MustParseAddrPort("127.0.0.1:1")}
	before := len(r.samples())
	p.LookAt([]Ask{{Node: "node", Flow: flow}, {Node: "node", Flow: flow, Cookie: 1}, {Node: "elsewhere", Flow: flow}, {Node: "node"}})
	if got := r.samples()[before:]; len(got) != 0 {
		t.Errorf("told %+v", got)
	}
}

// A listener's queue is told when it fills.
func TestLookAtListener(t *testing.T) {
	at, p, r := resting(t)
	l := listen(t, at, "[::]:0")
	ask := Ask{Node: "node", Flow: probes.Flow{Local: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), l.local().Port())}}
	p.LookAt([]Ask{ask})
	connect(t, at, ask.Flow.Local)
	connect(t, at, ask.Flow.Local)
	p.LookAt([]Ask{ask, ask})
	l.accept()
	p.LookAt([]Ask{ask})
	var queue []uint32
	for _, e := range r.samples() {
		if e.Sock.Cookie == l.cookie() {
			queue = append(queue, e.Sample.RQueue)
		}
	}
	if !slices.Equal(queue, []uint32{0, 2, 1}) {
		t.Errorf("queue %v, want 0, 2, 1", queue)
	}
}

func TestLookAtClosed(t *testing.T) {
	at := newPlace(t)
	p := newProbe(t, Config{Places: []probes.Place{at}, Every: time.Hour})
	r, stop := start(t, p)
	l := listen(t, at, "127.0.0.1:0")
	stop()
	p.LookAt([]Ask{l.ask(netip.AddrPort{})})
	if got := r.of(l.cookie()); got != nil {
		t.Errorf("told %v after Run", got)
	}
}

// A socket bound to an interface is found, and never taken for gone.
func TestLookAtBound(t *testing.T) {
	at, p, r := resting(t)
	l := open(t, at, unix.AF_INET)
	l.check("bind to device", unix.BindToDevice(l.fd, "lo"))
	l.check("bind", unix.Bind(l.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	l.check("listen", unix.Listen(l.fd, 1))
	if _, err := p.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.LookAt([]Ask{l.ask(netip.AddrPort{})})
	if got := fmt.Sprint(r.of(l.cookie())); got != "[LISTEN listener]" {
		t.Errorf("got %s", got)
	}
}

// BenchmarkLookAt shows what a look at one socket costs.
func BenchmarkLookAt(b *testing.B) {
	at := newPlace(b)
	p := newProbe(b, Config{Places: []probes.Place{at}})
	client, server := listen(b, at, "127.0.0.1:0").pair(at, "127.0.0.1")
	asks := []Ask{client.ask(server.local())}
	var spent time.Duration
	for b.Loop() {
		spent += clock.Spent(func() { p.LookAt(asks) })
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/op")
}
