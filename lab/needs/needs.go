// Package needs finds out what scenarios need of the machine, and what of it
// is missing: Debian packages, programs, a version of Linux, features of the
// kernel. It looks before anything is started, so that a run which could not
// have succeeded is inconclusive and no failure.
package needs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"netlab/lab/node"
	"netlab/probes"
	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// A Kind is a kind of need.
type Kind string

// The kinds.
const (
	Package Kind = "package"
	Program Kind = "program"
	Kernel  Kind = "kernel"
	Feature Kind = "feature"
)

// A Need is one thing that scenarios need.
type Need struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
	// Reason says why it is missing: what the kernel refused, which version
	// there is. "" where nothing is to be said.
	Reason string `json:"reason,omitempty"`
}

// Of lists what scenarios need, without their variants: sorted, each once.
func Of(list ...*scenarios.Scenario) []Need {
	set := map[Need]bool{}
	for _, sc := range list {
		for _, name := range sc.Needs.Packages {
			set[Need{Kind: Package, Name: name}] = true
		}
		for _, name := range slices.Concat(sc.Needs.Programs, slices.Collect(maps.Values(commands(sc)))) {
			set[Need{Kind: Program, Name: name}] = true
		}
		if sc.Needs.Kernel != "" {
			set[Need{Kind: Kernel, Name: sc.Needs.Kernel}] = true
		}
		for _, f := range sc.Needs.Features {
			set[Need{Kind: Feature, Name: string(f)}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b Need) int {
		if a.Kind != b.Kind {
			return slices.Index(kinds(), a.Kind) - slices.Index(kinds(), b.Kind)
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// kinds lists the kinds in the order of telling.
func kinds() []Kind { return []Kind{Package, Program, Kernel, Feature} }

// WithVariants returns a scenario, its variants and its mutations.
func WithVariants(sc *scenarios.Scenario) []*scenarios.Scenario {
	list := []*scenarios.Scenario{sc}
	for _, v := range sc.Variants {
		list = append(list, v.Scenario)
	}
	for _, m := range sc.Mutations {
		list = append(list, m.Scenario)
	}
	return list
}

// RunsPrograms returns what a scenario calls the programs that it runs:
// servers and steps, in the order of the file; none if it runs none.
func RunsPrograms(sc *scenarios.Scenario) []string {
	var names []string
	for i := range sc.Servers {
		if s := &sc.Servers[i]; s.Exec != nil {
			names = append(names, s.Name)
		}
	}
	for i := range sc.Steps {
		if s := &sc.Steps[i]; s.Exec != nil {
			names = append(names, stepName(s))
		}
	}
	return names
}

// stepName is what a step is called: its name, or its place.
func stepName(s *scenarios.Step) string {
	if s.Exec.As != "" {
		return s.Exec.As
	}
	return fmt.Sprintf("steps[%d]", s.Index-1)
}

// commands returns the first words of commands by what the scenario calls
// them. One that is to be found in the node's own files is none of the host's.
func commands(sc *scenarios.Scenario) map[string]string {
	first := map[string]string{}
	add := func(name string, command []string) {
		if len(command) > 0 && !made(sc, command[0]) {
			first[name] = command[0]
		}
	}
	for i := range sc.Servers {
		if s := &sc.Servers[i]; s.Exec != nil {
			add(s.Name, s.Exec.Command)
			add(s.Name+".prepare", s.Exec.Prepare)
		}
	}
	for i := range sc.Steps {
		if s := &sc.Steps[i]; s.Exec != nil {
			add(stepName(s), s.Exec.Command)
		}
	}
	return first
}

// made reports whether a path is below the directories that nodes have of
// their own: what is there only the scenario can have put there.
func made(_ *scenarios.Scenario, path string) bool {
	for _, own := range []string{"/tmp/", "/run/", "/var/"} {
		if strings.HasPrefix(path, own) {
			return true
		}
	}
	return false
}

// A Machine answers what is here, each question once. It is safe for
// concurrent use.
type Machine struct {
	mu       sync.Mutex
	answers  map[Need]error
	packages map[string]string // versions by package; "" if it is not installed
	owners   map[string]probes.Program
}

// NewMachine returns one that has been asked nothing yet.
func NewMachine() *Machine {
	return &Machine{answers: map[Need]error{}, packages: map[string]string{}, owners: map[string]probes.Program{}}
}

// Missing returns those of the needs that are not met here, with the reasons.
func (m *Machine) Missing(ctx context.Context, list []Need) []Need {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ask(ctx, list)
	var missing []Need
	for _, n := range list {
		err, known := m.answers[n]
		if !known {
			err = m.try(ctx, n)
			if ctx.Err() == nil {
				m.answers[n] = err
			}
		}
		if err != nil {
			n.Reason = err.Error()
			if errors.Is(err, errAbsent) {
				n.Reason = ""
			}
			missing = append(missing, n)
		}
	}
	return missing
}

// errAbsent says all that is to be said of a package or a program.
var errAbsent = errors.New("not here")

// try answers a question.
func (m *Machine) try(ctx context.Context, n Need) error {
	switch n.Kind {
	case Package:
		if m.packages[n.Name] != "" {
			return nil
		}
		if _, err := node.FindProgram(filepath.Base(n.Name)); err != nil {
			return errAbsent
		}
		return nil
	case Program:
		if _, err := node.FindProgram(n.Name); err != nil {
			return errAbsent
		}
		return nil
	case Kernel:
		return atLeast(n.Name)
	case Feature:
		return tryFeature(ctx, scenarios.Feature(n.Name))
	}
	return fmt.Errorf("nobody knows what a %s is", n.Kind)
}

// tryFeature tries a feature of the kernel.
func tryFeature(ctx context.Context, f scenarios.Feature) error {
	if f != scenarios.FeatureBPF {
		return node.Try(ctx, f)
	}
	tracer, err := node.LoadTracer() // in this process, as in a run
	if err != nil {
		return err
	}
	return tracer.Close()
}

// atLeast compares the version of the kernel.
func atLeast(want string) error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	release := unix.ByteSliceToString(name.Release[:])
	if older(release, want) {
		return fmt.Errorf("this is Linux %s", release)
	}
	return nil
}

// older reports whether version a is older than b, number by number as far as
// both have them.
func older(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}

// numbers reads the numbers that a version begins with.
func numbers(version string) []int {
	var list []int
	for part := range strings.SplitSeq(version, ".") {
		n, digits := 0, 0
		for _, c := range []byte(part) {
			if c < '0' || c > '9' || digits == 9 {
				break
			}
			n, digits = 10*n+int(c-'0'), digits+1
		}
		if digits == 0 {
			break
		}
		list = append(list, n)
		if digits < len(part) {
			break
		}
	}
	return list
}

// Install returns the command that installs packages, "" if there are none.
func Install(missing []Need) string {
	var names []string
	for _, n := range missing {
		if n.Kind == Package {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "apt-get install " + strings.Join(names, " ")
}

// An Error says what is missing for a scenario, before anything was started.
type Error struct {
	Scenario string // its name
	Missing  []Need
}

// Unwrap makes it a refusal of the machine.
func (e *Error) Unwrap() error {
	return &node.Refused{What: e.Scenario, Err: errors.New(e.list())}
}

// Error names what is missing.
func (e *Error) Error() string { return e.Scenario + ": " + e.list() }

func (e *Error) list() string {
	var parts []string
	for _, n := range e.Missing {
		part := string(n.Kind) + " " + n.Name
		if n.Reason != "" {
			part += " (" + n.Reason + ")"
		}
		parts = append(parts, part)
	}
	return "missing: " + strings.Join(parts, ", ")
}

// output runs a program of the host and returns what it prints, within a
// bound.
func output(ctx context.Context, name string, args ...string) (string, error) {
	var out bounded
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &out, &out
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	cmd.WaitDelay = askWithin // of what has inherited the output
	err := cmd.Run()
	return out.text.String(), err
}

// bounded keeps the beginning of what is written.
type bounded struct{ text strings.Builder }

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 64 << 10

// Write implements io.Writer; it takes everything.
func (b *bounded) Write(p []byte) (int, error) {
	b.text.Write(p[:min(len(p), maxAnswer-b.text.Len())])
	return len(p), nil
}
