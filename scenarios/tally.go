package scenarios

import (
	"reflect"
	"slices"
	"strings"

	"netlab/scenarios/words"
)

// This file checks the names of what is counted over runs.

// kindsOfConnection lists what can be expected of a connection, by the names
// of section "expect"; of its ends there is a kind for each.
func (c *checker) kindsOfConnection() []string {
	keys := c.shapes.of(reflect.TypeFor[ConnectionExpect]()).keys()
	return slices.DeleteFunc(keys, func(key string) bool { return key == "ends" })
}

// maxTally bounds what is counted.
const maxTally = 100

// exampleTally is shown to whom a name of an expectation will not succeed.
const exampleTally = "control.first_fin"

// checkTally looks up what is counted: the name of an expectation, whether it
// is judged or not.
//
//	CONNECTION.KIND        CONNECTION.END.states  steps.STEP.KIND
//	connection_count.SERVER  durations.NAME         ratios.NAME   order
func (c *checker) checkTally() {
	if n := len(c.s.Tally); n > maxTally {
		c.wrong(bad(words.ValueTooMany, maxTally, n), &c.s.Tally)
		return
	}
	for i := range c.s.Tally {
		c.checkTallied(&c.s.Tally[i])
	}
}

func (c *checker) checkTallied(name *string) {
	head, rest, _ := strings.Cut(*name, ".")
	if c.lost[head] || c.unreadable(&c.connections) {
		return
	}
	var allowed []string
	list := func(head string, tails []string) {
		for _, tail := range tails {
			allowed = append(allowed, head+"."+tail)
		}
	}
	switch {
	case c.connections.has(head):
		if end, what, _ := strings.Cut(rest, "."); what == "states" {
			c.checkEndName(head, end, name)
			return
		}
		list(head, c.kindsOfConnection())
	case head == "steps":
		step, _, _ := strings.Cut(rest, ".")
		if !c.steps.has(step) {
			c.wrong(bad(words.NoStep, quote(step)).instead(c.steps.names, step), name)
			return
		}
		list("steps."+step, c.s.Steps[c.steps.index[step]].results())
	case head == "connection_count":
		list(head, c.servers.names)
	case head == "durations":
		for _, d := range c.s.Expect.Durations {
			allowed = append(allowed, "durations."+d.Name)
		}
	case head == "ratios":
		for _, r := range c.s.Expect.Ratios {
			allowed = append(allowed, "ratios."+r.Name)
		}
	case *name == "order" && len(c.s.Expect.Order) > 0:
		return
	default:
		all := slices.Concat(c.connections.names, []string{"steps", "connection_count", "durations", "ratios"})
		c.wrong(bad(words.NoTally, quote(*name), exampleTally).instead(all, head), name)
		return
	}
	if !isWord(*name, allowed) {
		c.wrong(bad(words.NoTally, quote(*name), exampleTally).instead(allowed, *name), name)
	}
}
