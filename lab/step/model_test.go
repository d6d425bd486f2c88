package step

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"
)

// listed tells the frames that wait, the chosen one in brackets.
func listed(m *model) string {
	var out []string
	chosen, _ := m.current()
	for _, f := range m.waiting() {
		text := f.From + " " + m.label(&m.view, f)
		if idOf(f) == idOf(chosen) {
			text = "[" + text + "]"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lab    func() *fakeLab
		keys   []string
		type_  string // then
		after  []string
		want   string // the frames that wait
		status string
	}{
		{name: "next", lab: plainClose, keys: []string{"n"}, want: "[server SYN+ACK seq=0 ack=1]"},
		{name: "enter and space", lab: plainClose, keys: []string{"enter", "space"}, want: "[client ACK seq=1 ack=1], client FIN seq=1 ack=1"},
		{name: "drop", lab: plainClose, keys: []string{"d"}, want: "[client SYN seq=0 again]"},
		{name: "duplicate", lab: plainClose, keys: []string{"D"}, want: "[server SYN+ACK seq=0 ack=1]"},
		{name: "choose", lab: crossedClose, keys: []string{"n", "n", "n", "down"}, want: "client FIN seq=1 ack=1, [server FIN seq=1 ack=1]"},
		{name: "no further than the last", lab: crossedClose, keys: []string{"n", "n", "n", "down", "down", "up", "up"}, want: "[client FIN seq=1 ack=1], server FIN seq=1 ack=1"},
		{name: "the chosen one goes", lab: crossedClose, keys: []string{"n", "n", "n", "down", "n"}, want: "[client FIN seq=1 ack=1], client ACK seq=2 ack=2"},
		{name: "run to", lab: plainClose, keys: []string{"r"}, type_: "server fin", after: []string{"enter"}, want: "[server FIN seq=1 ack=2]"},
		{name: "run to text", lab: func() *fakeLab { return ftpClose(timelinetest.Options{}) }, keys: []string{"r"}, type_: "/221/", after: []string{"enter"}, want: "[server DATA seq=12 ack=7 +9]"},
		{name: "run to what waits", lab: plainClose, keys: []string{"r"}, type_: "SYN", after: []string{"enter"}, want: "[client SYN seq=0]"},
		{name: "run to the same again", lab: plainClose, keys: []string{"r", "A", "C", "K", "enter", "n", "r", "enter"}, want: "[server ACK seq=1 ack=2], server FIN seq=1 ack=2"},
		{name: "a slip of the finger", lab: plainClose, keys: []string{"r"}, type_: "FIX", after: []string{"backspace", "N", "enter"}, want: "[client FIN seq=1 ack=1]"},
		{name: "no such node", lab: plainClose, keys: []string{"r"}, type_: "sever FIN", after: []string{"enter"}, want: "[client SYN seq=0]",
			status: `there is no node "sever"; the lab has: client, server`},
		{name: "not a match", lab: plainClose, keys: []string{"r"}, type_: "/x", after: []string{"enter"}, want: "[client SYN seq=0]",
			status: `"/x": the second slash is missing`},
		{name: "no match", lab: plainClose, keys: []string{"r", "x", "esc", "n"}, want: "[server SYN+ACK seq=0 ack=1]"},
		{name: "run", lab: plainClose, keys: []string{"R"}, want: ""},
		{name: "nothing waits", lab: plainClose, keys: []string{"R", "n"}, want: ""},
		{name: "staying", lab: plainClose, keys: []string{"q", "x", "n"}, want: "[server SYN+ACK seq=0 ack=1]"},
		{name: "helped", lab: plainClose, keys: []string{"?", "n", "n"}, want: "[server SYN+ACK seq=0 ack=1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.lab()
			m := at(t, l, words.English, 80, 24)
			press(t, l, m, tt.keys...)
			typed(t, l, m, tt.type_)
			press(t, l, m, tt.after...)
			if diff := cmp.Diff(tt.want, listed(m)); diff != "" {
				t.Errorf("waiting (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.status, m.status); diff != "" {
				t.Errorf("status (-want +got)\n%s", diff)
			}
			if m.quit {
				t.Error("it quits")
			}
		})
	}
}

func TestQuit(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		quit bool
		cut  bool
	}{
		{"asks", []string{"q"}, false, false},
		{"twice", []string{"q", "q"}, true, false},
		{"yes", []string{"q", "y"}, true, false},
		{"no", []string{"q", "n"}, false, false},
		{"at the end", []string{"R", "q"}, true, false},
		{"control-C", []string{"ctrl+c"}, true, true},
		{"control-C at a question", []string{"r", "ctrl+c"}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := plainClose()
			m := at(t, l, words.English, 80, 24)
			press(t, l, m, tt.keys...)
			if m.quit != tt.quit || m.interrupted != tt.cut {
				t.Errorf("quit %v, interrupted %v; want %v, %v", m.quit, m.interrupted, tt.quit, tt.cut)
			}
		})
	}
}

