package check

import (
	"testing"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios"
)

// TestTranslatedRun judges the session of the other runs through a router that
// translates addresses: nothing is different.
func TestTranslatedRun(t *testing.T) {
	script := timelinetest.FTPClose(timelinetest.Options{Path: timelinetest.Translated, PortShift: 100},
		func(c *timelinetest.Conn) { c.FourWay(c.Opener) })
	tl, err := timeline.Build(script.Header(), script.Events())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Eval(tl, checktest.FTPScenario()).Verdicts {
		if v.Outcome != Pass {
			t.Errorf("%s: %s: got %q, want %q, reason %v", v.Name, v.Outcome, v.Got, v.Want, v.Reason)
		}
	}
}

// TestNth finds connections of a program that called nothing, by its step.
func TestNth(t *testing.T) {
	s := timelinetest.New(timelinetest.Options{Without: []probes.Source{probes.Calls}})
	for range 2 {
		s.Step("exec", "", &probes.Step{Exit: new(int)}, func() {
			control := s.Dial(21)
			control.Open()
			control.Send(control.Opener, "EPRT |1|10.0.0.1|40000|", 25)
			data := s.DialFrom(timelinetest.Server, 40000)
			data.Open()
			data.FourWay(data.Opener)
			control.FourWay(control.Opener)
		})
	}
	s.Finish()
	h := s.Header()
	h.Services = []probes.Service{{Server: "ftpd", Node: timelinetest.Server, Port: 21}}
	tl, err := timeline.Build(h, s.Events())
	if err != nil {
		t.Fatal(err)
	}
	steps := make([]scenarios.Step, 2)
	for i := range steps {
		steps[i] = scenarios.Step{Index: i + 1, Verb: "exec", Exec: &scenarios.Exec{Common: scenarios.Common{As: []string{"get", "put"}[i]}}}
	}
	for _, c := range []struct {
		name string
		as   scenarios.ConnectionName
		want int // ordinal; 0 for none
	}{
		{"the first of a step", scenarios.ConnectionName{Step: "get"}, 1},
		{"the second of a step", scenarios.ConnectionName{Step: "get", Nth: 2}, 2},
		{"of another step", scenarios.ConnectionName{Step: "put", Nth: 2}, 4},
		{"more than there are", scenarios.ConnectionName{Step: "put", Nth: 3}, 0},
		{"of a server", scenarios.ConnectionName{To: "ftpd", Nth: 3}, 3},
		{"of a server, opened by it", scenarios.ConnectionName{To: "ftpd", OpenedBy: timelinetest.Server, Nth: 2}, 4},
		{"of a step and a server, opened by it", scenarios.ConnectionName{Step: "put", To: "ftpd", OpenedBy: timelinetest.Server}, 4},
		{"of no step", scenarios.ConnectionName{Step: "list"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.as.Name = "x"
			got := 0
			if found := Connection(tl, &scenarios.Scenario{Steps: steps, Connections: []scenarios.ConnectionName{c.as}}, "x"); found != nil {
				got = found.Ordinal
			}
			if got != c.want {
				t.Errorf("connection %d, want %d", got, c.want)
			}
		})
	}
}
