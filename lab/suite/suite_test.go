package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/doctor"
	"netlab/lab/needs"
	"netlab/lab/node"
	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// jobs makes jobs of words: "a", "b!" for one that is exclusive.
func jobs(names string) []Job {
	var list []Job
	for name := range strings.FieldsSeq(names) {
		name, alone := strings.CutSuffix(name, "!")
		name, variant, found := strings.Cut(name, "/")
		if !found {
			variant = run.Base
		}
		list = append(list, Job{Name: name, File: name + ".yaml", Times: 1, Config: run.Config{
			Scenario: &scenarios.Scenario{Name: name, Exclusive: scenarios.YesNo(alone)}, Variant: variant,
		}})
	}
	return list
}

func names(list []Job) string {
	var words []string
	for _, j := range list {
		words = append(words, j.Name)
	}
	return strings.Join(words, " ")
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ name, given, want string }{
		{"none", "", ""},
		{"as given", "b a c", "b a c"},
		{"exclusive last", "a! b c! d", "b d a c"},
		{"all exclusive", "b! a!", "b a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := names(Order(jobs(c.given))); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Every job is in exactly one shard, and shards differ by one job at most.
func TestShard(t *testing.T) {
	if got := names(Shard(jobs("a b c d e"), 2, 3)); got != "b e" {
		t.Errorf("%q", got)
	}
	for total := range 20 {
		all := jobs(strings.Repeat("x ", total))
		for i := range all {
			all[i].Name = fmt.Sprint(i)
		}
		for n := 1; n < 25; n++ {
			seen := map[string]int{}
			smallest, largest := total, 0
			for i := 1; i <= n; i++ {
				part := Shard(all, i, n)
				smallest, largest = min(smallest, len(part)), max(largest, len(part))
				for _, j := range part {
					seen[j.Name]++
				}
			}
			for _, j := range all {
				if seen[j.Name] != 1 {
					t.Errorf("job %s of %d is in %d of %d shards", j.Name, total, seen[j.Name], n)
				}
			}
			if largest > smallest+1 {
				t.Errorf("%d jobs in %d shards: %d to %d", total, n, smallest, largest)
			}
		}
	}
}

func TestName(t *testing.T) {
	list := jobs("a a/v b b b/v")
	list[2].File, list[3].File = "x/b.yaml", "y/b.yaml"
	list = append(list, list[3])
	Name(list)
	want := "a a/v b (x/b.yaml) b (y/b.yaml) b/v b (y/b.yaml)#2"
	if got := names(list); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A script says what the attempts of each job come to, one after the other,
// and notes what ran when.
type script struct {
	outcomes map[string][]check.Outcome // of the attempts; pass where there is none

	mu      sync.Mutex
	tries   map[string]int
	running []string
	most    int
	with    map[string][]string // which others ran beside a job
	order   []string            // of beginnings
	during  func(name string)   // called while the job runs
	dirs    string              // where run directories are made; "" for none
}

func (s *script) once(_ context.Context, j *Job) (report.Run, *run.Result, error) {
	s.mu.Lock()
	if s.tries == nil {
		s.tries, s.with = map[string]int{}, map[string][]string{}
	}
	outcome := check.Pass
	if n := s.tries[j.Name]; n < len(s.outcomes[j.Name]) {
		outcome = s.outcomes[j.Name][n]
	}
	s.tries[j.Name]++
	for _, other := range s.running {
		s.with[j.Name] = append(s.with[j.Name], other)
		s.with[other] = append(s.with[other], j.Name)
	}
	s.running, s.order = append(s.running, j.Name), append(s.order, j.Name)
	s.most = max(s.most, len(s.running))
	number := len(s.order)
	s.mu.Unlock()
	if s.during != nil {
		s.during(j.Name)
	}
	s.mu.Lock()
	s.running = slices.DeleteFunc(s.running, func(n string) bool { return n == j.Name })
	s.mu.Unlock()

	dir := ""
	result := &run.Result{Elapsed: time.Millisecond}
	if s.dirs != "" {
		dir = filepath.Join(s.dirs, fmt.Sprintf("%s-%d", j.Name, number))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return report.Run{}, nil, err
		}
		result.Directory = &run.Directory{Path: dir}
	}
	switch outcome {
	case check.Error:
		return report.Run{}, result, errors.New("broken")
	case report.Interrupted:
		return report.Run{}, result, run.ErrInterrupted
	case lacking:
		return report.Run{}, nil, &needs.Error{Scenario: j.Scenario.Name}
	case refused:
		return report.Run{}, nil, &node.Refused{What: "make a namespace", Err: unix.EPERM}
	}
	reason := words.M(words.Verbatim, "because")
	j1 := &check.Judgement{Outcome: outcome, Verdicts: []check.Verdict{{Name: "x", Outcome: outcome, Reason: &reason}}}
	return report.Run{Scenario: j.Scenario, Judgement: j1, RunDir: dir, Elapsed: time.Millisecond}, result, nil
}

// What scripts call the outcomes of a machine that allows no labs, and of one
// that lacks what a scenario needs.
const (
	refused check.Outcome = "refused"
	lacking check.Outcome = "lacking"
)

// outcomes writes what entries came to.
func outcomes(entries []report.Entry) string {
	var words []string
	for i := range entries {
		e := &entries[i]
		words = append(words, e.Name+":"+string(e.Outcome()))
		if n := e.Retries(); n > 0 {
			words[i] += fmt.Sprintf("+%d", n)
		}
	}
	return strings.Join(words, " ")
}

func TestRetries(t *testing.T) {
	const p, f, q, e = check.Pass, check.Fail, check.Inconclusive, check.Error
	for _, c := range []struct {
		name    string
		retries int
		script  []check.Outcome
		want    string
		tries   int
	}{
		{"pass", 3, []check.Outcome{p, f}, "a:pass", 1},
		{"fail is never taken again", 3, []check.Outcome{f, p}, "a:fail", 1},
		{"off", 0, []check.Outcome{q, p}, "a:inconclusive", 1},
		{"inconclusive", 1, []check.Outcome{q, p}, "a:pass+1", 2},
		{"error", 1, []check.Outcome{e, p}, "a:pass+1", 2},
		{"both", 5, []check.Outcome{e, q, e, p}, "a:pass+3", 4},
		{"until it fails", 5, []check.Outcome{q, f, p}, "a:fail+1", 2},
		{"not enough", 2, []check.Outcome{q, q, e, p}, "a:error+2", 3},
		{"what the machine refuses", 2, []check.Outcome{refused, p}, "a:inconclusive", 1},
		{"what the machine lacks", 2, []check.Outcome{lacking, p}, "a:inconclusive", 1},
		{"interrupted", 2, []check.Outcome{report.Interrupted, p}, "a:interrupted", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{outcomes: map[string][]check.Outcome{"a": c.script}}
			entries := start(t.Context(), jobs("a"), Options{Retries: c.retries}, s.once)
			if got := outcomes(entries); got != c.want || s.tries["a"] != c.tries {
				t.Errorf("%s after %d attempts, want %s after %d", got, s.tries["a"], c.want, c.tries)
			}
			for _, a := range entries[0].Takes[0].Attempts {
				if a.Why != "broken" && a.Why != "x: because" || a.Elapsed == 0 {
					t.Errorf("attempt %+v", a)
				}
			}
		})
	}
}

func TestKeep(t *testing.T) {
	of := map[string][]check.Outcome{"f": {check.Fail}, "q": {check.Inconclusive, check.Pass}, "e": {check.Error, check.Error}}
	for _, c := range []struct {
		keep Keep
		want string
	}{
		{KeepAll, "p f q q e e"},
		{"", "p f q q e e"},
		{KeepFailed, "f q e e"},
		{KeepNone, ""},
	} {
		t.Run(string(c.keep), func(t *testing.T) {
			s := &script{outcomes: of, dirs: t.TempDir()}
			entries := start(t.Context(), jobs("p f q e"), Options{Keep: c.keep, Retries: 1}, s.once)
			var said, found []string
			for i := range entries {
				for _, t := range entries[i].Takes {
					for _, a := range t.Attempts {
						said = append(said, a.RunDir)
					}
					said = append(said, t.RunDir)
				}
			}
			said = slices.DeleteFunc(said, func(dir string) bool { return dir == "" })
			for i, dir := range said {
				if _, err := os.Stat(dir); err != nil {
					t.Error(err)
				}
				said[i], _, _ = strings.Cut(filepath.Base(dir), "-")
			}
			if got := strings.Join(said, " "); got != c.want {
				t.Errorf("said to be kept %q, want %q", got, c.want)
			}
			left, err := os.ReadDir(s.dirs)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range left {
				found = append(found, d.Name())
			}
			if len(found) != len(said) {
				t.Errorf("kept %q, said %q", found, said)
			}
		})
	}
}

// No more run side by side than allowed, those that are exclusive with none;
// whatever ends first, entries and what Next is told are in the jobs' order.
func TestSideBySide(t *testing.T) {
	const list = "a! b c d! e f g"
	var arrived sync.WaitGroup
	arrived.Add(3) // the first three are seen to run side by side
	released := make(chan struct{})
	s := &script{during: func(name string) {
		switch name {
		case "b", "c", "e":
			arrived.Done()
			arrived.Wait()
		}
		if name == "b" { // ends after those that are begun later
			<-released
		}
	}}
	var next, ended []string
	entries := start(t.Context(), jobs(list), Options{
		AtATime: 3,
		Ended: func(e *report.Entry) {
			ended = append(ended, e.Name)
			if len(ended) == 4 {
				close(released)
			}
		},
		Next: func(e *report.Entry) { next = append(next, e.Name) },
	}, s.once)
	if got, want := outcomes(entries), "a:pass b:pass c:pass d:pass e:pass f:pass g:pass"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if s.most != 3 {
		t.Errorf("%d side by side, want 3", s.most)
	}
	if diff := cmp.Diff(strings.Fields("a b c d e f g"), next); diff != "" {
		t.Errorf("told in order (-want +got):\n%s", diff)
	}
	if ended[4] != "b" || ended[5] != "a" || ended[6] != "d" {
		t.Errorf("ended in the order %v", ended)
	}
	if len(s.with["a"]) > 0 || len(s.with["d"]) > 0 {
		t.Errorf("beside those that are exclusive ran %v", s.with)
	}
}

// When the suite is ended, what runs is waited for and nothing more is begun.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &script{outcomes: map[string][]check.Outcome{"b": {report.Interrupted}}, during: func(name string) {
		if name == "b" {
			cancel(run.ErrInterrupted)
		}
	}}
	list := jobs("a b c d!")
	list[0].Times, list[1].Times = 2, 2
	var next []string
	entries := start(ctx, list, Options{Retries: 3, Next: func(e *report.Entry) { next = append(next, e.Name) }}, s.once)
	if got, want := outcomes(entries), "a:pass b:interrupted c:interrupted d:interrupted"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if diff := cmp.Diff(strings.Fields("a a b"), s.order); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if len(next) != 4 {
		t.Errorf("told of %v", next)
	}
}

