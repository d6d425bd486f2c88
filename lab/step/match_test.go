package step

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline/timelinetest"
)

func TestParseMatch(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Match
		err  string // part of it
	}{
		{in: "FIN", want: Match{Word: FIN}},
		{in: "client FIN", want: Match{Node: "client", Word: FIN}},
		{in: " client\t syn+ack ", want: Match{Node: "client", Word: SYNACK}},
		{in: "client", want: Match{Node: "client"}},
		{in: "server:21", want: Match{Node: "server", Port: 21}},
		{in: "server:21 DATA /221 bye/", want: Match{Node: "server", Port: 21, Word: DATA, Text: "221 bye"}},
		{in: "/a\\/b\\r\\n/", want: Match{Text: "a/b\r\n"}},
		{in: `/\xff\u00e9四/`, want: Match{Text: "\xff\u00e9四"}},
		{in: `client /#1/ # comment`, want: Match{Node: "client", Text: "#1"}},
		{in: "fin FIN", want: Match{Node: "fin", Word: FIN}},
		{in: "ANY", want: Match{}},
		{in: "any any", want: Match{Node: "any"}},
		{in: "", err: "not said which frame"},
		{in: "client FINN", err: `"FINN" is neither`},
		{in: "Client FIN", err: `"Client" is neither`},
		{in: "client server FIN", err: `"server" is neither`},
		{in: "client:0 FIN", err: `port "0"`},
		{in: "client:99999", err: `port "99999"`},
		{in: "FIN client", err: "neither"},
		{in: "/open", err: "second slash"},
		{in: "//", err: "no text"},
		{in: `/\q/`, err: "backslash"},
		{in: "/a/ FIN", err: "neither"},
	} {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseMatch(tt.in)
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
			again, err := ParseMatch(got.String())
			if err != nil || again != got {
				t.Errorf("%q is read as %+v, %v", got.String(), again, err)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	l := plainClose()
	v := viewOf(t, l)
	frame := func(flags probes.Flags, text string) gate.Frame {
		seg := probes.Segment{Flags: flags, Text: text, Len: len(text)}
		return gate.Frame{From: "client", To: "server", Flow: l.conn.Opener.Flow, Segment: &seg, Data: bytesOf(seg, l.conn.Opener.Flow)}
	}
	syn, synack, ack := frame(probes.SYN, ""), frame(probes.SYN|probes.ACK, ""), frame(probes.ACK, "")
	data, fin, both := frame(probes.ACK|probes.PSH, "QUIT\r\n"), frame(probes.FIN|probes.ACK, ""), frame(probes.FIN|probes.ACK, "QUIT\r\n")
	rst, arp := frame(probes.RST|probes.ACK, ""), gate.Frame{From: "client", To: "server", What: "ARP request"}
	names := map[string]gate.Frame{"syn": syn, "synack": synack, "ack": ack, "data": data, "fin": fin, "both": both, "rst": rst, "arp": arp}
	for _, tt := range []struct{ match, want string }{
		{"client", "ack arp both data fin rst syn synack"},
		{"server", ""},
		{"TCP", "ack both data fin rst syn synack"},
		{"SYN", "syn"}, {"SYN+ACK", "synack"}, {"ACK", "ack"}, {"DATA", "both data"}, {"FIN", "both fin"}, {"DATA+FIN", "both"},
		{"RST", "rst"}, {"ARP", "arp"}, {"UDP", ""}, {"FIN+ACK", ""},
		{"/QUIT/", "both data"}, {"client FIN /QUIT/", "both"}, {"/quit/", ""},
		{"client:80 SYN", "syn"}, {"client:41824 SYN", "syn"}, {"client:81 SYN", ""},
	} {
		m, err := ParseMatch(tt.match)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"ack", "arp", "both", "data", "fin", "rst", "syn", "synack"} {
			if m.matches(&v, names[name]) {
				got = append(got, name)
			}
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.match, diff)
		}
	}
	if !(Match{}).matches(&v, arp) {
		t.Error("the zero Match does not match everything")
	}
}

// FIN+ACK is the FIN that is the first to acknowledge the other's, and what
// repeats it, whatever the flags are.
func TestMatchesFINACK(t *testing.T) {
	for _, tt := range []struct {
		name  string
		close func(l *fakeLab)
		want  []string // names of the FINs, in their order
	}{
		{"four segments", func(*fakeLab) {}, []string{"FIN", "FIN again", "FIN", "FIN again"}},
		{"three segments", func(l *fakeLab) { l.hooks.joins = true }, []string{"FIN", "FIN again", "FIN+ACK", "FIN+ACK again"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := plainClose()
			tt.close(l)
			m := at(t, l, "", 80, 24)
			var got []string
			for range tt.want {
				press(t, l, m, "r", "F", "I", "N", "enter")
				f, ok := m.current()
				if !ok {
					t.Fatalf("no FIN waits after %q", got)
				}
				name, _, _ := strings.Cut(m.label(&m.view, f), " seq=")
				if m.view.called(f).again {
					name += " again"
				}
				got = append(got, name)
				if is := (Match{Word: FINACK}).matches(&m.view, f); is != strings.HasPrefix(name, "FIN+ACK") {
					t.Errorf("%s matches FIN+ACK: %v", name, is)
				}
				if m.view.called(f).again {
					press(t, l, m, "n")
				} else {
					press(t, l, m, "d")
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A frame is the client's on every link of its way.
func TestMatchesBehindARouter(t *testing.T) {
	l := newFake(hooks{}, timelinetest.Options{Path: timelinetest.Routed}, 80)
	v := viewOf(t, l)
	f := v.Waiting[0]
	f.From, f.To = "router", "server"
	for _, node := range []string{"client", "router"} {
		if !(Match{Node: node, Word: SYN}).matches(&v, f) {
			t.Errorf("%s SYN does not match", node)
		}
	}
	if (Match{Node: "server"}).matches(&v, f) {
		t.Error("server matches")
	}
}

func FuzzParseMatch(f *testing.F) {
	for _, s := range []string{"client FIN", "server:21 /221 /", `/\xff\//`, "a b c", "any ANY", "# x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMatch(text)
		if err != nil {
			return
		}
		if again, err := ParseMatch(m.String()); err != nil || again != m {
			t.Errorf("%q: %q is read as %+v, %v", text, m.String(), again, err)
		}
	})
}
