package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
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
	barrier *os.File // the supervisor's end of its barrier; nil where nothing waits
}

// furniture is what an agent is told of its node, beside its names and hosts.
type furniture struct {
	Programs int        `json:",omitzero"` // plan.Node.Programs
	Disk     int64      `json:",omitzero"` // plan.Node.Disk
	Named    []string   `json:",omitzero"` // plan.Node.Named
	Resolver netip.Addr `json:",omitzero"` // of /etc/resolv.conf
	InStep   bool       `json:",omitzero"` // it inherits a barrier, at which its programs' closes wait
}

// startAgent starts the agent of a node in the node's network namespace, with
// further namespaces of its own; where programs run one for processes, too
// (see children). It does not wait until the agent is ready: links are built
// meanwhile.
func startAgent(n plan.Node, space *netns.NS, hosts, log *os.File, inStep bool) (_ *agentProcess, err error) {
	a := &agentProcess{node: n.Name}
	mine, theirs, err := FilePair("agent of " + n.Name)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	a.control = mine
	inherited := []*os.File{theirs, hosts}
	if inStep {
		here, there, err := FilePair("barrier of " + n.Name)
		if err != nil {
			return nil, errors.Join(err, mine.Close())
		}
		defer there.Close()
		a.barrier = here
		inherited = append(inherited, there)
	}
	defer func() {
		if err != nil {
			mine.Close()
			if a.barrier != nil {
				a.barrier.Close()
			}
		}
	}()
	rest, err := json.Marshal(furniture{Programs: n.Programs, Disk: n.Disk, Named: n.Named, Resolver: n.Resolver, InStep: inStep})
	if err != nil {
		return nil, fmt.Errorf("encode furniture of node %q: %w", n.Name, err)
	}
	cmd := exec.Cmd{
		Path: "/proc/self/exe",
		Args: []string{agentName, n.Name, n.Hostname, string(rest)},
		Dir:  "/", Env: os.Environ(),
		Stdout: log, Stderr: log,
		ExtraFiles: inherited,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			Setsid:     true,
		},
	}
	if n.Programs > 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
	}
	// The child inherits the namespace of the thread that starts it.
	if err := space.Do(cmd.Start); err != nil {
		return nil, &Refused{fmt.Sprintf("start agent of node %q", n.Name), err}
	}
	if log != nil {
		log.Close()
	}
	// Nobody waits for it: it lives until the pid namespace ends.
	return a, cmd.Process.Release()
}
