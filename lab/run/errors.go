package run

import (
	"errors"
	"fmt"
	"os"

	"netlab/scenarios"
	"netlab/scenarios/words"

	"golang.org/x/sys/unix"
)

// ErrInterrupted is the cause of the end of a context that the user ended.
var ErrInterrupted = errors.New("interrupted")

// A GivenUp error says that a run that was stepped by hand was left before its
// last step was done.
type GivenUp struct {
	Step string // that was under way then: "steps[3] ftp.quit"; "" before the first
}

// Error says when.
func (e *GivenUp) Error() string {
	if e.Step == "" {
		return "left before the first step was taken"
	}
	return "left at " + e.Step + ", before the last step was done"
}

// A LimitError says that a run exceeded one of the scenario's limits.
type LimitError struct {
	Name  string // the key below limits
	Bound string
	Given bool // by the caller (Config.Timeout), not by the scenario
}

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("limits.%s: the run exceeded %s", e.Name, e.Bound)
}

// A NodeError says that something could not be done in a node. The log of the
// node in the run directory may say more.
type NodeError struct {
	Node string
	Err  error
}

// Error returns the text of the cause, which names the node.
func (e *NodeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *NodeError) Unwrap() error { return e.Err }

// FindDirs looks for the directories that a scenario and its variants name,
// below dir, and returns a *scenarios.Errors if there are some that cannot be
// opened. So that is known before anything is started.
func FindDirs(sc *scenarios.Scenario, dir string) error {
	wrong := &scenarios.Errors{File: sc.At.File}
	look := func(sc *scenarios.Scenario, variant string) {
		for _, s := range sc.Servers {
			if s.FTP == nil || s.FTP.Dir == "" {
				continue
			}
			f, err := openBelow(dir, s.FTP.Dir)
			if err == nil {
				f.Close()
				continue
			}
			wrong.Problems = append(wrong.Problems, scenarios.Problem{
				Pos: s.At, Path: "servers." + s.Name + ".ftp.dir", Variant: variant,
				Message: words.M(words.NoDirectory, s.FTP.Dir, err),
			})
		}
	}
	look(sc, "")
	if len(wrong.Problems) == 0 { // else the variants would say the same
		for _, v := range sc.Variants {
			look(v.Scenario, v.Name)
		}
		for _, m := range sc.Mutations {
			look(m.Scenario, m.Name)
		}
	}
	if len(wrong.Problems) > 0 {
		return wrong
	}
	return nil
}

// openBelow opens a directory that a scenario names, which may not lie
// outside the scenario's own, by links either.
func openBelow(base, name string) (*os.File, error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// Only a directory: to open a pipe would wait for its writer, and to open
	// a device may do something.
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.ENOTDIR) {
		return nil, errors.New("it is no directory")
	}
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err // the path is known to whoever asks
		}
		return nil, err
	}
	return f, nil
}

// diskLimit says that a run wrote more than limits.disk allows.
func diskLimit(bytes int64) *LimitError {
	return &LimitError{Name: "disk", Bound: fmt.Sprintf("%d bytes", bytes)}
}
