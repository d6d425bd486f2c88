package timeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

// record writes a script as events.jsonl.
func record(t testing.TB, s *tt.Script) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	if err := enc.Encode(s.Header()); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Events() {
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestReadGivesWhatWasRecorded(t *testing.T) {
	s := tt.FTPClose(tt.Options{IPv6: true, Path: tt.Switched}, func(c *tt.Conn) { c.ThreeWay(c.Opener) })
	got, err := timeline.Read(bytes.NewReader(record(t, s)))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if diff := cmp.Diff(render(build(t, s)), render(got)); diff != "" {
		t.Errorf("timeline (-built +read):\n%s", diff)
	}
}

func TestReadTruncated(t *testing.T) {
	whole := record(t, tt.One(tt.Options{}, clientFirst))
	for _, cut := range []int{2, 30, 100} {
		tl, err := timeline.Read(bytes.NewReader(whole[:len(whole)-cut]))
		if err != nil {
			t.Errorf("%d bytes cut: %v", cut, err)
			continue
		}
		if tl.Complete {
			t.Errorf("%d bytes cut: the timeline is complete", cut)
		}
		if n := len(tl.Losses); cut < 100 && (n == 0 || tl.Losses[n-1].Source != probes.Lab) {
			t.Errorf("%d bytes cut: losses %v, want one by netlab", cut, tl.Losses)
		}
	}
	if tl, err := timeline.Read(bytes.NewReader(whole[:len(whole)-1])); err != nil || !tl.Complete {
		t.Errorf("only the last newline is missing: complete %v, error %v", tl != nil && tl.Complete, err)
	}
}

func TestReadErrors(t *testing.T) {
	header := fmt.Sprintf(`{"netlab_events":%d}`, probes.Format)
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "no record of events"},
		{"something else", "hello\n", "no record of events"},
		{"no format", "{}\n", "it names no format"},
		{"newer", `{"netlab_events":99}` + "\n", fmt.Sprintf("the record has format 99, this netlab reads up to %d", probes.Format)},
		{"bad line", header + "\n{\"e\":1,\"kind\":\"mark\"}\n{]\n{\"e\":3}\n", "line 3"},
		{"bad state", header + "\n{\"e\":1,\"new\":\"OPEN\"}\n", "not a state"},
		{"long line", header + "\n\"" + strings.Repeat("x", 2<<20) + "\"\n", "line 2: longer than"},
		{"long header", strings.Repeat("[", 2<<20), "longer than"},
		{"nested", header + "\n" + strings.Repeat("[", 20000) + "\n", "line 2"},
		{"wrong ordinal", header + "\n{\"e\":5,\"kind\":\"mark\"}\n", "event 1 has the ordinal 5"},
		{"no segment", header + "\n{\"e\":1,\"kind\":\"segment\"}\n", "event 1, a segment, does not say what was observed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := timeline.Read(strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

// FuzzRead feeds any bytes: they give an error or a Timeline that keeps its
// promises, never a panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"netlab_events":1}` + "\n"))
	for _, r := range recordings() {
		text := record(f, r.script)
		f.Add(text[:min(len(text), 5000)]) // long seeds are slow to minimise
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tl, err := timeline.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		checkPromises(t, tl)
	})
}

// FuzzBuild drops, repeats and bends events of a scripted run.
func FuzzBuild(f *testing.F) {
	scripts := append(recordings(), recording{script: tt.One(tt.Options{Path: tt.Translated, PortShift: 1}, helped)})
	for i := range scripts {
		f.Add(uint8(i), []byte{3, 1, 9, 2, 17, 3})
	}
	f.Fuzz(func(t *testing.T, which uint8, ops []byte) {
		s := scripts[int(which)%len(scripts)].script
		events := s.Events()
		for i := 0; i+1 < len(ops) && len(events) > 0 && i < 200; i += 2 {
			at := int(ops[i]) % len(events)
			e := events[at]
			switch ops[i+1] % 8 {
			case 0:
				events = append(events[:at], events[at+1:]...)
			case 1:
				events = append(events, e)
			case 2:
				e.Time = probes.Mono(ops[i]) * 1e6
				events[at] = e
			case 3:
				e.Flow = e.Flow.Reverse()
				events[at] = e
			case 4:
				e.Sock = probes.SocketID{}
				events[at] = e
			case 5:
				e.New, e.Old = e.Old, e.New
				events[at] = e
			case 6:
				if e.Segment != nil {
					seg := *e.Segment
					seg.Flags ^= probes.Flags(ops[i])
					e.Segment = &seg
					events[at] = e
				}
			case 7:
				if e.Segment != nil {
					seg := *e.Segment
					seg.Seq += uint32(ops[i]) - 128
					e.Segment = &seg
					events[at] = e
				}
			}
		}
		for i := range events {
			events[i].Seq = uint64(i + 1)
		}
		tl, err := timeline.Build(s.Header(), events)
		if err != nil {
			t.Fatalf("build: %v", err)
		}
		checkPromises(t, tl)
	})
}

