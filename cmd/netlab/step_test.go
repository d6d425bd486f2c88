package main

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

// A screen is a terminal by tmux(1), on a server of its own, at which a command
// of TestMain's runs.
type screen struct {
	*testing.T
	socket string
}

// tmuxSupported says why terminals cannot be had here, nil if they can.
func tmuxSupported() error {
	_, err := exec.LookPath("tmux")
	return err
}

// newScreen starts the command. What it ends with is printed behind "code".
func newScreen(t *testing.T, width, height int, args ...string) *screen {
	t.Helper()
	requireLab(t)
	netnstest.Require(t, "tmux", tmuxSupported())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	netlab := filepath.Join(dir, "netlab") // the name by which TestMain knows what it is
	if err := os.Symlink(self, netlab); err != nil {
		t.Fatal(err)
	}
	x := &screen{T: t, socket: filepath.Join(dir, "tmux")}
	line := fmt.Sprintf("cd %s; %s %s; echo code $?; exec cat", dir, netlab, strings.Join(args, " "))
	x.tmux("-f", os.DevNull, "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), line)
	t.Cleanup(func() { x.tmux("kill-server") })
	x.tmux("set-option", "-g", "status", "off")
	x.size(width, height)
	return x
}

func (x *screen) tmux(args ...string) string {
	x.Helper()
	out, err := exec.Command("tmux", append([]string{"-u", "-S", x.socket}, args...)...).CombinedOutput()
	if err != nil {
		x.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (x *screen) size(width, height int) {
	x.Helper()
	x.tmux("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height))
}

func (x *screen) keys(keys ...string) {
	x.Helper()
	x.tmux(append([]string{"send-keys"}, keys...)...)
}

// shows waits until the screen shows all of these texts at once.
func (x *screen) shows(texts ...string) {
	x.Helper()
	got := ""
	if !await(time.Minute, func() bool {
		got = x.tmux("capture-pane", "-p")
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(got, text) })
	}) {
		x.Fatalf("the screen shows\n%s\nwant %q", got, texts)
	}
}

// all returns everything that was printed after the program had left the
// screen.
func (x *screen) all() string {
	x.Helper()
	return x.tmux("capture-pane", "-p", "-J", "-S", "-")
}

// passes waits for the end and reports whether the verdict is pass. All else
// fails the test but what is inconclusive for a reason that lies outside it:
// paths of states are seen in full by kernel events only, and a machine may
// have kept the run waiting.
func (x *screen) passes() bool {
	x.Helper()
	x.shows("code ")
	got := x.all()
	if strings.Contains(got, "code 0") {
		return true
	}
	starved := strings.Contains(got, "the machine kept")
	if !strings.Contains(got, "code 3") || bpfSupported() == nil && !starved {
		x.Fatalf("the run did not pass:\n%s", got)
	}
	return false
}

func TestStepAtATerminal(t *testing.T) {
	x := newScreen(t, 80, 24, "step", "ftp-close")
	x.shows("> client -> server:21  SYN seq=0", "SYN-SENT", "server:21  LISTEN", "server: LISTEN -> SYN-RECEIVED; it answers with SYN+ACK",
		"<SYN>  asks for a connection", "0.000  SYN-SENT     SYN seq=0", "-..")
	x.keys("n")
	x.shows("> server:21 -> client  SYN+ACK seq=0 ack=1", "server:21  SYN-RECEIVED", "client: SYN-SENT -> ESTABLISHED; it answers with ACK")
	x.keys("n")
	x.shows("> client -> server:21  ACK seq=1 ack=1", "  ESTABLISHED  ", "server: SYN-RECEIVED -> ESTABLISHED; no answer")
	x.keys("n")
	x.shows("220 netlab FTP server ready", "unacked 29")
	x.keys("?")
	x.shows("FIN+ACK is the FIN that is the", "-.. waits or is on its way")
	x.keys("q") // any key leaves the help
	x.keys("r")
	x.keys("-l", "client:21 FIN")
	x.keys("Enter")
	x.shows("> client -> server:21  FIN seq=84 ack=353", "  FIN-WAIT-1  ", "steps[4] settle", "The scenario waits until everything is at rest", "server: ESTABLISHED -> CLOSE-WAIT; it answers with ACK")
	x.size(120, 40)
	x.shows(strings.Repeat("-", 90), "FIN-WAIT-1   FIN seq=84 ack=353 ---")
	x.size(60, 16)
	x.shows("> client -> server:21  FIN seq=84 ack=353")
	x.size(80, 24)
	x.keys("R")
	x.shows("settle  ended", "The scenario has ended: q leaves and shows the report", "TIME-WAIT    <", "  CLOSED")
	x.keys("q")
	wants := []string{"stepped=by hand", "  FIN seq=84 ------->   CLOSE-WAIT"}
	if x.passes() {
		wants = append(wants, "PASS  9 of 9.")
	}
	for _, want := range wants {
		if got := x.all(); !strings.Contains(got, want) {
			t.Errorf("no %q in the report:\n%s", want, got)
		}
	}
}

// What a rule of the scenario holds is left to it, and both FINs cross.
func TestStepCrossing(t *testing.T) {
	x := newScreen(t, 100, 30, "step", "simultaneous-close", "--lang", "zh")
	x.shows("SYN seq=0")
	x.keys("r")
	x.keys("-l", "FIN")
	x.keys("Enter")
	x.shows("等待的帧：2", "> client -> server:7000  FIN seq=1 ack=1", "  server:7000 -> client  FIN seq=1 ack=1", "场景等待规则 acks 共匹配 2 次",
		"server：FIN-WAIT-1 -> CLOSING；以 ACK 应答")
	x.keys("n", "n")
	x.shows("client:", "  CLOSING ", "..- FIN seq=1 ack=1 ---", "FIN seq=1 ack=1 -..")
	x.keys("R")
	x.shows("已结束")
	x.keys("q")
	x.passes()
}

// Who leaves early is told what that means.
func TestStepLeaving(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		want []string
	}{
		{"given up", []string{"q", "q"}, []string{"netlab: given up at steps[0] ftp.connect: the scenario had not ended, so nothing is judged", "(exit 3)", "code 3"}},
		{"interrupted", []string{"C-c"}, []string{"netlab: interrupted", "(exit 130)", "code 130"}},
		{"to the end after all", []string{"q", "R"}, []string{"The scenario has ended"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newScreen(t, 120, 24, "step", "ftp-close")
			x.shows("> client -> server:21  SYN seq=0")
			x.keys(tt.keys...)
			x.shows(tt.want...)
		})
	}
}

// A lab of three nodes and a switch: each link is a gate.
func TestStepOverASwitch(t *testing.T) {
	three := filepath.Join(t.TempDir(), "three.yaml")
	if err := os.WriteFile(three, []byte(threeNodes), 0o644); err != nil {
		t.Fatal(err)
	}
	x := newScreen(t, 80, 24, "step", three)
	x.shows("> ann -> sw .. srv:7000  SYN seq=0", "sw sends it on; then srv: LISTEN -> SYN-RECEIVED")
	x.keys("n")
	x.shows("> ann .. sw -> srv:7000  SYN seq=0", "  srv: LISTEN -> SYN-RECEIVED")
	x.keys("R")
	x.shows("ended", "of 2: bob:")
	x.keys("Tab")
	x.shows("of 2: ann:")
	x.keys("q")
	x.passes()
}

const threeNodes = `netlab: 1
name: three
title: Two clients
claim: Both are served.
finding: confirmed
nodes: {ann: {}, bob: {}, srv: {}}
switches: {sw: {}}
links: {la: [ann, sw], lb: [bob, sw], ls: [srv, sw]}
servers:
  echo: {node: srv, tcp: {port: 7000}}
steps:
  - tcp.connect: {node: ann, to: echo, as: one}
  - tcp.connect: {node: bob, to: echo, as: two}
  - tcp.close: {session: one}
  - tcp.close: {session: two}
  - settle: {within: 3s}
expect:
  connections:
    one: {first_fin: ann}
    two: {first_fin: bob}
`
