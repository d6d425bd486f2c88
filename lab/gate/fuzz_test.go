package gate

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"netlab/probes"
	"netlab/scenarios"
)

// seeds are frames of all kinds.
func seeds(tb testing.TB) [][]byte {
	return [][]byte{
		seg(tb, client, probes.SYN, 0, 0, ""), seg(tb, server, probes.SYN|ack, 0, 1, ""), seg(tb, client, ack, 1, 1, ""),
		seg(tb, client, ack|probes.PSH, 1, 1, "RETR hello.txt\r\n"), seg(tb, server, finAck, 1, 17, "226\r\n"), seg(tb, client, finAck, 17, 7, ""),
		datagram(tb, client, "query"), arp(tb, server), ping(tb, client), icmp6(tb, server, 135), icmp6(tb, client, 143),
		with(seg(tb, client, ack, 1, 1, "x"), 20, 0x20), with(datagram(tb, client, "x"), 20, 0, 9), with(arp(tb, client), 12, 0x81, 0),
		{1, 2, 3}, {},
	}
}

// FuzzParse: whatever comes, headers are read within it.
func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	var matchers []*matcher
	for _, m := range []scenarios.FrameMatch{{}, {Protocol: "any"}, fin, data, {Content: "x"}, {Seq: exactly(1)}, {Protocol: "nd"}, {Ports: scenarios.PortRange{Low: 1, High: 21}}} {
		r, err := newMatcher(&m, [2]string{"client", "server"})
		check(f, err)
		matchers = append(matchers, r)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr := frame{data: b}
		fr.header.parse(b)
		h := &fr.header
		if h.link > len(b) || h.Payload < 0 || h.Segment.Len < 0 || h.Payload+h.Segment.Len > len(b) || h.Header > h.Payload {
			t.Fatalf("outside of %d bytes: %+v", len(b), h)
		}
		if fr.words() == "" {
			t.Error("it has no name")
		}
		for _, m := range matchers {
			if m.takes(&fr, false) && (h.kind == kindARP || h.kind == kindND) && m.kinds&(kindARP|kindND) == 0 {
				t.Error("a rule took what always passes")
			}
		}
		for octet := range 3 {
			if corruptible(h, octet) {
				c := bytes.Clone(b)
				corruptByte(c, h, octet, true)
			}
		}
	})
}

// FuzzEngine plays a script of frames and commands: each byte is one, of
// which some take the next as an argument. Nothing may be lost or made up:
// every frame that came has passed, waits, or an event says what became of it.
func FuzzEngine(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 2, 30, 3, 4, 5, 40, 41, 42, 43}, []byte(nil))
	f.Add(uint64(2), []byte{30, 32, 33, 34, 0, 1, 2, 3, 3, 4, 5, 50, 51, 0, 2, 47, 3, 60, 61, 44}, []byte("\x02\x00"))
	f.Add(uint64(3), []byte{36, 37, 31, 3, 3, 3, 3, 45, 46, 47, 48, 0, 0, 49, 40}, []byte("\xff"))
	f.Fuzz(func(t *testing.T, seed uint64, script, own []byte) {
		if len(script) > 300 {
			return
		}
		p := newPlayer(t, seed, own)
		for _, op := range script {
			p.play(op)
		}
		p.audit()
	})
}

// A player plays a script, and keeps account.
type player struct {
	*bench
	frames [][]byte
	came   map[uint64][]byte // by number
	went   map[uint64]int
	told   map[uint64]map[probes.Deed]int
	copies map[uint64]int // by events
	merged int
	rules  int
	// changed are those that went out otherwise than they came, since the
	// events were last looked at.
	changed []uint64
}

func newPlayer(tb testing.TB, seed uint64, own []byte) *player {
	p := &player{
		frames: append(seeds(tb), own), came: map[uint64][]byte{}, went: map[uint64]int{},
		told: map[uint64]map[probes.Deed]int{}, copies: map[uint64]int{},
	}
	p.bench = newBench(tb, func(c *Config) {
		c.Seed = seed
		c.HoldAll = seed%5 == 1
		if seed%3 == 1 {
			c.Lockstep = func(func()) {}
		}
		if seed%4 == 3 {
			c.Impair[client] = &everything
		}
	})
	return p
}

