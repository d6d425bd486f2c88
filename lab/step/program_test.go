package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"
)

// TestMain is the tests and, where a terminal asks for it by the environment,
// the program at that terminal.
func TestMain(m *testing.M) {
	lang := words.Lang(os.Getenv("STEP_TEST_PLAY"))
	if lang == "" {
		os.Exit(m.Run())
	}
	err := Play(context.Background(), ftpClose(timelinetest.Options{}), os.Stdin, os.Stdout,
		Options{Lang: lang, Title: titles[lang], Predict: predictOne, Plain: os.Getenv("NO_COLOR") != ""})
	fmt.Println("played:", err)
	if err != nil {
		os.Exit(1)
	}
}

// started starts the program with keys that come from a pipe. The window is
// of no size until it is told, so only the tiny screen is drawn.
func started(t *testing.T, ctx context.Context, l Lab) (keys io.Writer, ended chan error) {
	t.Helper()
	in, keys := io.Pipe()
	ended = make(chan error, 1)
	go func() { ended <- Play(ctx, l, in, io.Discard, Options{}) }()
	t.Cleanup(func() { in.Close() })
	return keys, ended
}

func mustEnd(t *testing.T, ended chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
		return nil
	}
}

func TestPlayEnds(t *testing.T) {
	why := errors.New("out of time")
	for _, tt := range []struct {
		name string
		end  func(keys io.Writer, cancel context.CancelCauseFunc)
		want error
	}{
		{"quit", func(keys io.Writer, _ context.CancelCauseFunc) { fmt.Fprint(keys, "qq") }, nil},
		{"control-C", func(keys io.Writer, _ context.CancelCauseFunc) { fmt.Fprint(keys, "\x03") }, ErrInterrupted},
		{"context", func(_ io.Writer, cancel context.CancelCauseFunc) { cancel(why) }, why},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			keys, ended := started(t, ctx, plainClose())
			tt.end(keys, cancel)
			if err := mustEnd(t, ended); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// Keys do to the lab what they say.
func TestPlayActs(t *testing.T) {
	l := plainClose()
	keys, ended := started(t, t.Context(), l)
	fmt.Fprint(keys, "R")
	for v := viewOf(t, l); !v.Done; v = viewOf(t, l) {
		if err := l.Wait(t.Context(), v.Number); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprint(keys, "qq") // the first may come before the end is seen
	if err := mustEnd(t, ended); err != nil {
		t.Error(err)
	}
}

// brokenLab fails after its first view.
type brokenLab struct{ *fakeLab }

func (brokenLab) Wait(context.Context, uint64) error { return errors.New("the lab is gone") }

func TestPlayOutlivesTheLab(t *testing.T) {
	keys, ended := started(t, t.Context(), brokenLab{plainClose()})
	fmt.Fprint(keys, "qq")
	if err := mustEnd(t, ended); err != nil {
		t.Error(err)
	}
}

// A term is a terminal by tmux(1), on a server of its own.
type term struct {
	*testing.T
	socket string
}

func newTerm(t *testing.T, width, height int, env ...string) *term {
	t.Helper()
	_, missing := exec.LookPath("tmux")
	netnstest.Require(t, "tmux", missing)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	x := &term{T: t, socket: filepath.Join(t.TempDir(), "tmux")}
	args := []string{"-f", os.DevNull, "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height)}
	for _, e := range env {
		args = append(args, "-e", e)
	}
	if _, err := x.try(append(args, self+"; exec cat")...); err != nil {
		t.Skipf("needs a tmux that works: %v", err)
	}
	t.Cleanup(func() { _, _ = x.try("kill-server") })
	x.tmux("set-option", "-g", "status", "off")
	x.tmux("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height))
	return x
}

func (x *term) try(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-u", "-S", x.socket}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
	}
	return string(out), err
}

func (x *term) tmux(args ...string) string {
	x.Helper()
	out, err := x.try(args...)
	if err != nil {
		x.Fatal(err)
	}
	return out
}

func (x *term) keys(keys ...string) {
	x.Helper()
	x.tmux(append([]string{"send-keys"}, keys...)...)
}

// shows waits until the screen shows a text somewhere.
func (x *term) shows(text string) {
	x.Helper()
	x.until(func(got string) bool { return strings.Contains(got, text) }, text)
}

// is waits until the screen shows a text and nothing else.
func (x *term) is(text string) {
	x.Helper()
	text = strings.TrimRight(text, "\n")
	x.until(func(got string) bool { return strings.TrimRight(got, "\n") == text }, text)
}

func (x *term) until(holds func(string) bool, want string) {
	x.Helper()
	late := time.Now().Add(20 * time.Second)
	for {
		got := x.tmux("capture-pane", "-p")
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

func TestTerminal(t *testing.T) {
	for _, lang := range languages {
		for _, plain := range []string{"", "1"} {
			t.Run(string(lang)+plain, func(t *testing.T) {
				x := newTerm(t, 80, 24, "STEP_TEST_PLAY="+string(lang), "NO_COLOR="+plain)
				p := newPen(Options{Lang: lang}, false)
				x.shows("SYN seq=0")
				x.keys("n")
				x.shows("> server:21 -> client  SYN+ACK")
				x.keys("n")
				x.shows("> client -> server:21  ACK")
				x.keys("n")
				x.shows("220 ready")
				if styled := strings.Contains(x.tmux("capture-pane", "-e", "-p"), "\x1b["); styled == (plain != "") {
					t.Errorf("attributes of text: %v", styled)
				}
				x.keys("r")
				x.keys("-l", "client FIN")
				x.keys("Enter")
				l := ftpClose(timelinetest.Options{})
				m := at(t, l, lang, 80, 24)
				press(t, l, m, "n", "n", "n", "r")
				typed(t, l, m, "client FIN")
				press(t, l, m, "enter")
				x.is(content(t, m))
				x.tmux("resize-window", "-x", "120", "-y", "40")
				x.shows(strings.Repeat("-", 100))
				x.keys("R")
				x.shows(p.say(words.StepSayDone))
				x.keys("q")
				x.shows("played: <nil>")
			})
		}
	}
}
