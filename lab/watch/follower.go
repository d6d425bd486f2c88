// Package watch turns the observers on namespaces that are no lab of ours, and
// says live what they see: transitions with the time spent in the state before,
// SYN-RECEIVED and TIME-WAIT too, which sockets do not show, and why a
// connection was reset.
package watch

import (
	"net/netip"
	"time"

	"netlab/probes"
	"netlab/scenarios/words"
)

// A Line is one thing that happened.
type Line struct {
	probes.Event               // its Flow, Owner, Old and New completed from what is known of the socket
	Scope        string        // the namespace, as people call it
	Lasted       time.Duration // in the state before; 0 if that is not known
	Note         words.Message // what else there is to say
}

// A Follower knows the sockets that it was told of and makes lines of events.
// It is not safe for concurrent use.
type Follower struct {
	scopes   map[uint64]string // by cookie of the namespace
	sockets  map[probes.SocketID]*socket
	requests map[request]*socket
	held     map[probes.SocketID]held
	closed   []closed    // in the order of time
	now      probes.Mono // of the newest event
}

// A closed socket is remembered for a while: what the kernel tells of its end,
// an error and a RST, comes after it has forgotten the addresses.
type closed struct {
	id probes.SocketID
	at probes.Mono
}

// remembered is for how long.
const remembered = probes.Mono(time.Second)

// A socket is what is known of one.
type socket struct {
	flow  probes.Flow
	state probes.State
	since probes.Mono // when it entered the state; 0 if that was not seen
	owner *probes.Owner
	mini  bool // a mini-socket stands for it
	child bool // of a request: a socket was made of it
}

// A request names a request socket, which has no cookie.
type request struct {
	netns uint64
	flow  probes.Flow
}

// A held event waits for its local port.
type held struct {
	event probes.Event
	line  Line
}

// patience is for how long a connection's first event waits for its port. The
// kernel chooses that within microseconds, but tells only with the next event.
const patience = probes.Mono(50 * time.Millisecond)

// NewFollower makes a follower that knows nothing.
func NewFollower() *Follower {
	return &Follower{scopes: map[uint64]string{}, sockets: map[probes.SocketID]*socket{}, requests: map[request]*socket{}, held: map[probes.SocketID]held{}}
}

// Name tells what a namespace is called.
func (f *Follower) Name(cookie uint64, name string) { f.scopes[cookie] = name }

// Take takes the next event and returns the lines that it makes.
func (f *Follower) Take(e probes.Event) []Line {
	f.now = max(f.now, e.Time)
	line := Line{Event: e, Scope: f.scopes[e.Sock.NetNS]}
	if line.Scope == "" {
		line.Scope = e.Node
	}
	switch e.Kind {
	case probes.KindState:
		return f.moved(line)
	case probes.KindLife:
		return f.lived(line)
	case probes.KindSample:
		return f.sampled(line)
	case probes.KindLoss:
		f.forget(e.Sock.NetNS)
		return []Line{line}
	case probes.KindReset, probes.KindResent, probes.KindFault, probes.KindDrop, probes.KindTally:
		s := f.socket(&line)
		if line.Old == probes.Unknown && s != nil {
			line.Old = s.state
		}
		return f.release(e.Sock, line)
	}
	return nil
}

// Tick returns the lines that have waited long enough. find returns what a look
// at the kernel's table says of a socket, the zero Flow if it is not there; it
// may be nil.
func (f *Follower) Tick(now probes.Mono, find func(probes.SocketID) probes.Flow) []Line {
	var due []Line
	for id, h := range f.held {
		if now-h.event.Time < patience {
			continue
		}
		delete(f.held, id)
		if find != nil {
			if flow := find(id); flow.Local.Port() != 0 {
				h.line.Flow = flow
				if s := f.sockets[id]; s != nil {
					s.flow = flow
				}
			}
		}
		due = append(due, h.line)
	}
	for len(f.closed) > 0 && now-f.closed[0].at > remembered {
		if s := f.sockets[f.closed[0].id]; s != nil && s.state == probes.Closed {
			delete(f.sockets, f.closed[0].id)
		}
		f.closed = f.closed[1:]
	}
	return due
}

// moved takes a transition of a full socket.
func (f *Follower) moved(line Line) []Line {
	e := &line.Event
	if e.Old == e.New {
		return nil
	}
	s := f.sockets[e.Sock]
	if s == nil {
		s = &socket{state: e.Old, flow: e.Flow}
		if e.Sock.Cookie != 0 {
			f.sockets[e.Sock] = s
		}
	}
	s.learn(e)
	line.complete(s)
	if s.state == e.Old && s.since != 0 {
		line.Lasted = e.Time.Sub(s.since)
	}
	state, since := s.state, s.since
	s.state, s.since = e.New, e.Time
	switch {
	case e.Old == probes.Listen && e.New == probes.SynReceived:
		// The child of a request: RFC 9293's SYN-RECEIVED began with that.
		r := f.requests[request{e.Sock.NetNS, e.Flow}]
		if r == nil {
			line.Note = words.M(words.WatchNoRequest)
			break
		}
		r.child, s.since = true, r.since
		return nil
	case e.New == probes.Closed && s.mini:
		s.state, s.since = state, since
		return nil // the full socket ends, and the connection does not
	case e.New == probes.Closed:
		f.closed = append(f.closed, closed{e.Sock, e.Time})
	case e.New == probes.SynSent && line.Flow.Local.Port() == 0:
		f.held[e.Sock] = held{*e, line}
		return nil
	}
	return f.release(e.Sock, line)
}

