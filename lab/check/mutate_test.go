package check

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/lab/check/checktest"
	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// A judge that never changes its mind proves nothing: every change of what a
// passing verdict rests on must change a verdict.
func TestEveryChangeIsNoticed(t *testing.T) {
	record := func() *timeline.Timeline { return checktest.FTPClose(root, four) }
	noticed := func(t *testing.T, name string, tl *timeline.Timeline) {
		t.Helper()
		if j := Eval(tl, checktest.FTPScenario()); j.Outcome == Pass {
			t.Errorf("%s: still pass", name)
		}
	}
	for end := range 2 {
		visits := len(record().Connections[0].Ends()[end].History)
		for i := range visits {
			tl := record()
			h := tl.Connections[0].Ends()[end].History
			name := fmt.Sprintf("end %d without %s", end, h[i].State)
			tl.Connections[0].Ends()[end].History = slices.Delete(h, i, i+1)
			// Note 2 of figure 5: FIN-WAIT-2 may go without saying.
			if name != "end 0 without FIN-WAIT-2" {
				noticed(t, name, tl)
			}
			for _, other := range probes.States() {
				tl := record()
				h := tl.Connections[0].Ends()[end].History
				// FIN-WAIT-2 may go without saying (note 2 of figure 5).
				neighbour := i > 0 && i+1 < len(h) && (h[i-1].State == other || h[i+1].State == other)
				if h[i].State == other || h[i].State == probes.FinWait2 && neighbour {
					continue
				}
				name := fmt.Sprintf("end %d %s for %s", end, other, h[i].State)
				h[i].State = other
				noticed(t, name, tl)
			}
		}
	}
	c := record().Connections[0]
	frames := append(Opening(Frames(c)), Closing(Frames(c))...)
	for _, f := range frames {
		at := slices.Index(c.Segments, f.Segment)
		name := fmt.Sprintf("frame %d %s", f.Frame, f.Word)
		tl := record()
		tl.Connections[0].Segments = slices.Delete(tl.Connections[0].Segments, at, at+1)
		noticed(t, name+" deleted", tl)
		tl = record()
		tl.Connections[0].Segments[at].Flags = probes.RST
		noticed(t, name+" made RST", tl)
		tl = record()
		tl.Connections[0].Segments[at].Opener = !f.Opener
		noticed(t, name+" turned round", tl)
		tl = record()
		tl.Connections[0].Segments[at].Retransmission = true
		if f.Word != scenarios.WordACK && f.Word != scenarios.WordSYNACK {
			noticed(t, name+" made a retransmission", tl)
		}
	}
}

// frame is a segment of a script: sender, flags, seq, ack, len.
type frame struct {
	opener   bool
	flags    probes.Flags
	seq, ack uint32
	length   int
	again    bool
}

func connect(frames []frame) *timeline.Connection {
	c := &timeline.Connection{Opener: &timeline.Endpoint{Node: "client"}, Acceptor: &timeline.Endpoint{Node: "server"}}
	for i, f := range frames {
		c.Segments = append(c.Segments, &timeline.Segment{Frame: i + 1, Opener: f.opener, Retransmission: f.again,
			Segment: probes.Segment{Flags: f.flags, Seq: f.seq, Ack: f.ack, Len: f.length}})
	}
	return c
}

