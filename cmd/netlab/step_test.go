package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netlab/lab/step/terminaltest"
)

// newScreen starts the command at a terminal. What it ends with is printed
// behind "code".
func newScreen(t *testing.T, width, height int, args ...string) screen {
	t.Helper()
	requireLab(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	netlab := filepath.Join(dir, "netlab") // the name by which TestMain knows what it is
	if err := os.Symlink(self, netlab); err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("cd %s; %s %s; echo code $?; exec cat", dir, netlab, strings.Join(args, " "))
	return screen{terminaltest.New(t, width, height, line)}
}

type screen struct{ *terminaltest.Terminal }

// passes waits for the end and reports whether the verdict is pass. All else
// fails the test but what is inconclusive for a reason that lies outside it:
// paths of states are seen in full by kernel events only, and a machine may
// have kept the run waiting.
func (x screen) passes() bool {
	x.Helper()
	x.Shows("code ")
	got := x.All()
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
	x.Shows("> client -> server:21  SYN seq=0", "SYN-SENT", "server:21  LISTEN", "server: LISTEN -> SYN-RECEIVED; it answers with SYN+ACK",
		"<SYN>  asks for a connection", "0.000  SYN-SENT     SYN seq=0", "-..")
	x.Keys("n")
	x.Shows("> server:21 -> client  SYN+ACK seq=0 ack=1", "server:21  SYN-RECEIVED", "client: SYN-SENT -> ESTABLISHED; it answers with ACK")
	x.Keys("n")
	x.Shows("> client -> server:21  ACK seq=1 ack=1", "  ESTABLISHED  ", "server: SYN-RECEIVED -> ESTABLISHED; no answer")
	x.Keys("n")
	x.Shows("220 netlab FTP server ready", "unacked 29")
	x.Keys("?")
	x.Shows("FIN+ACK is the FIN that is the", "-.. waits or is on its way")
	x.Keys("q") // any key leaves the help
	x.Keys("r")
	x.Keys("-l", "client:21 FIN")
	x.Keys("Enter")
	x.Shows("> client -> server:21  FIN seq=84 ack=353", "  FIN-WAIT-1  ", "steps[4] settle", "The scenario waits until everything is at rest", "server: ESTABLISHED -> CLOSE-WAIT; it answers with ACK")
	x.Size(120, 40)
	x.Shows(strings.Repeat("-", 90), "FIN-WAIT-1   FIN seq=84 ack=353 ---")
	x.Size(60, 16)
	x.Shows("> client -> server:21  FIN seq=84 ack=353")
	x.Size(80, 24)
	x.Keys("R")
	x.Shows("settle  ended", "The scenario has ended: q leaves and shows the report", "TIME-WAIT    <", "  CLOSED")
	x.Keys("q")
	wants := []string{"stepped=by hand", "  FIN seq=84 ------->   CLOSE-WAIT"}
	if x.passes() {
		wants = append(wants, "PASS  9 of 9.")
	}
	for _, want := range wants {
		if got := x.All(); !strings.Contains(got, want) {
			t.Errorf("no %q in the report:\n%s", want, got)
		}
	}
}

// What a rule of the scenario holds is left to it, and both FINs cross.
func TestStepCrossing(t *testing.T) {
	x := newScreen(t, 100, 30, "step", "simultaneous-close", "--lang", "zh")
	x.Shows("SYN seq=0")
	x.Keys("r")
	x.Keys("-l", "FIN")
	x.Keys("Enter")
	x.Shows("等待的帧：2", "> client -> server:7000  FIN seq=1 ack=1", "  server:7000 -> client  FIN seq=1 ack=1", "场景等待规则 acks 共匹配 2 次",
		"server：FIN-WAIT-1 -> CLOSING；以 ACK 应答")
	x.Keys("n", "n")
	x.Shows("client:", "  CLOSING ", "..- FIN seq=1 ack=1 ---", "FIN seq=1 ack=1 -..")
	x.Keys("R")
	x.Shows("已结束")
	x.Keys("q")
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
			x.Shows("> client -> server:21  SYN seq=0")
			x.Keys(tt.keys...)
			x.Shows(tt.want...)
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
	x.Shows("> ann -> sw .. srv:7000  SYN seq=0", "sw sends it on; then srv: LISTEN -> SYN-RECEIVED")
	x.Keys("n")
	x.Shows("> ann .. sw -> srv:7000  SYN seq=0", "  srv: LISTEN -> SYN-RECEIVED")
	x.Keys("R")
	x.Shows("ended", "of 2: bob:")
	x.Keys("Tab")
	x.Shows("of 2: ann:")
	x.Keys("q")
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
