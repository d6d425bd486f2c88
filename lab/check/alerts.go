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
	if j.plain(c) {
		v.inconclusive(because(words.CheckNoTLS))
		return
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
			if r.Alert != "" && r.Alert != probes.CloseNotify {
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
			if name != probes.CloseNotify {
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
		if d := j.paddedDoubt(c, e); d != nil {
			return d
		}
	}
	return nil
}

// paddedDoubt says why it is not known whether there was an alert among the
// encrypted records of an end: in TLS 1.3 whoever sends may pad them (RFC 8446
// section 5.4), so that sizes tell nothing of programs that are not ours.
// What came to one of ours to the end of the stream, it has told.
func (j *judge) paddedDoubt(c *timeline.Connection, e *timeline.Endpoint) *doubt {
	if len(named(j.secureCalls(e), callHandshake, "")) > 0 { // ours never pads
		return nil
	}
	if p := peer(c, e); j.tells(p) {
		calls := j.secureCalls(p)
		if len(named(calls, callCloseNotify, received)) > 0 || len(named(calls, callAlert, received)) > 0 {
			return nil
		}
	}
	for _, r := range slices.Backward(j.records(c, e)) {
		if r.Sealed && r.Record == "application_data" && j.is13(c) {
			return because(words.CheckPadded, EndName(c, e), frameOf(r)).remedied(words.M(words.CheckSayOurs))
		}
	}
	return nil
}

func sealedDoubt(c *timeline.Connection, r *timeline.TLS) *doubt {
	return because(words.CheckSealed, EndName(c, r.From), frameOf(r)).remedied(words.M(words.CheckSayOurs))
}

// frameOf returns the frame in which a record ended, 0 if it is not known.
func frameOf(r *timeline.TLS) int {
	if r.Segment == nil {
		return 0
	}
	return r.Segment.Frame
}