// checkPromises checks what the comments of the types promise of any record.
func checkPromises(t *testing.T, tl *timeline.Timeline) {
	t.Helper()
	render(tl)
	for i, s := range tl.Segments {
		if s.Frame != i+1 || len(s.Taps) == 0 {
			t.Errorf("segment %d has the frame %d and %d taps", i+1, s.Frame, len(s.Taps))
		}
		if i > 0 && s.Sent() < tl.Segments[i-1].Sent() {
			t.Errorf("segment %d was sent before the one before it", s.Frame)
		}
	}
	for _, s := range tl.Segments[:min(len(tl.Segments), 20)] {
		if p := tl.Predict(tl.Events[s.Taps[0].Event-1].Flow, s.Segment, s.Sent()); p.Section == "" || p.From == probes.Unknown {
			t.Errorf("segment %d: predicted %+v", s.Frame, p)
		}
	}
	for i, c := range tl.Connections {
		if c.Ordinal != i+1 || c.Opener == nil || c.Acceptor == nil {
			t.Fatalf("connection %d: %+v", i+1, c)
		}
		for _, e := range c.Ends() {
			for j, v := range e.History {
				if v.State == probes.Unknown || len(v.Witnesses) == 0 {
					t.Errorf("connection %d: a visit to %q with %d witnesses", c.Ordinal, v.State, len(v.Witnesses))
				}
				if j > 0 && (v.State == e.History[j-1].State || v.From < e.History[j-1].From) {
					t.Errorf("connection %d: %s from %d after %s from %d", c.Ordinal, v.State, v.From, e.History[j-1].State, e.History[j-1].From)
				}
			}
		}
	}
}

// BenchmarkBuild joins 200,000 sightings of a transfer and of many short
// connections.
func BenchmarkBuild(b *testing.B) {
	bulk := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		for range 50000 {
			c.Send(c.Opener, "", 1448)
		}
		c.FourWay(c.Opener)
	})
	far := tt.One(tt.Options{Path: tt.Translated, PortShift: 1}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		for range 12500 {
			c.Send(c.Opener, "", 1448)
		}
		c.FourWay(c.Opener)
	})
	many := tt.New(tt.Options{})
	many.Listen(80, "www")
	for range 11000 {
		clientFirst(many, many.Dial(80))
	}
	for name, s := range map[string]*tt.Script{"bulk": bulk, "many": many, "translated": far} {
		header, events := s.Header(), s.Events()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := timeline.Build(header, events); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestReadTwice reads a long record from a file, whose lines are counted first,
// and from what can be read but once; with lines that are empty, too.
func TestReadTwice(t *testing.T) {
	s := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		for range 150 {
			clientFirst(s, s.Dial(80))
		}
	})
	text := record(t, s)
	lines := bytes.SplitAfter(text, []byte("\n"))
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"whole", text},
		{"with empty lines", bytes.Join(append(append([][]byte{lines[0]}, []byte("\n\n")), lines[1:]...), nil)},
		{"without the last line's end", text[:len(text)-1]},
	} {
		_, once, err := timeline.ReadEvents(struct{ io.Reader }{bytes.NewReader(c.text)})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, counted, err := timeline.ReadEvents(bytes.NewReader(c.text))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want := s.Events()
		if len(once) != len(want) || len(counted) != len(want) {
			t.Errorf("%s: %d and %d events, want %d", c.name, len(once), len(counted), len(want))
		}
		for i := range counted {
			if counted[i].Seq != uint64(i+1) || once[i].Seq != uint64(i+1) {
				t.Fatalf("%s: event %d has the ordinals %d and %d", c.name, i+1, once[i].Seq, counted[i].Seq)
			}
		}
	}
}
