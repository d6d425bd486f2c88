package sockdiag

import (
	"cmp"
	"slices"

	"netlab/probes"
)

// A table remembers what the last look at one address family of one node
// listed, and what looks at single sockets have shown since, and turns the next
// look into events.
type table struct {
	last   map[key]Socket
	at     probes.Mono         // beginning of the last look at all; 0 before the first
	single map[key]probes.Mono // beginning of the last look at one socket, where that was later
}

// A key tells two sockets of a node apart. The tuple counts only where the
// kernel gave no cookie.
type key struct {
	cookie uint64
	flow   probes.Flow
}

func keyOf(s Socket) key {
	if s.ID.Cookie != 0 {
		return key{cookie: s.ID.Cookie}
	}
	return key{flow: s.Flow}
}

// update takes in the look that lasted from begin to end and returns what
// differs from the look before: sockets that are new or changed their
// state, their object or their addresses, in the order of the list, then
// those that are gone, by cookie. Timers are no news, and queues are only
// those of a listener.
func (t *table) update(list []Socket, begin, end probes.Mono) []probes.Event {
	var events []probes.Event
	now := make(map[key]Socket, len(list))
	for _, s := range list {
		k := keyOf(s)
		// A socket that is dead but open is listed beside its mini-socket,
		// under the same cookie; the mini-socket is what lives. A change
		// while the kernel walks its table may list one twice.
		if other, twice := now[k]; !twice || other.Sample.Object != probes.MiniObject {
			now[k] = s
		}
	}
	reported := make(map[key]bool)
	for _, s := range list {
		k := keyOf(s)
		s = now[k]
		old, known := t.last[k]
		if reported[k] || known && same(old, s) {
			continue
		}
		reported[k] = true
		events = append(events, t.event(s, end))
	}
	var gone []Socket
	for k, s := range t.last {
		if _, listed := now[k]; !listed {
			gone = append(gone, s)
		}
	}
	slices.SortFunc(gone, func(a, b Socket) int { return cmp.Compare(a.ID.Cookie, b.ID.Cookie) })
	for _, s := range gone {
		events = append(events, t.event(without(s), end))
	}
	t.last, t.at, t.single = now, begin, nil
	return events
}

// found takes in a look at one socket.
func (t *table) found(s Socket, begin, end probes.Mono) []probes.Event {
	k := keyOf(s)
	old, known := t.last[k]
	var events []probes.Event
	if !known || !same(old, s) {
		events = append(events, single(t.event(s, end)))
	}
	if t.last == nil {
		t.last = make(map[key]Socket)
	}
	t.last[k] = s
	t.looked(k, begin)
	return events
}

// gone takes in a look at one socket that found none.
func (t *table) gone(k key, begin, end probes.Mono) []probes.Event {
	s, known := t.last[k]
	if !known {
		return nil
	}
	e := single(t.event(without(s), end))
	delete(t.last, k)
	t.looked(k, begin)
	return []probes.Event{e}
}

// single says of an event that it came of a look at its socket alone.
func single(e probes.Event) probes.Event {
	e.Sample.Single = true
	return e
}

func (t *table) looked(k key, begin probes.Mono) {
	if t.single == nil {
		t.single = make(map[key]probes.Mono)
	}
	t.single[k] = begin
}

// without is the socket once it is listed no more.
func without(s Socket) Socket {
	s.Sample = probes.Sample{Object: s.Sample.Object, Gone: true}
	return s
}

// same reports whether a look shows nothing new of a socket. The queue of a
// listener is the connections that nobody has accepted.
func same(a, b Socket) bool {
	queue := a.Sample.Object != probes.ListenerObject || a.Sample.RQueue == b.Sample.RQueue && a.Sample.WQueue == b.Sample.WQueue
	return queue && a.State == b.State && a.Flow == b.Flow && a.Sample.Object == b.Sample.Object
}

func (t *table) event(s Socket, at probes.Mono) probes.Event {
	sample := s.Sample
	sample.Since = max(t.at, t.single[keyOf(s)])
	return probes.Event{
		Time: at, Source: probes.SockDiag, Kind: probes.KindSample, Grade: probes.Sampled,
		Node: s.Node, Sock: s.ID, Flow: s.Flow, New: s.State, Sample: &sample,
	}
}
