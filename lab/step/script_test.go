package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlab/probes"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"
)

// play runs a script and returns its transcript.
func play(t *testing.T, l *fakeLab, text string, o Options) (string, error) {
	t.Helper()
	s, err := ParseScript("lesson.step", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o.Predict = predictOne
	err = s.Run(t.Context(), l, &out, o)
	return out.String(), err
}

const simultaneous = `# Both ends close before either FIN arrives.
next client SYN
next server SYN+ACK
next client ACK
expect waiting 2
expect client FIN-WAIT-1
expect server FIN-WAIT-1
next client FIN
expect server CLOSING
next server FIN
expect client CLOSING
show
next server ACK
next client ACK
expect client TIME-WAIT
expect server TIME-WAIT
expect done
`

const lastACK = `run to client FIN
drop client FIN      # it is sent again
next client FIN
next server ACK
expect client FIN-WAIT-2
duplicate server FIN
drop client ACK
expect server LAST-ACK
expect server LISTEN
expect server:80 LAST-ACK
show
quit
next
`

const wholeFTP = `wait client SYN
run to server DATA /220/
next
run to server:21 /221 bye/
run
`

func TestTranscripts(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		lab          func() *fakeLab
	}{
		{"simultaneous", simultaneous, crossedClose},
		{"last_ack", lastACK, plainClose},
		{"ftp", wholeFTP, func() *fakeLab { return ftpClose(timelinetest.Options{IPv6: true, Path: timelinetest.Routed}) }},
	} {
		for _, lang := range languages {
			name := fmt.Sprintf("script_%s_%s.txt", tt.name, lang)
			t.Run(name, func(t *testing.T) {
				got, err := play(t, tt.lab(), tt.script, Options{Lang: lang, Title: titles[lang]})
				if err != nil {
					t.Error(err)
				}
				golden(t, name, got)
			})
		}
	}
}

// With times, a transcript has what differs from run to run, too.
func TestTranscriptWithTimes(t *testing.T) {
	got, err := play(t, plainClose(), "next\nnext\nshow\nquit\n", Options{Times: true})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "script_times_en.txt", got)
}

func TestScriptErrors(t *testing.T) {
	const brief = 20 * time.Millisecond
	for _, tt := range []struct {
		name, script, want string
		lab                func() *fakeLab
	}{
		{"no such frame", "next SYN\n\nnext client FIN", `lesson.step:3: next client FIN: not within 20ms
  waiting: server:80 -> client  SYN+ACK seq=0 ack=1
  states: client SYN-SENT, server SYN-RECEIVED`, plainClose},
		{"ended", "run\nwait client RST", `lesson.step:2: wait client RST: the scenario has ended without it
  waiting: none
  states: client TIME-WAIT, server CLOSED`, plainClose},
		{"run past the end", "run to RST", `lesson.step:1: run to RST: the scenario has ended without it
  waiting: none
  states: client TIME-WAIT, server CLOSED`, plainClose},
		{"other state", "run to client FIN\nexpect client FIN-WAIT-2 within 1ms", `lesson.step:2: expect client FIN-WAIT-2 within 1ms: not within 1ms
  waiting: client -> server:80  FIN seq=1 ack=1
  states: client FIN-WAIT-1, server ESTABLISHED`, plainClose},
		{"other state of a port", "expect server:80 ESTABLISHED", `lesson.step:1: expect server:80 ESTABLISHED: not within 20ms
  waiting: client -> server:80  SYN seq=0
  states: server:80 LISTEN`, plainClose},
		{"not closed", "run to client FIN\nexpect server:80 CLOSED", `lesson.step:2: expect server:80 CLOSED: not within 20ms
  waiting: client -> server:80  FIN seq=1 ack=1
  states: server:80 LISTEN, server:80 ESTABLISHED`, plainClose},
		{"other number", "expect waiting 2", `lesson.step:1: expect waiting 2: not within 20ms
  waiting: client -> server:80  SYN seq=0
  states: client SYN-SENT, server LISTEN`, plainClose},
		{"no such node", "# x\nnext clinet FIN", `lesson.step:2: there is no node "clinet"; the lab has: client, server`, plainClose},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := play(t, tt.lab(), tt.script, Options{Limit: brief})
			if diff := cmp.Diff(tt.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if _, ok := errors.AsType[*ScriptError](err); !ok {
				t.Errorf("%T is no ScriptError", err)
			}
			if said, ok := err.(interface{ In(words.Lang) string }); !ok || said.In(words.Chinese) == err.Error() {
				t.Error("it is not said in Chinese")
			}
		})
	}
}

