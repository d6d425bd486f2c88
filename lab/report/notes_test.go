package report

import (
	"strings"
	"testing"

	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// TestNotes has every note said in words, in both languages.
func TestNotes(t *testing.T) {
	for _, name := range []timeline.NoteName{
		timeline.HandOver, timeline.DeadSocket, timeline.NotSampled, timeline.RequestSocket, timeline.ThirdACK,
		timeline.FINQueued, timeline.NoteTwo, timeline.ResetNoTarget, timeline.OrphanFinWait2, timeline.NotDelivered,
		timeline.ResetByData, timeline.FastOpen, timeline.SYNCookie, timeline.QueueOverflow, timeline.NotKept, timeline.Offloaded, timeline.Middlebox,
		timeline.ResetByData, timeline.FastOpen, timeline.SYNCookie, timeline.QueueOverflow, timeline.NotKept,
		timeline.ResetIgnored, timeline.Offloaded, timeline.Middlebox,
	} {
		for _, lang := range []words.Lang{words.English, words.Chinese} {
			if s := newText(Options{Lang: lang}).noteText(name); strings.Contains(s, string(name)) || len(s) < 20 {
				t.Errorf("%s in %s: %q", name, lang, s)
			}
		}
	}
	if s := newText(Options{}).noteText("later\x1b"); s != `later\x1b` {
		t.Errorf("a note that is not known: %q", s)
	}
}
