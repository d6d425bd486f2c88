package ss

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// fixtures lists the recorded texts. Those named "by-source" were written by
// hand after the print statements of that version's misc/ss.c.
func fixtures(tb testing.TB) []string {
	tb.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		tb.Fatalf("no fixtures: %v", err)
	}
	return names
}

func summary(e Entry) string {
	return fmt.Sprintf("%s %s %s > %s dev=%s queues=%d,%d timer=%s,%s,%d uid=%d inode=%d cookie=%#x v6only=%v full=%v",
		e.Object(), e.State, e.Local, e.Peer, e.Device, e.RecvQ, e.SendQ,
		e.Timer, e.Expires, e.Retransmits, e.UID, e.Inode, e.Cookie, e.V6Only, e.Full)
}

func TestParseFixtures(t *testing.T) {
	for _, name := range fixtures(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer text.Close()
			entries, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, e := range entries {
				fmt.Fprintln(&got, summary(e))
			}
			golden := strings.TrimSuffix(name, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	const columns = "ESTAB 0 0 10.0.0.1:21 10.0.0.2:40000 "
	plain := Entry{
		State: probes.Established,
		Local: netip.MustParseAddrPort("10.0.0.1:21"), Peer: netip.MustParseAddrPort("10.0.0.2:40000"),
	}
	with := func(set func(*Entry)) Entry {
		e := plain
		set(&e)
		return e
	}
	cookie7 := with(func(e *Entry) { e.Cookie = 7 })
	tests := []struct {
		name string
		in   string
		want []Entry
		err  string // part of the error
	}{
		{name: "nothing"},
		{name: "blank lines and a heading", in: "\n  \nState Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n\n"},
		{name: "heading with the protocol", in: "Netid State Recv-Q\ntcp " + columns, want: []Entry{plain}},
		{name: "no tokens, no newline", in: strings.TrimSpace(columns), want: []Entry{plain}},
		{name: "unknown tokens", in: columns + "bbr wscale:7,7 foo:(a,b) :x y: ts sack sk:7 :", want: []Entry{cookie7}},
		{name: "tokens in the next line", in: columns + "\n\t sk:7 skmem:(r0)\n" + columns, want: []Entry{cookie7, plain}},
		{name: "tokens before any socket", in: "\t sk:7\n" + columns, want: []Entry{plain}},
		{name: "second of a key", in: columns + "sk:7 sk:8", want: []Entry{cookie7}},
		{name: "no cookie", in: columns + "sk:ffffffffffffffff", want: []Entry{plain}},
		{name: "directions", in: columns + "sk:7 --> <-x", want: []Entry{with(func(e *Entry) { e.Cookie = 7; e.Full = true })}},
		{name: "process named to deceive", in: columns + `users:(("a")) sk:1 (",x",pid=1,fd=3),("b c",pid=2,fd=4)) sk:7`, want: []Entry{cookie7}},
		{name: "process with contexts", in: columns + `users:(("a",pid=1,proc_ctx=unconfined,fd=3,sock_ctx=x)) sk:7`, want: []Entry{cookie7}},
		{name: "control group named to deceive", in: columns + "sk:7 cgroup:/a uid:5 timer:(x <->", want: []Entry{with(func(e *Entry) { e.Cookie = 7; e.Full = true })}},
		{name: "timer", in: columns + "timer:(persist,1.020ms,3)", want: []Entry{with(func(e *Entry) {
			e.Timer, e.Expires, e.Retransmits = "persist", 1020*time.Millisecond, 3
		})}},
		{name: "timer off", in: columns + "timer:(off,,0)", want: []Entry{plain}},
		{name: "timer not known", in: columns + "timer:(T3_RTX,,0)", want: []Entry{with(func(e *Entry) { e.Timer = "unknown" })}},

		{name: "state of another protocol", in: "\nCONNECTED 0 0 10.0.0.1:21 10.0.0.2:1", err: `line 2, "CONNECTED 0 0 10.0.0.1:21 10.0.0.2:1": "CONNECTED" is not a state`},
		{name: "state of the RFC", in: "ESTABLISHED 0 0 10.0.0.1:21 10.0.0.2:1", err: "not a state of ss"},
		{name: "state only", in: "ESTAB", err: "queue"},
		{name: "queue", in: "ESTAB 0 -1 10.0.0.1:21 10.0.0.2:1", err: `"-1" is not a number`},
		{name: "no peer", in: "ESTAB 0 0 10.0.0.1:21", err: `"" is not an address and a port`},
		{name: "port by name", in: "ESTAB 0 0 10.0.0.1:ftp 10.0.0.2:1", err: `"ftp" of "10.0.0.1:ftp" is not a port number`},
		{name: "host by name", in: "ESTAB 0 0 localhost:21 10.0.0.2:1", err: `"localhost" of "localhost:21" is not an address`},
		{name: "bad cookie", in: columns + "sk:xyz", err: `token "sk:xyz"`},
		{name: "bad timer", in: columns + "timer:(on,5parsec,0)", err: "not a time of ss"},
		{name: "half a timer", in: columns + "timer:(on", err: "want (name,time,count)"},
		{name: "long line", in: columns + strings.Repeat("x", maxLine), err: "line 1: bufio.Scanner: token too long"},
		{name: "long line quoted in part", in: "X" + strings.Repeat("x", 1000), err: `xx...": "Xxx`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(strings.NewReader(test.in))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 {
				got = nil
			}
			equal := cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })
			if diff := cmp.Diff(test.want, got, equal); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseAddr(t *testing.T) {
	tests := []struct {
		in, want, device string
	}{
		{"127.0.0.1:80", "127.0.0.1:80", ""},
		{"0.0.0.0%lo:8080", "0.0.0.0:8080", "lo"},
		{"[::]:*", "[::]:0", ""},
		{"[::1]:80", "[::1]:80", ""},
		{"[fe80::1]%eth0:80", "[fe80::1]:80", "eth0"},
		{"[fe80::1%eth0]:80", "[fe80::1]:80", "eth0"},
		{"fe80::1%eth0:80", "[fe80::1]:80", "eth0"},
		{":::80", "[::]:80", ""},
		{"::1:80", "[::1]:80", ""},
		{"::ffff:10.0.0.1:80", "10.0.0.1:80", ""},
		{"[::ffff:10.0.0.1]:80", "10.0.0.1:80", ""},
		{"[::ffff:10.0.0.1]%a.b-c:80", "10.0.0.1:80", "a.b-c"},
	}
	for _, test := range tests {
		t.Run(test.in, func(t *testing.T) {
			got, device, err := parseAddr(test.in)
			if err != nil || got.String() != test.want || device != test.device {
				t.Errorf("got %s on %q, %v; want %s on %q", got, device, err, test.want, test.device)
			}
		})
	}
}

func TestParseExpires(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
	}{
		{"", 0},
		{"048ms", 48 * time.Millisecond},
		{"548ms", 548 * time.Millisecond},
		{"6.427ms", 6427 * time.Millisecond},
		{"9sec", 9 * time.Second},
		{"59sec", 59 * time.Second},
		{"1min", time.Minute},
		{"1min59sec", 119 * time.Second},
		{"119min", 119 * time.Minute},
	}
	for _, test := range tests {
		if got, err := parseExpires(test.in); err != nil || got != test.want {
			t.Errorf("%q: got %s, %v; want %s", test.in, got, err, test.want)
		}
	}
	for _, bad := range []string{"x", "ms", "sec", "min", "1", "-1ms", "1.ms", "1hour", "99999999999ms", "1minx"} {
		if got, err := parseExpires(bad); err == nil {
			t.Errorf("%q: got %s, want an error", bad, got)
		}
	}
}

// FuzzParse feeds arbitrary text to the parser, seeded with every fixture.
func FuzzParse(f *testing.F) {
	for _, name := range fixtures(f) {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := Parse(strings.NewReader(string(text)))
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
			return
		}
		for _, e := range entries {
			if e.State == probes.Unknown || e.Object() == "" || e.Expires < 0 {
				t.Errorf("half an entry: %+v", e)
			}
			if e.Local.Addr().Is4In6() || e.Peer.Addr().Is4In6() {
				t.Errorf("mapped address: %+v", e)
			}
		}
	})
}
