package report

import (
	"fmt"
	"slices"
	"strings"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/scenarios/words"
)

// tags mark outcomes, in every language.
var tags = map[check.Outcome]struct{ tag, colour string }{
	check.Pass:         {"  ok  ", green},
	check.Fail:         {"fail  ", red},
	check.Inconclusive: {"  ??  ", yellow},
	check.Error:        {" err  ", red},
}

// verdicts writes a line for each verdict, and why the open ones are open.
func (t *text) verdicts(run Run) {
	var names []string
	for _, v := range run.Judgement.Verdicts {
		names = append(names, v.Name)
	}
	nameCells := t.nameCells(names)
	var zero probes.Mono
	if run.Timeline != nil {
		zero = start(run.Timeline)
	}
	for i := range run.Judgement.Verdicts {
		t.verdict(&run.Judgement.Verdicts[i], nameCells, zero)
	}
	t.unsettled(run)
	t.openVerdicts(run.Judgement)
}

// verdict writes the line of one verdict and, if it failed, what was wanted
// and where it first differs.
func (t *text) verdict(v *check.Verdict, nameCells int, zero probes.Mono) {
	got := t.got(v)
	if v.Kind == check.MutationKind && v.Outcome == check.Pass {
		got += " (" + clean(v.Want) + ")"
	}
	if v.Outcome == check.Fail {
		got = t.pad(t.say(words.ReportGot), 5) + clean(v.Got)
	}
	walk := len(v.Moments) >= walkMoments && v.Outcome == check.Pass && v.Kind == check.OrderKind
	if walk {
		got = t.say(words.ReportMoments, len(v.Moments))
	}
	t.verdictLine(v.Outcome, v.Name, nameCells, got, t.evidence(v), isPattern(v))
	if walk {
		t.walk(v, zero)
	}
	if v.Outcome == check.Fail {
		indent := strings.Repeat(" ", 6+nameCells)
		t.wrapped(indent+t.pad(t.say(words.ReportWant), 5), clean(v.Want))
		if v.Reason != nil {
			t.wrapped(indent, t.inMessage(*v.Reason))
		}
	}
}

// walkMoments is from how many moments on an order is a walk, each step of
// which is told with its time.
const walkMoments = 5

// walk writes when each moment of an order was, in milliseconds as the ladder
// counts them, and how long after the one before.
func (t *text) walk(v *check.Verdict, zero probes.Mono) {
	for i, m := range v.Moments {
		after := ""
		if i > 0 {
			after = "+" + ms(m.At, v.Moments[i-1].At)
		}
		t.line(fmt.Sprintf("      %10s %10s  %s", ms(m.At, zero), after, clean(m.Moment)))
	}
}

// verdictLine writes the mark, the name, what was seen and the evidence. A
// long name has a line of its own.
func (t *text) verdictLine(o check.Outcome, name string, nameCells int, got, evidence string, atEdge bool) {
	mark := tags[o]
	name = t.cut(clean(name), t.width-7)
	if t.wide(name) > nameCells-2 {
		t.marked(mark.colour, mark.tag, name)
		for _, l := range t.withEvidence(t.pad("", 6+nameCells), got, evidence, atEdge) {
			t.line(l)
		}
		return
	}
	body := t.withEvidence("      "+t.pad(name, nameCells), got, evidence, atEdge)
	t.marked(mark.colour, mark.tag, strings.TrimPrefix(body[0], "      "))
	for _, l := range body[1:] {
		t.line(l)
	}
}

// nameCells returns the width of the column of names.
func (t *text) nameCells(names []string) int {
	cells := 23
	for _, n := range names {
		cells = max(cells, min(t.wide(clean(n))+2, 34))
	}
	return cells
}

func isPattern(v *check.Verdict) bool {
	return v.Kind == check.OpeningKind || v.Kind == check.ClosingKind
}

// withEvidence lays out head, got and evidence. Evidence stands in a column
// of its own, or at the right edge if got is long; on a line of its own if
// there is no room.
func (t *text) withEvidence(head, got, evidence string, atEdge bool) []string {
	const column = 23 // cells from got to the evidence
	at, edge := t.wide(head), t.width-1
	gotLines := t.wrap(got, max(edge-at, 20))
	lines := []string{head + gotLines[0]}
	for _, l := range gotLines[1:] {
		lines = append(lines, strings.Repeat(" ", at)+l)
	}
	last := &lines[len(lines)-1]
	switch {
	case evidence == "":
	case !atEdge && len(gotLines) == 1 && t.wide(got) <= column-2 && at+column+t.wide(evidence) <= edge:
		*last = t.pad(*last, at+column) + evidence
	case t.wide(*last)+2+t.wide(evidence) <= edge:
		*last = t.pad(*last, edge-t.wide(evidence)) + evidence
	default:
		for _, l := range t.wrap(evidence, edge-at) {
			lines = append(lines, t.padLeft(l, edge))
		}
	}
	return lines
}

// got writes what was seen. A path of states that is as wanted is counted.
func (t *text) got(v *check.Verdict) string {
	if v.Kind != check.StatesKind || len(v.SeenBy) == 0 {
		return clean(v.Got)
	}
	of, observed := v.SeenBy[0].Of, 0
	for _, s := range v.SeenBy {
		if s.Grade != probes.Inferred {
			observed = max(observed, s.Count)
		}
	}
	switch {
	case v.Outcome == check.Pass:
		return t.say(words.ReportOf, of, of)
	case v.Outcome == check.Inconclusive && v.Got == v.Want:
		return t.say(words.ReportObserved, observed, of)
	}
	return clean(v.Got)
}

