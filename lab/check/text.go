package check

import (
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// What a verdict's Want and Got say is made of names, words, states and
// numbers only: it reads the same in every language.

// EndName returns the name of an end: its node, or opener or acceptor where
// both ends are on one node.
func EndName(c *timeline.Connection, e *timeline.Endpoint) string {
	if c.Opener.Node != c.Acceptor.Node && e.Node != "" {
		return e.Node
	}
	if e == c.Opener {
		return scenarios.Opener
	}
	return scenarios.Acceptor
}

// initials returns short names of both ends: capital initials where they
// differ, else the names.
func initials(c *timeline.Connection) (opener, acceptor string) {
	o, a := EndName(c, c.Opener), EndName(c, c.Acceptor)
	x, y := strings.ToUpper(o[:1]), strings.ToUpper(a[:1])
	if x == y {
		return o, a
	}
	return x, y
}

// short returns the short name of a frame's sender.
func short(c *timeline.Connection, e *timeline.Endpoint) string {
	o, a := initials(c)
	if e == c.Opener {
		return o
	}
	return a
}

const arrow = " | " // between the elements of a pattern

// How much of a long pattern is written: the rest is counted.
const (
	patternHead = 8
	patternTail = 4
)

// framesText writes frames as a pattern; equal neighbours are counted. The
// senders are left out where they alternate, beginning with the opener, and
// plain is asked for; not in a simultaneous open.
func framesText(c *timeline.Connection, frames []Frame, plain bool) string {
	if len(frames) == 0 {
		return "nothing"
	}
	var parts []string
	for i, f := range frames {
		plain = plain && f.Opener == (i%2 == 0) && (i != 1 || f.Word != scenarios.WordSYN)
	}
	for i := 0; i < len(frames); {
		f, n := frames[i], 1
		for i+n < len(frames) && frames[i+n].Word == f.Word && frames[i+n].Opener == f.Opener {
			n++
		}
		text := string(f.Word)
		if !plain {
			text = short(c, f.End) + " " + text
		}
		if n > 1 {
			text += fmt.Sprintf(" x%d", n)
		}
		parts = append(parts, text)
		i += n
	}
	if left := len(parts) - patternHead - patternTail; left > 1 {
		parts = append(append(parts[:patternHead:patternHead], fmt.Sprintf("..%d..", left)), parts[patternHead+left:]...)
	}
	return strings.Join(parts, arrow)
}

// patternText writes a pattern as framesText writes frames.
func patternText(c *timeline.Connection, p scenarios.Pattern, plain bool) string {
	var alternatives []string
	for _, seq := range p.Alternatives {
		alternatives = append(alternatives, sequenceText(c, seq, plain))
	}
	return strings.Join(alternatives, " || ")
}

func sequenceText(c *timeline.Connection, seq scenarios.Sequence, plain bool) string {
	for i, el := range seq {
		for _, sp := range el {
			plain = plain && c != nil && isEnd(c, sp.End, i%2 == 0) && (i != 1 || sp.Word != scenarios.WordSYN)
		}
	}
	var parts []string
	for _, el := range seq {
		parts = append(parts, elementText(c, el, plain))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, arrow)
}

func elementText(c *timeline.Connection, el scenarios.Element, plain bool) string {
	var parts []string
	for _, sp := range el {
		end := sp.End
		switch {
		case plain:
			parts = append(parts, string(sp.Word))
			continue
		case c != nil && isEnd(c, end, true):
			end = short(c, c.Opener)
		case c != nil && isEnd(c, end, false):
			end = short(c, c.Acceptor)
		}
		parts = append(parts, end+" "+string(sp.Word))
	}
	return strings.Join(parts, "/")
}

// isEnd reports whether name means the opener, or the acceptor, of c.
func isEnd(c *timeline.Connection, name string, opener bool) bool {
	e, _ := findEnd(c, name)
	return e != nil && (e == c.Opener) == opener
}

// pathText writes states.
func pathText(states []probes.State) string {
	if len(states) == 0 {
		return "nothing"
	}
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = s.String()
	}
	return strings.Join(names, arrow)
}

// countText writes a Count.
func countText(c scenarios.Count) string {
	switch {
	case c.Max < 0:
		return fmt.Sprintf(">= %d", c.Min)
	case c.Min == c.Max:
		return fmt.Sprint(c.Min)
	case c.Min == 0:
		return fmt.Sprintf("<= %d", c.Max)
	}
	return fmt.Sprintf("%d..%d", c.Min, c.Max)
}

// within reports whether n is in the bounds of c.
func within(n int64, c scenarios.Count) bool {
	return n >= c.Min && (c.Max < 0 || n <= c.Max)
}

// boundsText writes the bounds of a duration.
func boundsText(x *scenarios.DurationExpect) string {
	var parts []string
	if x.AtLeast != nil {
		parts = append(parts, ">= "+shortDuration(x.AtLeast.Duration))
	}
	if x.AtMost != nil {
		parts = append(parts, "<= "+shortDuration(x.AtMost.Duration))
	}
	return strings.Join(parts, ", ")
}
