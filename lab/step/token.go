package step

import (
	"strconv"
	"strings"

	"netlab/scenarios/words"
)

// A token is a word of a line, or a text between slashes.
type token struct {
	text   string
	quoted bool
}

// String writes the token as it is read.
func (t token) String() string {
	if !t.quoted {
		return t.text
	}
	quoted := strconv.Quote(t.text)
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	return "/" + strings.ReplaceAll(quoted, "/", `\/`) + "/"
}

// split breaks a line into tokens, up to a comment. Between slashes escapes
// are those of Go's strings, and \/ is a slash.
func split(line string) ([]token, error) {
	var tokens []token
	for {
		line = strings.TrimLeft(line, " \t\r")
		switch {
		case line == "" || line[0] == '#':
			return tokens, nil
		case line[0] == '/':
			t, rest, err := quotedToken(line)
			if err != nil {
				return nil, err
			}
			tokens, line = append(tokens, t), rest
		default:
			n := strings.IndexAny(line, " \t\r")
			if n < 0 {
				n = len(line)
			}
			tokens, line = append(tokens, token{text: line[:n]}), line[n:]
		}
	}
}

// quotedToken reads a text between slashes, with which line begins.
func quotedToken(line string) (t token, rest string, err error) {
	t.quoted = true
	var text []byte
	for s := line[1:]; s != ""; {
		if s[0] == '/' {
			t.text = string(text)
			return t, s[1:], nil
		}
		if strings.HasPrefix(s, `\/`) {
			text, s = append(text, '/'), s[2:]
			continue
		}
		c, multibyte, tail, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return t, "", words.Err(words.StepBadEscape, line)
		}
		switch {
		case s[0] != '\\': // as it stands, be it text or not
			text = append(text, s[:len(s)-len(tail)]...)
		case multibyte:
			text = append(text, string(c)...)
		default: // \xff is a byte
			text = append(text, byte(c))
		}
		s = tail
	}
	return t, "", words.Err(words.StepOpenText, line)
}
