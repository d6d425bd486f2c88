package timeline

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"netlab/probes"

	"golang.org/x/sync/errgroup"
)

// Decoding is most of the work of reading a record, and lines do not depend on
// each other: batches of them are decoded side by side and put together again
// in order.

// batchLines is how many lines are decoded as one: a few milliseconds of work.
const batchLines = 2048

// A batch is consecutive lines of a record, and the events in them.
type batch struct {
	first  int    // number of the first line in the file, from 1
	text   []byte // the lines, without their ends
	ends   []int  // in text
	torn   bool   // the last line has no end: a killed run leaves it so
	events []probes.Event
	cut    bool // the last line is torn and no event
}

// countLines returns how many lines are left in a file, 0 if r is none that can
// be read twice.
func countLines(r io.Reader) (int, error) {
	s, ok := r.(io.ReadSeeker)
	if !ok {
		return 0, nil
	}
	begin, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, nil // a pipe
	}
	count, buf := 0, make([]byte, 64<<10)
	for {
		n, err := s.Read(buf)
		count += bytes.Count(buf[:n], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	_, err = s.Seek(begin, io.SeekStart)
	return count, err
}

// decodeEvents reads the lines after the header. count is how many there may
// be, as far as that is known: then nothing is copied.
func decodeEvents(lines *bufio.Reader, count int) ([]probes.Event, error) {
	room := make([]probes.Event, count)
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	var batches []*batch
	var err error
	for next := 2; err == nil; {
		b := &batch{first: next}
		err = b.read(lines)
		if from, to := next-2, next-2+len(b.ends); to <= len(room) {
			b.events = room[from:from:to]
		}
		next += len(b.ends)
		batches = append(batches, b)
		work.Go(b.decode)
	}
	wrong := work.Wait() // an earlier line's than err
	if wrong != nil {
		return nil, wrong
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return together(room[:0], batches), nil
}

// read fills the batch. The error is io.EOF at the end of the record.
func (b *batch) read(lines *bufio.Reader) error {
	for len(b.ends) < batchLines {
		line, whole, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read events: line %d: %w", b.first+len(b.ends), err)
		}
		if err == nil || len(line) > 0 {
			b.text = append(b.text, line...)
			b.ends = append(b.ends, len(b.text))
			b.torn = !whole
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decode makes events of the lines.
func (b *batch) decode() error {
	if b.events == nil {
		b.events = make([]probes.Event, 0, len(b.ends))
	}
	known := make(words)
	from := 0
	for i, end := range b.ends {
		line := b.text[from:end]
		from = end
		torn := b.torn && i == len(b.ends)-1
		if len(bytes.TrimSpace(line)) == 0 && !torn {
			continue
		}
		var e probes.Event
		if err := json.Unmarshal(line, &e); err != nil && torn {
			b.cut = true
			break
		} else if err != nil {
			return fmt.Errorf("read events: line %d: %w", b.first+i, err)
		}
		known.share(&e)
		b.events = append(b.events, e)
	}
	b.text, b.ends = nil, nil
	return nil
}

// together puts the events of all batches in order. Those that have their place
// in the room stay there, unless lines before them were no events.
func together(events []probes.Event, batches []*batch) []probes.Event {
	n := 1 // for a loss
	for _, b := range batches {
		n += len(b.events)
	}
	if cap(events) < n-1 {
		events = make([]probes.Event, 0, n)
	}
	for _, b := range batches {
		events = append(events, b.events...)
		b.events = nil
		if b.cut {
			events = append(events, cut(events))
		}
	}
	return slices.Clip(events)
}

// words are texts that many events have, each kept once: a million events of
// two nodes need no million names.
type words map[string]string

func (w words) share(e *probes.Event) {
	e.Source, e.Kind, e.Node = probes.Source(w.one(string(e.Source))), probes.Kind(w.one(string(e.Kind))), w.one(e.Node)
	if s := e.Segment; s != nil {
		s.Link, s.Dir, s.Text = w.one(s.Link), probes.Direction(w.one(string(s.Dir))), w.one(s.Text)
	}
	if s := e.Sample; s != nil {
		s.Object, s.Timer = probes.Object(w.one(string(s.Object))), w.one(s.Timer)
	}
	if c := e.Call; c != nil {
		c.Name, c.Workload, c.Args, c.Errno = w.one(c.Name), w.one(c.Workload), w.one(c.Args), w.one(c.Errno)
	}
}

func (w words) one(s string) string {
	if kept, ok := w[s]; ok {
		return kept
	}
	w[s] = s
	return s
}
