package timeline

import (
	"slices"

	"netlab/probes"
)

// kernelView is the path that the kernel's events show: those of full sockets,
// and the lives of mini-sockets as far as they were recorded. Where they were
// not, it ends with CLOSED where a mini-socket takes over.
func (b *builder) kernelView(l *lane) View {
	k := kernelPath{b: b, l: l, view: View{Why: b.kernelGap(l)}}
	for _, e := range l.events {
		if e.Source.Class() != probes.KernelEvents {
			continue
		}
		switch e.Kind {
		case probes.KindState:
			k.moved(e)
		case probes.KindLife:
			k.lived(e)
		}
	}
	k.view.Whole = k.view.Why == ""
	k.view.Blind = k.blind()
	return k.view
}

// blind says which states the kernel's events cannot show of an endpoint.
// Where the lives of mini-sockets are not recorded, those are all that may be
// spent in one. Where they are, two escape: a SYN of which only a cookie is
// kept, and a step to TIME-WAIT inside a mini-socket, whose timer is not touched
// if it stays in the same bucket of the timer wheel: then only the segment that
// is freed there tells of it.
func (k *kernelPath) blind() []probes.State {
	if !k.b.records(probes.KindLife) {
		return []probes.State{probes.Listen, probes.SynReceived, probes.FinWait2, probes.TimeWait, probes.Closed}
	}
	blind := []probes.State{probes.Listen, probes.Closed}
	if k.l.passive && k.b.cookies(k.l) {
		blind = append(blind, probes.SynReceived)
	}
	if n := len(k.view.Visits); k.l.mini && n > 0 && !k.b.records(probes.KindDrop) {
		for _, v := range k.view.Visits {
			if v.State == probes.FinWait2 {
				blind = append(blind, probes.TimeWait)
			}
		}
	}
	return blind
}

// kernelGap says why events of an endpoint may be missing, "" if none are.
func (b *builder) kernelGap(l *lane) string {
	switch lost := b.loss(probes.BPF, l.Node); {
	case !b.present(probes.BPF):
		return "kernel events could not be recorded"
	case lost != "":
		return "kernel events were lost: " + lost
	case !b.complete:
		return "the record is not complete"
	}
	return ""
}

// A kernelPath is a kernel's view in the making.
type kernelPath struct {
	b        *builder
	l        *lane
	view     View
	outlives bool // a mini-socket stands for the endpoint
}

// moved takes in a transition of a socket.
func (k *kernelPath) moved(e *probes.Event) {
	mini := e.Grade == probes.RecordedMini
	if e.Old == e.New && !mini {
		return // MPTCP's own, no transition
	}
	w := Witness{Source: e.Source, Grade: grade(e), Event: e.Seq, Time: e.Time}
	state := probes.Closed
	if n := len(k.view.Visits); n > 0 {
		state = k.view.Visits[n-1].State
	} else if e.Old == probes.Closed {
		k.view.Visits = begin(nil, w)
	}
	switch {
	case mini:
		k.outlives = e.New == probes.TimeWait || e.New == probes.FinWait2
	case e.Old == probes.Listen:
	case e.New == probes.Closed && k.outlives:
		// The full socket's end, recorded after its mini-socket's birth.
		k.l.died = e
		k.b.note(k.l, HandOver, e.Seq)
		return
	case e.Old != state:
		if k.view.Why == "" {
			k.view.Why = "a transition to " + e.Old.String() + " was not recorded"
		}
		missed := w
		missed.Grade = probes.Inferred
		k.view.Visits = visit(k.view.Visits, e.Old, missed)
	}
	k.view.Visits = visit(k.view.Visits, e.New, w)
	if e.New == probes.Closed && !mini {
		k.l.died = e
	}
}

// lived takes in a moment of a mini-socket's life.
func (k *kernelPath) lived(e *probes.Event) {
	w := Witness{Source: e.Source, Grade: grade(e), Event: e.Seq, Time: e.Time}
	gone := e.Life.Stage == probes.Expired || e.Life.Stage == probes.Ended
	if e.Life.Object == probes.RequestObject {
		switch {
		case !gone:
			k.view.Visits = visit(k.view.Visits, probes.SynReceived, w)
		case k.l.child() != nil:
		case e.Life.Stage == probes.Expired || k.b.unlistened(k.l, e.Time) || k.b.overflowed(k.l, e.Time):
			k.view.Visits = visit(k.view.Visits, probes.Closed, w)
		default: // note 1 of figure 5, and erratum 8710
			k.view.Visits = visit(k.view.Visits, probes.Listen, w)
		}
		return
	}
	k.l.mini = true
	k.outlives = !gone
	if gone {
		k.view.Visits = visit(k.view.Visits, probes.Closed, w)
		return
	}
	if e.Life.Stage == probes.Born && e.New == probes.FinWait2 {
		k.b.note(k.l, OrphanFinWait2, e.Seq)
	}
	k.view.Visits = visit(k.view.Visits, e.New, w)
}

// child returns the kernel's word that a socket was made of the acceptor's
// request, nil if there is none.
func (l *lane) child() *probes.Event {
	i := slices.IndexFunc(l.events, func(e *probes.Event) bool { return e.Kind == probes.KindState && e.Old == probes.Listen })
	if i < 0 {
		return nil
	}
	return l.events[i]
}

// unlistened reports whether the listener of an acceptor had ended by a time.
func (b *builder) unlistened(l *lane, at probes.Mono) bool {
	own := l.Flow.Local
	return slices.ContainsFunc(b.unlistenings, func(e *probes.Event) bool {
		return e.Node == l.Node && normal(e.Flow).Local.Port() == own.Port() && e.Time <= at+slack
	})
}
