package labtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// goneWithin is how long the kernel may take to end a lab: its capture rings
// alone need some tens of milliseconds.
const goneWithin = 5 * time.Second

// nothingLeft waits until nothing of this process's labs is left, and says
// what is if it does not go: processes and goroutines, and what else is to be
// looked for. With its first process, the supervisor, the kernel ends every
// other of a lab; and a namespace goes with its last process and handle.
func nothingLeft(other ...func() error) error {
	deadline := time.Now().Add(goneWithin)
	for {
		err := errors.Join(processes(), goroutines())
		for _, look := range other {
			err = errors.Join(err, look())
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(2 * time.Millisecond) // nobody tells when the last of several kinds of things goes
	}
}

// processes returns an error that names the supervisors that this process has
// started and that are still there.
func processes() error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fmt.Errorf("look for processes left behind: %w", err)
	}
	var errs []error
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil || parent(stat) != os.Getpid() {
			continue // it is gone, or not ours
		}
		if line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")); strings.HasPrefix(string(line), "netlab-supervisor") {
			errs = append(errs, fmt.Errorf("process %d of a lab is left behind", pid))
		}
	}
	return errors.Join(errs...)
}

// parent reads the parent out of a line of /proc/PID/stat, 0 if there is
// none. The name of the process, in parentheses, may hold anything.
func parent(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(string(fields[1]))
	return pid
}

// handles returns an error if this process holds network namespaces open.
// Tests of others may do so, too, for as long as they run.
func handles() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("look for namespaces left behind: %w", err)
	}
	n := 0
	for _, e := range entries {
		target, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name())) // one is that of the directory itself
		if strings.HasPrefix(target, "net:[") {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d handles of network namespaces are left behind", n)
	}
	return nil
}

// goroutines returns an error that shows the goroutines in this module's code,
// but for those of tests that have yet to run or wait for others.
func goroutines() error {
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	var errs []error
	for stack := range strings.SplitSeq(string(text), "\n\n") {
		ours := strings.Contains(stack, "netlab/lab/") || strings.Contains(stack, "netlab/probes/")
		if ours && !strings.Contains(stack, "netlab/lab/labtest.") && !strings.Contains(stack, "testing.tRunner") {
			errs = append(errs, fmt.Errorf("a goroutine is left behind: %s", stack))
		}
	}
	return errors.Join(errs...)
}
