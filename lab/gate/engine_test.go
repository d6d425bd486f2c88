package gate

import (
	"fmt"
	"testing"
	"time"

	"netlab/probes"
	"netlab/scenarios"

	"github.com/google/go-cmp/cmp"
)

const ack, finAck = probes.ACK, probes.FIN | probes.ACK

// want compares what went out and what was told since the last time.
func (b *bench) want(sent, told []string) {
	b.tb.Helper()
	if diff := cmp.Diff(sent, b.took()); diff != "" {
		b.tb.Errorf("went out (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(told, b.told()); diff != "" {
		b.tb.Errorf("told (-want +got):\n%s", diff)
	}
}

// The handshake's frames are #1 to #3.
func opened(tb testing.TB, change func(*Config)) *bench {
	b := newBench(tb, change)
	b.open()
	return b
}

func TestHoldAndRelease(t *testing.T) {
	b := opened(t, nil)
	b.rule("fins", holding(fin, nil))
	b.come(client, seg(t, client, finAck, 1, 1, ""))
	b.come(server, seg(t, server, ack, 1, 2, "late"))
	b.come(client, seg(t, client, finAck, 1, 5, "")) // again; it acknowledges more by now
	b.come(server, seg(t, server, finAck, 5, 2, ""))
	b.want([]string{"server ACK 1 late"}, []string{"held #4 by fins", "merged #4 by fins copies=1", "held #7 by fins"})
	f := b.list()
	if len(f) != 2 || f[0].ID != 4 || f[0].Copies != 1 || f[0].What != "FIN seq=1 ACK=1" || f[1].From != "server" || f[1].To != "client" {
		t.Errorf("waiting %+v", f)
	}
	if got, want := b.holds(nil), "held: #4 FIN seq=1 ACK=1 from client (and 1 repetition) by fins, #7 FIN seq=5 ACK=2 from server by fins"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	b.now += 1000
	list, err := b.releaseStep(b.now, &scenarios.GateRelease{Rule: "fins", Frames: 1})
	b.flush()
	if err != nil || len(list) != 1 {
		t.Fatalf("released %d, %v", len(list), err)
	}
	if e := b.events[0]; e.Gate.Waited != 1003 || e.Node != "client" || e.Gate.To != "server" || e.Flow != flowOf[client] || e.Segment.Flags != finAck {
		t.Errorf("event %+v %+v", e, *e.Gate)
	}
	b.want([]string{"client FIN+ACK 1"}, []string{"released #4 by fins copies=1"})
	// What is released is held no more: its repetition is a new match.
	b.come(client, seg(t, client, finAck, 1, 5, ""))
	b.want(nil, []string{"held #8 by fins"})
	if n := b.engine.rule("fins").matched; n != 3 {
		t.Errorf("matched %d times, want 3: repetitions do not count", n)
	}
	_, err = b.releaseStep(b.now, &scenarios.GateRelease{Rule: "fins"})
	check(t, err)
	b.flush()
	b.want([]string{"server FIN+ACK 5", "client FIN+ACK 1"}, []string{"released #7 by fins", "released #8 by fins"})
	b.come(server, seg(t, server, finAck, 5, 2, ""))
	b.want([]string{"server FIN+ACK 5"}, nil) // the rule has ended
}

// What differs is no repetition.
func TestNoRepetition(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second []byte
	}{
		{"bytes", seg(t, client, ack, 1, 1, "a"), seg(t, client, ack, 1, 1, "b")},
		{"length", seg(t, client, ack, 1, 1, "a"), seg(t, client, ack, 1, 1, "ab")},
		{"sequence number", seg(t, client, ack, 1, 1, "a"), seg(t, client, ack, 2, 1, "a")},
		{"FIN", seg(t, client, ack, 1, 1, "a"), seg(t, client, finAck, 1, 1, "a")},
		{"acknowledgements take no space", seg(t, client, ack, 1, 1, ""), seg(t, client, ack, 1, 1, "")},
		{"datagrams", datagram(t, client, "a"), datagram(t, client, "a")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := opened(t, nil)
			b.rule("all", holding(scenarios.FrameMatch{}, nil))
			b.come(client, tt.first)
			b.come(client, tt.second)
			if n := len(b.list()); n != 2 {
				t.Errorf("%d frames wait, want 2", n)
			}
		})
	}
}

