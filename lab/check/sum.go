package check

import (
	"cmp"
	"slices"
)

// A Summary is the judgement on many runs.
type Summary struct {
	Outcome  Outcome        `json:"outcome"` // the worst
	Runs     Counts         `json:"runs"`
	Verdicts []Summed       `json:"verdicts"` // in the order of their first appearance
	Tally    []Distribution `json:"tally,omitempty"`
}

// Counts says how often each outcome came.
type Counts struct {
	Pass         int `json:"pass"`
	Inconclusive int `json:"inconclusive"`
	Fail         int `json:"fail"`
	Error        int `json:"error"`
}

// Total returns their sum.
func (c Counts) Total() int { return c.Pass + c.Inconclusive + c.Fail + c.Error }

// add counts an outcome.
func (c *Counts) add(o Outcome) {
	switch o {
	case Pass:
		c.Pass++
	case Inconclusive:
		c.Inconclusive++
	case Fail:
		c.Fail++
	default:
		c.Error++
	}
}

// A Summed is one expectation over many runs.
type Summed struct {
	Name    string       `json:"name"`
	Kind    Kind         `json:"kind"`
	Outcome Outcome      `json:"outcome"` // the worst
	Counts  Counts       `json:"counts"`
	Got     []ValueCount `json:"got"`               // what was seen, most frequent first
	Wrong   []ValueCount `json:"wrong,omitempty"`   // what was seen where it failed, most frequent first
	First   int          `json:"first,omitempty"`   // the first run with the worst outcome, from 1; 0 if all pass
	Example *Verdict     `json:"example,omitempty"` // that run's verdict
}

// A Distribution is what was tallied over many runs.
type Distribution struct {
	Name   string       `json:"name"`
	Values []ValueCount `json:"values"` // most frequent first
}

// A ValueCount says how often a value came.
type ValueCount struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Sum adds up the judgements on many runs of one scenario. A nil judgement
// is a run that came to none: an error.
func Sum(runs []*Judgement) *Summary {
	s := &Summary{Outcome: Pass}
	where := map[string]int{}
	tally := map[string]int{}
	for i, j := range runs {
		if j == nil {
			s.Runs.add(Error)
			s.Outcome = Worst(s.Outcome, Error)
			continue
		}
		s.Runs.add(j.Outcome)
		s.Outcome = Worst(s.Outcome, j.Outcome)
		for k := range j.Verdicts {
			v := &j.Verdicts[k]
			at, ok := where[v.Name]
			if !ok {
				at = len(s.Verdicts)
				where[v.Name] = at
				s.Verdicts = append(s.Verdicts, Summed{Name: v.Name, Kind: v.Kind, Outcome: Pass})
			}
			s.Verdicts[at].add(v, i+1)
		}
		for _, o := range j.Tally {
			at, ok := tally[o.Name]
			if !ok {
				at = len(s.Tally)
				tally[o.Name] = at
				s.Tally = append(s.Tally, Distribution{Name: o.Name})
			}
			s.Tally[at].Values = countValue(s.Tally[at].Values, o.Value)
		}
	}
	for i := range s.Verdicts {
		byFrequency(s.Verdicts[i].Got)
		byFrequency(s.Verdicts[i].Wrong)
	}
	for i := range s.Tally {
		byFrequency(s.Tally[i].Values)
	}
	return s
}

func (s *Summed) add(v *Verdict, run int) {
	s.Counts.add(v.Outcome)
	s.Got = countValue(s.Got, v.Got)
	if v.Outcome == Fail {
		s.Wrong = countValue(s.Wrong, v.Got)
	}
	if worst := Worst(s.Outcome, v.Outcome); worst != s.Outcome {
		s.Outcome, s.First, s.Example = worst, run, v
	}
}

func countValue(values []ValueCount, value string) []ValueCount {
	for i := range values {
		if values[i].Value == value {
			values[i].Count++
			return values
		}
	}
	return append(values, ValueCount{Value: value, Count: 1})
}

func byFrequency(values []ValueCount) {
	slices.SortStableFunc(values, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
}
