package dns

import (
	"sync"
	"time"

	dnslib "github.com/miekg/dns"
)

// maxEntries bounds a cache. When it is full, what would be forgotten first
// has to go.
const maxEntries = 1000

// maxAge bounds how long anything is kept, whatever its TTL (RFC 8767, section
// 4, advises days).
const maxAge = 24 * time.Hour

// A question is what is asked for.
type question struct {
	name string // canonical
	kind uint16
}

// A cache keeps answers for their time.
type cache struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[question]entry
}

type entry struct {
	reply   *dnslib.Msg
	learnt  time.Time
	expires time.Time
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, entries: map[question]entry{}}
}

// get returns an answer that may still be used, its TTLs diminished by its age.
func (c *cache) get(q question) *dnslib.Msg {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[q]
	now := c.now()
	if !ok || !now.Before(e.expires) {
		delete(c.entries, q)
		return nil
	}
	reply := e.reply.Copy()
	age := uint32(now.Sub(e.learnt) / time.Second)
	for _, rr := range append(append([]dnslib.RR(nil), reply.Answer...), reply.Ns...) {
		rr.Header().Ttl -= min(age, rr.Header().Ttl)
	}
	return reply
}

// put keeps an answer, if it may be kept.
func (c *cache) put(q question, reply *dnslib.Msg) {
	age, ok := lifetime(reply)
	if !ok || age <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if _, there := c.entries[q]; !there && len(c.entries) >= maxEntries {
		c.makeRoom(now)
	}
	c.entries[q] = entry{reply: reply.Copy(), learnt: now, expires: now.Add(min(age, maxAge))}
}

// makeRoom drops what has expired, or else what expires first.
func (c *cache) makeRoom(now time.Time) {
	var first question
	var when time.Time
	for q, e := range c.entries {
		if !now.Before(e.expires) {
			delete(c.entries, q)
		} else if when.IsZero() || e.expires.Before(when) {
			first, when = q, e.expires
		}
	}
	if len(c.entries) >= maxEntries {
		delete(c.entries, first)
	}
}

// lifetime returns how long an answer may be kept: the least TTL in it; for a
// name or data that does not exist what the SOA says (RFC 2308, section 5). Of
// what else went wrong nothing is kept.
func lifetime(reply *dnslib.Msg) (time.Duration, bool) {
	if reply.Rcode != dnslib.RcodeSuccess && reply.Rcode != dnslib.RcodeNameError {
		return 0, false
	}
	ttl, found := uint32(0), false
	least := func(v uint32) {
		if !found || v < ttl {
			ttl, found = v, true
		}
	}
	for _, rr := range reply.Answer {
		least(rr.Header().Ttl)
	}
	if len(reply.Answer) == 0 || reply.Rcode == dnslib.RcodeNameError {
		negative := false
		for _, rr := range reply.Ns {
			if soa, ok := rr.(*dnslib.SOA); ok {
				least(min(soa.Hdr.Ttl, soa.Minttl))
				negative = true
			}
		}
		if !negative {
			return 0, false
		}
	}
	return time.Duration(ttl) * time.Second, found
}
