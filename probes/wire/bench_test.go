package wire

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"golang.org/x/sys/unix"
)

// BenchmarkOpen makes the rings of two nodes, stops and drains them after one
// connection each.
func BenchmarkOpen(b *testing.B) {
	p := newPair(b, false)
	var open, drain time.Duration
	for range b.N {
		start := time.Now()
		probe, err := Open(Config{Places: p.places})
		check(b, err)
		open += time.Since(start)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- probe.Run(ctx, func(probes.Event) {}) }()
		p.talk(b, serverV4, []byte("hello"), []byte("bye"))
		start = time.Now()
		cancel()
		<-probe.Drained()
		drain += time.Since(start)
		check(b, <-done)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(open.Microseconds())/float64(b.N), "µs-open/op")
	b.ReportMetric(float64(drain.Microseconds())/float64(b.N), "µs-drain/op")
}

// BenchmarkDecode is the cost of telling one full-sized segment.
func BenchmarkDecode(b *testing.B) {
	frame := tcp4(b, strings.Repeat("x", 1448))
	var p packet
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for range b.N {
		if decode(frame, len(frame), false, &p) != tcpSegment || p.seg.BadSum {
			b.Fatal("not decoded")
		}
	}
}

// BenchmarkCapture is the cost of writing one full-sized frame.
func BenchmarkCapture(b *testing.B) {
	r := newRing(probes.Place{Node: "a", Ports: []probes.Port{{Link: "wire", Ifindex: 2}}}, 0)
	q := newQueue(io.Discard, 0, 1<<20)
	c, err := newCapture(q, 0, []*ring{r})
	check(b, err)
	f := &frame{data: tcp4(b, strings.Repeat("x", 1448)), sec: 1, nsec: 1}
	b.SetBytes(int64(len(f.data)))
	b.ReportAllocs()
	for range b.N {
		c.add(r.ports[2], f)
	}
	check(b, c.finish(nil))
	check(b, q.close())
}

// BenchmarkTransfer sends at least 100,000 segments and counts what both ends
// captured; a lost one fails it.
func BenchmarkTransfer(b *testing.B) {
	p := newPair(b, false)
	const size = 100_000 * 1448
	for range b.N {
		file, err := os.Create(filepath.Join(b.TempDir(), "capture.pcapng"))
		check(b, err)
		var segments [2]atomic.Int64
		var lost atomic.Uint64
		probe, err := Open(Config{Places: p.places, Capture: file, Ring: 96 << 20})
		check(b, err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			done <- probe.Run(ctx, func(e probes.Event) {
				switch {
				case e.Kind == probes.KindLoss:
					lost.Add(e.Loss.Count)
					fmt.Println(*e.Loss, e.Node)
				case e.Kind == probes.KindSegment && e.Node == "client":
					segments[0].Add(1)
				case e.Kind == probes.KindSegment:
					segments[1].Add(1)
				}
			})
		}()
		start := time.Now()
		p.transfer(b, size)
		took := time.Since(start)
		start = time.Now()
		cancel()
		check(b, <-done)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-drain/op")
		b.ReportMetric(float64(segments[0].Load()), "segments/op")
		b.ReportMetric(float64(segments[0].Load())/took.Seconds(), "segments/s")
		if c, s := segments[0].Load(), segments[1].Load(); c != s || lost.Load() > 0 || c < 100_000 {
			b.Errorf("client captured %d segments, server %d, lost %d", c, s, lost.Load())
		}
		check(b, file.Close())
	}
}

// BenchmarkManyRings opens, runs idle for a second and closes the rings of
// many nodes.
func BenchmarkManyRings(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var places []probes.Place
			for i := range n {
				ns := netnstest.New(b)
				places = append(places, probes.Place{Node: fmt.Sprint(i), Cookie: ns.Cookie(), NS: ns, Ports: []probes.Port{{Link: "l", Ifindex: 1, MTU: 1500}}})
			}
			for range b.N {
				start := time.Now()
				probe, err := Open(Config{Places: places})
				check(b, err)
				b.ReportMetric(float64(time.Since(start).Microseconds()), "µs-open/op")
				cpu := cpuTime(b)
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				var stopped time.Time
				context.AfterFunc(ctx, func() {
					stopped = time.Now()
					b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/2, "µs-cpu/s")
				})
				check(b, probe.Run(ctx, func(probes.Event) {}))
				cancel()
				b.ReportMetric(float64(time.Since(stopped).Microseconds()), "µs-release/op")
			}
		})
	}
}

// cpuTime is what the process has used.
func cpuTime(tb testing.TB) time.Duration {
	var ru unix.Rusage
	check(tb, unix.Getrusage(unix.RUSAGE_SELF, &ru))
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
