package scenarios

import (
	"slices"
	"strings"

	"netlab/scenarios/words"
)

// This file holds the names of entries that are not of this language but of
// what they stand for: header fields, cookies, paths, variables.

// isToken reports whether s is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(c rune) bool {
		return c >= 0x80 || !letterOrDigit(byte(c)) && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

// checkName accepts Content-Type.
func (h *Header) checkName(name string) *fault {
	if !isToken(name) {
		return bad(words.NameNotHeader, quote(name))
	}
	return nil
}

// checkName accepts tokens (RFC 6265, section 4.1.1).
func (c *Cookie) checkName(name string) *fault {
	if !isToken(name) {
		return bad(words.NameNotCookie, quote(name))
	}
	return nil
}

// checkName accepts paths of URLs, without query.
func (r *Route) checkName(name string) *fault {
	if !isURLPath(name) || strings.ContainsAny(name, "?#") {
		return bad(words.NameNotRoute, quote(name))
	}
	return nil
}

// isURLPath reports whether a request can ask for s.
func isURLPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.ContainsAny(s, " \t") && checkText(s, textLine) == nil
}

// checkName accepts the names that a shell accepts too.
func (v *Variable) checkName(name string) *fault {
	wrong := func(c rune) bool { return c >= 0x80 || c != '_' && !letterOrDigit(byte(c)) }
	if name == "" || len(name) > 256 || name[0] >= '0' && name[0] <= '9' || strings.ContainsFunc(name, wrong) {
		return bad(words.NameNotVariable, quote(name))
	}
	return nil
}

// writable lists the directories of which every node has its own.
func writable() []string { return []string{"/tmp", "/run", "/var"} }

// ownFiles is where every node finds what netlab puts there.
const ownFiles = "/run/netlab"

// checkName accepts clean paths below the directories that a node can write.
func (f *ExecFile) checkName(name string) *fault {
	below := func(dir string) bool { return strings.HasPrefix(name, dir+"/") }
	if checkText(name, textLine) != nil || !isFile(strings.TrimPrefix(name, "/")) || !slices.ContainsFunc(writable(), below) ||
		name == ownFiles || below(ownFiles) {
		return bad(words.NameNotExecFile, quote(name), ownFiles).instead(writable(), "")
	}
	return nil
}

// checkName accepts the names of the DNS.
func (r *Record) checkName(name string) *fault {
	if !isDomain(name) {
		return bad(words.NameNotDomain, quote(name))
	}
	return nil
}

// isDomain reports whether s is a name of the DNS: labels as of hosts, and
// with underscores (RFC 8552). It may end in a dot.
func isDomain(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !letterOrDigit(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
