package ss

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// here is a namespace that is not entered: the scripts below need none.
type here struct{}

func (here) Do(fn func() error) error { return fn() }

// script makes a probe of one place whose ss is a shell script.
func script(t *testing.T, body string) *Probe {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ss")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	at := probes.Place{Node: "node", Cookie: 9, NS: here{}}
	return &Probe{every: time.Hour, path: path, places: []*place{{Place: at}}, ready: make(chan struct{})}
}

// A recorder collects events.
type recorder struct {
	mu     sync.Mutex
	events []probes.Event
}

func (r *recorder) emit(e probes.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// states returns "STATE object" of each event, in order.
func (r *recorder) states() (states []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		switch {
		case e.Kind == probes.KindLoss:
			states = append(states, "loss")
		case e.Sample.Gone:
			states = append(states, e.New.String()+" "+string(e.Sample.Object)+" gone")
		default:
			states = append(states, e.New.String()+" "+string(e.Sample.Object))
		}
	}
	return states
}

func TestLook(t *testing.T) {
	const line = `echo "ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 sk:7 <->"`
	tests := []struct {
		name string
		body string
		want []string
		err  string // part of the error
	}{
		{name: "plain", body: line, want: []string{"ESTABLISHED full"}},
		{name: "complaints that are none", body: `echo "Failed to find cgroup2 mount" >&2; ` + line, want: []string{"ESTABLISHED full"}},
		{name: "a flood of complaints", body: `head -c 1000000 /dev/zero >&2; ` + line, want: []string{"ESTABLISHED full"}},
		{name: "an ss without -O", body: `case "$*" in *-O*) echo "ss: invalid option -- 'O'" >&2; exit 255;; esac; ` + line, want: []string{"ESTABLISHED full"}},
		{name: "in the C locale", body: `test "$LC_ALL" = C && ` + line, want: []string{"ESTABLISHED full"}},
		{name: "failure", body: `echo "Cannot open netlink socket" >&2; exit 1`, want: []string{"loss"}, err: `look at node: run ss: exit status 1: "Cannot open netlink socket"`},
		{name: "nonsense", body: `echo WHAT`, want: []string{"loss"}, err: `"WHAT" is not a state of ss`},
		{name: "a flood", body: `cat /dev/zero`, want: []string{"loss"}, err: "printed more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var r recorder
			err := script(t, test.body).Look(t.Context(), r.emit)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want one with %q", err, test.err)
			}
			if diff := cmp.Diff(test.want, r.states()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLookEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var r recorder
	began := time.Now()
	err := script(t, "exec sleep 60").Look(ctx, r.emit)
	if !errors.Is(err, context.DeadlineExceeded) || len(r.events) != 0 {
		t.Errorf("error %v, %d events", err, len(r.events))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	if err := script(t, "exit 0").Look(ctx, r.emit); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("look after the end: %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Setenv("PATH", "/nonexistent")
	path, err := find()
	if err == nil {
		if !filepath.IsAbs(path) {
			t.Errorf("path %q", path)
		}
		return
	}
	var u *probes.Unavailable
	if !errors.Is(err, probes.ErrUnavailable) || !errors.As(err, &u) || u.Remedy != "install iproute2" {
		t.Errorf("error %v", err)
	}
}

func TestTable(t *testing.T) {
	parse := func(lines ...string) []Entry {
		entries, err := Parse(strings.NewReader(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	const (
		listener = "LISTEN 0 5 0.0.0.0:21 0.0.0.0:* ino:1 sk:1 <->"
		queued   = "LISTEN 1 5 0.0.0.0:21 0.0.0.0:* ino:1 sk:1 <->"
		request  = "SYN-RECV 0 0 10.0.0.1:21 10.0.0.2:4 timer:(on,988ms,0) ino:0 sk:2"
		child    = "ESTAB 0 0 10.0.0.1:21 10.0.0.2:4 ino:0 sk:2 <->"
		mini     = "TIME-WAIT 0 0 10.0.0.1:21 10.0.0.2:4 timer:(timewait,59sec,0) ino:0 sk:2"
		dead     = "UNCONN 0 0 10.0.0.1:21 10.0.0.2:4 ino:5 sk:2 <->"
	)
	looks := []struct {
		name string
		list []Entry
		want []string
	}{
		{name: "first", list: parse(listener, request), want: []string{"LISTEN listener", "SYN-RECEIVED request"}},
		{name: "queues are no news", list: parse(queued, request)},
		{name: "child", list: parse(listener, child), want: []string{"ESTABLISHED full"}},
		{name: "mini-socket beside the dead", list: parse(listener, mini, dead), want: []string{"TIME-WAIT mini"}},
		{name: "the dead first", list: parse(dead, listener, mini)},
		{name: "gone", list: parse(listener), want: []string{"TIME-WAIT mini gone"}},
	}
	at := probes.Place{Node: "node", Cookie: 9}
	var table table
	for i, look := range looks {
		begin := probes.Mono(10 * (i + 1))
		r := recorder{events: table.update(look.list, begin, begin+5, at)}
		if diff := cmp.Diff(look.want, r.states()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", look.name, diff)
		}
		for _, e := range r.events {
			if e.Time != begin+5 || e.Sample.Since != probes.Mono(10*i) || e.Source != probes.SS || e.Grade != probes.Sampled ||
				e.Node != "node" || e.Sock.NetNS != 9 {
				t.Errorf("%s: %+v", look.name, e)
			}
		}
	}
}
