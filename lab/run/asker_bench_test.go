package run

import (
	"context"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes"
	"netlab/probes/clock"
	"netlab/probes/sockdiag"

	"golang.org/x/sys/unix"
)

// BenchmarkAsker shows what looks on event cost where things happen to sockets
// all the time: ten thousand transitions in a second, of other sockets each
// time. cpu-% is of one CPU, without the share of whoever makes the load. What
// the runtime uses for the load's clock is in both: the difference is what the
// asker and the looks use, and is to be 1 or less.
func BenchmarkAsker(b *testing.B) {
	b.Run("load alone", func(b *testing.B) { benchmarkAsker(b, false) })
	b.Run("looks", func(b *testing.B) { benchmarkAsker(b, true) })
}

func benchmarkAsker(b *testing.B, ask bool) {
	ns := netnstest.New(b)
	_, err := sockdiag.Listening(ns)
	netnstest.Require(b, "sockdiag", err)
	p, err := sockdiag.New(sockdiag.Config{Places: []probes.Place{{Node: "client", Cookie: ns.Cookie(), NS: ns}}, Every: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	looks, skipped := 0, uint64(0)
	lookAt := func(_ context.Context, asks []sockdiag.Ask) (time.Duration, error) {
		looks += len(asks)
		return clock.Spent(func() { p.LookAt(asks) }), nil
	}
	a := newAsker(lookAt, func(e probes.Event) { skipped += e.Counter.Delta }, true, nil, sockdiag.NewBudget(clock.Now))
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.run(ctx) }()

	runtime.LockOSThread() // the load's own time is not the asker's
	defer runtime.UnlockOSThread()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	began, own, all := clock.Now(), clock.Thread(), usedCPU(b)
	cookie := uint64(0)
	for b.Loop() { // a millisecond each
		<-tick.C
		for range 10 {
			cookie++
			e := probes.Event{
				Source: probes.BPF, Kind: probes.KindState, Node: "client", Sock: probes.SocketID{Cookie: cookie},
				Flow: probes.Flow{Local: netip.MustParseAddrPort("10.0.0.1:80"), Remote: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), uint16(cookie))},
				Old:  probes.SynSent, New: probes.Established,
			}
			if ask {
				a.notice(&e)
			}
		}
	}
	wall := clock.Now().Sub(began)
	own, all = clock.Thread()-own, usedCPU(b)-all
	cancel()
	<-done
	b.ReportMetric(100*float64(all-own)/float64(wall), "cpu-%")
	b.ReportMetric(float64(looks)/wall.Seconds(), "looks/s")
	b.ReportMetric(float64(skipped)/wall.Seconds(), "skipped/s")
}

// usedCPU is the CPU time of this process.
func usedCPU(b *testing.B) time.Duration {
	b.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
