package timeline_test

import (
	"strings"
	"testing"
	"time"

	"netlab/probes"
	"netlab/probes/timeline"
	tt "netlab/probes/timeline/timelinetest"

	"github.com/google/go-cmp/cmp"
)

// edit returns the events of a script without those that drop names, after
// bend, numbered anew.
func edit(s *tt.Script, drop func(probes.Event) bool, bend func(*probes.Event)) []probes.Event {
	var list []probes.Event
	for _, e := range s.Events() {
		if drop != nil && drop(e) {
			continue
		}
		if bend != nil {
			bend(&e)
		}
		e.Seq = uint64(len(list) + 1)
		list = append(list, e)
	}
	return list
}

func isState(e probes.Event, node string, to probes.State) bool {
	return e.Kind == probes.KindState && e.Node == node && e.New == to
}

// TestConflicts bends one observer's word in an otherwise good record.
func TestConflicts(t *testing.T) {
	four := tt.One(tt.Options{}, clientFirst)
	half := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.HalfClose(c.Opener, "shutdown")
		s.Look()
		c.LastHalf(c.Acceptor)
	})
	for _, c := range []struct {
		name   string
		script *tt.Script
		drop   func(probes.Event) bool
		bend   func(*probes.Event)
		want   string // in the conflicts; "" for none
	}{
		{"nothing", four, nil, nil, ""},
		{"the kernel never was in CLOSE-WAIT", four, func(e probes.Event) bool { return isState(e, tt.Server, probes.CloseWait) },
			func(e *probes.Event) {
				if e.Old == probes.CloseWait {
					e.Old = probes.Established
				}
			}, "the model is in CLOSE-WAIT, the kernel never was"},
		{"a state event is missing", four, func(e probes.Event) bool { return isState(e, tt.Server, probes.CloseWait) }, nil, ""},
		{"the kernel was in CLOSING", four, nil, func(e *probes.Event) {
			if isState(*e, tt.Client, probes.FinWait2) {
				e.New = probes.Closing
			}
			if e.Kind == probes.KindState && e.Old == probes.FinWait2 {
				e.Old = probes.Closing
			}
		}, "the kernel was in CLOSING, the model never"},
		{"ESTABLISHED before its segment", four, nil, func(e *probes.Event) {
			if isState(*e, tt.Client, probes.SynSent) || isState(*e, tt.Client, probes.Established) {
				e.Time -= 20e6
			}
		}, "the kernel entered ESTABLISHED (e11) 19.998ms before the segment arrived (e10)"},
		{"FIN-WAIT-1 after its segment", four, nil, func(e *probes.Event) {
			if e.Kind == probes.KindState && e.Node == tt.Client && e.Time > 0 && (e.New == probes.FinWait1 || e.Old == probes.FinWait1 || e.Old == probes.FinWait2) {
				e.Time += 30e6
			}
		}, "the kernel entered FIN-WAIT-1 (e24)"},
		{"a full socket listed where no event shows it", half, nil, func(e *probes.Event) {
			if e.Kind == probes.KindSample && e.Node == tt.Server && e.New == probes.CloseWait {
				e.New = probes.Closing
			}
		}, "sockdiag listed the socket in CLOSING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl, err := timeline.Build(c.script.Header(), edit(c.script, c.drop, c.bend))
			if err != nil {
				t.Fatalf("build: %v", err)
			}
			var texts []string
			for _, x := range tl.Conflicts {
				texts = append(texts, x.Text)
			}
			got := strings.Join(texts, "; ")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("conflicts %q, want %q", got, c.want)
			}
		})
	}
}

// TestWithoutCookies shows that tuples and times do where ss(8) gave no
// cookies and the kernel events none.
func TestWithoutCookies(t *testing.T) {
	for _, s := range []*tt.Script{
		tt.One(tt.Options{}, clientFirst),
		tt.One(tt.Options{Without: []probes.Source{probes.Wire}}, clientFirst),
		tt.One(tt.Options{Without: []probes.Source{probes.BPF, probes.Calls}}, clientFirst),
	} {
		want := histories(build(t, s))
		events := edit(s, nil, func(e *probes.Event) {
			e.Sock.Cookie = 0
			if e.Kind == probes.KindState && e.New == probes.SynSent { // only a cookie completes it
				e.Flow.Local = s.Events()[len(s.Events())-1].Flow.Local
			}
		})
		for i := range events { // the opener's address, as it was chosen later
			if e := &events[i]; e.Kind == probes.KindState && e.New == probes.SynSent {
				for _, o := range events {
					if isState(o, e.Node, probes.Established) {
						e.Flow = o.Flow
					}
				}
			}
		}
		tl, err := timeline.Build(s.Header(), events)
		if err != nil {
			t.Fatalf("build: %v", err)
		}
		if diff := cmp.Diff(want, histories(tl)); diff != "" {
			t.Errorf("histories (-with cookies +without):\n%s", diff)
		}
	}
}