// evidence says what a verdict rests on.
func (t *text) evidence(v *check.Verdict) string {
	var parts []string
	switch v.Kind {
	case check.StatesKind:
		for _, s := range v.SeenBy {
			if s.Source != probes.SS || len(v.SeenBy) == 1 {
				parts = append(parts, fmt.Sprintf("%s %d", t.source(s), s.Count))
			}
		}
	case check.TimeWaitKind:
		parts = t.eventsOf(v, nil)
	case check.ResetsKind, check.RetransmissionsKind:
		if len(v.Evidence.Frames) > 0 {
			parts = append(parts, t.frames(v.Evidence.Frames))
			for _, s := range v.SeenBy {
				if s.Source == probes.Gate {
					parts = append(parts, t.say(words.ReportInjectedCount, s.Count))
				}
			}
			break
		}
		for _, s := range v.SeenBy {
			if s.Source == probes.Wire && s.Count == s.Of && s.Of == 2 {
				parts = append(parts, t.say(words.ReportBothEnds))
			} else {
				parts = append(parts, t.source(s))
			}
		}
	default:
		if len(v.Evidence.Frames) > 0 {
			parts = append(parts, t.frames(v.Evidence.Frames))
		}
		parts = t.eventsOf(v, parts)
		if len(parts) == 0 {
			for _, s := range v.SeenBy {
				parts = append(parts, t.source(s))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// eventsOf appends the first event of each source; ss(8) repeats what
// sockdiag says.
func (t *text) eventsOf(v *check.Verdict, parts []string) []string {
	var told []probes.Source
	for _, s := range v.SeenBy {
		if s.Event == 0 || slices.Contains(told, s.Source) || s.Source == probes.SS && slices.Contains(told, probes.SockDiag) {
			continue
		}
		told = append(told, s.Source)
		if s.Source == probes.Lab {
			parts = append(parts, fmt.Sprintf("e%d", s.Event))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s e%d", t.source(s), s.Event))
	}
	return parts
}

// source names who saw something: what was inferred is the model's.
func (t *text) source(s check.Seen) string {
	if s.Grade == probes.Inferred {
		return t.say(words.ReportModel)
	}
	return clean(string(s.Source))
}

// openVerdicts says why verdicts are inconclusive, each cause once, and what
// would settle them.
func (t *text) openVerdicts(j *check.Judgement) {
	type group struct {
		heads []string
		cause string
	}
	var groups []*group
	var remedies []string
	for _, v := range j.Verdicts {
		if v.Outcome != check.Inconclusive && v.Outcome != check.Error || v.Reason == nil {
			continue
		}
		head, cause := t.cause(*v.Reason)
		i := slices.IndexFunc(groups, func(g *group) bool { return g.cause == cause })
		if i < 0 {
			groups, i = append(groups, &group{cause: cause}), len(groups)
		}
		if head == "" {
			head = clean(v.Name)
		} else {
			head = clean(v.Name) + t.say(words.ReportColon) + head
		}
		groups[i].heads = append(groups[i].heads, head)
		if v.Remedy != nil {
			if r := t.inMessage(*v.Remedy); !slices.Contains(remedies, r) {
				remedies = append(remedies, r)
			}
		}
	}
	for _, g := range groups {
		for i, h := range g.heads {
			if i == len(g.heads)-1 {
				h += strings.TrimRight(t.say(words.ReportColon), " ")
			}
			t.hanging(t.say(words.ReportOpenVerdict, h), "  ")
		}
		t.hanging("  "+g.cause, "  ")
	}
	if j.Problem != nil && len(groups) == 0 {
		t.hanging(t.say(words.ReportOpenVerdict, t.inMessage(*j.Problem)), "  ")
		groups = append(groups, nil)
	}
	if len(groups) == 0 {
		return
	}
	switch n := wirePasses(j); n {
	case 0:
	case 1:
		t.line("  " + t.say(words.ReportWirePass))
	default:
		t.line("  " + t.say(words.ReportWirePasses, n))
	}
	for _, r := range remedies {
		t.hanging("  "+t.say(words.ReportFix, r), "       ")
	}
}

// cause splits a reason into what was not seen and why: the why is said once
// for all verdicts that share it.
func (t *text) cause(m words.Message) (head, cause string) {
	switch m.ID {
	case words.CheckNotObservable, words.CheckNotObservables:
		if len(m.Args) == 2 {
			if why, ok := m.Args[1].(words.Message); ok {
				whole, why := t.inMessage(m), t.inMessage(why)
				return strings.TrimRight(strings.TrimSuffix(whole, why), ": ："), why
			}
		}
	}
	return "", t.inMessage(m)
}

// hanging adds s, wrapped, with what follows indented.
func (t *text) hanging(s, indent string) {
	if t.wide(s) <= t.width-1 {
		t.line(s)
		return
	}
	for i, l := range t.wrap(s, t.width-1-len(indent)) {
		if i > 0 {
			l = indent + strings.TrimLeft(l, " ")
		}
		t.line(l)
	}
}

// wirePasses counts the verdicts that pass on what the wire recorded.
func wirePasses(j *check.Judgement) int {
	n := 0
	for _, v := range j.Verdicts {
		for _, s := range v.SeenBy {
			if v.Outcome == check.Pass && s.Source == probes.Wire && s.Grade == probes.Recorded {
				n++
				break
			}
		}
	}
	return n
}
