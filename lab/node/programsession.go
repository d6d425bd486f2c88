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

// signal sends a signal to all processes of the program's session: itself and
// what it has started, daemons excepted, which have sessions of their own.
func (p *program) signal(s syscall.Signal) error {
	err := unix.Kill(-p.pid, s) // its own group, at once
	if errors.Is(err, unix.ESRCH) {
		err = nil
	}
	for _, pid := range inSession(p.pid) {
		if e := unix.Kill(pid, s); e != nil && !errors.Is(e, unix.ESRCH) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return fmt.Errorf("send %s to %s: %w", unix.SignalName(s), p.command, err)
	}
	return nil
}

// inSession lists the processes of a session that are not in its first group
// (proc_pid_stat(5): pgrp and session follow the name, which may hold
// anything, state and parent).
func inSession(session int) []int {
	var list []int
	for _, pid := range processes() {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(f) > 3 && f[3] == strconv.Itoa(session) && f[2] != f[3] {
			list = append(list, pid)
		}
	}
	return list
}

// stopGrace is how long a program may take to end when it is asked to.
const stopGrace = 2 * time.Second

// stop asks the program to end, and kills it if it does not; in the end all of
// its session is killed.
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

// kill kills the session of the program and waits until the program is gone.
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
