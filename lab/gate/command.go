package gate

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"netlab/probes"
	"netlab/scenarios"
)

// errNone says that no frame that is held matches.
var errNone = errors.New("no frame that is held matches")

// chosen returns those of what a rule keeps that only, if it is not nil, is
// true of: the first so many, or all if frames is 0.
func (e *engine) chosen(r *rule, only *scenarios.FrameMatch, frames int) ([]*frame, error) {
	list := e.keptBy(r)
	if only != nil {
		m, err := newMatcher(only, e.ends)
		if err != nil {
			return nil, fmt.Errorf("only: %w", err)
		}
		list = slices.DeleteFunc(list, func(f *frame) bool { return !m.takes(f, false) })
		if len(list) == 0 {
			return nil, fmt.Errorf("%w only; %s", errNone, e.holds(r))
		}
	}
	if frames > 0 {
		list = list[:min(frames, len(list))]
	}
	return list, nil
}

// releaseStep does what a gate.release step says, and returns the frames that
// it has let go.
func (e *engine) releaseStep(now probes.Mono, s *scenarios.GateRelease) ([]*frame, error) {
	r, err := e.known(s.Rule)
	if err != nil {
		return nil, err
	}
	list, err := e.chosen(r, s.Only, s.Frames)
	if err != nil {
		return nil, err
	}
	if s.Until != nil {
		m, err := newMatcher(s.Until, e.ends)
		if err != nil {
			return nil, fmt.Errorf("until: %w", err)
		}
		last := slices.IndexFunc(list, func(f *frame) bool { return m.takes(f, false) })
		if last < 0 {
			return nil, fmt.Errorf("%w until; %s", errNone, e.holds(r))
		}
		list = list[:last+1]
	}
	if s.Frames == 0 && s.Until == nil && s.Only == nil && !bool(s.Keep) {
		r.end()
	}
	for _, f := range list {
		e.release(now, f, r.name)
	}
	return list, nil
}

// discardStep does what a gate.discard step says.
func (e *engine) discardStep(now probes.Mono, s *scenarios.GateDiscard) (int, error) {
	r, err := e.known(s.Rule)
	if err != nil {
		return 0, err
	}
	list, err := e.chosen(r, s.Only, s.Frames)
	for _, f := range list {
		e.discard(now, f, r.name)
	}
	return len(list), err
}

// clear ends a rule, or all of them if name is "", and lets go on what they
// keep.
func (e *engine) clear(now probes.Mono, name string) error {
	list := e.rules
	if name != "" {
		r, err := e.known(name)
		if err != nil {
			return err
		}
		list = []*rule{r}
	}
	e.news = true
	for _, r := range list {
		r.end()
	}
	// In the order of their coming, whatever kept them.
	for _, f := range slices.Clone(e.waiting) {
		if f.rule != nil && f.rule.over {
			e.release(now, f, f.rule.name)
		}
	}
	return nil
}

// holdAll begins or ends holding by hand. At its end what is held so goes on.
func (e *engine) holdAll(now probes.Mono, on bool) {
	e.all, e.news = on, true
	if on {
		return
	}
	for _, f := range slices.Clone(e.waiting) {
		if f.why == probes.ByHand {
			e.release(now, f, probes.ByHand)
		}
	}
}

// byHand returns the frame with that number, if it waits and has not been let
// go already.
func (e *engine) byHand(id uint64) (*frame, error) {
	for _, f := range e.waiting {
		if f.id == id && f.why != probes.ByLockstep {
			return f, nil
		}
	}
	return nil, fmt.Errorf("frame %d is not held", id)
}

// known returns the rule with that name.
func (e *engine) known(name string) (*rule, error) {
	if r := e.rule(name); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("there is no rule %q", name)
}

// list returns what waits, in the order of its coming.
func (e *engine) list() []Frame {
	var list []Frame
	for _, f := range e.waiting {
		v := e.view(f)
		v.Data = bytes.Clone(f.data)
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b Frame) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// progress says, for errors, how far a rule has come.
func (e *engine) progress(r *rule, times int) string {
	text := fmt.Sprintf("rule %q has matched %s of %d, of %d frames that came since", r.name, plural(r.matched, "time"), times, r.looked)
	if r.ended {
		text += ", and has ended"
	}
	return text + "; " + e.holds(nil)
}

// maxNamed bounds how many frames an error names.
const maxNamed = 8

// holds says what waits, or what of it a rule keeps.
func (e *engine) holds(r *rule) string {
	var names []string
	for _, f := range e.waiting {
		if r != nil && f.rule != r {
			continue
		}
		name := fmt.Sprintf("#%d %s from %s", f.id, f.words(), e.ends[f.end])
		if f.copies > 0 {
			name += fmt.Sprintf(" (and %s)", plural(uint64(f.copies), "repetition"))
		}
		names = append(names, name+" by "+f.why)
	}
	if len(names) == 0 {
		return "nothing is held"
	}
	more := ""
	if len(names) > maxNamed {
		more = fmt.Sprintf(", and %d more", len(names)-maxNamed)
		names = names[:maxNamed]
	}
	return "held: " + strings.Join(names, ", ") + more
}

func plural(n uint64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
