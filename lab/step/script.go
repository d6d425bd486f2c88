package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"netlab/lab/gate"
	"netlab/scenarios/words"
)

// usualLimit is how long a line of a script waits for what it wants.
const usualLimit = 10 * time.Second

// A ScriptError says that a line of a script did not get what it wanted. It
// names the line, what was wanted and what there is.
type ScriptError struct{ Err *words.Error }

// Error returns the English text.
func (e *ScriptError) Error() string { return e.Err.Error() }

// In returns the text in a language.
func (e *ScriptError) In(lang words.Lang) string { return e.Err.In(lang) }

// Unwrap returns the text as an error of the catalogue.
func (e *ScriptError) Unwrap() error { return e.Err }

// A runner is a script under way.
type runner struct {
	*model
	script *Script
	lab    Lab
	out    io.Writer
}

// Run drives a lab by the script, and writes a transcript: what was done to
// which frame, with the states of both ends and what RFC 9293 predicted
// before. Without Options.Times the same course gives the same text. A
// [*ScriptError] says that the lab did otherwise; other errors are those of
// the lab, of ctx, or of out. Behind the last line everything goes on until the
// scenario has ended; after quit, and after an error, frames may still wait.
func (s *Script) Run(ctx context.Context, lab Lab, out io.Writer, o Options) error {
	r := &runner{model: newModel(o, !o.Times), script: s, lab: lab, out: out}
	if r.Limit <= 0 {
		r.Limit = usualLimit
	}
	for _, c := range s.Commands {
		if _, err := fmt.Fprintf(out, "> %s\n", c); err != nil {
			return fmt.Errorf("print transcript: %w", err)
		}
		if c.Verb == VerbQuit {
			return nil
		}
		if err := r.do(ctx, c); err != nil {
			return err
		}
	}
	return r.finish(ctx)
}

// finish lets everything on until the scenario has ended. Nothing is said of
// it.
func (r *runner) finish(ctx context.Context) error {
	r.out = io.Discard
	return r.do(ctx, Command{Verb: VerbRun})
}

// do carries out a command.
func (r *runner) do(ctx context.Context, c Command) error {
	if err := r.look(ctx); err != nil {
		return err
	}
	for _, node := range []string{c.Match.Node, c.Want.Node} {
		if err := known(&r.view, node); err != nil {
			return &ScriptError{words.Err(words.StepAtLine, r.script.Name, c.Line, err).Because(err)}
		}
	}
	switch c.Verb {
	case VerbNext:
		return r.hand(ctx, c, pass)
	case VerbDrop:
		return r.hand(ctx, c, drop)
	case VerbDuplicate:
		return r.hand(ctx, c, duplicate)
	case VerbWait:
		f, err := r.pick(ctx, c)
		if err != nil {
			return err
		}
		return r.tell(r.before(f), field{r.say(words.StepWaits), r.frameText(&r.view, f)})
	case VerbRun:
		return r.run(ctx, c)
	case VerbExpect:
		return r.expect(ctx, c)
	}
	return r.print(r.wholeScreen())
}

// look takes in what there is to see now.
func (r *runner) look(ctx context.Context) error {
	v, err := r.lab.View(ctx)
	if err != nil {
		return fmt.Errorf("look at the lab: %w", err)
	}
	r.see(v)
	return nil
}

// await looks until something holds, by a view later than the last act. since
// is when the waiting began.
func (r *runner) await(ctx context.Context, c Command, since time.Time, holds func() bool) error {
	limit := r.Limit
	if c.Within > 0 {
		limit = c.Within
	}
	bounded, cancel := context.WithDeadline(ctx, since.Add(limit))
	if c.Verb == VerbRun && !c.To && c.Within == 0 {
		bounded, cancel = context.WithCancel(ctx) // a scenario may take its time
	}
	defer cancel()
	for {
		if err := r.look(ctx); err != nil {
			return err
		}
		switch {
		case !r.stale && holds():
			return nil
		case r.view.Err != nil:
			return fmt.Errorf("%s:%d: %w", r.script.Name, c.Line, r.view.Err)
		case r.view.Done && !r.stale:
			return r.unmet(c, words.M(words.StepUnmetEnded))
		}
		err := r.lab.Wait(bounded, r.view.Number)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case bounded.Err() != nil:
			return r.unmet(c, words.M(words.StepUnmetTime, limit))
		case err != nil:
			return fmt.Errorf("wait for the lab: %w", err)
		}
	}
}

// pick waits for a frame that matches, and chooses it.
func (r *runner) pick(ctx context.Context, c Command) (found gate.Frame, err error) {
	err = r.await(ctx, c, time.Now(), func() bool {
		for _, f := range r.waiting() {
			if c.Match.matches(&r.view, f) {
				found, r.chosen = f, idOf(f)
				p, _ := r.view.find(f)
				r.acted = p.sides[0].flow
				return true
			}
		}
		return false
	})
	return found, err
}

