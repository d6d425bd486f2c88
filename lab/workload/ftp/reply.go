package ftp

import (
	"errors"
	"fmt"
	"strings"
)

// Reply codes that decisions depend on; RFC 959 section 4.2, RFC 4217.
const (
	codeReady          = 220
	codeGoodbye        = 221
	codeNothingToAbort = 225
	codePassive        = 227
	codeExtended       = 229
	codeLoggedIn       = 230
	codeAuthTLS        = 234
	codeNeedPassword   = 331
	codeRenameTo       = 350
	codeAborted        = 426
)

// A Reply is one reply of a server, RFC 959 section 4.2.
type Reply struct {
	Code int    `json:"code"` // 100 to 599
	Text string `json:"text"` // without the code; lines of a long reply joined by "\n". From the server: not to be trusted
}

// preliminary reports whether another reply follows (1yz).
func (r Reply) preliminary() bool { return r.Code < 200 }

// failed reports whether the command was refused or failed (4yz, 5yz).
func (r Reply) failed() bool { return r.Code >= 400 }

// A ReplyError says that the server answered a command with a reply that means
// failure, or one that the command does not have.
type ReplyError struct {
	Code int
	Text string
}

// Error returns the reply as the server wrote it.
func (e *ReplyError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Text) }

// Limits of what a server may send as one reply. RFC 959 has none; a server
// without an end must not cost memory without an end.
const (
	maxReplyLine = 4 << 10
	maxReply     = 64 << 10
)

var errReplyTooLong = errors.New("reply is too long")

// A replyParser cuts a server's bytes into replies, however they are split
// into segments. After an error it stays in error: where the next reply begins
// is not known.
type replyParser struct {
	line  []byte // not ended yet
	text  []string
	size  int
	code  string // of a reply of several lines that has not ended
	fault error
}

// next takes bytes up to the end of one reply. It returns how many it took and,
// if they complete a reply, that reply; without one it has taken all.
func (p *replyParser) next(data []byte) (n int, reply Reply, complete bool, err error) {
	for i, b := range data {
		if p.fault != nil {
			break
		}
		p.size++
		if len(p.line) >= maxReplyLine || p.size > maxReply {
			p.fault = errReplyTooLong
			break
		}
		if b != '\n' {
			p.line = append(p.line, b)
			continue
		}
		line := strings.TrimSuffix(string(p.line), "\r")
		p.line = p.line[:0]
		if reply, complete := p.take(line); complete {
			p.size = 0
			return i + 1, reply, true, nil
		}
	}
	return len(data), Reply{}, false, p.fault
}

// take adds a line to the reply that is being read, and returns it if that was
// its last.
func (p *replyParser) take(line string) (Reply, bool) {
	code, separator, text, ok := splitReplyLine(line)
	switch {
	case p.code == "" && !ok:
		p.fault = fmt.Errorf("malformed reply %.40q", line)
		return Reply{}, false
	case p.code == "" && separator == '-':
		p.code = code
		p.text = append(p.text[:0], text)
		return Reply{}, false
	case p.code == "":
		p.text = append(p.text[:0], text)
	case ok && code == p.code && separator == ' ':
		p.text = append(p.text, text)
	default: // a line in the middle may look like anything
		p.text = append(p.text, line)
		return Reply{}, false
	}
	p.code = ""
	number := int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	return Reply{Code: number, Text: strings.Join(p.text, "\n")}, true
}

// between reports whether the parser stands between two replies.
func (p *replyParser) between() bool { return p.fault == nil && p.code == "" && len(p.line) == 0 }

// splitReplyLine takes a line of the form "220 text" or "220-text" apart. A
// bare code is a reply without text.
func splitReplyLine(line string) (code string, separator byte, text string, ok bool) {
	if len(line) < 3 || line[0] < '1' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return "", 0, "", false
	}
	if len(line) == 3 {
		return line, ' ', "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return "", 0, "", false
	}
	return line[:3], line[3], line[4:], true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
