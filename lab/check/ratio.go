package check

import (
	"fmt"
	"strings"
	"time"

	"netlab/scenarios"
	"netlab/scenarios/words"
)

// ratio judges how many times as long one thing took as another.
func (j *judge) ratio(x *scenarios.RatioExpect) {
	v := Verdict{Name: "ratios." + x.Name, Kind: RatioKind, At: x.At, Want: timesText(x)}
	texts := []string{x.Of.From.Text, x.Of.To.Text, x.To.From.Text, x.To.To.Text}
	found := []instant{j.moment(&x.Of.From), j.moment(&x.Of.To), j.moment(&x.To.From), j.moment(&x.To.To)}
	for _, f := range found {
		v.note(f)
	}
	if d, failed := neverDoubt(texts, found); failed {
		v.Got = "never"
		j.decideNever(&v, texts, found, d)
		return
	}
	of, to := j.span(found[0], found[1]), j.span(found[2], found[3])
	v.Got = fmt.Sprintf("%s (%s : %s)", times(of.longest, to.longest), shortDuration(of.longest), shortDuration(to.longest))
	for i, s := range []span{of, to} {
		if s.longest <= 0 {
			j.decideTime(&v, found, words.M(words.CheckWrongOrder, texts[2*i+1], texts[2*i]), nil)
			return
		}
	}
	var reason words.Message
	var d *doubt
	least, most := time.Duration(x.AtLeast), time.Duration(x.AtMost)
	between := because(words.CheckInBetween, times(of.shortest, to.longest), times(of.longest, to.shortest))
	if least > 0 && of.shortest < least*to.longest {
		if reason = words.M(words.CheckRatioBelow, v.Got, x.AtLeast); of.longest >= least*to.shortest {
			d = between
		}
	}
	if most > 0 && of.longest > most*to.shortest {
		if reason = words.M(words.CheckRatioAbove, v.Got, x.AtMost); of.shortest <= most*to.longest {
			d = between
		}
	}
	d = firstDoubt(d, firstDoubt(j.timerDoubt(), j.handDoubt()))
	if !of.known || !to.known {
		d = firstDoubt(d, j.starvedBetween(found))
	}
	j.decideTime(&v, found, reason, d)
}

// A span is how long something took: between two bounds. What the machine may
// be to blame for is within them, if known.
type span struct {
	shortest, longest time.Duration
	known             bool
}

func (j *judge) span(from, to instant) span {
	slack := j.slack(from, to)
	starved, known := j.starvedTime(from.early, to.at)
	return span{max(to.early.Sub(from.at)-slack-starved, 1), to.at.Sub(from.early) + slack, known}
}

// times writes a ratio of durations.
func times(a, b time.Duration) string {
	ratio := float64(a) / float64(max(b, 1))
	if ratio >= 10 {
		return fmt.Sprintf("%.0f", ratio)
	}
	return fmt.Sprintf("%.2g", ratio)
}

// timesText writes the bounds of a ratio.
func timesText(x *scenarios.RatioExpect) string {
	var parts []string
	if x.AtLeast > 0 {
		parts = append(parts, fmt.Sprintf(">= %d", x.AtLeast))
	}
	if x.AtMost > 0 {
		parts = append(parts, fmt.Sprintf("<= %d", x.AtMost))
	}
	return strings.Join(parts, ", ")
}

// observeRatio says which of the two took longer, for tallies: how many times
// as long differs with every run.
func (j *judge) observeRatio(name string) string {
	for i := range j.sc.Expect.Ratios {
		x := &j.sc.Expect.Ratios[i]
		if "ratios."+x.Name != name {
			continue
		}
		found := []instant{j.moment(&x.Of.From), j.moment(&x.Of.To), j.moment(&x.To.From), j.moment(&x.To.To)}
		for _, f := range found {
			if f.never {
				return unobserved
			}
		}
		if j.span(found[0], found[1]).longest > j.span(found[2], found[3]).longest {
			return "longer"
		}
		return "not longer"
	}
	return unobserved
}
