// Package coverage says which edges of RFC 9293 a set of runs exercised, who
// confirmed them, and why the others were not. It is pure.
package coverage

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// A Run is a recorded run.
type Run struct {
	Name     string // scenario, or scenario and variant
	Timeline *timeline.Timeline
}

// A Standing is how an edge stands after all runs.
type Standing string

// The standings.
const (
	Confirmed   Standing = "confirmed"   // by two observer classes or more
	Alone       Standing = "alone"       // by one class; Why says why no other can see it
	Weak        Standing = "weak"        // by one class, or none, although others could see it
	Missing     Standing = "missing"     // no run took it
	Unreachable Standing = "unreachable" // no program can take it on Linux, as Why says
)

// A Row is what is known of one edge.
type Row struct {
	rfc9293.Edge
	Standing Standing
	Times    int      // how often it was taken
	Runs     []string // in which it was, each once, in order
	Classes  []Class  // that confirmed it, in the order K, D, M
	Why      words.Message
	Source   string // of Unreachable: where Linux says so
}

// A Class is an observer class that confirmed an edge.
type Class struct {
	probes.Class
	Times int
	Best  timeline.Witness // the best witness
}

// A Report is the coverage of a set of runs.
type Report struct {
	Runs   int
	Rows   []Row   // of every edge of the model, in the order of [rfc9293.Edges]
	Others []Other // what else was taken
	// Disputed counts endpoints whose observers contradict each other: what
	// they took is not counted.
	Disputed int
}

// An Other is a step between two states that is none of the edges: the kernel's
// own, one to another connection (a SYN in TIME-WAIT), or one whose event nobody
// could tell.
type Other struct {
	From, To probes.State
	Event    rfc9293.Event
	Times    int
	Runs     []string
}

// Count returns how many rows stand so.
func (r *Report) Count(s Standing) int {
	n := 0
	for i := range r.Rows {
		if r.Rows[i].Standing == s {
			n++
		}
	}
	return n
}

// Complete reports whether every edge that can be reached was confirmed by two
// classes, or by the only one that can see it.
func (r *Report) Complete() bool { return r.Count(Missing)+r.Count(Weak) == 0 }

// Of returns the coverage of runs.
func Of(runs []Run) *Report {
	report := &Report{Runs: len(runs)}
	index := make(map[key]int)
	for _, e := range rfc9293.Edges() {
		index[key{e.From, e.Event, e.To}] = len(report.Rows)
		report.Rows = append(report.Rows, Row{Edge: e})
	}
	for _, run := range runs {
		edges, disputed := edgesOf(run.Timeline)
		report.Disputed += disputed
		for _, edge := range edges {
			if at, ok := index[key{edge.From, edge.Event, edge.To}]; ok {
				report.Rows[at].count(run.Name, edge)
			} else {
				report.other(run.Name, edge)
			}
		}
	}
	for i := range report.Rows {
		report.Rows[i].judge()
	}
	return report
}

type key struct {
	from  probes.State
	event rfc9293.Event
	to    probes.State
}

// edgesOf returns all edges of a run, and how many endpoints it leaves out.
func edgesOf(t *timeline.Timeline) (list []timeline.Edge, disputed int) {
	for _, c := range t.Connections {
		for _, e := range c.Ends() {
			if slices.ContainsFunc(t.Conflicts, func(x timeline.Conflict) bool { return x.Endpoint == e }) {
				disputed++
				continue
			}
			list = append(list, t.Edges(e)...)
		}
	}
	for _, l := range t.Listeners {
		list = append(list, l.Edges()...)
	}
	return list, disputed
}

// count takes in that an edge was taken.
func (r *Row) count(run string, e timeline.Edge) {
	r.Times++
	r.Runs = addName(r.Runs, run)
	for _, w := range e.Seen {
		class := w.Source.Class()
		i := slices.IndexFunc(r.Classes, func(c Class) bool { return c.Class == class })
		if i < 0 {
			r.Classes = append(r.Classes, Class{Class: class, Best: w})
			i = len(r.Classes) - 1
		}
		r.Classes[i].Times++
		if w.Grade < r.Classes[i].Best.Grade {
			r.Classes[i].Best = w
		}
	}
}

func (r *Report) other(run string, e timeline.Edge) {
	i := slices.IndexFunc(r.Others, func(o Other) bool { return o.From == e.From && o.To == e.To && o.Event == e.Event })
	if i < 0 {
		r.Others = append(r.Others, Other{From: e.From, To: e.To, Event: e.Event})
		i = len(r.Others) - 1
	}
	r.Others[i].Times++
	r.Others[i].Runs = addName(r.Others[i].Runs, run)
}

func addName(list []string, name string) []string {
	if i, found := slices.BinarySearch(list, name); !found {
		list = slices.Insert(list, i, name)
	}
	return list
}

// judge says how the edge stands.
func (r *Row) judge() {
	order := map[probes.Class]int{probes.KernelEvents: 0, probes.KernelState: 1, probes.Model: 2}
	slices.SortFunc(r.Classes, func(x, y Class) int { return cmp.Compare(order[x.Class], order[y.Class]) })
	closed := unreachable(r.Edge)
	switch {
	case len(r.Classes) >= 2:
		r.Standing = Confirmed
	case r.Times == 0 && closed != nil:
		r.Standing, r.Why, r.Source = Unreachable, words.M(closed.why), closed.source
	case r.Times == 0:
		r.Standing = Missing
	default:
		r.Standing = Weak
		if why := onlyKernel(r.Edge); why != "" && len(r.Classes) == 1 && r.Classes[0].Class == probes.KernelEvents {
			r.Standing, r.Why = Alone, words.M(why)
		}
	}
}
