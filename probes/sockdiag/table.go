package sockdiag

import (
	"cmp"
	"slices"

	"netlab/probes"
)

// A table remembers what the last look at one address family of one node
// listed, and turns the next look into events.
type table struct {
	last map[key]Socket
	at   probes.Mono // beginning of the last look; 0 before the first
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
// those that are gone, by cookie. Queues and timers are no news.
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
		s.Sample = probes.Sample{Object: s.Sample.Object, Gone: true}
		events = append(events, t.event(s, end))
	}
	t.last, t.at = now, begin
	return events
}

func same(a, b Socket) bool {
	return a.State == b.State && a.Flow == b.Flow && a.Sample.Object == b.Sample.Object
}

func (t *table) event(s Socket, at probes.Mono) probes.Event {
	sample := s.Sample
	sample.Since = t.at
	return probes.Event{
		Time: at, Source: probes.SockDiag, Kind: probes.KindSample, Grade: probes.Sampled,
		Node: s.Node, Sock: s.ID, Flow: s.Flow, New: s.State, Sample: &sample,
	}
}
