package timeline

import (
	"slices"
	"strings"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// A Prediction is what RFC 9293 says that a segment will do to the endpoint
// that it comes to.
type Prediction struct {
	Node     string               // where it comes to, "" if nobody has the address
	Endpoint *Endpoint            // nil where only a listener is, or nobody
	From     probes.State         // the model's state of it, or of the listener; CLOSED if nobody is there
	Taken    []rfc9293.Transition // what it changes, in order
	Answer   string               // what it is answered with: SYN+ACK, ACK, RST; "" if with nothing
	Section  string               // of RFC 9293: 3.10.7.4
	Why      string               // English, technical: the events of figure 5, or why nothing changes
}

// Predict says what a segment will do that comes to its receiver next, given
// what had come to it, and what it had done, up to a moment: as RFC 9293 says,
// run on the wire and the calls, never on what a kernel says its state is.
// sender is the flow as the segment has it, Local its source.
//
// It is for a frame that a gate holds, and for a record that grows: each time
// one is built of it anew. A Timeline that Build did not make predicts nothing.
func (t *Timeline) Predict(sender probes.Flow, s probes.Segment, at probes.Mono) Prediction {
	b := t.oracle
	if b == nil {
		return Prediction{Why: "there is no record to run the model on"}
	}
	in := rfc9293.Input{Kind: rfc9293.Received, Time: at, Segment: &s}
	to := normal(sender).Remote
	flow, known := b.flows.find(sender)
	if known {
		flow = b.canonical(flow, at)
		to = b.flows.list[b.received(flow, at)].Remote
	}
	p := Prediction{Node: b.nodeOf[to.Addr()]}
	listens := b.listens(to) || !b.knowsListeners()
	m, l := (*rfc9293.Machine)(nil), (*lane)(nil)
	if known {
		m, l = b.receiver(flow, at)
	}
	if l != nil {
		p.Node, p.Endpoint = l.Node, l.Endpoint
	}
	fresh := s.Flags&(probes.SYN|probes.ACK|probes.RST) == probes.SYN
	if m != nil && m.State() == probes.TimeWait && fresh && listens && m.Newer(&s) {
		return p.with(rfc9293.Forecast{From: probes.TimeWait, Answer: probes.SYN | probes.ACK, Section: "3.6.1",
			Why: "a new SYN may end TIME-WAIT early (MAY-2): a listener takes it"})
	}
	if m == nil || m.State() == probes.Closed && listens || m.State() == probes.Listen && !listens {
		p.Endpoint, m = nil, rfc9293.New(rfc9293.Active)
		if listens {
			m = rfc9293.New(rfc9293.Passive)
		}
	}
	return p.with(m.Foresee(in))
}

// with fills in what the model says.
func (p Prediction) with(f rfc9293.Forecast) Prediction {
	p.From, p.Taken, p.Section, p.Why = f.From, f.Taken, f.Section, f.Why
	var names []string
	for _, x := range []struct {
		bit  probes.Flags
		name string
	}{{probes.SYN, "SYN"}, {probes.RST, "RST"}, {probes.ACK, "ACK"}} {
		if f.Answer.Has(x.bit) {
			names = append(names, x.name)
		}
	}
	p.Answer = strings.Join(names, "+")
	return p
}

// knowsListeners reports whether a source was there that tells of listeners.
func (b *builder) knowsListeners() bool {
	return b.present(probes.BPF) || b.present(probes.SockDiag) || b.present(probes.SS)
}

// receiver returns the machine of the endpoint that a segment with the flow
// comes to, as it is at a moment: of the newest incarnation there that is not
// over, else of the newest. Both are nil where nothing ever was.
func (b *builder) receiver(flow int, at probes.Mono) (*rfc9293.Machine, *lane) {
	t := b.tuples[flow&^1]
	if t == nil {
		return nil, nil
	}
	var newest *lane
	var last *rfc9293.Machine
	for _, inc := range slices.Backward(t.incarnations) {
		if inc.start > at+slack {
			continue
		}
		l := inc.lane(flow ^ 1)
		var heard []rfc9293.Input
		for _, in := range l.heard {
			if in.Time <= at {
				heard = append(heard, in)
			}
		}
		m, _, _ := rfc9293.Run(l.role(), heard)
		if last == nil {
			last, newest = m, l
		}
		if len(heard) > 0 && m.State() != probes.Closed && m.State() != probes.Listen {
			return m, l
		}
	}
	return last, newest
}
