package step

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"netlab/lab/check"
	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A rung is a line of the ladder: a segment where it was sent or, if others
// crossed it on its way, where it arrives; with the states that belong to it.
type rung struct {
	time   probes.Mono // 0 if there is no segment
	frame  int         // its number, as reports have it
	states [2]probes.State
	label  string // "" if there is none
	said   string // the first line of its payload, quoted
	opener bool   // sent it
	part   part
}

// A part is how much of a segment's way a rung shows, and how that ends.
type part int

const (
	whole   part = iota // from one end to the other
	lost                // it does not arrive
	begun               // it waits, or arrives in a rung of its own
	arrives             // the rest of the way
)

// A spot is a segment where it was sent, or where it arrives.
type spot struct {
	segment int // index
	arrives bool
	at      probes.Mono
}

// rungs draws a connection.
func (m *model) rungs(c *timeline.Connection) []rung {
	frames := check.Frames(c)
	called := names(frames)
	for i := len(frames) - 1; i >= 0; i-- { // repetitions of what waits are counted there
		if did(frames[i].Segment, probes.Merged) {
			frames, called = slices.Delete(frames, i, i+1), slices.Delete(called, i, i+1)
		}
	}
	isn, spots := isns(c), spotsOf(frames)
	var states [2][][]probes.State // of each end, for each spot
	for i, e := range c.Ends() {
		states[i] = place(frames, spots, e)
	}
	var out []rung
	for i, at := range spots {
		f := frames[at.segment]
		r := rung{time: at.at, frame: f.Frame, opener: f.Opener, part: m.view.part(spots, at, f)}
		me, peer := isn[0], isn[1]
		if !f.Opener {
			me, peer = peer, me
		}
		r.label = m.segmentLabel(called[at.segment], &f.Segment.Segment, f.Seq-me, f.Acks()-peer, f.Repeats)
		if f.Copies > 0 {
			r.label += " " + m.say(words.StepTwice)
		}
		if f.Len > 0 && f.Text != "" {
			r.said = m.quoted(f.Text)
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

// spotsOf returns where segments were sent and, if others crossed them, where
// they arrive, in the order of time.
func spotsOf(frames []check.Frame) []spot {
	var out []spot
	for i, f := range frames {
		out = append(out, spot{segment: i, at: f.Sent()})
		if crossed(frames, i) {
			out = append(out, spot{segment: i, arrives: true, at: f.Arrived()})
		}
	}
	slices.SortStableFunc(out, func(a, b spot) int { return cmp.Compare(a.at, b.at) })
	return out
}

// farBack bounds how many segments before one are looked through for those
// that arrive after it was sent: no window has more.
const farBack = 500

// crossed reports whether the receiver of a segment sent or received another
// segment while that was on its way, or one that was sent later came first.
func crossed(frames []check.Frame, i int) bool {
	f := frames[i]
	sent, arrived := f.Sent(), f.Arrived()
	if arrived == 0 || f.Injected {
		return false
	}
	within := func(at probes.Mono) bool { return sent < at && at < arrived }
	for k := max(0, i-farBack); k < len(frames); k++ {
		x := frames[k]
		switch {
		case k > i && x.Sent() > arrived:
			return false // so are all that follow
		case k == i || x.Injected:
		case x.Opener != f.Opener && (within(x.Sent()) || within(x.Arrived())):
			return true
		case x.Opener == f.Opener && k > i && within(x.Arrived()):
			return true
		}
	}
	return false
}

// onItsWay is how long a segment that no gate has is taken to be on its way,
// and not lost, after it was sent.
const onItsWay = probes.Mono(1e9)

// part says what a rung shows of a segment.
func (v *View) part(spots []spot, at spot, f check.Frame) part {
	waits := slices.ContainsFunc(v.Waiting, func(w gate.Frame) bool {
		return w.Segment != nil && same(f.Segment, w.Segment) &&
			(w.Flow == f.Connection.Opener.Flow || w.Flow == f.Connection.Acceptor.Flow.Reverse()) == f.Opener
	})
	newest := v.Timeline.Events[len(v.Timeline.Events)-1].Time
	switch {
	case at.arrives:
		return arrives
	case f.Arrived() != 0 && (f.Undelivered || f.Corrupted):
		return lost
	case slices.ContainsFunc(spots, func(s spot) bool { return s.arrives && s.segment == at.segment }):
		return begun
	case f.Arrived() != 0:
		return whole
	case did(f.Segment, probes.Dropped, probes.Refused):
		return lost
	case waits, len(f.Acts) > 0 && f.Acts[len(f.Acts)-1].Do == probes.Held, newest-f.Sent() < onItsWay && !f.Stopped():
		return begun
	}
	return lost
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

// place returns the states of an end's history for each spot: beside the
// segment that brought the state about, as the model has it, else beside the
// one that the end sent when it entered it, else beside the last before.
func place(frames []check.Frame, spots []spot, e *timeline.Endpoint) [][]probes.State {
	out := make([][]probes.State, len(spots))
	last := 0
	for i := range e.History {
		v := &e.History[i]
		if i == 0 && v.State == probes.Closed || len(spots) == 0 {
			continue
		}
		last = max(last, spotOf(frames, spots, e, v)) // never back in time
		out[last] = append(out[last], v.State)
	}
	return out
}

func spotOf(frames []check.Frame, spots []spot, e *timeline.Endpoint, v *timeline.Visit) int {
	flag := map[probes.State]probes.Flags{
		probes.SynSent: probes.SYN, probes.FinWait1: probes.FIN, probes.LastAck: probes.FIN,
	}[v.State]
	last := 0
	for i, at := range spots {
		f := frames[at.segment]
		taps := f.Taps
		if at.arrives {
			taps = taps[len(taps)-1:]
		}
		for _, tap := range slices.Backward(taps) {
			if slices.ContainsFunc(v.Witnesses, func(w timeline.Witness) bool { return w.Source == probes.Wire && w.Event == tap.Event }) {
				return arrival(spots, at, tap.Dir == probes.In)
			}
		}
		if flag != 0 && f.End == e && f.Flags.Has(flag) && !at.arrives {
			return i
		}
		if at.at <= v.From {
			last = i
		}
	}
	return last
}

// arrival returns the index of the spot where a segment arrives if that is
// meant and there is one, else of where it was sent.
func arrival(spots []spot, of spot, meant bool) int {
	at := 0
	for i, s := range spots {
		if s.segment == of.segment && (!s.arrives || meant) {
			at = i
		}
	}
	return at
}

// ladderLine lays out a rung in width cells; zero is the time of the first
// segment.
func (p pen) ladderLine(r rung, zero probes.Mono, width int) string {
	const timeCells, stateCells = 9, 12
	clock := ""
	switch {
	case p.stable:
	case r.time != 0:
		clock = p.padLeft(since(r.time-zero), timeCells) + "  "
	default:
		clock = strings.Repeat(" ", timeCells+2)
	}
	if width >= roomy {
		number := ""
		if r.label != "" && r.part != arrives {
			number = strconv.Itoa(r.frame)
		}
		clock += p.padLeft(number, 4) + "  "
	}
	cells := width - p.wide(clock) - 2*stateCells - 3
	left, right := p.pad(r.states[0].String(), stateCells), p.pad(r.states[1].String(), stateCells)
	if cells < 12 { // a narrow window: who is where is seen above
		left, right, cells = "", "", width-p.wide(clock)-1
	}
	return strings.TrimRight(clock+left+" "+p.fit(p.arrow(r, cells), cells)+"  "+right, " ")
}

// roomy is from which width on the ladder has the numbers of frames, too.
const roomy = 100

// since writes a time in milliseconds, in seconds where those grow long.
func since(d probes.Mono) string {
	if d < 10e9 {
		return fmt.Sprintf("%.3f", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", float64(d)/1e9)
}

// underWay is the end of an arrow that goes on elsewhere.
const underWay = ".."

// arrow draws a segment on its way, in cells.
func (p pen) arrow(r rung, cells int) string {
	if r.label == "" {
		return ""
	}
	tail, tip := "", ">"
	switch r.part {
	case lost:
		tip = "x"
	case begun:
		tip = underWay
	case arrives:
		tail = underWay + "- "
	}
	if !r.opener {
		tail, tip = mirror(tail), mirror(tip)
	}
	room := cells - len(tail) - len(tip) - 2
	text := p.cut(r.label, max(room, 1))
	if long := join(r.label, " ", r.said); p.wide(long) <= room {
		text = long
	}
	dashes := strings.Repeat("-", max(1, cells-p.wide(text)-len(tail)-len(tip)-1))
	if r.opener {
		return tail + text + " " + dashes + tip
	}
	return tip + dashes + " " + text + tail
}

// mirror turns the end of an arrow round.
func mirror(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return strings.ReplaceAll(string(b), ">", "<")
}
