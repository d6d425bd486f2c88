package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"netlab/lab/plan"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

const maxLinks = 6 // shown before the rest is counted

// header writes what was run: the title, the lab, the settings, and under
// which conditions frames went. runs is the
// number of runs where several are reported together.
func (t *text) header(run Run, runs int) {
	sc := run.Scenario
	tag := t.cut(clean(run.Variant), 32)
	if len(sc.MustFail) > 0 {
		tag = t.say(words.ReportMutation, tag)
	}
	tag = "[" + tag + "]"
	if runs > 0 {
		tag += "  " + t.say(words.ReportRuns, runs)
	}
	head := clean(sc.Name)
	if title := clean(sc.Title.In(t.lang)); title != "" {
		head += "  " + title
	}
	t.line(t.right(head, tag, t.width-3, 2))
	if run.Plan != nil {
		t.labLines(run)
	}
	t.settings(run.Plan)
	t.conditions(run, runs == 0)
}

// labLines draws one line for each link.
func (t *text) labLines(run Run) {
	up := ""
	if run.UpTime > 0 {
		up = t.say(words.ReportUpIn, duration(run.UpTime))
	}
	told := map[string]bool{} // nodes whose servers were named
	head := "lab  "
	for i, l := range run.Plan.Links {
		if i == maxLinks && len(run.Plan.Links) > maxLinks+1 {
			t.line(head + t.say(words.ReportMoreLinks, len(run.Plan.Links)-maxLinks))
			break
		}
		left, right := t.labEnd(run, l.Ends[0], told), t.labEnd(run, l.Ends[1], told)
		body := left.before() + " --- " + clean(l.Name) + " --- " + right.after()
		t.wrapped(head, body)
		if last := &t.lines[len(t.lines)-1]; up != "" && t.wide(*last)+t.wide(up)+2 <= t.width-3 {
			*last, up = t.right(*last, up, t.width-3, 2), ""
		}
		head = "     "
	}
	if len(run.Plan.Links) == 0 {
		var names []string
		for _, n := range run.Plan.Nodes {
			names = append(names, clean(n.Name)+servers(run, n.Name))
		}
		t.wrapped(head, strings.Join(names, ", "))
		head = "     "
	}
	if up != "" {
		t.line(t.right(head, up, t.width-3, 2))
	}
}

// labEnd is one end of a drawn link.
type labEnd struct{ name, address, servers string }

func (e labEnd) before() string { return join(e.name+e.servers, e.address) }
func (e labEnd) after() string  { return join(e.address, e.name+e.servers) }

func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

func (t *text) labEnd(run Run, e plan.End, told map[string]bool) labEnd {
	out := labEnd{name: t.cut(clean(e.Node), 30)}
	if a, ok := address(run, e.Addresses); ok {
		out.address = a.String()
	}
	if !told[e.Node] {
		told[e.Node] = true
		out.servers = servers(run, e.Node)
	}
	return out
}

// address chooses the address to show: one of the family that the first
// connection used.
func address(run Run, list []netip.Prefix) (netip.Addr, bool) {
	six := false
	if run.Timeline != nil && len(run.Timeline.Connections) > 0 {
		six = run.Timeline.Connections[0].Opener.Flow.Local.Addr().Is6()
	}
	for _, p := range list {
		if p.Addr().Is6() == six {
			return p.Addr(), true
		}
	}
	if len(list) > 0 {
		return list[0].Addr(), true
	}
	return netip.Addr{}, false
}

// servers names the servers of a node: " (ftpd :21)".
func servers(run Run, node string) string {
	var list []string
	for _, s := range run.Scenario.Servers {
		if s.Node == node {
			list = append(list, clean(s.Name)+port(s))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}

func port(s scenarios.Server) string {
	if s.Port() == 0 {
		return ""
	}
	return fmt.Sprintf(" :%d", s.Port())
}

// tells reports whether one of the settings is about a name.
func tells(list []plan.Setting, name string) bool {
	return slices.ContainsFunc(list, func(s plan.Setting) bool { return strings.HasPrefix(s.Name, name) })
}

// settings writes line 3: what differs from the defaults.
func (t *text) settings(p *plan.Plan) {
	if p == nil || len(p.Settings) == 0 {
		return
	}
	line, width := "set ", t.width-1
	for _, s := range p.Settings {
		item := " " + t.cut(clean(s.Name+"="+s.Value), width-8)
		if t.wide(line)+t.wide(item)+1 > width && strings.TrimSpace(line) != "set" && strings.TrimSpace(line) != "" {
			t.line(line)
			line = "    "
		}
		line += item + " "
	}
	t.line(line)
}
