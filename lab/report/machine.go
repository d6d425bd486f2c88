package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

const (
	maxPrograms  = 8                     // shown before the rest is left out
	maxStarved   = 3                     //
	worthTelling = 10 * time.Millisecond // a heartbeat that came later than this
)

// machine writes which programs ran, and when the machine kept the run
// waiting.
func (t *text) machine(tl *timeline.Timeline) {
	var list []string
	for _, p := range tl.Header.Programs { // one for each step: many may be the same
		if name := t.cut(clean(program(p)), 60); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	if len(list) > maxPrograms+1 {
		list = append(list[:maxPrograms], "..")
	}
	if len(list) > 0 {
		t.wrapped(t.say(words.ReportPrograms)+"  ", strings.Join(list, t.say(words.ReportListComma)))
	}
	told := 0
	for _, s := range tl.Starved {
		late := time.Duration(s.Late)
		if late != 0 && late <= worthTelling || tl.Close != 0 && s.Time-s.Late > tl.Close {
			continue
		}
		if told++; told > maxStarved {
			continue
		}
		at := fmt.Sprintf("%.3f", float64(s.Time.Sub(start(tl)))/1e6)
		if s.Node == "" {
			t.hanging(t.say(words.ReportStarvedRun, duration(late), at), "  ")
		} else {
			t.hanging(t.say(words.ReportStarvedNode, s.Node, duration(late), at), "  ")
		}
	}
	if told > maxStarved {
		t.line(t.say(words.ReportStarvedMore, told-maxStarved))
	}
}

// program names a program and its version. Where that is not known, the file
// does: Name is what the scenario calls it.
func program(p probes.Program) string {
	switch {
	case p.Package != "":
		return p.Package
	case p.Version != "":
		return p.Version
	case p.Path != "":
		return filepath.Base(p.Path)
	}
	return p.Name
}
