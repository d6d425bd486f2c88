package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"netlab/lab/report"
	"netlab/lab/run"

	"golang.org/x/sys/unix"
)

// An ordinary user sees the wire, and is told what would show the rest.
func TestOrdinaryUser(t *testing.T) {
	requireLab(t)
	s := newSandbox(t)
	s.become(t)
	wire := []string{
		"\n  ok  control.opening ", "\n  ok  control.closing ", "\n  ok  control.time_wait ", "\n  ok  control.resets ",
		"\n  ok  data.first_fin ", "\n  ok  data.time_wait ", "\n  ok  steps.fetch.reply ",
	}
	t.Run("lockstep", func(t *testing.T) {
		s.runAsUser(t, exitPass, append(wire,
			"\n     observe=lockstep  rto_min=1s\n", "\nobserved in lockstep (no bpf)",
			"\n  ok  control.client.states  6 of 6 ", "\n  ok  control.server.states  5 of 5 ", "\nPASS  9 of 9."))
	})
	t.Run("free", func(t *testing.T) {
		s.runAsUser(t, exitInconclusive, append(wire,
			"\n  ??  control.client.states ", "\n  ??  control.server.states ",
			"\ninconclusive: control.client.states: ", "\n  bpf refused (", "\n  fix: run as root, or give the command CAP_BPF and CAP_PERFMON",
			"\nINCONCLUSIVE  7 of 9 pass, 2 inconclusive."), "--observe", "free")
	})
	if os.Geteuid() == 0 {
		wantOwner(t, s.dir, ordinary)
	}
}

// runAsUser runs the first scenario, and judges it again.
func (s *sandbox) runAsUser(t *testing.T, code int, wants []string, flags ...string) {
	t.Helper()
	out, err := s.command("netlab", append([]string{"run", "ftp-close"}, flags...)...).CombinedOutput()
	at := time.Now()
	if got := exitCodeOf(t, err); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	for _, want := range wants {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	s.wantNothingLeft(t, at)
	dirs := s.runs(t)
	for _, dir := range dirs[len(dirs)-1:] {
		again, err := s.command("netlab", "check", dir).Output()
		if got := exitCodeOf(t, err); got != code {
			t.Errorf("check: exit code %d, want %d", got, code)
		}
		if want, err := os.ReadFile(filepath.Join(dir, run.VerdictsFile)); err != nil || !bytes.Equal(again, want) {
			t.Errorf("check does not give the verdicts of the run (%v)", err)
		}
	}
}

// wantOwner checks whose a directory and all in it is.
func wantOwner(t *testing.T, root string, uid uint32) {
	t.Helper()
	count := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		count++
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != uid || stat.Gid != uid {
			t.Errorf("%s belongs to %d:%d, want %d", path, stat.Uid, stat.Gid, uid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 10 {
		t.Errorf("only %d files in %s", count, root)
	}
}

// A user who may not make namespaces is told why and what helps; nothing is
// started.
func TestUserWithoutNamespaces(t *testing.T) {
	requireLab(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a user namespace of two users")
	}
	s := newSandbox(t)
	for _, c := range []struct {
		lang string
		want []string
	}{
		{"en", []string{"netlab: create a user namespace: ", "\n  cause: ", "\n  fix: ", "\n  nothing was started (exit 3)\n"}},
		{"zh", []string{"\n  原因：", "\n  解决：", "\n  什么也没有启动（退出码 3）\n"}},
	} {
		cmd := s.command("netlab-confined", "user", "1", "run", "ftp-close", "--lang", c.lang)
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: 1, HostID: ordinary, Size: 1}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
		if err := os.Chmod(s.dir, 0o777); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if code := exitCodeOf(t, err); code != exitInconclusive {
			t.Errorf("exit code %d, want %d", code, exitInconclusive)
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("no %q in:\n%s", want, out)
			}
		}
	}
	s.wantNothingLeft(t, time.Now())
}

// What root makes for the user who called sudo belongs to the user.
func TestSudo(t *testing.T) {
	requireLab(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	s := newSandbox(t)
	cmd := s.command("netlab", "run", "ftp-close", "--out", "netlab-runs/of/mine")
	cmd.Env = append(cmd.Env, "SUDO_UID=65534", "SUDO_GID=65534")
	out, err := cmd.CombinedOutput()
	if code := exitCodeOf(t, err); code != exitPass && code != exitInconclusive {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	wantOwner(t, filepath.Join(s.dir, "netlab-runs"), ordinary)
	// What was there before is left as it was.
	info, err := os.Stat(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
		t.Errorf("the directory of the run directories now belongs to %d", uid)
	}
}

// Commands that run at once in one place do not get into each other's way.
func TestSideBySide(t *testing.T) {
	requireLab(t)
	s := newSandbox(t)
	const count = 4
	var commands [count]*exec.Cmd
	var outputs [count]bytes.Buffer
	for i := range commands {
		commands[i] = s.command("netlab", "run", "ftp-close", "--json")
		commands[i].Stdout, commands[i].Stderr = &outputs[i], &outputs[i]
		if err := commands[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	var codes []int
	for i, cmd := range commands {
		code := exitCodeOf(t, cmd.Wait())
		codes = append(codes, code)
		if code != exitPass && code != exitInconclusive {
			t.Errorf("exit code %d\n%s", code, &outputs[i])
		}
	}
	s.wantNothingLeft(t, time.Now())
	dirs := s.runs(t)
	if len(dirs) != count {
		t.Errorf("run directories %q, want %d", dirs, count)
	}
	var again []int
	for _, dir := range dirs {
		recorded, err := run.Check(dir)
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, report.Exit(recorded.Judgement.Outcome))
		for _, c := range recorded.Timeline.Connections {
			if c.Opener.Node != "client" || c.Acceptor.Node != "server" {
				t.Errorf("%s: a connection of %q and %q", dir, c.Opener.Node, c.Acceptor.Node)
			}
		}
		if n := len(recorded.Timeline.Connections); n != 2 {
			t.Errorf("%s: %d connections, want 2", dir, n)
		}
	}
	slices.Sort(codes)
	slices.Sort(again)
	if !slices.Equal(codes, again) {
		t.Errorf("exit codes %v, judged again %v", codes, again)
	}
}
