package check

import (
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// A ratio takes in how long the machine kept either side waiting: it passes, or
// fails, only where that makes no difference.
func TestRatios(t *testing.T) {
	const ms = probes.Mono(time.Millisecond)
	var trials []trial
	for _, tt := range []struct {
		name    string
		of, to  probes.Mono // how long each took
		starved []timeline.Starved
		least   int
		most    int
		want    Outcome
		got     string
	}{
		{"enough", 100 * ms, 10 * ms, nil, 5, 0, Pass, "10 (100ms : 10ms)"},
		{"too little", 20 * ms, 10 * ms, nil, 5, 0, Fail, "2 (20ms : 10ms)"},
		{"not too much", 20 * ms, 10 * ms, nil, 0, 5, Pass, "2 (20ms : 10ms)"},
		{"too much", 100 * ms, 10 * ms, nil, 0, 5, Fail, "10 (100ms : 10ms)"},
		{"enough in spite of waiting", 100 * ms, 10 * ms, []timeline.Starved{{Time: 1050 * ms, Late: 20 * ms}}, 5, 0, Pass, "10 (100ms : 10ms)"},
		{"enough by waiting, perhaps", 100 * ms, 10 * ms, []timeline.Starved{{Time: 1090 * ms, Late: 40 * ms}}, 5, 0, Inconclusive, "10 (100ms : 10ms)"},
		{"waiting of unknown length", 100 * ms, 10 * ms, []timeline.Starved{{Time: 1050 * ms}}, 5, 0, Inconclusive, "10 (100ms : 10ms)"},
		{"too much by waiting, perhaps", 60 * ms, 10 * ms, []timeline.Starved{{Time: 1040 * ms, Late: 20 * ms}}, 0, 5, Inconclusive, "6 (60ms : 10ms)"},
	} {
		trials = append(trials, trial{tt.name, root, four, func(tl *timeline.Timeline) {
			tl.Steps[2].Start, tl.Steps[2].End = 1000*ms, 1000*ms+tt.of
			tl.Steps[0].Start, tl.Steps[0].End = 5000*ms, 5000*ms+tt.to
			tl.Starved = tt.starved
		}, func(sc *scenarios.Scenario) {
			sc.Expect.Ratios = []scenarios.RatioExpect{{
				Name: "r", AtLeast: tt.least, AtMost: tt.most,
				Of: scenarios.Span{From: moment("fetch", "started"), To: moment("fetch", "ended")},
				To: scenarios.Span{From: moment("control", "started"), To: moment("control", "ended")},
			}}
		}, "ratios.r", tt.want, tt.got, ""})
	}
	runTrials(t, trials)
}

func moment(step, point string) scenarios.Moment {
	return scenarios.Moment{Text: step + " " + point, Name: step, Point: point}
}
