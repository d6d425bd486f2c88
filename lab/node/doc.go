// Package node is the processes of a lab: one supervisor, and one agent in
// every node where something runs. All are the same program as the command,
// started again under another name; Main hands over to them.
//
// The supervisor is the first process of a pid namespace of its own and dies
// with the command, so that whatever else was started in the lab, daemons
// included, is killed by the kernel. It alone can enter the nodes: it builds
// the lab and runs the probes that look into it (wire, sockdiag, ss). An
// agent lives wholly inside its node's namespaces, where libraries may start
// goroutines as they like; it runs the servers and clients.
// Where programs of the host run, the agent is the first process of a pid
// namespace of the node (see children), with files of the node's own (see
// privateFiles).
//
// They talk over socket pairs that children inherit, never over the network
// of the lab. Names of files travel nowhere, descriptors do.
package node

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"

	"netlab/lab/netns"

	"golang.org/x/sys/unix"
)

// What the program is called when it is started again.
const (
	supervisorName = "netlab-supervisor"
	agentName      = "netlab-agent"
	trialName      = "netlab-trial"     // see Try
	rehearsalName  = "netlab-rehearsal" // see LoadTracer
)

// Descriptors that the processes inherit.
const (
	controlFD = 3 // requests and replies
	eventsFD  = 4 // of the supervisor: events of its probes
	hostsFD   = 4 // of an agent: the text of /etc/hosts
	barrierFD = 5 // of an agent in a lab in lockstep: its barrier
)

// Main returns at once in an ordinary process. In one that was started as
// supervisor or agent it does that work and never returns. Every program and
// test that brings up labs calls it before anything else, on its main goroutine.
func Main() {
	netns.LockMain()
	// Short-lived processes with small heaps: collecting them in the first
	// milliseconds costs more than it gives.
	debug.SetGCPercent(400)
	var work func(context.Context) error
	switch os.Args[0] {
	case supervisorName:
		attentive()
		work = supervise
	case agentName:
		work = attend
	case trialName:
		work = try
	case rehearsalName:
		work = stageMain
	default:
		return
	}
	keepInherited()
	if err := work(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
	os.Exit(0)
}

// keepInherited keeps what the caller of the command has left open from the
// programs of nodes: a directory of the host, say, which may be written to by
// its descriptor where its path is read-only.
func keepInherited() {
	const first = 3 // behind standard error
	// It cannot be refused: close_range(2) knows the flag since Linux 5.11.
	_ = unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}

// attentive keeps the supervisor's capture from being stopped for longer than
// its rings last. A thread that has a share of the processor may be put aside
// by the kernel, which knows nothing of shares, while the capture waits for
// one: so there are more shares than processors. And whoever allocates, as the
// capture does for every segment, is made to help the garbage collector: so
// that does nothing before there is a heap as large as only a flood of
// segments makes.
func attentive() {
	runtime.GOMAXPROCS(runtime.NumCPU() + 4)
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(512 << 20)
}