// lived takes a moment of a mini-socket's life.
func (f *Follower) lived(line Line) []Line {
	e := &line.Event
	gone := e.Life.Stage == probes.Expired || e.Life.Stage == probes.Ended
	if e.Life.Object == probes.RequestObject {
		return f.requested(line, gone)
	}
	s := f.sockets[e.Sock]
	if s == nil {
		s = &socket{flow: e.Flow, state: e.Old}
		f.sockets[e.Sock] = s
	}
	s.learn(e)
	line.complete(s)
	line.Old = s.state
	if s.since != 0 {
		line.Lasted = e.Time.Sub(s.since)
	}
	switch {
	case gone:
		delete(f.sockets, e.Sock)
		line.New = probes.Closed
		if e.Life.Stage == probes.Ended {
			line.Note = words.M(words.WatchEndedEarly)
		}
	case e.Life.Stage == probes.Rearmed:
		return nil
	default:
		s.mini = true
		line.Note = words.M(words.WatchMini)
		if e.New != s.state {
			s.since = e.Time
		}
		s.state = e.New
	}
	return f.release(e.Sock, line)
}

// requested takes a moment of a request socket's life.
func (f *Follower) requested(line Line, gone bool) []Line {
	e := &line.Event
	at := request{e.Sock.NetNS, e.Flow}
	r := f.requests[at]
	switch {
	case !gone && e.Life.Stage == probes.Born:
		f.requests[at] = &socket{flow: e.Flow, state: probes.SynReceived, since: e.Time}
		line.Old, line.Note = probes.Listen, words.M(words.WatchRequest)
		return []Line{line}
	case !gone:
		return nil // its SYN+ACK was sent again, as another event says
	}
	delete(f.requests, at)
	if r != nil && r.child {
		return nil
	}
	line.Old, line.New, line.Note = probes.SynReceived, probes.Listen, words.M(words.WatchRequestEnded)
	if e.Life.Stage == probes.Expired {
		line.New, line.Note = probes.Closed, words.M(words.WatchRequestExpired)
	}
	if r != nil {
		line.Lasted = e.Time.Sub(r.since)
	}
	return []Line{line}
}

// sampled takes what a look at the kernel's table found.
func (f *Follower) sampled(line Line) []Line {
	e := &line.Event
	s := f.sockets[e.Sock]
	if e.Sample.Gone {
		delete(f.sockets, e.Sock)
		line.Old, line.New, line.Note = e.New, probes.Unknown, words.M(words.WatchGone)
		return []Line{line}
	}
	if s == nil {
		s = &socket{}
		if e.Sock.Cookie != 0 {
			f.sockets[e.Sock] = s
		}
	}
	line.Old, line.Note = s.state, words.M(words.WatchFound)
	s.flow, s.state, s.mini = e.Flow, e.New, e.Sample.Object == probes.MiniObject
	return []Line{line}
}

// socket completes a line from what is known of its socket, and returns that.
func (f *Follower) socket(line *Line) *socket {
	s := f.sockets[line.Sock]
	if s == nil {
		return nil
	}
	s.learn(&line.Event)
	line.complete(s)
	return s
}

// release returns a line, behind those of the same socket that waited for what
// it says.
func (f *Follower) release(id probes.SocketID, line Line) []Line {
	h, ok := f.held[id]
	if !ok {
		return []Line{line}
	}
	delete(f.held, id)
	if line.Flow.Local.Port() != 0 {
		h.line.Flow = line.Flow
	}
	return []Line{h.line, line}
}

// forget forgets the sockets of a namespace: some of what happened to them may
// be lost, their end among it. What is known of a request is only its birth,
// and that of a lost one must not be taken for another's.
func (f *Follower) forget(netns uint64) {
	for at := range f.requests {
		if at.netns == netns {
			delete(f.requests, at)
		}
	}
	for id := range f.sockets {
		if id.NetNS == netns {
			delete(f.sockets, id)
		}
	}
}

// learn keeps what an event says of the socket.
func (s *socket) learn(e *probes.Event) {
	if better(e.Flow.Local, s.flow.Local) {
		s.flow.Local = e.Flow.Local
	}
	if better(e.Flow.Remote, s.flow.Remote) {
		s.flow.Remote = e.Flow.Remote
	}
	if e.Owner != nil {
		s.owner = e.Owner
	}
}

// complete fills in what the kernel had not chosen yet, or had forgotten.
func (l *Line) complete(s *socket) {
	if better(s.flow.Local, l.Flow.Local) {
		l.Flow.Local = s.flow.Local
	}
	if better(s.flow.Remote, l.Flow.Remote) {
		l.Flow.Remote = s.flow.Remote
	}
	if l.Owner == nil {
		l.Owner = s.owner
	}
}

// better reports whether an address says more than another: the kernel forgets
// ports and addresses as a socket ends.
func better(a, b netip.AddrPort) bool {
	said := func(x netip.AddrPort) int {
		n := 0
		if x.Port() != 0 {
			n++
		}
		if x.Addr().IsValid() && !x.Addr().IsUnspecified() {
			n++
		}
		return n
	}
	return said(a) > said(b)
}
