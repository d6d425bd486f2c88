package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"netlab/lab/step/terminaltest"
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

func TestTerminal(t *testing.T) {
	for _, lang := range languages {
		for _, plain := range []string{"", "1"} {
			t.Run(string(lang)+plain, func(t *testing.T) {
				self, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				x := terminaltest.New(t, 80, 24, self+"; exec cat", "STEP_TEST_PLAY="+string(lang), "NO_COLOR="+plain)
				p := newPen(Options{Lang: lang}, false)
				x.Shows("SYN seq=0")
				x.Keys("n")
				x.Shows("> server:21 -> client  SYN+ACK")
				x.Keys("n")
				x.Shows("> client -> server:21  ACK")
				x.Keys("n")
				x.Shows("220 ready")
				if styled := strings.Contains(x.Tmux("capture-pane", "-e", "-p"), "\x1b["); styled == (plain != "") {
					t.Errorf("attributes of text: %v", styled)
				}
				x.Keys("r")
				x.Keys("-l", "client FIN")
				x.Keys("Enter")
				l := ftpClose(timelinetest.Options{})
				m := at(t, l, lang, 80, 24)
				press(t, l, m, "n", "n", "n", "r")
				typed(t, l, m, "client FIN")
				press(t, l, m, "enter")
				x.Is(content(t, m))
				x.Size(120, 40)
				x.Shows(strings.Repeat("-", 100))
				x.Keys("R")
				x.Shows(p.say(words.StepSayDone))
				x.Keys("q")
				x.Shows("played: <nil>")
			})
		}
	}
}
