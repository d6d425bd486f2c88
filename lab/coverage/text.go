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

// columns are the widths of the table's; the last takes what is left.
var columns = []int{14, 21, 14, 6, 8}

// A text gathers lines.
type text struct {
	lang  words.Lang
	cells *runewidth.Condition
	out   strings.Builder
}

// Text writes the report for people, 80 columns wide as far as names allow.
func (r *Report) Text(w io.Writer, lang words.Lang) error {
	t := &text{lang: lang, cells: &runewidth.Condition{EastAsianWidth: lang == words.Chinese, StrictEmojiNeutral: true}}
	taken := 0
	for i := range r.Rows {
		if r.Rows[i].Times > 0 {
			taken++
		}
	}
	t.line(t.say(words.CoverageHead, r.Runs, taken, len(r.Rows), r.Count(Confirmed)))
	t.row(strings.Split(t.say(words.CoverageColumns), "|")...)
	t.section(r, Confirmed, "")
	t.section(r, Alone, words.CoverageAlone)
	t.section(r, Weak, words.CoverageWeak)
	t.section(r, Missing, words.CoverageMissing)
	t.section(r, Unreachable, words.CoverageUnreachable)
	if len(r.Others) > 0 {
		t.line(t.say(words.CoverageOthers, len(r.Others)))
		for _, o := range r.Others {
			t.row(o.From.String(), t.event(o.Event), o.To.String(), fmt.Sprint(o.Times), "", t.in(o.Runs))
		}
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
		t.row(row.From.String(), t.event(row.Event), row.To.String(), times, letters(row.Classes), t.in(row.Runs))
		if said := row.Why.In(t.lang); said != "" && said != why {
			t.line("    " + said)
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
func (t *text) in(runs []string) string {
	switch len(runs) {
	case 0:
		return ""
	case 1:
		return clean(runs[0])
	}
	return t.say(words.CoverageRuns, clean(runs[0]), len(runs)-1)
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

// row writes cells under one another, two spaces in.
func (t *text) row(cells ...string) {
	var line strings.Builder
	line.WriteString("  ")
	for i, cell := range cells {
		line.WriteString(cell)
		if i < len(columns) {
			line.WriteString(strings.Repeat(" ", max(columns[i]-t.cells.StringWidth(cell), 1)))
		}
	}
	t.line(line.String())
}

// document is the report for programs.
type document struct {
	Format   int         `json:"netlab_coverage"` // 1; a change that breaks readers raises it
	Runs     int         `json:"runs"`
	Complete bool        `json:"complete"` // every edge that can be reached is confirmed
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
	d := document{Format: 1, Runs: r.Runs, Complete: r.Complete()}
	for i := range r.Rows {
		row := &r.Rows[i]
		e := edgeJSON{
			From: row.From, Event: row.Event, To: row.To, Section: row.Section, Note: row.Note, Erratum: row.Erratum, Drawn: row.Drawn,
			Standing: row.Standing, Times: row.Times, Runs: row.Runs,
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
