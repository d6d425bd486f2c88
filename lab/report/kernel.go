package report

import (
	"fmt"
	"strings"
	"time"

	"netlab/lab/check"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// This file says what the kernel told of connections beside their states: what
// it kept them as, why it sent a RST. And it says how many segments a close was
// to take.

// objects writes, below the states of a ladder, what the kernel kept each end
// as, and since when. Where nobody could say, there is no line.
func (t *text) objects(run Run, c *timeline.Connection) {
	zero := start(run.Timeline)
	var ends []string
	for _, e := range c.Ends() {
		var parts []string
		until := probes.Mono(0)
		for _, s := range e.Objects {
			if s.Teardown {
				continue
			}
			part := string(s.Object) + " " + ms(s.From, zero)
			if t.full {
				part += " " + letterText(s.Witnesses)
			}
			parts = append(parts, part)
			until = s.Until
		}
		if close := run.Timeline.Close; until != 0 && (close == 0 || until <= close) {
			parts = append(parts, t.say(words.ReportKeptGone, ms(until, zero)))
		}
		if len(parts) > 0 {
			ends = append(ends, t.say(words.ReportKept, t.endName(c, e), strings.Join(parts, ", ")))
		}
	}
	if len(ends) > 0 {
		head := t.say(words.ReportKeptAs) + "  "
		if line := head + strings.Join(ends, "   "); t.wide(line) <= t.width-1 {
			t.line(line)
			return
		}
		for _, end := range ends {
			t.wrapped(head, end)
			head = strings.Repeat(" ", t.wide(head))
		}
	}
}

// closing writes how many segments a close took, how many were foreseen, and
// why.
func (t *text) closing(run Run, c *timeline.Connection) {
	x, ok := c.Closed(run.atOnce)
	if !ok || x.Came == 0 {
		return
	}
	second, first := t.endName(c, x.Second), t.endName(c, x.First)
	data := t.say(words.ReportHadNoData)
	if x.Received {
		data = t.say(words.ReportHadData)
	}
	var why string
	switch x.Rule {
	case timeline.FINsCrossed:
		why = t.say(words.ReportFINsCrossed)
	case timeline.AcksAtOnce:
		why = t.say(words.ReportAcksAtOnce, second)
	case timeline.MuchToAck:
		why = t.say(words.ReportMuchToAck, second)
	default:
		id := map[timeline.ClosingRule]words.ID{timeline.ClosedBefore: words.ReportBeforeDue,
			timeline.ClosedAfter: words.ReportAfterDue, timeline.ClosedAbout: words.ReportAboutDue}[x.Rule]
		why = t.say(id, second, brief(x.Took), first, brief(x.Due), data)
	}
	said := t.say(words.ReportForeseen, x.Came, why)
	switch {
	case x.Foreseen == 0:
		said = t.say(words.ReportEither, x.Came, why)
	case x.Foreseen != x.Came:
		said = t.say(words.ReportOtherwise, x.Came, why, x.Foreseen)
	}
	t.wrapped(t.say(words.ReportClosing)+"  ", said)
}

// brief writes a short time for people.
func brief(m probes.Mono) string {
	if d := time.Duration(m); d >= time.Millisecond {
		return duration(d)
	}
	return fmt.Sprintf("%.2f ms", float64(m)/1e6)
}

// atOnce reports whether the lab has a node acknowledge every segment at once.
func (r Run) atOnce(node string) bool {
	if r.Plan == nil {
		return false
	}
	for _, l := range r.Plan.Links {
		for _, e := range l.Ends {
			if e.Node == node && e.QuickAck {
				return true
			}
		}
	}
	return false
}

// causes are the causes of resets in words.
var causes = map[timeline.Cause]words.ID{
	timeline.UnreadData: words.ReportUnreadData, timeline.LingerZero: words.ReportLingerZero, timeline.Aborted: words.ReportAborted,
	timeline.ListenerClosed: words.ReportListenerClosed, timeline.Destroyed: words.ReportDestroyed, timeline.LateData: words.ReportLateData,
	timeline.LingerTwo: words.ReportLingerTwo, timeline.Unanswered: words.ReportKeepalive, timeline.TimedOut: words.ReportTimedOut,
	timeline.NobodyListens: words.ReportNobodyListens, timeline.NoConnection: words.ReportNoConnection, timeline.BadACK: words.ReportBadACK,
	timeline.BadSYN: words.ReportBadSYN, timeline.QueueFull: words.ReportQueueFull, timeline.OldSegment: words.ReportOldSegment,
	timeline.NoMemory: words.ReportNoMemory,
}

// resetText says who sent the RST of a frame, and why; "" if it is none, or
// nothing is known.
func (t *text) resetText(c *timeline.Connection, f check.Frame) string {
	if !f.Flags.Has(probes.RST) || f.Injected || f.Forged {
		return ""
	}
	for _, r := range f.End.Resets {
		if r.Segment != f.Segment {
			continue
		}
		id, known := causes[r.Cause]
		says := ""
		if r.Reason != "" {
			says = t.say(words.ReportSays, clean(r.Reason))
		}
		switch {
		case known && says != "":
			return t.say(words.ReportReset, t.endName(c, f.End), t.say(words.ReportResetBy, t.say(id), says))
		case known:
			return t.say(words.ReportReset, t.endName(c, f.End), t.say(id))
		case says != "":
			return t.say(words.ReportReset, t.endName(c, f.End), says)
		}
	}
	return ""
}

// span is what the kernel kept an end as, in report.json.
type span struct {
	Object    probes.Object   `json:"object"`
	At        float64         `json:"ms"` // since the first segment of the run
	Until     *float64        `json:"until_ms,omitempty"`
	End       timeline.Ending `json:"end,omitempty"` // how it ended
	Witnesses []witness       `json:"seen_by"`
}

// reset is a RST, or the end of a socket as if one had come, in report.json.
type reset struct {
	Dir    probes.Direction `json:"dir"` // seen from the end
	At     float64          `json:"ms"`
	Frame  int              `json:"frame,omitempty"` // none came, or none is known
	Event  uint64           `json:"event,omitempty"` // the kernel's word
	State  probes.State     `json:"state,omitzero"`  // of the socket then
	Reason string           `json:"reason,omitempty"`
	Cause  timeline.Cause   `json:"cause,omitempty"`
}

// told is what else the kernel told of an end, in report.json.
type told struct {
	At     float64       `json:"ms"`
	Event  uint64        `json:"event"`
	State  probes.State  `json:"state,omitzero"`
	Errno  string        `json:"errno,omitempty"`
	Reason string        `json:"reason,omitempty"` // of a drop
	Flags  *probes.Flags `json:"flags,omitempty"`
	SYNACK bool          `json:"synack,omitempty"`
}

// closed is how a close went, in report.json.
type closed struct {
	First    string               `json:"first"`              // whose FIN was first
	Foreseen int                  `json:"foreseen,omitempty"` // segments; 0 if it may be 3 or 4
	Came     int                  `json:"came"`
	Rule     timeline.ClosingRule `json:"rule"`
	Took     float64              `json:"took_ms"`              // from the first FIN's arrival to the other end's close
	Due      float64              `json:"ack_due_ms,omitempty"` // after which the other end would have acknowledged by itself
	Received bool                 `json:"received_data"`
}

func closedOf(run Run, c *timeline.Connection) *closed {
	x, ok := c.Closed(run.atOnce)
	if !ok {
		return nil
	}
	return &closed{First: check.EndName(c, x.First), Foreseen: x.Foreseen, Came: x.Came, Rule: x.Rule,
		Took: float64(x.Took) / 1e6, Due: float64(x.Due) / 1e6, Received: x.Received}
}

// told fills in what the kernel told of an end.
func (out *end) told(tl *timeline.Timeline, e *timeline.Endpoint, zero probes.Mono) {
	within := func(at probes.Mono) bool { return tl.Close == 0 || at <= tl.Close }
	since := func(at probes.Mono) float64 { return float64(at.Sub(zero)) / 1e6 }
	for _, s := range e.Objects {
		if s.Teardown {
			continue
		}
		x := span{Object: s.Object, At: since(s.From), Witnesses: witnessesOf(s.Witnesses)}
		if s.Until != 0 && within(s.Until) {
			until := since(s.Until)
			x.Until, x.End = &until, s.End
		}
		out.Objects = append(out.Objects, x)
	}
	for _, r := range e.Resets {
		if !within(r.Time) {
			continue
		}
		x := reset{Dir: r.Dir, At: since(r.Time), Event: r.Event, State: r.State, Reason: r.Reason, Cause: r.Cause}
		if r.Segment != nil {
			x.Frame = r.Segment.Frame
		}
		out.Resets = append(out.Resets, x)
	}
	list := func(events []*probes.Event) []told {
		var list []told
		for _, ev := range events {
			if !within(ev.Time) || len(list) >= maxClosing {
				continue
			}
			x := told{At: since(ev.Time), Event: ev.Seq, State: ev.Old}
			switch ev.Kind {
			case probes.KindFault:
				x.Errno = ev.Fault.Errno
			case probes.KindDrop:
				x.Reason, x.Flags = ev.Drop.Reason, &ev.Drop.Flags
			case probes.KindResent:
				x.SYNACK = ev.Resent.SYNACK
			}
			list = append(list, x)
		}
		return list
	}
	out.Faults, out.Resent, out.Drops = list(e.Faults), list(e.Resent), list(e.Drops)
	if e.Tally != nil && within(e.Tally.Time) {
		out.Tally = e.Tally.Tally
	}
}

func witnessesOf(list []timeline.Witness) []witness {
	out := []witness{}
	for _, w := range list {
		out = append(out, witness{Source: w.Source, Grade: w.Grade, Event: w.Event})
	}
	return out
}
