package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"netlab/lab"
	"netlab/lab/node"
	"netlab/probes"
	"netlab/scenarios"
)

// packets is how many full segments the transfer takes at least; each carries
// 1448 bytes of an MTU of 1500.
const packets = 100_000

var transfer = fmt.Sprintf(`
netlab: 1
name: transfer
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers: {ftpd: {node: server, ftp: {users: {student: secret}, files: {big.bin: {size: %d}}, close: after_peer}}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: control}
  - ftp.login: {session: control, user: student, password: secret}
  - ftp.retrieve: {session: control, path: big.bin, as: fetch}
  - ftp.quit: {session: control, close: after_reply}
`, packets*1448)

// A tally counts what the taps at both ends of a link recorded of a transfer,
// as it comes: to keep a few hundred thousand events would be no part of it.
type tally struct {
	mu   sync.Mutex
	taps map[string]*tap
	lost uint64
}

// A tap is one end of the link.
type tap struct {
	segments int            // of any kind, of any connection
	data     int            // with payload, on data connections
	payload  map[uint32]int // bytes of these, by sequence number
}

// bytes is how much payload was seen, each byte once: the server sends it
// again in the same pieces if at all.
func (t *tap) bytes() (sum int64) {
	for _, n := range t.payload {
		sum += int64(n)
	}
	return sum
}

func newTally() *tally {
	t := &tally{taps: map[string]*tap{}}
	for _, end := range []string{"client", "server"} {
		t.taps[end] = &tap{payload: make(map[uint32]int, packets)}
	}
	return t
}

func (t *tally) emit(e probes.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case e.Loss != nil:
		t.lost += e.Loss.Count
	case e.Segment != nil:
		t.taps[e.Node].count(e)
	}
}

func (t *tap) count(e probes.Event) {
	t.segments++
	control := e.Flow.Local.Port() == 21 || e.Flow.Remote.Port() == 21
	if s := e.Segment; s.Len > 0 && !control {
		t.data++
		t.payload[s.Seq] = max(t.payload[s.Seq], s.Len)
	}
}

// BenchmarkCompareTaps moves 100,000 packets between two nodes, with all
// probes of the lab and a capture file, and compares what was captured at both
// ends: every packet must be there twice.
func BenchmarkCompareTaps(b *testing.B) {
	needLabs(b)
	sc, err := scenarios.Parse("test.yaml", []byte(transfer))
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	for b.Loop() {
		capture, err := os.Create(filepath.Join(dir, "capture.pcapng"))
		if err != nil {
			b.Fatal(err)
		}
		count := newTally()
		l, err := lab.Up(b.Context(), planOf(b, transfer), lab.Options{
			Emit: count.emit, Capture: capture,
			Log: func(name string) (*os.File, error) { return os.Create(filepath.Join(dir, name+".log")) },
		})
		if err != nil {
			b.Fatal(err)
		}
		err = l.StartServer(b.Context(), node.ServeRequest{Server: sc.Servers[0]}, nil)
		start := time.Now()
		if err == nil {
			takeSteps(b, l, sc, len(sc.Steps))
		}
		moved := time.Since(start)
		if err == nil {
			err = l.Drain(b.Context())
		}
		drained := time.Since(start)
		if closed := l.Close(); err != nil || closed != nil {
			b.Fatal(err, closed)
		}
		count.report(b, moved, drained, capture.Name())
	}
}

// report prints and judges.
func (t *tally) report(b *testing.B, moved, drained time.Duration, capture string) {
	info, err := os.Stat(capture)
	if err != nil {
		b.Fatal(err)
	}
	c, s := t.taps["client"], t.taps["server"]
	fmt.Printf("\ntransfer of %d bytes: %.2f s, %.0f packets/s (all written: %.2f s, capture file %d MB)\n",
		packets*1448, moved.Seconds(), float64(s.data)/moved.Seconds(), drained.Seconds(), info.Size()>>20)
	for _, end := range []string{"server", "client"} {
		p := t.taps[end]
		fmt.Printf("  tap at %s: %d data packets (%d sent again), %d bytes; %d packets in all\n",
			end, p.data, p.data-len(p.payload), p.bytes(), p.segments)
	}
	fmt.Printf("  lost records: %d\n", t.lost)
	b.ReportMetric(float64(s.data), "packets")
	b.ReportMetric(moved.Seconds(), "transfer-s")
	b.ReportMetric(float64(t.lost), "lost")
	if s.data < packets || s.data != c.data || s.segments != c.segments {
		b.Errorf("%d data packets at the server's end, %d at the client's, want the same %d or more", s.data, c.data, packets)
	}
	if s.bytes() != packets*1448 || c.bytes() != packets*1448 {
		b.Errorf("%d bytes at the server's end, %d at the client's, want %d", s.bytes(), c.bytes(), packets*1448)
	}
	if t.lost > 0 {
		b.Errorf("%d records lost", t.lost)
	}
}
