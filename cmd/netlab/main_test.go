package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"netlab/lab/netns"
	"netlab/lab/netns/netnstest"
	"netlab/lab/node"
	"netlab/probes/bpf"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files in the scripts")

// TestMain is four programs: the tests; by the name of netlab the command, as
// scripts and tests start it; and the labs' supervisor and agents.
func TestMain(m *testing.M) {
	node.Main()
	testscript.Main(m, map[string]func(){"netlab": main, "netlab-confined": confined})
}

// TestScripts runs the scripts of testdata/script. They have commands and
// conditions of their own.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("labs take time")
	}
	lab, kernel := labSupported(), bpfSupported()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Condition: func(name string) (bool, error) {
			switch name {
			case "lab":
				return lab == nil, required(labFeature(), lab)
			case "bpf":
				return kernel == nil, required("bpf", kernel)
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Setup: func(env *testscript.Env) error {
			recorded, err := filepath.Abs("../../testdata/runs")
			env.Setenv("RUNS", recorded)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "json": isJSON, "replace": replace,
		},
	})
}

// exits CODE COMMAND...: runs the command and wants this exit code. A run that
// is inconclusive because the machine kept it waiting, as it says itself, says
// nothing about the code under test: it is thrown away and made anew.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	const attempts = 10
	for n := 1; ; n++ {
		before := runDirectories(ts)
		got := codeFrom(ts, args[1:])
		if got == want {
			return
		}
		said := ts.ReadFile("stdout")
		starved := got == exitInconclusive && (strings.Contains(said, "starved") || strings.Contains(said, "机器繁忙"))
		if !starved || n == attempts {
			ts.Fatalf("exit code %d, want %d", got, want)
		}
		ts.Logf("the machine kept the run waiting; again (%d)", n)
		for _, dir := range runDirectories(ts) {
			if !slices.Contains(before, dir) {
				ts.Check(os.RemoveAll(dir))
			}
		}
	}
}

// runDirectories lists the run directories of a script.
func runDirectories(ts *testscript.TestScript) []string {
	list, err := filepath.Glob(filepath.Join(ts.MkAbs("netlab-runs"), "*"))
	ts.Check(err)
	return list
}

// codeFrom runs a command and returns its exit code.
func codeFrom(ts *testscript.TestScript, args []string) int {
	if err := ts.Exec(args[0], args[1:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		return exit.ExitCode()
	}
	return 0
}

// json FILE [PATH [VALUE]]: the file (or stdout) is one JSON value. It has a value at the
// path (keys and numbers with dots between), and that prints as VALUE.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 3 {
		ts.Fatalf("usage: json FILE [PATH [VALUE]]")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	if len(args) == 1 {
		return
	}
	for key := range strings.SplitSeq(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			ts.Check(err)
			if i >= len(at) {
				ts.Fatalf("%s: there are only %d", args[1], len(at))
			}
			v = at[i]
		default:
			v = nil
		}
		if v == nil {
			ts.Fatalf("there is no %q of %s", key, args[1])
		}
	}
	if len(args) == 3 && fmt.Sprint(v) != args[2] {
		ts.Fatalf("%s is %v, want %s", args[1], v, args[2])
	}
}

// replace FILE OLD NEW: replaces the first OLD in the file, which must be there.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}

// labFeature is what labs need of the machine, in the words of
// NETLAB_REQUIRE.
func labFeature() string {
	if node.Privileged() {
		return "netns"
	}
	return "userns"
}

// labSupported tries what labs need, and says why it cannot be had.
func labSupported() error {
	if node.Privileged() {
		return netns.Supported()
	}
	path, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}
	return cmd.Run()
}

// requireLab gates a test that brings up labs.
func requireLab(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("labs take time")
	}
	netnstest.Require(t, labFeature(), labSupported())
}

// bpfSupported tries to load the kernel's programs.
func bpfSupported() error {
	tracer, err := bpf.Load()
	if err != nil {
		return err
	}
	return tracer.Close()
}

// required returns an error where a feature is missing that NETLAB_REQUIRE
// names: to go without it would be a lie.
func required(feature string, missing error) error {
	if missing != nil && slices.Contains(strings.Split(os.Getenv("NETLAB_REQUIRE"), ","), feature) {
		return fmt.Errorf("NETLAB_REQUIRE names %q, but it is not to be had: %w", feature, missing)
	}
	return nil
}
