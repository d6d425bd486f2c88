package node

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"netlab/lab/netns"
	"netlab/lab/plan"

	"golang.org/x/sys/unix"
)

// An agentProcess is an agent as its supervisor sees it.
type agentProcess struct {
	node    string
	control *os.File // the command's end of its control socket
}

// startAgent starts the agent of a node in the node's network namespace, with
// further namespaces of its own. It does not wait until the agent is ready:
// links are built meanwhile.
func startAgent(n plan.Node, space *netns.NS, hosts, log *os.File) (*agentProcess, error) {
	mine, theirs, err := FilePair("agent of " + n.Name)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Cmd{
		Path: "/proc/self/exe",
		Args: []string{agentName, n.Name, n.Hostname},
		Dir:  "/", Env: os.Environ(),
		Stdout: log, Stderr: log,
		ExtraFiles: []*os.File{theirs, hosts},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			Setsid:     true,
		},
	}
	// The child inherits the namespace of the thread that starts it.
	if err := space.Do(cmd.Start); err != nil {
		mine.Close()
		return nil, &Refused{fmt.Sprintf("start agent of node %q", n.Name), err}
	}
	if log != nil {
		log.Close()
	}
	// Nobody waits for it: it lives until the pid namespace ends.
	return &agentProcess{node: n.Name, control: mine}, cmd.Process.Release()
}
