package lab_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"netlab/lab/netns/netnstest"
	"netlab/lab/node"

	"golang.org/x/sys/unix"
)

// TestConfinedCapabilities: what the command's caller has in its ambient and
// inheritable sets is not handed on to programs.
func TestConfinedCapabilities(t *testing.T) {
	const again = "NETLAB_TEST_CAPABLE"
	if os.Getenv(again) == "" && node.Privileged() {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestConfinedCapabilities$", "-test.count=1")
		cmd.Env = append(os.Environ(), again+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("with ambient capabilities: %v\n%s", err, out)
		}
	}
	_, step, _, _ := upPrograms(t, "")
	got := step(sh("grep -E '^Cap(Inh|Amb):' /proc/self/status"))
	if want := "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n"; got.Content != want {
		t.Errorf("capabilities (%s):\n%swant\n%s", got.Error, got.Content, want)
	}
	got = step(sh("sed -n 's/^CapEff://p' /proc/self/status"))
	var effective uint64
	if _, err := fmt.Sscanf(got.Content, "%x", &effective); err != nil || effective&(1<<unix.CAP_SYS_ADMIN|1<<unix.CAP_SYS_PTRACE) != 0 || effective&(1<<unix.CAP_NET_BIND_SERVICE) == 0 {
		t.Errorf("effective capabilities %q, %v", got.Content, err)
	}
}

// TestConfinedCalls makes the system calls that reach what no namespace covers.
func TestConfinedCalls(t *testing.T) {
	_, err := node.FindProgram("perl")
	netnstest.Require(t, "programs", err)
	_, step, _, _ := upPrograms(t, "")
	type call struct {
		name   string
		number int
		args   string
		want   unix.Errno // 0: allowed
	}
	tests := []call{
		{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, "0, 0, 0", unix.EPERM},
		{"add_key", unix.SYS_ADD_KEY, "0, 0, 0, 0, 0", unix.EPERM},
		{"keyctl", unix.SYS_KEYCTL, "0, -3, 0", unix.EPERM},
		{"request_key", unix.SYS_REQUEST_KEY, "0, 0, 0, 0", unix.EPERM},
		{"syslog", unix.SYS_SYSLOG, "10, 0, 0", unix.EPERM},
		{"bpf", unix.SYS_BPF, "0, 0, 0", unix.EPERM},
		{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, "0, 0, 0, 0, 0", unix.EPERM},
		{"userfaultfd", unix.SYS_USERFAULTFD, "1", unix.EPERM},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, "1, 0", unix.EPERM},
		{"fanotify_init", unix.SYS_FANOTIFY_INIT, "0x200, 0", unix.EPERM},
		{"sched_setscheduler", unix.SYS_SCHED_SETSCHEDULER, "0, 1, 0", unix.EPERM},
		{"sched_setparam", unix.SYS_SCHED_SETPARAM, "0, 0", unix.EPERM},
		{"sched_setattr", unix.SYS_SCHED_SETATTR, "0, 0, 0", unix.EPERM},
		{"ioprio_set", unix.SYS_IOPRIO_SET, "1, 0, 0x2000", unix.EPERM},
		{"higher priority", unix.SYS_SETPRIORITY, "0, 0, -1", unix.EPERM},
		{"lower priority", unix.SYS_SETPRIORITY, "0, 0, 1", 0},
		{"getpid", unix.SYS_GETPID, "", 0},
	}
	if runtime.GOARCH == "amd64" {
		tests = append(tests, call{"getpid of x32", 0x4000_0000 + unix.SYS_GETPID, "", unix.ENOSYS})
	}
	for _, tt := range tests {
		script := fmt.Sprintf("$! = 0; $r = syscall(%d, %s); exit($r == -1 ? $!+0 : 0)", tt.number, tt.args)
		got := step(fmt.Sprintf("exec: {node: client, command: [perl, -e, %q]}", script))
		if got.Exit == nil || *got.Exit != int(tt.want) {
			t.Errorf("%s: %+v, want errno %d (%v)", tt.name, got, int(tt.want), tt.want)
		}
	}
}

// TestConfinedHomes: what the host's users have at home is not visible, but
// for what the scenario names.
func TestConfinedHomes(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil || home != "/root" && filepath.Dir(home) != "/home" {
		t.Skipf("the home %q is none of those that are covered", home)
	}
	dir, err := os.MkdirTemp(home, "netlab-test-")
	if err != nil {
		t.Skipf("no directory at home: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, text := range map[string]string{"a/bin/tool": "#!/bin/sh\ncat $(dirname $0)/../lib", "a/lib": "library", "b/data": "data", "b/other": "other", "secret": "s", "c/secret": "s"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir+"/a/bin/tool", dir+"/b/link"); err != nil {
		t.Fatal(err)
	}
	_, step, _, _ := upPrograms(t, "", dir+"/b/link", dir+"/no/such", "/", "/home", "/root/..")
	for script, want := range map[string]string{
		"cd " + dir + "; ls; cat b/data; a/bin/tool; b/link 2>/dev/null || echo none": "a\nb\ndatalibrarynone\n",
		"ls -A " + home:                       filepath.Base(dir) + "\n",
		"test -e " + dir + "/secret; echo $?": "1\n",
		"cd " + dir + "/a && touch x 2>/dev/null || cd " + home + " && touch x 2>/dev/null || echo no": "no\n",
	} {
		if got := step(sh(script)); got.Content != want {
			t.Errorf("%s: %q (%s), want %q", script, got.Content, got.Error, want)
		}
	}
	_, step, _, _ = upPrograms(t, "")
	if got := step(sh("ls -A /home /root")); got.Content != "/home:\n\n/root:\n" {
		t.Errorf("homes: %q %s", got.Content, got.Error)
	}
}

// TestConfinedDisk: the files of a node take as much as limits.disk in all.
func TestConfinedDisk(t *testing.T) {
	_, step, _, _ := upPrograms(t, "limits: {disk: 400kB}\n")
	write := func(path string, bytes int) string { return fmt.Sprintf("head -c %d /dev/zero > %s", bytes, path) }
	for _, tt := range []struct{ script, want string }{
		{write("/tmp/a", 200_000), ""},
		{write("/var/a", 150_000), ""},
		{write("/run/a", 100_000), "exit status 1: head: error writing 'standard output': No space left on device"},
		{"rm /run/a; " + write("/dev/shm/a", 100_000), "exit status 1: head: error writing 'standard output': No space left on device"},
		{"rm /tmp/a /dev/shm/a; " + write("/run/a", 200_000), ""},
	} {
		if got := step(sh(tt.script)); got.Error != tt.want {
			t.Errorf("%s: %q, want %q", tt.script, got.Error, tt.want)
		}
	}
}