// A frame passes by itself that ends a rule, and what the rule held follows.
func TestHoldUntil(t *testing.T) {
	b := opened(t, nil)
	clientFIN, serverFIN := by(fin, "client"), by(fin, "server")
	b.rule("server's", holding(serverFIN, &clientFIN))
	once := holding(serverFIN, &clientFIN)
	once.GateHold.Nth = 2 // used up by the time that until comes
	b.rule("once", once)
	b.come(server, seg(t, server, finAck, 1, 1, ""))
	b.come(server, seg(t, server, finAck, 1, 1, ""))
	b.come(server, seg(t, server, finAck|probes.PSH, 2, 1, "x"))
	b.want(nil, []string{"held #4 by server's", "merged #4 by server's copies=1", "held #6 by once"})
	b.come(client, seg(t, client, finAck, 1, 1, ""))
	b.want([]string{"client FIN+ACK 1", "server FIN+ACK 1", "server FIN+PSH+ACK 2 x"}, []string{"released #4 by server's copies=1", "released #6 by once"})
	b.come(server, seg(t, server, finAck, 1, 1, ""))
	b.want([]string{"server FIN+ACK 1"}, nil)
	if len(b.waiting) > 0 || b.bytes != 0 || len(b.repeats) > 0 {
		t.Errorf("%d wait, %d bytes", len(b.waiting), b.bytes)
	}
}

