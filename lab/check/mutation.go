package check

import (
	"slices"

	"netlab/scenarios/words"
)

// caught turns the judgement on a mutation around: its expectations must
// fail, by name. What else is expected is not judged, but an error is one: it
// shows nothing of what the expectations can see.
func caught(j *Judgement, mustFail []string) *Judgement {
	out := &Judgement{Outcome: Pass, Tally: j.Tally, Problem: j.Problem}
	if j.Problem != nil {
		out.Outcome = Inconclusive
	}
	for _, name := range mustFail {
		i := slices.IndexFunc(j.Verdicts, func(v Verdict) bool { return v.Name == name })
		if i < 0 {
			reason := words.M(words.CheckNotJudged, name, namesOf(j))
			out.Verdicts = append(out.Verdicts, Verdict{Name: name, Kind: MutationKind, Outcome: Error, Reason: &reason})
			continue
		}
		out.Verdicts = append(out.Verdicts, turned(j.Verdicts[i]))
	}
	for _, v := range j.Verdicts {
		if v.Outcome == Error {
			out.Verdicts = append(out.Verdicts, v)
		}
	}
	for _, v := range out.Verdicts {
		out.Outcome = Worst(out.Outcome, v.Outcome)
	}
	return out
}

// turned is a verdict that passes where the expectation failed. That there was
// nothing to look at is no such failure: a name that nobody bears would fail
// whatever was changed.
func turned(v Verdict) Verdict {
	v.Kind, v.Want = MutationKind, "not "+v.Want
	switch {
	case v.Outcome == Fail && v.Got == noConnection:
		v.Outcome = Error // the reason says which
	case v.Outcome == Fail:
		v.Outcome, v.Reason = Pass, nil
	case v.Outcome == Pass:
		reason := words.M(words.CheckNotCaught)
		v.Outcome, v.Reason = Fail, &reason
	}
	return v
}

// namesOf lists the names of what was judged, for who has misspelt one.
func namesOf(j *Judgement) words.List {
	var list words.List
	for _, v := range j.Verdicts {
		list = append(list, v.Name)
	}
	return list
}
