package step

import (
	"cmp"
	"fmt"
	"slices"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A deed is what can be done to a frame that waits.
type deed string

const (
	pass      deed = "pass"
	drop      deed = "drop"
	duplicate deed = "duplicate"
)

// An act is a deed, and the frame.
type act struct {
	deed
	frame gate.Frame
}

// Messages to the model, beside View.
type (
	// done says what came of an act.
	done struct {
		act
		err error
	}
	// size is that of the window, in cells.
	size struct{ width, height int }
	// key is a key that was pressed; text is what it writes, "" if nothing.
	key struct{ name, text string }
	// failed says that there will be no more views.
	failed struct{ err error }
)

// A mode is what keys mean.
type mode int

const (
	choosing mode = iota // of frames and deeds
	asking               // for a match
	leaving              // is it meant?
	helping
)

// A goal is what frames are passed for, one after the other.
type goal struct {
	match Match
	all   bool // until the end; match says nothing
}

// A model is what the program knows, and what it shows. It does nothing:
// what is to be done, take returns.
type model struct {
	pen
	Options
	width, height int

	view   View
	gone   map[frameID]bool // released or dropped by us; a view that was under way may still have them
	stale  bool             // there was no view since our last act
	queue  []act
	busy   bool // the first of queue is under way
	chosen frameID
	at     int         // its place, for when it is gone
	pinned probes.Flow // the connection to show, by its opener's flow, instead of that of the chosen frame
	acted  probes.Flow // likewise that of the last act: to show if nothing waits
	drawn  drawn
	told   uint64 // the steps whose failure was told: the Seq of the last one's end
	goal   *goal

	mode        mode
	input       string // in mode asking
	last        string // what was asked for
	status      string // said until the next key
	back        int    // lines that the ladder is scrolled back
	quit        bool
	interrupted bool // by control-C
}

// A frameID names a frame: numbers are those of its gate.
type frameID struct {
	link string
	id   uint64
}

func idOf(f gate.Frame) frameID { return frameID{f.Link, f.ID} }

func newModel(o Options, stable bool) *model {
	return &model{pen: newPen(o, stable), Options: o, width: 80, height: 24, gone: map[frameID]bool{}}
}

// waiting returns the frames that wait and that nothing was done to.
func (m *model) waiting() []gate.Frame {
	return slices.DeleteFunc(slices.Clone(m.view.Waiting), func(f gate.Frame) bool { return m.gone[idOf(f)] })
}

// current returns the chosen frame.
func (m *model) current() (gate.Frame, bool) {
	waiting := m.waiting()
	if i := slices.IndexFunc(waiting, func(f gate.Frame) bool { return idOf(f) == m.chosen }); i >= 0 {
		return waiting[i], true
	}
	if len(waiting) == 0 {
		return gate.Frame{}, false
	}
	return waiting[min(m.at, len(waiting)-1)], true
}

// choose moves the choice by so many places, or mends it if by is 0.
func (m *model) choose(by int) {
	waiting := m.waiting()
	f, ok := m.current()
	if !ok {
		m.at = 0
		return
	}
	i := slices.IndexFunc(waiting, func(x gate.Frame) bool { return idOf(x) == idOf(f) })
	m.at = min(max(i+by, 0), len(waiting)-1)
	m.chosen = idOf(waiting[m.at])
}

// pair returns the connection to show.
func (m *model) pair() (pair, bool) {
	if c, _ := m.view.connection(m.pinned); c != nil {
		return pairOf(c), true
	}
	if f, ok := m.current(); ok {
		p, _ := m.view.find(f)
		return p, true
	}
	if c, _ := m.view.connection(m.acted); c != nil {
		return pairOf(c), true
	}
	if t := m.view.Timeline; t != nil && len(t.Connections) > 0 {
		return pairOf(t.Connections[len(t.Connections)-1]), true
	}
	return pair{}, false
}

// other shows another connection.
func (m *model) other(by int) {
	if m.view.Timeline == nil || len(m.view.Timeline.Connections) == 0 {
		return
	}
	all := m.view.Timeline.Connections
	p, _ := m.pair()
	i := slices.Index(all, p.conn)
	next := all[((i+by)%len(all)+len(all))%len(all)]
	m.pinned, m.back = next.Opener.Flow, 0
	for _, f := range m.waiting() {
		if q, _ := m.view.find(f); q.conn == next {
			m.chosen = idOf(f)
			break
		}
	}
	m.choose(0)
}

// update takes in a message.
func (m *model) update(msg any) {
	switch msg := msg.(type) {
	case View:
		m.see(msg)
	case done:
		m.ended(msg)
	case size:
		m.width, m.height = msg.width, msg.height
	case key:
		m.press(msg)
	case failed:
		m.view.Err, m.goal = msg.err, nil
	}
	m.pursue()
}

func (m *model) see(v View) {
	if v.Number < m.view.Number {
		return
	}
	m.stale = m.stale && v.Number == m.view.Number
	v.Waiting = inOrder(m.view.Waiting, v.Waiting)
	m.view = v
	for id := range m.gone { // what is not listed any more need not be remembered
		if !slices.ContainsFunc(v.Waiting, func(f gate.Frame) bool { return idOf(f) == id }) {
			delete(m.gone, id)
		}
	}
	m.choose(0)
	m.tellFailed()
	if v.Err != nil || v.Done && len(m.waiting()) == 0 {
		m.goal = nil
	}
}

// inOrder returns the frames that wait now, first those that did before, in
// their order. What is new has come about at once: both ends may have sent
// something, and which was first is chance.
func inOrder(before, now []gate.Frame) []gate.Frame {
	var out []gate.Frame
	has := func(list []gate.Frame, f gate.Frame) int {
		return slices.IndexFunc(list, func(x gate.Frame) bool { return idOf(x) == idOf(f) })
	}
	for _, f := range before {
		if i := has(now, f); i >= 0 {
			out = append(out, now[i])
		}
	}
	known := len(out)
	for _, f := range now {
		if has(out[:known], f) < 0 {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out[known:], func(a, b gate.Frame) int {
		if a.Link == b.Link && a.From == b.From {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Link, b.Link))
	})
	return out
}

// tellFailed tells of steps that have failed since it was called last.
func (m *model) tellFailed() {
	for _, s := range m.view.failures() {
		if s.Ended > m.told {
			m.told = s.Ended
			said := failedText(s)
			m.status = m.say(said.ID, said.Args...)
		}
	}
}

// failedText says that a step failed.
func failedText(s *timeline.Step) words.Message {
	return words.M(words.StepSayFailed, fmt.Sprintf("steps[%d] %s", s.Index-1, plainly(s.Verb)), plainly(s.Error))
}

// failures lists the steps that have failed, in the order of the scenario.
func (v *View) failures() []*timeline.Step {
	var list []*timeline.Step
	if v.Timeline == nil {
		return nil
	}
	for _, s := range v.Timeline.Steps {
		if s.Ended != 0 && s.Error != "" {
			list = append(list, s)
		}
	}
	return list
}

// keeps reports whether the scenario itself lets a frame go that a rule holds.
func (v *View) keeps(f gate.Frame) bool {
	rule := heldBy(f)
	return rule != "" && slices.Contains(v.Kept, rule)
}

// do asks for a deed to a frame. In the meantime the frame is taken to be
// gone.
func (m *model) do(d deed, f gate.Frame) {
	m.queue = append(m.queue, act{d, f})
	m.gone[idOf(f)] = true
	p, _ := m.view.find(f)
	m.pinned, m.acted, m.back = probes.Flow{}, p.sides[0].flow, 0
	m.stale = true
	m.choose(0)
}

// take returns what is to be done next, if nothing is under way. The answer
// is a done message.
func (m *model) take() (act, bool) {
	if m.busy || len(m.queue) == 0 {
		return act{}, false
	}
	m.busy = true
	return m.queue[0], true
}

func (m *model) ended(d done) {
	m.busy = false
	m.queue = m.queue[1:]
	if d.err != nil {
		m.status, m.goal, m.stale = m.say(words.StepRefused, plainly(d.err.Error())), nil, false
		delete(m.gone, idOf(d.frame))
		m.choose(0)
	}
}

// pursue passes the next frame on the way to the goal. It decides by a view
// that is later than the last act, so that no frame is overlooked that the
// act brought about. What the same end sent before the frame that matches goes
// on before it stops: the order of a link is kept. What a rule of the scenario
// holds that the scenario will let go is left to it.
func (m *model) pursue() {
	if m.goal == nil || m.busy || len(m.queue) > 0 || m.stale {
		return
	}
	waiting := slices.DeleteFunc(m.waiting(), func(f gate.Frame) bool {
		return m.view.keeps(f) && (m.goal.all || !m.goal.match.matches(&m.view, f))
	})
	i := -1
	if !m.goal.all {
		i = slices.IndexFunc(waiting, func(f gate.Frame) bool { return m.goal.match.matches(&m.view, f) })
	}
	switch {
	case i >= 0:
		f := waiting[i]
		if k := slices.IndexFunc(waiting, func(x gate.Frame) bool { return x.Link == f.Link && x.From == f.From }); k < i && !m.view.keeps(waiting[k]) {
			m.do(pass, waiting[k])
			return
		}
		m.chosen, m.pinned, m.goal = idOf(f), probes.Flow{}, nil
		m.choose(0)
	case len(waiting) > 0:
		m.do(pass, waiting[0])
	}
}
