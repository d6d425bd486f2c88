package step

import (
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/scenarios/words"
)

// This file says whether what a script expects is there, and what is there
// instead.

// holds reports whether what an expect line wants is there.
func (m *model) holds(w Want) bool {
	switch {
	case w.Done:
		return m.view.Done
	case w.Frames >= 0:
		return len(m.waiting()) == w.Frames
	}
	if p, ok := m.talked(); ok && w.Port == 0 && w.State != probes.Listen {
		there := false
		for i, s := range p.sides {
			if s.node != w.Node {
				continue
			}
			if there = true; m.view.state(p, i) == w.State {
				return true
			}
		}
		if there {
			return false
		}
	}
	sockets := m.sockets(w.Node, w.Port)
	open := false
	for _, s := range sockets {
		if s.State == w.State {
			return true
		}
		open = open || s.State != probes.Closed && s.Object != probes.ListenerObject
	}
	return w.State == probes.Closed && !open
}

// talked returns the connection that a script is about: that of the last
// frame that it dealt with.
func (m *model) talked() (pair, bool) {
	if c, _ := m.view.connection(m.acted); c != nil {
		return pairOf(c), true
	}
	return m.pair()
}

// sockets returns those of a node, with a port if that is not 0.
func (m *model) sockets(node string, port int) []Socket {
	var out []Socket
	for _, s := range m.view.Sockets {
		if s.Node == node && (port == 0 || int(s.Flow.Local.Port()) == port || int(s.Flow.Remote.Port()) == port) {
			out = append(out, s)
		}
	}
	return out
}

// states tells those of both ends, "" where there are none.
func (m *model) states(p pair) string {
	var parts []string
	for i, s := range p.sides {
		if state := m.view.state(p, i); state != probes.Unknown {
			parts = append(parts, plainly(s.node)+" "+state.String())
		}
	}
	return strings.Join(parts, ", ")
}

// maxListed bounds how much is listed of what is there.
const maxListed = 8

// unmet says that a command did not get what it wanted, and what there is.
func (r *runner) unmet(c Command, why words.Message) error {
	var frames []string
	waiting := r.waiting()
	for i, f := range waiting {
		if i == maxListed {
			frames = append(frames, r.say(words.StepMoreWait, len(waiting)-i))
			break
		}
		frames = append(frames, r.frameText(&r.view, f))
	}
	var there words.Message
	if len(frames) > 0 {
		there = words.M(words.StepThereIs, strings.Join(frames, "; "))
	} else {
		there = words.M(words.StepThereIs, words.M(words.StepNoneWait))
	}
	text := words.M(words.StepIndented, there)
	add := func(more words.Message) { text = words.M(words.StepIndentedTwo, text, more) }
	if states := r.listed(c.Want); states != "" {
		add(words.M(words.StepStates, states))
	}
	if !r.view.Awaits.IsZero() && !r.view.Done {
		add(r.view.Awaits)
	}
	for _, s := range r.view.failures() {
		add(failedText(s))
	}
	return &ScriptError{words.Err(words.StepUnmet, r.script.Name, c.Line, plainly(c.String()), why, text)}
}

// listed tells the states that there are: of the sockets of a node that was
// asked for by port, or is no end of the connection, else of both ends.
func (r *runner) listed(w Want) string {
	p, ok := r.talked()
	if w.Node == "" || w.Port == 0 && ok && (p.sides[0].node == w.Node || p.sides[1].node == w.Node) {
		if !ok {
			return ""
		}
		return r.states(p)
	}
	var parts []string
	for i, s := range r.sockets(w.Node, w.Port) {
		if i == maxListed {
			parts = append(parts, "..")
			break
		}
		parts = append(parts, fmt.Sprintf("%s:%d %s", plainly(s.Node), s.Flow.Local.Port(), s.State))
	}
	return strings.Join(parts, ", ")
}
