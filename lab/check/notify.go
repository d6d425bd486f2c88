package check

import (
	"slices"

	"netlab/probes"
	"netlab/probes/timeline"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

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
	case j.plain(c):
		v.inconclusive(because(words.CheckNoTLS))
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
		if r.Alert == probes.CloseNotify {
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
	return false, firstDoubt(whole, j.paddedDoubt(c, e))
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
		if r.Alert != "" && (r.Alert == probes.CloseNotify) == (word == scenarios.WordCloseNotify) {
			return recordInstant(r, conflict)
		}
	}
	if said := named(j.secureCalls(e), name, sent); len(said) > 0 {
		ev := said[0]
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
