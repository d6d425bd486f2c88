package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"netlab/lab/plan"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// An Explanation is what there is to say of a scenario before it is run.
type Explanation struct {
	Name      string // that it is run by: of a set, with the set
	Scenario  *scenarios.Scenario
	Plan      *plan.Plan
	Sentences []scenarios.Sentence // of the course
	Answer    bool                 // tells what is found
}

// Explain writes what a scenario puts to the test, its lab and what is done
// there; what comes of it only if that is wanted: who learns by it is to
// guess first.
func Explain(w io.Writer, x Explanation, opts Options) error {
	t := newText(opts)
	sc := x.Scenario
	t.line(t.cut(clean(x.Name)+"  "+clean(sc.Title.In(t.lang)), t.width-1))
	t.line("")
	t.claim(x)
	run := Run{Scenario: sc, Plan: x.Plan}
	t.labLines(run)
	t.settings(x.Plan)
	t.line("")
	t.deeds(sc)
	t.variants(x)
	if x.Answer {
		t.answer(sc)
	} else {
		t.line("")
		t.hanging(t.say(words.ExplainGuess, x.Name), "")
	}
	return t.write(w)
}

// claim writes the sentences of the course that the scenario is about, and
// its own claim where it is another.
func (t *text) claim(x Explanation) {
	claim := prose(x.Scenario.Claim.In(t.lang))
	for _, s := range x.Sentences {
		said := prose(s.Text.In(t.lang))
		t.hanging(t.say(words.ExplainTaught, s.Name, said), "  ")
		if said == claim {
			claim = ""
		}
	}
	if claim != "" {
		t.hanging(t.say(words.ExplainClaim, claim), "  ")
	}
	t.line("")
}

// prose makes one line of a text for people. Where lines of Chinese were
// joined, no space is left between them.
func prose(s string) string {
	var b strings.Builder
	for _, word := range strings.Fields(s) {
		last, _ := utf8.DecodeLastRuneInString(b.String())
		first, _ := utf8.DecodeRuneInString(word)
		glued := runewidth.RuneWidth(last) == 2 && (runewidth.RuneWidth(first) == 2 || unicode.IsPunct(last))
		if b.Len() > 0 && !glued {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return clean(b.String())
}

// deeds writes what is done, one step a line.
func (t *text) deeds(sc *scenarios.Scenario) {
	if len(sc.Steps) == 0 {
		return
	}
	t.line(t.say(words.ExplainSteps))
	verbs := 0
	for i := range sc.Steps {
		verbs = max(verbs, t.wide(sc.Steps[i].Verb))
	}
	for i := range sc.Steps {
		s := &sc.Steps[i]
		var list []string
		if c := s.Common(); c != nil && c.As != "" {
			list = append(list, t.say(words.ExplainNamed, c.As))
		}
		for _, a := range s.Arguments() {
			list = append(list, a.Key+"="+t.cut(clean(a.Value), 60))
		}
		t.wrapped(fmt.Sprintf("  %2d  %s  ", i+1, t.pad(s.Verb, verbs)), strings.Join(list, " "))
	}
}

// variants names them; their notes tell what becomes of them.
func (t *text) variants(x Explanation) {
	entry := func(name string, note scenarios.Text) {
		if x.Answer && note.In(t.lang) != "" {
			t.hanging("  "+t.say(words.ReportVariant, name, prose(note.In(t.lang))), "    ")
		} else {
			t.line("  " + clean(name))
		}
	}
	if len(x.Scenario.Variants) > 0 {
		t.line("")
		t.line(t.say(words.ExplainVariants, x.Name))
		for _, v := range x.Scenario.Variants {
			entry(v.Name, v.Note)
		}
	}
	if len(x.Scenario.Mutations) > 0 && x.Answer {
		t.line("")
		t.line(t.say(words.ExplainMutations, x.Name))
		for _, m := range x.Scenario.Mutations {
			entry(m.Name, m.Note)
			t.hanging("    "+t.say(words.ExplainFails, strings.Join(m.Fails, t.say(words.ReportListComma))), "      ")
		}
	}
}

// answer writes what is found, and why.
func (t *text) answer(sc *scenarios.Scenario) {
	t.line("")
	if id, ok := findings()[sc.Finding]; ok {
		t.line(t.say(words.ReportSentence, t.say(id)))
	}
	if reason := prose(sc.Reason.In(t.lang)); reason != "" {
		t.hanging(reason, "")
	}
	if len(sc.References) > 0 {
		t.line(t.say(words.ExplainReferences))
		for _, ref := range sc.References {
			t.line("  " + clean(ref))
		}
	}
}

// A Listed is a scenario in a list.
type Listed struct{ Name, Title string }

// List writes a line for each scenario; for a terminal, titles are broken
// where the line ends.
func List(w io.Writer, list []Listed, opts Options, terminal bool) error {
	t := newText(opts)
	cells := 0
	for _, l := range list {
		cells = max(cells, t.wide(l.Name))
	}
	for _, l := range list {
		head := t.pad(clean(l.Name), cells) + "  "
		if terminal {
			t.wrapped(head, clean(l.Title))
		} else {
			t.line(head + clean(l.Title))
		}
	}
	return t.write(w)
}
