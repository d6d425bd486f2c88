package lab_test

import (
	"fmt"
	"os"
	"os/exec"
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
