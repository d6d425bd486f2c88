package report

import (
	"fmt"
	"slices"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A placed visit is a visit with the frame that belongs to it.
type placed struct {
	*timeline.Visit
	frame int // index in the frames; -1 if none
}

// rows makes the lines of a ladder: one for each frame, with the states that
// it brought about, and one for each state beyond the first of a frame.
func (t *text) rows(run Run, c *timeline.Connection) []row {
	frames := check.Frames(c)
	if !t.full {
		frames = slices.DeleteFunc(frames, func(f check.Frame) bool { return f.Teardown })
	}
	sides := [2][]placed{t.place(frames, c.Opener), t.place(frames, c.Acceptor)}
	keep := t.keep(c, frames, sides)
	zero := start(run.Timeline)
	lost := lossCanBeSeen(frames)
	isn := isns(frames)

	rows := t.loose(run, c, sides, zero)
	for i := 0; i < len(frames); {
		k := i
		for k < len(frames) && !keep[k] {
			k++
		}
		if k-i > 1 {
			rows = append(rows, row{elided: t.elided(frames[i:k])})
			t.more = true
			i = k
			continue
		}
		f := frames[i]
		if f.Teardown && (i == 0 || !frames[i-1].Teardown) {
			rows = append(rows, row{elided: t.say(words.ReportWindowEnd)})
		}
		r := row{time: ms(f.Sent(), zero), number: fmt.Sprint(f.Frame), segment: t.arrow(c, frames, i, isn, lost)}
		if f.Undelivered && f.Opener {
			r.rightSeen = t.note(t.say(words.ReportUndelivered, clean(f.To)))
		} else if f.Undelivered {
			r.leftSeen = t.note(t.say(words.ReportUndelivered, clean(f.To)))
		}
		rows = append(rows, t.withStates(run, c, r, sides, i, zero)...)
		i++
	}
	return rows
}

// withStates puts the states that belong to a frame beside it.
func (t *text) withStates(run Run, c *timeline.Connection, r row, sides [2][]placed, frame int, zero probes.Mono) []row {
	var own [2][]placed
	for side := range sides {
		for _, p := range sides[side] {
			if p.frame == frame {
				own[side] = append(own[side], p)
			}
		}
	}
	rows := []row{}
	for n := 0; n == 0 || n < len(own[0]) || n < len(own[1]); n++ {
		if n > 0 {
			r = row{}
		}
		if n < len(own[0]) {
			r.left, r.leftSeen = own[0][n].State.String(), seen(own[0][n].Visit)+t.mark(run, c, c.Opener, own[0][n].Visit)
			if n > 0 {
				r.time = ms(own[0][n].From, zero)
			}
		}
		if n < len(own[1]) {
			r.right, r.rightSeen = own[1][n].State.String(), seen(own[1][n].Visit)+t.mark(run, c, c.Acceptor, own[1][n].Visit)
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
			if p.frame >= 0 {
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
			return t.note(t.say(words.ReportNote, t.endName(c, e), string(n.Name)))
		}
	}
	return ""
}

func touches(n timeline.Note, v *timeline.Visit) bool {
	for _, w := range v.Witnesses {
		if slices.Contains(n.Events, w.Event) {
			return true
		}
	}
	return false
}

// place finds the frame that belongs to each visit of an end: the segment
// that the model names, else the one that the end sent to get there, else the
// last that it had received.
func (t *text) place(frames []check.Frame, e *timeline.Endpoint) []placed {
	byEvent := map[uint64]int{}
	for i, f := range frames {
		for _, tap := range f.Taps {
			byEvent[tap.Event] = i
		}
	}
	var out []placed
	for i := range e.History {
		v := &e.History[i]
		if v.Teardown && !t.full || i == 0 && v.State == probes.Closed {
			continue
		}
		p := placed{Visit: v, frame: -1}
		for _, w := range v.Witnesses {
			if at, ok := byEvent[w.Event]; ok && w.Source == probes.Wire {
				p.frame = at
			}
		}
		if p.frame < 0 {
			p.frame = guess(frames, e, v)
		}
		if n := len(out); n > 0 && p.frame >= 0 && p.frame < out[n-1].frame {
			p.frame = out[n-1].frame // never back in time
		}
		out = append(out, p)
	}
	return out
}

func guess(frames []check.Frame, e *timeline.Endpoint, v *timeline.Visit) int {
	flag := probes.Flags(0)
	switch v.State {
	case probes.SynSent:
		flag = probes.SYN
	case probes.FinWait1, probes.LastAck:
		flag = probes.FIN
	}
	last := -1
	for i, f := range frames {
		if flag != 0 && f.End == e && f.Flags.Has(flag) {
			return i
		}
		arrived := f.Arrived()
		if f.End != e && arrived != 0 && arrived <= v.From || f.End == e && f.Sent() <= v.From {
			last = i
		}
	}
	return last
}

// keep says which frames are shown: opening, closing, and what changed a
// state.
func (t *text) keep(c *timeline.Connection, frames []check.Frame, sides [2][]placed) []bool {
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
			if p.frame >= 0 {
				keep[p.frame] = true
			}
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
