package rfc9293

import (
	"fmt"
	"strings"
	"testing"

	"netlab/probes"

	"github.com/google/go-cmp/cmp"
)

// parse reads one input a line: ">" sent, "<" received, with flags, sequence
// and acknowledgment number and length; or a call: name, argument, errno.
func parse(t testing.TB, script string) []Input {
	t.Helper()
	var inputs []Input
	for i, line := range strings.Split(strings.TrimSpace(script), "\n") {
		f := strings.Fields(line)
		in := Input{Time: probes.Mono(i + 1), Event: uint64(i + 1)}
		switch f[0] {
		case ">", "<":
			flags, err := probes.ParseFlags(f[1])
			if err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			seg := &probes.Segment{Flags: flags, Window: 1000}
			if _, err := fmt.Sscan(strings.Join(f[2:], " ")+" 0 0 0", &seg.Seq, &seg.Ack, &seg.Len); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			in.Kind, in.Segment = Sent, seg
			if f[0] == "<" {
				in.Kind = Received
			}
		default:
			call := &probes.Call{Name: f[0]}
			if len(f) > 1 {
				call.Args = strings.Trim(f[1], "-")
			}
			if len(f) > 2 {
				call.Errno = f[2]
			}
			in.Kind, in.Call = Called, call
		}
		inputs = append(inputs, in)
	}
	return inputs
}

// render writes transitions and violations, one a line.
func render(taken []Transition, broken []Violation) string {
	var b strings.Builder
	for _, tr := range taken {
		fmt.Fprintf(&b, "%s -> %s  %s  e%d", tr.From, tr.To, tr.Event, tr.Cause.Event)
		for _, w := range tr.With {
			fmt.Fprintf(&b, " e%d", w)
		}
		b.WriteString("\n")
	}
	for _, v := range broken {
		fmt.Fprintf(&b, "%s in %s  e%d\n", v.Name, v.State, v.Event)
	}
	return strings.TrimSpace(b.String())
}

// Openings that the cases below continue.
const (
	opened   = "> SYN 100\n< SYN+ACK 300 101\n> ACK 101 301\n"
	accepted = "< SYN 300\n> SYN+ACK 100 301\n< ACK 301 101\n"
	crossed  = "> SYN 100\n< SYN 300\n> SYN+ACK 100 301\n"
)

type machineCase struct {
	name   string
	role   Role
	script string
	want   string // the last transitions and all violations
	skip   int    // transitions of the opening
}

