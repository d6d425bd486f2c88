package report

import (
	"fmt"
	"strings"

	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// maxSteps is how many steps are shown before the rest is counted.
const maxSteps = 12

// maxOutput is how many characters of what came with a step are shown.
const maxOutput = 60

// stepLines writes a line for each step whose result says something that the
// ladders do not: requests, programs, answers. FTP's replies stand in the
// ladders.
func (t *text) stepLines(run Run) {
	var heads, said []string
	for _, s := range run.Timeline.Steps {
		st := stepOf(run.Scenario, s.Index)
		if st == nil || s.End == 0 {
			continue
		}
		if asked := asked(st); asked != "" {
			head := clean(s.Name)
			if head == "" {
				head = clean(s.Verb)
			}
			heads = append(heads, t.cut(head, 20))
			said = append(said, clean(asked)+" -> "+t.result(st, s))
		}
	}
	left := 0
	if !t.full && len(heads) > maxSteps+1 {
		left = len(heads) - maxSteps
		heads, said = heads[:maxSteps], said[:maxSteps]
		t.more = true
	}
	cells := 8
	for _, h := range heads {
		cells = max(cells, t.wide(h)+2)
	}
	for i := range heads {
		t.hanging(t.pad(heads[i], cells)+said[i], strings.Repeat(" ", cells))
	}
	if left > 0 {
		t.line(t.say(words.ReportMoreSteps, left))
	}
}

// stepOf returns the scenario's step of an index, nil if there is none.
func stepOf(sc *scenarios.Scenario, index int) *scenarios.Step {
	for i := range sc.Steps {
		if sc.Steps[i].Index == index {
			return &sc.Steps[i]
		}
	}
	return nil
}

// asked says what a step asked for, "" for steps that are not shown.
func asked(st *scenarios.Step) string {
	request := func(method string, r *scenarios.HTTPRequest) string {
		if r.URL != "" {
			return method + " " + r.URL
		}
		path := r.Path
		if path == "" {
			path = "/"
		}
		return method + " " + path
	}
	switch {
	case st.HTTPGet != nil:
		return request("GET", st.HTTPGet)
	case st.HTTPHead != nil:
		return request("HEAD", st.HTTPHead)
	case st.HTTPPost != nil:
		return request("POST", &st.HTTPPost.HTTPRequest)
	case st.HTTPSend != nil:
		return request(st.HTTPSend.Method, &st.HTTPSend.HTTPRequest)
	case st.DNSLookup != nil:
		kind := string(st.DNSLookup.Type)
		if kind == "" {
			kind = "A"
		}
		return kind + " " + st.DNSLookup.Query
	case st.SQLRun != nil:
		return strings.Join(strings.Fields(st.SQLRun.Statement), " ")
	case st.SMTPSend != nil:
		return "MAIL " + st.SMTPSend.From
	case st.Exec != nil:
		return strings.Join(st.Exec.Command, " ")
	case st.ExecWait != nil:
		return st.ExecWait.Process
	case st.TCPReceive != nil, st.UDPReceive != nil:
		return st.Session()
	}
	return ""
}

// result says what a step came to.
func (t *text) result(st *scenarios.Step, s *timeline.Step) string {
	var parts []string
	add := func(part string) {
		if part = clean(part); part != "" {
			parts = append(parts, part)
		}
	}
	web := s.Status != 0
	for _, code := range s.Interim {
		add(fmt.Sprint(code))
	}
	if len(s.Requests) > 1 { // the first was asked for
		add(strings.Join(s.Requests[1:], " -> "))
	}
	switch {
	case web:
		add(strings.TrimSpace(fmt.Sprintf("%d %s", s.Status, s.Text)))
	case s.Exit != nil:
		add(t.say(words.ReportExitStatus, *s.Exit))
	case s.Reply != 0:
		add(strings.TrimSpace(fmt.Sprintf("%d %s", s.Reply, t.cut(clean(firstLine(s.Text)), maxOutput))))
	default:
		add(t.cut(clean(firstLine(s.Text)), maxOutput))
	}
	if s.Error != "" && s.Exit == nil {
		add(t.say(words.ReportStepFailed, t.cut(clean(s.Error), 300)))
	}
	if s.Rows != nil {
		add(t.say(words.ReportRows, *s.Rows, duration(s.Duration())))
	}
	silent := len(parts) == 0
	if silent && st.Exec != nil && bool(st.Exec.Background) {
		return t.say(words.ReportLeftRunning)
	}
	if s.Bytes > 0 || web || silent {
		add(t.say(words.ReportBytes, s.Bytes))
	}
	add(s.Protocol)
	if s.Secure != "" {
		add("TLS " + s.Secure)
	}
	switch {
	case web && s.Reused:
		add(t.say(words.ReportSameConnection))
	case web:
		add(t.say(words.ReportNewConnection))
	case s.Content != "":
		add(`"` + t.cut(clean(firstLine(s.Content)), maxOutput) + `"`)
	}
	return strings.Join(parts, t.say(words.ReportListComma))
}

// firstLine returns the first line of a text that has something in it.
func firstLine(text string) string {
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			return l
		}
	}
	return ""
}
