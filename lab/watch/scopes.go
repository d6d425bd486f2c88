package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"netlab/lab/netns"
)

// A Scope is a namespace that is watched.
type Scope struct {
	Name string // as ip-netns(8) calls it; host; else net:[INODE]
	NS   *netns.NS
}

// Where namespaces are found.
const (
	namedDir = "/run/netns" // ip-netns(8)
	hostPath = "/proc/1/ns/net"
	ownPath  = "/proc/self/ns/net"
)

// The names of namespaces that are none of ip-netns(8).
const (
	Host = "host" // that of the first process
	Self = "self" // that of netlab, where it is none of the others
	All  = "all"  // every namespace that has a name or a process
)

// Open opens a namespace by its name, Host, or the path of a file.
func Open(name string) (Scope, error) {
	path := name
	switch {
	case name == Host:
		path = hostPath
	case !strings.Contains(name, "/"):
		path = filepath.Join(namedDir, name)
	}
	ns, err := netns.Open(path)
	if err != nil {
		return Scope{}, err
	}
	if strings.Contains(name, "/") {
		name = nameOf(ns)
	}
	return Scope{name, ns}, nil
}

// OfProcess opens the namespace of a process.
func OfProcess(pid int) (Scope, error) {
	return Open(fmt.Sprintf("/proc/%d/ns/net", pid))
}

// Own opens the namespace of this process.
func Own() (Scope, error) { return Open(ownPath) }

// Every opens all namespaces that have a name or a process, but those whose
// inode is in known, and adds theirs. What has gone meanwhile is left out, and
// so is what may not be entered: denied is how many.
func Every(known map[uint64]bool) (scopes []Scope, denied int, err error) {
	paths := []string{hostPath}
	named, err := os.ReadDir(namedDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	for _, e := range named {
		paths = append(paths, filepath.Join(namedDir, e.Name()))
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return nil, 0, err
	}
	for _, e := range processes {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			paths = append(paths, filepath.Join("/proc", e.Name(), "ns/net"))
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		inode := inodeOf(info)
		if known[inode] {
			continue
		}
		ns, err := netns.Open(path)
		if errors.Is(err, fs.ErrPermission) {
			known[inode] = true
			denied++
		}
		if err != nil {
			continue
		}
		known[inode] = true
		scopes = append(scopes, Scope{nameOf(ns), ns})
	}
	return scopes, denied, nil
}

// nameOf returns what people call a namespace.
func nameOf(ns *netns.NS) string {
	inode, err := ns.Inode()
	if err != nil {
		return "?"
	}
	named, _ := os.ReadDir(namedDir)
	for _, e := range named {
		if info, err := os.Stat(filepath.Join(namedDir, e.Name())); err == nil && inodeOf(info) == inode {
			return e.Name()
		}
	}
	for _, x := range []struct{ path, name string }{{hostPath, Host}, {ownPath, Self}} {
		if info, err := os.Stat(x.path); err == nil && inodeOf(info) == inode {
			return x.name
		}
	}
	return fmt.Sprintf("net:[%d]", inode)
}
