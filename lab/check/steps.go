package check

import (
	"fmt"
	"net/textproto"
	"slices"
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
	about := func(name string, kind Kind, reference, want string, judge func(*Verdict) (got string, ok bool)) {
		v := Verdict{Name: "steps." + x.Name + "." + name, Kind: kind, Want: want, Reference: reference, At: x.At}
		j.ended(&v, s, func() {
			got, ok := judge(&v)
			v.Got = got
			switch {
			case ok && needsResult(kind) && nothingCame(s):
				// That something is not in what never came says nothing.
				v.inconclusive(because(words.CheckStepFailed, s.Error))
			case ok:
				v.pass()
			case v.Outcome == "": // else it was decided
				v.fail(stepReason(s, kind, got, want))
			}
			j.excuseStep(&v, s)
		})
		j.add(v)
	}
	count := func(kind Kind, want *scenarios.Count, got func() (int64, bool)) {
		if want == nil {
			return
		}
		about(string(kind), kind, j.stepReference(index), countText(*want), func(*Verdict) (string, bool) {
			n, ok := got()
			if !ok {
				return "none", false
			}
			return fmt.Sprint(n), within(n, *want)
		})
	}
	count(ReplyKind, x.Reply, func() (int64, bool) { return int64(s.Reply), s.Reply != 0 || s.Error == "" })
	if x.Error != nil {
		about("fails", FailsKind, j.stepReference(index), yesNo(bool(*x.Error)), func(*Verdict) (string, bool) {
			return yesNo(s.Error != ""), (s.Error != "") == bool(*x.Error)
		})
	}
	count(BytesKind, x.Bytes, func() (int64, bool) { return s.Bytes, true })
	if x.Text != nil {
		about("text", TextKind, j.stepReference(index), fmt.Sprintf("%q", *x.Text), func(*Verdict) (string, bool) {
			return fmt.Sprintf("%q", s.Text), strings.Contains(s.Text, *x.Text)
		})
	}
	count(StatusKind, x.Status, func() (int64, bool) { return int64(s.Status), s.Status != 0 })
	count(ExitKind, x.Exit, func() (int64, bool) {
		if s.Exit == nil {
			return 0, false
		}
		return int64(*s.Exit), true
	})
	count(RowsKind, x.Rows, func() (int64, bool) {
		if s.Rows == nil {
			return 0, false
		}
		return *s.Rows, true
	})
	j.stepContent(x, s, about)
	j.stepFields(x, s, about)
}

// needsResult reports whether a kind speaks of what came of a step.
func needsResult(kind Kind) bool {
	return kind == LacksKind || kind == BytesKind || kind == CookiesKind || kind == InterimKind
}

// nothingCame reports whether a step only failed: there is no reply, no
// status, no exit, nothing that could be looked at.
func nothingCame(s *timeline.Step) bool {
	return s.Error != "" && s.Reply == 0 && s.Status == 0 && s.Exit == nil && s.Content == "" && s.Bytes == 0
}

// about makes the verdict of one expectation on a step.
type about = func(name string, kind Kind, reference, want string, judge func(*Verdict) (got string, ok bool))

// stepContent judges what came: a body, output, an answer. Of what was cut
// short only the beginning is known.
func (j *judge) stepContent(x *scenarios.StepExpect, s *timeline.Step, about about) {
	reference := j.contentReference(stepIndex(j.sc, x.Name))
	cut := func(v *Verdict) {
		if s.Cut {
			v.inconclusive(because(words.CheckContentCut, len(s.Content)))
		}
	}
	if x.Content != nil {
		about("content", ContentKind, reference, quoted(*x.Content), func(v *Verdict) (string, bool) {
			if strings.Contains(s.Content, *x.Content) {
				return quoted(*x.Content), true
			}
			cut(v)
			return quoted(s.Content), false
		})
	}
	if x.Lacks != nil {
		about("lacks", LacksKind, reference, "not "+quoted(*x.Lacks), func(v *Verdict) (string, bool) {
			if strings.Contains(s.Content, *x.Lacks) {
				return quoted(*x.Lacks), false
			}
			cut(v)
			return "not " + quoted(*x.Lacks), !s.Cut
		})
	}
	if x.Why != nil {
		about("error", ErrorKind, j.stepReference(stepIndex(j.sc, x.Name)), quoted(*x.Why), func(*Verdict) (string, bool) {
			switch {
			case s.Error == "":
				return "no error", false
			case strings.Contains(s.Error, *x.Why): // which may stand behind what is shown of it
				return quoted(*x.Why), true
			}
			return quoted(s.Error), false
		})
	}
}