func TestFrames(t *testing.T) {
	const syn, ack, fin, rst, psh = probes.SYN, probes.ACK, probes.FIN, probes.RST, probes.PSH
	handshake := []frame{{true, syn, 0, 0, 0, false}, {false, syn | ack, 0, 1, 0, false}, {true, ack, 1, 1, 0, false}}
	with := func(more ...frame) []frame { return append(slices.Clone(handshake), more...) }
	for _, tt := range []struct {
		name             string
		frames           []frame
		opening, closing string
	}{
		{"handshake only", handshake, "SYN | SYN+ACK | ACK", "nothing"},
		{"third segment bears data", []frame{handshake[0], handshake[1], {true, psh | ack, 1, 1, 5, false}}, "SYN | SYN+ACK | DATA", "nothing"},
		{"SYN sent again", []frame{handshake[0], {true, syn, 0, 0, 0, true}, handshake[1], handshake[2]}, "SYN | SYN+ACK | ACK", "nothing"},
		{"refused", []frame{handshake[0], {false, rst | ack, 0, 1, 0, false}}, "SYN | RST", "S RST"},
		{"never answered", []frame{handshake[0], {true, syn, 0, 0, 0, true}}, "SYN", "nothing"},
		{"simultaneous open", []frame{{true, syn, 0, 0, 0, false}, {false, syn, 0, 0, 0, false},
			{true, syn | ack, 0, 1, 0, true}, {false, syn | ack, 0, 1, 0, true}, {true, ack, 1, 1, 0, false}},
			"C SYN | S SYN | C SYN+ACK | S SYN+ACK", "nothing"},
		{"no SYN recorded", []frame{{true, ack, 7, 7, 0, false}}, "nothing", "nothing"},
		{"reply after FIN", with(frame{true, fin | ack, 1, 1, 0, false}, frame{false, psh | ack, 1, 2, 9, false}, frame{true, ack, 2, 10, 0, false},
			frame{false, fin | ack, 10, 2, 0, false}, frame{true, ack, 2, 11, 0, false}),
			"SYN | SYN+ACK | ACK", "C FIN | S DATA | C ACK | S FIN | C ACK"},
		{"ACK of data only", with(frame{true, psh | ack, 1, 1, 6, false}, frame{true, fin | ack, 7, 1, 0, false}, frame{false, ack, 1, 7, 0, false},
			frame{false, ack, 1, 8, 0, false}, frame{false, fin | ack, 1, 8, 0, false}, frame{true, ack, 8, 2, 0, false}),
			"SYN | SYN+ACK | ACK", "C FIN | S ACK x2 | S FIN | C ACK"},
		{"FIN with data", with(frame{true, fin | psh | ack, 1, 1, 4, false}, frame{false, fin | psh | ack, 1, 6, 3, false}, frame{true, ack, 6, 5, 0, false}),
			"SYN | SYN+ACK | ACK", "C DATA+FIN | S DATA+FIN+ACK | C ACK"},
		{"FIN sent again and acknowledged again", with(frame{true, fin | ack, 1, 1, 0, false}, frame{true, fin | ack, 1, 1, 0, true},
			frame{false, ack, 1, 2, 0, false}, frame{false, ack, 1, 2, 0, false}, frame{false, fin | ack, 1, 2, 0, false}, frame{true, ack, 2, 2, 0, false}),
			"SYN | SYN+ACK | ACK", "C FIN | S ACK | S FIN | C ACK"},
		{"simultaneous close", with(frame{true, fin | ack, 1, 1, 0, false}, frame{false, fin | ack, 1, 1, 0, false},
			frame{true, ack, 2, 2, 0, false}, frame{false, ack, 2, 2, 0, false}),
			"SYN | SYN+ACK | ACK", "C FIN | S FIN | C ACK | S ACK"},
		{"keep-alive", with(frame{true, ack, 0, 1, 0, false}, frame{false, ack, 1, 1, 0, false}, frame{true, fin | ack, 1, 1, 0, false}, frame{true, ack, 1, 1, 0, false}),
			"SYN | SYN+ACK | ACK", "C FIN"},
		{"numbers wrap", []frame{{true, syn, 1<<32 - 1, 0, 0, false}, {false, syn | ack, 1<<32 - 2, 0, 0, false}, {true, ack, 0, 1<<32 - 1, 0, false},
			{true, fin | ack, 0, 1<<32 - 1, 0, false}, {false, fin | ack, 1<<32 - 1, 1, 0, false}, {true, ack, 1, 0, 0, false}},
			"SYN | SYN+ACK | ACK", "C FIN | S FIN+ACK | C ACK"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(tt.frames)
			frames := Frames(c)
			got := [2]string{framesText(c, Opening(frames), true), framesText(c, Closing(frames), false)}
			if diff := cmp.Diff([2]string{tt.opening, tt.closing}, got); diff != "" {
				t.Errorf("opening, closing (-want +got)\n%s", diff)
			}
		})
	}
}

