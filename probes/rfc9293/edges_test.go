package rfc9293

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// way is an edge without what is written of it.
type way struct {
	from  probes.State
	event Event
	to    probes.State
}

// A transcript is the RFC as testdata/edges.txt has it.
type transcript struct {
	figure map[way]string   // what it writes below the line
	notes  map[way]int      // the number of the note, or of the erratum
	text   map[way][]string // the sections
}

func transcribed(t *testing.T) transcript {
	t.Helper()
	file, err := os.ReadFile("testdata/edges.txt")
	if err != nil {
		t.Fatal(err)
	}
	rfc := transcript{figure: map[way]string{}, notes: map[way]int{}, text: map[way][]string{}}
	part := ""
	for i, line := range strings.Split(string(file), "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "["):
			part = line
			continue
		}
		f := strings.Split(line, "|")
		for j := range f {
			f[j] = strings.TrimSpace(f[j])
		}
		switch part {
		case "[figure]":
			for _, w := range ways(t, i, f[:3]) {
				rfc.figure[w] = strings.TrimPrefix(f[3], "x")
			}
		case "[notes]":
			n, err := strconv.Atoi(f[0])
			if err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			for _, w := range ways(t, i, f[1:]) {
				rfc.notes[w] = n
			}
		case "[text]":
			for _, w := range ways(t, i, f[1:]) {
				rfc.text[w] = append(rfc.text[w], f[0])
			}
		}
	}
	return rfc
}

// ways reads states, an event, and a state.
func ways(t *testing.T, line int, f []string) []way {
	t.Helper()
	if len(f) != 3 {
		t.Fatalf("line %d: %q", line+1, f)
	}
	to, err := probes.ParseState(f[2])
	if err != nil {
		t.Fatalf("line %d: %v", line+1, err)
	}
	var list []way
	for _, name := range strings.Fields(f[0]) {
		from, err := probes.ParseState(name)
		if err != nil {
			t.Fatalf("line %d: %v", line+1, err)
		}
		list = append(list, way{from, Event(f[1]), to})
	}
	return list
}

// The edges are those of the RFC: each that it has, with the section, the note
// and what figure 5 writes below the line, and no other.
func TestEdgesAreTheRFCs(t *testing.T) {
	rfc := transcribed(t)
	got := transcript{figure: map[way]string{}, notes: map[way]int{}, text: map[way][]string{}}
	for _, e := range Edges() {
		w := way{e.From, e.Event, e.To}
		if e.Drawn {
			got.figure[w] = e.Action
		}
		if n := e.Note + e.Erratum; n != 0 {
			got.notes[w] = n
		}
		if e.Section != "3.3.2" { // that of the notes
			got.text[w] = append(got.text[w], e.Section)
		}
	}
	if diff := cmp.Diff(rfc.figure, got.figure, cmp.AllowUnexported(way{})); diff != "" {
		t.Errorf("figure 5 (-RFC +edges):\n%s", diff)
	}
	if diff := cmp.Diff(rfc.notes, got.notes, cmp.AllowUnexported(way{})); diff != "" {
		t.Errorf("its notes and errata (-RFC +edges):\n%s", diff)
	}
	if diff := cmp.Diff(rfc.text, got.text, cmp.AllowUnexported(way{})); diff != "" {
		t.Errorf("the text (-RFC +edges):\n%s", diff)
	}
}

// The transcript agrees with itself: section 3.10 does what the figure draws.
func TestTranscript(t *testing.T) {
	rfc := transcribed(t)
	for w := range rfc.figure {
		if len(rfc.text[w]) != 1 {
			t.Errorf("figure 5 draws %s, %s to %s; the text has it in %q", w.from, w.event, w.to, rfc.text[w])
		}
	}
	if len(rfc.figure) != 20 {
		t.Errorf("figure 5 has 20 arrows, not %d", len(rfc.figure))
	}
}
