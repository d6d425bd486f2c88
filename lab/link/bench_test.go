package link_test

import (
	"context"
	"fmt"
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
func ours(tb testing.TB, p *plan.Plan, split map[string]time.Duration) (up, down time.Duration) {
	tb.Helper()
	start := time.Now()
	last := start
	done := func(phase string) {
		if split != nil {
			split[phase] += time.Since(last)
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

// BenchmarkBuild brings up stars, and gives the time of each phase. One
// operation is one lab up and down; that the kernel still clears up the last
// lab while the next is built is part of the figure.
func BenchmarkBuild(b *testing.B) {
	netnstest.Require(b, "netns", netns.Supported())
	for _, n := range []int{2, 10, 100, 1000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			p := linktest.Star(n)
			split := map[string]time.Duration{}
			var up, down time.Duration
			for b.Loop() {
				u, d := ours(b, p, split)
				up, down = up+u, down+d
			}
			perOp := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
			b.ReportMetric(perOp(up), "up-ms")
			b.ReportMetric(perOp(down), "down-ms")
			for phase, d := range split {
				b.ReportMetric(perOp(d), phase+"-ms")
			}
		})
	}
}
