package report

import (
	"strings"
	"testing"

	"netlab/lab/check"
	"netlab/probes"
)

// An order of many moments is a walk, told with the time of each step; one
// that is short, or did not hold, is told in one line.
func TestWalk(t *testing.T) {
	order := func(n int, o check.Outcome) *check.Verdict {
		v := &check.Verdict{Name: "order", Kind: check.OrderKind, Outcome: o, Want: "a < b", Got: "a < b"}
		for i := range n {
			v.Moments = append(v.Moments, check.Passed{Moment: "step " + string(rune('a'+i)), At: probes.Mono(1e6 * (i*i + 1))})
		}
		return v
	}
	for _, tt := range []struct {
		name string
		v    *check.Verdict
		want string
	}{
		{"walk", order(5, check.Pass), "  ok  order                  5 moments, in milliseconds:\n" +
			"           0.000             step a\n           1.000     +1.000  step b\n           4.000     +3.000  step c\n" +
			"           9.000     +5.000  step d\n          16.000     +7.000  step e"},
		{"short", order(4, check.Pass), "  ok  order                  a < b"},
		{"failed", order(5, check.Fail), "fail  order                  got  a < b\n                             want a < b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newText(Options{Width: 80})
			x.verdict(tt.v, 23, 1e6)
			if got := strings.Join(x.lines, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
