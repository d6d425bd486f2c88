package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
)

// addSamples adds what the samplers saw: as further witnesses of visits that
// are known, and as visits of their own where kernel and model are blind. A
// sample that comes late never contradicts.
func (b *builder) addSamples(l *lane, path []Visit, over bool) []Visit {
	for _, v := range l.Views[probes.KernelState].Visits {
		if i := lastBefore(path, v); i >= 0 {
			for _, w := range v.Witnesses {
				path[i].Witnesses = addWitness(path[i].Witnesses, w)
			}
			continue
		}
		b.judgeSample(l, v, over)
		i := len(path)
		for i > 0 && path[i-1].From > v.From && path[i-1].State != probes.Closed {
			i--
		}
		if i > 0 && path[i-1].State == probes.Closed && path[i-1].From >= v.From {
			i--
		}
		v.Witnesses = slices.Clone(v.Witnesses)
		path = slices.Insert(path, i, v)
	}
	b.addGone(l, path)
	return path
}

// lastBefore returns the last visit to v's state that had begun when v was
// seen; else the first one; -1 if there is none.
func lastBefore(path []Visit, v Visit) int {
	found := -1
	for i := range path {
		if path[i].State == v.State && (found < 0 || path[i].From <= v.From+slack) {
			found = i
		}
	}
	return found
}

// judgeSample finds a contradiction where a sampler saw what a whole record
// says never was.
func (b *builder) judgeSample(l *lane, v Visit, over bool) {
	e := b.event(v.Witnesses[0].Event)
	model, kernel := l.Views[probes.Model], l.Views[probes.KernelEvents]
	full := e.Sample.Object == probes.FullObject
	switch {
	case b.teardown(v.From):
	case full && kernel.Whole && len(kernel.Visits) > 0:
		b.conflict(l, ordinals(v), "%s listed the socket in %s, the kernel's events never show it there", e.Source, v.State)
	case !full && model.Whole && v.State == probes.TimeWait && !over:
		b.conflict(l, ordinals(v), "%s listed the socket in %s, the model never was there", e.Source, v.State)
	}
}

// addGone makes the samplers witnesses of a final CLOSED: they had listed the
// socket, and then did not.
func (b *builder) addGone(l *lane, path []Visit) {
	n := len(path)
	if n == 0 || path[n-1].State != probes.Closed {
		return
	}
	last := &path[n-1]
	for _, e := range l.events {
		if e.Kind != probes.KindSample || e.Time < last.From || e.Sample.Object == probes.RequestObject {
			continue
		}
		if e.Sample.Gone || e.New == probes.Closed {
			last.Witnesses = addWitness(last.Witnesses, Witness{Source: e.Source, Grade: grade(e), Event: e.Seq, Time: e.Time})
		}
	}
}

// polish puts witnesses in the order of their grade and makes the times
// follow the order of the visits: that of the state machine, which clocks of
// two observers cannot overrule.
func (b *builder) polish(path []Visit) []Visit {
	for i := range path {
		v := &path[i]
		slices.SortStableFunc(v.Witnesses, func(x, y Witness) int { return cmp.Compare(x.Grade, y.Grade) })
		if i > 0 {
			v.From = max(v.From, path[i-1].From)
			path[i-1].Until = v.From
		}
		v.Until = 0
		v.Teardown = b.teardown(v.From)
	}
	return path
}
