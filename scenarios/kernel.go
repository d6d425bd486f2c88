package scenarios

import (
	"regexp"
	"strconv"
	"strings"

	"netlab/probes"
	"netlab/scenarios/words"
)

// This file holds what can be expected of the kernel alone: why it sent a RST,
// which object stood for an end, and what it counted.

// A ResetReason is a RST, who sent it, and why, as the sending kernel has it:
// "END REASON", with the reason as include/net/rstreason.h names it without
// SK_RST_REASON_.
type ResetReason struct {
	End    string // node, or opener or acceptor
	Reason string // TCP_STATE
}

// exampleReason is shown to whom a reason will not succeed.
const exampleReason = "server TCP_ABORT_ON_CLOSE"

// reasonPattern is how the kernel writes reasons.
const reasonPattern = `[A-Z][A-Z0-9_]*`

var reasonWord = regexp.MustCompile(`^` + reasonPattern + `$`)

// parseText reads "server TCP_ABORT_ON_CLOSE".
func (r *ResetReason) parseText(s string) *fault {
	parts := strings.Fields(s)
	if len(parts) != 2 || len(s) > maxLine || !reasonWord.MatchString(parts[1]) {
		return bad(words.ValueNotReason, quote(s), strconv.Quote(exampleReason))
	}
	r.End, r.Reason = parts[0], parts[1]
	return nil
}

func (*ResetReason) schema(*schemer) object { return pattern(`^\s*\S+\s+` + reasonPattern + `\s*$`) }

// An ObjectName is what the kernel keeps for an end of a connection.
type ObjectName string

func (ObjectName) words() []string {
	return []string{string(probes.RequestObject), string(probes.FullObject), string(probes.MiniObject)}
}

// NodeCounters is how much counters of a node are to have grown.
type NodeCounters struct {
	At       Pos
	Name     string `ref:"node"`
	Counters []CounterExpect
}

// CounterExpect is how much one counter is to have grown within the window.
type CounterExpect struct {
	At    Pos
	Name  string // ListenOverflows
	Count Count
}

// checkName accepts ListenOverflows.
func (x *CounterExpect) checkName(name string) *fault {
	var allowed []string
	for _, group := range probes.Counters() {
		allowed = append(allowed, group.Names...)
	}
	if !isWord(name, allowed) {
		return bad(words.NameNotCounter, quote(name)).instead(allowed, name)
	}
	return nil
}

// checkKernel looks at what is expected of the kernel at a connection.
func (c *checker) checkKernel(x *ConnectionExpect) {
	for i := range x.Ends {
		if e := &x.Ends[i]; e.Objects != nil {
			c.notEmpty(len(e.Objects), &e.Objects)
		}
	}
	if x.ResetReasons == nil {
		return
	}
	for i := range *x.ResetReasons {
		if r := &(*x.ResetReasons)[i]; r.Reason != "" {
			c.checkEndName(x.Name, r.End, r)
		}
	}
}

// checkCounters looks at what is expected of counters.
func (c *checker) checkCounters(list []NodeCounters) {
	for i := range list {
		if x := &list[i]; len(x.Counters) == 0 && c.isMapping(x) {
			c.wrong(bad(words.NothingExpected), x)
		}
	}
}
