package gate

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"netlab/probes"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

// By hand, segment by segment.
func TestByHand(t *testing.T) {
	l := newLab(t, 1500, false, false)
	g, rec, _ := l.run(t, func(c *Config) { c.HoldAll = true })
	listener := l.listen(t, serverV4+":7")
	dialled := make(chan error, 1)
	var conn *net.TCPConn
	go func() { dialled <- l.dial(&conn, listener.Addr().String()) }()
	next := func(what string) Frame {
		t.Helper()
		for {
			changed := g.Changed()
			for _, f := range g.Waiting() {
				if f.What == what {
					return f
				}
			}
			select {
			case <-changed:
			case <-timely(t).Done():
				t.Fatalf("no %s; there is %v", what, g.Waiting())
			}
		}
	}
	check(t, g.Drop(next("SYN seq=0").ID)) // it comes again
	check(t, g.Duplicate(next("SYN seq=0").ID))
	check(t, g.Pass(next("SYN seq=0 ACK=1").ID))
	check(t, <-dialled)
	defer conn.Close()
	check(t, g.HoldAll(false))
	_, err := listener.AcceptTCP()
	check(t, err)
	if err := g.Pass(1_000_000); err == nil || err.Error() != "gate wire: pass: frame 1000000 is not held" {
		t.Errorf("error %v", err)
	}
	var got []int
	for _, do := range []probes.Deed{probes.Dropped, probes.Duplicated} {
		got = append(got, len(rec.of(do)))
	}
	if diff := cmp.Diff([]int{1, 1}, got); diff != "" {
		t.Errorf("dropped and duplicated (-want +got):\n%s", diff)
	}
}

// In lockstep every segment waits until it is called on; on may be called at
// once, or by another goroutine.
func TestLockstepOnTheWire(t *testing.T) {
	for _, later := range []bool{false, true} {
		t.Run(fmt.Sprint("later: ", later), func(t *testing.T) {
			l := newLab(t, 1500, false, false)
			looks := make(chan int, 1)
			looks <- 0
			g, rec, stop := l.run(t, func(c *Config) {
				c.Lockstep = func(on func()) {
					looks <- 1 + <-looks
					if later {
						go on()
						return
					}
					on()
				}
			})
			check(t, g.AddRule("fin", holding(by(fin, "client"), nil)))
			p := l.connect(t, serverV4)
			p.send(t, "hello")
			check(t, p.client.CloseWrite())
			check(t, g.Await(timely(t), "fin", 1))
			n, err := g.Release(timely(t), &scenarios.GateRelease{Rule: "fin"})
			if n != 1 || err != nil {
				t.Errorf("released %d, %v", n, err)
			}
			if len(rec.of(probes.Released)) != 1 {
				t.Error("it has not gone on when Release returned")
			}
			if _, err := io.ReadAll(p.server); err != nil {
				t.Error(err)
			}
			stop()
			if n := <-looks; n < 7 { // SYN, SYN+ACK, ACK, data, its ACK, FIN twice
				t.Errorf("%d looks", n)
			}
		})
	}
}

// A connection comes through a bad link unharmed.
func TestBadLink(t *testing.T) {
	l := newLab(t, 1500, false, false)
	bad := &scenarios.Impair{Delay: ms(1), Jitter: ms(1), Loss: 5000, Duplicate: 10_000, Reorder: 50_000, Corrupt: 2000, Rate: 500_000_000, Queue: 1000}
	_, rec, _ := l.run(t, func(c *Config) { c.Impair, c.Seed = [2]*scenarios.Impair{bad, bad}, 1 })
	p := l.connect(t, serverV4)
	sent := make([]byte, 4<<20)
	for i := range sent {
		sent[i] = byte(i >> 9)
	}
	go func() {
		_, _ = p.client.Write(sent)
		_ = p.client.CloseWrite()
	}()
	got, err := io.ReadAll(p.server)
	check(t, err)
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came, want %d, the same", len(got), len(sent))
	}
	for _, do := range []probes.Deed{probes.Dropped, probes.Duplicated, probes.Corrupted} {
		if len(rec.of(do)) == 0 {
			t.Errorf("nothing was %s", do)
		}
	}
}