func machineCases() []machineCase {
	return []machineCase{
		{"passive open", Active, "listen", "CLOSED -> LISTEN  passive OPEN  e1", 0},
		{"active open", Active, "connect\n> SYN 100", "CLOSED -> SYN-SENT  active OPEN  e2 e1", 0},
		{"listen, close", Passive, "close", "LISTEN -> CLOSED  CLOSE  e1", 0},
		{"listen, abort", Passive, "linger 0\nclose", "LISTEN -> CLOSED  ABORT  e2", 0},
		{"listen, send", Passive, "send\n> SYN 100", "LISTEN -> SYN-SENT  SEND  e2", 0},
		{"listen, connect", Passive, "connect\n> SYN 100", "LISTEN -> SYN-SENT  active OPEN  e2 e1", 0},
		{"listen, SYN", Passive, "< SYN 300\n> SYN+ACK 100 301", "LISTEN -> SYN-RECEIVED  rcv SYN  e1 e2", 0},
		{"listen, SYN without an answer", Passive, "< SYN 300", "", 0},
		{"listen, SYN refused", Passive, "< SYN 300\n> RST+ACK 0 301\n< ACK 301 1", "half-open in LISTEN  e3", 0},
		{"listen, ACK", Passive, "< ACK 300 5", "half-open in LISTEN  e1", 0},
		{"listen, answer not recorded", Passive, "< SYN 300\n< ACK 301 101", "LISTEN -> SYN-RECEIVED  rcv SYN  e1 e2\nSYN-RECEIVED -> ESTABLISHED  rcv ACK of SYN  e2", 0},
		{"SYN twice", Passive, "< SYN 300\n> SYN+ACK 100 301\n< SYN 300\n> SYN+ACK 100 301\n< ACK 301 101", "SYN-RECEIVED -> ESTABLISHED  rcv ACK of SYN  e5", 1},

		{"SYN-SENT, close", Active, "> SYN 100\nclose", "SYN-SENT -> CLOSED  CLOSE  e2", 1},
		{"SYN-SENT, shutdown read", Active, "> SYN 100\nshutdown read", "", 1},
		{"SYN-SENT, shutdown both", Active, "> SYN 100\nshutdown both", "SYN-SENT -> CLOSED  CLOSE  e2", 1},
		{"SYN-SENT, linger refused", Active, "> SYN 100\nlinger 0 EBADF\nclose", "SYN-SENT -> CLOSED  CLOSE  e3", 1},
		{"SYN-SENT, linger taken back", Active, "> SYN 100\nlinger 0\nlinger off\nclose", "SYN-SENT -> CLOSED  CLOSE  e4", 1},
		{"SYN-SENT, given up and closed", Active, "> SYN 100\nconnect - EINPROGRESS\nclose", "SYN-SENT -> CLOSED  CLOSE  e3", 1},
		{"SYN-SENT, abort", Active, "> SYN 100\nlinger 0\nclose", "SYN-SENT -> CLOSED  ABORT  e3", 1},
		{"SYN-SENT, SYN", Active, "> SYN 100\n< SYN 300", "SYN-SENT -> SYN-RECEIVED  rcv SYN  e2", 1},
		{"SYN-SENT, SYN,ACK", Active, "> SYN 100\n< SYN+ACK 300 101", "SYN-SENT -> ESTABLISHED  rcv SYN,ACK  e2", 1},
		{"SYN-SENT, RST", Active, "> SYN 100\n< RST+ACK 0 101", "SYN-SENT -> CLOSED  rcv RST  e2", 1},
		{"SYN-SENT, RST for another", Active, "> SYN 100\n< RST+ACK 0 50", "", 1},
		{"SYN-SENT, RST without ACK", Active, "> SYN 100\n< RST 0", "", 1},
		{"SYN-SENT, ACK for another", Active, "> SYN 100\n< SYN+ACK 300 50", "half-open in SYN-SENT  e2", 1},
		{"SYN-SENT, timeout", Active, "> SYN 100\n> SYN 100\nconnect - ETIMEDOUT", "SYN-SENT -> CLOSED  user timeout  e3", 1},
		{"SYN-SENT, given up for now", Active, "> SYN 100\nconnect - EINPROGRESS", "", 1},
		{"SYN-SENT, unreachable", Active, "> SYN 100\nconnect - EHOSTUNREACH", "SYN-SENT -> CLOSED  ICMP unreachable  e2", 1},
		{"SYN-SENT, refused but no RST recorded", Active, "> SYN 100\nconnect - ECONNREFUSED", "SYN-SENT -> CLOSED  rcv RST  e2", 1},

		{"SYN-RECEIVED, ACK", Passive, accepted, "SYN-RECEIVED -> ESTABLISHED  rcv ACK of SYN  e3", 1},
		{"SYN-RECEIVED, data with the ACK", Passive, "< SYN 300\n> SYN+ACK 100 301\n< PSH+ACK 301 101 5", "SYN-RECEIVED -> ESTABLISHED  rcv ACK of SYN  e3", 1},
		{"SYN-RECEIVED, FIN with the ACK", Passive, "< SYN 300\n> SYN+ACK 100 301\n< FIN+ACK 301 101", "SYN-RECEIVED -> ESTABLISHED  rcv ACK of SYN  e3\nESTABLISHED -> CLOSE-WAIT  rcv FIN  e3", 1},
		{"SYN-RECEIVED, bad ACK", Passive, "< SYN 300\n> SYN+ACK 100 301\n< ACK 301 100\n> RST 100\n", "half-open in SYN-RECEIVED  e3", 1},
		{"SYN-RECEIVED, ACK of unsent", Passive, "< SYN 300\n> SYN+ACK 100 301\n< ACK 301 900\n> RST 900\n", "ack-of-unsent in SYN-RECEIVED  e3", 1},
		{"SYN-RECEIVED, close", Active, crossed + "close\n> FIN+ACK 101 301", "SYN-RECEIVED -> FIN-WAIT-1  CLOSE  e5 e4", 2},
		{"SYN-RECEIVED, RST, passive", Passive, "< SYN 300\n> SYN+ACK 100 301\n< RST 301", "SYN-RECEIVED -> LISTEN  rcv RST  e3", 1},
		{"SYN-RECEIVED, RST, then another SYN", Passive, "< SYN 300\n> SYN+ACK 100 301\n< RST 301\n< SYN 7000\n> SYN+ACK 800 7001", "SYN-RECEIVED -> LISTEN  rcv RST  e3\nLISTEN -> SYN-RECEIVED  rcv SYN  e4 e5", 1},
		{"SYN-RECEIVED, RST, active", Active, crossed + "< RST 301", "SYN-RECEIVED -> CLOSED  rcv RST  e4", 2},
		{"SYN-RECEIVED, SYN in the window", Passive, "< SYN 300\n> SYN+ACK 100 301\n< SYN 400", "SYN-RECEIVED -> LISTEN  rcv SYN  e3", 1},
		{"SYN-RECEIVED, SYN out of the window", Passive, "< SYN 300\n> SYN+ACK 100 301\n< SYN 90000", "", 1},
		{"SYN-RECEIVED, abort", Active, crossed + "> RST 101", "SYN-RECEIVED -> CLOSED  ABORT  e4", 2},
		{"SYN-RECEIVED, timeout", Active, crossed + "receive - ETIMEDOUT", "SYN-RECEIVED -> CLOSED  user timeout  e4", 2},
		{"simultaneous open", Active, crossed + "< SYN+ACK 300 101\n> ACK 101 301\n< ACK 301 101", "SYN-RECEIVED -> ESTABLISHED  rcv ACK of SYN  e4", 2},

		{"ESTABLISHED, FIN sent", Active, opened + "close\n> FIN+ACK 101 301", "ESTABLISHED -> FIN-WAIT-1  CLOSE  e5 e4", 2},
		{"ESTABLISHED, shutdown both", Active, opened + "shutdown both\n> FIN+ACK 101 301", "ESTABLISHED -> FIN-WAIT-1  CLOSE  e5 e4", 2},
		{"ESTABLISHED, shutdown read, then close", Active, opened + "shutdown read\nclose\n> FIN+ACK 101 301", "ESTABLISHED -> FIN-WAIT-1  CLOSE  e6 e5", 2},
		{"ESTABLISHED, options", Active, opened + "bind\noption SO_KEEPALIVE,on\n> FIN+ACK 101 301", "ESTABLISHED -> FIN-WAIT-1  CLOSE  e6", 2},
		{"ESTABLISHED, close but no FIN", Active, opened + "close", "", 2},
		{"ESTABLISHED, FIN sent again", Active, opened + "> FIN+ACK 101 301\n> FIN+ACK 101 301", "ESTABLISHED -> FIN-WAIT-1  CLOSE  e4", 2},
		{"ESTABLISHED, FIN", Active, opened + "< FIN+ACK 301 101", "ESTABLISHED -> CLOSE-WAIT  rcv FIN  e4", 2},
		{"ESTABLISHED, FIN twice", Active, opened + "< FIN+ACK 301 101\n< FIN+ACK 301 101", "ESTABLISHED -> CLOSE-WAIT  rcv FIN  e4", 2},
		{"ESTABLISHED, FIN without ACK bit", Active, opened + "< FIN 301", "", 2},
		{"ESTABLISHED, FIN ahead of a hole", Active, opened + "< FIN+ACK 311 101\n< ACK 306 101 5\n< ACK 301 101 5", "ESTABLISHED -> CLOSE-WAIT  rcv FIN  e4 e6", 2},
		{"ESTABLISHED, FIN out of the window", Active, opened + "< FIN+ACK 99301 101", "", 2},
		{"ESTABLISHED, RST", Active, opened + "< RST 301", "ESTABLISHED -> CLOSED  rcv RST  e4", 2},
		{"ESTABLISHED, RST in the window only", Active, opened + "< RST 400", "", 2},
		{"ESTABLISHED, RST out of the window", Active, opened + "< RST 200", "", 2},
		{"ESTABLISHED, SYN in the window", Active, opened + "< SYN 400", "", 2},
		{"ESTABLISHED, abort", Active, opened + "linger 0\nclose\n> RST+ACK 101 301", "ESTABLISHED -> CLOSED  ABORT  e6 e5", 2},
		{"ESTABLISHED, timeout", Active, opened + "receive - ETIMEDOUT", "ESTABLISHED -> CLOSED  user timeout  e4", 2},
		{"ESTABLISHED, SYN of ours with another number", Active, opened + "> SYN 777", "second-isn in ESTABLISHED  e4", 2},
		{"ESTABLISHED, an ACK of what nobody saw", Active, opened + "> ACK 101 310", "unseen in ESTABLISHED  e4", 2},

		{"FIN-WAIT-1, ACK of FIN", Active, opened + "> FIN+ACK 101 301\n< ACK 301 102", "FIN-WAIT-1 -> FIN-WAIT-2  rcv ACK of FIN  e5", 3},
		{"FIN-WAIT-1, ACK of the data before it", Active, opened + "> FIN+ACK 101 301 5\n< ACK 301 106", "", 3},
		{"FIN-WAIT-1, FIN", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 101", "FIN-WAIT-1 -> CLOSING  rcv FIN  e5", 3},
		{"FIN-WAIT-1, FIN and ACK of FIN", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 102", "FIN-WAIT-1 -> FIN-WAIT-2  rcv ACK of FIN  e5\nFIN-WAIT-2 -> TIME-WAIT  rcv FIN  e5", 3},
		{"FIN-WAIT-1, RST", Active, opened + "> FIN+ACK 101 301\n< RST 301", "FIN-WAIT-1 -> CLOSED  rcv RST  e5", 3},
		{"FIN-WAIT-1, abort", Active, opened + "> FIN+ACK 101 301\n> RST 102", "FIN-WAIT-1 -> CLOSED  ABORT  e5", 3},
		{"FIN-WAIT-1, timeout", Active, opened + "> FIN+ACK 101 301\nreceive - ETIMEDOUT", "FIN-WAIT-1 -> CLOSED  user timeout  e5", 3},
		{"FIN-WAIT-2, FIN", Active, opened + "> FIN+ACK 101 301\n< ACK 301 102\n< FIN+ACK 301 102", "FIN-WAIT-2 -> TIME-WAIT  rcv FIN  e6", 4},
		{"FIN-WAIT-2, data, FIN", Active, opened + "> FIN+ACK 101 301\n< ACK 301 102\n< ACK 301 102 10\n< FIN+ACK 311 102", "FIN-WAIT-2 -> TIME-WAIT  rcv FIN  e7", 4},
		{"FIN-WAIT-2, data to nobody", Active, opened + "> FIN+ACK 101 301\n< ACK 301 102\n< ACK 301 102 10\n> RST 102", "FIN-WAIT-2 -> CLOSED  ABORT  e7", 4},
		{"FIN-WAIT-2, RST", Active, opened + "> FIN+ACK 101 301\n< ACK 301 102\n< RST 301", "FIN-WAIT-2 -> CLOSED  rcv RST  e6", 4},
		{"FIN-WAIT-2, timeout", Active, opened + "> FIN+ACK 101 301\n< ACK 301 102\nreceive - ETIMEDOUT", "FIN-WAIT-2 -> CLOSED  user timeout  e6", 4},
		{"CLOSE-WAIT, FIN sent", Active, opened + "< FIN+ACK 301 101\nclose\n> FIN+ACK 101 302", "CLOSE-WAIT -> LAST-ACK  CLOSE  e6 e5", 3},
		{"CLOSE-WAIT, RST", Active, opened + "< FIN+ACK 301 101\n< RST 302", "CLOSE-WAIT -> CLOSED  rcv RST  e5", 3},
		{"CLOSE-WAIT, abort", Active, opened + "< FIN+ACK 301 101\n> RST+ACK 101 302", "CLOSE-WAIT -> CLOSED  ABORT  e5", 3},
		{"CLOSE-WAIT, timeout", Active, opened + "< FIN+ACK 301 101\nsend - ETIMEDOUT", "CLOSE-WAIT -> CLOSED  user timeout  e5", 3},
		{"CLOSING, ACK of FIN", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 101\n> ACK 102 302\n< ACK 302 102", "CLOSING -> TIME-WAIT  rcv ACK of FIN  e7", 4},
		{"CLOSING, RST", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 101\n< RST 302", "CLOSING -> CLOSED  rcv RST  e6", 4},
		{"CLOSING, abort", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 101\n> RST 102", "CLOSING -> CLOSED  ABORT  e6", 4},
		{"CLOSING, abort without a segment", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 101\nlinger 0\nclose\n< ACK 302 102", "CLOSING -> CLOSED  ABORT  e7", 4},
		{"CLOSING, close", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 101\nclose", "", 4},
		{"CLOSING, timeout", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 101\nreceive - ETIMEDOUT", "CLOSING -> CLOSED  user timeout  e6", 4},
		{"LAST-ACK, ACK of FIN", Active, opened + "< FIN+ACK 301 101\n> FIN+ACK 101 302\n< ACK 302 102", "LAST-ACK -> CLOSED  rcv ACK of FIN  e6", 4},
		{"LAST-ACK, RST", Active, opened + "< FIN+ACK 301 101\n> FIN+ACK 101 302\n< RST 302", "LAST-ACK -> CLOSED  rcv RST  e6", 4},
		{"LAST-ACK, abort", Active, opened + "< FIN+ACK 301 101\n> FIN+ACK 101 302\n> RST 102", "LAST-ACK -> CLOSED  ABORT  e6", 4},
		{"LAST-ACK, abort without a segment", Active, opened + "< FIN+ACK 301 101\n> FIN+ACK 101 302\nlinger 0\nclose", "LAST-ACK -> CLOSED  ABORT  e7", 4},
		{"LAST-ACK, timeout", Active, opened + "< FIN+ACK 301 101\n> FIN+ACK 101 302\nreceive - ETIMEDOUT", "LAST-ACK -> CLOSED  user timeout  e6", 4},
		{"TIME-WAIT, FIN again", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 102\n> ACK 102 302\n< FIN+ACK 301 102\n> ACK 102 302", "", 5},
		{"TIME-WAIT, RST", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 102\n> ACK 102 302\n< RST 302", "TIME-WAIT -> CLOSED  rcv RST  e7", 5},
		{"TIME-WAIT, late data of ours", Active, opened + "> FIN+ACK 101 301\n< FIN+ACK 301 102\n> FIN+ACK 101 302", "", 5},

		{"FINs cross between tap and socket", Active, opened + "< FIN+ACK 301 101\n> FIN+ACK 101 301\n> ACK 102 302\n< ACK 302 102", "ESTABLISHED -> FIN-WAIT-1  CLOSE  e5\nFIN-WAIT-1 -> CLOSING  rcv FIN  e4\nCLOSING -> TIME-WAIT  rcv ACK of FIN  e7", 2},
		{"numbers wrap", Active, "> SYN 4294967295\n< SYN+ACK 4294967294 0\n> ACK 0 4294967295\n> FIN+ACK 0 4294967295\n< FIN+ACK 4294967295 1\n> ACK 1 0", "ESTABLISHED -> FIN-WAIT-1  CLOSE  e4\nFIN-WAIT-1 -> FIN-WAIT-2  rcv ACK of FIN  e5\nFIN-WAIT-2 -> TIME-WAIT  rcv FIN  e5", 2},
		{"begun before the record", Resumed, "> ACK 500 700\n< FIN+ACK 700 500\n> FIN+ACK 500 701\n< ACK 701 501", "ESTABLISHED -> CLOSE-WAIT  rcv FIN  e2\nCLOSE-WAIT -> LAST-ACK  CLOSE  e3\nLAST-ACK -> CLOSED  rcv ACK of FIN  e4", 0},
		{"after CLOSED", Active, "> SYN 100\n< RST+ACK 0 101\n> ACK 101 1", "outside in CLOSED  e3", 2},
	}
}

func TestMachine(t *testing.T) {
	for _, c := range machineCases() {
		t.Run(c.name, func(t *testing.T) {
			_, taken, broken := Run(c.role, parse(t, c.script))
			if len(taken) < c.skip {
				t.Fatalf("took %d edges, fewer than the opening's %d:\n%s", len(taken), c.skip, render(taken, broken))
			}
			if diff := cmp.Diff(c.want, render(taken[c.skip:], broken)); diff != "" {
				t.Errorf("wrong way (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryEdge holds the table above against the edges: each that the
// machine may take is taken by a case.
func TestEveryEdge(t *testing.T) {
	seen := make(map[Edge]bool)
	for _, c := range machineCases() {
		_, taken, _ := Run(c.role, parse(t, c.script))
		for _, tr := range taken {
			seen[tr.Edge] = true
		}
	}
	for _, e := range Edges() {
		if taken := seen[e]; taken != (e.Untaken == "") {
			t.Errorf("%s, %s -> %s: taken %t, untaken because of %q", e.From, e.Event, e.To, taken, e.Untaken)
		}
	}
}

func TestLegal(t *testing.T) {
	if Legal(probes.FinWait1, probes.TimeWait) || !Legal(probes.FinWait1, probes.Closing) {
		t.Error("FIN-WAIT-1 leads straight to CLOSING, never to TIME-WAIT")
	}
}

// Sections and ways are there once.
func TestEdges(t *testing.T) {
	seen := map[way]bool{}
	for _, e := range Edges() {
		w := way{e.From, e.Event, e.To}
		if e.Section == "" || seen[w] {
			t.Errorf("%s, %s -> %s has no section, or is there twice", e.From, e.Event, e.To)
		}
		seen[w] = true
	}
}
