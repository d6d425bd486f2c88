package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// signal sends a signal to all processes of the program: itself, its session,
// and what it has started in sessions of their own, as some servers do with a
// process for each connection. Daemons are excepted: whose parent has ended is
// the program's no more.
func (p *program) signal(s syscall.Signal) error {
	var err error
	// First, for those whose parent has ended are no longer known as its own.
	for _, pid := range beside(p.pid) {
		if e := unix.Kill(pid, s); e != nil && !errors.Is(e, unix.ESRCH) {
			err = errors.Join(err, e)
		}
	}
	if e := unix.Kill(-p.pid, s); e != nil && !errors.Is(e, unix.ESRCH) { // its own group, at once
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("send %s to %s: %w", unix.SignalName(s), p.command, err)
	}
	return nil
}

// A kinship is what proc_pid_stat(5) says of a process.
type kinship struct{ parent, group, session int }

// beside lists the processes of a program that are not in its own group: those
// of its session, and descendants.
func beside(program int) []int {
	kin := make(map[int]kinship)
	for _, pid := range processes() {
		if k, ok := kinOf(pid); ok {
			kin[pid] = k
		}
	}
	descends := func(pid int) bool {
		for range len(kin) { // the table is no moment's: parents may form a ring
			if pid = kin[pid].parent; pid == program {
				return true
			}
		}
		return false
	}
	var list []int
	for pid, k := range kin {
		if k.group != program && (k.session == program || descends(pid)) {
			list = append(list, pid)
		}
	}
	return list
}

// kinOf reads the kinship of a process; it follows the name, which may hold
// anything, and the state.
func kinOf(pid int) (k kinship, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return k, false
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(f) < 4 {
		return k, false
	}
	for i, n := range []*int{&k.parent, &k.group, &k.session} {
		if *n, err = strconv.Atoi(f[i+1]); err != nil {
			return k, false
		}
	}
	return k, true
}

// stopGrace is how long a program may take to end when it is asked to.
const stopGrace = 2 * time.Second

// stop asks the program to end, and kills it if it does not; in the end all of
// it is killed.
func (p *program) stop(ctx context.Context, s syscall.Signal) error {
	p.meant.Store(true)
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	err := unix.Kill(p.pid, s)
	if err == nil {
		err = unix.Kill(p.pid, unix.SIGCONT) // one that is halted would not hear it
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s to %s: %w", unix.SignalName(s), p.command, err)
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
	return p.kill()
}

// kill kills all processes of the program and waits until the program is gone.
// The kernel ends a killed process at once unless it hangs in a driver.
func (p *program) kill() error {
	p.meant.Store(true)
	if err := p.signal(unix.SIGKILL); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopGrace):
		return fmt.Errorf("%s does not end, though it was killed", p.command)
	}
}
