package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"netlab/scenarios"

	"golang.org/x/sys/unix"
)

// A launch says which program to start, and how.
type launch struct {
	command     []string
	environment []scenarios.Variable
	directory   string
	files       []scenarios.ExecFile
	input       string
	serves      bool   // it gets no input, and may print where input comes from
	keep        int    // bytes of the output's beginning
	line        string // of the output, which found waits for
}

// A program is one that runs or has run in the node.
type program struct {
	command string // its file's name, as errors call it
	pid     int    // and the number of its session
	out     *output
	begun   time.Time
	meant   atomic.Bool // its end was asked for

	ended  chan struct{} // closed when it has ended and its output was read
	status unix.WaitStatus
	took   time.Duration // both to be read after ended
}

// launch starts a program, in a session of its own.
func (a *agent) launch(l launch) (_ *program, err error) {
	if a.children == nil {
		return nil, errors.New("the plan has no programs in this node")
	}
	if err := writeFiles(l.files); err != nil {
		return nil, err
	}
	file, err := FindProgram(l.command[0])
	if err != nil {
		return nil, err
	}
	p := &program{command: filepath.Base(l.command[0]), begun: time.Now(), ended: make(chan struct{})}
	p.out = newOutput(p.command, os.Stderr, l.keep, l.line)
	defer func() {
		if err != nil {
			p.out.close()
		}
	}()
	write, err := p.out.newPipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	input, err := p.inputOf(l)
	if err != nil {
		return nil, err
	}
	defer input.Close()
	attr := &syscall.ProcAttr{
		Dir: l.directory, Env: environmentOf(l.environment),
		Files: []uintptr{input.Fd(), write.Fd(), write.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	a.count.begin()
	// ended may be told before start returns.
	p.pid, err = a.children.start(file, l.command, attr, func(status unix.WaitStatus) { go p.finish(status) })
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", file, err)
	}
	p.out.start()
	return p, nil
}

// finish notes the end of the program. It is called once, by its reaper, and
// ends when the output is read.
func (p *program) finish(status unix.WaitStatus) {
	p.status, p.took = status, time.Since(p.begun)
	p.out.ended()
	close(p.ended)
}

// over says how the program ended.
func (p *program) over() string {
	if p.status.Signaled() {
		return "it was killed by " + unix.SignalName(p.status.Signal())
	}
	return fmt.Sprintf("it exited with status %d", p.status.ExitStatus())
}

// exit returns the exit status, or 128 and the number of the signal.
func (p *program) exit() int {
	if p.status.Signaled() {
		return 128 + int(p.status.Signal())
	}
	return p.status.ExitStatus()
}

// gone reports whether the program has ended.
func (p *program) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
