// Package faulttest judges records in which something went wrong, for tests of
// the probes that tell of it.
package faulttest

import (
	"testing"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios"
)

// Judge judges a record with some events more: what a probe told of that went
// wrong. Without them the record must pass, lest the test show nothing.
func Judge(tb testing.TB, record *timelinetest.Script, sc *scenarios.Scenario, told ...probes.Event) *check.Judgement {
	tb.Helper()
	events := record.Events()
	if j := judge(tb, record.Header(), events, sc); j.Outcome != check.Pass {
		tb.Fatalf("the record is %s before anything went wrong", j.Outcome)
	}
	at := events[len(events)/2].Time
	for _, e := range told {
		e.Seq, e.Time = uint64(len(events)+1), at
		events = append(events, e)
	}
	return judge(tb, record.Header(), events, sc)
}

func judge(tb testing.TB, header probes.Header, events []probes.Event, sc *scenarios.Scenario) *check.Judgement {
	tb.Helper()
	joined, err := timeline.Build(header, events)
	if err != nil {
		tb.Fatal(err)
	}
	return check.Eval(joined, sc)
}
