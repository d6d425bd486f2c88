package run

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"netlab/lab/plan"
	"netlab/probes"
)

// recording returns a recorder and the path of its file.
func recording(t *testing.T, limit int) (*recorder, context.Context, string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	ctx, over := context.WithCancelCause(t.Context())
	t.Cleanup(func() { over(nil) })
	return newRecorder(f, limit, over), ctx, f.Name()
}

func mark() probes.Event {
	return probes.Event{Time: 1, Source: probes.Lab, Kind: probes.KindMark, Mark: probes.WindowOpen}
}

// written reads the record back: the header, then events numbered from 1.
func written(t *testing.T, path string, events int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines) != events+2 || len(lines[events+1]) != 0 {
		t.Fatalf("%d lines, want a header and %d events", len(lines)-1, events)
	}
	var h probes.Header
	if err := json.Unmarshal(lines[0], &h); err != nil || h.Format != probes.Format {
		t.Errorf("the first line is no header: %s", lines[0])
	}
	for i, line := range lines[1 : events+1] {
		var e probes.Event
		if err := json.Unmarshal(line, &e); err != nil || e.Seq != uint64(i)+1 {
			t.Fatalf("event %d is %s", i+1, line)
		}
	}
}

func TestRecorder(t *testing.T) {
	r, ctx, path := recording(t, 1000)
	r.emit(mark()) // before anything is known of the lab
	r.emit(mark())
	r.header(probes.Header{Format: probes.Format})
	var emitting sync.WaitGroup
	for range 4 {
		emitting.Go(func() {
			for range 50 {
				r.emit(mark())
			}
		})
	}
	emitting.Wait()
	if n := len(r.soFar()); n != 202 {
		t.Errorf("%d events so far, want 202", n)
	}
	events, err := r.close()
	if err != nil || len(events) != 202 || ctx.Err() != nil {
		t.Errorf("%d events, %v; the run ended with %v", len(events), err, context.Cause(ctx))
	}
	written(t, path, 202)
}

// A limit that is exceeded ends the run by its name; what it allows is kept.
func TestRecorderLimit(t *testing.T) {
	r, ctx, path := recording(t, 3)
	r.header(probes.Header{Format: probes.Format})
	for range 3 {
		r.emit(mark())
	}
	if ctx.Err() != nil {
		t.Fatalf("ended at the limit: %v", context.Cause(ctx))
	}
	r.emit(mark())
	r.emit(mark())
	<-ctx.Done()
	events, err := r.close()
	if len(events) != 3 || text(err) != "limits.events: the run exceeded 3" || context.Cause(ctx) != err {
		t.Errorf("%d events, %v; cause %v", len(events), err, context.Cause(ctx))
	}
	if l, ok := errors.AsType[*LimitError](err); !ok || l.Name != "events" {
		t.Errorf("%v is no LimitError of events", err)
	}
	written(t, path, 3)
}

// A full disk ends the run, before its end.
func TestRecorderFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("needs /dev/full: %v", err)
	}
	ctx, over := context.WithCancelCause(t.Context())
	defer over(nil)
	r := newRecorder(full, 10, over)
	r.header(probes.Header{Format: probes.Format})
	<-ctx.Done() // the flusher's doing
	r.emit(mark())
	_, err = r.close()
	if !errors.Is(err, unix.ENOSPC) || context.Cause(ctx) != err ||
		err.Error() != "record events: write /dev/full: no space left on device" {
		t.Errorf("%v; cause %v", err, context.Cause(ctx))
	}
}

// Lines can be read while the run goes on: a killed run leaves them.
func TestRecorderFlushes(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	r := newRecorder(write, 10, func(error) {})
	r.header(probes.Header{Format: probes.Format})
	r.emit(mark())
	lines := bufio.NewScanner(read)
	for n := range 2 {
		if !lines.Scan() { // blocks for ever if nobody flushes
			t.Fatalf("line %d: %v", n, lines.Err())
		}
	}
	if _, err := r.close(); err != nil {
		t.Error(err)
	}
}

// Without a header there is nothing that could be read: the file stays empty.
func TestRecorderWithoutHeader(t *testing.T) {
	r, _, path := recording(t, 10)
	r.emit(mark())
	if events, err := r.close(); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the file has %v bytes (%v)", info.Size(), err)
	}
}

func TestWithinProcesses(t *testing.T) {
	p := &plan.Plan{Nodes: []plan.Node{{Process: true}, {}, {Process: true}}}
	tests := []struct {
		limit int
		want  string
	}{
		{3, ""}, {4, ""}, {2, "limits.processes: the run exceeded 2"}, {1, "limits.processes: the run exceeded 1"},
	}
	for _, tt := range tests {
		if got := text(withinProcesses(p, tt.limit)); got != tt.want {
			t.Errorf("limit %d: %q, want %q", tt.limit, got, tt.want)
		}
	}
	if err := withinProcesses(&plan.Plan{}, 1); err != nil {
		t.Errorf("the supervisor alone: %v", err)
	}
}
