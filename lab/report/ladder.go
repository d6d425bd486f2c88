package report

import (
	"fmt"
	"slices"
	"strings"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// Bounds on what is shown without --full.
const (
	maxLadders   = 4  // connections drawn as ladders
	maxLines     = 12 // connections told in a line
	closingHead  = 8  // frames shown of the beginning of a long closing
	closingTail  = 6  // and of its end
	segmentCells = 19 // of the column of segments, at 80 columns
)

// connections draws the connections: ladders for those that carry a
// session, a line for each data connection.
func (t *text) connections(run Run) {
	first := true
	ladders, lines, left := 0, 0, 0
	for _, c := range run.Timeline.Connections {
		data := isData(run, c)
		switch {
		case t.full || !data && ladders < maxLadders:
			t.ladder(run, c, first)
			first = false
			ladders++
		case lines < maxLines:
			t.connectionLine(run, c)
			t.more = true
			lines++
		default:
			t.more = true
			left++
		}
	}
	if left > 0 {
		t.line("      " + t.say(words.ReportMoreConns, left))
	}
	t.footnotes()
}

// footnotes writes the notes and, where something was left out, how to see
// it.
func (t *text) footnotes() {
	hint := ""
	if t.more {
		hint = t.say(words.ReportFullHint)
	}
	for i, n := range t.notes {
		note := fmt.Sprintf("(%d) %s", i+1, n)
		if i == len(t.notes)-1 && hint != "" && t.wide(note)+t.wide(hint)+2 <= t.width-1 {
			note, hint = t.right(note, hint, t.width-1, 2), ""
		}
		t.hanging(note, "    ")
	}
	if hint != "" {
		t.line(t.padLeft(hint, t.width-1))
	}
}

// note returns the mark of a footnote.
func (t *text) note(s string) string {
	i := slices.Index(t.notes, s)
	if i < 0 {
		i = len(t.notes)
		t.notes = append(t.notes, s)
	}
	return fmt.Sprintf(" (%d)", i+1)
}

// name returns what the scenario calls a connection: the name that is
// expected something of, else one of its connections, else the step's.
func name(run Run, c *timeline.Connection) string {
	var names []string
	for _, x := range run.Scenario.Expect.Connections {
		names = append(names, x.Name)
	}
	for _, x := range run.Scenario.Connections {
		names = append(names, x.Name)
	}
	for _, s := range run.Timeline.Steps {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	for _, n := range names {
		if check.Connection(run.Timeline, run.Scenario, n) == c {
			return clean(n)
		}
	}
	return fmt.Sprintf("#%d", c.Ordinal)
}

// verb returns the verb of the step that opened a connection.
func verb(run Run, c *timeline.Connection) string {
	for _, s := range run.Scenario.Steps {
		if s.Index == c.Step && c.Step != 0 {
			return s.Verb
		}
	}
	return ""
}

// isData reports whether a connection was opened on behalf of another: by a
// step of an FTP session that is there already, or by a program and to no
// server of the scenario.
func isData(run Run, c *timeline.Connection) bool {
	v := verb(run, c)
	switch {
	case strings.HasPrefix(v, "ftp."):
		return !strings.HasSuffix(v, ".connect")
	case v == "exec":
		for _, s := range run.Timeline.Header.Services {
			if s.Node == c.Acceptor.Node && s.Port == int(c.Acceptor.Flow.Local.Port()) {
				return false
			}
		}
		return true
	}
	return false
}

// route writes "client:41822 -> server:21", with the addresses behind which
// middleboxes hide one of them: "(nat: router:41822)".
func (t *text) route(c *timeline.Connection) string {
	end := func(e *timeline.Endpoint) string {
		host := e.Node
		if host == "" && e.Flow.Local.IsValid() {
			return clean(e.Flow.Local.String())
		}
		return fmt.Sprintf("%s:%d", t.cut(clean(host), 24), e.Flow.Local.Port())
	}
	route := end(c.Opener) + " -> " + end(c.Acceptor)
	var at []string
	for _, tr := range c.Translations {
		if tr.After.Local != tr.Before.Local {
			at = append(at, fmt.Sprintf("%s:%d", t.cut(clean(tr.Node), 24), tr.After.Local.Port()))
		}
		if tr.After.Remote != tr.Before.Remote {
			at = append(at, fmt.Sprintf("%s:%d", t.cut(clean(tr.Node), 24), tr.Before.Remote.Port()))
		}
	}
	if len(at) > 0 {
		route += " " + t.say(words.ReportTranslated, strings.Join(at, ", "))
	}
	return route
}

// ladder draws one connection.
func (t *text) ladder(run Run, c *timeline.Connection, first bool) {
	head := name(run, c) + "  " + t.route(c)
	if first {
		legend := t.say(words.ReportWhoSaw, t.legend(run.Timeline.Header))
		if t.wide(head)+t.wide(legend)+2 <= t.width-1 {
			head = t.right(head, legend, t.width-1, 2)
		} else {
			t.line(head)
			head = t.padLeft(legend, t.width-1)
		}
	}
	t.line(head)
	rows := t.rows(run, c)
	if len(c.Segments) == 0 {
		t.line("          " + t.say(words.ReportUncaptured))
	}
	seg := segmentCells + max(0, t.width-80)
	t.line(t.row(seg, row{time: "ms", left: t.cut(t.endName(c, c.Opener), 17), number: t.say(words.ReportFrame),
		segment: t.say(words.ReportSegment), right: t.cut(t.endName(c, c.Acceptor), 22)}))
	for _, r := range rows {
		if r.elided != "" {
			t.line("          " + r.elided)
			continue
		}
		t.line(t.row(seg, r))
	}
	t.objects(run, c)
	t.closing(run, c)
}

func (t *text) endName(c *timeline.Connection, e *timeline.Endpoint) string {
	return clean(check.EndName(c, e))
}

// A row is one line of a ladder.
type row struct {
	time             string
	left, leftSeen   string
	number, segment  string
	right, rightSeen string
	elided           string // instead of all else
}

// row lays out a line of a ladder.
func (t *text) row(seg int, r row) string {
	left := t.pad(r.left, 13) + r.leftSeen
	// A footnote's mark takes the room that a small number leaves.
	number := t.padLeft(r.number, max(23-t.wide(left), 1+t.wide(r.number)))
	return t.padLeft(r.time, 8) + "  " + left + number + "  " + t.pad(r.segment, seg) + "   " + t.pad(r.right, 13) + r.rightSeen
}

// legend lists who could see states, with the letters of the ladder.
func (t *text) legend(h probes.Header) string {
	var parts []string
	for _, x := range letters {
		for _, p := range h.Probes {
			if p.Source == x.source && !p.Missing() {
				label := string(x.source)
				if x.source == probes.Wire {
					label = t.say(words.ReportModel)
				}
				parts = append(parts, x.letter+" "+label)
			}
		}
	}
	return strings.Join(parts, " ")
}

// letters are the marks of who saw a state, in the order of printing. M is
// the model, which the wire and the calls feed.
var letters = []struct {
	letter string
	source probes.Source
}{{"B", probes.BPF}, {"D", probes.SockDiag}, {"S", probes.SS}, {"M", probes.Wire}}

// seen writes the letters of those who witnessed a visit.
func seen(v *timeline.Visit) string { return letterText(v.Witnesses) }

// letterText writes the letters of witnesses.
func letterText(list []timeline.Witness) string {
	var b strings.Builder
	for _, x := range letters {
		for _, w := range list {
			if w.Source == x.source || x.source == probes.Wire && w.Source.Class() == probes.Model {
				b.WriteString(x.letter)
				break
			}
		}
	}
	return b.String()
}

// connectionLine tells a connection in one line.
func (t *text) connectionLine(run Run, c *timeline.Connection) {
	s := name(run, c) + "  " + t.route(c) + "  "
	if v := t.errand(run, c); v != "" {
		s += v + t.say(words.ReportColon)
	}
	lines := t.wrap(s+t.ending(c), t.width)
	for i, l := range lines {
		if i > 0 {
			l = "      " + strings.TrimLeft(l, " ")
		}
		t.line(l)
	}
}

// errand says what a data connection was for: "RETR, 6 bytes".
func (t *text) errand(run Run, c *timeline.Connection) string {
	v := verb(run, c)
	if v == "" {
		return ""
	}
	what := v
	if cmd, ok := commands[v]; ok {
		what = cmd
	}
	bytes := int64(0)
	for _, s := range c.Segments {
		if !s.Retransmission && !s.Teardown {
			bytes += int64(s.Len)
		}
	}
	return clean(what) + t.say(words.ReportComma) + t.say(words.ReportBytes, bytes)
}

// commands are the FTP commands behind the verbs that open data connections,
// RFC 959 section 4.1.
var commands = map[string]string{
	"ftp.retrieve": "RETR", "ftp.store": "STOR", "ftp.append": "APPE", "ftp.list": "LIST",
}

// ending says how a connection ended.
func (t *text) ending(c *timeline.Connection) string {
	frames := check.Frames(c)
	comma := t.say(words.ReportComma)
	closing := check.Closing(frames)
	var numbers []int
	for _, f := range closing {
		numbers = append(numbers, f.Frame)
	}
	number, reset := gateReset(frames)
	switch {
	case len(c.Segments) == 0:
		return t.say(words.ReportUncaptured)
	case len(closing) == 0 && reset:
		return t.say(words.ReportGateReset) + comma + t.say(words.ReportOneFrame, number)
	case len(closing) == 0 && !answered(frames):
		return t.say(words.ReportUnanswered)
	case len(closing) == 0:
		return t.say(words.ReportOpen)
	case closing[0].Word == scenarios.WordRST && !answered(frames[:max(1, len(frames)-1)]):
		return t.say(words.ReportRefusal, t.sender(c, closing[0])) + comma + t.frames(numbers)
	case closing[0].Word == scenarios.WordRST:
		return t.say(words.ReportRST, t.sender(c, closing[0])) + comma + t.frames(numbers)
	}
	s := t.say(words.ReportFIN, t.endName(c, closing[0].End)) + comma
	for _, f := range closing {
		if f.Word == scenarios.WordRST {
			s += t.say(words.ReportRST, t.sender(c, f)) + comma
			break
		}
	}
	return s + t.frames(numbers)
}

// sender names who sent a frame: an end, or who did it in that one's name.
func (t *text) sender(c *timeline.Connection, f check.Frame) string {
	if f.Forged {
		return clean(f.From)
	}
	return t.endName(c, f.End)
}

// answered reports whether the acceptor ever sent anything but RST.
func answered(frames []check.Frame) bool {
	for _, f := range frames {
		if !f.Opener && f.Word != scenarios.WordRST && !f.Injected {
			return true
		}
	}
	return false
}