func TestReleaseChooses(t *testing.T) {
	three := exactly(3)
	for _, tt := range []struct {
		name string
		s    scenarios.GateRelease
		want []string
		over bool
		err  string
	}{
		{name: "all", want: []string{"client ACK 1 a", "client ACK 2 b", "client ACK 3 c"}, over: true},
		{name: "all, the rule stays", s: scenarios.GateRelease{Keep: true}, want: []string{"client ACK 1 a", "client ACK 2 b", "client ACK 3 c"}},
		{name: "two", s: scenarios.GateRelease{Frames: 2}, want: []string{"client ACK 1 a", "client ACK 2 b"}},
		{name: "more than there are", s: scenarios.GateRelease{Frames: 9}, want: []string{"client ACK 1 a", "client ACK 2 b", "client ACK 3 c"}},
		{name: "until", s: scenarios.GateRelease{Until: &scenarios.FrameMatch{Content: "b"}}, want: []string{"client ACK 1 a", "client ACK 2 b"}},
		{name: "until nothing", s: scenarios.GateRelease{Until: &scenarios.FrameMatch{Content: "z"}}, err: "no frame that is held matches until; held: #4 seq=1 ACK=1 len=1 from client by data, #5 seq=2 ACK=1 len=1 from client by data, #6 seq=3 ACK=1 len=1 from client by data"},
		{name: "only", s: scenarios.GateRelease{Only: &scenarios.FrameMatch{Seq: three}}, want: []string{"client ACK 3 c"}},
		{name: "only the second", s: scenarios.GateRelease{Only: &scenarios.FrameMatch{From: "client", Nth: 2}}, want: []string{"client ACK 2 b"}},
		{name: "only nothing", s: scenarios.GateRelease{Only: &scenarios.FrameMatch{From: "server"}}, err: "no frame that is held matches only; held: #4 seq=1 ACK=1 len=1 from client by data, #5 seq=2 ACK=1 len=1 from client by data, #6 seq=3 ACK=1 len=1 from client by data"},
		{name: "no such rule", s: scenarios.GateRelease{Rule: "x"}, err: `there is no rule "x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := opened(t, nil)
			b.rule("data", holding(data, nil))
			for i, text := range []string{"a", "b", "c"} {
				b.come(client, seg(t, client, ack, uint32(1+i), 1, text))
			}
			if tt.s.Rule == "" {
				tt.s.Rule = "data"
			}
			_, err := b.releaseStep(b.now, &tt.s)
			b.flush()
			if got := fmt.Sprint(err); got != tt.err && (err != nil || tt.err != "") {
				t.Errorf("error %v, want %s", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, b.took()); diff != "" {
				t.Errorf("released (-want +got):\n%s", diff)
			}
			if b.engine.rule("data").over != tt.over {
				t.Errorf("the rule is over: %v, want %v", !tt.over, tt.over)
			}
		})
	}
}

func TestDiscard(t *testing.T) {
	b := opened(t, nil)
	b.rule("data", holding(data, nil))
	for i := range 4 {
		b.come(client, seg(t, client, ack, uint32(1+i), 1, "x"))
	}
	b.told()
	for _, s := range []scenarios.GateDiscard{{Rule: "data", Only: &scenarios.FrameMatch{Seq: exactly(3)}}, {Rule: "data", Frames: 1}, {Rule: "data"}, {Rule: "data"}} {
		if _, err := b.discardStep(b.now, &s); err != nil {
			t.Error(err)
		}
	}
	b.flush()
	b.want(nil, []string{"dropped #6 by data", "dropped #4 by data", "dropped #5 by data", "dropped #7 by data"})
	b.come(client, seg(t, client, ack, 9, 1, "x"))
	b.want(nil, []string{"held #8 by data"})
}

// Of several rules the one that was given last acts; a watch never does, and
// always counts, wherever it stands.
func TestLastRuleActs(t *testing.T) {
	b := opened(t, nil)
	b.rule("watch all", watching(fin))
	b.rule("drop", dropping(fin, 0))
	b.rule("hold", holding(by(fin, "client"), nil))
	b.rule("watch one", watching(scenarios.FrameMatch{Flags: fin.Flags, Nth: 2}))
	for seq := range uint32(3) {
		b.come(client, seg(t, client, finAck, 1+seq, 1, ""))
	}
	b.come(server, seg(t, server, finAck, 1, 1, ""))
	b.want(nil, []string{"matched #4 by watch all", "held #4 by hold", "matched #5 by watch one", "held #5 by hold", "held #6 by hold", "dropped #7 by drop"})
	got := map[string]uint64{}
	for _, r := range b.rules {
		got[r.name] = r.matched
	}
	want := map[string]uint64{"watch all": 4, "drop": 1, "hold": 3, "watch one": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("matched (-want +got):\n%s", diff)
	}
	check(t, b.clear(b.now, ""))
	b.flush()
	b.want([]string{"client FIN+ACK 1", "client FIN+ACK 2", "client FIN+ACK 3"},
		[]string{"released #4 by hold", "released #5 by hold", "released #6 by hold"})
	if err := b.addRule("hold", holding(fin, nil)); err == nil {
		t.Error("a name was given twice")
	}
	b.total(b.now)
	b.flush()
	if got := b.told(); len(got) != 6 || got[0] != "matched #0 by watch all" {
		t.Errorf("totals %q", got)
	}
}

// TestMisses has rules say why they never matched.
func TestMisses(t *testing.T) {
	third := data
	third.Nth = 3
	until := scenarios.FrameMatch{Flags: fin.Flags}
	for _, tt := range []struct {
		name string
		play func(*bench)
		want string
	}{
		{"nothing came", func(b *bench) { b.rule("r", dropping(by(fin, "server"), 0)) }, ""},
		{"it matched", func(b *bench) { b.rule("r", dropping(data, 0)) }, ""},
		{"nth", func(b *bench) { b.rule("r", dropping(third, 0)) }, "2 frames match but for nth"},
		{"hidden", func(b *bench) {
			b.rule("r", dropping(fin, 0))
			b.rule("all", holding(scenarios.FrameMatch{}, nil))
		}, "rule all, given later, acted on 1 frame that it matches"},
		{"hidden, but it watches", func(b *bench) {
			b.rule("r", watching(fin))
			b.rule("all", holding(scenarios.FrameMatch{}, nil))
		}, ""},
		{"not hidden by who watches", func(b *bench) {
			b.rule("r", dropping(fin, 0))
			b.rule("all", watching(scenarios.FrameMatch{}))
		}, ""},
		{"beyond", func(b *bench) { b.rule("r", corrupting(data, 100, scenarios.KeepChecksum)) },
			"byte 100 is beyond the payload of 2 frames that it matches"},
		{"nothing to corrupt", func(b *bench) {
			b.rule("r", corrupting(scenarios.FrameMatch{Protocol: scenarios.ARPFrame}, 0, scenarios.KeepChecksum))
			b.come(client, arp(t, client))
		}, "1 frame that it matches has nothing to corrupt"},
		{"ended", func(b *bench) {
			b.rule("r", holding(data, &until))
			b.come(server, seg(t, server, finAck, 1, 1, ""))
		}, "it had ended when 2 frames came that it matches"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := opened(t, nil)
			tt.play(b)
			for i := range uint32(2) {
				b.come(client, seg(t, client, ack, 1+i, 1, "x"))
			}
			b.come(client, seg(t, client, finAck, 3, 1, ""))
			if got := b.engine.rule("r").why(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestNthAndTimes(t *testing.T) {
	for _, tt := range []struct {
		name       string
		nth, times int
		want       []string
	}{
		{name: "first", nth: 1, want: []string{"2", "3", "4", "5"}},
		{name: "third", nth: 3, want: []string{"1", "2", "4", "5"}},
		{name: "twice", times: 2, want: []string{"3", "4", "5"}},
		{name: "from the second twice", nth: 2, times: 2, want: []string{"1", "4", "5"}},
		{name: "always", want: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := opened(t, nil)
			m := data
			m.Nth = tt.nth
			b.rule("drop", dropping(m, tt.times))
			var want []string
			for _, s := range tt.want {
				want = append(want, "client ACK 1 "+s)
			}
			for i := range 5 { // repetitions count
				b.come(client, seg(t, client, ack, 1, 1, fmt.Sprint(1+i)))
			}
			if diff := cmp.Diff(want, b.took()); diff != "" {
				t.Errorf("passed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDuplicate(t *testing.T) {
	b := opened(t, nil)
	b.rule("more", duplicating(data, 2))
	b.come(client, seg(t, client, ack, 1, 1, "x"))
	b.want([]string{"client ACK 1 x", "client ACK 1 x", "client ACK 1 x"}, []string{"duplicated #4 by more copies=2"})
}

func TestReorder(t *testing.T) {
	b := opened(t, nil)
	b.rule("behind", reordering(data, 2))
	b.come(client, seg(t, client, ack, 1, 1, "a"))
	b.come(client, arp(t, client))                 // another kind
	b.come(server, seg(t, server, ack, 1, 1, ""))  // another direction
	b.come(client, seg(t, client, ack, 2, 1, "b")) // matches, too, but has to pass
	b.come(client, seg(t, client, finAck, 3, 1, "c"))
	b.come(client, seg(t, client, ack, 4, 1, "d")) // the next
	b.want([]string{"ARP", "server ACK 1", "client ACK 2 b", "client FIN+ACK 3 c", "client ACK 1 a"},
		[]string{"reordered #4 by behind", "reordered #9 by behind"})
	if b.aside != 1 || b.holds(nil) != "held: #9 seq=4 ACK=1 len=1 from client by behind" {
		t.Errorf("%d aside; %s", b.aside, b.holds(nil))
	}
	check(t, b.clear(b.now, "behind"))
	b.flush()
	b.want([]string{"client ACK 4 d"}, []string{"released #9 by behind"})
	if b.aside != 0 {
		t.Errorf("%d aside", b.aside)
	}
}

func TestDelay(t *testing.T) {
	b := opened(t, nil)
	b.rule("slow", delaying(data, time.Second))
	b.come(client, seg(t, client, ack, 1, 1, "a"))
	b.come(client, seg(t, client, ack, 2, 1, ""))
	b.come(client, seg(t, client, ack, 2, 1, "b"))
	b.want([]string{"client ACK 2"}, []string{"delayed #4 by slow", "delayed #6 by slow"})
	b.passTime(time.Second - 5)
	b.want(nil, nil)
	b.passTime(3)
	b.want([]string{"client ACK 1 a"}, nil)
	if at := b.wakeAt(); at <= b.now || at > b.now+3 {
		t.Errorf("wake at %d, it is %d", at, b.now)
	}
	f, err := b.byHand(6)
	check(t, err)
	b.release(b.now, f, probes.ByHand)
	b.flush()
	b.want([]string{"client ACK 2 b"}, []string{"released #6 by (hand)"})
	if b.wakeAt() != 0 || b.Len() != 0 {
		t.Error("something is due still")
	}
}

// Len is how much waits.
func (b *bench) Len() int { return len(b.waiting) + len(b.due) }

func TestHoldAll(t *testing.T) {
	b := newBench(t, func(c *Config) { c.HoldAll = true })
	b.rule("seen", watching(fin))
	b.come(client, arp(t, client))
	b.come(client, seg(t, client, probes.SYN, 0, 0, ""))
	b.come(client, seg(t, client, probes.SYN, 0, 0, ""))
	b.come(client, seg(t, client, finAck, 1, 1, ""))
	b.want([]string{"ARP"}, []string{"held #2 by (hand)", "merged #2 by (hand) copies=1", "matched #4 by seen", "held #4 by (hand)"})
	if n := b.engine.rule("seen").matched; n != 1 {
		t.Errorf("%d FINs seen, want 1", n)
	}
	f, err := b.byHand(2)
	check(t, err)
	f.again = 1
	b.release(b.now, f, probes.ByHand)
	b.flush()
	b.want([]string{"client SYN 0", "client SYN 0"}, []string{"released #2 by (hand) copies=1", "duplicated #2 by (hand) copies=1"})
	if _, err := b.byHand(2); err == nil || err.Error() != "frame 2 is not held" {
		t.Errorf("error %v", err)
	}
	b.come(server, seg(t, server, probes.SYN|ack, 0, 1, ""))
	b.told()
	b.holdAll(b.now, false)
	b.come(client, seg(t, client, ack, 1, 1, ""))
	b.want([]string{"client FIN+ACK 1", "server SYN+ACK 0", "client ACK 1"}, []string{"released #4 by (hand)", "released #5 by (hand)"})
}

// In lockstep every segment waits for a step: before the rules see it, and
// again before it goes on that was held.
func TestLockstep(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Lockstep = func(func()) {} })
	step := func() {
		b.step(b.now)
		b.flush()
	}
	b.rule("syn", holding(scenarios.FrameMatch{Flags: []scenarios.TCPFlag{"SYN"}}, nil))
	b.come(client, arp(t, client))
	b.come(client, seg(t, client, probes.SYN, 0, 0, ""))
	b.come(client, seg(t, client, probes.SYN, 0, 0, "")) // while it waits
	b.want([]string{"ARP"}, []string{"merged #2 by (lockstep) copies=1"})
	if b.engine.rule("syn").matched != 0 {
		t.Error("a rule saw a frame before the observers did")
	}
	step()
	b.come(client, seg(t, client, probes.SYN, 0, 0, ""))
	b.want(nil, []string{"held #2 by syn", "merged #2 by syn copies=1"})
	_, err := b.releaseStep(b.now, &scenarios.GateRelease{Rule: "syn"})
	check(t, err)
	b.flush()
	b.come(client, seg(t, client, ack, 1, 1, "x")) // behind it
	b.want(nil, nil)
	if f := b.list(); len(f) != 2 || f[0].Rule != probes.ByLockstep {
		t.Errorf("waiting %+v", f)
	}
	if _, err := b.byHand(2); err == nil {
		t.Error("a frame that waits for the observers can be let on by hand")
	}
	step()
	b.want([]string{"client SYN 0"}, []string{"released #2 by syn copies=1"})
	step()
	step() // nothing is there
	b.want([]string{"client ACK 1 x"}, nil)
	if len(b.looking) > 0 || b.Len() > 0 {
		t.Error("something waits still")
	}
}

func TestBounds(t *testing.T) {
	b := opened(t, nil)
	b.rule("all", holding(scenarios.FrameMatch{}, nil))
	for i := range maxWaiting + 2 {
		b.come(client, seg(t, client, ack, uint32(i), 1, "x"))
	}
	told := b.told()
	want := []string{
		fmt.Sprintf("refused #%d by : 10000 frames wait at the gate already", maxWaiting+4),
		fmt.Sprintf("refused #%d by : 10000 frames wait at the gate already", maxWaiting+5),
	}
	if diff := cmp.Diff(want, told[maxWaiting:]); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	check(t, b.clear(b.now, ""))
	b.flush()
	if n := len(b.took()); n != maxWaiting {
		t.Errorf("%d went on", n)
	}
	if b.bytes != 0 || len(b.repeats) > 0 {
		t.Errorf("%d bytes are left", b.bytes)
	}
}
