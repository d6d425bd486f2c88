package step

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"netlab/probes"
	"netlab/scenarios/words"
)

// The grammar of scripts, one command a line:
//
//	next [MATCH]        wait for a frame that matches, and let it on
//	drop [MATCH]        likewise, and drop it
//	duplicate [MATCH]   likewise, and let it on twice
//	wait [MATCH]        wait for one, and leave it
//	run to MATCH        let frames on until one that matches waits, and nothing
//	                    that the same end sent before it
//	run                 let everything on until the scenario ends
//	expect NODE[:PORT] STATE    wait until that end is in the state
//	expect waiting N    wait until exactly so many frames wait
//	expect done         wait until the scenario has ended
//	show                print what the screen shows
//	quit                give the run up
//
// Without MATCH the first frame that waits is meant. Every line that waits may
// end in "within DURATION"; for run, that is from frame to frame, and run alone
// waits as long as it takes. What follows a # is a comment. Behind the last
// line everything goes on, as by run.

// A Verb is what a line of a script does.
type Verb string

// The verbs.
const (
	VerbNext      Verb = "next"
	VerbDrop      Verb = "drop"
	VerbDuplicate Verb = "duplicate"
	VerbWait      Verb = "wait"
	VerbRun       Verb = "run"
	VerbExpect    Verb = "expect"
	VerbShow      Verb = "show"
	VerbQuit      Verb = "quit"
)

func verbs() []string {
	return []string{"next", "drop", "duplicate", "wait", "run", "expect", "show", "quit"}
}

// A Command is one line of a script.
type Command struct {
	Line   int // from 1
	Verb   Verb
	Match  Match         // of next, drop, duplicate, wait, and run where To
	To     bool          // of run: until Match
	Within time.Duration // how long it may wait; 0 for the usual
	Want   Want          // of expect
}

// A Want is what an expect line wants: exactly one of State, Frames and Done.
type Want struct {
	Node   string // of State: whose
	Port   int    // likewise: of a connection with this port; 0 for the one that was acted on last
	State  probes.State
	Frames int // how many wait; -1 if that is not asked
	Done   bool
}

// A Script is a text of commands.
type Script struct {
	Name     string // as errors show it
	Commands []Command
}

// MaxScript bounds a script, in bytes: nobody writes more by hand.
const MaxScript = 1 << 20

// maxLine bounds its lines.
const maxLine = 4096

// ParseScript reads a script. An error names the line; it is a
// [*words.Error].
func ParseScript(name string, text []byte) (*Script, error) {
	s := &Script{Name: name}
	if len(text) > MaxScript {
		return nil, words.Err(words.StepScriptLong, name, MaxScript)
	}
	scan := bufio.NewScanner(bytes.NewReader(text))
	scan.Buffer(nil, MaxScript+1)
	for n := 1; scan.Scan(); n++ {
		c, err := parseLine(scan.Text())
		if err != nil {
			return nil, words.Err(words.StepAtLine, name, n, err).Because(err)
		}
		if c.Verb != "" {
			c.Line = n
			s.Commands = append(s.Commands, c)
		}
	}
	return s, nil
}

// parseLine reads one line; the Command of an empty one has no verb.
func parseLine(line string) (c Command, err error) {
	if len(line) > maxLine {
		return c, words.Err(words.StepLineLong, maxLine)
	}
	tokens, err := split(line)
	if err != nil || len(tokens) == 0 {
		return c, err
	}
	c.Verb, tokens = Verb(tokens[0].String()), tokens[1:]
	if tokens, err = c.within(tokens); err != nil {
		return c, err
	}
	switch c.Verb {
	case VerbNext, VerbDrop, VerbDuplicate, VerbWait:
		if len(tokens) > 0 {
			c.Match, err = parseMatch(tokens)
		}
	case VerbRun:
		if len(tokens) > 0 {
			if c.To = tokens[0].text == "to" && !tokens[0].quoted; !c.To {
				return c, words.Err(words.StepRunTo, tokens[0].String())
			}
			c.Match, err = parseMatch(tokens[1:])
		}
	case VerbExpect:
		c.Want, err = parseWant(tokens)
	case VerbShow, VerbQuit:
		if len(tokens) > 0 || c.Within != 0 {
			err = words.Err(words.StepNothingMore, string(c.Verb))
		}
	default:
		err = words.Err(words.StepBadVerb, string(c.Verb), strings.Join(verbs(), ", "))
	}
	return c, err
}

// within takes "within DURATION" from the end of a line.
func (c *Command) within(tokens []token) ([]token, error) {
	i := slices.IndexFunc(tokens, func(t token) bool { return t.text == "within" && !t.quoted })
	if i < 0 {
		return tokens, nil
	}
	if i+2 != len(tokens) {
		return nil, words.Err(words.StepBadWithin, "")
	}
	d, err := time.ParseDuration(tokens[i+1].text)
	if err != nil || d <= 0 || d > 24*time.Hour {
		return nil, words.Err(words.StepBadWithin, tokens[i+1].text)
	}
	c.Within = d
	return tokens[:i], nil
}

// parseWant reads what follows expect.
func parseWant(tokens []token) (w Want, err error) {
	w.Frames = -1
	switch {
	case len(tokens) == 1 && tokens[0].text == "done":
		w.Done = true
	case len(tokens) != 2:
		return w, words.Err(words.StepBadExpect)
	case tokens[0].text == "waiting":
		n, err := strconv.Atoi(tokens[1].text)
		if err != nil || n < 0 || n > 1_000_000 {
			return w, words.Err(words.StepBadCount, tokens[1].text)
		}
		w.Frames = n
	default:
		if w.Node, w.Port, err = parseNode(tokens[0].text); err != nil {
			return w, words.Err(words.StepBadExpect)
		}
		if w.State, err = probes.ParseState(strings.ToUpper(tokens[1].text)); err != nil {
			return w, words.Err(words.StepBadState, tokens[1].text, listStates())
		}
	}
	return w, nil
}

func listStates() string {
	var names []string
	for _, s := range probes.States() {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}

// String writes the command as it is read.
func (c Command) String() string {
	parts := []string{string(c.Verb)}
	switch {
	case c.Verb == VerbExpect:
		parts = append(parts, c.Want.String())
	case c.To:
		parts = append(parts, "to", c.Match.String())
	case c.Match != (Match{}):
		parts = append(parts, c.Match.String())
	}
	if c.Within != 0 {
		parts = append(parts, "within", c.Within.String())
	}
	return strings.Join(parts, " ")
}

// String writes what is wanted as it is read.
func (w Want) String() string {
	switch {
	case w.Done:
		return "done"
	case w.Frames >= 0:
		return fmt.Sprintf("waiting %d", w.Frames)
	case w.Port != 0:
		return fmt.Sprintf("%s:%d %s", w.Node, w.Port, w.State)
	}
	return w.Node + " " + w.State.String()
}