func TestInitials(t *testing.T) {
	for _, tt := range [][4]string{
		{"client", "server", "C", "S"},
		{"s1", "s2", "s1", "s2"},
		{"host", "host", "O", "A"},
		{"host", "", "H", "A"},
	} {
		c := &timeline.Connection{Opener: &timeline.Endpoint{Node: tt[0]}, Acceptor: &timeline.Endpoint{Node: tt[1]}}
		if o, a := initials(c); o != tt[2] || a != tt[3] {
			t.Errorf("initials(%q, %q) = %q, %q; want %q, %q", tt[0], tt[1], o, a, tt[2], tt[3])
		}
	}
}

func TestTallyAndSum(t *testing.T) {
	sc := checktest.FTPScenario()
	sc.Tally = []string{"control.first_fin", "control.closing", "control.client.states", "data.time_wait", "control.resets",
		"control.retransmissions", "steps.fetch.reply", "connection_count.ftpd", "control.opening", "nothing.like_it"}
	var runs []*Judgement
	for _, closing := range []func(*checktest.Conn){four, serverFour, four, reset} {
		runs = append(runs, Eval(checktest.FTPClose(root, closing), sc))
	}
	runs = append(runs, nil)
	s := Sum(runs)
	want := map[string][]ValueCount{
		"control.first_fin": {{"client", 2}, {"nobody", 1}, {"server", 1}},
		"control.closing":   {{"C FIN | S ACK | S FIN | C ACK", 2}, {"C RST", 1}, {"S FIN | C ACK | C FIN | S ACK", 1}},
		"control.client.states": {{"CLOSED | SYN-SENT | ESTABLISHED | FIN-WAIT-1 | FIN-WAIT-2 | TIME-WAIT", 2},
			{"CLOSED | SYN-SENT | ESTABLISHED | CLOSE-WAIT | LAST-ACK | CLOSED", 1}, {"CLOSED | SYN-SENT | ESTABLISHED | CLOSED", 1}},
		"data.time_wait":          {{"server", 4}},
		"control.resets":          {{"0", 3}, {"1", 1}},
		"control.retransmissions": {{"0", 4}},
		"steps.fetch.reply":       {{"226", 4}},
		"connection_count.ftpd":   {{"2", 4}},
		"control.opening":         {{"SYN | SYN+ACK | ACK", 4}},
		"nothing.like_it":         {{unobserved, 4}},
	}
	for _, d := range s.Tally {
		if diff := cmp.Diff(want[d.Name], d.Values); diff != "" {
			t.Errorf("%s (-want +got)\n%s", d.Name, diff)
		}
	}
	if diff := cmp.Diff(Counts{Pass: 2, Fail: 2, Error: 1}, s.Runs); diff != "" || s.Outcome != Error || len(s.Tally) != len(want) {
		t.Errorf("%s, %d tallies (-want +got)\n%s", s.Outcome, len(s.Tally), diff)
	}
	for _, v := range s.Verdicts {
		if v.Name == "control.closing" && (v.First != 2 || v.Counts != (Counts{Pass: 2, Fail: 2}) || v.Outcome != Fail) {
			t.Errorf("control.closing: %+v", v)
		}
	}
}

func TestTallyOfAHole(t *testing.T) {
	sc := checktest.FTPScenario()
	sc.Tally = []string{"control.first_fin", "other.first_fin"}
	tl := checktest.FTPClose(root, four)
	lose(probes.Wire, "")(tl)
	if diff := cmp.Diff([]Observation{{"control.first_fin", unobserved}, {"other.first_fin", unobserved}}, Eval(tl, sc).Tally); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A run that never reached the end of its window is never a pass.
func TestCutShort(t *testing.T) {
	tl := checktest.FTPClose(root, four)
	tl.Close = 0
	sc := checktest.FTPScenario()
	sc.Expect = scenarios.Expect{}
	if j := Eval(tl, sc); j.Outcome != Inconclusive || j.Problem == nil {
		t.Errorf("%+v, want inconclusive with a problem", j)
	}
}
