package bpf

import (
	"fmt"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// What is done to the timer of a mini-socket tells its life.
func TestLives(t *testing.T) {
	type step struct {
		kind   kind
		place  uint64
		cpu    uint32
		state  uint8 // the inner one
		resent uint16
	}
	const request, timeWait, finWait2 = tcpNewSynRecv, tcpTimeWait, tcpFinWait2
	other := step{kind: kindState}
	tests := []struct {
		name  string
		steps []step
		want  []string
	}{
		{"request becomes a child", []step{{kindMiniStart, 1, 0, request, 0}, {kindMiniCancel, 1, 0, request, 0}, other},
			[]string{"request born SYN-RECEIVED", "request ended"}},
		{"request resends, and is given up", []step{
			{kindMiniStart, 1, 0, request, 0},
			{kindMiniCancel, 1, 1, request, 0}, {kindMiniExpire, 1, 1, request, 0}, {kindMiniStart, 1, 1, request, 1},
			{kindMiniCancel, 1, 0, request, 1}, {kindMiniExpire, 1, 0, request, 1}, other,
		}, []string{"request born SYN-RECEIVED", "request rearmed SYN-RECEIVED, resent 1", "request expired, resent 1"}},
		{"TIME-WAIT", []step{{kindMiniStart, 1, 0, timeWait, 0}, {kindMiniCancel, 1, 0, timeWait, 0}, {kindMiniExpire, 1, 0, timeWait, 0}},
			[]string{"mini born TIME-WAIT", "mini expired"}},
		{"TIME-WAIT set again", []step{{kindMiniStart, 1, 0, timeWait, 0}, {kindMiniCancel, 1, 0, timeWait, 0}, {kindMiniStart, 1, 0, timeWait, 0}},
			[]string{"mini born TIME-WAIT", "mini rearmed TIME-WAIT"}},
		{"FIN-WAIT-2 steps, its timer is set again", []step{{kindMiniStart, 1, 0, finWait2, 0}, {kindMiniCancel, 1, 0, timeWait, 0}, {kindMiniStart, 1, 0, timeWait, 0}, {kindMiniSeen, 1, 0, timeWait, 0}},
			[]string{"mini born FIN-WAIT-2", "mini stepped TIME-WAIT"}},
		{"FIN-WAIT-2 steps, its timer stays", []step{{kindMiniStart, 1, 0, finWait2, 0}, {kindMiniSeen, 1, 1, finWait2, 0}, {kindMiniSeen, 1, 0, timeWait, 0}, {kindMiniSeen, 1, 0, timeWait, 0}},
			[]string{"mini born FIN-WAIT-2", "mini stepped TIME-WAIT"}},
		{"another CPU says nothing of what follows", []step{{kindMiniStart, 1, 0, timeWait, 0}, {kindMiniCancel, 1, 0, timeWait, 0}, {kindMiniStart, 2, 1, request, 0}, {kindMiniStart, 1, 0, timeWait, 0}},
			[]string{"mini born TIME-WAIT", "request born SYN-RECEIVED", "mini rearmed TIME-WAIT"}},
		{"one ends, another is born on its CPU", []step{{kindMiniStart, 1, 0, timeWait, 0}, {kindMiniCancel, 1, 0, timeWait, 0}, {kindMiniStart, 2, 0, request, 0}},
			[]string{"mini born TIME-WAIT", "mini ended", "request born SYN-RECEIVED"}},
		{"the last word is in the end", []step{{kindMiniCancel, 1, 0, timeWait, 0}, {kindMiniExpire, 2, 1, request, 3}},
			[]string{"mini ended", "request expired, resent 3"}},
		{"CPU that is none", []step{{kindMiniCancel, 1, 7, timeWait, 0}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			p := &place{node: "a", cookie: 1, cpus: make([]progress, 2), emit: func(e probes.Event) {
				if e.Kind == probes.KindLife {
					got = append(got, tell(e))
				}
			}}
			tracer := &Tracer{kernel: new(kernel), lives: newLives(2), places: map[uint64]*place{1: p}}
			for i, s := range tt.steps {
				r := record{
					kind: s.kind, place: s.place, cpu: s.cpu, new: s.state, reason: s.resent, time: probes.Mono(i),
					family: familyIPv4, old: tcpTimeWait, sock: probes.SocketID{NetNS: 1, Cookie: s.place},
				}
				if s.state == request {
					r.old = request
				}
				tracer.dispatch(encode(r))
			}
			tracer.settleAll([]*place{p})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if l := tracer.lives; l.cancelled[0].kind != 0 || l.cancelled[1].kind != 0 || len(l.expired) > 0 {
				t.Errorf("waits still: %+v", l)
			}
		})
	}
}

// A record waits for what follows no longer than it must, and not for those
// of another run.
func TestPatience(t *testing.T) {
	l := newLives(2)
	l.cancelled[0] = record{kind: kindMiniCancel, time: 10, place: 1}
	l.cancelled[1] = record{kind: kindMiniCancel, time: 30, place: 2}
	l.expired[3] = &record{time: 10, place: 3}
	l.expired[4] = &record{time: 10, place: 4}
	var got []string
	l.flush(20, func(r *record) bool { return r.place == 4 }, func(r *record, s probes.Stage) { got = append(got, fmt.Sprint(r.place, " ", s)) })
	if diff := cmp.Diff([]string{"1 ended", "3 expired"}, got); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
	if l.cancelled[1].kind == 0 || l.expired[4] == nil {
		t.Error("others have gone, too")
	}
}
