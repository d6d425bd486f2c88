package node

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

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
