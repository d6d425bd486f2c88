package check

import (
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// step returns the step of the timeline with an index of the scenario.
func (j *judge) step(index int) *timeline.Step {
	for _, s := range j.tl.Steps {
		if s.Index == index {
			return s
		}
	}
	return nil
}

// stepResult judges what is expected of one step's result. The program that
// performed the step recorded it; nobody else saw it.
func (j *judge) stepResult(x *scenarios.StepExpect) {
	index := stepIndex(j.sc, x.Name)
	s := j.step(index)
	about := func(kind Kind, want string, judge func(*Verdict) (got string, ok bool)) {
		v := Verdict{Name: "steps." + x.Name + "." + string(kind), Kind: kind, Want: want, Reference: j.stepReference(index), At: x.At}
		j.ended(&v, s, func() {
			got, ok := judge(&v)
			if v.Got = got; ok {
				v.pass()
			} else {
				v.fail(words.M(words.CheckStepIs, got, want))
			}
		})
		j.add(v)
	}
	if x.Reply != nil {
		about(ReplyKind, countText(*x.Reply), func(*Verdict) (string, bool) {
			return fmt.Sprint(s.Reply), within(int64(s.Reply), *x.Reply)
		})
	}
	if x.Error != nil {
		about(FailsKind, yesNo(bool(*x.Error)), func(*Verdict) (string, bool) {
			return yesNo(s.Error != ""), (s.Error != "") == bool(*x.Error)
		})
	}
	if x.Bytes != nil {
		about(BytesKind, countText(*x.Bytes), func(*Verdict) (string, bool) {
			return fmt.Sprint(s.Bytes), within(s.Bytes, *x.Bytes)
		})
	}
	if x.Text != nil {
		about(TextKind, fmt.Sprintf("%q", *x.Text), func(*Verdict) (string, bool) {
			return fmt.Sprintf("%q", s.Text), strings.Contains(s.Text, *x.Text)
		})
	}
}

// ended calls judge if the step ended; otherwise the verdict stays open.
func (j *judge) ended(v *Verdict, s *timeline.Step, judge func()) {
	switch {
	case s == nil:
		v.Got = "not run"
		v.inconclusive(because(words.CheckStepNotRun))
	case s.End == 0:
		v.Got = "not ended"
		v.Evidence.Events = []uint64{s.Begun}
		v.inconclusive(because(words.CheckStepNotEnded))
	default:
		v.Evidence.Events = []uint64{s.Begun, s.Ended}
		v.seen(probes.Lab, probes.Recorded, 1, 1, s.Ended)
		judge()
	}
}

// stepReference returns where the replies of a step's protocol are defined.
func (j *judge) stepReference(index int) string {
	for i := range j.sc.Steps {
		if j.sc.Steps[i].Index == index && strings.HasPrefix(j.sc.Steps[i].Verb, "ftp.") {
			return "RFC 959 section 4.2"
		}
	}
	return ""
}

// impliedSteps judges the steps that did not go as meant: one that failed
// without expect_error, one that went well with it. A step whose "fails" is
// an expectation of its own is left to that; settle is never judged.
func (j *judge) impliedSteps() {
	for i := range j.sc.Steps {
		st := &j.sc.Steps[i]
		s := j.step(st.Index)
		if st.Settle != nil {
			continue
		}
		if s == nil && j.tl.Complete {
			v := Verdict{Name: fmt.Sprintf("steps[%d].%s", st.Index-1, st.Verb), Kind: StepKind, At: st.At,
				Want: wellOrNot(!common(st).ExpectError), Got: "not run"}
			v.inconclusive(because(words.CheckStepNotRun))
			j.add(v)
			continue
		}
		if s == nil || s.End == 0 || j.failsIsJudged(st) {
			continue
		}
		meant := common(st).ExpectError
		if failed := s.Error != ""; failed == meant {
			continue
		}
		v := Verdict{Name: fmt.Sprintf("steps[%d].%s", st.Index-1, st.Verb), Kind: StepKind, At: st.At,
			Reference: j.stepReference(st.Index), Want: wellOrNot(!meant), Got: wellOrNot(meant)}
		v.Evidence.Events = []uint64{s.Begun, s.Ended}
		v.seen(probes.Lab, probes.Recorded, 1, 1, s.Ended)
		switch {
		case meant:
			v.fail(words.M(words.CheckStepWentWell))
		case s.Reply != 0 && strings.Contains(s.Error, fmt.Sprint(s.Reply)): // the reply is why
			v.Got = fmt.Sprint(s.Reply)
			v.fail(words.M(words.CheckStepReply, s.Reply, firstOf(s.Text, s.Error)))
		default:
			v.fail(words.M(words.CheckStepFailed, s.Error))
		}
		j.add(v)
	}
}

func (j *judge) failsIsJudged(st *scenarios.Step) bool {
	name := common(st).As
	for _, x := range j.sc.Expect.Steps {
		if x.Name == name && name != "" && x.Error != nil {
			return true
		}
	}
	return false
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func wellOrNot(well bool) string {
	if well {
		return "ok"
	}
	return "error"
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
