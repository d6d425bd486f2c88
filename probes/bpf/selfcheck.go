package bpf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"netlab/probes"
)

// Check has connections made of which it is known what the kernel does, and
// looks whether the programs tell just that; call it before any run. netns is
// the cookie of a network namespace that no run watches, and rehearse has
// [Rehearse] run inside it. What a kind of event should have said and did not
// is recorded no more, and [Tracer.Status] says so. An error, with
// [probes.ErrUnavailable] in its chain, says that not even the states can be
// believed.
func (t *Tracer) Check(netns uint64, rehearse func() error) error {
	var wrong map[probes.Kind]error
	var err error
	for range checks {
		if wrong, err = t.check(netns, rehearse); len(wrong) == 0 && err == nil {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("self-check: %w", err)
	}
	if err := wrong[probes.KindState]; err != nil {
		return unavailable(err)
	}
	for kind, why := range wrong {
		err = errors.Join(err, t.disbelieve(kind, why))
	}
	return err
}

// checks is how often a check is made before it says that something is wrong:
// a machine that stands still can spoil one.
const checks = 3

// check makes one, and says what is wrong, by kind.
func (t *Tracer) check(netns uint64, rehearse func() error) (map[probes.Kind]error, error) {
	var events []probes.Event
	err := t.learn(netns, func() (err error) {
		events, err = t.observe(netns, rehearse)
		return err
	})
	if err != nil {
		return nil, err
	}
	wrong := map[probes.Kind]error{}
	for kind, want := range rehearsed() {
		if t.isLacking(kind) {
			continue
		}
		if got := summary(kind, events); !sameInAnyOrder(got, want) {
			wrong[kind] = fmt.Errorf("self-check: want %s; got %s", strings.Join(want, ", "), strings.Join(got, ", "))
		}
	}
	return wrong, nil
}

// sameInAnyOrder compares. What happens at one end is in order with what
// happens at the other only where the kernel waits for nothing.
func sameInAnyOrder(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// observe returns what was recorded in a namespace while do was running.
func (t *Tracer) observe(netns uint64, do func() error) ([]probes.Event, error) {
	var mu sync.Mutex
	var events []probes.Event
	probe := t.Probe([]probes.NodeInfo{{Name: "self-check", Cookie: netns}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- probe.Run(ctx, func(e probes.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		})
	}()
	select {
	case <-probe.Ready():
	case err := <-ended:
		return nil, err
	}
	err := do()
	cancel()
	err = errors.Join(err, <-ended)
	// Run has returned, and emits no more.
	slices.SortStableFunc(events, func(a, b probes.Event) int { return int(a.Time.Sub(b.Time)) })
	return events, err
}

// disbelieve takes a layer's programs out.
func (t *Tracer) disbelieve(kind probes.Kind, why error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []hook
	t.hooks = slices.DeleteFunc(t.hooks, func(h hook) bool {
		if h.kind == kind {
			out = append(out, h)
		}
		return h.kind == kind
	})
	t.lack(kind, why)
	return closeHooks(out)
}

// rehearsed is what [Rehearse] makes the kernel tell, by kind. Segments are
// not sent again in it: that takes longer than a check may.
func rehearsed() map[probes.Kind][]string {
	return map[probes.Kind][]string{
		probes.KindState: {
			"CLOSED LISTEN CLOSED",
			"CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED",
			"LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED",
			"CLOSED SYN-SENT ESTABLISHED CLOSED",
			"LISTEN SYN-RECEIVED ESTABLISHED CLOSED",
			"CLOSED SYN-SENT CLOSED",
		},
		probes.KindLife: {
			"request born in SYN-RECEIVED", "request ended",
			"mini born in TIME-WAIT",
			"request born in SYN-RECEIVED", "request ended",
		},
		probes.KindReset: {"in ESTABLISHED", "out", "in SYN-SENT", "out"},
		probes.KindFault: {"ECONNRESET", "ECONNRESET", "ECONNREFUSED"},
		probes.KindTally: {"destroyed", "destroyed", "destroyed", "destroyed", "destroyed", "destroyed"},
		probes.KindDrop:  {"NO_SOCKET of SYN"},
	}
}

// summary says in short what the events of a kind tell.
func summary(kind probes.Kind, events []probes.Event) []string {
	if kind == probes.KindState {
		return paths(events)
	}
	var list []string
	for _, e := range events {
		if e.Kind != kind {
			continue
		}
		switch kind {
		case probes.KindLife:
			s := string(e.Life.Object) + " " + string(e.Life.Stage)
			if e.New != probes.Unknown {
				s += " in " + e.New.String()
			}
			list = append(list, s)
		case probes.KindReset:
			s := string(e.Reset.Dir)
			if e.Reset.Dir == probes.In {
				s += " " + e.Old.String()
			}
			list = append(list, s)
		case probes.KindFault:
			list = append(list, e.Fault.Errno)
		case probes.KindTally:
			list = append(list, "destroyed")
		case probes.KindDrop:
			list = append(list, e.Drop.Reason+" of "+e.Drop.Flags.String())
		}
	}
	return list
}

// paths returns the states of each socket, in the order in which they came.
func paths(events []probes.Event) []string {
	var list []string
	at := map[probes.SocketID]int{}
	for _, e := range events {
		if e.Kind != probes.KindState {
			continue
		}
		i, ok := at[e.Sock]
		if !ok {
			i = len(list)
			at[e.Sock] = i
			list = append(list, e.Old.String())
		}
		list[i] += " " + e.New.String()
	}
	return list
}
