package check

import (
	"cmp"
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
	callCloseNotify = "close_notify"
	callAlert       = "alert"
	callFailed      = "failed" // what a handshake came to
	sent            = "sent"
	received        = "received"
)

// closeNotify is the alert that is none.
const closeNotify = "close_notify"

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

// agreed returns the server_hello of a connection, nil if none was read.
func (j *judge) agreed(c *timeline.Connection) *timeline.TLS {
	for i := range c.TLS {
		if r := &c.TLS[i]; r.Message == "server_hello" && j.inWindow(r.Time) {
			return r
		}
	}
	return nil
}

// sealedAlerts returns the records of an end that may be encrypted alerts: up
// to TLS 1.2 their type says so, in 1.3 only their size does.
func (j *judge) sealedAlerts(c *timeline.Connection, e *timeline.Endpoint) []*timeline.TLS {
	hello := j.agreed(c)
	var list []*timeline.TLS
	for _, r := range j.records(c, e) {
		like := r.Record == "application_data" && r.Len == sealedAlert && (hello == nil || hello.Version == string(scenarios.TLS13))
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

// A sentAlert is an alert and who sent it, as far as that is known.
type sentAlert struct {
	from     *timeline.Endpoint
	name     string
	at       probes.Mono
	arrived  bool // at is when it was received
	recorded bool // by somebody; else it is inferred
	sealed   bool
}

// alerts judges which alerts were sent, in which order.
func (j *judge) alerts(v *Verdict, c *timeline.Connection, want []scenarios.Alert) {
	got := j.sentAlerts(v, c)
	var parts []string
	for _, a := range got {
		parts = append(parts, EndName(c, a.from)+" "+a.name)
	}
	v.Got = listText(parts)
	if len(v.SeenBy) == 0 {
		v.seen(probes.Wire, probes.Recorded, tapped(c), 2, 0)
	}
	missing := slices.Clone(want)
	for _, a := range got {
		i := slices.IndexFunc(missing, func(w scenarios.Alert) bool {
			e, _ := findEnd(c, w.End)
			return e == a.from && w.Description == a.name
		})
		if i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		} else if a.recorded {
			v.fail(words.M(words.CheckStepIs, v.Got, v.Want))
			return
		}
	}
	if d := j.alertDoubt(c, got); d != nil {
		v.inconclusive(d)
		return
	}
	inOrder := len(got) == len(want)
	for i := range got {
		if inOrder {
			e, d := findEnd(c, want[i].End)
			if d != nil && d.reason.ID == words.CheckSameNode {
				v.inconclusive(d)
				return
			}
			inOrder = e == got[i].from && want[i].Description == got[i].name
		}
	}
	if !inOrder {
		v.fail(words.M(words.CheckStepIs, v.Got, v.Want))
		return
	}
	for _, a := range got {
		if !a.recorded {
			v.inconclusive(because(words.CheckAlertInferred, EndName(c, a.from), a.name))
			return
		}
	}
	v.pass()
	if slices.ContainsFunc(got, func(a sentAlert) bool { return a.sealed }) {
		v.limited(words.M(words.CheckCallsAlone))
	}
}

// sentAlerts gathers the alerts beside close_notify, in the order of sending.
// One that several saw is one.
func (j *judge) sentAlerts(v *Verdict, c *timeline.Connection) []sentAlert {
	var list []sentAlert
	add := func(a sentAlert) {
		for i := range list {
			b := &list[i]
			if b.from != a.from || b.name != a.name {
				continue
			}
			b.recorded = b.recorded || a.recorded
			b.sealed = b.sealed && a.sealed
			if b.arrived && !a.arrived {
				b.at, b.arrived = a.at, false
			}
			return
		}
		list = append(list, a)
	}
	for _, e := range c.Ends() {
		for _, r := range j.records(c, e) {
			if r.Alert != "" && r.Alert != closeNotify {
				v.noteRecord(r, probes.Recorded)
				add(sentAlert{from: e, name: r.Alert, at: r.Time, recorded: true})
			}
		}
		for _, ev := range named(j.secureCalls(e), callAlert, "") {
			direction, name, _ := strings.Cut(ev.Call.Args, " ")
			a := sentAlert{from: e, name: name, at: ev.Time, recorded: ev.Grade != probes.Inferred, sealed: true}
			if direction == received {
				a.from, a.arrived = peer(c, e), true
			}
			if name != closeNotify {
				v.noteCall(ev)
				add(a)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b sentAlert) int { return cmp.Compare(a.at, b.at) })
	slices.SortStableFunc(v.SeenBy, func(a, b Seen) int { return cmp.Compare(a.Grade, b.Grade) }) // what was recorded counts
	return list
}

func peer(c *timeline.Connection, e *timeline.Endpoint) *timeline.Endpoint {
	if e == c.Opener {
		return c.Acceptor
	}
	return c.Opener
}

// alertDoubt says why there may have been more alerts: an encrypted record
// that may be one and that nobody accounts for.
func (j *judge) alertDoubt(c *timeline.Connection, known []sentAlert) *doubt {
	for _, e := range c.Ends() {
		if j.tells(e) {
			continue
		}
		if d := firstDoubt(j.bothEndsDoubt(c), j.lossDoubt(anywhere, probes.Content), streamDoubt(c, e, "")); d != nil {
			return d
		}
		unknown := j.sealedAlerts(c, e)
		accounted := len(named(j.secureCalls(peer(c, e)), callCloseNotify, received))
		for _, a := range known {
			if a.from == e && a.sealed {
				accounted++
			}
		}
		if len(unknown) > accounted {
			return sealedDoubt(c, unknown[0])
		}
	}
	return nil
}

func sealedDoubt(c *timeline.Connection, r *timeline.TLS) *doubt {
	frame := 0
	if r.Segment != nil {
		frame = r.Segment.Frame
	}
	return because(words.CheckSealed, EndName(c, r.From), frame).remedied(words.M(words.CheckSayOurs))
}

// closeNotify judges which ends sent close_notify before their FIN.
func (j *judge) closeNotify(v *Verdict, c *timeline.Connection, want scenarios.Who) {
	var certain []*timeline.Endpoint
	var unknown []*timeline.Endpoint
	var open *doubt
	for _, e := range c.Ends() {
		sent, d := j.notified(v, c, e)
		switch {
		case d != nil:
			open = firstDoubt(open, d)
			unknown = append(unknown, e)
		case sent:
			certain = append(certain, e)
		}
	}
	if len(v.SeenBy) == 0 {
		v.seen(probes.Wire, probes.Recorded, tapped(c), 2, 0)
	}
	v.Got = endsText(c, certain)
	// Whatever the open ends did: does it hold, does it not?
	holds, fails := false, false
	for bits := range 1 << len(unknown) {
		ends := slices.Clone(certain)
		for i, e := range unknown {
			if bits>>i&1 == 1 {
				ends = append(ends, e)
			}
		}
		ok, unclear := among(c, want, ends)
		if unclear != nil {
			v.inconclusive(unclear)
			return
		}
		holds, fails = holds || ok, fails || !ok
	}
	switch {
	case holds && fails:
		v.inconclusive(open)
	case fails:
		v.fail(words.M(words.CheckStepIs, v.Got, whoText(want)))
	default:
		v.pass()
	}
}

// notified reports whether an end sent close_notify before its FIN, or why
// that is not known.
func (j *judge) notified(v *Verdict, c *timeline.Connection, e *timeline.Endpoint) (bool, *doubt) {
	calls := j.secureCalls(e)
	like := j.sealedAlerts(c, e)
	whole := firstDoubt(j.bothEndsDoubt(c), j.lossDoubt(anywhere, probes.Content), streamDoubt(c, e, ""))
	for _, r := range j.records(c, e) {
		if r.Alert == closeNotify {
			v.noteRecord(r, probes.Recorded)
			return true, nil
		}
	}
	if heard := named(j.secureCalls(peer(c, e)), callCloseNotify, received); len(heard) > 0 {
		v.noteCall(heard[0])
		for _, ev := range named(calls, callCloseNotify, sent) {
			v.noteCall(ev)
		}
		return true, nil
	}
	for _, ev := range named(calls, callCloseNotify, sent) {
		fin := j.finOf(c, e)
		if ev.Call.Errno != "" || fin != nil && ev.Time > fin.Sent() {
			continue
		}
		v.noteCall(ev)
		if whole == nil && len(like) == 0 {
			return false, because(words.CheckNoticeUnseen, EndName(c, e))
		}
		for _, r := range like[max(len(like)-1, 0):] {
			v.noteRecord(r, probes.Inferred)
		}
		return true, nil
	}
	if n := len(like); n > 0 && j.isLast(c, like[n-1]) && !j.accounted(c, e, n) {
		v.noteRecord(like[n-1], probes.Inferred)
		return false, sealedDoubt(c, like[n-1])
	}
	if j.tells(e) {
		v.noteCall(named(calls, callHandshake, "")[0])
		return false, nil
	}
	return false, whole
}

// accounted reports whether n encrypted records of an end that may be alerts
// are known to be others than close_notify.
func (j *judge) accounted(c *timeline.Connection, e *timeline.Endpoint, n int) bool {
	for _, a := range j.sentAlerts(&Verdict{}, c) {
		if a.from == e && a.sealed {
			n--
		}
	}
	return n <= 0
}

// finOf returns the first FIN of an end, nil if it sent none.
func (j *judge) finOf(c *timeline.Connection, e *timeline.Endpoint) *Frame {
	for _, f := range j.read(c) {
		if f.End == e && f.Counts && f.Flags.Has(probes.FIN) {
			return &f
		}
	}
	return nil
}

// secureMoment finds when an end sent close_notify, or its first other alert.
func (j *judge) secureMoment(c *timeline.Connection, e *timeline.Endpoint, word scenarios.SegmentWord) instant {
	name, conflict := callCloseNotify, j.conflictDoubt(c.Opener, c.Acceptor)
	if word == scenarios.WordAlert {
		name = callAlert
	}
	for _, r := range j.records(c, e) {
		if r.Alert != "" && (r.Alert == closeNotify) == (word == scenarios.WordCloseNotify) {
			return recordInstant(r, conflict)
		}
	}
	for _, ev := range named(j.secureCalls(e), name, sent) {
		// The record on the wire, where only one can be it, has the clock of
		// the segments.
		if like := j.sealedAlerts(c, e); len(like) == 1 && like[0].Segment != nil && like[0].Time >= ev.Time-recordSlack {
			return recordInstant(like[0], conflict)
		}
		return instant{early: ev.Time, at: max(ev.Time, ev.Call.End), source: probes.Calls, grade: ev.Grade, event: ev.Seq, doubt: conflict}
	}
	var v Verdict
	if word == scenarios.WordAlert {
		return instant{never: true, doubt: j.alertDoubt(c, nil)}
	}
	sent, d := j.notified(&v, c, e)
	if d == nil && sent {
		d = because(words.CheckOnlyHeard, EndName(c, e)).remedied(words.M(words.CheckSayOurs))
	}
	return instant{never: true, doubt: d}
}

// recordSlack is by how much the wire's clock may be behind that of the calls.
const recordSlack = 1e6 // 1 ms

func recordInstant(r *timeline.TLS, d *doubt) instant {
	x := instant{early: r.Time, at: r.Time, source: probes.Wire, grade: probes.Recorded, event: r.Event, doubt: d}
	if r.Segment != nil {
		x.frame = r.Segment.Frame
	}
	return x
}
