package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// SearchPath is where programs of a scenario are looked for: where the caller
// looks, and where servers are, which an ordinary user's path may not name.
// What lies below the directories that nodes have of their own cannot be run
// there, nor what is relative to a directory that nobody has chosen.
func SearchPath() string {
	var dirs []string
	usual := []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), usual...) {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) && !ownDirectory(dir) {
			dirs = append(dirs, dir)
		}
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// ownDirectory reports whether nodes have a directory of their own at a path.
func ownDirectory(path string) bool {
	for _, own := range []string{"/tmp", "/run", "/var", "/dev"} {
		if path == own || strings.HasPrefix(path, own+"/") {
			return true
		}
	}
	return false
}

// FindProgram returns the path of a program that is named by a command: a
// path, or a name on the search path.
func FindProgram(name string) (string, error) {
	if strings.Contains(name, "/") {
		return exec.LookPath(name)
	}
	for _, dir := range filepath.SplitList(SearchPath()) {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s is not on the search path", name)
}

// Version asks a program which version it is (--version) and returns all that
// it prints: in a process with namespaces of its own, as in a node, as nobody
// knows what the program does with such a question.
func Version(ctx context.Context, path string) (string, error) {
	var said bounded
	cmd := trial(ctx, "version", path)
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
	err := runTrial(cmd, &said)
	return said.text.String(), err
}

// tellVersion is the main of the process that asks a program.
func tellVersion(path string) error {
	if err := ownEtc(nil, netip.Addr{}); err != nil {
		return err
	}
	if err := privateFiles(trialProcesses); err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	// The end of this process is that of all others.
	c := newChildren()
	c.begin()
	defer c.end()
	ended := make(chan unix.WaitStatus, 1)
	attr := &syscall.ProcAttr{Dir: "/", Env: environmentOf(nil), Files: []uintptr{null.Fd(), 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}
	if _, err := c.start(path, []string{path, "--version"}, attr, func(s unix.WaitStatus) { ended <- s }); err != nil {
		return err
	}
	if s := <-ended; !s.Exited() || s.ExitStatus() != 0 {
		return errors.New("it does not say")
	}
	return nil
}

// trialProcesses is how many processes a program may need to say its version.
const trialProcesses = 64

// bounded keeps the beginning of what is written to it.
type bounded struct{ text strings.Builder }

// Write implements io.Writer; it takes everything.
func (b *bounded) Write(p []byte) (int, error) {
	b.text.Write(p[:min(len(p), maxTail-b.text.Len())])
	return len(p), nil
}

// environmentOf returns the environment of a program: nothing of netlab's own
// but the search path.
func environmentOf(variables []scenarios.Variable) []string {
	list := []string{"PATH=" + SearchPath(), "HOME=/tmp", "LANG=C.UTF-8"}
	for _, v := range variables {
		list = append(list, v.Name+"="+v.Value) // the last counts
	}
	return dedup(list)
}

// dedup keeps the last of variables of one name.
func dedup(list []string) []string {
	last := map[string]int{}
	for i, v := range list {
		name, _, _ := strings.Cut(v, "=")
		last[name] = i
	}
	var kept []string
	for i, v := range list {
		if name, _, _ := strings.Cut(v, "="); last[name] == i {
			kept = append(kept, v)
		}
	}
	return kept
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

// inputOf returns the standard input of a program. A server's is a pipe that
// nothing comes from: vsftpd prints there why it cannot start, as if it had
// been started on a terminal. (A socket would do, but pure-ftpd takes that for
// a client's.) Of a step it is the given text.
func (p *program) inputOf(l launch) (*os.File, error) {
	if l.serves {
		write, err := p.out.newPipe()
		if err != nil {
			return nil, err
		}
		defer write.Close()
		both, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", write.Fd()), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("open pipe for the input of %s: %w", p.command, err)
		}
		return both, nil
	}
	text := l.input
	if text == "" {
		return os.Open(os.DevNull)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for input: %w", err)
	}
	// It ends when all is written, or when nobody can read any more.
	go func() {
		_, _ = write.WriteString(text)
		_ = write.Close()
	}()
	return read, nil
}

// writeFiles makes the files that a program finds. One that begins as scripts
// do can be run.
func writeFiles(files []scenarios.ExecFile) error {
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			return fmt.Errorf("make directory for file: %w", err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(f.Content, "#!") {
			mode = 0o755
		}
		// What another program has put there may be a pipe.
		if err := os.Remove(f.Name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("replace file: %w", err)
		}
		w, err := os.OpenFile(f.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err == nil {
			_, err = w.WriteString(f.Content)
			err = errors.Join(err, w.Close())
		}
		if err != nil {
			return fmt.Errorf("make file: %w", err)
		}
	}
	return nil
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

// processes lists the processes of the node.
func processes() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var list []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
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

// A counter watches the number of processes in a node: a program that starts
// more than the limit allows is killed, with all others of the node.
type counter struct {
	most int
	once sync.Once
	ctx  context.Context // of the agent
	tell func(News)
}

// countEvery is the time between two counts. The kernel does not tell that a
// process was started; it bounds their number by itself where it can, but
// then tells nobody.
const countEvery = 20 * time.Millisecond

// begin starts to count, once. It ends with the agent.
func (c *counter) begin() {
	c.once.Do(func() { go c.run() })
}

func (c *counter) run() {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for last := ""; ; {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
		now := lastPID()
		if now == last {
			continue // nothing was started since
		}
		last = now
		n := len(processes()) - 1 // without the agent
		if n <= c.most {
			continue
		}
		c.tell(News{Limit: true, Text: fmt.Sprintf("%d processes at once", n)})
		_ = unix.Kill(-1, unix.SIGKILL) // all but the first process: this one
	}
}

// lastPID returns the number that was given last in the agent's pid namespace
// (proc_loadavg(5), the last field).
func lastPID() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return string(text[strings.LastIndexByte(string(text), ' ')+1:])
}
