package node

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// taken explains why a server could not listen, where that is because somebody
// else does: who. Other errors it returns as they are.
func (a *agent) taken(r ServeRequest, err error) error {
	port := r.Server.Port()
	if !errors.Is(err, unix.EADDRINUSE) || port == 0 {
		return err
	}
	who := "by nobody who can be found"
	if pid := holderOf(port); pid == os.Getpid() {
		who = "by a server of this node"
		a.mu.Lock()
		for _, s := range a.servers {
			if s.port == port {
				who = fmt.Sprintf("by server %q", s.name)
			}
		}
		a.mu.Unlock()
	} else if pid > 0 {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // without it, the number must do
		who = fmt.Sprintf("by the program %q (pid %d)", strings.TrimSpace(string(name)), pid)
	}
	return fmt.Errorf("port %d is taken %s: %w", port, who, err)
}

// holderOf returns the process that holds a socket bound to a port of this
// network namespace, 0 if none can be found.
func holderOf(port int) int {
	sockets := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		// A family that the kernel lacks has no table.
		text, _ := os.ReadFile("/proc/self/net/" + table)
		for _, inode := range boundTo(text, port) {
			sockets["socket:["+inode+"]"] = true
		}
	}
	if len(sockets) == 0 {
		return 0
	}
	// Processes come and go meanwhile, and some cannot be looked into.
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && sockets[target] {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			return pid
		}
	}
	return 0
}

// boundTo returns the inodes of the sockets in a table of /proc/net (tcp, udp)
// that are bound to a local port, but for those of connections.
func boundTo(table []byte, port int) []string {
	var inodes []string
	want := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
		f := strings.Fields(lines.Text())
		if len(f) > 9 && strings.HasSuffix(f[1], want) && strings.HasSuffix(f[2], ":0000") && f[9] != "0" {
			inodes = append(inodes, f[9])
		}
	}
	return inodes
}
