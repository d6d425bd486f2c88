// Package suite runs many scenarios, several at a time: each in a lab of its
// own, all with one tracer of the kernel's events. It decides what is run
// when, what is run again and which run directories stay; what came of it is a
// report.Suite.
package suite

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"netlab/lab/report"
	"netlab/lab/run"
	"netlab/scenarios"
)

// A Job is a scenario or a variant of one, to be run a number of times.
type Job struct {
	run.Config
	Name   string              // see Name
	File   string              // of the scenario
	Times  int                 // at least 1
	NotRun []scenarios.Variant // of the same scenario, that were not asked for
}

// exclusive reports whether the job must run alone.
func (j *Job) exclusive() bool { return bool(j.Scenario.Exclusive) }

// Name gives every job a name that no other has and that is the same in every
// run of the suite: that of the scenario with, after a slash, its variant.
// Where several files have scenarios of one name, the file follows. It is to
// be called before a shard is taken.
func Name(jobs []Job) {
	count := map[string]int{}
	for i := range jobs {
		j := &jobs[i]
		j.Name = j.Scenario.Name
		if j.Variant != run.Base {
			j.Name += "/" + j.Variant
		}
		count[j.Name]++
	}
	again := map[string]int{}
	for i := range jobs {
		j := &jobs[i]
		if count[j.Name] > 1 {
			j.Name += " (" + j.File + ")"
		}
		again[j.Name]++
		if n := again[j.Name]; n > 1 {
			j.Name += fmt.Sprintf("#%d", n)
		}
	}
}

// Order returns the jobs in the order of the suite: as given, but those that
// run alone after all others.
func Order(jobs []Job) []Job {
	alone := func(j Job) bool { return j.exclusive() }
	others := slices.DeleteFunc(slices.Clone(jobs), alone)
	return append(others, slices.DeleteFunc(slices.Clone(jobs), func(j Job) bool { return !alone(j) })...)
}

// Shard returns part i of n of the jobs, from 1: every n-th. Every job is in
// exactly one part.
func Shard(jobs []Job, i, n int) []Job {
	var part []Job
	for k := i - 1; k < len(jobs); k += n {
		part = append(part, jobs[k])
	}
	return part
}

// Keep says which run directories stay.
type Keep string

// What can be kept.
const (
	KeepAll    Keep = "all"
	KeepFailed Keep = "failed" // all that are not pass
	KeepNone   Keep = "none"
)

// Options say how a suite is run. The functions may be nil; they are called
// one at a time, and own the entry for as long as they run.
type Options struct {
	AtATime int  // jobs side by side; 1 if it is less
	Retries int  // of a run that is inconclusive or an error
	Keep    Keep // KeepAll if empty
	Lean    bool // runs that passed need not be reported in full

	// Explain says why a run came to no judgement. If it is nil, the error's
	// own text does.
	Explain func(*run.Result, error) string

	Started func(*report.Entry) // it begins
	Took    func(*report.Entry) // it has one more take
	Ended   func(*report.Entry) // it has ended, the first to end first
	Next    func(*report.Entry) // it has ended, in the order of the jobs
}

// Run runs the jobs, the first first, as many side by side as allowed; those
// that are exclusive after all others, one by one. It returns when all have
// ended: when ctx ends, those under way are ended and no more are begun. The
// entries are in the order of the jobs.
func Run(ctx context.Context, jobs []Job, o Options) []report.Entry {
	return start(ctx, jobs, o, once)
}

// start is Run with another way to run a job once.
func start(ctx context.Context, jobs []Job, o Options, once onceFunc) []report.Entry {
	s := &suite{Options: o, once: once, jobs: jobs, entries: make([]report.Entry, len(jobs)), ended: make([]bool, len(jobs))}
	var together, alone []int
	for i := range jobs {
		j := &jobs[i]
		s.entries[i] = report.Entry{Name: j.Name, File: j.File, Scenario: j.Scenario, Variant: j.Variant, Exclusive: j.exclusive()}
		if j.exclusive() {
			alone = append(alone, i)
		} else {
			together = append(together, i)
		}
	}
	s.all(ctx, together, max(o.AtATime, 1))
	s.all(ctx, alone, 1)
	return s.entries
}

// A suite is one under way.
type suite struct {
	Options
	once onceFunc
	jobs []Job

	mu      sync.Mutex // of what follows, and of the calls of the functions
	entries []report.Entry
	ended   []bool
	next    int // the first that Next has not been told of
}

// all runs some of the jobs, so many at a time, and waits for them.
func (s *suite) all(ctx context.Context, some []int, atATime int) {
	queue := make(chan int, len(some))
	for _, i := range some {
		queue <- i
	}
	close(queue)
	var workers sync.WaitGroup
	for range min(atATime, len(some)) {
		workers.Go(func() {
			for i := range queue {
				s.entry(ctx, i)
			}
		})
	}
	workers.Wait()
}

// entry runs one job as often as it is to be run, until a run comes to no
// judgement. What is not begun has no takes.
func (s *suite) entry(ctx context.Context, i int) {
	j, e := &s.jobs[i], &s.entries[i]
	defer s.end(i)
	if ctx.Err() != nil {
		return
	}
	s.tell(s.Started, e)
	begun := time.Now()
	for range j.Times {
		take := s.take(ctx, j)
		s.mu.Lock()
		e.Takes = append(e.Takes, take)
		e.Elapsed = time.Since(begun)
		s.mu.Unlock()
		s.tell(s.Took, e)
		if take.Judgement == nil {
			return
		}
		if s.Lean {
			s.mu.Lock()
			e.Takes[len(e.Takes)-1].Lean()
			s.mu.Unlock()
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(e.Takes) < j.Times {
		s.mu.Lock()
		e.Cut = true
		s.mu.Unlock()
	}
}

func (s *suite) tell(whom func(*report.Entry), e *report.Entry) {
	if whom != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		whom(e)
	}
}

// end tells that a job has ended.
func (s *suite) end(i int) {
	s.tell(s.Ended, &s.entries[i])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[i] = true
	for ; s.next < len(s.jobs) && s.ended[s.next]; s.next++ {
		if s.Next != nil {
			s.Next(&s.entries[s.next])
		}
	}
}
