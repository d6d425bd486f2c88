package report

import (
	"fmt"
	"slices"
	"strings"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A placed visit is a visit with the line that belongs to it.
type placed struct {
	*timeline.Visit
	line   int  // index in the lines; -1 if none
	queued int  // the frame whose FIN counted only with that line; 0 if none
	apart  bool // it only follows that line: no segment brought it about
}

// rows makes the lines of a ladder: one for each frame, with the states that
// it brought about, and one for each state beyond the first of a frame. A frame
// that was held, or that others crossed, has a second line where it arrives.
func (t *text) rows(run Run, c *timeline.Connection) []row {
	frames := check.Frames(c)
	if !t.full { // repetitions of what a gate held are counted at that
		frames = slices.DeleteFunc(frames, func(f check.Frame) bool { return f.Teardown || did(f, probes.Merged) })
	}
	lines, apart := linesOf(frames)
	sides := [2][]placed{t.place(frames, lines, c.Opener), t.place(frames, lines, c.Acceptor)}
	keep := t.keep(frames, lines, sides)
	zero := start(run.Timeline)
	draw := drawing{frames: frames, apart: apart, isn: isns(frames), lost: lossCanBeSeen(frames)}

	rows := t.loose(run, c, sides, zero)
	for i := 0; i < len(lines); {
		k := i
		for k < len(lines) && !keep[lines[k].frame] {
			k++
		}
		switch left := sentIn(frames, lines[i:k]); {
		case len(left) > 1:
			rows = append(rows, row{elided: t.elided(left)})
			t.more = true
		case len(left) == 1: // alone between what arrives: it is shown as any that is alone
			at := slices.IndexFunc(lines[i:k], func(l line) bool { return !l.arrives })
			keep[lines[i+at].frame] = true
			continue
		}
		if k > i {
			i = k
			continue
		}
		f := frames[lines[i].frame]
		if f.Teardown && lines[i].frame > 0 && !frames[lines[i].frame-1].Teardown && !lines[i].arrives {
			rows = append(rows, row{elided: t.say(words.ReportWindowEnd)})
		}
		r := row{time: ms(lines[i].at, zero), number: fmt.Sprint(f.Frame), segment: t.arrow(draw, lines[i])}
		if note := t.fate(f); note != "" && (lines[i].arrives || !apart[lines[i].frame]) {
			if f.Opener {
				r.rightSeen = t.note(note)
			} else {
				r.leftSeen = t.note(note)
			}
		}
		if why := t.resetText(c, f); why != "" && !lines[i].arrives {
			if f.Opener {
				r.leftSeen = t.note(why) + r.leftSeen
			} else {
				r.rightSeen = t.note(why) + r.rightSeen
			}
		}
		rows = append(rows, t.withStates(run, c, r, sides, i, zero)...)
		i++
	}
	return rows
}

// withStates puts the states that belong to a line beside it.
func (t *text) withStates(run Run, c *timeline.Connection, r row, sides [2][]placed, line int, zero probes.Mono) []row {
	var own [2][]placed
	for side := range sides {
		for _, p := range sides[side] {
			if p.line != line {
				continue
			}
			if p.apart && len(own[side]) == 0 {
				own[side] = append(own[side], placed{}) // nothing beside the frame
			}
			own[side] = append(own[side], p)
		}
	}
	beside := func(p placed, e *timeline.Endpoint, mark string) (state, seenBy string) {
		if p.Visit == nil {
			return "", mark
		}
		seenBy = seen(p.Visit) + t.mark(run, c, e, p.Visit)
		if p.queued != 0 {
			seenBy += t.note(t.say(words.ReportFINWaited, p.queued))
		}
		seenBy += mark
		return p.State.String(), strings.ReplaceAll(seenBy, ") (", ")(")
	}
	rows := []row{}
	for n := 0; n == 0 || n < len(own[0]) || n < len(own[1]); n++ {
		if n > 0 {
			r = row{}
		}
		if n < len(own[0]) {
			r.left, r.leftSeen = beside(own[0][n], c.Opener, r.leftSeen)
			if n > 0 {
				r.time = ms(own[0][n].From, zero)
			}
		}
		if n < len(own[1]) {
			r.right, r.rightSeen = beside(own[1][n], c.Acceptor, r.rightSeen)
			if n > 0 && r.time == "" {
				r.time = ms(own[1][n].From, zero)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// loose makes rows of states that belong to no frame.
func (t *text) loose(run Run, c *timeline.Connection, sides [2][]placed, zero probes.Mono) []row {
	var rows []row
	for side, e := range c.Ends() {
		for _, p := range sides[side] {
			if p.line >= 0 {
				continue
			}
			r := row{time: ms(p.From, zero)}
			if side == 0 {
				r.left, r.leftSeen = p.State.String(), seen(p.Visit)+t.mark(run, c, e, p.Visit)
			} else {
				r.right, r.rightSeen = p.State.String(), seen(p.Visit)+t.mark(run, c, e, p.Visit)
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// mark returns the footnote's mark of a visit.
func (t *text) mark(run Run, c *timeline.Connection, e *timeline.Endpoint, v *timeline.Visit) string {
	for _, n := range run.Timeline.Notes {
		if n.Endpoint != e {
			continue
		}
		if n.Name == timeline.RequestSocket && v.State == probes.SynReceived {
			server := c.Server
			if server == "" {
				server = check.EndName(c, e)
			}
			return t.note(t.say(words.ReportRequest, server))
		}
		if t.full && touches(n, v) {
			return t.note(t.say(words.ReportNote, t.endName(c, e), t.noteText(n.Name)))
		}
	}
	return ""
}

// noteText says a note of the timeline in words.
func (t *text) noteText(name timeline.NoteName) string {
	id, ok := map[timeline.NoteName]words.ID{
		timeline.HandOver: words.ReportHandOver, timeline.DeadSocket: words.ReportDeadSocket, timeline.NotSampled: words.ReportNotSampled,
		timeline.RequestSocket: words.ReportRequestNote, timeline.ThirdACK: words.ReportThirdACK, timeline.FINQueued: words.ReportFINQueued,
		timeline.NoteTwo: words.ReportNoteTwo, timeline.ResetNoTarget: words.ReportResetNoTarget,
		timeline.OrphanFinWait2: words.ReportOrphanFinWait2, timeline.NotDelivered: words.ReportNotDelivered,
		timeline.ResetByData: words.ReportResetByData, timeline.FastOpen: words.ReportFastOpen, timeline.SYNCookie: words.ReportSYNCookie,
		timeline.QueueOverflow: words.ReportQueueOverflow, timeline.NotKept: words.ReportNotKept,
		timeline.ResetIgnored: words.ReportResetIgnored, timeline.Offloaded: words.ReportOffloaded, timeline.Middlebox: words.ReportMiddlebox,
	}[name]
	if !ok {
		return clean(string(name))
	}
	return t.say(id)
}

func touches(n timeline.Note, v *timeline.Visit) bool {
	for _, w := range v.Witnesses {
		if slices.Contains(n.Events, w.Event) {
			return true
		}
	}
	return false
}

// place finds the line that belongs to each visit of an end: that of the
// segment that the model names, else of the one that the end sent to get there,
// else of the last that it had received.
func (t *text) place(frames []check.Frame, lines []line, e *timeline.Endpoint) []placed {
	byEvent := map[uint64]int{}
	for i, l := range lines {
		taps := frames[l.frame].Taps
		if l.arrives {
			taps = taps[len(taps)-1:]
		}
		for _, tap := range taps {
			byEvent[tap.Event] = i
		}
	}
	var out []placed
	for i := range e.History {
		v := &e.History[i]
		if v.Teardown && !t.full || i == 0 && v.State == probes.Closed {
			continue
		}
		p := placed{Visit: v, line: -1}
		for _, w := range v.Witnesses {
			at, ok := byEvent[w.Event]
			if w.Filled != 0 && ok {
				p.queued = frames[lines[at].frame].Frame
				at, ok = byEvent[w.Filled]
			}
			if ok && w.Source == probes.Wire {
				p.line = at
			}
		}
		if p.line < 0 {
			p.line = guess(frames, lines, e, v)
			p.apart = v.State == probes.Closed && !aborts(frames, e)
		}
		if n := len(out); n > 0 && p.line >= 0 && p.line < out[n-1].line {
			p.line = out[n-1].line // never back in time
		}
		out = append(out, p)
	}
	return out
}

// aborts reports whether an end sent a RST: then that belongs to its CLOSED,
// which otherwise comes of its user, or of time.
func aborts(frames []check.Frame, e *timeline.Endpoint) bool {
	return slices.ContainsFunc(frames, func(f check.Frame) bool { return f.End == e && f.Flags.Has(probes.RST) && !f.Injected })
}

func guess(frames []check.Frame, lines []line, e *timeline.Endpoint, v *timeline.Visit) int {
	flag := probes.Flags(0)
	switch v.State {
	case probes.SynSent:
		flag = probes.SYN
	case probes.FinWait1, probes.LastAck:
		flag = probes.FIN
	}
	last := -1
	for i, l := range lines {
		f := frames[l.frame]
		if flag != 0 && f.End == e && f.Flags.Has(flag) && !f.Injected {
			return i
		}
		arrived := f.Arrived()
		if f.End != e && arrived != 0 && arrived <= v.From || f.End == e && f.Sent() <= v.From {
			last = i
		}
	}
	return last
}

// keep says which frames are shown: opening, closing, what changed a state, and
// what a gate did something to, as ordered.
func (t *text) keep(frames []check.Frame, lines []line, sides [2][]placed) []bool {
	keep := make([]bool, len(frames))
	for i := range keep {
		keep[i] = t.full
	}
	if opening := check.Opening(frames); len(opening) > 0 {
		last := opening[len(opening)-1].Segment
		for i := range frames {
			keep[i] = true
			if frames[i].Segment == last || i > closingHead {
				break
			}
		}
	}
	end := slices.IndexFunc(frames, func(f check.Frame) bool { return f.Counts && f.Flags&(probes.FIN|probes.RST) != 0 })
	resets := 0
	for i := max(end, 0); end >= 0 && i < len(frames); i++ {
		shown := i < end+closingHead || i >= len(frames)-closingTail || frames[i].Flags.Has(probes.FIN)
		if frames[i].Flags.Has(probes.RST) {
			resets++
			shown = shown || resets <= closingHead // what was on its way is refused segment by segment
		}
		keep[i] = keep[i] || shown
	}
	if end < 0 && len(frames) > 0 {
		keep[len(frames)-1] = true
	}
	for _, side := range sides {
		for _, p := range side {
			if p.line >= 0 {
				keep[lines[p.line].frame] = true
			}
		}
	}
	acted := 0
	for i, f := range frames {
		if noteworthy(f) && acted < maxActs {
			keep[i] = true
			acted++
		}
	}
	for i := range keep { // a line that says one frame is left out says no less than the frame
		alone := !keep[i] && (i == 0 || keep[i-1]) && (i+1 == len(keep) || keep[i+1])
		keep[i] = keep[i] || alone
	}
	return keep
}

// start returns the time of the first segment of the run.
func start(tl *timeline.Timeline) probes.Mono {
	for _, s := range tl.Segments {
		if s.Connection != nil && len(s.Taps) > 0 {
			return s.Sent()
		}
	}
	return tl.Open
}

// ms writes a time in milliseconds since zero.
func ms(m, zero probes.Mono) string {
	v := float64(m.Sub(zero)) / 1e6
	if v >= 1e4 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
