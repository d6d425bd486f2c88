package suite

import (
	"context"
	"os/exec"
	"slices"
	"strings"

	"netlab/lab/doctor"
	"netlab/lab/node"
	"netlab/scenarios/words"
)

// A Missing is something that was asked for and is not there.
type Missing struct {
	Name   string
	Reason words.Message
	Fix    words.Message // may say nothing
}

const (
	root    = "root"
	program = "program:" // followed by the name of one
)

// Require tries what is named, and returns what is missing: root (the
// privilege to make namespaces), what the doctor examines (lab, bpf, wire,
// sockdiag, ss and what else it knows), or program:NAME. The error is for a
// name that means nothing.
func Require(ctx context.Context, names []string) ([]Missing, error) {
	var checks []doctor.Check
	examined := func(name string) bool { return name != root && !strings.HasPrefix(name, program) }
	if slices.ContainsFunc(names, examined) {
		checks = doctor.Examine(ctx)
	}
	var missing []Missing
	for _, name := range names {
		if m, ok, err := try(name, checks); err != nil {
			return nil, err
		} else if !ok {
			missing = append(missing, m)
		}
	}
	return missing, nil
}

// fixed are the names that the doctor always knows; of a lab's own probes
// there are no checks where the lab itself cannot be.
func fixed() []string { return []string{"lab", "bpf", "wire", "sockdiag", "ss"} }

// try reports whether one thing is there.
func try(name string, checks []doctor.Check) (Missing, bool, error) {
	m := Missing{Name: name}
	if name == root {
		m.Reason, m.Fix = words.M(words.RequireRoot), words.M(words.FixRoot)
		return m, node.Privileged(), nil
	}
	if p, ok := strings.CutPrefix(name, program); ok && p != "" {
		_, err := exec.LookPath(p)
		m.Reason, m.Fix = words.M(words.NoProgram), words.M(words.FixProgram, p)
		return m, err == nil, nil
	}
	allowed := append([]string{root, program + "NAME"}, fixed()...)
	for _, c := range checks {
		if c.Name == name {
			m.Reason = words.M(words.Verbatim, c.Reason)
			if c.Remedy != nil {
				m.Fix = *c.Remedy
			}
			return m, c.OK, nil
		}
		if !slices.Contains(allowed, c.Name) {
			allowed = append(allowed, c.Name)
		}
	}
	if slices.Contains(fixed(), name) {
		m.Reason = words.M(words.NotExamined)
		return m, false, nil
	}
	return m, false, words.Err(words.BadWord, "--require", name, strings.Join(allowed, ", "))
}
