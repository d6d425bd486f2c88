package step

import (
	"cmp"
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
		return m.say(words.StepSayBroken, m.sayError(m.view.Err))
	case m.view.Done:
		return m.say(words.StepSayDone)
	case m.goal != nil && len(m.waiting()) > 0 && m.held() != "":
		return m.say(words.StepSayKept, m.held())
	case m.goal != nil:
		return join(m.say(words.StepSayRunning), "   ", m.idleLine())
	}
	if f, ok := m.current(); ok && m.view.keeps(f) {
		return m.say(words.StepSayHeld, plainly(f.Rule))
	}
	return m.idleLine()
}

// held names the rule that holds all that waits, and will let it go by itself;
// "" if not all is held so.
func (m *model) held() string {
	rule := ""
	for _, f := range m.waiting() {
		if !m.view.keeps(f) {
			return ""
		}
		rule = plainly(f.Rule)
	}
	return rule
}

// idleLine says what the lab, or the scenario, waits for.
func (m *model) idleLine() string {
	awaits := m.say(m.view.Awaits.ID, m.view.Awaits.Args...)
	if len(m.waiting()) > 0 {
		return awaits
	}
	if s, ok := m.resends(); ok {
		return m.say(words.StepSayResend, plainly(s.Node), m.in(s.Expires))
	}
	return m.say(words.StepSayNone, cmp.Or(awaits, m.say(words.StepSayWorking)))
}

// resends returns the socket that sends again next, as nothing else will.
func (m *model) resends() (next Socket, ok bool) {
	for _, s := range m.view.Sockets {
		if s.Timer == "on" && s.Expires > 0 && (!ok || s.Expires < next.Expires) {
			next, ok = s, true
		}
	}
	return next, ok
}

// in writes after how many milliseconds something happens.
func (p pen) in(ms int) string {
	if ms < 10_000 {
		return p.say(words.StepMilliseconds, ms)
	}
	return p.say(words.StepSeconds, (ms+500)/1000)
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
