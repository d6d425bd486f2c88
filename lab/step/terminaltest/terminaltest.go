// Package terminaltest gives tests a real terminal, by tmux(1): programs that
// fill the screen are started, typed at and looked at in it.
package terminaltest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
)

// patience bounds the wait for a screen. A starved machine is slow; more means
// that the text does not come.
const patience = time.Minute

// A Terminal is one window of a tmux server of its own.
type Terminal struct {
	*testing.T
	socket string
}

// New opens a terminal in which a line of sh(1) runs; it ends with the test.
// Variables of the environment are of the form NAME=value.
func New(t *testing.T, width, height int, line string, env ...string) *Terminal {
	t.Helper()
	_, missing := exec.LookPath("tmux")
	netnstest.Require(t, "tmux", missing)
	x := &Terminal{T: t, socket: filepath.Join(t.TempDir(), "tmux")}
	args := []string{"-f", os.DevNull, "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height)}
	for _, e := range env {
		args = append(args, "-e", e)
	}
	x.Tmux(append(args, line)...)
	t.Cleanup(func() { x.Tmux("kill-server") })
	x.Tmux("set-option", "-g", "status", "off")
	x.Size(width, height)
	return x
}

// Tmux has the server carry out a command, and returns what that printed.
func (x *Terminal) Tmux(args ...string) string {
	x.Helper()
	cmd := exec.Command("tmux", append([]string{"-u", "-S", x.socket}, args...)...)
	// Else lines are run by the shell of the user's entry in passwd(5), and
	// that of a user who does not log in runs nothing.
	cmd.Env = append(os.Environ(), "SHELL=/bin/sh")
	out, err := cmd.CombinedOutput()
	if err != nil {
		x.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// Size gives the window another size, in columns and lines.
func (x *Terminal) Size(width, height int) {
	x.Helper()
	x.Tmux("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height))
}

// Keys types keys by their names in tmux, such as Enter, C-c and n.
func (x *Terminal) Keys(keys ...string) {
	x.Helper()
	x.Tmux(append([]string{"send-keys"}, keys...)...)
}

// Shows waits until the screen shows all of these texts at once.
func (x *Terminal) Shows(texts ...string) {
	x.Helper()
	x.until(func(got string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(got, text) })
	}, strings.Join(texts, "\nand\n"))
}

// Is waits until the screen shows a text and nothing else.
func (x *Terminal) Is(text string) {
	x.Helper()
	text = strings.TrimRight(text, "\n")
	x.until(func(got string) bool { return strings.TrimRight(got, "\n") == text }, text)
}

// All returns everything that was printed after a program had left the screen.
func (x *Terminal) All() string {
	x.Helper()
	return x.Tmux("capture-pane", "-p", "-J", "-S", "-")
}

func (x *Terminal) until(holds func(string) bool, want string) {
	x.Helper()
	late := time.Now().Add(patience)
	for {
		got := x.Tmux("capture-pane", "-p")
		if holds(got) {
			return
		}
		if time.Now().After(late) {
			x.Fatalf("the screen shows\n%s\nwant\n%s", got, want)
		}
		// Nothing tells when a screen of tmux has changed.
		time.Sleep(20 * time.Millisecond)
	}
}
