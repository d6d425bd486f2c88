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
	Name  string // as ip-netns(8) calls it; host; else net:[INODE]
	NS    *netns.NS
	Inode uint64 // not given to another as long as NS is open
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
	return scopeOf(name, ns)
}

// scopeOf names a namespace; where name is a path, by what people call it. It
// closes ns where it fails.
func scopeOf(name string, ns *netns.NS) (Scope, error) {
	inode, err := ns.Inode()
	if err != nil {
		return Scope{}, errors.Join(err, ns.Close())
	}
	if strings.Contains(name, "/") {
		name = nameOf(inode)
	}
	return Scope{name, ns, inode}, nil
}

// OfProcess opens the namespace of a process.
func OfProcess(pid int) (Scope, error) {
	return Open(fmt.Sprintf("/proc/%d/ns/net", pid))
}

// Own opens the namespace of this process.
func Own() (Scope, error) { return Open(ownPath) }

// An Every finds all namespaces that have a name or a process. The zero Every
// knows of none.
type Every struct {
	known  map[uint64]bool // by inode
	Denied int             // how many may not be entered
}

// Look opens the namespaces that are new since the look before, and returns
// the inodes of those that have neither name nor process any more.
func (v *Every) Look() (fresh []Scope, gone []uint64, err error) {
	paths, err := everyPath()
	if err != nil {
		return nil, nil, err
	}
	seen := make(map[uint64]bool)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue // gone meanwhile
		}
		inode := inodeOf(info)
		if seen[inode] {
			continue
		}
		seen[inode] = true
		if v.known[inode] {
			continue
		}
		ns, err := netns.Open(path)
		if errors.Is(err, fs.ErrPermission) {
			v.Denied++
		}
		if err != nil {
			continue
		}
		if s, err := scopeOf(path, ns); err == nil {
			fresh = append(fresh, s)
		}
	}
	for inode := range v.known {
		if !seen[inode] {
			gone = append(gone, inode)
		}
	}
	v.known = seen
	return fresh, gone, nil
}

// everyPath lists the files that stand for namespaces.
func everyPath() ([]string, error) {
	paths := []string{hostPath}
	named, err := os.ReadDir(namedDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range named {
		paths = append(paths, filepath.Join(namedDir, e.Name()))
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range processes {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			paths = append(paths, filepath.Join("/proc", e.Name(), "ns/net"))
		}
	}
	return paths, nil
}

// nameOf returns what people call a namespace.
func nameOf(inode uint64) string {
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
