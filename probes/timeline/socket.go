package timeline

import (
	"cmp"
	"net/netip"
	"slices"

	"netlab/probes"
)

// A socket is all that was observed of one socket of a kernel: state events,
// samples and calls, joined by its cookie, or by its addresses where no cookie
// was given.
type socket struct {
	id      probes.SocketID
	node    string
	flow    probes.Flow     // the first complete one, else the fullest
	events  []*probes.Event // in the order of time
	listens bool
	lane    *lane
}

// socketKey finds the socket of an event.
type socketKey struct {
	id   probes.SocketID
	node string      // only without cookie
	flow probes.Flow // likewise
}

// collectSockets groups what was observed of sockets, and sets listeners
// apart.
func (b *builder) collectSockets() {
	sockets := make(map[socketKey]*socket)
	var order []*socket
	for i := range b.t.Events {
		e := &b.t.Events[i]
		if !ofSocket(e.Kind) {
			continue
		}
		if e.Kind == probes.KindCall && e.Call.Protocol != "" { // of UDP, which has no connections
			continue
		}
		key := socketKey{id: b.identity(e)}
		if key.id.Cookie == 0 || elsewhere(e) {
			key = socketKey{node: e.Node, flow: normal(e.Flow)}
		}
		s := sockets[key]
		if s == nil {
			s = &socket{id: key.id, node: e.Node}
			sockets[key] = s
			order = append(order, s)
		}
		s.events = append(s.events, e)
		if e.Kind == probes.KindState && e.Old == probes.Listen && e.New == probes.Closed {
			b.unlistenings = append(b.unlistenings, e)
		}
	}
	for _, s := range order {
		s.settle()
		b.learn(s.flow.Local, s.node)
		if s.listens {
			b.addListener(s)
		} else {
			b.sockets = append(b.sockets, s)
		}
	}
	slices.SortStableFunc(b.sockets, func(x, y *socket) int { return cmp.Compare(x.birth(), y.birth()) })
}

// ofSocket reports whether events of a kind are about one socket, or about a
// segment for one.
func ofSocket(k probes.Kind) bool {
	switch k {
	case probes.KindState, probes.KindSample, probes.KindCall, probes.KindLife,
		probes.KindReset, probes.KindResent, probes.KindFault, probes.KindDrop, probes.KindTally:
		return true
	}
	return false
}

// identity returns the cookies of an event's socket; the namespace is that of
// the node where the event does not say it.
func (b *builder) identity(e *probes.Event) probes.SocketID {
	id := e.Sock
	if id.NetNS == 0 {
		id.NetNS = b.cookieOf[e.Node]
	}
	return id
}

// settle sorts the events, completes the flow and tells listeners.
func (s *socket) settle() {
	slices.SortStableFunc(s.events, func(x, y *probes.Event) int {
		return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Seq, y.Seq))
	})
	for _, e := range s.events {
		flow := normal(e.Flow)
		if fullness(flow) > fullness(s.flow) {
			s.flow = flow
		}
		switch {
		case e.New == probes.Listen, e.Kind == probes.KindCall && e.Call.Name == "listen" && e.Call.Errno == "":
			s.listens = true
		}
	}
}

// fullness counts the parts of a flow that are known.
func fullness(f probes.Flow) int {
	n := 0
	for _, a := range []netip.AddrPort{f.Local, f.Remote} {
		if a.Port() != 0 {
			n++
		}
		if a.Addr().IsValid() && !a.Addr().IsUnspecified() {
			n++
		}
	}
	return n
}

// birth returns when the socket was first seen. A call of accept may have
// waited for long before there was one.
func (s *socket) birth() probes.Mono {
	var first probes.Mono
	for i, e := range s.events { // in the order of time
		at := e.Time
		waited := e.Kind == probes.KindCall && e.Call.Name == "accept"
		if waited {
			at = max(at, e.Call.End)
		}
		if i == 0 || at < first {
			first = at
		}
		if !waited {
			break
		}
	}
	return first
}

// connects reports whether the socket opened its connection itself.
func (s *socket) connects() bool {
	return slices.ContainsFunc(s.events, func(e *probes.Event) bool {
		return e.New == probes.SynSent || e.Kind == probes.KindCall && opens(e.Call)
	})
}

// opens reports whether a call is a connect that may have opened a connection:
// on a socket that listens, or is open already, it opens nothing.
func opens(c *probes.Call) bool {
	return c.Name == "connect" && c.Errno != "EISCONN" && c.Errno != "EALREADY"
}

