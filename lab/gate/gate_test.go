package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"netlab/lab/netns"
	"netlab/probes"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// within is how long a test waits for what must come.
const timeLimit = 20 * time.Second

// A pair is a connection, seen from both ends.
type pair struct{ client, server *net.TCPConn }

// connect opens a connection to port 7 of the server.
func (l *testLab) connect(tb testing.TB, address string) pair {
	tb.Helper()
	listener := l.listen(tb, net.JoinHostPort(address, "7"))
	defer listener.Close()
	var p pair
	check(tb, l.dial(&p.client, listener.Addr().String()))
	check(tb, listener.SetDeadline(time.Now().Add(timeLimit)))
	conn, err := listener.AcceptTCP()
	check(tb, err)
	p.server = conn
	for _, c := range []*net.TCPConn{p.client, p.server} {
		check(tb, c.SetDeadline(time.Now().Add(timeLimit)))
		tb.Cleanup(func() { _ = c.Close() })
	}
	return p
}

func (l *testLab) dial(conn **net.TCPConn, address string) error {
	return l.nodes[client].Do(func() error {
		c, err := net.DialTimeout("tcp", address, timeLimit)
		if err == nil {
			*conn = c.(*net.TCPConn)
		}
		return err
	})
}

// send writes at the client, and wants the same read at the server.
func (p pair) send(tb testing.TB, text string) {
	tb.Helper()
	_, err := io.WriteString(p.client, text)
	check(tb, err)
	p.want(tb, text)
}

func (p pair) want(tb testing.TB, text string) {
	tb.Helper()
	b := make([]byte, len(text))
	_, err := io.ReadFull(p.server, b)
	check(tb, err)
	if string(b) != text {
		tb.Errorf("read %q, want %q", b, text)
	}
}

// badSums returns how many segments a node has dropped for their checksum.
func badSums(tb testing.TB, ns *netns.NS) (n int) {
	tb.Helper()
	check(tb, ns.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		var names []string
		for line := range strings.Lines(string(b)) {
			fields := strings.Fields(line)
			if fields[0] != "Tcp:" {
				continue
			}
			if names == nil {
				names = fields
				continue
			}
			for i, name := range names {
				if name == "InCsumErrors" {
					_, err = fmt.Sscan(fields[i], &n)
				}
			}
		}
		return err
	}))
	return n
}

func timely(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	tb.Cleanup(cancel)
	return ctx
}

func TestEcho(t *testing.T) {
	for _, tt := range []struct {
		name, address string
		mtu           int
	}{
		{"IPv4", serverV4, 1500}, {"IPv6", serverV6, 1500}, {"jumbo", serverV4, 9000}, {"jumbo, IPv6", serverV6, 9000}, {"largest", serverV4, 65535},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, tt.mtu, false, false)
			g, rec, stop := l.run(t, nil)
			full := int64(tt.mtu - 100)
			check(t, g.AddRule("full", watching(scenarios.FrameMatch{From: "client", Payload: &scenarios.Count{Min: full, Max: -1}})))
			p := l.connect(t, tt.address)
			sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
			echoed := make(chan error, 1)
			go func() {
				_, err := io.Copy(p.server, p.server)
				echoed <- errors.Join(err, p.server.CloseWrite())
			}()
			go func() {
				_, _ = p.client.Write(sent)
				_ = p.client.CloseWrite()
			}()
			got, err := io.ReadAll(p.client)
			check(t, err)
			check(t, <-echoed)
			if !bytes.Equal(got, sent) {
				t.Errorf("%d bytes came back, want %d, the same", len(got), len(sent))
			}
			check(t, g.Await(timely(t), "full", 10))
			check(t, g.Tally())
			stop()
			for i, ns := range l.nodes {
				if n := badSums(t, ns); n > 0 {
					t.Errorf("%s dropped %d segments for their checksum", [2]string{"client", "server"}[i], n)
				}
			}
			wantTotals(t, rec)
		})
	}
}

// wantTotals checks the last events of a gate that had nothing to do.
func wantTotals(t *testing.T, rec *recorder) {
	t.Helper()
	if e := rec.events; len(e) != 5 || len(rec.of(probes.Matched)) != 3 || e[0].Gate.Times != 1 || e[0].Gate.Frame == 0 || e[1].Gate.Times == 0 || e[2].Gate.Do != probes.Matched {
		t.Errorf("events %+v", e) // the first match, when the window closed, and at the end
	}
	for i, e := range rec.of(probes.Passed) {
		if e.Node != [2]string{"client", "server"}[i] || e.Gate.Bytes < 2<<20 || e.Gate.Frames < 30 {
			t.Errorf("passed %+v from %s", *e.Gate, e.Node)
		}
	}
}

