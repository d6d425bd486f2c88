package check

import (
	"netlab/probes/timeline"
	"netlab/scenarios"
)

// A question is all that is expected of one connection.
type question struct {
	*judge
	x *scenarios.ConnectionExpect
	c *timeline.Connection // nil if there is none
}

// connection asks for a connection what is expected of it.
func (j *judge) connection(x *scenarios.ConnectionExpect) *question {
	return &question{judge: j, x: x, c: Connection(j.tl, j.sc, x.Name)}
}

// answer judges it, in the order of the keys.
func (q *question) answer() {
	q.patterns()
	q.ends()
	q.counts()
	q.content()
	q.security()
}

// about judges one expectation.
func (q *question) about(name string, kind Kind, reference string, at scenarios.Pos, judge func(*Verdict), want string) {
	v := Verdict{Name: q.x.Name + "." + name, Kind: kind, Want: want, Reference: reference, At: at}
	if q.c == nil {
		q.missing(&v, q.x.Name)
	} else {
		judge(&v)
	}
	if v.Outcome == Pass {
		if d := q.conflictDoubt(q.c.Opener, q.c.Acceptor); d != nil {
			v.inconclusive(d)
		}
	}
	q.excuse(&v, q.c)
	if q.c != nil {
		q.blameGate(&v, q.c)
	}
	q.add(v)
}

// patterns judges the segments of opening and closing.
func (q *question) patterns() {
	if p := q.x.Opening; p != nil {
		q.about("opening", OpeningKind, "RFC 9293 section 3.5", q.x.At,
			func(v *Verdict) { q.pattern(v, q.c, Opening(q.read(q.c)), *p, true) }, patternText(q.c, *p, true))
	}
	if p := q.x.Closing; p != nil {
		q.about("closing", ClosingKind, "RFC 9293 section 3.6", q.x.At,
			func(v *Verdict) { q.pattern(v, q.c, Closing(q.read(q.c)), *p, false) }, patternText(q.c, *p, false))
	}
}

// ends judges what the ends went through.
func (q *question) ends() {
	for i := range q.x.Ends {
		e := &q.x.Ends[i]
		if len(e.States) > 0 {
			want := wantedStates(e)
			q.about(e.Name+".states", StatesKind, "RFC 9293 section 3.3.2", e.At,
				func(v *Verdict) { q.states(v, q.c, e.Name, want) }, pathText(want))
		}
		if want := e.Objects; len(want) > 0 {
			q.about(e.Name+".objects", ObjectsKind, "include/net/request_sock.h, inet_timewait_sock.h", e.At,
				func(v *Verdict) { q.objects(v, q.c, e.Name, want) }, objectsText(want))
		}
	}
	if w := q.x.FirstFIN; w != nil {
		q.about("first_fin", FirstFINKind, "RFC 9293 section 3.6", q.x.At, func(v *Verdict) { q.firstFIN(v, q.c, *w) }, whoText(*w))
	}
	if w := q.x.TimeWait; w != nil {
		q.about("time_wait", TimeWaitKind, "RFC 9293 section 3.6.1", q.x.At, func(v *Verdict) { q.timeWait(v, q.c, *w) }, whoText(*w))
	}
}

// counts judges how many segments of a kind there were.
func (q *question) counts() {
	if n := q.x.Resets; n != nil {
		q.about("resets", ResetsKind, "RFC 9293 section 3.5.2", q.x.At, func(v *Verdict) { q.resets(v, q.c, *n) }, countText(*n))
	}
	if w := q.x.ResetReasons; w != nil {
		q.about("reset_reasons", ResetReasonsKind, "RFC 9293 section 3.5.2", q.x.At, func(v *Verdict) { q.resetReasons(v, q.c, *w) }, wantedReasons(*w))
	}
	if n := q.x.Retransmissions; n != nil {
		q.about("retransmissions", RetransmissionsKind, "RFC 9293 section 3.8.1", q.x.At,
			func(v *Verdict) { q.retransmissions(v, q.c, *n) }, countText(*n))
	}
}

// content judges what can be read on the wire.
func (q *question) content() {
	for i, text := range q.x.Visible {
		q.about(numbered(VisibleKind, i, len(q.x.Visible)), VisibleKind, "RFC 3552 section 3.2.1", q.x.At,
			func(v *Verdict) { q.readable(v, q.c, text, true) }, quoted(text))
	}
	for i, text := range q.x.Hidden {
		q.about(numbered(HiddenKind, i, len(q.x.Hidden)), HiddenKind, "RFC 3552 section 3.2.1", q.x.At,
			func(v *Verdict) { q.readable(v, q.c, text, false) }, "not "+quoted(text))
	}
}

// security judges TLS.
func (q *question) security() {
	if w := q.x.TLS; w != nil {
		q.about("tls", TLSKind, "RFC 8446 section 4.2.1", q.x.At, func(v *Verdict) { q.tlsVersion(v, q.c, *w) }, string(*w))
	}
	if w := q.x.Alerts; w != nil {
		q.about("alerts", AlertsKind, "RFC 8446 section 6", q.x.At, func(v *Verdict) { q.alerts(v, q.c, *w) }, alertsText(*w))
	}
	if w := q.x.CloseNotify; w != nil {
		q.about("close_notify", CloseNotifyKind, "RFC 8446 section 6.1", q.x.At, func(v *Verdict) { q.closeNotify(v, q.c, *w) }, whoText(*w))
	}
}

func alertsText(want []scenarios.Alert) string {
	var parts []string
	for _, a := range want {
		parts = append(parts, a.End+" "+a.Description)
	}
	return listText(parts)
}