// accepted reports whether the socket is known to be a listener's child.
func (s *socket) accepted() bool {
	return slices.ContainsFunc(s.events, func(e *probes.Event) bool {
		return e.Old == probes.Listen || e.Kind == probes.KindCall && e.Call.Name == "accept" ||
			e.Kind == probes.KindSample && e.Sample.Object == probes.RequestObject ||
			e.Kind == probes.KindLife && e.Life.Object == probes.RequestObject
	})
}

// connected reports whether there is any sign of a connection: a socket that
// is merely bound, or a listener that failed, is none.
func (s *socket) connected() bool {
	return s.connects() || slices.ContainsFunc(s.events, func(e *probes.Event) bool {
		switch e.Kind {
		case probes.KindState, probes.KindSample:
			return e.New > probes.Listen || e.Old > probes.Listen
		case probes.KindLife:
			return true
		case probes.KindCall:
			return e.Call.Name != "listen" && s.flow.Complete()
		}
		return false
	})
}

// addListener makes a Listener of a socket, or adds to the one that it is:
// a source without cookies knows it by its address.
func (b *builder) addListener(s *socket) {
	var l *Listener
	for _, o := range b.t.Listeners {
		same := o.Sock == s.id && s.id.Cookie != 0
		if same || o.Node == s.node && sameListen(o.Flow.Local, s.flow.Local) && (o.Sock.Cookie == 0 || s.id.Cookie == 0) {
			l = o
			break
		}
	}
	if l == nil {
		l = &Listener{Node: s.node, Flow: s.flow}
		b.t.Listeners = append(b.t.Listeners, l)
	}
	if l.Sock.Cookie == 0 {
		l.Sock = s.id
	}
	for _, e := range s.events {
		if e.Kind == probes.KindCall {
			l.Workload, l.Step = cmp.Or(l.Workload, e.Call.Workload), cmp.Or(l.Step, e.Call.Step)
		}
		if e.New == probes.Listen && !unlistens(e) || e.Kind == probes.KindCall && e.Call.Name == "listen" {
			l.Witnesses = addWitness(l.Witnesses, Witness{Source: e.Source, Grade: grade(e), Event: e.Seq, Time: e.Time})
		}
		if unlistens(e) && !b.teardown(e.Time) {
			l.Ended = addWitness(l.Ended, Witness{Source: e.Source, Grade: grade(e), Event: e.Seq, Time: e.Time})
		}
	}
}

// unlistens reports whether an event of a listener is its end.
func unlistens(e *probes.Event) bool {
	switch e.Kind {
	case probes.KindState:
		return e.Old == probes.Listen && e.New == probes.Closed
	case probes.KindSample:
		return e.Sample.Gone && e.New == probes.Listen
	case probes.KindCall:
		return e.Call.Errno == "" && (e.Call.Name == "close" || e.Call.Name == "shutdown")
	}
	return false
}

// sameListen compares addresses of listeners; a wildcard is written in
// several ways.
func sameListen(a, b netip.AddrPort) bool {
	wild := func(x netip.AddrPort) bool { return !x.Addr().IsValid() || x.Addr().IsUnspecified() }
	return a.Port() == b.Port() && (a.Addr() == b.Addr() || wild(a) && wild(b))
}

// listens reports whether a listener has the address.
func (b *builder) listens(a netip.AddrPort) bool { return b.listener(a) != nil }

// listener returns the listener that a SYN to the address reaches, nil if
// none is known.
func (b *builder) listener(a netip.AddrPort) *Listener {
	node := b.nodeOf[a.Addr()]
	for _, l := range b.t.Listeners {
		addr := l.Flow.Local.Addr()
		wild := !addr.IsValid() || addr.IsUnspecified()
		if l.Flow.Local.Port() == a.Port() && (addr == a.Addr() || wild && (node == "" || l.Node == node)) {
			return l
		}
	}
	return nil
}

// grade returns the grade of an event; one that says none is taken for the
// usual one of its kind.
func grade(e *probes.Event) probes.Grade {
	switch {
	case e.Grade != probes.Ungraded:
		return e.Grade
	case e.Kind == probes.KindSample:
		return probes.Sampled
	}
	return probes.Recorded
}

// addWitness adds a witness unless its source has one already.
func addWitness(list []Witness, w Witness) []Witness {
	if slices.ContainsFunc(list, func(o Witness) bool { return o.Source == w.Source }) {
		return list
	}
	return append(list, w)
}
