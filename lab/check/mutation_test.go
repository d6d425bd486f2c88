package check

import (
	"testing"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/probes/timeline/timelinetest"
)

// A mutation passes where the expectations that it names fail, and only then:
// what holds, what is open and what was never judged are no success.
func TestMutations(t *testing.T) {
	threeSegments := func(c *timelinetest.Conn) { c.ThreeWay(c.Opener) }
	fourSegments := func(c *timelinetest.Conn) { c.FourWay(c.Opener) }
	blind := timelinetest.Options{Lives: true, Without: []probes.Source{probes.SockDiag, probes.SS, probes.Wire}}
	for _, tt := range []struct {
		name     string
		opts     timelinetest.Options
		closing  func(*timelinetest.Conn)
		mustFail []string
		want     Outcome
		verdicts map[string]Outcome
	}{
		{"noticed", timelinetest.Options{}, threeSegments, []string{"control.closing"}, Pass,
			map[string]Outcome{"control.closing": Pass}},
		{"not noticed", timelinetest.Options{}, fourSegments, []string{"control.closing"}, Fail,
			map[string]Outcome{"control.closing": Fail}},
		{"noticed by one of two", timelinetest.Options{}, threeSegments, []string{"control.closing", "control.time_wait"}, Fail,
			map[string]Outcome{"control.closing": Pass, "control.time_wait": Fail}},
		{"open", blind, threeSegments, []string{"control.closing"}, Inconclusive,
			map[string]Outcome{"control.closing": Inconclusive}},
		{"never judged", timelinetest.Options{}, threeSegments, []string{"control.closed"}, Error,
			map[string]Outcome{"control.closed": Error}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := timelinetest.FTPClose(tt.opts, tt.closing)
			tl, err := timeline.Build(script.Header(), script.Events())
			if err != nil {
				t.Fatal(err)
			}
			sc := checktest.FTPScenario()
			sc.MustFail = tt.mustFail
			j := Eval(tl, sc)
			if j.Outcome != tt.want || len(j.Verdicts) != len(tt.verdicts) {
				t.Errorf("outcome %s with %d verdicts, want %s with %d", j.Outcome, len(j.Verdicts), tt.want, len(tt.verdicts))
			}
			for _, v := range j.Verdicts {
				if v.Outcome != tt.verdicts[v.Name] || v.Kind != MutationKind {
					t.Errorf("%s is %s of kind %s, want %s of a mutation", v.Name, v.Outcome, v.Kind, tt.verdicts[v.Name])
				}
			}
		})
	}
}

// An expectation of a connection that never was fails whatever is changed: that
// is no success of a mutation.
func TestMutationOfNothing(t *testing.T) {
	script := timelinetest.FTPClose(timelinetest.Options{}, func(c *timelinetest.Conn) { c.FourWay(c.Opener) })
	tl, err := timeline.Build(script.Header(), script.Events())
	if err != nil {
		t.Fatal(err)
	}
	sc := checktest.FTPScenario()
	sc.Expect.Connections[0].Name, sc.MustFail = "other", []string{"other.closing"}
	if j := Eval(tl, sc); j.Outcome != Error || len(j.Verdicts) != 1 || j.Verdicts[0].Reason == nil {
		t.Errorf("outcome %s, %+v; want an error with its reason", j.Outcome, j.Verdicts)
	}
}

// An error is never what a mutation was to show, even if what must fail did.
func TestMutationWithError(t *testing.T) {
	j := caught(&Judgement{Verdicts: []Verdict{
		{Name: "control.closing", Outcome: Fail}, {Name: "steps[2].ftp.login", Outcome: Error},
	}}, []string{"control.closing"})
	if j.Outcome != Error || len(j.Verdicts) != 2 {
		t.Errorf("outcome %s with %d verdicts, want error with 2", j.Outcome, len(j.Verdicts))
	}
}
