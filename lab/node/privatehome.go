package node

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// homes lists where the host's users have their files, which programs do not
// see.
func homes() []string { return []string{"/home", "/root"} }

// depthAtHome returns how far a path lies below a user's home directory: 0 is
// that itself. It is negative for what lies in none.
func depthAtHome(path string) int {
	if rest, ok := strings.CutPrefix(path+"/", "/root/"); ok {
		return strings.Count(rest, "/")
	}
	if rest, ok := strings.CutPrefix(path+"/", "/home/"); ok {
		return strings.Count(rest, "/") - 1 // without the user's name
	}
	return -1
}

// seenWith returns what of the users' files is to be seen by who names a path:
// a directory that it names; with a file the directory that it lies in, as
// programs read what lies beside them, or where that is bin what bin lies in,
// but never all that a user has. It is "" if the path is none of theirs.
func seenWith(path string) string {
	if depthAtHome(path) < 0 {
		return ""
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	dir := filepath.Dir(path)
	switch filepath.Base(dir) {
	case "bin", "sbin", "shims":
		if prefix := filepath.Dir(dir); depthAtHome(prefix) > 0 {
			return prefix
		}
	}
	if depthAtHome(dir) > 0 {
		return dir
	}
	return path
}

// A shown file or directory of a user is seen by programs.
type shown struct {
	path string
	dir  bool
	fd   int // its mount, which is nowhere yet
}

// openShown opens what is to be seen of the users' files, as the scenario's
// commands name it. What cannot be opened is not there: a program that needs
// it says so.
func openShown(named []string) []shown {
	var paths []string
	for _, name := range named {
		path := filepath.Clean(name)
		if !filepath.IsAbs(path) {
			found, err := FindProgram(name)
			if err != nil {
				continue
			}
			path = found
		}
		paths = append(paths, seenWith(path))
		// Programs are often links to where they lie with what they need.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			paths = append(paths, seenWith(real))
		}
	}
	// A directory is before what lies in it.
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	var list []shown
	for _, path := range paths {
		if path == "" || slices.ContainsFunc(list, func(s shown) bool { return strings.HasPrefix(path+"/", s.path+"/") }) {
			continue
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			continue
		}
		info, err := os.Stat(path)
		list = append(list, shown{path: path, dir: err == nil && info.IsDir(), fd: fd})
	}
	return list
}

// placeShown mounts what is to be seen where it was, in the empty homes, which
// nobody can write to then.
func placeShown(list []shown) error {
	for _, s := range list {
		if err := s.place(); err != nil {
			return err
		}
	}
	readOnly := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	for _, home := range homes() {
		err := unix.MountSetattr(unix.AT_FDCWD, home, 0, &readOnly)
		if err != nil && err != unix.ENOENT {
			return &Refused{"make " + home + " read-only", err}
		}
	}
	return nil
}

// place mounts it.
func (s shown) place() error {
	dir := s.path
	if !s.dir {
		dir = filepath.Dir(s.path)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("furnish node: %w", err)
	}
	if !s.dir {
		f, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("furnish node: %w", err)
		}
		f.Close()
	}
	return attach(s.fd, s.path)
}

func closeShown(list []shown) {
	for _, s := range list {
		unix.Close(s.fd)
	}
}
