package timeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"netlab/probes"
)

// maxLine bounds a line of events.jsonl, in bytes. The longest that netlab
// writes, a header with a thousand nodes, is far below.
const maxLine = 1 << 20

// truncated is what the loss says that stands for the end of a cut record.
const truncated = "the record ends in the middle of a line"

// Read reads events.jsonl and joins its events; see ReadEvents and Build.
func Read(r io.Reader) (*Timeline, error) {
	header, events, err := ReadEvents(r)
	if err != nil {
		return nil, err
	}
	return Build(header, events)
}

// ReadEvents reads events.jsonl: a header, then one event a line. A format
// newer than [probes.Format] is refused. A last line that was cut short, as a
// killed run leaves it, is tolerated: a loss by netlab itself stands for it.
func ReadEvents(r io.Reader) (probes.Header, []probes.Event, error) {
	var header probes.Header
	count, err := countLines(r)
	if err != nil {
		return header, nil, fmt.Errorf("read events: %w", err)
	}
	lines := bufio.NewReaderSize(r, 64<<10)
	line, _, err := readLine(lines)
	if err != nil && !errors.Is(err, io.EOF) {
		return header, nil, fmt.Errorf("read header: %w", err)
	}
	if header, err = parseHeader(line); err != nil {
		return header, nil, err
	}
	events, err := decodeEvents(lines, count)
	return header, events, err
}

// parseHeader reads the first line.
func parseHeader(line []byte) (probes.Header, error) {
	var version struct {
		Format *int `json:"netlab_events"`
	}
	if err := json.Unmarshal(line, &version); err != nil {
		return probes.Header{}, fmt.Errorf("read header: this is no record of events: %w", err)
	}
	switch {
	case version.Format == nil || *version.Format < 1:
		return probes.Header{}, errors.New("read header: this is no record of events: it names no format")
	case *version.Format > probes.Format:
		return probes.Header{}, fmt.Errorf("read header: the record has format %d, this netlab reads up to %d", *version.Format, probes.Format)
	}
	var header probes.Header
	if err := json.Unmarshal(line, &header); err != nil {
		return probes.Header{}, fmt.Errorf("read header: %w", err)
	}
	return header, nil
}

// cut returns the loss that stands for an unfinished last line.
func cut(events []probes.Event) probes.Event {
	e := probes.Event{
		Seq: uint64(len(events) + 1), Source: probes.Lab, Kind: probes.KindLoss,
		Loss: &probes.Loss{What: truncated, Count: 1},
	}
	if n := len(events); n > 0 {
		e.Time = events[n-1].Time
	}
	return e
}

// readLine returns the next line without its end, and whether it had one.
func readLine(r *bufio.Reader) (line []byte, whole bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, false, fmt.Errorf("longer than %d bytes", maxLine)
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return line, false, err
		}
		return line[:len(line)-1], true, nil
	}
}

// validate checks what Build relies on: ordinals and payloads.
func validate(events []probes.Event) error {
	for i := range events {
		e := &events[i]
		if e.Seq != uint64(i+1) {
			return fmt.Errorf("event %d has the ordinal %d", i+1, e.Seq)
		}
		missing := false
		switch e.Kind {
		case probes.KindSample:
			missing = e.Sample == nil
		case probes.KindSegment:
			missing = e.Segment == nil || e.Segment.Len < 0 || e.Segment.Len > 1<<24
		case probes.KindCall:
			missing = e.Call == nil
		case probes.KindStep:
			missing = e.Step == nil
		case probes.KindLoss:
			missing = e.Loss == nil
		case probes.KindClock:
			missing = e.Clock == nil
		case probes.KindTLS:
			missing = e.TLS == nil
		case probes.KindFound:
			missing = e.Found == nil
		case probes.KindTrack:
			missing = e.Track == nil
		case probes.KindEdit:
			missing = e.Edit == nil
		case probes.KindGate:
			missing = e.Gate == nil || e.Segment != nil && (e.Segment.Len < 0 || e.Segment.Len > 1<<24)
		case probes.KindLife:
			missing = e.Life == nil
		case probes.KindReset:
			missing = e.Reset == nil
		case probes.KindResent:
			missing = e.Resent == nil
		case probes.KindFault:
			missing = e.Fault == nil
		case probes.KindDrop:
			missing = e.Drop == nil
		case probes.KindTally:
			missing = e.Tally == nil
		case probes.KindCounter:
			missing = e.Counter == nil
		}
		if missing {
			return fmt.Errorf("event %d, a %s, does not say what was observed", e.Seq, e.Kind)
		}
	}
	return nil
}
