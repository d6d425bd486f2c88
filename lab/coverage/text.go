package coverage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/scenarios/words"

	"github.com/mattn/go-runewidth"
)

// columns are the widths of the table's; the last takes what is left of wide.
var columns = [...]int{13, 23, 13, 6, 7}

const wide = 79

// A text gathers lines.
type text struct {
	lang  words.Lang
	cells *runewidth.Condition
	out   strings.Builder
}

// Text writes the report for people, at most 79 columns wide.
func (r *Report) Text(w io.Writer, lang words.Lang) error {
	t := &text{lang: lang, cells: &runewidth.Condition{EastAsianWidth: lang == words.Chinese, StrictEmojiNeutral: true}}
	taken := 0
	for i := range r.Rows {
		if r.Rows[i].Times > 0 {
			taken++
		}
	}
	t.wrapped("", t.say(words.CoverageHead, r.Runs, taken, len(r.Rows), r.Count(Confirmed)))
	h := strings.Split(t.say(words.CoverageColumns), "|")
	t.row(h[0], h[1], h[2], h[3], h[4], h[5], "")
	t.section(r, Confirmed, "")
	t.section(r, Alone, words.CoverageAlone)
	t.section(r, Weak, words.CoverageWeak)
	t.section(r, Missing, words.CoverageMissing)
	t.section(r, Unreachable, words.CoverageUnreachable)
	if len(r.Others) > 0 {
		t.line(t.say(words.CoverageOthers, len(r.Others)))
		for _, o := range r.Others {
			name, more := in(o.Runs)
			t.row(o.From.String(), t.event(o.Event), o.To.String(), fmt.Sprint(o.Times), "", name, more)
		}
	}
	if r.Disputed > 0 {
		t.wrapped("", t.say(words.CoverageDisputed, r.Disputed))
	}
	if r.Complete() {
		t.line(t.say(words.CoverageComplete))
	} else {
		t.line(t.say(words.CoverageIncomplete, r.Count(Missing)+r.Count(Weak)))
	}
	_, err := io.WriteString(w, t.out.String())
	return err
}

// section writes the rows that stand so, under a head if there are any.
func (t *text) section(r *Report, s Standing, head words.ID) {
	n := r.Count(s)
	if n == 0 {
		return
	}
	if head != "" {
		t.line(t.say(head, n))
	}
	why := ""
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Standing != s {
			continue
		}
		times := ""
		if row.Times > 0 {
			times = fmt.Sprint(row.Times)
		}
		name, more := in(row.Runs)
		t.row(row.From.String(), t.event(row.Event), row.To.String(), times, letters(row.Classes), name, more)
		if said := row.Why.In(t.lang); said != "" && said != why {
			t.wrapped("    ", said)
			why = said
		}
	}
}

// letters writes classes as K, D, M; one that only sampled or inferred in
// lower case, but for the model, which always infers.
func letters(classes []Class) string {
	var parts []string
	for _, c := range classes {
		letter := c.Class.String()
		if c.Best.Grade > probes.RecordedMini && c.Class != probes.Model {
			letter = strings.ToLower(letter)
		}
		parts = append(parts, letter)
	}
	return strings.Join(parts, " ")
}

func (t *text) event(e rfc9293.Event) string {
	return cmp.Or(string(e), t.say(words.CoverageUntold))
}

// in names the first run, and says how many more there are.
func in(runs []string) (name, more string) {
	switch len(runs) {
	case 0:
		return "", ""
	case 1:
		return clean(runs[0]), ""
	}
	return clean(runs[0]), fmt.Sprintf(" +%d", len(runs)-1)
}

// clean keeps control characters of names out of terminals.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return '?'
		}
		return c
	}, s)
}

func (t *text) say(id words.ID, args ...any) string { return words.M(id, args...).In(t.lang) }

func (t *text) line(s string) { t.out.WriteString(strings.TrimRight(s, " ") + "\n") }

