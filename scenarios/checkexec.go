package scenarios

import (
	"regexp"
	"strconv"
	"strings"

	"netlab/scenarios/words"
)

// This file checks programs of the host, and what a scenario needs of it.

func (c *checker) checkExecServer(x *ExecServer) {
	c.checkProgram(x.Command, &x.Command, x.Files, x.Environment, &x.Directory)
	if len(x.Prepare) > 0 && strings.TrimSpace(x.Prepare[0]) == "" {
		c.wrong(bad(words.ValueEmptyText), &x.Prepare[0], &x.Prepare)
	}
	for i := range x.Prepare {
		c.checkNUL(&x.Prepare[i])
	}
	if x.Ready == nil && !c.given(&x.Port) {
		c.wrong(bad(words.NeverReady), x)
	}
	if x.Ready != nil && c.given(&x.Ready.File) && !isAbsolute(x.Ready.File) {
		c.wrong(bad(words.NotAbsolute, quote(x.Ready.File)), &x.Ready.File)
	}
	if x.Ready != nil && c.given(&x.Ready.Line) && x.Ready.Line == "" {
		c.wrong(bad(words.ValueEmptyText), &x.Ready.Line)
	}
}

// checkProgram looks at how a program is started.
func (c *checker) checkProgram(command []string, commandAt any, files []ExecFile, environment []Variable, dir *string) {
	if len(command) > 0 && strings.TrimSpace(command[0]) == "" {
		c.wrong(bad(words.ValueEmptyText), &command[0], commandAt)
	}
	for i := range command {
		c.checkNUL(&command[i])
	}
	for i := range environment {
		c.checkNUL(&environment[i].Value)
	}
	if !isAbsolute(*dir) {
		c.wrong(bad(words.NotAbsolute, quote(*dir)), dir)
	}
	names := make([]*string, len(files))
	for i := range files {
		names[i] = &files[i].Name
	}
	c.checkPaths(names)
}

// checkNUL sees to it that a text can be handed to execve(2).
func (c *checker) checkNUL(s *string) {
	if strings.Contains(*s, "\x00") {
		c.wrong(bad(words.ValueControl, "U+0000"), s)
	}
}

// isAbsolute reports whether s is a path from the root, without turning back.
func isAbsolute(s string) bool {
	return s == "/" || strings.HasPrefix(s, "/") && isFile(strings.TrimSuffix(s[1:], "/"))
}

// checkExec looks at an exec step.
func (c *checker) checkExec(x *Exec) {
	c.checkProgram(x.Command, &x.Command, x.Files, x.Environment, &x.Directory)
	if x.Background && x.As == "" {
		c.wrong(bad(words.OnlyWith, "as"), &x.Background)
	}
	if bool(x.Background) && x.ExpectError {
		c.wrong(bad(words.ExcludesKey, "background", "expect_error"), &x.ExpectError)
	}
}

// checkNeeds looks at what a scenario needs of the machine.
func (c *checker) checkNeeds() {
	n := &c.s.Needs
	debian := regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`) // Debian Policy section 5.6.1
	for i := range n.Packages {
		if !debian.MatchString(n.Packages[i]) || len(n.Packages[i]) > 128 {
			c.wrong(bad(words.NotPackage, quote(n.Packages[i])), &n.Packages[i])
		}
	}
	for i := range n.Programs {
		if p := n.Programs[i]; p == "" || strings.ContainsAny(p, "/ \t") || p == "." || p == ".." {
			c.wrong(bad(words.NotProgram, quote(p)), &n.Programs[i])
		}
	}
	c.checkTwice(words.ListedTwice, asPointers(n.Packages))
	c.checkTwice(words.ListedTwice, asPointers(n.Programs))
	c.checkTwice(words.ListedTwice, asPointers(n.Features))
	if c.given(&n.Kernel) && !isKernel(n.Kernel) {
		c.wrong(bad(words.NotKernel, quote(n.Kernel)), &n.Kernel)
	}
}

// isKernel reports whether s is a version of Linux: 5.14 or 6.1.9.
func isKernel(s string) bool {
	parts := strings.Split(s, ".")
	for _, p := range parts {
		if n, err := strconv.Atoi(p); err != nil || !isNumber(p) || n < 0 || n > 65535 {
			return false
		}
	}
	return len(parts) == 2 || len(parts) == 3
}
