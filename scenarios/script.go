package scenarios

import (
	"slices"
	"strings"

	"netlab/scenarios/words"
)

// A ScriptLine is one line of the script of a plain server.
type ScriptLine struct {
	Do   ScriptWord
	Text string   // of send and expect
	Wait Duration // of wait
}

// A ScriptWord is what a line of a script does.
type ScriptWord string

// The words.
const (
	ScriptSend   ScriptWord = "send"   // sends the text and, over TCP, a line's end
	ScriptExpect ScriptWord = "expect" // waits for a line, or a datagram, that contains the text
	ScriptWait   ScriptWord = "wait"
	ScriptClose  ScriptWord = "close"
)

func (ScriptWord) words() []string {
	return []string{string(ScriptSend), string(ScriptExpect), string(ScriptWait), string(ScriptClose)}
}

// ScriptLines reads a server's script. Of a scenario that Parse returned no
// line can be wrong; lines that are wrong are left out.
func ScriptLines(script []string) []ScriptLine {
	var list []ScriptLine
	for _, text := range script {
		var line ScriptLine
		if line.parseText(text) == nil {
			list = append(list, line)
		}
	}
	return list
}

// parseText reads "send TEXT", "expect TEXT", "wait 100ms", "close". TEXT is
// all that follows the one space behind the word.
func (l *ScriptLine) parseText(s string) *fault {
	word, rest, more := strings.Cut(s, " ")
	l.Do = ScriptWord(word)
	switch all := l.Do.words(); {
	case !slices.Contains(all, word):
		return bad(words.ValueUnknownWord, quote(word)).instead(all, word)
	case l.Do == ScriptWait:
		return l.Wait.parseText(rest)
	case l.Do == ScriptClose && more:
		return bad(words.ScriptTooMuch, quote(word), quote(rest))
	case l.Do != ScriptClose && rest == "":
		return bad(words.ScriptTooLittle, quote(word))
	}
	l.Text = rest
	return nil
}
