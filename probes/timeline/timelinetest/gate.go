package timelinetest

import (
	"time"

	"netlab/probes"
)

// This file plays gates: one stands in every link of a script, at the sender's
// end, and says what it does to a packet between two taps.

// Hold lets a gate hold the packet, as a rule says.
func (p *Packet) Hold(rule string) *Packet {
	s := p.from.script
	s.frames++
	p.frame, p.rule, p.since = s.frames, rule, s.now
	p.act(probes.Act{Do: probes.Held})
	return p
}

// Release lets the packet go on that was held. It does not arrive by that.
func (p *Packet) Release() *Packet {
	p.act(probes.Act{Do: probes.Released, Copies: p.merged, Waited: p.from.script.now - p.since})
	return p
}

// Drop lets a gate drop the packet, as a rule says, whether it was held or not.
func (p *Packet) Drop(rule string) {
	s := p.from.script
	act := probes.Act{Do: probes.Dropped, Copies: p.merged}
	if p.frame != 0 {
		act.Waited = s.now - p.since
	} else {
		s.frames++
		p.frame = s.frames
	}
	p.rule = rule
	p.act(act)
}

// Merge sends the packet again while it is held: the gate drops the repetition.
func (p *Packet) Merge() {
	again := p.Again()
	p.merged++
	again.frame, again.rule = p.frame, p.rule
	again.act(probes.Act{Do: probes.Merged})
}

// Refuse lets a gate find that the packet cannot go on.
func (p *Packet) Refuse(why string) { p.fresh(probes.Act{Do: probes.Refused, What: why}, "") }

// Duplicate lets a gate send copies after the packet. They do not arrive by
// that: see Arrive.
func (p *Packet) Duplicate(rule string, copies int) *Packet {
	p.fresh(probes.Act{Do: probes.Duplicated, Copies: copies}, rule)
	return p
}

// Delay lets a gate pass the packet on later. It does not arrive by that.
func (p *Packet) Delay(rule string) *Packet {
	p.fresh(probes.Act{Do: probes.Delayed}, rule)
	return p
}

// Reorder lets a gate pass the packet on after others. It does not arrive by
// that.
func (p *Packet) Reorder(rule string) *Packet {
	p.fresh(probes.Act{Do: probes.Reordered}, rule)
	return p
}

// Corrupt lets a gate change a bit of the packet. Unless it makes the checksum
// fit again, the packet arrives with one that does not.
func (p *Packet) Corrupt(rule string, fix bool) *Packet {
	what := "keep"
	if fix {
		what = "fix"
	}
	p.fresh(probes.Act{Do: probes.Corrupted, What: what}, rule)
	p.BadSum = !fix
	return p
}

// Forge lets a gate send a segment to the end's peer in the end's name.
// Nothing of the end changes; see Arrive and Deliver for the peer.
func (e *End) Forge(rule string, seg probes.Segment) *Packet {
	p := &Packet{Segment: seg, from: e, to: e.peer}
	p.fresh(probes.Act{Do: probes.Injected}, rule)
	return p
}

// fresh records an act on a packet that the gate did not know.
func (p *Packet) fresh(a probes.Act, rule string) {
	s := p.from.script
	s.frames++
	p.frame, p.rule = s.frames, rule
	p.act(a)
}

func (p *Packet) act(a probes.Act) {
	s := p.from.script
	s.Wait(time.Microsecond)
	seg := p.Segment
	a.Link, a.Frame, a.Rule, a.To = p.link(p.from), p.frame, p.rule, p.to.Node
	if s.opts.Path != Direct {
		a.To = s.middle()
	}
	s.record(probes.Event{Source: probes.Gate, Kind: probes.KindGate, Grade: probes.Recorded, Node: p.from.Node, Flow: p.from.Flow, Segment: &seg, Gate: &a})
}

// Matched records how often a rule of a link's gate matched.
func (s *Script) Matched(link, rule string, times uint64) {
	s.record(probes.Event{Source: probes.Gate, Kind: probes.KindGate, Gate: &probes.Act{Do: probes.Matched, Link: link, Rule: rule, Times: times}})
}

// Missed records that a rule never matched, and why.
func (s *Script) Missed(link, rule, why string) {
	s.record(probes.Event{Source: probes.Gate, Kind: probes.KindGate, Gate: &probes.Act{Do: probes.Matched, Link: link, Rule: rule, What: why}})
}

// Passed records how much went through the gate of a link from a node.
func (s *Script) Passed(link, from, to string, frames, bytes uint64) {
	s.record(probes.Event{Source: probes.Gate, Kind: probes.KindGate, Node: from,
		Gate: &probes.Act{Do: probes.Passed, Link: link, To: to, Frames: frames, Bytes: bytes}})
}
