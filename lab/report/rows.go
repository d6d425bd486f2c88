package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
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

// firstWord finds what a line of a text protocol begins with: a reply code or
// a command.
var firstWord = regexp.MustCompile(`^([0-9]{3})(?:[ -]|$)|^([A-Za-z][A-Za-z0-9]{1,11})(?:[ \r\n:]|$)`)

// maxSaid is how long a segment may be whose first word means something: text
// protocols bound their lines (RFC 5321 section 4.5.3.1.6), what is longer is
// content.
const maxSaid = 1000

// said returns the first word of a segment's text, "" if it is none.
func said(s *timeline.Segment) string {
	switch {
	case s.Flags.Has(probes.RST):
		return "RST"
	case s.Len > maxSaid:
		return ""
	}
	m := firstWord.FindStringSubmatch(s.Text)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

// elided tells frames that are left out by what was said in them.
func (t *text) elided(frames []check.Frame) string {
	var list []string
	bytes, again := 0, 0
	for _, f := range frames {
		if f.Retransmission {
			again++
			continue
		}
		bytes += f.Len
		if w := said(f.Segment); w != "" && (len(list) == 0 || list[len(list)-1] != w) {
			list = append(list, w)
		}
	}
	numbers := fmt.Sprintf("%d-%d", frames[0].Frame, frames[len(frames)-1].Frame)
	if len(list) == 0 {
		list = []string{t.say(words.ReportElidedPlain, len(frames), bytes)}
	}
	if again > 0 {
		list = append(list, t.say(words.ReportResent, again))
	}
	for drop := 0; ; drop++ {
		shown := list
		if drop > 0 {
			at := max(1, (len(list)-drop)/2)
			shown = append(append(slices.Clone(list[:at]), ".."), list[min(at+drop, len(list)-1):]...)
		}
		s := t.say(words.ReportElided, numbers, strings.Join(shown, ", "))
		if t.wide(s) <= t.width-10 || drop+2 >= len(list) {
			return t.cut(s, t.width-10)
		}
	}
}

// arrow draws a segment: its label and an arrow towards the receiver, which
// it does not reach if the segment was lost.
func (t *text) arrow(c *timeline.Connection, frames []check.Frame, i int, isn [2]uint32, lost [2]bool) string {
	f := frames[i]
	cells := segmentCells + max(0, t.width-80)
	label := ""
	all := labels(f, isn)
	if f.Forged {
		all = append([]string{t.say(words.ReportForged, clean(f.From))}, all...)
	}
	for _, l := range all {
		if f.Retransmission && !f.Counts {
			l += " " + t.say(words.ReportAgain)
		}
		if label = l; t.wide(label)+3 <= cells {
			break
		}
	}
	label = t.cut(label, cells-3)
	dashes := max(1, cells-t.wide(label)-2)
	tip, side := ">", 0
	if !f.Opener {
		tip, side = "<", 1
	}
	if f.Arrived() == 0 && (lost[1-side] || f.Stopped()) || f.Undelivered {
		tip = "x"
	}
	if f.Opener {
		return label + " " + strings.Repeat("-", dashes) + tip
	}
	return tip + strings.Repeat("-", dashes) + " " + label
}

// lossCanBeSeen reports at which ends segments are seen to arrive: only
// there does one that does not arrive mean a loss.
func lossCanBeSeen(frames []check.Frame) (ends [2]bool) {
	for _, f := range frames {
		if f.Arrived() == 0 {
			continue
		}
		if f.Opener {
			ends[1] = true
		} else {
			ends[0] = true
		}
	}
	return ends
}

// isns returns the initial sequence numbers of opener and acceptor: what is
// shown is relative to them.
func isns(frames []check.Frame) (isn [2]uint32) {
	known := [2]bool{}
	for _, f := range frames {
		side := 1
		if f.Opener {
			side = 0
		}
		if f.Word == scenarios.WordRST {
			continue
		}
		if !known[side] {
			known[side] = true
			isn[side] = f.Seq
			if !f.Flags.Has(probes.SYN) {
				isn[side]--
			}
		}
	}
	return isn
}

// labels returns what may be said of a segment, most telling first.
func labels(f check.Frame, isn [2]uint32) []string {
	me, peer := isn[1], isn[0]
	if f.Opener {
		me, peer = peer, me
	}
	seq, ack := fmt.Sprintf("seq=%d", f.Seq-me), fmt.Sprintf("ACK=%d", f.Acks()-peer)
	switch w := f.Word; w {
	case scenarios.WordSYN:
		return []string{"SYN " + seq}
	case scenarios.WordSYNACK:
		return []string{"SYN " + seq + " " + ack}
	case scenarios.WordACK:
		return []string{ack}
	case scenarios.WordRST:
		return []string{"RST " + seq, "RST"}
	case scenarios.WordFIN:
		return []string{"FIN " + seq}
	case scenarios.WordDATA:
		head := said(f.Segment)
		if head == "" {
			head = "DATA"
		}
		return []string{fmt.Sprintf("%s %s +%d", head, seq, f.Len), fmt.Sprintf("%s +%d", head, f.Len), fmt.Sprintf("+%d", f.Len)}
	default:
		return []string{fmt.Sprintf("%s %s", w, seq), string(w)}
	}
}