// row writes cells under one another, two spaces in, and a name that is
// shortened where it does not fit, but for what follows it.
func (t *text) row(from, event, to, times, seen, name, more string) {
	var line strings.Builder
	line.WriteString("  ")
	for i, cell := range []string{from, event, to, times, seen} {
		line.WriteString(cell)
		line.WriteString(strings.Repeat(" ", max(columns[i]-t.cells.StringWidth(cell), 1)))
	}
	left := wide - t.cells.StringWidth(line.String()) - t.cells.StringWidth(more)
	t.line(line.String() + t.cells.Truncate(name, left, "..") + more)
}

// wrapped writes a text in as many lines as it takes. Chinese may break
// anywhere but before a sign that ends something.
func (t *text) wrapped(indent, s string) {
	line, word := "", ""
	flush := func() {
		if line != "" && t.cells.StringWidth(indent+line+strings.TrimRight(word, " ")) > wide {
			t.line(indent + line)
			line = ""
		}
		line, word = line+word, ""
	}
	for _, r := range s {
		if t.cells.RuneWidth(r) == 2 && !strings.ContainsRune("，。；：、）”", r) {
			flush()
		}
		word += string(r)
		if r == ' ' {
			flush()
		}
	}
	flush()
	t.line(indent + line)
}

// document is the report for programs.
type document struct {
	Format   int         `json:"netlab_coverage"` // 1; a change that breaks readers raises it
	Runs     int         `json:"runs"`
	Complete bool        `json:"complete"`           // every edge that can be reached is confirmed
	Disputed int         `json:"disputed,omitempty"` // endpoints whose observers contradict each other: left out
	Edges    []edgeJSON  `json:"edges"`
	Others   []otherJSON `json:"others,omitempty"`
}

type edgeJSON struct {
	From     probes.State   `json:"from"`
	Event    rfc9293.Event  `json:"event"`
	To       probes.State   `json:"to"`
	Section  string         `json:"section"`
	Note     int            `json:"note,omitempty"`
	Erratum  int            `json:"erratum,omitempty"`
	Drawn    bool           `json:"drawn"` // by figure 5
	Standing Standing       `json:"standing"`
	Times    int            `json:"times"`
	Runs     []string       `json:"runs,omitempty"`
	SeenBy   []classJSON    `json:"seen_by,omitempty"`
	Why      *words.Message `json:"why,omitempty"`
	Source   string         `json:"source,omitempty"` // of unreachable: file and function of Linux
}

type classJSON struct {
	Class  string        `json:"class"`
	Times  int           `json:"times"`
	Source probes.Source `json:"source"` // of the best witness
	Grade  probes.Grade  `json:"grade"`
}

type otherJSON struct {
	From  probes.State  `json:"from"`
	Event rfc9293.Event `json:"event,omitempty"`
	To    probes.State  `json:"to"`
	Times int           `json:"times"`
	Runs  []string      `json:"runs"`
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	d := document{Format: 1, Runs: r.Runs, Complete: r.Complete(), Disputed: r.Disputed}
	for i := range r.Rows {
		row := &r.Rows[i]
		e := edgeJSON{
			From: row.From, Event: row.Event, To: row.To, Section: row.Section, Note: row.Note, Erratum: row.Erratum, Drawn: row.Drawn,
			Standing: row.Standing, Times: row.Times, Runs: row.Runs, Source: row.Source,
		}
		for _, c := range row.Classes {
			e.SeenBy = append(e.SeenBy, classJSON{c.Class.String(), c.Times, c.Best.Source, c.Best.Grade})
		}
		if !row.Why.IsZero() {
			e.Why = &row.Why
		}
		d.Edges = append(d.Edges, e)
	}
	for _, o := range r.Others {
		d.Others = append(d.Others, otherJSON{o.From, o.Event, o.To, o.Times, o.Runs})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}
