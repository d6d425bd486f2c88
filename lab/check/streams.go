package check

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// This file judges what whoever reads along on the wire can read there: see
// package probes/wire/content.

// inWindow reports whether something happened before the window closed.
func (j *judge) inWindow(at probes.Mono) bool { return j.tl.Close == 0 || at <= j.tl.Close }

// readable judges whether a text is to be read in what either end sent. That
// it was found is evidence by itself, whatever else was lost. That it was not
// needs both streams, whole and searched.
func (j *judge) readable(v *Verdict, c *timeline.Connection, text string, wanted bool) {
	var senders []*timeline.Endpoint
	var first *timeline.Found
	for i := range c.Found {
		f := &c.Found[i]
		if f.Text != text || f.Count == 0 || !j.inWindow(f.Time) {
			continue
		}
		if first == nil {
			first = f
		}
		if !slices.Contains(senders, f.From) {
			senders = append(senders, f.From)
		}
		v.Evidence.Events = append(v.Evidence.Events, f.Event)
		for _, s := range f.Segments {
			v.Evidence.Frames = append(v.Evidence.Frames, s.Frame)
		}
	}
	v.Got = "not " + quoted(text)
	if first != nil {
		v.Got = quoted(text) + " by " + endsText(c, senders)
		v.seen(probes.Wire, probes.Recorded, 1, 1, first.Event)
		if !wanted {
			v.fail(foundReason(c, first))
			return
		}
		v.pass()
		v.limited(words.M(words.CheckWireAlone))
		return
	}
	v.seen(probes.Wire, probes.Recorded, tapped(c), 2, 0)
	v.Evidence.Events = append(v.Evidence.Events, searches(c, text)...)
	if d := j.searchDoubt(c, text); d != nil {
		v.inconclusive(d)
		return
	}
	if wanted {
		v.fail(words.M(words.CheckTextAbsent))
		return
	}
	v.pass()
	v.limited(words.M(words.CheckWireAlone))
}

func foundReason(c *timeline.Connection, f *timeline.Found) words.Message {
	frame := 0
	if len(f.Segments) > 0 {
		frame = f.Segments[0].Frame
	}
	return words.M(words.CheckTextFound, frame, EndName(c, f.From))
}

// searches returns the events of the searches for a text.
func searches(c *timeline.Connection, text string) []uint64 {
	var list []uint64
	for _, f := range c.Found {
		if f.Text == text {
			list = append(list, f.Event)
		}
	}
	return list
}

// searchDoubt says why it is not certain what was sent on c: a stream that was
// not captured whole, or not searched for the text. The text "" stands for any
// reading at all.
func (j *judge) searchDoubt(c *timeline.Connection, text string) *doubt {
	if d := firstDoubt(j.bothEndsDoubt(c), j.lossDoubt(anywhere, probes.Content)); d != nil {
		return d
	}
	for _, e := range c.Ends() {
		if d := streamDoubt(c, e, text); d != nil {
			return d
		}
	}
	return nil
}

// streamDoubt says why it is not certain what an end sent.
func streamDoubt(c *timeline.Connection, e *timeline.Endpoint, text string) *doubt {
	searched := false
	for _, f := range c.Found {
		switch {
		case f.From != e || f.Text != text || f.Node != e.Node:
		case f.Holes:
			return because(words.CheckStreamHoles, EndName(c, e)).remedied(words.M(words.CheckRunAgain))
		default:
			searched = true
		}
	}
	if searched || !slices.ContainsFunc(c.Segments, func(s *timeline.Segment) bool { return s.Opener == (e == c.Opener) && !s.Forged }) {
		return nil // or it never sent anything
	}
	return because(words.CheckNotSearched, EndName(c, e))
}

// maxQuoted is how much of a text is shown, in characters.
const maxQuoted = 40

// quoted writes a text for people, shortened.
func quoted(text string) string {
	if utf8.RuneCountInString(text) > maxQuoted {
		n := 0
		for i := range text {
			if n++; n > maxQuoted {
				return fmt.Sprintf("%q..", text[:i])
			}
		}
	}
	return fmt.Sprintf("%q", text)
}

// numbered names the nth of several expectations of a kind.
func numbered(kind Kind, n, of int) string {
	if of == 1 {
		return string(kind)
	}
	return fmt.Sprintf("%s[%d]", kind, n)
}

// listText writes a list as one value.
func listText(parts []string) string {
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, arrow)
}
