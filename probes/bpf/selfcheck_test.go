package bpf

import (
	"errors"
	"slices"
	"testing"

	"netlab/lab/netns/netnstest"
	"netlab/probes"

	"golang.org/x/sys/unix"
)

func TestSelfCheckFindsNothingWrong(t *testing.T) {
	tracer, ns := newTracer(t, 0), netnstest.New(t)
	if err := tracer.Check(ns.Cookie(), func() error { return ns.Do(Rehearse) }); err != nil {
		t.Fatal(err)
	}
	if s := tracer.Status(); len(s.Lacks) > 0 || len(s.Kinds) != len(layers())-1 {
		t.Errorf("status %+v", s)
	}
	if len(tracer.places) > 0 {
		t.Error("the namespace of the self-check is watched still")
	}
}

// What does not tell what it should is not believed, and the rest is.
func TestSelfCheckStepsDown(t *testing.T) {
	tests := []struct {
		name   string
		broken string // program
		lacks  probes.Kind
	}{
		{"timers never set", tcpProgMiniStart, probes.KindLife},
		{"timers", tcpProgMiniCancel, probes.KindLife},
		{"resets", tcpProgResetReceived, probes.KindReset},
		{"drops", tcpProgDrop, probes.KindDrop},
		{"errors", tcpProgFault, probes.KindFault},
		{"tallies", tcpProgDestroyed, probes.KindTally},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tracer, err := Load()
			netnstest.Require(t, "bpf", err)
			defer tracer.Close()
			ns := netnstest.New(t)
			detach(t, tracer, tt.broken)
			if err := tracer.Check(ns.Cookie(), func() error { return ns.Do(Rehearse) }); err != nil {
				t.Fatal(err)
			}
			s := tracer.Status()
			if len(s.Lacks) != 1 || s.Lacks[0].Kind != tt.lacks || s.Records(tt.lacks) {
				t.Errorf("status %+v, want one that lacks %s", s, tt.lacks)
			}
			if slices.ContainsFunc(tracer.hooks, func(h hook) bool { return h.kind == tt.lacks }) {
				t.Error("its programs are there still")
			}
			r := watch(t, tracer, ns)
			if err := connection(ns, "::1"); err != nil {
				t.Fatal(err)
			}
			states := 0
			for _, e := range r.stop(t) {
				if e.Kind == tt.lacks {
					t.Errorf("event %+v of a kind that is not recorded", e)
				}
				if e.Kind == probes.KindState {
					states++
				}
			}
			if states != 12 {
				t.Errorf("%d transitions, want 12", states)
			}
		})
	}
}

func TestSelfCheckRefusesTheProbe(t *testing.T) {
	tracer, ns := newTracer(t, 0), netnstest.New(t)
	if err := tracer.Check(ns.Cookie(), func() error { return unix.ENETDOWN }); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("without a rehearsal: error %v", err)
	}
	detach(t, tracer, tcpProgState)
	if err := tracer.Check(ns.Cookie(), func() error { return ns.Do(Rehearse) }); !errors.Is(err, probes.ErrUnavailable) {
		t.Errorf("without states: error %v", err)
	}
}

// detach makes a program see nothing any more, as if another had taken it out.
func detach(tb testing.TB, t *Tracer, name string) {
	tb.Helper()
	for _, h := range t.hooks {
		if h.name == name {
			if err := h.link.Close(); err != nil {
				tb.Fatal(err)
			}
		}
	}
}
