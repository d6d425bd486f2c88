package scenarios

import (
	"reflect"
	"strings"

	"netlab/scenarios/words"
)

// This file checks what is said of mutations beside their patches.

// checkMutations sees to it that mutations have names of their own, and name
// expectations that may exist. Which there are is known when a run is judged:
// an expectation that was not judged makes the run an error then.
func (c *checker) checkMutations() {
	variants := map[string]*string{}
	for i := range c.s.Variants {
		variants[c.s.Variants[i].Name] = &c.s.Variants[i].Name
	}
	for i := range c.s.Mutations {
		m := &c.s.Mutations[i]
		if first, ok := variants[m.Name]; ok {
			c.wrong(bad(words.NameTaken, quote(m.Name), c.line(first)), &m.Name)
		}
		c.notEmpty(len(m.Fails), &m.Fails)
		c.checkTwice(words.ListedTwice, asPointers(m.Fails))
		for k := range m.Fails {
			c.checkMustFail(&m.Fails[k])
		}
	}
}

// checkMustFail looks up what the name of an expectation begins with: a
// connection or a section of "expect".
func (c *checker) checkMustFail(name *string) {
	head, rest, _ := strings.Cut(*name, ".")
	head, _, _ = strings.Cut(head, "[")
	if c.lost[head] || c.unreadable(&c.connections) {
		return
	}
	var allowed []string
	for _, x := range c.s.Expect.Connections {
		allowed = append(allowed, x.Name)
	}
	for _, key := range c.shapes.of(reflect.TypeFor[Expect]()).keys() {
		if key != "connections" {
			allowed = append(allowed, key)
		}
	}
	if !isWord(head, allowed) {
		c.wrong(bad(words.NoTally, quote(*name), exampleTally).instead(allowed, head), name)
		return
	}
	if step, _, _ := strings.Cut(rest, "."); head == "steps" && !c.steps.has(step) {
		c.wrong(bad(words.NoStep, quote(step)).instead(c.steps.names, step), name)
	}
}
