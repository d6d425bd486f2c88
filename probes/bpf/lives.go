package bpf

import (
	"time"

	"netlab/probes"
)

// What the kernel does to the timer of a mini-socket tells its life
// (kernel/time/timer.c): set, it is born; cancelled and set, it was set again;
// cancelled and over, its time has come; cancelled and nothing more, it was
// ended early. A request whose time has come sends its SYN+ACK again and sets
// the timer, or is given up (reqsk_timer_handler).
//
// So the last word on a cancellation is what follows. The kernel keeps
// interrupts off between the cancellation and the setting, and runs what is
// over right after taking it out, so any other record of the same CPU says
// that nothing follows. Without one, patience does.

// patience is how long a record waits for one that would change its meaning.
// That comes within microseconds, unless the machine stands still.
const patience = probes.Mono(50 * time.Millisecond)

// lives are the mini-sockets whose last record is not the last word.
type lives struct {
	cancelled []record           // by CPU; the newest record of it, or none, whose kind is 0
	expired   map[uint64]*record // requests, by their place
}

func newLives(cpus int) lives {
	return lives{cancelled: make([]record, cpus), expired: make(map[uint64]*record)}
}

// settle ends the mini-socket that r.cpu cancelled last, if r is none that
// changes what this means; in that case it says that r follows it.
func (l *lives) settle(r *record, ended func(*record, probes.Stage)) (follows bool) {
	if int(r.cpu) >= len(l.cancelled) {
		return false
	}
	c := &l.cancelled[r.cpu]
	if c.kind == 0 {
		return false
	}
	defer func() { c.kind = 0 }()
	if c.place == r.place && (r.kind == kindMiniStart || r.kind == kindMiniExpire) {
		return true
	}
	ended(c, probes.Ended)
	return false
}

// flush ends those that have waited since before a time, of all that keep
// says.
func (l *lives) flush(before probes.Mono, keep func(*record) bool, ended func(*record, probes.Stage)) {
	for cpu := range l.cancelled {
		if c := &l.cancelled[cpu]; c.kind != 0 && c.time < before && !keep(c) {
			ended(c, probes.Ended)
			c.kind = 0
		}
	}
	for place, x := range l.expired {
		if x.time < before && !keep(x) {
			delete(l.expired, place)
			ended(x, probes.Expired)
		}
	}
}

// live takes the next record of a mini-socket of p. follows is what settle
// said.
func (t *Tracer) live(p *place, r *record, follows bool) {
	switch r.kind {
	case kindMiniStart:
		before := t.lives.expired[r.place]
		delete(t.lives.expired, r.place)
		switch {
		case p.steps(r):
			t.tell(p, r, probes.Stepped)
		case follows || before != nil:
			t.tell(p, r, probes.Rearmed)
		default:
			t.tell(p, r, probes.Born)
		}
	case kindMiniCancel:
		if int(r.cpu) < len(t.lives.cancelled) {
			t.lives.cancelled[r.cpu] = *r
		}
	case kindMiniExpire:
		if r.old == tcpNewSynRecv {
			x := *r
			t.lives.expired[r.place] = &x
			return
		}
		t.tell(p, r, probes.Expired)
	case kindMiniSeen:
		if p.steps(r) {
			t.tell(p, r, probes.Stepped)
		}
	}
}

// steps reports whether r shows a mini-socket in TIME-WAIT that was in
// FIN-WAIT-2, and remembers those that are.
func (p *place) steps(r *record) bool {
	if r.old != tcpTimeWait {
		return false
	}
	_, half := p.half[r.place]
	if r.new == tcpTimeWait {
		delete(p.half, r.place)
		return half
	}
	if p.half == nil {
		p.half = make(map[uint64]struct{})
	}
	p.half[r.place] = struct{}{}
	return false
}

// end tells of the end of a mini-socket that waited for what follows.
func (t *Tracer) end(r *record, stage probes.Stage) {
	if p := t.places[r.sock.NetNS]; p != nil {
		t.tell(p, r, stage)
	}
}

// tell emits a moment of a mini-socket's life.
func (t *Tracer) tell(p *place, r *record, stage probes.Stage) {
	e := r.common(p.node, probes.KindLife)
	e.Grade = probes.RecordedMini
	life := &probes.Life{Object: probes.MiniObject, Stage: stage}
	if r.old == tcpNewSynRecv {
		life.Object, life.Resent = probes.RequestObject, int(r.reason)
	}
	state := probes.StateFromLinux(uint32(r.new))
	e.Old, e.New = state, state
	switch stage {
	case probes.Born:
		e.Old = probes.Unknown
	case probes.Stepped:
		e.Old = probes.FinWait2
	case probes.Expired, probes.Ended:
		e.New = probes.Unknown
		delete(p.half, r.place)
	}
	if r.kind == kindMiniStart {
		life.Expires = probes.Mono(r.value) * t.tick
	}
	e.Life = life
	p.emit(e)
}
