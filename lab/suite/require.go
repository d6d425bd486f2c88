package suite

import (
	"context"
	"slices"
	"strings"

	"netlab/lab/doctor"
	"netlab/lab/needs"
	"netlab/lab/node"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// A Missing is something that was asked for and is not there.
type Missing struct {
	Name   string
	Reason words.Message
	Fix    words.Message // may say nothing
}

// What can be required beside what the doctor examines.
const (
	root     = "root"     // the privilege to make namespaces
	stated   = "needs"    // all that the scenarios themselves say they need
	program  = "program:" // followed by the name of one
	packaged = "package:" // likewise
)

// examined is what the doctor tries.
func examined() []string { return []string{"lab", "bpf", "wire", "sockdiag", "ss"} }

// requirable lists what can be required.
func requirable() []string {
	list := append([]string{root}, examined()...)
	for _, f := range scenarios.Features() {
		if !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return append(list, stated, program+"NAME", packaged+"NAME")
}

// Require tries what is named, and returns what is missing: privileges and
// probes, and what needs can be of scenarios. The error is for a name that
// means nothing.
func Require(ctx context.Context, names []string, jobs []Job, machine *needs.Machine) ([]Missing, []needs.Need, error) {
	var missing []Missing
	var wanted []needs.Need
	look := false // into what the doctor says
	for _, name := range names {
		kind, rest, _ := strings.Cut(name, ":")
		switch {
		case name == root && !node.Privileged():
			missing = append(missing, Missing{name, words.M(words.RequireRoot), words.M(words.FixRoot)})
		case name == root:
		case name == stated:
			for _, j := range jobs {
				wanted = append(wanted, needs.Of(j.Scenario)...)
			}
		case kind+":" == program && rest != "":
			wanted = append(wanted, needs.Need{Kind: needs.Program, Name: rest})
		case kind+":" == packaged && rest != "":
			wanted = append(wanted, needs.Need{Kind: needs.Package, Name: rest})
		case slices.Contains(examined(), name):
			look = true
		case slices.Contains(scenarios.Features(), name):
			wanted = append(wanted, needs.Need{Kind: needs.Feature, Name: name})
		default:
			return nil, nil, words.Err(words.BadWord, "--require", name, strings.Join(requirable(), ", "))
		}
	}
	if look {
		missing = append(missing, consult(names, doctor.Examine(ctx))...)
	}
	slices.SortStableFunc(wanted, func(a, b needs.Need) int { return strings.Compare(string(a.Kind)+a.Name, string(b.Kind)+b.Name) })
	return missing, machine.Missing(ctx, slices.Compact(wanted)), nil
}

// consult returns what of the names the doctor found to be missing.
func consult(names []string, checks []doctor.Check) []Missing {
	var missing []Missing
	for _, name := range names {
		if !slices.Contains(examined(), name) {
			continue
		}
		m := Missing{Name: name, Reason: words.M(words.NotExamined)} // of a lab's own probes there are no checks where no lab can be
		if i := slices.IndexFunc(checks, func(c doctor.Check) bool { return c.Name == name }); i >= 0 {
			if checks[i].OK {
				continue
			}
			m.Reason = words.M(words.Verbatim, checks[i].Reason)
			if checks[i].Remedy != nil {
				m.Fix = *checks[i].Remedy
			}
		}
		missing = append(missing, m)
	}
	return missing
}
