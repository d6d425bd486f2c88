package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"netlab/scenarios"
)

// SearchPath is where programs of a scenario are looked for: where the caller
// looks, and where servers are, which an ordinary user's path may not name.
// What lies below the directories that nodes have of their own cannot be run
// there, nor what is relative to a directory that nobody has chosen.
func SearchPath() string {
	var dirs []string
	usual := []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), usual...) {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) && !ownDirectory(dir) {
			dirs = append(dirs, dir)
		}
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// ownDirectory reports whether nodes have a directory of their own at a path.
func ownDirectory(path string) bool {
	for _, own := range []string{"/tmp", "/run", "/var", "/dev"} {
		if path == own || strings.HasPrefix(path, own+"/") {
			return true
		}
	}
	return false
}

// FindProgram returns the path of a program that is named by a command: a
// path, or a name on the search path.
func FindProgram(name string) (string, error) {
	if strings.Contains(name, "/") {
		return exec.LookPath(name)
	}
	for _, dir := range filepath.SplitList(SearchPath()) {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s is not on the search path", name)
}

// environmentOf returns the environment of a program: nothing of netlab's own
// but the search path.
func environmentOf(variables []scenarios.Variable) []string {
	list := []string{"PATH=" + SearchPath(), "HOME=/tmp", "LANG=C.UTF-8"}
	for _, v := range variables {
		list = append(list, v.Name+"="+v.Value) // the last counts
	}
	return dedup(list)
}

// dedup keeps the last of variables of one name.
func dedup(list []string) []string {
	last := map[string]int{}
	for i, v := range list {
		name, _, _ := strings.Cut(v, "=")
		last[name] = i
	}
	var kept []string
	for i, v := range list {
		if name, _, _ := strings.Cut(v, "="); last[name] == i {
			kept = append(kept, v)
		}
	}
	return kept
}

// writeFiles makes the files that a program finds. One that begins as scripts
// do can be run.
func writeFiles(files []scenarios.ExecFile) error {
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			return fmt.Errorf("make directory for file: %w", err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(f.Content, "#!") {
			mode = 0o755
		}
		// What another program has put there may be a pipe.
		if err := os.Remove(f.Name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("replace file: %w", err)
		}
		w, err := os.OpenFile(f.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err == nil {
			_, err = w.WriteString(f.Content)
			err = errors.Join(err, w.Close())
		}
		if err != nil {
			return fmt.Errorf("make file: %w", err)
		}
	}
	return nil
}

// inputOf returns the standard input of a program. A server's is a pipe that
// nothing comes from: vsftpd prints there why it cannot start, as if it had
// been started on a terminal. (A socket would do, but pure-ftpd takes that for
// a client's.) Of a step it is the given text.
func (p *program) inputOf(l launch) (*os.File, error) {
	if l.serves {
		write, err := p.out.newPipe()
		if err != nil {
			return nil, err
		}
		defer write.Close()
		both, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", write.Fd()), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("open pipe for the input of %s: %w", p.command, err)
		}
		return both, nil
	}
	text := l.input
	if text == "" {
		return os.Open(os.DevNull)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for input: %w", err)
	}
	// It ends when all is written, or when nobody can read any more.
	go func() {
		_, _ = write.WriteString(text)
		_ = write.Close()
	}()
	return read, nil
}
