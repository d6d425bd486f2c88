package needs

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"netlab/lab/node"
	"netlab/probes"
	"netlab/scenarios"
)

// askWithin is how long dpkg may take to say whose a program is.
const askWithin = time.Second

// dpkgInfo is where Debian keeps the lists of the files of packages (dpkg(1)).
const dpkgInfo = "/var/lib/dpkg/info"

// ask asks for all packages at once: each question takes ten milliseconds.
func (m *Machine) ask(ctx context.Context, list []Need) {
	var unknown []string
	for _, n := range list {
		if _, known := m.packages[n.Name]; n.Kind == Package && !known {
			unknown = append(unknown, n.Name)
		}
	}
	m.versions(ctx, unknown)
}

// versions notes the versions of packages.
func (m *Machine) versions(ctx context.Context, names []string) {
	if len(names) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*askWithin)
	defer cancel()
	// It fails where one of the packages is unknown, and tells of the others.
	text, _ := output(ctx, "dpkg-query", append([]string{"-W", "-f", "${Package}\t${Version}\t${db:Status-Status}\n"}, names...)...)
	for _, name := range names {
		m.packages[name] = ""
	}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 3 && f[2] == "installed" {
			m.packages[f[0]] = f[1]
		}
	}
}

// Programs returns the programs of the host that a scenario runs: where they
// are, and of which package and version. What cannot be found out is left
// empty: nothing is run to ask it, as nobody knows what a program does when it
// is asked for its version.
func (m *Machine) Programs(ctx context.Context, sc *scenarios.Scenario) []probes.Program {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := commands(sc)
	var list []probes.Program
	for _, name := range slices.Sorted(maps.Keys(first)) {
		p, known := m.owners[first[name]]
		if !known {
			p = m.describe(ctx, first[name])
			m.owners[first[name]] = p
		}
		p.Name = name
		list = append(list, p)
	}
	return list
}

// describe finds out what a command runs.
func (m *Machine) describe(ctx context.Context, command string) probes.Program {
	path, err := node.FindProgram(command)
	if err != nil {
		return probes.Program{Path: command}
	}
	p := probes.Program{Path: path}
	owner := ownerOf(ctx, path)
	if owner == "" {
		return p
	}
	if _, known := m.packages[owner]; !known {
		m.versions(ctx, []string{owner})
	}
	p.Package = strings.TrimSpace(owner + " " + m.packages[owner])
	return p
}

// ownerOf returns the package that has a file, "" if none has. Most programs
// are called as their package or begin its name: its list is read, which is
// a hundred times as fast as dpkg-query, which reads all.
func ownerOf(ctx context.Context, path string) string {
	real, err := filepath.EvalSymlinks(path) // /etc/alternatives, /bin
	if err != nil {
		real = path
	}
	names := []string{path, real}
	for _, name := range []string{path, real} { // files of before the merge of /bin and /usr/bin
		names = append(names, strings.TrimPrefix(name, "/usr"))
	}
	var lists []string
	for _, name := range []string{filepath.Base(path), filepath.Base(real)} {
		some, _ := filepath.Glob(filepath.Join(dpkgInfo, quoteGlob(name)+"*.list")) // the pattern is good
		lists = append(lists, some...)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // what cannot be read has nothing
		for line := range strings.Lines(string(text)) {
			if slices.Contains(names, strings.TrimSpace(line)) {
				return packageOf(strings.TrimSuffix(filepath.Base(list), ".list"))
			}
		}
	}
	if !strings.HasPrefix(real, "/usr/bin/") && !strings.HasPrefix(real, "/usr/sbin/") && !strings.HasPrefix(real, "/bin/") && !strings.HasPrefix(real, "/sbin/") {
		return "" // packages have their programs nowhere else
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	for _, name := range slices.Compact(names) {
		text, err := output(ctx, "dpkg-query", "-S", name)
		if owner, _, ok := strings.Cut(text, ": "); ok && err == nil && !strings.Contains(owner, " ") {
			return packageOf(owner)
		}
	}
	return ""
}

// packageOf returns a package's name without its architecture.
func packageOf(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}

// quoteGlob takes the meaning from the characters that have one in patterns.
func quoteGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}
