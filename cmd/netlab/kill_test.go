package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/run"

	"golang.org/x/sys/unix"
)

var (
	killSeed  = flag.Uint64("kill.seed", 0, "seed of the moments of TestKilledAtAnyMoment; 0: a new one")
	killCount = flag.Int("kill.count", 100, "runs that TestKilledAtAnyMoment kills")
)

// holding is a scenario that holds a connection open until it is ended.
const holding = `netlab: 1
name: holding
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers: {ftpd: {node: server, ftp: {anonymous: true}}}
steps:
  - ftp.connect: {node: client, to: ftpd, as: control}
  - ftp.login: {session: control}
  - sleep: {for: 60s}
expect:
  connections: {control: {resets: 0}}
`

// A killed run leaves nothing but its run directory, whenever it is killed.
func TestKilledAtAnyMoment(t *testing.T) {
	killAtAnyMoment(t, *killCount, "run", "ftp-close")
}

// Nor does one whose frames wait at a gate, for rules and for the observers.
func TestKilledInLockstep(t *testing.T) {
	killAtAnyMoment(t, (*killCount+3)/4, "run", "simultaneous-close", "--observe", "lockstep")
}

// killAtAnyMoment kills a command of netlab that takes no longer than a run
// does, again and again.
func killAtAnyMoment(t *testing.T, count int, args ...string) {
	t.Helper()
	requireLab(t)
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	moments := rand.New(rand.NewPCG(seed, 0))
	s := newSandbox(t)
	s.buildPlain(t)
	whole := s.measure(t, args...)
	// Where the machine has so much else to do that a run takes a multiple of
	// what it should, the second is longer, too.
	s.within = max(s.within, 5*whole)
	t.Logf("-kill.seed %d; a whole run takes %v", seed, whole)
	longest, ended, recorded := time.Duration(0), 0, 0
	for i := range count {
		moment := time.Duration(moments.Int64N(int64(whole)))
		cmd := s.command("netlab", args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The moment is what is tested; there is nothing to wait for instead.
		timer := time.AfterFunc(moment, func() { _ = cmd.Process.Kill() })
		code := exitCodeOf(t, cmd.Wait())
		at := time.Now()
		timer.Stop()
		if code >= 0 {
			ended++
		}
		s.wantNothingLeft(t, at)
		longest = max(longest, time.Since(at))
		for _, dir := range s.runs(t) {
			if wantReadable(t, dir) {
				recorded++
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		if t.Failed() {
			t.Fatalf("run %d, killed after %v", i, moment)
		}
	}
	t.Logf("all was gone %v after the kill at the latest; %d runs had ended before; %d left events", longest, ended, recorded)
}

// measure returns how long a whole run takes here.
func (s *sandbox) measure(t *testing.T, args ...string) time.Duration {
	t.Helper()
	var longest time.Duration
	for range 3 {
		started := time.Now()
		if code := exitCodeOf(t, s.command("netlab", args...).Run()); code != exitPass && code != exitInconclusive {
			t.Fatalf("exit code %d", code)
		}
		longest = max(longest, time.Since(started))
	}
	for _, dir := range s.runs(t) {
		if !wantReadable(t, dir) {
			t.Errorf("%s: no events of a whole run", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	return longest
}

// wantReadable checks what is in a run directory, however the run ended: files
// of whole lines but for the last, and a record that can be judged, and is not
// judged to pass or fail unless it is whole. It reports whether there are
// events.
func wantReadable(t *testing.T, dir string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, run.EventsFile))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(text, []byte("\n"))
	for i, line := range lines[:len(lines)-1] {
		if !json.Valid(line) {
			t.Errorf("%s: line %d of %d is no JSON: %q", dir, i+1, len(lines), line)
		}
	}
	if len(lines) == 1 { // not even the header was written
		return false
	}
	recorded, err := run.Check(dir)
	if err != nil {
		t.Errorf("%s: %v", dir, err)
		return true
	}
	whole := bytes.Contains(text, []byte(`"mark":"complete"`))
	if got := recorded.Judgement.Outcome; !whole && got != check.Inconclusive {
		t.Errorf("%s: outcome %s of half a record", dir, got)
		for _, v := range recorded.Judgement.Verdicts {
			if v.Outcome != check.Inconclusive {
				t.Logf("%s %s: want %s, got %s: %v", v.Outcome, v.Name, v.Want, v.Got, v.Reason)
			}
		}
	}
	return true
}

// startHolding starts a run of a scenario that holds, and waits until it does.
func (s *sandbox) startHolding(t *testing.T, stderr io.Writer) *exec.Cmd {
	t.Helper()
	return s.startUntil(t, stderr, holding, `"verb":"sleep"`, "run")
}

// startUntil starts a command on a scenario, and waits until the events of its
// run have a text.
func (s *sandbox) startUntil(t *testing.T, stderr io.Writer, scenario, mark, command string, flags ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(path, []byte(scenario), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := s.command("netlab", append([]string{command, path}, flags...)...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	holds := await(20*time.Second, func() bool {
		for _, dir := range s.runs(t) {
			text, err := os.ReadFile(filepath.Join(dir, run.EventsFile))
			if err == nil && bytes.Contains(text, []byte(mark)) {
				return true
			}
		}
		return false
	})
	if !holds {
		t.Fatalf("the run did not come so far as %s; processes: %v", mark, s.processes())
	}
	return cmd
}

// end ends a command by a signal and returns its exit code, or the signal
// that killed it as a negative number.
func end(t *testing.T, cmd *exec.Cmd, signal syscall.Signal) (code int, at time.Time) {
	t.Helper()
	at = time.Now()
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return exitCodeOf(t, cmd.Wait()), at
}

func TestSignals(t *testing.T) {
	requireLab(t)
	for _, c := range []struct {
		signal syscall.Signal
		want   int
	}{
		{unix.SIGINT, exitInterrupted},
		{unix.SIGTERM, exitInterrupted},
		{unix.SIGHUP, exitInterrupted},
		{unix.SIGKILL, -int(unix.SIGKILL)},
		// The runtime ends as it does after a panic: at once, with the stacks of
		// all goroutines.
		{unix.SIGQUIT, 2},
		{unix.SIGABRT, 2},
	} {
		t.Run(unix.SignalName(c.signal), func(t *testing.T) {
			s := newSandbox(t)
			var stderr bytes.Buffer
			cmd := s.startHolding(t, &stderr)
			code, at := end(t, cmd, c.signal)
			if code != c.want {
				t.Errorf("exit code %d, want %d\n%s", code, c.want, &stderr)
			}
			s.wantNothingLeft(t, at)
			dirs := s.runs(t)
			if len(dirs) != 1 || !wantReadable(t, dirs[0]) {
				t.Errorf("run directories %q, want one with events", dirs)
			}
			if c.want == exitInterrupted {
				want := "netlab: interrupted\n  run directory: netlab-runs/" + filepath.Base(dirs[0]) + " (exit 130)\n"
				if stderr.String() != want {
					t.Errorf("stderr %q, want %q", &stderr, want)
				}
			}
		})
	}
}

// A process that made itself independent in every way that a process can
// still ends with the lab.
func TestDaemonsEndWithTheLab(t *testing.T) {
	requireLab(t)
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		t.Skip("needs nsenter(1)")
	}
	for _, signal := range []syscall.Signal{unix.SIGKILL, unix.SIGINT} {
		t.Run(unix.SignalName(signal), func(t *testing.T) {
			s := newSandbox(t)
			cmd := s.startHolding(t, nil)
			agent, ok := s.find("netlab-agent", "server")
			if !ok {
				t.Fatalf("no agent among %v", s.processes())
			}
			args := []string{"--target", strconv.Itoa(agent.pid), "--pid", "--mount", "--net"}
			if os.Geteuid() != 0 {
				args = append(args, "--user", "--preserve-credentials")
			}
			// Forked twice, in a session of its own, deaf to signals, and without
			// any of the lab's descriptors.
			args = append(args, "setsid", "sh", "-c", `trap "" HUP INT TERM; (exec sleep 313) </dev/null >/dev/null 2>&1 &`)
			if out, err := s.command(nsenter, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			supervisor, _ := s.find("netlab-supervisor")
			adopted := await(10*time.Second, func() bool {
				daemon, ok := s.find("sleep", "313")
				return ok && parentOf(t, daemon.pid) == supervisor.pid
			})
			if !adopted {
				t.Fatalf("no daemon among %v", s.processes())
			}
			_, at := end(t, cmd, signal)
			s.wantNothingLeft(t, at)
		})
	}
}

// parentOf reads the parent of a process (proc(5), PPid).
func parentOf(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "PPid:"); ok {
			parent, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				t.Fatal(err)
			}
			return parent
		}
	}
	t.Fatalf("no parent in %q", text)
	return 0
}

// A process of the lab that is killed ends the run, and with an error: what
// was recorded since is no evidence.
func TestLostProcess(t *testing.T) {
	requireLab(t)
	for _, c := range []struct {
		name string
		args []string
		want string
		log  string
	}{
		{"server's agent", []string{"netlab-agent", "server"}, `agent of node "server"`, "server.log"},
		{"client's agent", []string{"netlab-agent", "client"}, `agent of node "client"`, "client.log"},
		{"supervisor", []string{"netlab-supervisor"}, "supervisor", "_supervisor.log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSandbox(t)
			var stderr bytes.Buffer
			cmd := s.startHolding(t, &stderr)
			p, ok := s.find(c.args...)
			if !ok {
				t.Fatalf("no %v among %v", c.args, s.processes())
			}
			if err := unix.Kill(p.pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			at := time.Now()
			if code := exitCodeOf(t, cmd.Wait()); code != exitError {
				t.Errorf("exit code %d, want %d", code, exitError)
			}
			s.wantNothingLeft(t, at)
			for _, want := range []string{"netlab: " + c.want + ": process of the lab is gone\n", "/" + c.log + "\n", "(exit 4)\n"} {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("no %q in:\n%s", want, &stderr)
				}
			}
			for _, dir := range s.runs(t) {
				wantReadable(t, dir)
			}
		})
	}
}

// A disk that is full ends a run with an error, at whatever size.
func TestFullDisk(t *testing.T) {
	requireLab(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small disk")
	}
	for _, size := range []int{4096, 16 << 10, 64 << 10, 128 << 10} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			s := newSandbox(t)
			disk := t.TempDir()
			cmd := s.command("netlab-confined", "disk", strconv.Itoa(size)+":"+disk, "run", "ftp-close", "--out", disk)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
			out, err := cmd.CombinedOutput()
			at := time.Now()
			if code := exitCodeOf(t, err); code != exitError {
				t.Errorf("exit code %d, want %d", code, exitError)
			}
			if !strings.Contains(string(out), "no space left on device") {
				t.Errorf("output %q", out)
			}
			s.wantNothingLeft(t, at)
		})
	}
}
