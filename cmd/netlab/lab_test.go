package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// goneWithin is how long processes, mounts and files may outlive the command,
// however it ends. Processes whose parent has not fetched their exit status
// are gone: that is the business of the machine's first process.
const goneWithin = time.Second

// markName is the environment variable by which a test knows its processes:
// every process of a lab inherits the command's environment.
const markName = "NETLAB_TEST_MARK"

// A sandbox is where a command runs whose end is watched: a directory for its
// runs, one for its temporary files, and the mark of its processes.
type sandbox struct {
	mark     string
	dir, tmp string
	program  string              // the command; "" for this program
	user     *syscall.Credential // nil: who runs the tests
	within   time.Duration       // until all is gone
	before   host
}

// ordinary is a user without privileges.
const ordinary = 65534

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	// Not testing's own directory: that is closed to other users.
	root, err := os.MkdirTemp("", "netlab-test-")
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{mark: fmt.Sprintf("%d-%x", os.Getpid(), rand.Uint64()), dir: filepath.Join(root, "dir"), tmp: filepath.Join(root, "tmp"), within: goneWithin}
	t.Cleanup(func() {
		s.killAll()
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	for _, dir := range []string{s.dir, s.tmp} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.before = lookAtHost(t)
	return s
}

// become makes the sandbox that of an ordinary user. Where the tests are run
// by one, it is that.
func (s *sandbox) become(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	s.user = &syscall.Credential{Uid: ordinary, Gid: ordinary}
	for _, dir := range []string{filepath.Dir(s.dir), s.dir, s.tmp} {
		if err := os.Chown(dir, ordinary, ordinary); err != nil {
			t.Fatal(err)
		}
	}
}

// command prepares a command of TestMain's, or any other.
func (s *sandbox) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	switch {
	case name == "netlab" && s.program != "":
		cmd.Path, cmd.Err = s.program, nil
	case strings.HasPrefix(name, "netlab"):
		// Other users cannot look into the directory where this program is.
		cmd.Path, cmd.Err = "/proc/self/exe", nil
	}
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), markName+"="+s.mark, "TMPDIR="+s.tmp, "LANG=C", "SUDO_UID=", "SUDO_GID=")
	if s.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	}
	return cmd
}

// buildPlain has the sandbox use a command without the race detector, which
// makes every start several times as long, where this program has it and a
// compiler can be had. The scripts run the command with it.
func (s *sandbox) buildPlain(t *testing.T) {
	t.Helper()
	if !raceEnabled() {
		return
	}
	program := filepath.Join(filepath.Dir(s.dir), "netlab")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "GOPROXY=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Logf("with the race detector, as the command cannot be built: %v\n%s", err, out)
		return
	}
	s.program = program
}

func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// runs returns the run directories.
func (s *sandbox) runs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(s.dir, "netlab-runs", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// A process bears the mark of a sandbox.
type process struct {
	pid  int
	args []string
}

func (p process) String() string { return fmt.Sprintf("%d %q", p.pid, p.args) }

// processes returns the living processes of the sandbox.
func (s *sandbox) processes() []process {
	want := []byte(markName + "=" + s.mark)
	var list []process
	entries, _ := os.ReadDir("/proc") // what cannot be read is not ours
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !bytes.Contains(environ, want) {
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		list = append(list, process{pid, strings.Split(strings.TrimRight(string(args), "\x00"), "\x00")})
	}
	return list
}

// killAll ends what a failed test left.
func (s *sandbox) killAll() {
	for _, p := range s.processes() {
		_ = unix.Kill(p.pid, unix.SIGKILL)
	}
}

// find returns the process that was started with these arguments.
func (s *sandbox) find(args ...string) (process, bool) {
	for _, p := range s.processes() {
		if len(p.args) >= len(args) && strings.Join(p.args[:len(args)], " ") == strings.Join(args, " ") {
			return p, true
		}
	}
	return process{}, false
}

// await polls until done returns true: neither the end of somebody else's
// process nor the progress of one tells us.
func await(within time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return done()
		}
	}
	return true
}

// wantNothingLeft checks that nothing of the command is left, a second after
// its end at the latest.
func (s *sandbox) wantNothingLeft(t *testing.T, ended time.Time) {
	t.Helper()
	var left []process
	gone := await(time.Until(ended.Add(s.within)), func() bool {
		left = s.processes()
		return len(left) == 0
	})
	if !gone {
		t.Errorf("still there after %v: %v", time.Since(ended), left)
		s.killAll()
	}
	if left := list(t, s.tmp); len(left) > 0 {
		t.Errorf("temporary files: %q", left)
	}
	for _, name := range list(t, s.dir) {
		if name != "netlab-runs" {
			t.Errorf("beside the run directories there is %q", name)
		}
	}
	s.before.compare(t)
}

// A host is what everybody on the machine shares and labs do not touch.
type host struct {
	mounts     string
	interfaces []string
	names      []string // of network namespaces, ip-netns(8)
	pinned     []string // bpf objects
}

func lookAtHost(t *testing.T) host {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return host{
		mounts: string(mounts), interfaces: list(t, "/sys/class/net"),
		names: list(t, "/run/netns"), pinned: list(t, "/sys/fs/bpf"),
	}
}

func (h host) compare(t *testing.T) {
	t.Helper()
	now := lookAtHost(t)
	for _, c := range []struct{ what, before, after string }{
		{"mounts", h.mounts, now.mounts},
		{"interfaces", fmt.Sprint(h.interfaces), fmt.Sprint(now.interfaces)},
		{"named network namespaces", fmt.Sprint(h.names), fmt.Sprint(now.names)},
		{"pinned bpf objects", fmt.Sprint(h.pinned), fmt.Sprint(now.pinned)},
	} {
		if c.before != c.after {
			t.Errorf("%s of the host changed from\n%s\nto\n%s", c.what, c.before, c.after)
		}
	}
}

// list returns the names in a directory, none if it cannot be read.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// exitCodeOf returns the exit code that Wait or Run reported, or the signal as -signal.
func exitCodeOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatal(err)
	}
	if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
		return -int(status.Signal())
	}
	return exit.ExitCode()
}
