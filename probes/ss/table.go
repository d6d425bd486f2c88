package ss

import (
	"cmp"
	"slices"

	"netlab/probes"
)

// A table remembers what the last look at one node listed, and turns the
// next look into events.
type table struct {
	last map[key]Entry
	at   probes.Mono // beginning of the last look; 0 before the first
}

// A key tells two sockets of a node apart. The tuple counts only where the
// kernel gave no cookie.
type key struct {
	cookie uint64
	flow   probes.Flow
}

func keyOf(e Entry) key {
	if e.Cookie != 0 {
		return key{cookie: e.Cookie}
	}
	return key{flow: flowOf(e)}
}

func flowOf(e Entry) probes.Flow { return probes.Flow{Local: e.Local, Remote: e.Peer} }

// update takes in the look that lasted from begin to end and returns what
// differs from the look before: sockets that are new or changed their state,
// their object or their addresses, in the order of the list, then those that
// are gone, by cookie. Queues and timers are no news.
func (t *table) update(list []Entry, begin, end probes.Mono, at probes.Place) []probes.Event {
	var events []probes.Event
	now := make(map[key]Entry, len(list))
	for _, e := range list {
		k := keyOf(e)
		// A socket that is dead but open is listed beside its mini-socket,
		// under the same cookie; the mini-socket is what lives.
		if other, twice := now[k]; !twice || other.Object() != probes.MiniObject {
			now[k] = e
		}
	}
	reported := make(map[key]bool)
	for _, e := range list {
		k := keyOf(e)
		e = now[k]
		old, known := t.last[k]
		if reported[k] || known && same(old, e) {
			continue
		}
		reported[k] = true
		events = append(events, t.event(e, end, at, false))
	}
	var gone []Entry
	for k, e := range t.last {
		if _, listed := now[k]; !listed {
			gone = append(gone, e)
		}
	}
	slices.SortFunc(gone, func(a, b Entry) int { return cmp.Compare(a.Cookie, b.Cookie) })
	for _, e := range gone {
		events = append(events, t.event(e, end, at, true))
	}
	t.last, t.at = now, begin
	return events
}

func same(a, b Entry) bool {
	return a.State == b.State && flowOf(a) == flowOf(b) && a.Object() == b.Object()
}

func (t *table) event(e Entry, end probes.Mono, at probes.Place, gone bool) probes.Event {
	sample := probes.Sample{Object: e.Object(), Since: t.at, Gone: gone}
	if !gone {
		sample.Timer, sample.Expires = e.Timer, int(e.Expires.Milliseconds())
		sample.RQueue, sample.WQueue, sample.Inode = e.RecvQ, e.SendQ, e.Inode
	}
	return probes.Event{
		Time: end, Source: probes.SS, Kind: probes.KindSample, Grade: probes.Sampled, Node: at.Node,
		Sock: probes.SocketID{NetNS: at.Cookie, Cookie: e.Cookie}, Flow: flowOf(e), New: e.State, Sample: &sample,
	}
}