// stepFields judges what an HTTP request and its response bore beside the
// body, and how they went.
func (j *judge) stepFields(x *scenarios.StepExpect, s *timeline.Step, about about) {
	for _, h := range x.Headers {
		about("headers."+h.Name, HeadersKind, "RFC 9110 section 5", quoted(h.Value), func(*Verdict) (string, bool) {
			values := s.Headers[textproto.CanonicalMIMEHeaderKey(h.Name)]
			if len(values) == 0 {
				return "none", false
			}
			has := slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, h.Value) })
			return quoted(strings.Join(values, ", ")), has
		})
	}
	if x.Cookies != nil {
		want := slices.Sorted(slices.Values(*x.Cookies))
		about("cookies", CookiesKind, "RFC 6265 section 5.4", listText(want), func(*Verdict) (string, bool) {
			var got []string
			for _, c := range s.Sent {
				name, _, _ := strings.Cut(c, "=")
				got = append(got, name)
			}
			slices.Sort(got)
			return listText(got), slices.Equal(got, want)
		})
	}
	j.stepExchange(x, s, about)
	if x.Protocol != nil {
		about("protocol", ProtocolKind, "RFC 9110 section 2.5", *x.Protocol, func(*Verdict) (string, bool) {
			return orNone(s.Protocol), s.Protocol == *x.Protocol
		})
	}
	if x.TLS != nil {
		about("tls", TLSKind, "RFC 8446 section 4.2.1", string(*x.TLS), func(*Verdict) (string, bool) {
			return orNone(s.Secure), s.Secure == string(*x.TLS)
		})
	}
}

// stepExchange judges what belonged to an HTTP request beside its response.
func (j *judge) stepExchange(x *scenarios.StepExpect, s *timeline.Step, about about) {
	if x.Interim != nil {
		var got, want []string
		for _, code := range s.Interim {
			got = append(got, fmt.Sprint(code))
		}
		for _, code := range *x.Interim {
			want = append(want, fmt.Sprint(code))
		}
		about("interim", InterimKind, "RFC 9110 section 15.2", listText(want), func(*Verdict) (string, bool) {
			return listText(got), slices.Equal(got, want)
		})
	}
	if x.Requests != nil {
		about("requests", RequestsKind, "RFC 9110 section 15.4", listText(*x.Requests), func(*Verdict) (string, bool) {
			return listText(s.Requests), slices.Equal(s.Requests, *x.Requests)
		})
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// stepReason says why a result is not as wanted: where there is none, because
// the step failed.
func stepReason(s *timeline.Step, kind Kind, got, want string) words.Message {
	switch {
	case s.Error != "" && got == "none":
		return words.M(words.CheckStepFailed, s.Error)
	case kind == ContentKind:
		return words.M(words.CheckContentHasNot, want)
	case kind == LacksKind:
		return words.M(words.CheckContentHas, got)
	}
	return words.M(words.CheckStepIs, got, want)
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

// verb returns the verb of a step, "" if there is none.
func (j *judge) verb(index int) string {
	for i := range j.sc.Steps {
		if j.sc.Steps[i].Index == index {
			return j.sc.Steps[i].Verb
		}
	}
	return ""
}

// stepReference returns where the results of a step's kind are defined.
func (j *judge) stepReference(index int) string {
	verb := j.verb(index)
	switch family, _, _ := strings.Cut(verb, "."); family {
	case "ftp":
		return "RFC 959 section 4.2"
	case "http":
		return "RFC 9110 section 15"
	case "smtp":
		return "RFC 5321 section 4.2"
	case "dns":
		return "RFC 1035 section 4.1.1"
	case "exec":
		return "exit(3)"
	}
	return ""
}

// contentReference returns where it is defined what comes with a step.
func (j *judge) contentReference(index int) string {
	if strings.HasPrefix(j.verb(index), "http.") {
		return "RFC 9110 section 6.4"
	}
	return j.stepReference(index)
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
			j.doubtFailure(st, s)
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
		j.excuseStep(&v, s)
		j.add(v)
	}
}

// doubtFailure judges a step that failed as it was meant to, where a machine
// that kept the run waiting may have made it fail.
func (j *judge) doubtFailure(st *scenarios.Step, s *timeline.Step) {
	v := Verdict{Name: fmt.Sprintf("steps[%d].%s", st.Index-1, st.Verb), Kind: StepKind, At: st.At,
		Reference: j.stepReference(st.Index), Want: wellOrNot(false), Got: wellOrNot(false), Outcome: Pass}
	v.Evidence.Events = []uint64{s.Begun, s.Ended}
	if j.excuseStep(&v, s); v.Outcome != Pass {
		j.add(v)
	}
}

// failsIsJudged reports whether an expectation of its own says whether, how or
// with which exit status a step fails.
func (j *judge) failsIsJudged(st *scenarios.Step) bool {
	name := common(st).As
	for _, x := range j.sc.Expect.Steps {
		if x.Name == name && name != "" && (x.Error != nil || x.Why != nil || x.Exit != nil) {
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
