package check

import (
	"slices"
	"strings"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// This file judges TLS. The wire shows the handshake and, of what is
// encrypted, only types and sizes; what was in it the calls of our own
// programs tell.

// Words of the calls of TLS, see probes.Call.
const (
	callHandshake   = "handshake"
	callCloseNotify = probes.CloseNotify
	callAlert       = "alert"
	callFailed      = "failed" // what a handshake came to
	sent            = "sent"
	received        = "received"
)

// sealedAlert is the size of an alert in TLS 1.3: two bytes, their type, and a
// tag of 16 bytes (RFC 8446 section 5.2).
const sealedAlert = 19

// secureCalls returns what the program at an end recorded of TLS there, inside
// the window.
func (j *judge) secureCalls(e *timeline.Endpoint) []*probes.Event {
	if !j.listed {
		j.listed = true
		for i := range j.tl.Events {
			ev := &j.tl.Events[i]
			if ev.Call != nil && slices.Contains([]string{callHandshake, callCloseNotify, callAlert}, ev.Call.Name) && j.inWindow(ev.Time) {
				j.secure = append(j.secure, ev)
			}
		}
	}
	var list []*probes.Event
	for _, ev := range j.secure {
		same := ev.Flow == e.Flow
		if ev.Sock.Cookie != 0 && e.Sock.Cookie != 0 {
			same = ev.Sock == e.Sock
		}
		if ev.Node == e.Node && same {
			list = append(list, ev)
		}
	}
	return list
}

// named returns the calls of a name whose Args begin with a word.
func named(calls []*probes.Event, name, word string) []*probes.Event {
	var list []*probes.Event
	for _, ev := range calls {
		first, _, _ := strings.Cut(ev.Call.Args, " ")
		if ev.Call.Name == name && (word == "" || first == word) {
			list = append(list, ev)
		}
	}
	return list
}

// tells reports whether the program at an end records its TLS, so that what it
// did not record it did not do.
func (j *judge) tells(e *timeline.Endpoint) bool {
	return len(named(j.secureCalls(e), callHandshake, "")) > 0 && j.callsDoubt(e) == nil
}

func (j *judge) callsDoubt(e *timeline.Endpoint) *doubt {
	return firstDoubt(j.sourceDoubt(probes.Calls), j.runDoubt(), j.lossDoubt(e.Node, probes.Calls))
}

// records returns the records of TLS that an end sent inside the window.
func (j *judge) records(c *timeline.Connection, e *timeline.Endpoint) []*timeline.TLS {
	var list []*timeline.TLS
	for i := range c.TLS {
		if r := &c.TLS[i]; r.From == e && j.inWindow(r.Time) {
			list = append(list, r)
		}
	}
	return list
}

// plain reports whether nothing of TLS was seen on c: that no alert was sent
// there says nothing.
func (j *judge) plain(c *timeline.Connection) bool {
	for _, e := range c.Ends() {
		if len(j.records(c, e)) > 0 || len(j.secureCalls(e)) > 0 {
			return false
		}
	}
	return true
}

// agreed returns the server_hello of a connection, nil if none was read.
func (j *judge) agreed(c *timeline.Connection) *timeline.TLS {
	for i := range c.TLS {
		if r := &c.TLS[i]; r.Message == "server_hello" && j.inWindow(r.Time) {
			return r
		}
	}
	return nil
}

// is13 reports whether a connection agreed on TLS 1.3, as far as is known.
func (j *judge) is13(c *timeline.Connection) bool {
	hello := j.agreed(c)
	return hello == nil || hello.Version == string(scenarios.TLS13)
}

// sealedAlerts returns the records of an end that may be encrypted alerts: up
// to TLS 1.2 their type says so, in 1.3 only their size does, unless they are
// padded: see paddedDoubt.
func (j *judge) sealedAlerts(c *timeline.Connection, e *timeline.Endpoint) []*timeline.TLS {
	var list []*timeline.TLS
	for _, r := range j.records(c, e) {
		like := r.Record == "application_data" && r.Len == sealedAlert && j.is13(c)
		if r.Sealed && (r.Record == "alert" || like) {
			list = append(list, r)
		}
	}
	return list
}

// isLast reports whether a record is the last that its sender sent.
func (j *judge) isLast(c *timeline.Connection, r *timeline.TLS) bool {
	all := j.records(c, r.From)
	return all[len(all)-1] == r
}

func (v *Verdict) noteRecord(r *timeline.TLS, grade probes.Grade) {
	v.seen(probes.Wire, grade, 1, 1, r.Event)
	v.Evidence.Events = append(v.Evidence.Events, r.Event)
	if r.Segment != nil {
		v.Evidence.Frames = append(v.Evidence.Frames, r.Segment.Frame)
	}
}

func (v *Verdict) noteCall(ev *probes.Event) {
	v.Evidence.Events = append(v.Evidence.Events, ev.Seq)
	for i := range v.SeenBy {
		if s := &v.SeenBy[i]; s.Source == probes.Calls && s.Grade == ev.Grade {
			s.Count, s.Of = s.Count+1, s.Of+1
			return
		}
	}
	v.seen(probes.Calls, ev.Grade, 1, 1, ev.Seq)
}

// tlsVersion judges which version was agreed on. The server_hello says it in
// clear text; the calls of our programs must say the same.
func (j *judge) tlsVersion(v *Verdict, c *timeline.Connection, want scenarios.TLSVersion) {
	hello := j.agreed(c)
	v.Got = "none"
	if hello != nil {
		v.Got = hello.Version
		v.noteRecord(hello, probes.Recorded)
	}
	for _, e := range c.Ends() {
		for _, ev := range named(j.secureCalls(e), callHandshake, "") {
			version := ev.Call.Args
			if strings.HasPrefix(version, callFailed) {
				continue
			}
			v.noteCall(ev)
			if hello != nil && version != v.Got {
				v.inconclusive(because(words.CheckTLSDiffers, v.Got, EndName(c, e), version))
				return
			}
			v.Got = version
		}
	}
	if v.Got == "none" {
		v.seen(probes.Wire, probes.Recorded, tapped(c), 2, 0)
		if d := j.searchDoubt(c, ""); d != nil {
			v.inconclusive(d)
			return
		}
		v.fail(words.M(words.CheckNoHello))
		return
	}
	if v.Got != string(want) {
		v.fail(words.M(words.CheckStepIs, v.Got, string(want)))
		return
	}
	v.pass()
	if hello == nil {
		v.limited(words.M(words.CheckCallsAlone))
	}
}
