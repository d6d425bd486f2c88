package step

import (
	"netlab/lab/gate"
	"netlab/probes"
	"netlab/probes/timeline"
)

// A side is one end of what a frame belongs to.
type side struct {
	node string
	flow probes.Flow // Local is this side's; zero unless TCP or UDP
}

// A pair is the two ends of a connection: the opener is the first.
type pair struct {
	conn  *timeline.Connection // nil if nothing is recorded of it
	sides [2]side
}

// pairOf returns the pair of a connection.
func pairOf(c *timeline.Connection) pair {
	p := pair{conn: c}
	for i, e := range c.Ends() {
		p.sides[i] = side{e.Node, e.Flow}
	}
	return p
}

// find returns the ends of what a frame belongs to, and which of them sent
// it: of several incarnations of a connection the last.
func (v *View) find(f gate.Frame) (p pair, sender int) {
	if c, sender := v.connection(f.Flow); c != nil {
		p := pairOf(c)
		if to := &p.sides[1-sender]; to.node == "" { // nothing of it was heard yet
			to.node = f.To
		}
		return p, sender
	}
	p.sides = [2]side{{f.From, f.Flow}, {f.To, f.Flow.Reverse()}}
	if f.Segment != nil && f.Segment.Flags.Has(probes.SYN|probes.ACK) {
		p.sides[0], p.sides[1] = p.sides[1], p.sides[0]
		return p, 1
	}
	return p, 0
}

// connection returns the last connection with a flow, as its sender has it.
func (v *View) connection(flow probes.Flow) (c *timeline.Connection, sender int) {
	if v.Timeline == nil || !flow.Complete() {
		return nil, 0
	}
	back := flow.Reverse()
	for i := len(v.Timeline.Connections) - 1; i >= 0; i-- {
		c := v.Timeline.Connections[i]
		switch {
		case c.Opener.Flow == flow || c.Acceptor.Flow == back:
			return c, 0
		case c.Acceptor.Flow == flow || c.Opener.Flow == back:
			return c, 1
		}
	}
	return nil, 0
}

// socket returns the socket of an end. Beside one in TIME-WAIT the kernel may
// still list the dead one that it was.
func (v *View) socket(s side) (found Socket, ok bool) {
	if !s.flow.Complete() {
		return Socket{}, false
	}
	for _, x := range v.Sockets {
		if x.Node == s.node && x.Flow == s.flow && x.Object != probes.ListenerObject {
			if !ok || x.State != probes.Closed {
				found, ok = x, true
			}
		}
	}
	return found, ok
}

// listens reports whether a listener of the end's node takes what comes to
// the end.
func (v *View) listens(s side) bool {
	for _, x := range v.Sockets {
		at := x.Flow.Local
		if x.Node == s.node && x.Object == probes.ListenerObject && at.Port() == s.flow.Local.Port() &&
			(!at.Addr().IsValid() || at.Addr().IsUnspecified() || at.Addr() == s.flow.Local.Addr()) {
			return true
		}
	}
	return false
}

// state returns the state of an end: as the kernel's table has it or, where
// nobody looks at that, as the record has it.
func (v *View) state(p pair, i int) probes.State {
	s := p.sides[i]
	if !s.flow.Complete() {
		return probes.Unknown
	}
	if x, ok := v.socket(s); ok {
		return x.State
	}
	var history []timeline.Visit
	if p.conn != nil {
		history = p.conn.Ends()[i].History
	}
	switch {
	case len(v.Sockets) == 0 && len(history) > 0:
		return history[len(history)-1].State
	case len(history) == 0 && v.listens(s):
		return probes.Listen
	}
	return probes.Closed
}

// nodes returns the names of the lab's nodes, as far as they are known.
func (v *View) nodes() []string {
	var names []string
	if v.Timeline != nil {
		for _, n := range v.Timeline.Header.Nodes {
			names = append(names, n.Name)
		}
	}
	return names
}
