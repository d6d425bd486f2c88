package run

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"netlab/lab/needs"
	"netlab/scenarios"
)

// Whoever looks for programs has ended when a run gives up, as it does where
// the lab cannot be built; what was found before is still told.
func TestFindProgramsEnds(t *testing.T) {
	sc, err := scenarios.Parse("test.yaml", []byte("netlab: 1\nname: x\nnodes: {a: {}}\nsteps: [{exec: {node: a, command: [sh], as: shell}}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, answered := range []bool{false, true} {
		r := &runner{Config: Config{Scenario: sc, Machine: needs.NewMachine()}}
		answer, forget := r.findPrograms(context.Background())
		if answered {
			if list := answer(); len(list) != 1 || list[0].Name != "shell" {
				t.Errorf("%+v", list)
			}
		}
		forget()
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if strings.Contains(string(stacks), "needs.(*Machine).Programs") {
			t.Errorf("still looking for programs:\n%s", stacks)
		}
		answer() // and again
	}
}
