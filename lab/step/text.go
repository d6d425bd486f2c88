package step

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"netlab/lab/report"
	"netlab/scenarios/words"
)

// A pen writes texts in the reader's language, measured in cells.
type pen struct {
	lang   words.Lang
	cells  *runewidth.Condition
	stable bool // leave out what differs from run to run
}

func newPen(o Options, stable bool) pen {
	p := pen{lang: o.Lang, stable: stable}
	if p.lang == "" {
		p.lang = words.English
	}
	// Characters of ambiguous width are none of ours (see plainly): so every
	// terminal agrees with what is measured here.
	p.cells = &runewidth.Condition{StrictEmojiNeutral: true}
	return p
}

// say returns a text of the catalogue. What its arguments bring is escaped.
func (p pen) say(id words.ID, args ...any) string {
	return report.Clean(words.M(id, args...).In(p.lang))
}

func (p pen) wide(s string) int { return p.cells.StringWidth(s) }

// pad fills s with spaces up to n cells.
func (p pen) pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-p.wide(s))) }

func (p pen) padLeft(s string, n int) string { return strings.Repeat(" ", max(0, n-p.wide(s))) + s }

// cut shortens s to n cells.
func (p pen) cut(s string, n int) string {
	switch {
	case p.wide(s) <= n:
		return s
	case n < 3:
		return p.cells.Truncate(s, max(n, 0), "")
	}
	return p.cells.Truncate(s, n, "..")
}

// fit makes s exactly n cells wide.
func (p pen) fit(s string, n int) string { return p.pad(p.cut(s, n), n) }

// wrap breaks s at spaces, and between Chinese characters, into lines of at
// most n cells.
func (p pen) wrap(s string, n int) []string {
	n = max(n, 2)
	var lines []string
	line, word := "", ""
	flush := func() {
		if line != "" && p.wide(line)+p.wide(word) > n {
			lines = append(lines, strings.TrimRight(line, " "))
			line, word = "", strings.TrimLeft(word, " ")
		}
		line, word = line+word, ""
	}
	for _, r := range s {
		wide := p.cells.RuneWidth(r) == 2 && !strings.ContainsRune(noBreak, r)
		if r == ' ' || wide || p.wide(word)+2 > n {
			flush()
		}
		word += string(r)
	}
	flush()
	return append(lines, strings.TrimRight(line, " "))
}

// noBreak lists characters that do not begin a line.
const noBreak = "，。；：、！？）》"

// ambiguous are the characters of our catalogue and of titles that take one
// cell in some terminals and two in others, with what stands for them.
var ambiguous = strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'", "…", "...", "—", "-", "–", "-", "·", ".", "×", "x", "→", "->", "←", "<-")

// plainly makes foreign text fit for one line of the screen.
func plainly(s string) string { return ambiguous.Replace(report.Clean(s)) }

// firstLine returns the first line of a payload, quoted as Go quotes, and
// whether there is more.
func firstLine(payload []byte, limit int) (text string, more bool) {
	b := payload
	if i := strings.IndexByte(string(b), '\n'); i >= 0 {
		b = b[:i+1]
	}
	if len(b) > limit {
		b = b[:limit]
		for len(b) > 0 && len(b) > limit-utf8.UTFMax && !utf8.Valid(b) { // do not cut a character
			b = b[:len(b)-1]
		}
		if len(b) <= limit-utf8.UTFMax { // it is no text at all
			b = payload[:limit]
		}
	}
	return strconv.Quote(string(b)), len(b) < len(payload)
}
