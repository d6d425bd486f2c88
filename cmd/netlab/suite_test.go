package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/report"
	"netlab/lab/run"

	"golang.org/x/sys/unix"
)

// A suite that is interrupted ends its labs, and reports what was done and
// what was not.
func TestInterruptedSuite(t *testing.T) {
	requireLab(t)
	s := newSandbox(t)
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	short := strings.NewReplacer("name: holding", "name: short", "60s", "1ms").Replace(holding)
	write("1.yaml", short)
	write("2.yaml", holding)
	write("3.yaml", strings.Replace(holding, "name: holding", "name: holding-too", 1))
	write("4.yaml", strings.Replace(short, "name: short", "name: never", 1))
	junit := filepath.Join(t.TempDir(), "results.xml")
	cmd := s.command("netlab", "run", dir, "-j", "2", "--without", "bpf", "--json", "--junit", junit, "--retries", "3")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	hold := await(30*time.Second, func() bool {
		n := 0
		for _, dir := range s.runs(t) {
			text, err := os.ReadFile(filepath.Join(dir, run.EventsFile))
			if err == nil && strings.Contains(dir, "holding") && bytes.Contains(text, []byte(`"verb":"sleep"`)) {
				n++
			}
		}
		return n == 2
	})
	if !hold {
		t.Fatalf("two scenarios do not hold; processes: %v", s.processes())
	}
	code, at := end(t, cmd, unix.SIGINT)
	if code != exitInterrupted || stderr.Len() > 0 {
		t.Errorf("exit code %d, want %d; stderr %q", code, exitInterrupted, &stderr)
	}
	s.wantNothingLeft(t, at)
	var got struct {
		Exit        int
		Interrupted bool
		Scenarios   []struct {
			Name    string
			Outcome check.Outcome
			Runs    []any
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, &stdout)
	}
	want := []struct {
		name    string
		outcome check.Outcome
		runs    int
	}{{"short", check.Pass, 1}, {"holding", report.Interrupted, 1}, {"holding-too", report.Interrupted, 1}, {"never", report.Interrupted, 0}}
	if got.Exit != exitInterrupted || !got.Interrupted || len(got.Scenarios) != len(want) {
		t.Fatalf("%s", &stdout)
	}
	for i, w := range want {
		if g := got.Scenarios[i]; g.Name != w.name || g.Outcome != w.outcome || len(g.Runs) != w.runs {
			t.Errorf("%s: %s in %d runs, want %s: %s in %d", g.Name, g.Outcome, len(g.Runs), w.name, w.outcome, w.runs)
		}
	}
	text, err := os.ReadFile(junit)
	if err != nil || !bytes.Contains(text, []byte(`tests="4" failures="0" errors="3" skipped="0"`)) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestExitOfSuites(t *testing.T) {
	entry := func(o check.Outcome, verdicts ...check.Outcome) report.Entry {
		j := &check.Judgement{Outcome: o}
		for _, v := range verdicts {
			j.Verdicts = append(j.Verdicts, check.Verdict{Outcome: v})
		}
		if o == check.Error {
			j = nil
		}
		return report.Entry{Takes: []report.Take{{Outcome: o, Run: report.Run{Judgement: j}}}}
	}
	pass, fail, broken := entry(check.Pass, check.Pass), entry(check.Fail, check.Fail), entry(check.Error)
	open, half := entry(check.Inconclusive, check.Inconclusive), entry(check.Inconclusive, check.Inconclusive, check.Pass)
	for _, c := range []struct {
		name       string
		entries    []report.Entry
		want, warn int // with --inconclusive warn
	}{
		{"none", nil, 0, 0},
		{"pass", []report.Entry{pass, pass}, 0, 0},
		{"fail", []report.Entry{pass, fail, broken, open}, 1, 1},
		{"error", []report.Entry{pass, broken, open}, 4, 4},
		{"inconclusive", []report.Entry{pass, open}, 3, 0},
		{"nothing conclusive", []report.Entry{open, open}, 3, 3},
		{"something in one", []report.Entry{half}, 3, 0},
		{"no verdicts", []report.Entry{entry(check.Pass)}, 0, 0},
		{"not run", []report.Entry{fail, {}}, 130, 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := exitOf(c.entries, false); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
			if got := exitOf(c.entries, true); got != c.warn {
				t.Errorf("with a warning %d, want %d", got, c.warn)
			}
		})
	}
}

// What fails beside the scenarios is said, and hides none that failed.
func TestExitWith(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name                       string
		code                       int
		printing, written, closing error
		want                       int
		text                       string
	}{
		{"all is well", exitPass, nil, nil, nil, exitPass, ""},
		{"a scenario failed", exitFail, nil, nil, nil, exitFail, ""},
		{"unloading", exitPass, nil, nil, broken, exitError, "broken"},
		{"unloading, a scenario failed", exitFail, nil, nil, broken, exitFail, "broken"},
		{"writing, nothing was conclusive", exitInconclusive, nil, broken, nil, exitError, "broken"},
		{"printing and writing", exitFail, broken, broken, nil, exitFail, "print report: broken\nbroken"},
		{"interrupted", exitInterrupted, nil, nil, broken, exitInterrupted, "broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := exitWith(c.code, c.printing, c.written, c.closing)
			if got := exitCode(err); got != c.want {
				t.Errorf("exit %d, want %d", got, c.want)
			}
			if text := ""; err != nil {
				if text = err.Error(); text != c.text {
					t.Errorf("says %q, want %q", text, c.text)
				}
			}
		})
	}
}
