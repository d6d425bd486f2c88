package node

import (
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// children are the processes that an agent has started, and those that it has
// inherited. In a node where programs run the agent is the first process of a
// pid namespace of its own:
//
//   - Whatever a program leaves behind becomes the agent's child, which reaps
//     it. Nothing more is needed for that: no process beside the agent, and no
//     time to start one (a Go program needs 5 to 8 ms).
//   - When the agent ends the kernel kills all of the node, daemons included.
//     The agent ends when its control connection does, that is, at once when
//     the command is killed: it does not wait for the supervisor, which then
//     still gives back its capture rings, 30 ms each. Should the agent hang,
//     the supervisor's own pid namespace takes it along.
//   - A program sees the processes of its node and no others, and can kill
//     none of the lab's own: signals from inside do not reach a first process
//     unless it handles them (pid_namespaces(7)).
//   - The kernel bounds the number of processes (pid_max, since Linux 6.14).
//
// Nobody else in the process may wait for children.
type children struct {
	signals chan os.Signal
	done    chan struct{}

	mu      sync.Mutex // held while a child is started, so that its end cannot be missed
	running map[int]func(unix.WaitStatus)
}

func newChildren() *children {
	return &children{
		signals: make(chan os.Signal, 1), done: make(chan struct{}),
		running: map[int]func(unix.WaitStatus){},
	}
}

// begin starts to reap. Other signals that processes of the node may send are
// taken and dropped.
func (c *children) begin() {
	signal.Notify(c.signals, unix.SIGCHLD)
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	go func() {
		defer close(c.done)
		for range c.signals {
			c.reap()
		}
	}()
}

// end stops reaping.
func (c *children) end() {
	signal.Stop(c.signals)
	close(c.signals)
	<-c.done
}

// reap takes the status of all children that have ended.
func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if tell := c.running[pid]; tell != nil {
			delete(c.running, pid)
			tell(status)
		}
	}
}

// start starts a program, which may do what programs may; ended is told its
// status, and must not wait.
func (c *children) start(path string, args []string, attr *syscall.ProcAttr, ended func(unix.WaitStatus)) (pid int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	started := make(chan struct{})
	go func() {
		defer close(started)
		// What the thread gives up does not come back: it ends with this.
		runtime.LockOSThread()
		if err = giveUp(); err == nil {
			pid, err = syscall.ForkExec(path, args, attr)
		}
	}()
	<-started
	if err == nil {
		c.running[pid] = ended
	}
	return pid, err
}
