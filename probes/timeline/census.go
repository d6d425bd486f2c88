package timeline

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"netlab/probes"
)

// persists is in how many looks at all sockets a difference must be found
// before it is told: one may fall into the middle of a change.
const persists = 2

// census compares the sockets that there are by the kernel's events with those
// that sockdiag listed. A socket that was listed again and again, and that no
// event ever told of, and one that is open by its events and was again and
// again not listed, are contradictions that nothing explains.
func (b *builder) census() {
	if !b.present(probes.BPF) || !b.present(probes.SockDiag) || !b.complete {
		return
	}
	rounds := b.rounds()
	if len(rounds) < persists {
		return
	}
	ends := make(map[probes.SocketID]*Endpoint)
	for _, inc := range b.all {
		for _, l := range inc.lanes {
			if l.Sock.Cookie != 0 {
				ends[l.Sock] = l.Endpoint
			}
		}
	}
	residents, nameless := b.residents()
	for _, r := range residents {
		switch {
		case b.loss(probes.BPF, r.node) != "":
			// What is missing may be what would explain it.
		case len(r.told) == 0 && nameless[socketKey{node: r.node, flow: r.flow}]:
			// The kernel gives a request its cookie only when it is listed.
		case len(r.told) == 0:
			if from, until, ok := r.listed(b.records(probes.KindLife)); ok && r.among(rounds, from, until) >= persists {
				b.unexplained(ends, r, r.samples[0], "is listed, and no kernel event told of it")
			}
		case b.loss(probes.SockDiag, r.node) == "":
			if from, until, ok := r.hidden(); ok && r.among(rounds, from, until) >= persists {
				b.unexplained(ends, r, r.told[len(r.told)-1], "is open by the kernel's events, and is not listed")
			}
		}
	}
}

// rounds returns when sockdiag began to look at all sockets, as far as the
// window goes, and behind them the window's end.
func (b *builder) rounds() []probes.Mono {
	var list []probes.Mono
	for i := range b.t.Events {
		if e := &b.t.Events[i]; e.Kind == probes.KindMark && e.Mark == probes.Looked && !b.teardown(e.Time) {
			list = append(list, e.Time)
		}
	}
	slices.Sort(list)
	return append(list, b.t.Close)
}

// A resident is a socket as kernel events and looks tell of it, by its cookie.
type resident struct {
	id      probes.SocketID
	node    string
	flow    probes.Flow
	told    []*probes.Event // kernel events of it
	samples []*probes.Event // of sockdiag
}

// residents collects all sockets that have a cookie, in the order in which they
// were told of first, and the addresses of those that kernel events told of
// without one.
func (b *builder) residents() (list []*resident, nameless map[socketKey]bool) {
	known := make(map[probes.SocketID]*resident)
	nameless = make(map[socketKey]bool)
	for i := range b.t.Events {
		e := &b.t.Events[i]
		id := b.identity(e)
		kernel := e.Source == probes.BPF && (e.Kind == probes.KindState || e.Kind == probes.KindLife)
		if b.teardown(e.Time) || !kernel && (e.Source != probes.SockDiag || e.Kind != probes.KindSample) {
			continue
		}
		if id.Cookie == 0 {
			if kernel {
				nameless[socketKey{node: e.Node, flow: normal(e.Flow)}] = true
			}
			continue
		}
		r := known[id]
		if r == nil {
			r = &resident{id: id, node: e.Node}
			known[id] = r
			list = append(list, r)
		}
		if flow := normal(e.Flow); fullness(flow) > fullness(r.flow) {
			r.flow = flow
		}
		if kernel {
			r.told = append(r.told, e)
		} else {
			r.samples = append(r.samples, e)
		}
	}
	for _, r := range list {
		inOrder(r.told)
		inOrder(r.samples)
	}
	return list, nameless
}

func inOrder(events []*probes.Event) {
	slices.SortStableFunc(events, func(x, y *probes.Event) int { return cmp.Compare(x.Time, y.Time) })
}

// listed returns from when until when a socket was listed that no event told
// of, unless there is a reason: it was there before the record, or it is no
// full socket and only those are told of. until is 0 for ever.
func (r *resident) listed(lives bool) (from, until probes.Mono, ok bool) {
	first, last := r.samples[0], r.samples[len(r.samples)-1]
	object := first.Sample.Object
	if first.Sample.Since == 0 || !lives && (object == probes.RequestObject || object == probes.MiniObject) {
		return 0, 0, false
	}
	if last.Sample.Gone {
		until = last.Sample.Since
	}
	return first.Sample.Since, until, true
}

// hidden returns from when until when a socket was open by its events and not
// listed; until is 0 for ever.
func (r *resident) hidden() (from, until probes.Mono, ok bool) {
	for _, e := range r.told {
		switch {
		case e.Kind != probes.KindState || e.Grade == probes.RecordedMini || e.Old == e.New:
		case e.New == probes.Closed:
			until = e.Time
		case from == 0 || until != 0: // for the first time, or once more
			from, until = e.Time, 0
		}
	}
	if from == 0 {
		return 0, 0, false // never a full socket, as far as events go
	}
	if n := len(r.samples); n > 0 {
		last := r.samples[n-1]
		if !last.Sample.Gone {
			return 0, 0, false
		}
		from = max(from, last.Time)
	}
	return from, until, true
}

// among counts the rounds that lie between two moments as a whole: a round is
// over when the next one begins.
func (r *resident) among(rounds []probes.Mono, from, until probes.Mono) int {
	first, _ := slices.BinarySearch(rounds, from+1)
	last := len(rounds) - 1 // the window's end begins none
	if until != 0 {
		after, _ := slices.BinarySearch(rounds, until+1)
		last = min(last, after-1)
	}
	return max(0, last-first)
}

// unexplained tells a difference.
func (b *builder) unexplained(ends map[probes.SocketID]*Endpoint, r *resident, e *probes.Event, what string) {
	c := Conflict{
		Endpoint: ends[r.id],
		Events:   []uint64{e.Seq},
		Text:     fmt.Sprintf("unexplained: socket %d of %s (%s, peer %s), %s when last seen, %s", r.id.Cookie, r.node, located(r.flow.Local), located(r.flow.Remote), e.New, what),
	}
	b.t.Conflicts = append(b.t.Conflicts, c)
}

// located is an address in words, as far as it is known.
func located(a netip.AddrPort) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}
