package watch

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"netlab/probes"
	"netlab/scenarios/words"
)

// A Text writes lines for people.
type Text struct {
	Lang   words.Lang
	Offset int64 // CLOCK_REALTIME - CLOCK_MONOTONIC, nanoseconds
	Names  int   // width of the names of namespaces; at least 5
}

// Head returns the line above the columns.
func (t Text) Head() string {
	parts := strings.SplitN(words.M(words.WatchColumns).In(t.Lang), "|", 6)
	return strings.TrimRight(fmt.Sprintf("%-15s %-*s %-14s %-21s %-21s %s", parts[0], max(t.Names, 5), parts[1], parts[2], parts[3], parts[4], parts[5]), " ")
}

// Line returns a line, without its end.
func (t Text) Line(l Line) string {
	at := time.Unix(0, int64(l.Time)+t.Offset).Format("15:04:05.000000")
	said := t.said(&l)
	if note := l.Note.In(t.Lang); note != "" {
		said += "  (" + note + ")"
	}
	return fmt.Sprintf("%-15s %-*s %-14s %-21s %-21s %s", at, max(t.Names, 5), clean(l.Scope), process(l.Owner), address(l.Flow.Local), address(l.Flow.Remote), said)
}

// said says what happened.
func (t Text) said(l *Line) string {
	switch l.Kind {
	case probes.KindReset:
		if l.Reset.Dir == probes.Out {
			return strings.TrimRight(t.say(words.WatchResetSent, clean(l.Reset.Reason)), " ")
		}
		return t.say(words.WatchResetReceived)
	case probes.KindResent:
		what := "SYN+ACK"
		if !l.Resent.SYNACK {
			what = l.Old.String()
		}
		return t.say(words.WatchResent, what)
	case probes.KindFault:
		return t.say(words.WatchFault, clean(l.Fault.Errno))
	case probes.KindDrop:
		return t.say(words.WatchDrop, l.Drop.Flags.String(), clean(l.Drop.Reason))
	case probes.KindTally:
		return t.say(words.WatchTally, l.Tally.SegsOut, l.Tally.SegsIn, l.Tally.BytesOut, l.Tally.BytesIn, l.Tally.Resent)
	case probes.KindLoss:
		return t.say(words.WatchLoss, l.Loss.Count, clean(l.Loss.What))
	}
	said := l.New.String()
	if l.Old != probes.Unknown && l.Old != l.New {
		said = strings.TrimRight(l.Old.String()+" -> "+l.New.String(), " ")
	}
	if l.Lasted > 0 {
		said += "  " + lasted(l.Lasted)
	}
	return said
}

func (t Text) say(id words.ID, args ...any) string { return words.M(id, args...).In(t.Lang) }

// lasted writes a time with three digits that count.
func lasted(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.3f ms", float64(d)/1e6)
}

func process(o *probes.Owner) string {
	if o == nil {
		return "-"
	}
	return fmt.Sprintf("%s/%d", clean(o.Comm), o.PID)
}

// address writes what is known of an address; * is what is not.
func address(a netip.AddrPort) string {
	switch {
	case !a.IsValid() && a.Port() == 0:
		return "*"
	case a.Port() == 0:
		return a.Addr().String() + ":*"
	}
	return a.String()
}

// clean keeps what would move a terminal's cursor out of it: a process may
// call itself anything.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return '?'
		}
		return c
	}, s)
}

// lineJSON is a line for programs: an event as run directories have them, and
// what was made of it.
type lineJSON struct {
	Scope  string `json:"namespace"`
	Lasted int64  `json:"lasted_ns,omitempty"` // in the state before
	Note   string `json:"note,omitempty"`      // English
	probes.Event
}

// JSON returns a line as one line of JSON.
func JSON(l Line) ([]byte, error) {
	return json.Marshal(lineJSON{l.Scope, int64(l.Lasted), l.Note.String(), l.Event})
}
