package needs

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/probes"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	node.Main() // this program also tries features
	os.Exit(m.Run())
}

const example = `netlab: 1
name: example
nodes: {a: {}, b: {}}
links: {wire: [a, b]}
needs: {packages: [zebra, alpha], programs: [tool], kernel: "5.14", features: [overlay]}
servers:
  own: {node: a, ftp: {anonymous: true}}
  other: {node: a, exec: {command: [/usr/sbin/otherd, -x], port: 80}}
steps:
  - exec: {node: b, command: [client], as: fetch}
  - exec: {node: b, command: [client]}
  - exec: {node: b, command: [/tmp/script], files: {/tmp/script: "#!/bin/sh\n"}}
variants:
  another:
    patch: {needs: {packages: [beta], kernel: null}}
`

func parse(t *testing.T, text string) *scenarios.Scenario {
	t.Helper()
	sc, err := scenarios.Parse("example.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestOf(t *testing.T) {
	sc := parse(t, example)
	programs := []Need{{Kind: Program, Name: "/usr/sbin/otherd"}, {Kind: Program, Name: "client"}, {Kind: Program, Name: "tool"}}
	rest := []Need{{Kind: Kernel, Name: "5.14"}, {Kind: Feature, Name: "overlay"}}
	join := func(parts ...[]Need) (all []Need) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	packages := func(names ...string) (list []Need) {
		for _, n := range names {
			list = append(list, Need{Kind: Package, Name: n})
		}
		return list
	}
	if diff := cmp.Diff(join(packages("alpha", "zebra"), programs, rest), Of(sc)); diff != "" {
		t.Errorf("base (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(join(packages("beta"), programs, rest[1:]), Of(sc.Variants[0].Scenario)); diff != "" {
		t.Errorf("variant (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(join(packages("alpha", "beta", "zebra"), programs, rest), Of(WithVariants(sc)...)); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"other", "fetch", "steps[1]", "steps[2]"}, RunsPrograms(sc)); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

func TestOlder(t *testing.T) {
	for _, tt := range []struct {
		release, want string
		older         bool
	}{
		{"6.18.44-fc-v595", "5.14", false}, {"5.10.0-8-amd64", "5.14", true}, {"5.14.0", "5.14", false},
		{"5.14", "5.14.3", false}, {"6.1.0-13-amd64", "6.10", true}, {"6.8", "6.14", true}, {"7", "6.14", false}, {"", "6.14", false},
	} {
		if got := older(tt.release, tt.want); got != tt.older {
			t.Errorf("%q older than %q: %v, want %v", tt.release, tt.want, got, tt.older)
		}
	}
}

func TestMissing(t *testing.T) {
	list := []Need{
		{Kind: Package, Name: "no-such-package"}, {Kind: Package, Name: "sh"}, // the second is the name of a program
		{Kind: Program, Name: "sh"}, {Kind: Program, Name: "no-such-program"}, {Kind: Program, Name: "/etc/passwd/x"},
		{Kind: Kernel, Name: "2.6"}, {Kind: Kernel, Name: "99.1"},
	}
	m := NewMachine()
	for range 2 { // the second time from memory
		var got []string
		for _, n := range m.Missing(t.Context(), list) {
			got = append(got, string(n.Kind)+" "+n.Name)
		}
		want := []string{"package no-such-package", "program no-such-program", "program /etc/passwd/x", "kernel 99.1"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	e := &Error{Scenario: "s", Missing: m.Missing(t.Context(), list[:1])}
	if got := e.Error(); got != "s: missing: package no-such-package" {
		t.Errorf("error %q", got)
	}
	if got := Install(e.Missing); got != "apt-get install no-such-package" {
		t.Errorf("install %q", got)
	}
}

// TestFeatures tries what there is; that it can be had is no matter of this
// test, but that the answer is one is.
func TestFeatures(t *testing.T) {
	netnstest.Require(t, "netns", netns.Supported())
	for _, f := range []scenarios.Feature{
		scenarios.FeatureBPF, scenarios.FeatureNftables, scenarios.FeatureConntrack, scenarios.FeatureNAT,
		scenarios.FeatureFTPHelper, scenarios.FeatureOverlay, scenarios.FeatureUserNS, scenarios.FeatureIPv6, scenarios.FeatureRoot,
	} {
		err := tryFeature(t.Context(), f)
		t.Logf("%s: %v", f, err)
		if err != nil && (strings.Contains(err.Error(), "nobody knows") || strings.Contains(err.Error(), "exit status")) {
			t.Errorf("%s: %v", f, err)
		}
	}
	if err := tryFeature(t.Context(), "nonsense"); err == nil || err.Error() != `nobody knows how to try "nonsense"` {
		t.Errorf("nonsense: %v", err)
	}
}

// TestPrograms compares with what dpkg itself says.
func TestPrograms(t *testing.T) {
	netnstest.Require(t, "netns", netns.Supported())
	sc := parse(t, "netlab: 1\nname: x\nnodes: {a: {}}\nsteps: [{exec: {node: a, command: [ls], as: list}}, {exec: {node: a, command: [sh], as: shell}}]\n")
	got := NewMachine().Programs(t.Context(), sc)
	if len(got) != 2 || got[0].Name != "list" || got[1].Name != "shell" {
		t.Fatalf("%+v", got)
	}
	for i, pkg := range []string{"coreutils", "dash"} {
		out, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", pkg).Output()
		if err != nil {
			t.Skipf("no %s of Debian: %v", pkg, err)
		}
		if got[i].Package != string(out) || got[i].Version != "" {
			t.Errorf("%+v, want package %q", got[i], out)
		}
	}
}

// A program of no package has no version: it is not run to be asked.
func TestProgramOfNoPackage(t *testing.T) {
	dir := t.TempDir()
	path, ran := dir+"/tool", dir+"/ran"
	if err := os.WriteFile(path, []byte("#!/bin/sh\ntouch "+ran+"; echo tool 1.2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := NewMachine().describe(t.Context(), path)
	if want := (probes.Program{Path: path}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the program was run")
	}
}
