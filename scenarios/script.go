package scenarios

import (
	"strconv"
	"strings"

	"netlab/scenarios/words"
)

// scriptWords lists what a line of a plain server's script can begin with.
func scriptWords() []string { return []string{"send", "expect", "wait", "close"} }

// checkScriptLine accepts "send TEXT", "expect TEXT", "wait 100ms" and
// "close". TEXT is all that follows the one space behind the word; between
// quotes it has the escapes of Go.
func checkScriptLine(s string) *fault {
	word, rest, more := strings.Cut(s, " ")
	if !isWord(word, scriptWords()) {
		return bad(words.ValueUnknownWord, quote(word)).instead(scriptWords(), word)
	}
	switch word {
	case "wait":
		return new(Duration).parseText(strings.TrimSpace(rest))
	case "close":
		if more {
			return bad(words.ScriptTooMuch, quote(word), quote(rest))
		}
		return nil
	}
	if strings.HasPrefix(rest, `"`) {
		plain, err := strconv.Unquote(rest)
		if err != nil {
			return bad(words.ScriptQuotes, quote(rest))
		}
		rest = plain
	}
	switch {
	case word == "expect" && rest == "":
		return bad(words.ScriptTooLittle, quote(word))
	case word == "expect" && strings.Contains(rest, "\n"):
		return bad(words.ScriptLineEnd)
	}
	return nil
}
