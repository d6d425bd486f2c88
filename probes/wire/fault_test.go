package wire

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	verdicts "netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/lab/check/faulttest"
	"netlab/probes"
	"netlab/probes/timeline/timelinetest"
)

func fourWay() *timelinetest.Script {
	return timelinetest.FTPClose(timelinetest.Options{}, func(c *timelinetest.Conn) { c.FourWay(c.Opener) })
}

// judged says what becomes of a record that passes once the probe has told of
// something, and how many of its verdicts are still a pass.
func judged(t *testing.T, told []probes.Event) (verdicts.Outcome, []string) {
	t.Helper()
	j := faulttest.Judge(t, fourWay(), checktest.FTPScenario(), told...)
	var passed []string
	for _, v := range j.Verdicts {
		if v.Outcome == verdicts.Pass {
			passed = append(passed, v.Name)
		}
	}
	return j.Outcome, passed
}

// TestClockStepped: that the wall clock was set during a capture is told, and
// what rests on the times of frames is inconclusive.
func TestClockStepped(t *testing.T) {
	p := newPair(t, false)
	probe, err := Open(Config{Places: p.places})
	check(t, err)
	var set atomic.Int64 // by how much the wall clock was set
	compare, look := probe.clock.compare, probe.clock.look
	probe.clock.compare = func() probes.Clock {
		c := compare()
		c.Offset += set.Load()
		return c
	}
	probe.clock.look = func() (probes.Mono, int64, probes.Mono) {
		before, wall, after := look()
		return before, wall + set.Load(), after
	}
	rec := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- probe.Run(ctx, rec.emit) }()
	p.talk(t, serverV4, []byte("hello"), []byte("bye"))
	set.Store(3600 * second)
	p.talk(t, serverV4, []byte("hello"), []byte("bye"))
	cancel()
	check(t, <-done)
	steps := slices.DeleteFunc(rec.of(probes.KindClock, ""), func(e probes.Event) bool { return !e.Clock.Step })
	if len(steps) != 1 {
		t.Fatalf("the step was told %d times", len(steps))
	}
	outcome, passed := judged(t, steps)
	if outcome != verdicts.Inconclusive || slices.Contains(passed, "control.closing") || slices.Contains(passed, "control.opening") {
		t.Errorf("outcome %s, passed %v", outcome, passed)
	}
}

// TestDropsJudged: frames that found no room in the ring are told, and what
// rests on segments is inconclusive.
func TestDropsJudged(t *testing.T) {
	p := newPair(t, false)
	probe, err := Open(Config{Places: p.places[:1], Memory: 128 << 10})
	check(t, err)
	p.talk(t, serverV4, make([]byte, 1<<20), []byte("bye"))
	rec := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, probe.Run(ctx, rec.emit))
	losses := rec.of(probes.KindLoss, "client")
	if len(losses) == 0 {
		t.Fatal("no loss was told")
	}
	outcome, passed := judged(t, losses)
	if outcome != verdicts.Inconclusive || slices.Contains(passed, "control.closing") || slices.Contains(passed, "control.opening") {
		t.Errorf("outcome %s, passed %v", outcome, passed)
	}
}
