package step

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlab/probes"
)

func TestParseLine(t *testing.T) {
	want := func(w Want) Want {
		if w.Frames == 0 {
			w.Frames = -1
		}
		return w
	}
	for _, tt := range []struct {
		in   string
		want Command
		err  string
	}{
		{in: ""}, {in: "   # nothing"},
		{in: "next", want: Command{Verb: VerbNext}},
		{in: "next client FIN", want: Command{Verb: VerbNext, Match: Match{Node: "client", Word: FIN}}},
		{in: "next any any", want: Command{Verb: VerbNext, Match: Match{Node: "any"}}},
		{in: "drop server ACK # the last", want: Command{Verb: VerbDrop, Match: Match{Node: "server", Word: ACK}}},
		{in: "duplicate /x/ within 2s", want: Command{Verb: VerbDuplicate, Match: Match{Text: "x"}, Within: 2 * time.Second}},
		{in: "wait within 2s", want: Command{Verb: VerbWait, Within: 2 * time.Second}},
		{in: "wait /within 2s/", want: Command{Verb: VerbWait, Match: Match{Text: "within 2s"}}},
		{in: "run", want: Command{Verb: VerbRun}},
		{in: "run to server FIN", want: Command{Verb: VerbRun, To: true, Match: Match{Node: "server", Word: FIN}}},
		{in: "expect client FIN-WAIT-1", want: Command{Verb: VerbExpect, Want: want(Want{Node: "client", State: probes.FinWait1})}},
		{in: "expect server:21 close-wait within 1m", want: Command{Verb: VerbExpect, Within: time.Minute, Want: want(Want{Node: "server", Port: 21, State: probes.CloseWait})}},
		{in: "expect waiting 0", want: Command{Verb: VerbExpect}},
		{in: "expect done", want: Command{Verb: VerbExpect, Want: want(Want{Done: true})}},
		{in: "show", want: Command{Verb: VerbShow}},
		{in: "quit", want: Command{Verb: VerbQuit}},
		{in: "nxt", err: `"nxt" is no command`},
		{in: "/next/ FIN", err: "is no command"},
		{in: "run FIN", err: "to MATCH"},
		{in: "run to", err: "not said which frame"},
		{in: "next FIN within", err: "duration"},
		{in: "next within soon", err: `within "soon"`},
		{in: "next within -1s", err: "duration"},
		{in: "expect", err: "after expect"},
		{in: "expect client", err: "after expect"},
		{in: "expect client FINWAIT", err: `"FINWAIT" is no state`},
		{in: "expect CLIENT CLOSED", err: "after expect"},
		{in: "expect waiting two", err: "number of frames"},
		{in: "expect waiting -1", err: "number of frames"},
		{in: "show all", err: "nothing follows show"},
		{in: "quit within 1s", err: "nothing follows quit"},
		{in: strings.Repeat("x", maxLine+1), err: "more than 4096 bytes"},
	} {
		t.Run(tt.in[:min(len(tt.in), 40)], func(t *testing.T) {
			got, err := parseLine(tt.in)
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("error %v, want %q", err, tt.err)
			case tt.err != "":
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if again, err := parseLine(got.String()); err != nil || again != got {
				t.Errorf("%q is read as %+v, %v", got.String(), again, err)
			}
		})
	}
}

func TestParseScript(t *testing.T) {
	s, err := ParseScript("lesson.step", []byte("# a lesson\r\n\r\nnext SYN\r\n\r\nquit"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Script{Name: "lesson.step", Commands: []Command{{Line: 3, Verb: VerbNext, Match: Match{Word: SYN}}, {Line: 5, Verb: VerbQuit}}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"line", "next\nnext client\n\njump\n", `lesson.step:4: "jump" is no command; allowed: next, drop, duplicate, wait, run, expect, show, quit`},
		{"long", strings.Repeat("#\n", MaxScript), "lesson.step: more than 1048576 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseScript("lesson.step", []byte(tt.text))
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzParseScript(f *testing.F) {
	for _, s := range []string{
		"next client FIN\ndrop\n", "run to server FIN within 5s", "expect client FIN-WAIT-1", "expect waiting 2\n# x\nquit", `wait /\x00\//`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScript("x", []byte(text))
		if err != nil {
			return
		}
		for _, c := range s.Commands {
			again, err := parseLine(c.String())
			again.Line = c.Line
			if err != nil || again != c {
				t.Errorf("%q is read as %+v, %v; was %+v", c.String(), again, err, c)
			}
		}
	})
}
