package coverage

import (
	"encoding/json"
	"strings"
	"testing"

	"netlab/probes"
	"netlab/probes/rfc9293"
	"netlab/probes/timeline"
	"netlab/probes/timeline/timelinetest"
	"netlab/scenarios/words"

	"github.com/mattn/go-runewidth"
)

// played is a run with a single connection.
func played(t *testing.T, name string, opts timelinetest.Options, play func(*timelinetest.Script, *timelinetest.Conn)) Run {
	t.Helper()
	opts.Addressed = true
	s := timelinetest.One(opts, play)
	tl, err := timeline.Build(s.Header(), s.Events())
	if err != nil {
		t.Fatal(err)
	}
	return Run{Name: name, Timeline: tl}
}

func fourWay(s *timelinetest.Script, c *timelinetest.Conn) { c.Open(); c.FourWay(c.Opener) }
func reset(s *timelinetest.Script, c *timelinetest.Conn)   { c.Open(); c.Reset(c.Opener) }

func find(t *testing.T, r *Report, from probes.State, event rfc9293.Event, to probes.State) *Row {
	t.Helper()
	for i := range r.Rows {
		if row := &r.Rows[i]; row.From == from && row.Event == event && row.To == to {
			return row
		}
	}
	t.Fatalf("no row %s, %s to %s", from, event, to)
	return nil
}

func TestOf(t *testing.T) {
	nobody := timelinetest.Options{Without: []probes.Source{probes.BPF, probes.SockDiag, probes.SS}}
	r := Of([]Run{
		played(t, "four", timelinetest.Options{}, fourWay),
		played(t, "four", timelinetest.Options{}, fourWay),
		played(t, "reset", timelinetest.Options{}, reset),
		played(t, "crossing", nobody, func(_ *timelinetest.Script, c *timelinetest.Conn) { c.Open(); c.Simultaneous() }),
	})
	for _, x := range []struct {
		from     probes.State
		event    rfc9293.Event
		to       probes.State
		standing Standing
		times    int
		runs     string
		classes  string
	}{
		{probes.Closed, rfc9293.PassiveOpen, probes.Listen, Confirmed, 4, "crossing four reset", "K d M"},
		{probes.Closed, rfc9293.ActiveOpen, probes.SynSent, Confirmed, 4, "crossing four reset", "K d M"},
		{probes.FinWait1, rfc9293.RcvACKOfFIN, probes.FinWait2, Confirmed, 2, "four", "K d M"},
		{probes.Established, rfc9293.Abort, probes.Closed, Confirmed, 1, "reset", "K M"},
		{probes.Established, rfc9293.RcvRST, probes.Closed, Confirmed, 1, "reset", "K M"},
		{probes.FinWait1, rfc9293.RcvFIN, probes.Closing, Weak, 2, "crossing", "M"},
		{probes.CloseWait, rfc9293.RcvRST, probes.Closed, Missing, 0, "", ""},
		{probes.Listen, rfc9293.Send, probes.SynSent, Unreachable, 0, "", ""},
		{probes.FinWait1, rfc9293.RcvFINACK, probes.TimeWait, Unreachable, 0, "", ""},
		{probes.Established, rfc9293.SndRST, probes.TimeWait, Unreachable, 0, "", ""},
	} {
		row := find(t, r, x.from, x.event, x.to)
		if row.Standing != x.standing || row.Times != x.times || strings.Join(row.Runs, " ") != x.runs || !subset(letters(row.Classes), x.classes) {
			t.Errorf("%s, %s to %s: %s, %d times in %v, seen by %q; want %s, %d in %s, %q",
				x.from, x.event, x.to, row.Standing, row.Times, row.Runs, letters(row.Classes), x.standing, x.times, x.runs, x.classes)
		}
		if (row.Standing == Unreachable) == row.Why.IsZero() {
			t.Errorf("%s, %s to %s is %s, and the reason is %q", x.from, x.event, x.to, row.Standing, row.Why)
		}
	}
	if r.Complete() {
		t.Error("four runs are said to cover everything")
	}
}

