package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Supervisor is the running supervisor, as the command sees it.
type Supervisor struct {
	Control *Conn // requests
	Events  *Conn // of its probes; ends when they are drained
	PID     int

	process *os.Process
	exited  chan struct{}
	err     error // of its exit; read after exited
}

// StartSupervisor starts the program again as the supervisor of a lab, in
// namespaces of its own. As an ordinary user it gets a user namespace too,
// and is root in there. Its diagnostics go to log.
//
// The kernel kills it when this process ends, however it ends, and with it
// every process of the lab.
func StartSupervisor(log *os.File) (*Supervisor, error) {
	control, controlEnd, err := Pair("control of supervisor")
	if err != nil {
		return nil, err
	}
	defer controlEnd.Close()
	events, eventsEnd, err := Pair("events of supervisor")
	if err != nil {
		control.Close()
		return nil, err
	}
	defer eventsEnd.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe",
		Args: []string{supervisorName},
		Dir:  "/", Env: os.Environ(),
		Stdout: log, Stderr: log,
		ExtraFiles: []*os.File{controlEnd, eventsEnd},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			Setsid:     true,
			Pdeathsig:  syscall.SIGKILL,
		},
	}
	if !Privileged() {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	s := &Supervisor{Control: control, Events: events, exited: make(chan struct{})}
	started := make(chan error)
	go s.keep(cmd, started)
	if err := <-started; err != nil {
		control.Close()
		events.Close()
		what := "start the supervisor in namespaces of its own"
		if !Privileged() {
			what = "create a user namespace"
		}
		return nil, &Refused{what, err}
	}
	return s, nil
}

// keep starts the supervisor and waits for its end, on one thread, which ends
// with it: a death signal is sent when the thread ends that started the
// child, and the thread gives up gaining privileges for itself and all that
// it starts. Nothing in a lab gets any through su or sudo.
func (s *Supervisor) keep(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread() // for good
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		s.PID, s.process = cmd.Process.Pid, cmd.Process
	}
	started <- err
	if err != nil {
		return
	}
	s.err = cmd.Wait()
	close(s.exited)
}

// Kill kills the lab's first process, which ends all others and every
// namespace. Exited tells when they are gone. The connections end by
// themselves.
func (s *Supervisor) Kill() error {
	select {
	case <-s.exited: // its number may be somebody else's by now
		return nil
	default:
	}
	if err := s.process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill supervisor: %w", err)
	}
	return nil
}

// Exited is closed when the supervisor is gone; Err then says how it ended.
func (s *Supervisor) Exited() <-chan struct{} { return s.exited }

// Err says how the supervisor ended, once Exited is closed.
func (s *Supervisor) Err() error { return s.err }

// Privileged reports whether this process may make namespaces without a user
// namespace (CAP_SYS_ADMIN, capabilities(7)).
func Privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// String names the supervisor in messages.
func (s *Supervisor) String() string { return fmt.Sprintf("supervisor (process %d)", s.PID) }