func TestBegunBeforeTheRecord(t *testing.T) {
	s := tt.One(tt.Options{}, clientFirst)
	seen := false
	events := edit(s, func(e probes.Event) bool { // up to the data
		seen = seen || e.Kind == probes.KindSegment && e.Segment.Len > 0
		return !seen && e.Kind != probes.KindMark && e.Kind != probes.KindStep && e.New != probes.Listen
	}, nil)
	tl, err := timeline.Build(s.Header(), events)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	want := []string{"ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT", "ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED"}
	if diff := cmp.Diff(want, histories(tl)); diff != "" {
		t.Errorf("histories (-want +got):\n%s", diff)
	}
	for _, e := range tl.Connections[0].Ends() {
		if v := e.Views[probes.Model]; v.Whole || v.Why == "" {
			t.Errorf("%s: the model's view is whole (%q), though the beginning is missing", e.Node, v.Why)
		}
	}
}

func TestStray(t *testing.T) {
	s := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		c.Opener.Inject(probes.Segment{Seq: 7, Flags: probes.RST}).Deliver()
	})
	tl := build(t, s)
	if len(tl.Connections) != 0 || len(tl.Segments) != 1 || tl.Segments[0].Connection != nil {
		t.Errorf("a lone RST gives %d connections and %d segments, want a stray", len(tl.Connections), len(tl.Segments))
	}
}

func TestClockStepIsALossOfTheWire(t *testing.T) {
	s := tt.One(tt.Options{}, clientFirst)
	events := s.Events()
	events = append(events, probes.Event{Seq: uint64(len(events) + 1), Time: s.Now(), Source: probes.Wire, Kind: probes.KindClock, Clock: &probes.Clock{Step: true}})
	tl, err := timeline.Build(s.Header(), events)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	if len(tl.Losses) != 1 || tl.Losses[0].Source != probes.Wire {
		t.Errorf("losses %v, want one of the wire", tl.Losses)
	}
	if tl.Connections[0].Opener.Views[probes.Model].Whole {
		t.Error("the model's view is whole though packets were stamped by a clock that was set")
	}
}

// TestCrossedInsideTheHost has the server's FIN sent after the client's had
// arrived at its tap, but before the kernel had acted on that.
func TestCrossedInsideTheHost(t *testing.T) {
	s := tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		a, b := c.Opener, c.Acceptor
		a.Enter(probes.FinWait1)
		fa := a.Emit(probes.FIN|probes.ACK, "", 0)
		b.Enter(probes.FinWait1)
		fa.Arrive() // not acted on yet
		fb := b.Emit(probes.FIN|probes.ACK, "", 0)
		b.Ack++
		ack := b.Emit(probes.ACK, "", 0)
		b.Enter(probes.Closing)
		fb.Deliver()
		a.Emit(probes.ACK, "", 0).Deliver()
		a.Enter(probes.Closing)
		b.Mini(probes.TimeWait)
		ack.Deliver()
		a.Mini(probes.TimeWait)
	})
	tl := build(t, s)
	want := []string{"CLOSED SYN-SENT " + crossedClose, "SYN-RECEIVED " + crossedClose}
	if diff := cmp.Diff(want, histories(tl)); diff != "" {
		t.Errorf("histories (-want +got):\n%s", diff)
	}
	if len(tl.Conflicts) != 0 {
		t.Errorf("conflicts: %v", tl.Conflicts)
	}
}

// TestQueuedFIN has the FIN wait for the peer's window.
func TestQueuedFIN(t *testing.T) {
	tl := build(t, tt.One(tt.Options{}, func(s *tt.Script, c *tt.Conn) {
		c.Open()
		c.Opener.Enter(probes.FinWait1)
		s.Wait(20 * time.Millisecond)
		c.Opener.Emit(probes.FIN|probes.ACK, "", 0).Deliver()
		c.Acceptor.Enter(probes.CloseWait)
	}))
	want := []timeline.NoteName{timeline.FINQueued, timeline.NotSampled, timeline.RequestSocket}
	if diff := cmp.Diff(want, noteNames(tl)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// TestMiniSocketEvents takes in the events that a fuller bpf probe gives:
// mini-sockets, recorded.
func TestMiniSocketEvents(t *testing.T) {
	s := tt.One(tt.Options{Without: []probes.Source{probes.SockDiag, probes.SS}}, clientFirst)
	var events []probes.Event
	for _, e := range s.Events() {
		if e.Old == probes.FinWait2 && e.New == probes.Closed {
			mini := e
			mini.Grade, mini.New, mini.Time = probes.RecordedMini, probes.FinWait2, e.Time-1000
			end := mini
			end.Old, end.New, end.Time = probes.FinWait2, probes.TimeWait, e.Time+12000
			events = append(events, mini, end)
		}
		events = append(events, e)
	}
	for i := range events {
		events[i].Seq = uint64(i + 1)
	}
	tl, err := timeline.Build(s.Header(), events)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	opener := tl.Connections[0].Opener
	if diff := cmp.Diff(activeClose, states(opener.History)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if last := opener.History[len(opener.History)-1]; last.Witnesses[0].Grade != probes.RecordedMini {
		t.Errorf("TIME-WAIT's best witness is %v, want one recorded from a mini-socket", last.Witnesses[0])
	}
}
