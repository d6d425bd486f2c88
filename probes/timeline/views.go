package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// observe gives an endpoint its views: what each observer class alone shows.
func (b *builder) observe(l *lane) {
	l.Views = map[probes.Class]View{
		probes.Model:        b.modelView(l),
		probes.KernelEvents: b.kernelView(l),
		probes.KernelState:  b.stateView(l),
	}
}

// visit adds a visit to a path, unless it is the state that the path is in.
func visit(path []Visit, state probes.State, w Witness) []Visit {
	if n := len(path); n > 0 {
		if path[n-1].State == state {
			path[n-1].Witnesses = addWitness(path[n-1].Witnesses, w)
			return path
		}
		path[n-1].Until = w.Time
	}
	return append(path, Visit{State: state, From: w.Time, Witnesses: []Witness{w}})
}

// begin adds the CLOSED that an opener's path begins with: it was never
// entered, and is known by what ended it.
func begin(path []Visit, w Witness) []Visit {
	return append(path, Visit{State: probes.Closed, Until: w.Time, Witnesses: []Witness{w}})
}

// modelView runs RFC 9293 over what the endpoint's own tap saw and what its
// user called.
func (b *builder) modelView(l *lane) View {
	role := l.role()
	view := View{}
	if !l.tapped {
		view.Why = b.wireGap(l, role)
		view.Whole = view.Why == ""
		return view
	}
	l.heard = b.delivered(l)
	_, taken, broken := rfc9293.Run(role, l.heard)
	for _, v := range broken {
		l.unseen = l.unseen || v.Name == rfc9293.Unseen
	}
	if role == rfc9293.Resumed {
		in := slices.MinFunc(l.inputs, func(x, y rfc9293.Input) int { return cmp.Compare(x.Time, y.Time) })
		view.Visits = visit(nil, probes.Established, inferred(in, in.Time))
	}
	for i, tr := range taken {
		w := inferred(tr.Cause, tr.Time)
		if tr.Event == rfc9293.RcvFIN && len(tr.With) > 0 {
			w.Filled = tr.With[0]
		}
		if i == 0 && tr.From == probes.Closed {
			view.Visits = begin(view.Visits, w)
		}
		view.Visits = visit(view.Visits, tr.To, w)
		l.noteTwo(b, taken, i)
	}
	l.taken = make([]step, len(taken))
	for i, tr := range taken {
		l.taken[i] = step{From: tr.From, To: tr.To, Event: tr.Event, Cause: tr.Cause.Event, Time: tr.Cause.Time}
	}
	view.Why = b.wireGap(l, role)
	view.Whole = view.Why == ""
	return view
}

// role says how the endpoint began.
func (l *lane) role() rfc9293.Role {
	switch {
	case !l.inc.syn:
		return rfc9293.Resumed
	case l.passive:
		return rfc9293.Passive
	}
	return rfc9293.Active
}

// cutOff reports whether gates stopped all that was sent to the endpoint:
// then it had nothing to answer, and that no tap at it saw anything says so.
func (l *lane) cutOff() bool {
	opener := l == l.inc.lanes[0]
	for _, s := range l.inc.conn.Segments {
		if s.Injected && s.Opener == opener {
			continue // in its name
		}
		if s.Opener == opener || s.Arrived() != 0 || !s.atGate() {
			return false
		}
	}
	return l.inc.syn
}

// inferred is the model's witness of what an input drove.
func inferred(in rfc9293.Input, at probes.Mono) Witness {
	w := Witness{Source: probes.Wire, Grade: probes.Inferred, Event: in.Event, Time: at}
	if in.Kind == rfc9293.Called {
		w.Source = probes.Calls
	}
	return w
}

// wireGap says why the model does not know all of an endpoint, "" if it does.
func (b *builder) wireGap(l *lane, role rfc9293.Role) string {
	switch lost := b.loss(probes.Wire, l.Node); {
	case !b.present(probes.Wire):
		return "nothing was captured"
	case !l.tapped && !l.cutOff():
		return "no tap at this end saw the connection"
	case lost != "":
		return "the capture lost records: " + lost
	case !b.complete:
		return "the record is not complete"
	case role == rfc9293.Resumed:
		return "the connection began before the record"
	case l.unclear:
		return "the endpoint is silent: what arrived may have been dropped before TCP, or its answers"
	case l.unseen:
		return "the endpoint acknowledged what no tap saw arrive"
	}
	return b.countedGap(l)
}

// stateView is what looks at the kernel's tables found, each state once. It
// leaves out CLOSED: a dead socket that is still held open.
func (b *builder) stateView(l *lane) View {
	view := View{Why: "the kernel's tables were only looked at now and then"}
	if !b.present(probes.SockDiag) && !b.present(probes.SS) {
		view.Why = "the kernel's tables were not looked at"
	}
	for _, e := range l.events {
		if e.Kind != probes.KindSample || e.Sample.Gone || e.New <= probes.Listen {
			continue
		}
		w := Witness{Source: e.Source, Grade: grade(e), Event: e.Seq, Time: e.Time}
		i := slices.IndexFunc(view.Visits, func(v Visit) bool { return v.State == e.New })
		if i >= 0 {
			view.Visits[i].Witnesses = addWitness(view.Visits[i].Witnesses, w)
			continue
		}
		view.Visits = visit(view.Visits, e.New, w)
	}
	return view
}
