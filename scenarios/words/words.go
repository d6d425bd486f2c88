// Package words is the one catalogue of what netlab says to people, in
// English and Chinese. A [Message] is an id with arguments; it is turned into
// text as late as possible, at the edge that knows the reader's language.
//
// The texts stand in one file for each room of the house (scenario.go,
// check.go, report.go, run.go). Arguments are numbered (%[1]s), so that a
// language may order them as it needs. Names, states, flags, numbers and
// paths are arguments and are never translated.
package words

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A Lang is a language that netlab speaks.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// ParseLang reads "en", "zh" and their regional forms, as in LANG.
func ParseLang(s string) (Lang, bool) {
	s, _, _ = strings.Cut(strings.ToLower(s), ".")
	s, _, _ = strings.Cut(strings.ReplaceAll(s, "-", "_"), "_")
	switch s {
	case "en", "c", "posix":
		return English, true
	case "zh":
		return Chinese, true
	}
	return English, false
}

// An ID names a message of the catalogue.
type ID string

// entry is a message's text in both languages.
type entry struct{ en, zh string }

// texts is one room's part of the catalogue.
type texts map[ID]entry

// catalogue lists the parts. It is read only.
func catalogue() []texts {
	return []texts{scenarioTexts, workloadTexts, checkTexts, streamTexts, reportTexts, resultTexts, runTexts, suiteTexts, translatedTexts, execTexts, webTexts, editTexts, gateTexts, stepTexts, actTexts, noteTexts, kernelTexts, coverageTexts, watchTexts, explainTexts}
}

func find(id ID) (entry, bool) {
	for _, part := range catalogue() {
		if e, ok := part[id]; ok {
			return e, true
		}
	}
	return entry{}, false
}

// A Message is something to be said. The zero Message says nothing.
type Message struct {
	ID   ID
	Args []any // strings, numbers, Messages, or anything with In(Lang) string
}

// M makes a message.
func M(id ID, args ...any) Message { return Message{ID: id, Args: args} }

// IsZero reports whether m says nothing.
func (m Message) IsZero() bool { return m.ID == "" }

// In returns the text in a language.
func (m Message) In(lang Lang) string {
	if m.IsZero() {
		return ""
	}
	e, ok := find(m.ID)
	if !ok {
		return fmt.Sprintf("!%s%v", m.ID, m.Args)
	}
	args := make([]any, len(m.Args))
	for i, a := range m.Args {
		args[i] = a
		if t, ok := a.(interface{ In(Lang) string }); ok {
			args[i] = t.In(lang)
		}
	}
	format := e.en
	if lang == Chinese {
		format = e.zh
	}
	return fmt.Sprintf(format, args...)
}

// String returns the English text.
func (m Message) String() string { return m.In(English) }

// MarshalJSON writes id and both texts, so that a reader needs no catalogue.
func (m Message) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID ID     `json:"id"`
		EN string `json:"en"`
		ZH string `json:"zh"`
	}{m.ID, m.In(English), m.In(Chinese)})
}

// An Error is an error that is said in the reader's language.
type Error struct {
	Message
	Cause error // may be nil
}

// Err makes an error of a message.
func Err(id ID, args ...any) *Error { return &Error{Message: M(id, args...)} }

// Because adds the cause, for errors.Is.
func (e *Error) Because(cause error) *Error { e.Cause = cause; return e }

// Error returns the English text.
func (e *Error) Error() string { return e.In(English) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