func TestHoldFIN(t *testing.T) {
	for _, address := range []string{serverV4, serverV6} {
		t.Run(address, func(t *testing.T) {
			l := newLab(t, 1500, false, false)
			g, rec, _ := l.run(t, nil)
			p := l.connect(t, address)
			p.send(t, "hello")
			check(t, g.AddRule("fin", holding(by(fin, "client"), nil)))
			changed := g.Changed()
			check(t, p.client.CloseWrite())
			<-changed
			check(t, g.Await(timely(t), "fin", 1))
			// The FIN is sent again, which makes no second frame of it.
			for len(rec.of(probes.Merged)) == 0 {
				<-g.Changed()
			}
			f := g.Waiting()
			if len(f) != 1 || f[0].Copies < 1 || f[0].What != "FIN seq=6 ACK=1" || !g.Holding() {
				t.Errorf("waiting %+v", f)
			}
			if err := g.Await(expired(), "fin", 2); err == nil || !strings.Contains(err.Error(), `: rule "fin" has matched 1 time of 2, of `) ||
				!strings.Contains(err.Error(), "; held: #") || !strings.Contains(err.Error(), "FIN seq=6 ACK=1 from client (and ") || !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			n, err := g.Release(timely(t), &scenarios.GateRelease{Rule: "fin"})
			if n != 1 || err != nil {
				t.Errorf("released %d, %v", n, err)
			}
			if b, err := io.ReadAll(p.server); err != nil || len(b) > 0 {
				t.Errorf("read %q, %v, want the end", b, err)
			}
			if e := rec.of(probes.Released); len(e) != 1 || e[0].Gate.Copies < 1 || time.Duration(e[0].Gate.Waited) < 100*time.Millisecond {
				t.Errorf("released %+v", e)
			}
			if g.Holding() {
				t.Error("something is held still")
			}
		})
	}
}

// expired is a context that has ended.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestDropFirstFIN(t *testing.T) {
	l := newLab(t, 1500, false, false)
	g, rec, _ := l.run(t, nil)
	p := l.connect(t, serverV4)
	first := fin
	first.Nth = 1
	check(t, g.AddRule("lost", dropping(first, 0)))
	check(t, p.client.CloseWrite())
	if _, err := io.ReadAll(p.server); err != nil {
		t.Error(err)
	}
	e := rec.of(probes.Dropped)
	if len(e) != 1 || e[0].Node != "client" || e[0].Gate.Rule != "lost" || e[0].Segment.Flags != finAck || e[0].Segment.Link != "wire" {
		t.Errorf("dropped %+v", e)
	}
	if err := g.Await(timely(t), "lost", 2); err == nil || !strings.Contains(err.Error(), "and has ended") {
		t.Errorf("error %v, want one that says that it will never match", err)
	}
}

func TestDuplicateAndReorderOnTheWire(t *testing.T) {
	l := newLab(t, 1500, false, false)
	g, rec, _ := l.run(t, nil)
	p := l.connect(t, serverV4)
	check(t, g.AddRule("twice", duplicating(scenarios.FrameMatch{Content: "one"}, 3)))
	behind := reordering(scenarios.FrameMatch{Content: "two"}, 1)
	behind.GateReorder.Times = 1
	check(t, g.AddRule("behind", behind))
	p.send(t, "one")
	_, err := io.WriteString(p.client, "two")
	check(t, err)
	check(t, g.Await(timely(t), "behind", 1))
	_, err = io.WriteString(p.client, "three")
	check(t, err)
	p.want(t, "twothree")
	if d, r := rec.of(probes.Duplicated), rec.of(probes.Reordered); len(d) != 1 || d[0].Gate.Copies != 3 || len(r) != 1 {
		t.Errorf("duplicated %+v, reordered %+v", d, r)
	}
}

