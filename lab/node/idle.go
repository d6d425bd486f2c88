package node

import (
	"bytes"
	"fmt"
	"os"
)

// idle reports whether no process of the lab but this one runs, or waits for a
// processor: each waits for something to happen. It looks twice, as threads
// that wake each other may be overlooked by one look at them in turn.
func idle() bool {
	if !asleep() {
		return false
	}
	return asleep()
}

// asleep looks at every thread once. What cannot be read has just ended.
func asleep() bool {
	self := os.Getpid()
	for _, pid := range processes() {
		if pid == self {
			continue
		}
		dir := fmt.Sprintf("/proc/%d/task", pid)
		threads, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := threads.Readdirnames(-1)
		threads.Close()
		for _, name := range names {
			text, err := os.ReadFile(dir + "/" + name + "/stat")
			if err == nil && runs(text) {
				return false
			}
		}
	}
	return true
}

// runs reports whether a thread runs, or will without anything happening: its
// state (proc_pid_stat(5)) is the first field behind its name, which may be
// anything and is in brackets.
func runs(stat []byte) bool {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 || i+2 >= len(stat) {
		return false
	}
	state := stat[i+2]
	return state == 'R' || state == 'D'
}
