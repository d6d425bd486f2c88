package check

import (
	"testing"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/probes/timeline/timelinetest"
)

// The same scenario, judged on timelines that were joined from events.
func TestJoinedRuns(t *testing.T) {
	noBPF := timelinetest.Options{Without: []probes.Source{probes.BPF}}
	lives := func(without ...probes.Source) timelinetest.Options {
		return timelinetest.Options{Lives: true, Without: without}
	}
	for _, tt := range []struct {
		name    string
		opts    timelinetest.Options
		closing func(*timelinetest.Conn)
		want    Outcome
		others  map[string]Outcome // verdicts that are not pass
	}{
		{"four segments", timelinetest.Options{}, func(c *timelinetest.Conn) { c.FourWay(c.Opener) }, Pass, nil},
		{"four segments, IPv6", timelinetest.Options{IPv6: true}, func(c *timelinetest.Conn) { c.FourWay(c.Opener) }, Pass, nil},
		{"four segments, routed", timelinetest.Options{Path: timelinetest.Routed}, func(c *timelinetest.Conn) { c.FourWay(c.Opener) }, Pass, nil},
		{"four segments, rootless", noBPF, func(c *timelinetest.Conn) { c.FourWay(c.Opener) }, Inconclusive,
			map[string]Outcome{"control.client.states": Inconclusive, "control.server.states": Inconclusive}},
		{"four segments, with lives", timelinetest.Options{Lives: true}, func(c *timelinetest.Conn) { c.FourWay(c.Opener) }, Pass, nil},
		{"four segments, with lives, and nobody looks", lives(probes.SockDiag, probes.SS), func(c *timelinetest.Conn) { c.FourWay(c.Opener) }, Pass, nil},
		{"four segments, lives alone", lives(probes.SockDiag, probes.SS, probes.Wire), func(c *timelinetest.Conn) { c.FourWay(c.Opener) }, Inconclusive,
			map[string]Outcome{"control.opening": Inconclusive, "control.closing": Inconclusive, "control.time_wait": Inconclusive,
				"control.resets": Inconclusive, "data.first_fin": Inconclusive, "data.time_wait": Inconclusive}},
		{"three segments", timelinetest.Options{}, func(c *timelinetest.Conn) { c.ThreeWay(c.Opener) }, Fail,
			map[string]Outcome{"control.closing": Fail}},
		{"server first", timelinetest.Options{}, func(c *timelinetest.Conn) { c.FourWay(c.Acceptor) }, Fail,
			map[string]Outcome{"control.closing": Fail, "control.client.states": Fail, "control.server.states": Fail, "control.time_wait": Fail}},
		{"reset", timelinetest.Options{}, func(c *timelinetest.Conn) { c.Reset(c.Opener) }, Fail,
			map[string]Outcome{"control.closing": Fail, "control.client.states": Fail, "control.server.states": Fail, "control.time_wait": Fail, "control.resets": Fail}},
		{"library quit", timelinetest.Options{}, func(c *timelinetest.Conn) { c.DataAfterClose(c.Opener, "221 bye", 9) }, Fail,
			map[string]Outcome{"control.closing": Fail, "control.client.states": Fail, "control.server.states": Fail, "control.time_wait": Fail, "control.resets": Fail}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := timelinetest.FTPClose(tt.opts, tt.closing)
			tl, err := timeline.Build(script.Header(), script.Events())
			if err != nil {
				t.Fatal(err)
			}
			j := Eval(tl, checktest.FTPScenario())
			if j.Outcome != tt.want {
				t.Errorf("outcome %s, want %s", j.Outcome, tt.want)
			}
			for _, v := range j.Verdicts {
				want := tt.others[v.Name]
				if want == "" {
					want = Pass
				}
				if v.Outcome != want {
					t.Errorf("%s: %s, want %s: got %q, want %q, reason %v, seen by %v", v.Name, v.Outcome, want, v.Got, v.Want, v.Reason, v.SeenBy)
				}
			}
			for _, c := range tl.Conflicts {
				t.Log("conflict:", c.Text)
			}
		})
	}
}

// Leaving out or changing a single event of a passing record is noticed: no
// pass rests on less than it says.
func TestEveryEventCounts(t *testing.T) {
	script := timelinetest.FTPClose(timelinetest.Options{}, func(c *timelinetest.Conn) { c.FourWay(c.Opener) })
	judge := func(events []probes.Event) (*timeline.Timeline, *Judgement) {
		tl, err := timeline.Build(script.Header(), events)
		if err != nil {
			return nil, nil // refused: noticed, too
		}
		return tl, Eval(tl, checktest.FTPScenario())
	}
	tl, j := judge(script.Events())
	if j == nil || j.Outcome != Pass {
		t.Fatal("the record does not pass")
	}
	evidence := map[uint64]bool{}
	for _, v := range j.Verdicts {
		for _, e := range v.Evidence.Events {
			evidence[e] = true
		}
	}
	changed := 0
	for _, ev := range tl.Events {
		sent := ev.Segment != nil && ev.Segment.Dir == probes.Out
		if !evidence[ev.Seq] || !sent && ev.Source != probes.BPF {
			continue // arrivals and samples have other witnesses
		}
		changed++
		without := append([]probes.Event(nil), script.Events()...)
		without = append(without[:ev.Seq-1], without[ev.Seq:]...)
		for i := range without {
			without[i].Seq = uint64(i + 1)
		}
		// The transition after a state names it, too.
		if _, j := judge(without); sent && j != nil && j.Outcome == Pass {
			t.Errorf("still pass without e%d %s %s %s %v %v", ev.Seq, ev.Source, ev.Kind, ev.Node, ev.New, ev.Segment)
		}
		other := append([]probes.Event(nil), script.Events()...)
		switch e := &other[ev.Seq-1]; {
		case e.Segment != nil:
			seg := *e.Segment
			seg.Flags ^= probes.FIN
			e.Segment = &seg
		case e.New == probes.Closing:
			e.New = probes.Established
		case e.New != probes.Unknown:
			e.New = probes.Closing
		}
		if _, j := judge(other); j != nil && j.Outcome == Pass {
			t.Errorf("still pass with another e%d %s %s %s %v", ev.Seq, ev.Source, ev.Kind, ev.Node, ev.New)
		}
	}
	if changed < 15 {
		t.Errorf("%d events are evidence, want more", changed)
	}
}
