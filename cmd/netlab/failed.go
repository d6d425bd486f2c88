package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"netlab/lab/doctor"
	"netlab/lab/needs"
	"netlab/lab/node"
	"netlab/lab/run"
	"netlab/scenarios/words"
)

// An explanation is an error's text as it grows: a line that says what is
// wrong, and indented lines that say more.
type explanation struct {
	e *env
	b strings.Builder
}

func (x *explanation) line(id words.ID, args ...any) {
	fmt.Fprintf(&x.b, "\n  %s", x.e.t(id, args...))
}

// exit ends the explanation: it says where the run directory is, if any.
func (x *explanation) exit(code int, result *run.Result) error {
	if result != nil && result.Directory != nil {
		x.line(words.RunDirectory, result.Directory.Path, code)
	}
	return &exit{code, errors.New(x.b.String())}
}

// failed explains why a run could not be carried out, with the exit code for
// it. Where is the run directory is said if that is kept.
func (e *env) failed(result *run.Result, err error, kept bool) error {
	x := &explanation{e: e}
	place := result
	if !kept {
		place = nil
	}
	if errors.Is(err, run.ErrInterrupted) {
		x.b.WriteString(e.t(words.Interrupted))
		return x.exit(exitInterrupted, place)
	}
	if lacks, ok := errors.AsType[*needs.Error](err); ok {
		return x.unmet(lacks.Scenario, lacks)
	}
	if refused, ok := errors.AsType[*node.Refused](err); ok {
		x.b.WriteString(refused.Error())
		if advice := doctor.Explain(refused); !advice.Fix.IsZero() {
			x.line(words.LineCause, advice.Cause)
			x.line(words.LineFix, advice.Fix)
		}
		x.line(words.NothingStarted)
		return x.exit(exitInconclusive, nil)
	}
	limit, ok := errors.AsType[*run.LimitError](err)
	switch {
	case ok && limit.Given:
		x.b.WriteString(e.t(words.TimeoutExceeded, limit.Bound))
	case ok:
		x.b.WriteString(e.t(words.LimitExceeded, limit.Name, limit.Bound))
	default:
		x.b.WriteString(e.say(err))
	}
	if n, ok := errors.AsType[*run.NodeError](err); ok && result != nil && result.Directory != nil {
		log := filepath.Join(result.Directory.Path, n.Node+".log")
		if last := lastLine(log); last != "" {
			x.line(words.LastLine, last)
		} else {
			x.line(words.NothingPrinted)
		}
		if kept {
			x.line(words.WhereLog, log)
		}
	}
	return x.exit(exitError, place)
}

// maxLastLine bounds what is shown of a log, in bytes.
const maxLastLine = 400

// lastLine returns the last line of a log that says something, "" if there is
// none or it cannot be read. Whatever a program may have written there is not
// for the terminal to obey.
func lastLine(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 1<<16 {
		_, _ = f.Seek(-1<<16, io.SeekEnd) // else the beginning is read; no harm
	}
	text, _ := io.ReadAll(io.LimitReader(f, 1<<16)) // as much as there is
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, strings.TrimSpace(lines[len(lines)-1]))
	if len(last) > maxLastLine {
		last = strings.ToValidUTF8(last[:maxLastLine], "") + "..."
	}
	return last
}
