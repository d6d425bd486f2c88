package step

import (
	"strings"

	"netlab/scenarios/words"
)

// statusLine says what is asked of the user, or what is going on.
func (m *model) statusLine() string {
	switch {
	case m.mode == asking:
		text := m.say(words.StepAsk)
		room := max(m.width-m.wide(text)-1, 1)
		input := []rune(m.input) // its end is in sight
		for len(input) > 0 && m.wide(string(input)) > room {
			input = input[1:]
		}
		return text + plainly(string(input)) + "_"
	case m.mode == leaving:
		return m.say(words.StepAskLeave)
	case m.status != "":
		return m.status
	case m.view.Err != nil:
		return m.sayError(m.view.Err)
	case m.view.Done:
		return m.say(words.StepSayDone)
	case m.goal != nil:
		return m.say(words.StepSayRunning)
	case len(m.waiting()) == 0:
		return m.say(words.StepSayWorking)
	}
	return ""
}

// keysLine lists the keys, as many as there is room for.
func (m *model) keysLine() string {
	if m.mode == asking {
		if m.last == "" {
			return m.say(words.StepKeysNone)
		}
		return m.say(words.StepKeysAsking, m.last)
	}
	last := m.say(words.StepKeyHelp) + "  " + m.say(words.StepKeyQuit)
	text := ""
	for _, id := range []words.ID{
		words.StepKeyNext, words.StepKeyDrop, words.StepKeyTwice, words.StepKeyRunTo, words.StepKeyRun,
		words.StepKeyChoose, words.StepKeyTab,
	} {
		more := join(text, "  ", m.say(id))
		if m.wide(more)+2+m.wide(last) > m.width {
			break
		}
		text = more
	}
	return join(text, "  ", last)
}

// helpLines explain the keys and how frames are named.
func (m *model) helpLines() []string {
	var out []string
	for l := range strings.SplitSeq(words.M(words.StepHelp, listWords()).In(m.lang), "\n") {
		out = append(out, m.wrap(plainly(l), m.width)...)
	}
	return out
}
