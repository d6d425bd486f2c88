package check

import (
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// carried judges which protocols were seen one in another.
func (j *judge) carried() {
	for i, want := range j.sc.Expect.Carried {
		j.stack(numbered(CarriedKind, i, len(j.sc.Expect.Carried)), CarriedKind, want, true)
	}
	for i, want := range j.sc.Expect.NotCarried {
		j.stack(numbered(NotCarriedKind, i, len(j.sc.Expect.NotCarried)), NotCarriedKind, want, false)
	}
}

// stack judges one of them. That it was seen is evidence by itself; that it was
// not needs the whole capture.
func (j *judge) stack(name string, kind Kind, want scenarios.Stack, wanted bool) {
	v := Verdict{Name: name, Kind: kind, Want: stackText(want), Reference: "RFC 1122 section 1.1.3"}
	if !wanted {
		v.Want = "not " + v.Want
	}
	var first *probes.Event
	frames, read := uint64(0), false
	for i := range j.tl.Events {
		e := &j.tl.Events[i]
		switch {
		case e.Kind != probes.KindStack || e.Stack == nil:
		case len(e.Stack.Layers) == 0:
			read = true
		case follow(e.Stack.Layers, want) && j.inWindow(e.Time):
			frames += e.Stack.Count
			if first == nil {
				first = e
			}
			v.Evidence.Events = append(v.Evidence.Events, e.Seq)
		}
	}
	if first != nil {
		v.Got = fmt.Sprintf("in %d frames, first in frame %d of the capture", frames, first.Stack.Capture)
		v.seen(probes.Wire, probes.Recorded, 1, 1, first.Seq)
	} else {
		v.Got = "in no frame"
	}
	d := firstDoubt(j.sourceDoubt(probes.Wire), j.runDoubt(), j.lossDoubt(anywhere, probes.Wire, probes.Content))
	if d == nil && !read {
		d = because(words.CheckNotRead)
	}
	switch {
	case first != nil && wanted:
		v.pass()
		v.limited(words.M(words.CheckWireAlone))
	case first != nil:
		v.fail(words.M(words.CheckCarried, first.Stack.Capture))
	case d != nil:
		v.inconclusive(d)
	case wanted:
		v.fail(words.M(words.CheckNotCarried))
	default:
		v.pass()
		v.limited(words.M(words.CheckWireAlone))
	}
	j.add(v)
}

// follow reports whether protocols follow one another in a frame.
func follow(layers []probes.Layer, want scenarios.Stack) bool {
	for from := 0; from+len(want) <= len(layers); from++ {
		same := true
		for i, name := range want {
			same = same && string(layers[from+i].Name) == string(name)
		}
		if same {
			return true
		}
	}
	return false
}

func stackText(s scenarios.Stack) string {
	names := make([]string, len(s))
	for i := range s {
		names[i] = string(s[i])
	}
	return strings.Join(names, " > ")
}
