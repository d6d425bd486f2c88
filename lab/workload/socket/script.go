package socket

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A verb is what a line of a script does.
type verb int

const (
	verbSend verb = iota
	verbExpect
	verbWait
	verbClose
)

// A scriptLine is one line of a script.
type scriptLine struct {
	verb verb
	text string        // of send, as it goes out; of expect
	wait time.Duration // of wait
}

// parseScript reads the lines of a script; see the package's comment.
func parseScript(lines []string) ([]scriptLine, error) {
	script := make([]scriptLine, 0, len(lines))
	for i, text := range lines {
		line, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d of the script (%.60q): %w", i+1, text, err)
		}
		script = append(script, line)
	}
	return script, nil
}

var errVerb = errors.New("want 'send TEXT', 'expect TEXT', 'wait 100ms' or 'close'")

func parseLine(text string) (scriptLine, error) {
	name, rest, spoken := strings.Cut(text, " ")
	switch {
	case name == "send":
		text, quoted, err := unquote(rest)
		if !quoted {
			text += "\n"
		}
		return scriptLine{verb: verbSend, text: text}, err
	case name == "expect" && rest != "":
		text, _, err := unquote(rest)
		if strings.Contains(text, "\n") {
			return scriptLine{}, errors.New("what is expected must not contain a line's end")
		}
		return scriptLine{verb: verbExpect, text: text}, err
	case name == "wait":
		d, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil || d < 0 {
			return scriptLine{}, fmt.Errorf("%q is not a time such as 100ms", rest)
		}
		return scriptLine{verb: verbWait, wait: d}, nil
	case name == "close" && !spoken:
		return scriptLine{verb: verbClose}, nil
	}
	return scriptLine{}, errVerb
}

// unquote returns what a quoted text stands for, and any other as it is.
func unquote(text string) (string, bool, error) {
	if !strings.HasPrefix(text, `"`) {
		return text, false, nil
	}
	plain, err := strconv.Unquote(text)
	if err != nil {
		return "", true, fmt.Errorf("%s is not a quoted text: %w", text, err)
	}
	return plain, true, nil
}
