package step

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"netlab/probes"
	"netlab/scenarios/words"
)

// press takes in a key.
func (m *model) press(k key) {
	if k.name == "ctrl+c" {
		m.quit, m.interrupted = true, true
		return
	}
	m.status = ""
	switch m.mode {
	case asking:
		m.ask(k)
	case leaving:
		m.mode = choosing
		switch k.name {
		case "q", "y":
			m.quit = true
		case "R":
			m.goal = &goal{all: true}
		}
	case helping:
		m.mode = choosing
	default:
		if m.goal != nil { // any key stops; q and ? do what they say, too
			m.goal = nil
			m.status = m.say(words.StepStopped)
			if k.name != "q" && k.name != "?" {
				return
			}
		}
		m.command(k)
	}
}

// command does what a key stands for.
func (m *model) command(k key) {
	switch k.name {
	case "n", "enter", "space":
		m.hand(pass)
	case "d":
		m.hand(drop)
	case "D":
		m.hand(duplicate)
	case "r":
		m.mode, m.input = asking, ""
	case "R":
		m.goal = &goal{all: true}
	case "up", "k":
		m.pinned = probes.Flow{}
		m.choose(-1)
	case "down", "j":
		m.pinned = probes.Flow{}
		m.choose(1)
	case "tab":
		m.other(1)
	case "shift+tab":
		m.other(-1)
	case "pgup":
		m.back += 5
	case "pgdown":
		m.back = max(0, m.back-5)
	case "?", "h":
		m.mode = helping
	case "q":
		if m.view.Done || m.view.Err != nil {
			m.quit = true
			return
		}
		m.mode = leaving
	}
}

// hand does something to the chosen frame.
func (m *model) hand(d deed) {
	if f, ok := m.current(); ok { // else it is said anyway that none waits
		m.do(d, f)
	}
}

// maxInput bounds what is typed, in characters.
const maxInput = 200

// ask takes in a key of the match that is typed.
func (m *model) ask(k key) {
	switch k.name {
	case "esc":
		m.mode = choosing
	case "enter":
		m.mode = choosing
		if strings.TrimSpace(m.input) == "" {
			m.input = m.last
		}
		match, err := ParseMatch(m.input)
		if err == nil {
			err = known(&m.view, match.Node)
		}
		if err != nil {
			m.status = m.sayError(err)
			return
		}
		m.last = m.input
		m.goal = &goal{match: match}
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(m.input)
		m.input = m.input[:len(m.input)-n]
	case "ctrl+u":
		m.input = ""
	default:
		for _, r := range k.text {
			if unicode.IsPrint(r) && utf8.RuneCountInString(m.input) < maxInput {
				m.input += string(r)
			}
		}
	}
}

// sayError says an error in the reader's language.
func (p pen) sayError(err error) string {
	if e, ok := err.(interface{ In(words.Lang) string }); ok {
		return plainly(e.In(p.lang))
	}
	return plainly(err.Error())
}

// known refuses a node that the lab does not have.
func known(v *View, node string) error {
	names := v.nodes()
	if node == "" || len(names) == 0 {
		return nil
	}
	for _, n := range names {
		if n == node {
			return nil
		}
	}
	return words.Err(words.StepNoNode, node, strings.Join(names, ", "))
}
