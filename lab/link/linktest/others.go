package linktest

import (
	"bytes"
	_ "embed" // the script for Mininet
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"netlab/lab/plan"
)

// IPBatch builds Star(n) with ip(8) as a careful person would in a script: one
// batch for all namespaces, one for all links of a switch, one for each node.
// It skips the test where that cannot be done, and returns how long the lab
// took to come up and to go down. The lab's namespaces have names, in a mount
// namespace where nobody else sees them; no part of it waits for readiness,
// and the settings of nodes are left out, as ip has none.
func IPBatch(tb testing.TB, n int) (up, down time.Duration) {
	tb.Helper()
	need(tb, "unshare", "bash", "ip")
	dir := tb.TempDir()
	p := Star(n)
	script := "set -e\nmount -t tmpfs none /run\n" + "cd " + dir + "\nt0=$EPOCHREALTIME\n"
	file := func(name string, lines []string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	var add, del []string
	for _, s := range p.Switches {
		add, del = append(add, "netns add "+s.Name), append(del, "netns del "+s.Name)
		file(s.Name, switchBatch(p, s.Name))
	}
	for _, node := range p.Nodes {
		add, del = append(add, "netns add "+node.Name), append(del, "netns del "+node.Name)
		file(node.Name, nodeBatch(p, node))
	}
	file("add", add)
	file("del", del)
	script += "ip -batch add\n"
	for _, s := range p.Switches {
		script += fmt.Sprintf("ip -n %s -batch %[1]s\n", s.Name)
	}
	for _, node := range p.Nodes {
		script += fmt.Sprintf("ip -n %s -batch %[1]s\n", node.Name)
	}
	script += "t1=$EPOCHREALTIME\nip -batch del\nt2=$EPOCHREALTIME\necho $t0 $t1 $t2\n"
	return timed(tb, exec.Command("unshare", "-m", "-n", "bash", "-c", script))
}

// switchBatch is what ip does in the namespace of a switch.
func switchBatch(p *plan.Plan, name string) []string {
	lines := []string{"link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0", "link set br0 up"}
	for _, l := range p.Links {
		node, port := l.Ends[0], l.Ends[1]
		if port.Node != name {
			continue
		}
		lines = append(lines,
			fmt.Sprintf("link add %s mtu %d address %s type veth peer name %s mtu %d address %s netns %s",
				port.Interface, l.MTU, port.MAC, node.Interface, l.MTU, node.MAC, node.Node),
			fmt.Sprintf("link set %s master br0 up", port.Interface))
	}
	return lines
}

// nodeBatch is what ip does in the namespace of a node.
func nodeBatch(p *plan.Plan, node plan.Node) []string {
	lines := []string{"link set lo up"}
	for _, l := range p.Links {
		for _, e := range l.Ends {
			if e.Node != node.Name {
				continue
			}
			lines = append(lines,
				fmt.Sprintf("link set %s addrgenmode none", e.Interface),
				fmt.Sprintf("link set %s up", e.Interface))
			for _, a := range e.Addresses {
				nodad := ""
				if a.Addr().Is6() {
					nodad = " nodad"
				}
				lines = append(lines, fmt.Sprintf("addr add %v dev %s%s", a, e.Interface, nodad))
			}
		}
	}
	for _, r := range node.Routes {
		lines = append(lines, fmt.Sprintf("route add %v via %v dev %s", r.To, r.Via, r.Interface))
	}
	return lines
}

//go:embed mininet.py
var mininet string

// Mininet builds a star of n hosts on a Linux bridge with Mininet, whose hosts
// are shells in namespaces, and returns how long it took to come up and to go
// down; the start of Python is left out. It skips the test where Mininet is
// not installed (apt-get install mininet).
func Mininet(tb testing.TB, n int) (up, down time.Duration) {
	tb.Helper()
	const python = "/usr/bin/python3" // the one that Debian's mininet belongs to
	need(tb, "unshare", "mnexec", "brctl", python)
	// Mininet leaves bridges in the namespace that it is started in, and files
	// in /tmp and /run.
	script := "mount -t tmpfs none /run && mount -t tmpfs none /tmp && exec " + python + " - " + strconv.Itoa(n)
	cmd := exec.Command("unshare", "-m", "-n", "-p", "-f", "--mount-proc", "sh", "-c", script)
	cmd.Stdin = strings.NewReader(mininet)
	return timed(tb, cmd)
}

// need skips the test where a program is not installed.
func need(tb testing.TB, programs ...string) {
	tb.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			tb.Skipf("needs %s: %v", p, err)
		}
	}
}

// timed runs cmd, whose last words are three times in seconds: before the lab
// came up, when it was up, when it was down.
func timed(tb testing.TB, cmd *exec.Cmd) (up, down time.Duration) {
	tb.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", cmd.Args[0], err, stderr.Bytes())
	}
	words := strings.Fields(string(out))
	if len(words) < 3 {
		tb.Fatalf("%s printed %q, not three times\n%s", cmd.Args[0], out, stderr.Bytes())
	}
	var at [3]float64
	for i, w := range words[len(words)-3:] {
		if at[i], err = strconv.ParseFloat(w, 64); err != nil {
			tb.Fatalf("%s printed %q, not three times", cmd.Args[0], out)
		}
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return seconds(at[1] - at[0]), seconds(at[2] - at[1])
}
