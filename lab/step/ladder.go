package step

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
)

// A rung is a line of the ladder: a segment that has passed, or was dropped,
// with the states that belong to it.
type rung struct {
	time   probes.Mono // 0 if there is no segment
	states [2]probes.State
	label  string // "" if there is none
	said   string // the first line of its payload, quoted
	opener bool   // sent it
	lost   bool
}

// rungs draws a connection: what has passed, and nothing of what waits.
func (v *View) rungs(c *timeline.Connection) []rung {
	isn, acts := isns(c), v.acts(c)
	var states [2][][]probes.State // of each end, for each segment
	for i, e := range c.Ends() {
		states[i] = place(c.Segments, e)
	}
	var out []rung
	for i, s := range c.Segments {
		dropped := s.Arrived() == 0 && acts.did(s, probes.Dropped, probes.Refused)
		if s.Arrived() == 0 && !dropped && (v.waits(c, s) || acts.did(s, probes.Merged)) {
			continue // it waits, or repeats one that waited
		}
		lost := dropped || s.Undelivered || s.Stopped()
		r := rung{time: s.Sent(), opener: s.Opener, lost: lost}
		me, peer := isn[0], isn[1]
		if !s.Opener {
			me, peer = peer, me
		}
		r.label = segmentLabel(&s.Segment, s.Seq-me, s.Acks()-peer)
		if s.Copies > 0 {
			r.label += " x2"
		}
		if s.Len > 0 && s.Text != "" {
			r.said = plainly(strconv.Quote(strings.TrimRight(s.Text, "\r\n")))
		}
		for n := 0; n == 0 || n < len(states[0][i]) || n < len(states[1][i]); n++ {
			for side := range r.states {
				if n < len(states[side][i]) {
					r.states[side] = states[side][i][n]
				}
			}
			out = append(out, r)
			r = rung{}
		}
	}
	return out
}

// waits reports whether a segment waits at a gate.
func (v *View) waits(c *timeline.Connection, s *timeline.Segment) bool {
	return slices.ContainsFunc(v.Waiting, func(f gate.Frame) bool {
		return f.Segment != nil && same(s, f.Segment) && (f.Flow == c.Opener.Flow || f.Flow == c.Acceptor.Flow.Reverse()) == s.Opener
	})
}

// same reports whether both are transmissions of the same segment.
func same(s *timeline.Segment, t *probes.Segment) bool {
	return s.Seq == t.Seq && s.Flags == t.Flags && s.Len == t.Len
}

// acts is how gates kept segments of a connection from arriving.
type acts []*probes.Event

func (v *View) acts(c *timeline.Connection) (list acts) {
	for i := range v.Timeline.Events {
		e := &v.Timeline.Events[i]
		if e.Kind != probes.KindGate || e.Gate == nil || e.Segment == nil {
			continue
		}
		switch e.Gate.Do {
		case probes.Dropped, probes.Refused, probes.Merged:
			if found, _ := v.connection(e.Flow); found == c {
				list = append(list, e)
			}
		}
	}
	return list
}

// did reports whether a gate did one of the deeds to a segment: to the
// transmission that was the last before the deed.
func (a acts) did(s *timeline.Segment, deeds ...probes.Deed) bool {
	return slices.ContainsFunc(a, func(e *probes.Event) bool {
		if !slices.Contains(deeds, e.Gate.Do) || !same(s, e.Segment) || e.Time < s.Sent() {
			return false
		}
		return !slices.ContainsFunc(s.Connection.Segments, func(x *timeline.Segment) bool {
			return x != s && x.Opener == s.Opener && same(x, e.Segment) && x.Sent() > s.Sent() && x.Sent() <= e.Time-e.Gate.Waited
		})
	})
}

// isns returns the initial sequence numbers of opener and acceptor.
func isns(c *timeline.Connection) (isn [2]uint32) {
	var known [2]bool
	for _, s := range c.Segments {
		side := 0
		if !s.Opener {
			side = 1
		}
		if known[side] || s.Flags.Has(probes.RST) {
			continue
		}
		known[side] = true
		if isn[side] = s.Seq; !s.Flags.Has(probes.SYN) {
			isn[side]--
		}
	}
	return isn
}

// place returns the states of an end's history for each segment: beside the
// segment that brought the state about, as the model has it, else beside the
// one that the end sent when it entered it, else beside the last before.
func place(segments []*timeline.Segment, e *timeline.Endpoint) [][]probes.State {
	out := make([][]probes.State, len(segments))
	last := 0
	for i := range e.History {
		v := &e.History[i]
		if i == 0 && v.State == probes.Closed || len(segments) == 0 {
			continue
		}
		last = max(last, rungOf(segments, e, v)) // never back in time
		out[last] = append(out[last], v.State)
	}
	return out
}

func rungOf(segments []*timeline.Segment, e *timeline.Endpoint, v *timeline.Visit) int {
	flag := map[probes.State]probes.Flags{
		probes.SynSent: probes.SYN, probes.FinWait1: probes.FIN, probes.LastAck: probes.FIN,
	}[v.State]
	last := 0
	for i, s := range segments {
		mine := s.Connection != nil && (s.Opener == (e == s.Connection.Opener))
		for _, tap := range s.Taps {
			if slices.ContainsFunc(v.Witnesses, func(w timeline.Witness) bool { return w.Source == probes.Wire && w.Event == tap.Event }) {
				return i
			}
		}
		if flag != 0 && mine && s.Flags.Has(flag) {
			return i
		}
		if s.Sent() <= v.From {
			last = i
		}
	}
	return last
}

// ladderLine lays out a rung in width cells; zero is the time of the first
// segment.
func (p pen) ladderLine(r rung, zero probes.Mono, width int) string {
	const timeCells, stateCells = 8, 12
	clock := ""
	switch {
	case p.stable:
	case r.time != 0:
		clock = fmt.Sprintf("%.3f", float64(r.time.Sub(zero))/1e6)
		clock = p.padLeft(clock, timeCells) + "  "
	default:
		clock = strings.Repeat(" ", timeCells+2)
	}
	cells := width - p.wide(clock) - 2*stateCells - 3
	left, right := p.pad(r.states[0].String(), stateCells), p.pad(r.states[1].String(), stateCells)
	if cells < 12 { // a narrow window: who is where is seen above
		left, right, cells = "", "", width-p.wide(clock)-1
	}
	return strings.TrimRight(clock+left+" "+p.fit(p.arrow(r, cells), cells)+"  "+right, " ")
}

// arrow draws a segment on its way, in cells.
func (p pen) arrow(r rung, cells int) string {
	if r.label == "" {
		return ""
	}
	text := p.cut(r.label, max(cells-3, 1))
	if long := join(r.label, " ", r.said); p.wide(long)+4 <= cells {
		text = long
	}
	dashes := strings.Repeat("-", max(1, cells-p.wide(text)-2))
	switch {
	case r.opener && r.lost:
		return text + " " + dashes + "x"
	case r.opener:
		return text + " " + dashes + ">"
	case r.lost:
		return "x" + dashes + " " + text
	}
	return "<" + dashes + " " + text
}