// hand waits for a frame and does something to it. What is said of it is from
// before.
func (r *runner) hand(ctx context.Context, c Command, d deed) error {
	f, err := r.pick(ctx, c)
	if err != nil {
		return err
	}
	said := r.before(f)
	if d == drop { // what would have happened does not
		said = r.ends(f)
	}
	r.model.do(d, f)
	if err := r.perform(ctx); err != nil {
		return fmt.Errorf("%s:%d: %w", r.script.Name, c.Line, err)
	}
	return r.tell(said, r.did(d, f))
}

// perform does the next act.
func (r *runner) perform(ctx context.Context) error {
	a, ok := r.take()
	if !ok {
		return nil
	}
	err := a.perform(ctx, r.lab)
	r.ended(done{a, err})
	return err
}

// perform does the act.
func (a act) perform(ctx context.Context, lab Lab) error {
	switch a.deed {
	case pass:
		return lab.Pass(ctx, a.frame)
	case drop:
		return lab.Drop(ctx, a.frame)
	}
	return lab.Duplicate(ctx, a.frame)
}

// errReached ends a run at its goal.
var errReached = errors.New("reached")

// run lets frames on, up to the goal.
func (r *runner) run(ctx context.Context, c Command) error {
	r.goal = &goal{match: c.Match, all: !c.To}
	defer func() { r.goal = nil }()
	for {
		err := r.await(ctx, c, time.Now(), func() bool {
			r.pursue()
			ended := r.view.Done && len(r.waiting()) == 0
			return len(r.queue) > 0 || r.goal == nil && ended != c.To
		})
		if err != nil {
			return err
		}
		if err := r.onward(ctx, c); errors.Is(err, errReached) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// onward does the act that leads to the goal, or says that it is reached.
func (r *runner) onward(ctx context.Context, c Command) error {
	if len(r.queue) == 0 {
		last := field{r.say(words.StepSaidDone), ""}
		if f, ok := r.current(); ok && c.To {
			p, _ := r.view.find(f)
			r.acted = p.sides[0].flow
			if err := r.tell(r.before(f)); err != nil {
				return err
			}
			last = field{r.say(words.StepWaits), r.frameText(&r.view, f)}
		}
		if err := r.tell(nil, last); err != nil {
			return err
		}
		return errReached
	}
	f := r.queue[0].frame
	if err := r.perform(ctx); err != nil {
		return fmt.Errorf("%s:%d: %w", r.script.Name, c.Line, err)
	}
	return r.tell(nil, r.did(pass, f))
}

// expect waits until something holds.
func (r *runner) expect(ctx context.Context, c Command) error {
	if err := r.await(ctx, c, time.Now(), func() bool { return r.holds(c.Want) }); err != nil {
		return err
	}
	if c.Want.Frames < 0 {
		return r.tell(nil, field{r.say(words.StepHolds), ""})
	}
	var said []field
	for _, f := range r.waiting() {
		said = append(said, field{r.say(words.StepWaits), r.frameText(&r.view, f)})
	}
	return r.tell(said, field{r.say(words.StepHolds), ""})
}

// before says what is to be known of a frame before it goes on.
func (r *runner) before(f gate.Frame) []field {
	return append(r.ends(f), r.prediction(f)...)
}

// ends tells the states of both ends.
func (r *runner) ends(f gate.Frame) []field {
	p, _ := r.view.find(f)
	if text := r.states(p); text != "" {
		return []field{{r.say(words.StepSaidEnds), text}}
	}
	return nil
}

func (r *runner) did(d deed, f gate.Frame) field {
	label := map[deed]words.ID{pass: words.StepPassed, drop: words.StepDropped, duplicate: words.StepDuplicated}[d]
	return field{r.say(label), r.frameText(&r.view, f)}
}

// scriptWidth is that of transcripts, in cells.
const scriptWidth = 80

// tell prints fields.
func (r *runner) tell(said []field, more ...field) error {
	lines := r.labelled(append(said, more...), scriptWidth-2)
	for i, l := range lines {
		lines[i] = "  " + l
	}
	return r.print(lines)
}

func (r *runner) print(lines []string) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(r.out, strings.TrimRight(l, " ")); err != nil {
			return fmt.Errorf("print transcript: %w", err)
		}
	}
	return nil
}

// wholeScreen is what the screen shows, with nothing left out.
func (r *runner) wholeScreen() []string {
	r.width = scriptWidth
	out := []string{r.titleLine()}
	out = append(out, r.endLines()...)
	out = append(out, r.rule(r.waitingHead()))
	for _, l := range r.waitingLines(len(r.waiting())) {
		out = append(out, l.text)
	}
	out = append(out, r.rule(r.frameHead()))
	out = append(out, r.headerLines()...)
	out = append(out, r.predictionLines()...)
	out = append(out, r.rule(r.ladderHead()))
	return append(out, r.ladderLines()...)
}