func TestCorruptOnTheWire(t *testing.T) {
	l := newLab(t, 1500, false, false)
	g, _, _ := l.run(t, nil)
	p := l.connect(t, serverV4)
	kept, fixed := corrupting(data, 1, scenarios.KeepChecksum), corrupting(data, 1, scenarios.FixChecksum)
	kept.GateCorrupt.Times, fixed.GateCorrupt.Times = 1, 1
	check(t, g.AddRule("kept", kept))
	p.send(t, "hello") // the segment is dropped, and comes again
	if n := badSums(t, l.nodes[server]); n != 1 {
		t.Errorf("the server dropped %d segments for their checksum, want 1", n)
	}
	check(t, g.AddRule("fixed", fixed))
	_, err := io.WriteString(p.client, "hello")
	check(t, err)
	p.want(t, "hdllo") // deceived
	if n := badSums(t, l.nodes[server]); n != 1 {
		t.Errorf("the server dropped %d segments for their checksum, want 1", n)
	}
}

func TestInjectReset(t *testing.T) {
	for _, address := range []string{serverV4, serverV6} {
		t.Run(address, func(t *testing.T) {
			l := newLab(t, 1500, false, false)
			g, rec, _ := l.run(t, nil)
			p := l.connect(t, address)
			p.send(t, "hello")
			flow := probes.Flow{Local: addrOf(p.client.LocalAddr()), Remote: addrOf(p.client.RemoteAddr())}
			check(t, g.Inject(Injection{Name: "reset", From: "client", Flow: flow, Flags: probes.RST}))
			if _, err := p.server.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
				t.Errorf("read: %v, want a reset", err)
			}
			seq := int64(1)
			check(t, g.Inject(Injection{Name: "back", From: "server", Flow: flow.Reverse(), Flags: probes.RST | probes.ACK, Seq: &seq, Relative: true}))
			if _, err := p.client.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
				t.Errorf("read: %v, want a reset", err)
			}
			if e := rec.of(probes.Injected); len(e) != 2 || e[0].Flow != flow || e[0].Gate.Rule != "reset" {
				t.Errorf("injected %+v", e)
			}
		})
	}
}

func TestInjectSYN(t *testing.T) {
	l := newLab(t, 1500, false, false)
	g, _, _ := l.run(t, nil)
	l.connect(t, serverV4).send(t, "the neighbours know each other")
	listener := l.listen(t, serverV4+":8")
	seq := int64(777)
	flow := probes.Flow{Local: mustAddrPort(clientV4 + ":1234"), Remote: addrOf(listener.Addr())}
	check(t, g.AddRule("answer", watching(scenarios.FrameMatch{From: "server", Flags: []scenarios.TCPFlag{"SYN", "ACK"}, Ack: exactly(1)})))
	check(t, g.AddRule("refusal", watching(scenarios.FrameMatch{From: "client", Flags: []scenarios.TCPFlag{"RST"}})))
	in := Injection{From: "client", Flow: flow, Flags: probes.SYN, Seq: &seq, Window: 1000}
	if err := g.Inject(in); err == nil || !strings.Contains(err.Error(), "gate wire: inject: the link-layer addresses of") {
		t.Errorf("error %v", err)
	}
	in.Src, in.Dst = l.mac(t, client), l.mac(t, server)
	check(t, g.Inject(in))
	check(t, g.Await(timely(t), "refusal", 1))
	// A made-up SYN did not come from its end: numbers do not count from it.
	if n := g.engine.rule("answer").matched; n != 0 {
		t.Errorf("answer matched %d times", n)
	}
}

// Neighbour discovery passes though all is held that no rule names.
func TestNeighboursPass(t *testing.T) {
	for _, address := range []string{serverV4, serverV6} {
		t.Run(address, func(t *testing.T) {
			l := newLab(t, 1500, false, false)
			g, _, _ := l.run(t, nil)
			check(t, g.AddRule("all", holding(scenarios.FrameMatch{Protocol: scenarios.TCPFrame}, nil)))
			check(t, g.AddRule("rest", holding(scenarios.FrameMatch{From: "client", Protocol: scenarios.UDPFrame}, nil)))
			listener := l.listen(t, net.JoinHostPort(address, "7"))
			dialled := make(chan error, 1)
			var conn *net.TCPConn
			go func() { dialled <- l.dial(&conn, listener.Addr().String()) }()
			check(t, g.Await(timely(t), "all", 1))
			if f := g.Waiting()[0]; f.What != "SYN seq=0" {
				t.Errorf("held %s", f.What)
			}
			check(t, g.Clear(""))
			check(t, <-dialled)
			check(t, conn.Close())
		})
	}
}
