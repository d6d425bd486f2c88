package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// withPrograms is a scenario whose programs, in one node and in another, do
// all that they can to outlive it. They bear the sandbox's mark.
func (s *sandbox) withPrograms() string {
	daemon := `trap '' HUP INT TERM; (setsid sh -c 'trap "" HUP INT TERM; (exec sleep 313) </dev/null >/dev/null 2>&1 &') ; echo up; exec sleep 314`
	var b strings.Builder
	b.WriteString("netlab: 1\nname: programs\nnodes: {a: {}, b: {}}\nlinks: {wire: [a, b]}\nservers:\n")
	for _, node := range []string{"a", "b"} {
		fmt.Fprintf(&b, "  s%s: {node: %s, exec: {command: [sh, -c, %q], environment: {%s: %q}, ready: {line: up}}}\n",
			node, node, daemon, markName, s.mark)
	}
	b.WriteString("steps:\n  - sleep: 60s\n")
	return b.String()
}

// Programs and what they leave behind end with the command, however that ends.
func TestProgramsEndWithTheLab(t *testing.T) {
	requireLab(t)
	for _, user := range []string{"caller", "ordinary"} {
		for _, signal := range []syscall.Signal{unix.SIGKILL, unix.SIGINT} {
			t.Run(user+" "+unix.SignalName(signal), func(t *testing.T) {
				s := newSandbox(t)
				if user == "ordinary" {
					s.become(t)
				}
				path := filepath.Join(filepath.Dir(s.dir), "programs.yaml")
				if err := os.WriteFile(path, []byte(s.withPrograms()), 0o644); err != nil {
					t.Fatal(err)
				}
				var stderr bytes.Buffer
				cmd := s.command("netlab", "run", path)
				cmd.Stderr = &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = cmd.Process.Kill() })
				count := func() (n int) {
					for _, p := range s.processes() {
						if p.args[0] == "sleep" {
							n++
						}
					}
					return n
				}
				if !await(20*time.Second, func() bool { return count() == 4 }) {
					t.Fatalf("processes %v\n%s", s.processes(), &stderr)
				}
				_, at := end(t, cmd, signal)
				s.wantNothingLeft(t, at)
				t.Logf("all was gone after %v", time.Since(at))
			})
		}
	}
}