// What is not the script's fault is no ScriptError.
func TestScriptBrokenByTheLab(t *testing.T) {
	l := plainClose()
	l.refuse = errors.New("the gate is gone")
	_, err := play(t, l, "next", Options{})
	if want := "lesson.step:1: the gate is gone"; fmt.Sprint(err) != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, ok := errors.AsType[*ScriptError](err); ok {
		t.Error("it is a ScriptError")
	}
	s, err := ParseScript("x", []byte("wait RST"))
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("out of time")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := s.Run(ctx, plainClose(), new(bytes.Buffer), Options{}); !errors.Is(err, why) {
		t.Errorf("error %v, want %v", err, why)
	}
}

// A script waits for frames that come later, whoever brings them.
func TestScriptWaits(t *testing.T) {
	l := newFake(hooks{}, timelinetest.Options{}, 80)
	syn := viewOf(t, l).Waiting[0]
	arrived := make(chan error, 1)
	go func() { arrived <- l.Pass(context.Background(), syn) }()
	got, err := play(t, l, "wait server SYN+ACK\nexpect server SYN-RECEIVED\nquit", Options{})
	if err != nil {
		t.Error(err)
	}
	if err := <-arrived; err != nil {
		t.Error(err)
	}
	if !strings.Contains(got, "SYN+ACK seq=0 ack=1") {
		t.Errorf("transcript:\n%s", got)
	}
}

// Behind the last line everything goes on, and nothing is said of it; after
// quit nothing does.
func TestScriptEnds(t *testing.T) {
	for _, tt := range []struct {
		script string
		done   bool
	}{{"next SYN\n", true}, {"next SYN\nquit\n", false}, {"", true}} {
		l := plainClose()
		got, err := play(t, l, tt.script, Options{})
		if err != nil {
			t.Error(err)
		}
		if v := viewOf(t, l); v.Done != tt.done {
			t.Errorf("%q: ended %v, want %v", tt.script, v.Done, tt.done)
		}
		if strings.Contains(got, "FIN") {
			t.Errorf("%q: transcript\n%s", tt.script, got)
		}
	}
}

// A writer that fails ends the script.
func TestScriptCannotPrint(t *testing.T) {
	s, err := ParseScript("x", []byte("next"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), plainClose(), full{}, Options{}); err == nil || !strings.Contains(err.Error(), "print transcript") {
		t.Errorf("error %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// Without a connection to speak of, a node's sockets are looked at.
func TestHoldsWithoutConnection(t *testing.T) {
	m := newModel(Options{}, true)
	m.view.Sockets = []Socket{{Node: "server", State: probes.Listen, Object: probes.ListenerObject}, {Node: "client", State: probes.TimeWait}}
	for _, tt := range []struct {
		node  string
		state probes.State
		want  bool
	}{
		{"server", probes.Listen, true}, {"server", probes.Closed, true}, {"client", probes.TimeWait, true},
		{"client", probes.Closed, false}, {"client", probes.Listen, false},
	} {
		if got := m.holds(Want{Node: tt.node, State: tt.state, Frames: -1}); got != tt.want {
			t.Errorf("%s %s: %v, want %v", tt.node, tt.state, got, tt.want)
		}
	}
}
