package ftp

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse feeds text in pieces of n bytes.
func parse(text string, n int) ([]Reply, error) {
	var p replyParser
	var replies []Reply
	for len(text) > 0 {
		piece := []byte(text[:min(n, len(text))])
		text = text[len(piece):]
		for len(piece) > 0 {
			taken, reply, complete, err := p.next(piece)
			if err != nil {
				return replies, err
			}
			if complete {
				replies = append(replies, reply)
			}
			piece = piece[taken:]
		}
	}
	return replies, nil
}

func TestReplies(t *testing.T) {
	tests := []struct {
		name, text string
		want       []Reply
		err        string
	}{
		{name: "one line", text: "220 Ready\r\n", want: []Reply{{220, "Ready"}}},
		{name: "bare line feed", text: "220 Ready\n", want: []Reply{{220, "Ready"}}},
		{name: "no text", text: "200\r\n200 \r\n", want: []Reply{{200, ""}, {200, ""}}},
		{name: "two in one segment", text: "426 Aborted\r\n226 Done\r\n", want: []Reply{{426, "Aborted"}, {226, "Done"}}},
		{
			name: "many lines, as in RFC 959 section 4.2",
			text: "123-First line\r\nSecond line\r\n  234 A line beginning with numbers\r\n123 The last line\r\n",
			want: []Reply{{123, "First line\nSecond line\n  234 A line beginning with numbers\nThe last line"}},
		},
		{name: "same code with hyphen inside", text: "211-a\r\n211-b\r\n211 c\r\n", want: []Reply{{211, "a\n211-b\nc"}}},
		{name: "unfinished", text: "220-a\r\n220"},
		{name: "not a reply", text: "SSH-2.0-x\r\n", err: "malformed"},
		{name: "code out of range", text: "999 x\r\n", err: "malformed"},
		{name: "two digits", text: "22 x\r\n", err: "malformed"},
		{name: "no separator", text: "2200\r\n", err: "malformed"},
		{name: "empty line", text: "\r\n", err: "malformed"},
		{name: "good, then bad", text: "220 a\r\nb\r\n", want: []Reply{{220, "a"}}, err: "malformed"},
		{name: "line without end", text: "220 " + strings.Repeat("a", maxReplyLine), err: "too long"},
		{name: "reply without end", text: "220-a\r\n" + strings.Repeat("a\r\n", maxReply), err: "too long"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, n := range []int{1, 7, len(test.text)} {
				got, err := parse(test.text, n)
				if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
					t.Fatalf("in pieces of %d: error %v, want %q", n, err, test.err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("in pieces of %d (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

func FuzzReplies(f *testing.F) {
	for _, seed := range []string{"220 Ready\r\n", "211-a\r\n b\r\n211 End\r\n", "426 a\r\n226 b\r\n", "220-\n\n220 ", "\x00\xff\r\n", "22"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n < 1 {
			n = 1
		}
		whole, wholeErr := parse(text, len(text)+1)
		pieces, piecesErr := parse(text, n)
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Errorf("replies depend on the segments (-whole +pieces):\n%s", diff)
		}
		if (wholeErr == nil) != (piecesErr == nil) {
			t.Errorf("error depends on the segments: %v, %v", wholeErr, piecesErr)
		}
		for _, r := range whole {
			if r.Code < 100 || r.Code > 599 || len(r.Text) > maxReply {
				t.Errorf("reply %d with %d bytes of text", r.Code, len(r.Text))
			}
		}
	})
}

func TestPassiveAddresses(t *testing.T) {
	tests := []struct {
		text, want string
	}{
		{"Entering Passive Mode (10,0,0,2,4,1)", "10.0.0.2:1025"},
		{"Entering Passive Mode 10,0,0,2,0,21.", "10.0.0.2:21"},
		{"=10,0,0,2,255,255", "10.0.0.2:65535"},
		{"Entering Passive Mode (10,0,0,2,0,0)", ""},
		{"Entering Passive Mode (10,0,0,256,4,1)", ""},
		{"Entering Passive Mode (10,0,0,4,1)", ""},
		{"Entering Passive Mode (10,0,0,2,4,1,1)", ""},
		{"Entering Passive Mode", ""},
		{")(", ""},
	}
	for _, test := range tests {
		got, err := parsePassive(test.text)
		if test.want == "" {
			if err == nil {
				t.Errorf("%q gave %s, want an error", test.text, got)
			}
		} else if err != nil || got != netip.MustParseAddrPort(test.want) {
			t.Errorf("%q gave %s, %v; want %s", test.text, got, err, test.want)
		}
	}
}

func TestExtendedPorts(t *testing.T) {
	tests := []struct {
		text string
		want uint16
	}{
		{"Entering Extended Passive Mode (|||6446|)", 6446},
		{"(!!!21!)", 21},
		{"(|||65536|)", 0},
		{"(|||0|)", 0},
		{"(|||+5|)", 0},
		{"(|1|10.0.0.2|6446|)", 0},
		{"(11151)", 0},
		{"|||6446|", 0},
		{"(|||)", 0},
		{")(", 0},
	}
	for _, test := range tests {
		got, err := parseExtended(test.text)
		if got != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("%q gave %d, %v; want %d", test.text, got, err, test.want)
		}
	}
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"Entering Passive Mode (10,0,0,2,4,1)", "(|||6446|)", ")(", "(((((", "1,2,3,4,5,6,", "(|||\xff|)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := parsePassive(text); err == nil {
			command, err := portCommand(a)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := parsePassive(strings.TrimPrefix(command, "PORT ")); err != nil || back != a {
				t.Errorf("%q: %s becomes %s, %v", text, a, back, err)
			}
		}
		if port, err := parseExtended(text); (err == nil) != (port != 0) {
			t.Errorf("%q: port %d and error %v", text, port, err)
		}
	})
}

func TestAddressCommands(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("10.0.0.1:1025"), netip.MustParseAddrPort("[fd00::1]:1025")
	if got, err := portCommand(v4); got != "PORT 10,0,0,1,4,1" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := portCommand(v6); err == nil {
		t.Errorf("PORT for IPv6 gave %q", got)
	}
	if got := eprtCommand(v4); got != "EPRT |1|10.0.0.1|1025|" {
		t.Errorf("got %q", got)
	}
	if got := eprtCommand(v6); got != "EPRT |2|fd00::1|1025|" {
		t.Errorf("got %q", got)
	}
}
