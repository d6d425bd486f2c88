package ss

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// usersToken matches "users:((...),(...))" of -p at the beginning of a text.
// A process names itself as it likes, so blanks, quotes and brackets in a
// name must not end the token.
var usersToken = regexp.MustCompile(`^users:\((\(".*?",pid=[0-9]+,[^ ]*?fd=[0-9]+[^ ()]*\),?)+\)([ \t]|$)`)

// noCookie is printed where the kernel has none (INET_DIAG_NOCOOKIE).
const noCookie = 1<<64 - 1

// tokens reads what follows the columns: key:value pairs and bare words, in
// any order. The first of a key counts. What follows a cgroup's path, which
// may hold blanks, is not trusted with more than bare words.
func (p *parsed) tokens(text string) error {
	for {
		text = strings.TrimLeft(text, " \t")
		if users := usersToken.FindString(text); users != "" {
			text = text[len(users):]
			continue
		}
		if text == "" {
			return nil
		}
		var word string
		word, text = cut(text)
		if isDirections(word) {
			p.Full = true
			continue
		}
		key, value, ok := strings.Cut(word, ":")
		if !ok || p.seen[key] || p.seen["cgroup"] && key != "v6only" {
			continue
		}
		p.seen[key] = true
		if err := p.token(key, value); err != nil {
			return fmt.Errorf("token %q: %w", word, err)
		}
	}
}

// token takes in one key:value pair; keys that it does not know say nothing.
func (p *parsed) token(key, value string) (err error) {
	switch key {
	case "timer":
		return p.timer(value)
	case "uid":
		p.UID, err = number32(value)
	case "ino":
		p.Inode, err = number32(value)
	case "v6only":
		p.V6Only = value == "1"
	case "sk":
		if p.Cookie, err = strconv.ParseUint(value, 16, 64); err != nil {
			return fmt.Errorf("%q is not a cookie", value)
		}
		if p.Cookie == noCookie {
			p.Cookie = 0
		}
	}
	return err
}

// isDirections recognises "<->", "-->", "<--" and "---": which directions are
// not shut down.
func isDirections(word string) bool {
	return len(word) == 3 && (word[0] == '<' || word[0] == '-') && word[1] == '-' && (word[2] == '>' || word[2] == '-')
}

// timer reads "(on,548ms,0)": the timer's name, when it fires, and how often
// the segment was sent again.
func (p *parsed) timer(value string) error {
	inside, open := strings.CutPrefix(value, "(")
	inside, closed := strings.CutSuffix(inside, ")")
	parts := strings.Split(inside, ",")
	if !open || !closed || len(parts) != 3 {
		return fmt.Errorf("want (name,time,count)")
	}
	expires, err := parseExpires(parts[1])
	if err != nil {
		return err
	}
	count, err := number32(parts[2])
	if err != nil {
		return err
	}
	p.Timer = timerName(parts[0])
	p.Expires, p.Retransmits = expires, int(count)
	return nil
}

func timerName(name string) string {
	switch name {
	case "off":
		return ""
	case "on", "keepalive", "timewait", "persist":
		return name
	}
	return "unknown"
}

// parseExpires reads what ss makes of milliseconds (print_ms_timer of
// misc/ss.c): "", "048ms", "6.427ms" for six seconds and 427 milliseconds,
// "59sec", "1min59sec", "119min".
func parseExpires(text string) (time.Duration, error) {
	rest := text
	var total time.Duration
	add := func(digits string, unit time.Duration) error {
		n, err := strconv.ParseUint(digits, 10, 31)
		total += time.Duration(n) * unit
		return err
	}
	var err error
	if minutes, after, ok := strings.Cut(rest, "min"); ok {
		err = add(minutes, time.Minute)
		rest = after
	}
	if ms, ok := strings.CutSuffix(rest, "ms"); ok && err == nil {
		if seconds, fraction, both := strings.Cut(ms, "."); both {
			err = add(seconds, time.Second)
			ms = fraction
		}
		if err == nil {
			err = add(ms, time.Millisecond)
		}
	} else if seconds, ok := strings.CutSuffix(rest, "sec"); ok && err == nil {
		err = add(seconds, time.Second)
	} else if rest != "" && err == nil {
		err = strconv.ErrSyntax
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not a time of ss", text)
	}
	return total, nil
}
