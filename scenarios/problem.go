package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"netlab/scenarios/words"
)

// Errors is everything that is wrong with a scenario file. [Parse] returns no
// other error.
type Errors struct {
	File     string
	Problems []Problem // in the order of the file
	More     int       // problems beyond those listed
}

// A Problem is one thing that is wrong with a scenario file.
type Problem struct {
	Pos        Pos
	Path       string        // steps[3].ftp.quit.clsoe, counted from 0; "" for the file as a whole
	Variant    string        // where only this variant's patch makes the file wrong
	Message    words.Message // what is wrong
	Allowed    []string      // what could stand there instead
	DidYouMean string        // the nearest of Allowed, if one is near

	near string // what DidYouMean is to resemble
}

// What is listed and printed of very wrong files.
const (
	maxProblems   = 1000 // kept
	maxShown      = 50   // printed
	maxAllowed    = 30   // printed of one list
	maxCandidates = 500  // compared for did you mean
)

// Count returns how many errors there are.
func (e *Errors) Count() int { return len(e.Problems) + e.More }

// Error returns the text in English, without a final line break.
func (e *Errors) Error() string { return e.In(words.English) }

// In returns the text in a language: a line for each problem, and below it
// what was allowed and what may have been meant.
func (e *Errors) In(lang words.Lang) string {
	var b strings.Builder
	shown := min(len(e.Problems), maxShown)
	for i, p := range e.Problems[:shown] {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.In(lang))
	}
	if more := e.Count() - shown; more > 0 {
		b.WriteString("\n  " + words.M(words.FileMoreErrors, more).In(lang))
	}
	return b.String()
}

// In returns the problem's text in a language, one to three lines.
func (p Problem) In(lang words.Lang) string {
	var b strings.Builder
	b.WriteString(p.Pos.String() + ": ")
	if p.Variant != "" {
		b.WriteString(words.M(words.FileInVariant, plainWord(p.Variant)).In(lang) + ": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message.In(lang))
	if n := len(p.Allowed); n > maxAllowed {
		b.WriteString("\n  " + words.M(words.FileAllowedMore, wordList(p.Allowed[:maxAllowed]), n-maxAllowed).In(lang))
	} else if n > 0 {
		b.WriteString("\n  " + words.M(words.FileAllowed, wordList(p.Allowed)).In(lang))
	}
	if p.DidYouMean != "" {
		b.WriteString("\n  " + words.M(words.FileDidYouMean, strconv.Quote(p.DidYouMean)).In(lang))
	}
	return b.String()
}

// wordList joins words. Most are ours; names may be anything that a file
// holds.
func wordList(list []string) string {
	shown := make([]string, len(list))
	for i, word := range list {
		shown[i] = plainWord(word)
	}
	return strings.Join(shown, ", ")
}

// plainWord quotes what cannot be shown as it is.
func plainWord(s string) string {
	if len(s) > maxNameInPath || strings.ContainsFunc(s, func(c rune) bool { return c == ' ' || !unicode.IsPrint(c) }) {
		return quote(s)
	}
	return s
}

// String returns file:line:column, as compilers write it.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// report collects problems. A problem is kept once, however many variants
// come upon it.
type report struct {
	file string
	list []Problem
	seen map[problemKey]bool
	more int
}

type problemKey struct {
	line, column int
	path         string
	message      words.ID
	subject      any // the message's first argument
}

func (r *report) add(p Problem) {
	key := problemKey{p.Pos.Line, p.Pos.Column, p.Path, p.Message.ID, nil}
	if len(p.Message.Args) > 0 {
		if name, ok := p.Message.Args[0].(string); ok {
			key.subject = name
		}
	}
	if r.seen[key] {
		return
	}
	if len(r.list) >= maxProblems {
		r.more++
		return
	}
	if r.seen == nil {
		r.seen = map[problemKey]bool{}
	}
	r.seen[key] = true
	p.Pos.File = r.file
	r.list = append(r.list, p)
}

// err returns the sorted problems, or nil if there are none.
func (r *report) err() error {
	if len(r.list) == 0 {
		return nil
	}
	slices.SortStableFunc(r.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	for i := range r.list[:min(len(r.list), maxShown)] {
		p := &r.list[i]
		if p.DidYouMean == "" {
			p.DidYouMean = nearest(p.near, p.Allowed)
		}
	}
	return &Errors{File: r.file, Problems: r.list, More: r.more}
}

// quote returns text from a file so that it can be shown: quoted, with
// everything unprintable escaped, and not too long.
func quote(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(string([]rune(s[:min(len(s), most*utf8.UTFMax)])[:most])) + "..."
}
