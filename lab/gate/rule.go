package gate

import (
	"fmt"
	"strings"
	"time"

	"netlab/scenarios"
)

// An action is what a rule does to the frames that it takes.
type action uint8

// The actions.
const (
	hold action = iota
	drop
	watch
	duplicate
	reorder
	delay
	corrupt
)

// A rule is a step's word on some frames.
type rule struct {
	name   string
	does   action
	match  *matcher
	until  *matcher // of hold; may be nil
	times  uint64   // after which it ends; 0 for never
	copies int      // of duplicate
	after  int      // of reorder
	by     time.Duration
	octet  int  // of corrupt: which of the payload
	fix    bool // of corrupt: the checksum

	matched uint64 // how often it acted; of watch, how often it matched
	looked  uint64 // frames that came while it was there
	ended   bool   // it takes no more frames
	over    bool   // and what it held has gone on

	misses
}

// misses are frames that a rule would have matched, if something had not been.
type misses struct {
	hidden uint64 // on which a rule acted that was given later
	taker  string // the last such
	short  uint64 // of corrupt: whose payload has no such byte
	unfit  uint64 // of corrupt: in which nothing can be changed
	late   uint64 // that came when it had ended
}

// newRule reads a step that gives a rule.
func newRule(name string, s *scenarios.Step, ends [2]string) (*rule, error) {
	common := s.GateRule()
	if common == nil {
		return nil, fmt.Errorf("%s gives no rule", s.Verb)
	}
	match, err := newMatcher(&common.FrameMatch, ends)
	if err != nil {
		return nil, err
	}
	r := &rule{name: name, match: match, times: uint64(max(common.Times, 0))}
	if match.nth > 0 && r.times == 0 {
		r.times = 1
	}
	switch {
	case s.GateHold != nil:
		r.does = hold
		if s.GateHold.Until != nil {
			if r.until, err = newMatcher(s.GateHold.Until, ends); err != nil {
				return nil, fmt.Errorf("until: %w", err)
			}
		}
	case s.GateDrop != nil:
		r.does = drop
	case s.GateWatch != nil:
		r.does = watch
	case s.GateDuplicate != nil:
		r.does, r.copies = duplicate, max(s.GateDuplicate.Copies, 1)
	case s.GateReorder != nil:
		r.does, r.after = reorder, max(s.GateReorder.After, 1)
	case s.GateDelay != nil:
		r.does, r.by = delay, s.GateDelay.By.Duration
	case s.GateCorrupt != nil:
		r.does, r.octet, r.fix = corrupt, s.GateCorrupt.Byte, s.GateCorrupt.Checksum == scenarios.FixChecksum
	}
	return r, nil
}

// takes reports whether f is one that the rule acts on, and counts.
func (r *rule) takes(f *frame, busy bool) bool {
	r.looked++
	if r.does == corrupt && !corruptible(&f.header, r.octet) {
		switch {
		case r.matched > 0 || !r.match.matches(f): // why it never matched is no question
		case corruptible(&f.header, 0):
			r.short++
		default:
			r.unfit++
		}
		return false
	}
	// What comes while a frame waits to be passed by others is those others.
	if r.does == reorder && busy {
		return false
	}
	return r.match.takes(f, r.times > 1)
}

// hide counts a frame that another rule takes.
func (r *rule) hide(by *rule) {
	r.hidden++
	r.taker = by.name
}

// miss counts a frame that comes to a rule that has ended.
func (r *rule) miss(f *frame) {
	if r.matched == 0 && r.match.matches(f) {
		r.late++
	}
}

// why says of a rule that has matched nothing what frames came that it would
// have, but for something; "" if none did, or if it has.
func (r *rule) why() string {
	if r.matched > 0 {
		return ""
	}
	var list []string
	if n := r.match.seen; n > 0 && n < r.match.nth {
		list = append(list, plural(n, "frame")+verb(n, " matches", " match")+" but for nth")
	}
	if n := r.hidden; n > 0 {
		list = append(list, fmt.Sprintf("rule %s, given later, acted on %s that it matches", r.taker, plural(n, "frame")))
	}
	if n := r.short; n > 0 {
		list = append(list, fmt.Sprintf("byte %d is beyond the payload of %s that it matches", r.octet, plural(n, "frame")))
	}
	if n := r.unfit; n > 0 {
		list = append(list, fmt.Sprintf("%s that it matches %s nothing to corrupt", plural(n, "frame"), verb(n, "has", "have")))
	}
	if n := r.late; n > 0 {
		list = append(list, fmt.Sprintf("it had ended when %s came that it matches", plural(n, "frame")))
	}
	return strings.Join(list, "; ")
}

// verb returns the form that goes with a number.
func verb(n uint64, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// end ends the rule; the caller lets go on what it holds.
func (r *rule) end() { r.ended, r.over = true, true }

// acted counts, and ends a rule that is used up.
func (r *rule) acted() {
	r.matched++
	if r.times > 0 && r.matched >= r.times {
		r.ended = true
	}
}