// play does what a byte of the script says.
func (p *player) play(op byte) {
	m := []scenarios.FrameMatch{{}, fin, data, {Protocol: "any"}, {From: "client", Flags: fin.Flags, Nth: 2}}[int(op)%5]
	name := fmt.Sprint(int(op)%7 + 1)
	p.now++
	switch {
	case op < 30 || op >= 120:
		data := p.frames[int(op)%len(p.frames)]
		end := int(op/2) % 2
		p.arrive(p.now, end, bytes.Clone(data))
		p.came[p.next] = data
	case op < 45:
		p.rules++
		steps := []*scenarios.Step{
			holding(m, nil), holding(m, &fin), dropping(m, 0), dropping(m, 1), watching(m), duplicating(m, 2),
			reordering(m, 1), reordering(m, 3), delaying(m, time.Millisecond), corrupting(m, 0, "fix"), corrupting(m, 2, "keep"),
		}
		_ = p.addRule(fmt.Sprint(p.rules), steps[int(op)%len(steps)])
	case op < 60:
		_, _ = p.releaseStep(p.now, &scenarios.GateRelease{Rule: name, Frames: int(op) % 3, Keep: op%2 == 0})
	case op < 65:
		_, _ = p.releaseStep(p.now, &scenarios.GateRelease{Rule: name, Until: &m})
	case op < 70:
		_, _ = p.discardStep(p.now, &scenarios.GateDiscard{Rule: name, Only: &m})
	case op < 75:
		_ = p.clear(p.now, name)
	case op < 76:
		_ = p.clear(p.now, "")
	case op < 90:
		if f, err := p.byHand(uint64(op - 75)); err == nil {
			f.again = int(op % 2)
			p.release(p.now, f, probes.ByHand)
		}
	case op < 95:
		p.step(p.now)
	case op < 100:
		p.holdAll(p.now, op%2 == 0)
	case op < 110:
		p.now += probes.Mono(time.Millisecond)
		p.advance(p.now)
	default:
		_ = p.inject(p.now, Injection{From: p.ends[op%2], Flow: flowOf[op%2], Flags: probes.RST | ack})
	}
	p.collect()
}

// collect takes what went out and what was told into account.
func (p *player) collect() {
	for i := range p.out {
		s := &p.out[i]
		p.went[s.id]++
		if came, ok := p.came[s.id]; ok && !bytes.Equal(came, s.data) {
			p.changed = append(p.changed, s.id)
		}
		p.engine.sent(i)
	}
	for _, e := range p.engine.events {
		id := e.Gate.Frame
		if e.Gate.Do == probes.Matched { // of a rule that only watches
			continue
		}
		if r := p.engine.rule(e.Gate.Rule); r != nil && r.does == watch {
			p.tb.Fatalf("frame %d was %s by a rule that only watches", id, e.Gate.Do)
		}
		if p.told[id] == nil {
			p.told[id] = map[probes.Deed]int{}
		}
		p.told[id][e.Gate.Do]++
		switch e.Gate.Do {
		case probes.Duplicated:
			p.copies[id] += e.Gate.Copies
		case probes.Merged:
			p.merged++
		}
	}
	for _, id := range p.changed {
		if p.told[id][probes.Corrupted] == 0 {
			p.tb.Fatalf("frame %d was changed, which nothing says", id)
		}
	}
	p.changed = p.changed[:0]
	p.flushed()
}

// audit accounts for every frame.
func (p *player) audit() {
	there := map[uint64]int{}
	octets := 0
	for _, f := range p.waiting {
		there[f.id]++
		octets += len(f.data)
	}
	delayed := 0
	for _, f := range p.due {
		if f.then == thenEnter {
			there[f.id]++
			delayed++
		}
	}
	if octets != p.bytes || delayed != p.impaired {
		p.tb.Errorf("%d bytes wait and %d frames are delayed, counted as %d and %d", octets, delayed, p.bytes, p.impaired)
	}
	unseen, twice := 0, 0
	for id := uint64(1); id <= p.next; id++ {
		told := p.told[id]
		if n := p.went[id]; n > 1+p.copies[id] {
			p.tb.Errorf("frame %d went out %d times, and only %d copies were told", id, n, p.copies[id])
		}
		ends := p.went[id] + there[id] + told[probes.Dropped] + told[probes.Refused]
		if ends == 0 {
			unseen++
		}
		twice += p.copies[id]
	}
	// A repetition is told by the number of the first; a duplicate of an
	// impairment may be one.
	if unseen > p.merged || unseen < p.merged-twice {
		p.tb.Errorf("%d frames are neither here nor there; %d were merged, %d duplicated", unseen, p.merged, twice)
	}
	for key, f := range p.repeats {
		if f.repetition() != key || there[f.id] == 0 {
			p.tb.Errorf("frame %d is waited for, and is not there", f.id)
		}
	}
	aside := 0
	for _, f := range p.waiting {
		if f.left > 0 {
			aside++
		}
	}
	if aside != p.aside {
		p.tb.Errorf("%d frames are set aside, counted as %d", aside, p.aside)
	}
}