// Repeated runs end with the first that comes to no judgement, and one that
// is cut short between runs has not come to its end.
func TestTimes(t *testing.T) {
	list := jobs("a")
	list[0].Times = 4
	s := &script{outcomes: map[string][]check.Outcome{"a": {check.Pass, check.Fail, check.Error}}}
	entries := start(t.Context(), list, Options{}, s.once)
	if got := outcomes(entries); got != "a:error" || len(entries[0].Takes) != 3 || len(entries[0].Judged()) != 2 {
		t.Errorf("%s after %d takes", got, len(entries[0].Takes))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s = &script{during: func(string) { cancel(run.ErrInterrupted) }}
	entries = start(ctx, list, Options{}, s.once)
	if got := outcomes(entries); got != "a:interrupted" || len(entries[0].Takes) != 1 {
		t.Errorf("%s after %d takes", got, len(entries[0].Takes))
	}
}

func TestRequire(t *testing.T) {
	list := jobs("a b")
	list[0].Scenario.Needs.Programs = []string{"sh", "no-such-program"}
	list[1].Scenario.Needs.Programs = []string{"no-such-program"}
	machine := needs.NewMachine()
	for _, c := range []struct {
		name string
		want string // missing; "error" for a name that means nothing
	}{
		{"program:sh", ""},
		{"program:no-such-program", "no-such-program"},
		{"package:no-such-package", "no-such-package"},
		{"needs", "no-such-program"},
		{"program:", "error"},
		{"package:", "error"},
		{"cooking", "error"},
		{"", "error"},
	} {
		_, lacks, err := Require(t.Context(), []string{c.name}, list, machine)
		var got []string
		for _, n := range lacks {
			got = append(got, n.Name)
		}
		if err != nil {
			got = []string{"error"}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}

// What the doctor says is passed on; where there can be no lab, nothing is
// known of its probes.
func TestConsult(t *testing.T) {
	fix := words.M(words.Verbatim, "do this")
	checks := []doctor.Check{{Name: "lab", Reason: "refused", Remedy: &fix}, {Name: "bpf", OK: true}}
	got := consult([]string{"root", "lab", "bpf", "wire", "program:sh"}, checks)
	want := []Missing{{"lab", words.M(words.Verbatim, "refused"), fix}, {Name: "wire", Reason: words.M(words.NotExamined)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