// subset reports whether K and M are as wanted; what the samplers saw is a
// matter of when they looked.
func subset(got, want string) bool {
	without := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "d", "")), " ") }
	return without(got) == without(want)
}

// An edge that only one class can see is enough where that class saw it.
func TestAlone(t *testing.T) {
	row := Row{Edge: rfc9293.Edge{From: probes.TimeWait, Event: rfc9293.TwoMSL, To: probes.Closed}}
	row.count("a", timeline.Edge{Seen: []timeline.Witness{{Source: probes.BPF, Grade: probes.RecordedMini}}})
	row.judge()
	if row.Standing != Alone || row.Why.IsZero() {
		t.Errorf("%s (%s), want alone with a reason", row.Standing, row.Why)
	}
	row = Row{Edge: rfc9293.Edge{From: probes.Established, Event: rfc9293.Close, To: probes.FinWait1}}
	row.count("a", timeline.Edge{Seen: []timeline.Witness{{Source: probes.BPF, Grade: probes.Recorded}}})
	row.judge()
	if row.Standing != Weak {
		t.Errorf("%s, want weak: others could see it", row.Standing)
	}
	for _, e := range rfc9293.Edges() {
		if onlyKernel(e) != "" && unreachable(e) != nil {
			t.Errorf("%s, %s to %s is for the kernel alone to see, and out of reach", e.From, e.Event, e.To)
		}
	}
}

// Where observers contradict each other, nobody took an edge.
func TestDisputed(t *testing.T) {
	run := played(t, "four", timelinetest.Options{}, fourWay)
	run.Timeline.Conflicts = append(run.Timeline.Conflicts, timeline.Conflict{Endpoint: run.Timeline.Connections[0].Opener})
	r := Of([]Run{run})
	if row := find(t, r, probes.FinWait1, rfc9293.RcvACKOfFIN, probes.FinWait2); row.Times != 0 || r.Disputed != 1 {
		t.Errorf("%d times, %d disputed", row.Times, r.Disputed)
	}
	if row := find(t, r, probes.CloseWait, rfc9293.Close, probes.LastAck); row.Times != 1 {
		t.Errorf("the other end: %d times", row.Times)
	}
}

// Nobody's word on what is no edge of the RFC is lost.
func TestOthers(t *testing.T) {
	r := Of(nil)
	r.other("b", timeline.Edge{From: probes.Established, To: probes.Listen})
	r.other("a", timeline.Edge{From: probes.Established, To: probes.Listen})
	if len(r.Others) != 1 || r.Others[0].Times != 2 || strings.Join(r.Others[0].Runs, " ") != "a b" {
		t.Errorf("%+v", r.Others)
	}
}

func TestText(t *testing.T) {
	r := Of([]Run{played(t, "evil\x1b[2Jname", timelinetest.Options{}, fourWay), played(t, "ftp-close with a name that is long", timelinetest.Options{}, fourWay)})
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		var out strings.Builder
		if err := r.Text(&out, lang); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "\x1b") || strings.Contains(out.String(), "!coverage") {
			t.Errorf("%s", out.String())
		}
		cells := &runewidth.Condition{EastAsianWidth: lang == words.Chinese, StrictEmojiNeutral: true}
		for _, line := range strings.Split(out.String(), "\n") {
			if cells.StringWidth(line) > wide {
				t.Errorf("wider than %d: %s", wide, line)
			}
		}
		if !strings.Contains(out.String(), "evil?[2Jname") {
			t.Errorf("the run is not named:\n%s", out.String())
		}
	}
	var out strings.Builder
	if err := r.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal([]byte(out.String()), &struct{ Edges *[]any }{}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(out.String(), `"why"`, `"-"`)), &d); err != nil || len(d.Edges) != len(rfc9293.Edges()) || d.Complete {
		t.Errorf("%v, %d edges, complete %v", err, len(d.Edges), d.Complete)
	}
}