// What a frame was told is not told it twice, though views that were under
// way still have it; what could not be done can be tried again.
func TestFramesThatAreGone(t *testing.T) {
	l := plainClose()
	m := at(t, l, words.English, 80, 24)
	old := m.view
	m.update(key{"n", "n"})
	a, ok := m.take()
	if !ok || a.deed != pass {
		t.Fatalf("n asks for %+v", a)
	}
	m.update(key{"n", "n"})
	m.update(old)
	if got := listed(m); got != "" || len(m.queue) != 1 {
		t.Errorf("waiting %s, %d acts", got, len(m.queue))
	}
	m.update(done{a, errors.New("the gate\x1b is gone")})
	if got, want := listed(m), "[client SYN seq=0]"; got != want {
		t.Errorf("waiting %s, want %s", got, want)
	}
	if want := `it could not be done: the gate\x1b is gone`; m.status != want {
		t.Errorf("status %q, want %q", m.status, want)
	}
}

// Acts are done one after the other, in the order of their keys.
func TestActsAreQueued(t *testing.T) {
	l := crossedClose()
	m := at(t, l, words.English, 80, 24)
	press(t, l, m, "n", "n", "n")
	m.update(key{"n", "n"})
	m.update(key{"d", "d"})
	first, _ := m.take()
	if _, ok := m.take(); ok {
		t.Fatal("two acts at a time")
	}
	m.update(done{act: first})
	second, _ := m.take()
	got := []string{string(first.deed) + " " + first.frame.From, string(second.deed) + " " + second.frame.From}
	if diff := cmp.Diff([]string{"pass client", "drop server"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A run stops when a key is pressed, and when the lab refuses.
func TestRunStops(t *testing.T) {
	l := plainClose()
	m := at(t, l, words.English, 80, 24)
	m.update(key{"R", "R"})
	if _, ok := m.take(); !ok || m.goal == nil {
		t.Fatal("R runs nothing")
	}
	m.update(key{"x", "x"})
	if m.goal != nil || m.status != "stopped" {
		t.Errorf("goal %v, status %q", m.goal, m.status)
	}
	l = plainClose()
	l.refuse = errors.New("no")
	m = at(t, l, words.English, 80, 24)
	press(t, l, m, "R")
	if got, want := listed(m), "[client SYN seq=0]"; got != want || m.goal != nil {
		t.Errorf("waiting %s, want %s; goal %v", got, want, m.goal)
	}
}

func TestFailedLab(t *testing.T) {
	m := newModel(Options{}, false)
	m.update(failed{errors.New("the lab is gone")})
	if !strings.Contains(content(t, m), "the lab is gone") {
		t.Error("nobody is told that the lab is gone")
	}
}

// Repetitions of a frame are one entry with a number.
func TestCopies(t *testing.T) {
	seg := probes.Segment{Flags: probes.SYN}
	p := newPen(Options{}, false)
	got := p.frameText(&View{}, gate.Frame{From: "client", To: "server", Copies: 2, Segment: &seg})
	if want := "client -> server  SYN seq=0 x3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStateOfEnds(t *testing.T) {
	l := plainClose()
	listener := viewOf(t, l).Sockets[0]
	m := at(t, l, words.English, 80, 24)
	state := func() string {
		p, _ := m.pair()
		return m.states(p)
	}
	want := func(want string) {
		t.Helper()
		if got := state(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	want("client SYN-SENT, server LISTEN")
	press(t, l, m, "R")
	want("client TIME-WAIT, server CLOSED")
	m.view.Sockets = []Socket{listener} // TIME-WAIT is over
	want("client CLOSED, server CLOSED")
	m.view.Sockets = nil // nobody looks: the record says it
	want("client TIME-WAIT, server CLOSED")
	dead := Socket{Node: "client", Flow: l.conn.Opener.Flow, State: probes.Closed, Object: probes.FullObject}
	mini := Socket{Node: "client", Flow: l.conn.Opener.Flow, State: probes.TimeWait, Object: probes.MiniObject}
	for _, order := range [][]Socket{{dead, mini}, {mini, dead}} {
		m.view.Sockets = order
		want("client TIME-WAIT, server CLOSED")
	}
}
