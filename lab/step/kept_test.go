package step

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios/words"
)

// ruled lets a rule hold the FINs that wait.
func ruled(l *fakeLab) {
	for _, h := range l.waiting {
		if h.Segment.Flags.Has(probes.FIN) {
			h.Rule = "fins"
		}
	}
}

// What a rule holds that the scenario will let go is left to it by runs; who
// wants to lets it on.
func TestKept(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kept   []string
		keys   []string
		want   string // what waits
		status string
	}{
		{"run", []string{"fins"}, []string{"R"}, "[client FIN seq=1 ack=1], server FIN seq=1 ack=1",
			"any key stops   What waits is held by rule fins until the scenario lets it go"},
		{"run to it", []string{"fins"}, []string{"r", "F", "I", "N", "enter"}, "[client FIN seq=1 ack=1], server FIN seq=1 ack=1",
			"The scenario will let it go, by rule fins; n lets it on now"},
		{"next", []string{"fins"}, []string{"n"}, "[server FIN seq=1 ack=1], server ACK seq=2 ack=2",
			"The scenario will let it go, by rule fins; n lets it on now"},
		{"nobody will let it go", nil, []string{"R"}, "", "The scenario has ended: q leaves and shows the report"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := crossedClose()
			m := at(t, l, words.English, 100, 30)
			press(t, l, m, "n", "n", "n")
			ruled(l)
			l.kept = tt.kept
			settle(t, l, m)
			press(t, l, m, tt.keys...)
			if diff := cmp.Diff(tt.want, listed(m)); diff != "" {
				t.Errorf("waiting (-want +got)\n%s", diff)
			}
			if got := m.statusLine(); got != tt.status {
				t.Errorf("status %q, want %q", got, tt.status)
			}
			if strings.Contains(tt.want, "FIN") && !strings.Contains(content(t, m), "held by rule fins") {
				t.Errorf("nobody is told that a rule holds it:\n%s", content(t, m))
			}
		})
	}
}

// What is waited for is said, if nobody is asked for anything.
func TestWhatIsWaitedFor(t *testing.T) {
	awaits := words.M(words.StepAwaitsRule, "fins", 2)
	soon := Socket{Node: "server", Timer: "on", Expires: 9008}
	late := Socket{Node: "client", Timer: "on", Expires: 119_400}
	other := Socket{Node: "client", Timer: "timewait", Expires: 10}
	frame := gate.Frame{ID: 1, From: "client", To: "server", Rule: probes.ByHand}
	for _, tt := range []struct {
		name string
		view View
		want string
	}{
		{"the lab works", View{}, "No frame waits: the lab is at work"},
		{"the scenario waits", View{Awaits: awaits}, "No frame waits: The scenario waits until rule fins has matched 2 in all"},
		{"something is sent again", View{Awaits: awaits, Sockets: []Socket{other, late, soon}}, "No frame waits: server sends again in 9008 ms"},
		{"later", View{Sockets: []Socket{late}}, "No frame waits: client sends again in 119 s"},
		{"a frame waits", View{Sockets: []Socket{late}, Waiting: []gate.Frame{frame}}, ""},
		{"both", View{Awaits: awaits, Waiting: []gate.Frame{frame}}, "The scenario waits until rule fins has matched 2 in all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newModel(Options{}, false)
			m.update(tt.view)
			if got := m.statusLine(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A step that fails is told, once.
func TestFailedStep(t *testing.T) {
	failed := &timeline.Step{Step: probes.Step{Index: 2, Verb: "ftp.login", Error: "530\x1b no"}, Ended: 7}
	fine := &timeline.Step{Step: probes.Step{Index: 1, Verb: "ftp.connect"}, Ended: 5}
	under := &timeline.Step{Step: probes.Step{Index: 3, Verb: "ftp.quit", Error: "not yet"}}
	v := View{Number: 1, Timeline: &timeline.Timeline{Steps: []*timeline.Step{fine, failed, under}}}
	m := newModel(Options{}, false)
	m.update(v)
	if got, want := m.statusLine(), `steps[1] ftp.login failed: 530\x1b no`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m.update(key{"x", "x"})
	m.update(v)
	if got := m.statusLine(); strings.Contains(got, "failed") {
		t.Errorf("it is told again: %q", got)
	}
}

// What comes at once is listed in an order that does not depend on chance, and
// keeps its place.
func TestInOrder(t *testing.T) {
	frame := func(from string, id uint64, link string) gate.Frame {
		return gate.Frame{ID: id, Link: link, From: from}
	}
	a1, a2, b1, b2 := frame("a", 1, "x"), frame("a", 2, "x"), frame("b", 3, "x"), frame("b", 1, "y")
	for _, tt := range []struct {
		name        string
		before, now []gate.Frame
		want        []gate.Frame
	}{
		{"at first", nil, []gate.Frame{b1, a2, b2, a1}, []gate.Frame{a1, a2, b1, b2}},
		{"one came before", []gate.Frame{b2}, []gate.Frame{a1, b2}, []gate.Frame{b2, a1}},
		{"one has gone", []gate.Frame{b2, a1, b1}, []gate.Frame{b1, b2}, []gate.Frame{b2, b1}},
		{"all have", []gate.Frame{b2}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, inOrder(tt.before, tt.now), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Ports of data connections differ from run to run; other numbers stay.
func TestPortless(t *testing.T) {
	for in, want := range map[string]string{
		"229 Entering Extended Passive Mode (|||39825|)": "229 Entering Extended Passive Mode (|||*|)",
		"227 Entering Passive Mode (10,77,0,2,156,201)":  "227 Entering Passive Mode (10,77,0,2,*)",
		"PORT 10,77,0,1,156,201":                         "PORT 10,77,0,1,*",
		"EPRT |1|10.77.0.1|39825|":                       "EPRT |1|10.77.0.1|*|",
		"EPRT |2|fd77::1|39825|":                         "EPRT |2|fd77::1|*|",
		"150 39825 bytes":                                "150 39825 bytes",
	} {
		if got := newPen(Options{}, true).portless(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := newPen(Options{}, false).portless(in); got != in {
			t.Errorf("%q: %q where everything is shown", in, got)
		}
	}
}

// Times stay readable however long a person reads.
func TestSince(t *testing.T) {
	for d, want := range map[probes.Mono]string{0: "0.000", 1_234_567: "1.235", 9_999_000_000: "9999.000", 142_580_000_000: "142.58 s"} {
		if got := since(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
