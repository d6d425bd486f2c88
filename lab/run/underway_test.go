package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

const underWayText = `netlab: 1
name: under-way
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
steps:
  - gate.hold: {link: wire, from: client, flags: [FIN], as: fins}
  - gate.hold: {link: wire, from: server, flags: [FIN], until: {from: client, flags: [RST]}, as: later}
  - tcp.listen: {node: server, port: 7000, as: listener}
  - tcp.connect: {node: client, peer: server, port: 7000, background: on, as: control}
  - tcp.accept: {listener: listener, as: accepted}
  - wait: {step: control}
  - tcp.close: {session: control}
  - gate.await: {rule: fins, times: 2}
  - gate.release: {rule: fins}
  - tcp.receive: {session: accepted, to_end: on}
  - sleep: 400ms
  - settle: {within: 3s, until: {control: {client: TIME-WAIT, server: CLOSED}}}
  - settle: {within: 3s}
`

func underWayScenario(t *testing.T) *scenarios.Scenario {
	t.Helper()
	sc, err := scenarios.Parse("x.yaml", []byte(underWayText))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// What a step waits for is said; and what rules hold is left to them as long
// as a step is to come that lets it go, or they may by themselves.
func TestStepsByHand(t *testing.T) {
	r := &runner{Config: Config{Scenario: underWayScenario(t)}}
	both, later := "fins later", "later"
	for i, tt := range []struct{ awaits, kept string }{
		{"", "fins"}, {"", both}, {"", both}, {"", both},
		{"The scenario waits for a connection to listener", both},
		{"The scenario waits for the end of step control", both},
		{"", both},
		{"The scenario waits until rule fins has matched 2 in all", both},
		{"", both},
		{"The scenario waits for the end of what accepted receives", later},
		{"The scenario waits for 400ms", later},
		{"The scenario waits for control: client TIME-WAIT, server CLOSED", later},
		{"The scenario waits until everything is at rest", ""},
	} {
		s := &r.Scenario.Steps[i]
		if got := awaits(s).In(words.English); got != tt.awaits {
			t.Errorf("steps[%d] %s: %q, want %q", i, s.Verb, got, tt.awaits)
		}
		if got := strings.Join(r.kept(s), " "); got != tt.kept {
			t.Errorf("steps[%d] %s: kept %q, want %q", i, s.Verb, got, tt.kept)
		}
	}
	if got := r.kept(nil); got != nil || !awaits(nil).IsZero() || r.underWay() != "" {
		t.Errorf("before the first step: kept %q, %v, %q", got, awaits(nil), r.underWay())
	}
	r.now(&r.Scenario.Steps[3])
	if got, want := r.underWay(), "steps[3] tcp.connect"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The record tells which steps have begun and not ended.
func TestOpenSteps(t *testing.T) {
	sc := underWayScenario(t)
	for _, tt := range []struct {
		name    string
		steps   []int // from 1; negative when it ended
		open    []string
		current string
	}{
		{"before the first", nil, nil, ""},
		{"one", []int{1}, []string{"gate.hold"}, "gate.hold"},
		{"between two", []int{1, -1}, nil, ""},
		{"one in the background", []int{3, -3, 4, 5}, []string{"tcp.accept", "tcp.connect"}, "tcp.accept"},
		{"that has ended meanwhile", []int{3, -3, 4, 5, -4}, []string{"tcp.accept"}, "tcp.accept"},
		{"that the next follows", []int{3, -3, 4}, []string{"tcp.connect"}, ""},
		{"of another scenario", []int{99}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, err := os.Create(filepath.Join(t.TempDir(), "events"))
			if err != nil {
				t.Fatal(err)
			}
			r := &runner{Config: Config{Scenario: sc}, rec: newRecorder(file, 1000, func(error) {})}
			defer r.rec.close()
			for _, i := range tt.steps {
				s := &probes.Step{Index: max(i, -i), Ended: i < 0}
				r.rec.emit(probes.Event{Kind: probes.KindStep, Step: s})
			}
			open, current := r.openSteps()
			var got []string
			for _, s := range open {
				got = append(got, s.Verb)
			}
			if diff := cmp.Diff(tt.open, got); diff != "" {
				t.Errorf("open (-want +got)\n%s", diff)
			}
			verb := ""
			if current != nil {
				verb = current.Verb
			}
			if verb != tt.current {
				t.Errorf("current %q, want %q", verb, tt.current)
			}
		})
	}
}

func TestGivenUp(t *testing.T) {
	for _, tt := range []struct{ step, want string }{
		{"", "left before the first step was taken"},
		{"steps[3] ftp.quit", "left at steps[3] ftp.quit, before the last step was done"},
	} {
		if got := (&GivenUp{Step: tt.step}).Error(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
