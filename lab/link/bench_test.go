package link_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"netlab/lab/link"
	"netlab/lab/link/linktest"
	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/plan"
)

// makeSpaces makes the namespaces of a plan, two at a time.
func makeSpaces(p *plan.Plan) (lab, error) {
	names := make(chan string)
	l := lab{}
	var mu sync.Mutex
	var first error
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for name := range names {
				ns, err := netns.New()
				mu.Lock()
				if err == nil {
					l[name] = ns
				} else if first == nil {
					first = err
				}
				mu.Unlock()
			}
		})
	}
	for _, n := range p.Nodes {
		names <- n.Name
	}
	for _, s := range p.Switches {
		names <- s.Name
	}
	close(names)
	workers.Wait()
	return l, first
}

// ours brings a plan up and takes it down. It reports the time of each phase
// to split, which may be nil.
func ours(tb testing.TB, p *plan.Plan, split map[string][]time.Duration) (up, down time.Duration) {
	tb.Helper()
	start := time.Now()
	last := start
	done := func(phase string) {
		if split != nil {
			split[phase] = append(split[phase], time.Since(last))
		}
		last = time.Now()
	}
	l, err := makeSpaces(p)
	done("namespaces")
	if err == nil {
		err = link.BuildTimed(context.Background(), p, l.find, done)
	}
	up = time.Since(start)
	if err != nil {
		tb.Error(err)
	}
	start = time.Now()
	for _, ns := range l {
		_ = ns.Close()
	}
	return up, time.Since(start)
}

// settle lets the kernel clear up a lab of n nodes, which it does in the
// background, at about 1 ms a node, and tells nobody when it is done.
func settle(n int) { time.Sleep(100*time.Millisecond + time.Duration(n)*2*time.Millisecond) }

// BenchmarkBuild brings up stars, and gives the time of each phase. One
// operation is one lab up and down.
func BenchmarkBuild(b *testing.B) {
	netnstest.Require(b, "netns", netns.Supported())
	for _, n := range []int{2, 10, 100, 1000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			p := linktest.Star(n)
			split := map[string][]time.Duration{}
			for b.Loop() {
				up, down := ours(b, p, split)
				split["up"] = append(split["up"], up)
				split["down"] = append(split["down"], down)
				b.StopTimer()
				settle(n)
				b.StartTimer()
			}
			for phase, d := range split {
				b.ReportMetric(milliseconds(median(d)), phase+"-ms")
			}
		})
	}
}

// median says more than the mean on a machine that has other things to do.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// BenchmarkCompare builds the same star with this package, with a script of
// ip(8) and with Mininet, in turn, and gives the ratios to this package's.
func BenchmarkCompare(b *testing.B) {
	netnstest.Require(b, "netns", netns.Supported())
	methods := []struct {
		name string
		most int // nodes
		run  func(testing.TB, int) (up, down time.Duration)
	}{
		{"netlab", 1000, func(tb testing.TB, n int) (up, down time.Duration) { return ours(tb, linktest.Star(n), nil) }},
		{"ip-batch", 1000, linktest.IPBatch},
		{"mininet", 100, linktest.Mininet},
	}
	for _, n := range []int{2, 10, 100, 1000} {
		own := [2]time.Duration{}
		for _, m := range methods {
			b.Run(fmt.Sprintf("nodes=%d/%s", n, m.name), func(b *testing.B) {
				if n > m.most {
					b.Skipf("up to %d nodes", m.most)
				}
				var ups, downs []time.Duration
				for b.Loop() {
					up, down := m.run(b, n)
					ups, downs = append(ups, up), append(downs, down)
					b.StopTimer()
					settle(n)
					b.StartTimer()
				}
				up, down := median(ups), median(downs)
				if m.name == "netlab" {
					own = [2]time.Duration{up, down}
				}
				b.ReportMetric(milliseconds(up), "up-ms")
				b.ReportMetric(milliseconds(down), "down-ms")
				if own[0] > 0 {
					b.ReportMetric(float64(up)/float64(own[0]), "up-ratio")
					b.ReportMetric(float64(up+down)/float64(own[0]+own[1]), "up+down-ratio")
				}
			})
		}
	}
}
