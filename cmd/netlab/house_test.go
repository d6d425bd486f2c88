package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A rule of the house: who may not import what, and why.
type rule struct {
	who    []string // packages, below netlab/
	banned []string // packages that they must not depend on; a final / stands for all below
	why    string
}

var rules = []rule{
	{
		who: []string{"probes"}, banned: []string{"netlab/", "golang.org/", "github.com/"},
		why: "the vocabulary is for everybody, so it needs nobody",
	},
	{
		who: []string{"scenarios", "probes/timeline", "probes/rfc9293", "lab/plan", "lab/check", "lab/coverage", "lab/report"},
		banned: []string{"os/exec", "golang.org/x/sys/unix", "net/http", "netlab/lab/node", "netlab/lab/netns",
			"netlab/lab/link", "netlab/lab/run", "netlab/probes/bpf", "netlab/probes/sockdiag", "netlab/probes/ss",
			"netlab/probes/wire", "netlab/probes/calls", "netlab/probes/clock"},
		why: "these are pure: they judge what was recorded, on any system, without privileges",
	},
	{
		who:    []string{"probes/bpf", "probes/sockdiag", "probes/ss", "probes/wire", "probes/calls", "probes/clock", "probes/timeline", "probes/rfc9293"},
		banned: []string{"netlab/lab/"},
		why:    "a probe knows nothing of labs: it is given places to look at",
	},
	{who: []string{"probes/bpf"}, banned: []string{"netlab/probes/sockdiag", "netlab/probes/ss", "netlab/probes/wire", "netlab/probes/calls"}, why: "probes are independent witnesses"},
	{who: []string{"probes/sockdiag"}, banned: []string{"netlab/probes/bpf", "netlab/probes/ss", "netlab/probes/wire", "netlab/probes/calls"}, why: "probes are independent witnesses"},
	{who: []string{"probes/ss"}, banned: []string{"netlab/probes/bpf", "netlab/probes/sockdiag", "netlab/probes/wire", "netlab/probes/calls"}, why: "probes are independent witnesses"},
	{who: []string{"probes/wire"}, banned: []string{"netlab/probes/bpf", "netlab/probes/sockdiag", "netlab/probes/ss", "netlab/probes/calls"}, why: "probes are independent witnesses"},
	{
		who: []string{"lab/workload", "lab/workload/ftp", "lab/workload/web", "lab/workload/socket", "lab/workload/proxy", "lab/workload/dns", "lab/workload/smtp", "lab/workload/sql", "lab/workload/authority"}, banned: []string{"netlab/scenarios", "netlab/lab/node", "netlab/lab/plan", "netlab/lab/netns", "netlab/lab/link"},
		why: "a workload serves or asks; that it does so in a lab is none of its business",
	},
	{
		who: []string{"lab/plan", "lab/link", "lab/node", "lab/netns"}, banned: []string{"netlab/lab"},
		why: "the lab is made of these, not the other way round",
	},
	{
		who: []string{"lab"}, banned: []string{"netlab/lab/check", "netlab/lab/report", "netlab/lab/run", "netlab/lab/suite"},
		why: "the live lab does not judge",
	},
	{who: []string{"lab/run"}, banned: []string{"netlab/lab/suite", "testing"}, why: "a run knows nothing of others"},
	{
		who:    []string{"lab/step"},
		banned: []string{"netlab/lab", "netlab/lab/node", "netlab/lab/netns", "netlab/lab/run", "netlab/lab/suite", "testing"},
		why:    "it steps whatever is a Lab: how one is built and run is none of its business",
	},
	{who: []string{"lab/watch"}, banned: []string{"netlab/scenarios", "netlab/lab", "netlab/lab/node", "netlab/lab/run", "testing"}, why: "it watches namespaces that are no lab of ours"},
	{who: []string{"lab/suite"}, banned: []string{"netlab/lab/labtest", "testing"}, why: "suites are for the command, too, which is no test"},
}

// dependencies returns what each package of the module depends on.
func dependencies(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Deps", "netlab/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("needs the go command: %v", err)
	}
	deps := map[string][]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return deps
		} else if err != nil {
			t.Fatal(err)
		}
		deps[p.ImportPath] = p.Deps
	}
}

func TestImportsGoDownwards(t *testing.T) {
	deps := dependencies(t)
	for _, r := range rules {
		for _, who := range r.who {
			list, ok := deps["netlab/"+who]
			if !ok {
				t.Errorf("rule for netlab/%s, which does not exist", who)
			}
			for _, dep := range list {
				for _, b := range r.banned {
					if dep == b || strings.HasSuffix(b, "/") && strings.HasPrefix(dep, b) {
						t.Errorf("netlab/%s depends on %s: %s", who, dep, r.why)
					}
				}
			}
		}
	}
}

// The kernel is entered in few places.
func TestOnlyNetnsEntersNamespaces(t *testing.T) {
	eachFile(t, "*.go", func(path, text string) {
		dir := filepath.ToSlash(filepath.Dir(path))
		for _, call := range []string{"unix.Setns(", "unix.Unshare(", "netns.Set("} {
			if strings.Contains(text, call) && dir != "lab/netns" && !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s calls %s): only lab/netns enters namespaces", path, call)
			}
		}
		if strings.Contains(text, "\nfunc init()") {
			t.Errorf("%s has an init function: the house has no registries", path)
		}
	})
}

// Every directory with Go files has exactly one package comment.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	docs := map[string]int{}
	eachFile(t, "*.go", func(path, text string) {
		dir := filepath.Dir(path)
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		docs[dir] += 0
		for _, block := range []string{"// Package ", "// Netlab turns"} {
			if strings.HasPrefix(text, block) || strings.Contains(text, "\n"+block) {
				docs[dir]++
			}
		}
	})
	for dir, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, n)
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{"cmd", "lab", "scenarios", "probes", "testdata", "go.mod", "go.sum", "Makefile", "README.md", "bin", "netlab-runs"}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("top level has %s", e.Name())
		}
	}
}

// The pure packages build for a system that has none of the kernel's
// interfaces.
func TestPureCoreBuildsElsewhere(t *testing.T) {
	cmd := exec.Command("go", "build", "netlab/scenarios", "netlab/probes/timeline", "netlab/probes/rfc9293",
		"netlab/lab/plan", "netlab/lab/check", "netlab/lab/report")
	cmd.Env = append(os.Environ(), "GOOS=darwin", "CGO_ENABLED=0")
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("needs the go command: %v", err)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// eachFile calls fn for the module's files whose name matches.
func eachFile(t *testing.T, pattern string, fn func(path, text string)) {
	t.Helper()
	root := os.DirFS("../..")
	err := walk(root, pattern, fn)
	if err != nil {
		t.Fatal(err)
	}
}
