package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"netlab/scenarios/words"
)

// text gathers the lines of a report.
type text struct {
	lang  words.Lang
	width int
	full  bool
	times bool
	color bool
	cells *runewidth.Condition
	lines []string
	notes []string // footnotes, in order; the number is the index plus 1
	more  bool     // something was left out that --full shows
}

func newText(opts Options) *text {
	t := &text{lang: opts.Lang, width: opts.Width, full: opts.Full, times: opts.Full || opts.Times, color: opts.Color}
	if t.lang == "" {
		t.lang = words.English
	}
	t.width = max(t.width, 80) // the ladder needs that much
	// In Chinese terminals, characters of ambiguous width take two cells.
	t.cells = &runewidth.Condition{EastAsianWidth: t.lang == words.Chinese, StrictEmojiNeutral: true}
	return t
}

// line adds a line. Nothing that is not text gets past it.
func (t *text) line(s string) { t.lines = append(t.lines, strings.TrimRight(clean(s), " ")) }

// colours of outcomes, ECMA-48 section 8.3.117.
const (
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// marked adds a line whose head is coloured where colours are wanted.
func (t *text) marked(colour, head, rest string) {
	head, rest = clean(head), strings.TrimRight(clean(rest), " ")
	if t.color && colour != "" {
		head = colour + head + plain
	}
	t.lines = append(t.lines, head+rest)
}

func (t *text) write(w io.Writer) error {
	if _, err := io.WriteString(w, strings.Join(t.lines, "\n")+"\n"); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// Clean makes untrusted text harmless for a terminal: what is not printable,
// line ends included, is written as an escape.
func Clean(s string) string { return clean(s) }

// clean makes untrusted text harmless: what is not printable is written as
// an escape.
func clean(s string) string {
	if !strings.ContainsFunc(s, harmful) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case harmful(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case harmful(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// harmful reports whether a character does something to a terminal instead
// of being shown: controls (C0, C1), formats (bidirectional marks, zero-width
// characters), line and paragraph separators.
func harmful(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}

// wide returns the number of cells that s takes.
func (t *text) wide(s string) int { return t.cells.StringWidth(s) }

// pad fills s with spaces up to n cells.
func (t *text) pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-t.wide(s)))
}

// padLeft fills s with spaces in front.
func (t *text) padLeft(s string, n int) string {
	return strings.Repeat(" ", max(0, n-t.wide(s))) + s
}

// cut shortens s to n cells.
func (t *text) cut(s string, n int) string {
	if t.wide(s) <= n {
		return s
	}
	return t.cells.Truncate(s, n, "..")
}

// right puts tail at the right of head, ending in column end, at least gap
// cells apart; head is shortened if they do not fit.
func (t *text) right(head, tail string, end, gap int) string {
	head = t.cut(head, max(end-gap-t.wide(tail), 10))
	return t.pad(head, end-t.wide(tail)) + tail
}

// wrap breaks s into lines of at most n cells, at spaces; Chinese text may
// break anywhere.
func (t *text) wrap(s string, n int) []string {
	s = bind(s)
	var lines []string
	var line, word string
	flush := func() {
		if t.wide(line)+t.wide(word) > n && line != "" {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
			word = strings.TrimLeft(word, " ")
		}
		line += word
		word = ""
	}
	for _, r := range s {
		if r == ' ' || t.cells.RuneWidth(r) == 2 && !strings.ContainsRune(noBreak, r) {
			flush()
		}
		word += string(r)
		if t.wide(word) >= n {
			flush()
		}
	}
	flush()
	if line != "" || len(lines) == 0 {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "\u00a0", " ")
	}
	return lines
}

// bind keeps the elements of a pattern together, "S DATA |", with spaces
// that do not break.
func bind(s string) string {
	parts := strings.Split(s, " | ")
	if len(parts) == 1 {
		return s
	}
	for i, p := range parts {
		if t := strings.TrimLeft(p, " "); len(t) < 40 {
			parts[i] = p[:len(p)-len(t)] + strings.ReplaceAll(t, " ", "\u00a0")
		}
	}
	return strings.Join(parts, "\u00a0| ")
}

// noBreak lists characters that do not begin a line.
const noBreak = "，。；：、！？）”’》…"

// wrapped adds head and s, continued below s.
func (t *text) wrapped(head, s string) {
	indent := strings.Repeat(" ", t.wide(head))
	for i, l := range t.wrap(s, t.width-1-t.wide(head)) {
		if i > 0 {
			head = indent
		}
		t.line(head + l)
	}
}

// ranges writes ascending numbers shortly: 1-3, 7.
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		k := i
		for k+1 < len(numbers) && numbers[k+1] == numbers[k]+1 {
			k++
		}
		if k > i {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[k]))
		} else {
			parts = append(parts, fmt.Sprint(numbers[i]))
		}
		i = k + 1
	}
	if len(parts) > 4 {
		parts = []string{parts[0], parts[1], "..", parts[len(parts)-1]}
	}
	return strings.Join(parts, ", ")
}

// frames names frames.
func (t *text) frames(numbers []int) string {
	if len(numbers) == 1 {
		return t.say(words.ReportOneFrame, numbers[0])
	}
	return t.say(words.ReportFrames, ranges(numbers))
}
