package node

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// refusedCalls lists the system calls that programs may not make, though their
// capabilities, or none, would do: those that reach what no namespace covers,
// and those that would starve the machine.
func refusedCalls() []uint32 {
	return []uint32{
		unix.SYS_OPEN_BY_HANDLE_AT,                              // any file of a file system of which one is visible (see forPrograms)
		unix.SYS_ADD_KEY, unix.SYS_KEYCTL, unix.SYS_REQUEST_KEY, // the keys of the user are not the node's
		unix.SYS_SYSLOG,          // the kernel's messages
		unix.SYS_BPF,             // the kernel itself, also for those without capabilities
		unix.SYS_PERF_EVENT_OPEN, // likewise
		unix.SYS_USERFAULTFD,     // halts the kernel in the middle of things
		unix.SYS_FANOTIFY_INIT,   // who opens which file of the host
		unix.SYS_QUOTACTL,
		// They make other calls where no filter looks.
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		// Priority before everything that has an ordinary share.
		unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETATTR, unix.SYS_IOPRIO_SET,
	}
}

// Where a filter finds what it judges (struct seccomp_data, seccomp(2)). Both
// architectures are little-endian.
const (
	callNumber    = 0
	callABI       = 4
	callArgument2 = 32 // the lower half of the third
)

// firstOfX32 is where the numbers of the x32 ABI begin, by which all calls
// could be made under other numbers. No kernel of a distribution has it.
const firstOfX32 = 0x4000_0000

// callFilter returns a filter of system calls that refuses refusedCalls with
// EPERM, and a priority above the usual (setpriority(2)) too. A program for
// another architecture (of 32 bits), whose calls have other numbers, is
// killed by SIGSYS.
func callFilter(abi uint32) []bpf.Instruction {
	const (
		allow = unix.SECCOMP_RET_ALLOW
		eperm = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		none  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	)
	filter := []bpf.Instruction{
		bpf.LoadAbsolute{Off: callABI, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: abi, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: callNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: firstOfX32, SkipTrue: 1},
		bpf.RetConstant{Val: none},
	}
	for _, call := range refusedCalls() {
		filter = append(filter,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1},
			bpf.RetConstant{Val: eperm})
	}
	return append(filter,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SETPRIORITY, SkipTrue: 3},
		bpf.LoadAbsolute{Off: callArgument2, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: math.MaxInt32, SkipTrue: 1}, // not negative
		bpf.RetConstant{Val: eperm},
		bpf.RetConstant{Val: allow})
}

// refuseCalls has the kernel refuse refusedCalls to the calling thread and to
// its children, for good. It needs no privilege, as nobody in a lab gains any.
func refuseCalls() error {
	var abi uint32
	switch runtime.GOARCH {
	case "amd64":
		abi = unix.AUDIT_ARCH_X86_64
	case "arm64":
		abi = unix.AUDIT_ARCH_AARCH64
	default:
		return errors.New("programs of the host cannot be confined on " + runtime.GOARCH)
	}
	raw, err := bpf.Assemble(callFilter(abi))
	if err != nil {
		return fmt.Errorf("assemble filter of system calls: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	filter := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up gaining privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		return &Refused{"filter the system calls of programs", err}
	}
	return nil
}
