package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// This file says what stands in the middle of a ladder: segments.

// firstWord finds what a line of a text protocol begins with: a reply code, or a
// command, which all that are known here write in capitals (STARTTLS is the
// longest). Anything else is somebody's text.
var firstWord = regexp.MustCompile(`^([0-9]{3})(?:[ -]|$)|^([A-Z]{3,8})(?:[ \r\n:]|$)`)

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

// A drawing is what the arrows of a ladder have in common.
type drawing struct {
	frames []check.Frame
	apart  []bool // has a line of its own where it arrives
	isn    [2]uint32
	lost   [2]bool
}

// arrow draws a segment: its label and an arrow towards the receiver, which
// it does not reach if the segment was lost. One that arrives in a line of its
// own is under way until there.
func (t *text) arrow(d drawing, l line) string {
	f := d.frames[l.frame]
	cells := segmentCells + max(0, t.width-80)
	tip, side := ">", 0
	if !f.Opener {
		tip, side = "<", 1
	}
	waits := f.Stopped() && waiting(f) || overdue(f) != nil && d.lost[1-side]
	switch {
	case !l.arrives && d.apart[l.frame] || waits:
		tip = underWay
	case f.Arrived() == 0 && (d.lost[1-side] || f.Stopped()), f.Undelivered, f.Corrupted:
		tip = "x"
	}
	if l.arrives {
		return t.arrival(f, tip, cells)
	}
	label := ""
	for _, label = range t.labels(f, d.isn) {
		if t.wide(label)+2+len(tip) <= cells {
			break
		}
	}
	label = t.cut(label, cells-2-len(tip))
	dashes := strings.Repeat("-", max(1, cells-t.wide(label)-1-len(tip)))
	if f.Opener {
		return label + " " + dashes + tip
	}
	return tip + dashes + " " + label
}

// underWay is the end of an arrow that goes on elsewhere.
const underWay = ".."

// arrival draws the second half of an arrow, to where it arrives.
func (t *text) arrival(f check.Frame, tip string, cells int) string {
	room := cells - len(underWay) - len(tip) - 2
	list := t.late(f)
	word := list[0]
	if t.wide(word) >= room {
		word = list[len(list)-1]
	}
	word = t.cut(word, room-1)
	dashes := max(1, room-t.wide(word))
	near, far := strings.Repeat("-", dashes/2), strings.Repeat("-", dashes-dashes/2)
	if f.Opener {
		return underWay + near + " " + word + " " + far + tip
	}
	return tip + far + " " + word + " " + near + underWay
}

// late returns why a frame arrives in a line of its own, most telling first:
// what a gate did to it, as ordered, and for how long.
func (t *text) late(f check.Frame) []string {
	if held := heldFor(f); held > 0 {
		return []string{t.say(words.ReportHeldFor, duration(time.Duration(held)))}
	}
	for _, a := range f.Acts {
		switch {
		case !a.Ordered():
		case a.Do == probes.Delayed:
			return []string{t.say(words.ReportDelayedFor, duration(f.Arrived().Sub(a.Time))), t.say(words.ReportDelayed)}
		case a.Do == probes.Reordered:
			return []string{t.say(words.ReportReordered)}
		}
	}
	return []string{t.say(words.ReportArrives)}
}

// labels returns what may be said of a frame, most telling first: what it is,
// and whose it is, if not its sender's, or how often it came.
func (t *text) labels(f check.Frame, isn [2]uint32) []string {
	list := labels(f, isn)
	switch {
	case f.Injected:
		numbered := list[0]
		for i := range list {
			list[i] = t.say(words.ReportInjected, list[i])
		}
		list = slices.Insert(list, 1, t.say(words.ReportInjectedShort, numbered))
		list = append(list, t.say(words.ReportInjected, string(f.Word)))
	case f.Forged:
		list = append([]string{t.say(words.ReportForged, clean(f.From))}, list...)
	}
	for i := range list {
		if f.Retransmission && !f.Counts {
			list[i] += " " + t.say(words.ReportAgain)
		}
		if f.Repeats > 0 && !t.full {
			list[i] += fmt.Sprintf(" x%d", f.Repeats+1)
		}
	}
	return list
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
// shown is relative to them. What a gate made counts only for an end that sent
// nothing.
func isns(frames []check.Frame) (isn [2]uint32) {
	known := [2]bool{}
	for _, made := range []bool{false, true} {
		for _, f := range frames {
			side := 1
			if f.Opener {
				side = 0
			}
			if f.Word == scenarios.WordRST || known[side] || f.Injected != made {
				continue
			}
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
		if head != "" {
			return []string{fmt.Sprintf("%s %s +%d", head, seq, f.Len), fmt.Sprintf("%s +%d", head, f.Len), fmt.Sprintf("+%d", f.Len)}
		}
		whole := fmt.Sprintf("DATA %s +%d", seq, f.Len)
		return append(quoting(whole, f.Segment), whole, fmt.Sprintf("DATA +%d", f.Len), fmt.Sprintf("+%d", f.Len))
	default:
		return []string{fmt.Sprintf("%s %s", w, seq), string(w)}
	}
}

// quoting returns a label with the text of its segment behind it, and with less
// and less of that; nothing where there is none.
func quoting(label string, s *timeline.Segment) []string {
	text := clean(s.Text)
	if text == "" || s.Len > maxSaid {
		return nil
	}
	list := []string{fmt.Sprintf(`%s "%s"`, label, text)}
	for _, n := range []int{24, 16, 8} {
		if runes := []rune(text); n < len(runes) {
			list = append(list, fmt.Sprintf(`%s "%s.."`, label, string(runes[:n])))
		}
	}
	return list
}
