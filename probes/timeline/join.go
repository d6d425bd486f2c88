package timeline

import (
	"cmp"
	"slices"

	"netlab/probes"
	"netlab/probes/rfc9293"
)

// slack is how far the clocks of two observers of one moment may be apart: a
// process may be preempted between what the kernel notes and what it sends.
const slack probes.Mono = 1e6 // 1 ms

// joinSockets gives each socket to the endpoint that it is. Sockets with a
// cookie come first: they say which incarnation lives when. Connections that
// no tap saw are made of sockets alone.
func (b *builder) joinSockets() {
	var loose []*socket
	for _, s := range b.sockets {
		if s.id.Cookie == 0 {
			loose = append(loose, s)
			continue
		}
		b.join(s)
	}
	for _, s := range loose {
		b.joinLoose(s)
	}
	for _, inc := range b.all {
		for _, l := range inc.lanes {
			l.finish()
		}
		b.nameOwners(inc)
	}
	b.nameBySession()
}

// join gives a socket with a cookie to its lane.
func (b *builder) join(s *socket) {
	if !s.connected() {
		return
	}
	if !s.flow.Complete() {
		if l := b.byRemote(s); l != nil {
			l.take(s)
			return
		}
	}
	flow := b.canonical(b.flows.of(s.flow), s.birth())
	t := b.tuples[flow&^1]
	if t == nil {
		t = &tuple{}
		b.tuples[flow&^1] = t
	}
	if l := choose(t, s, flow); l != nil {
		l.take(s)
		return
	}
	opener := flow
	if s.accepted() || !s.connects() && b.listens(s.flow.Local) {
		opener ^= 1
	}
	inc := b.begin(t, opener, s.birth(), nil)
	inc.lane(flow).take(s)
}

// choose picks the incarnation of a socket: an opener's socket is born just
// before its SYN, any other after the SYN. A lane that has a socket takes
// another only where one of the two is a mere request socket, which may have
// had a cookie of its own.
func choose(t *tuple, s *socket, flow int) *lane {
	const wrongSide probes.Mono = 1e15 // worse than any distance
	var best *lane
	var least probes.Mono
	for _, inc := range t.incarnations {
		l := inc.lane(flow)
		if l.socket != nil && !l.socket.request() && !s.request() || l.Node != "" && l.Node != s.node {
			continue
		}
		d := s.birth() - inc.start
		if s.dials() {
			d = -d
		}
		if d < 0 {
			if d = -d; d > slack && inc.syn {
				d += wrongSide
			}
		}
		if best == nil || d < least {
			best, least = l, d
		}
	}
	return best
}

// dials reports whether the beginning of the socket's opening was seen.
func (s *socket) dials() bool {
	return slices.ContainsFunc(s.events, func(e *probes.Event) bool {
		return e.Kind == probes.KindState && e.New == probes.SynSent || e.Kind == probes.KindCall && opens(e.Call)
	})
}

// request reports whether only a request socket was seen.
func (s *socket) request() bool {
	return !slices.ContainsFunc(s.events, func(e *probes.Event) bool {
		switch e.Kind {
		case probes.KindSample:
			return e.Sample.Object != probes.RequestObject
		case probes.KindLife:
			return e.Life.Object != probes.RequestObject
		case probes.KindResent:
			return !e.Resent.SYNACK
		case probes.KindDrop, probes.KindReset:
			return false
		}
		return true
	})
}

// byRemote finds the opener of a socket whose local port nobody ever told:
// its connect failed before. It is the one whose SYN left next.
func (b *builder) byRemote(s *socket) *lane {
	var best *lane
	var start probes.Mono
	for _, inc := range b.all {
		l := inc.lanes[0]
		if l.Node != s.node || l.socket != nil || l.Flow.Remote != s.flow.Remote || inc.start < s.birth()-slack {
			continue
		}
		if best == nil || inc.start < start {
			best, start = l, inc.start
		}
	}
	return best
}

// joinLoose gives what sources without cookies saw to the incarnation that
// lived then, event by event.
func (b *builder) joinLoose(s *socket) {
	if !s.flow.Complete() {
		return
	}
	for i, e := range s.events {
		flow := b.canonical(b.flows.of(s.flow), e.Time)
		t := b.tuples[flow&^1]
		if t == nil || len(t.incarnations) == 0 {
			if i == 0 {
				b.join(s)
				return
			}
			continue
		}
		n := len(t.incarnations) - 1
		for n > 0 && t.incarnations[n].start > e.Time+slack {
			n--
		}
		l := t.incarnations[n].lane(flow)
		if l.Node == "" || l.Node == s.node {
			l.named(s.node)
			l.events = append(l.events, e)
		}
	}
}

// take makes s the lane's socket.
func (l *lane) take(s *socket) {
	s.lane = l
	l.events = append(l.events, s.events...)
	l.named(s.node)
	if l.socket == nil || l.socket.request() {
		l.socket, l.Sock = s, s.id
	}
	if fullness(s.flow) > fullness(l.Flow) {
		l.Flow = s.flow
	}
}

// finish sorts what was joined and hands the model its calls.
func (l *lane) finish() {
	slices.SortStableFunc(l.events, func(x, y *probes.Event) int {
		return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Seq, y.Seq))
	})
	for _, e := range l.events {
		if e.Kind != probes.KindCall {
			continue
		}
		in := rfc9293.Input{Kind: rfc9293.Called, Time: e.Time, Event: e.Seq, Call: e.Call}
		if e.Call.Errno != "" && e.Call.Name != "close" && e.Call.Name != "shutdown" {
			in.Time = max(e.Time, e.Call.End) // a failure is known at the end
		}
		l.inputs = append(l.inputs, in)
		l.Workload = cmp.Or(l.Workload, e.Call.Workload)
	}
}

// number orders the connections and gives ordinals.
func (b *builder) number() {
	slices.SortStableFunc(b.all, func(x, y *incarnation) int { return cmp.Compare(x.start, y.start) })
	endpoints := 0
	for i, inc := range b.all {
		inc.conn.Ordinal = i + 1
		for _, l := range inc.lanes {
			endpoints++
			l.Ordinal = endpoints
		}
		inc.lanes[1].passive = !inc.lanes[1].opens
		b.t.Connections = append(b.t.Connections, inc.conn)
	}
}
