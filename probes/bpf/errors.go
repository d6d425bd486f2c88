package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"netlab/probes"

	"golang.org/x/sys/unix"
)

// A refusedError says which operation of bpf(2) the kernel refused. The
// library's own texts are left out: of every EPERM they say that RLIMIT_MEMLOCK
// may be too low, which no kernel since 5.11 looks at.
type refusedError struct {
	op, subject string
	cause       error
}

func refused(op, subject string, cause error) error { return &refusedError{op, subject, cause} }

func (e *refusedError) Error() string {
	what := e.cause.Error()
	if n := errno(e.cause); n != 0 {
		name := unix.ErrnoName(n)
		// What this package adds to an errno comes after its text.
		_, detail, _ := strings.Cut(what, n.Error()+": ")
		what = name
		if detail != "" && !strings.Contains(detail, "MEMLOCK") {
			what += ", " + detail
		}
	}
	return fmt.Sprintf("%s %s: %s", e.op, e.subject, what)
}

func (e *refusedError) Unwrap() error { return e.cause }

// A noTypesError says that the kernel's types could not be read.
type noTypesError struct{ cause error }

func (e *noTypesError) Error() string { return "read kernel type information: " + e.cause.Error() }
func (e *noTypesError) Unwrap() error { return e.cause }

// A lacksError says what the programs need and the kernel does not have.
type lacksError struct{ what string }

func (e *lacksError) Error() string { return "the kernel has no " + e.what }

// A verifierError says why the kernel does not take a program: it is another
// kernel than the program was written for.
type verifierError struct {
	errno unix.Errno
	why   string
}

func (e *verifierError) Error() string { return e.errno.Error() + ": verifier: " + e.why }
func (e *verifierError) Unwrap() error { return e.errno }

// The remedies.
const (
	remedyPrivilege = "run as root, or give the command CAP_BPF and CAP_PERFMON (setcap cap_bpf,cap_perfmon=ep)"
	remedyTypes     = "boot a kernel built with CONFIG_DEBUG_INFO_BTF, as those of Debian 11, Ubuntu 20.10 and later are"
	remedyKernel    = "boot Linux 5.14 or later"
	remedyNewer     = "boot Linux 6.12 or later"
	remedyBPF       = "boot a kernel built with CONFIG_BPF_SYSCALL, and let the container's seccomp profile pass bpf(2)"
)

// unavailable explains why a Tracer could not be loaded.
func unavailable(err error) error {
	u := &probes.Unavailable{Source: probes.BPF, Reason: err.Error()}
	var lacks *lacksError
	var noTypes *noTypesError
	var verifier *verifierError
	switch {
	case errors.As(err, &verifier):
	case errors.As(err, &lacks):
		u.Remedy = remedyKernel
	case errors.As(err, &noTypes) && errors.Is(err, fs.ErrNotExist):
		u.Reason = "the kernel shows no type information (" + vmlinux + " does not exist)"
		u.Remedy = remedyTypes
	case errno(err) == unix.EPERM || errno(err) == unix.EACCES && os.Geteuid() != 0:
		u.Reason += privilegeSettings()
		u.Remedy = remedyPrivilege
	case errno(err) == unix.ENOSYS:
		u.Remedy = remedyBPF
	}
	return u
}

// privilegeSettings says what else may forbid the use of bpf(2), as far as it
// can be read.
func privilegeSettings() string {
	var out string
	if b, err := os.ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled"); err == nil {
		out += ", unprivileged_bpf_disabled=" + strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/sys/kernel/security/lockdown"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "["); ok {
			mode, _, _ := strings.Cut(rest, "]")
			out += ", lockdown=" + mode
		}
	}
	return out
}
