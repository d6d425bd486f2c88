// Package timeline joins the events of a run into connections, endpoints,
// state histories and segments. It is pure: events in, Timeline out.
package timeline

import (
	"slices"
	"time"

	"netlab/probes"
)

// A Timeline is everything that was observed in a run, joined.
type Timeline struct {
	Header      probes.Header
	Events      []probes.Event // as recorded, in the order of their ordinals; Events[i].Seq == i+1
	Open, Close probes.Mono    // the window: what is judged; Close is 0 if the run never got there
	Complete    bool           // every probe was drained: the record has no tail missing
	Connections []*Connection  // in the order of their opening
	Listeners   []*Listener
	Segments    []*Segment // of all connections, and strays, in the order of sending; Segments[i].Frame == i+1
	Steps       []*Step    // in the order of their beginning
	Losses      []Loss     // records that are missing
	Starved     []Starved  // when the machine kept the run waiting
	Conflicts   []Conflict // where observers contradict each other
	Notes       []Note     // legitimate disagreements, by name
	Gates       []*Gate    // links that netlab itself carried, by name
	Acts        []Act      // what gates did to frames, in the order of time

	oracle *builder // what Predict asks; nil in a Timeline that Build did not make
}

// A Connection is two endpoints and the segments between them.
type Connection struct {
	Ordinal  int       // from 1
	Opener   *Endpoint // sent the first SYN
	Acceptor *Endpoint // the other; its History is empty where nothing ever answered
	Segments []*Segment
	// Step is the index of the step that opened it: by connect or accept, or
	// by the only program that ran at either end, or as the one that ran at the
	// time. It is 0 if there is none, or where several programs may have.
	Step int
	// Server is the server of the scenario that accepted or opened it, "" if
	// none is known to have: see [probes.Header.Services] for programs.
	Server string

	// Translations says how middleboxes rewrote the addresses of the opener's
	// segments, in the order of travel: Opener.Flow is the first Before,
	// Acceptor.Flow the last After, reversed. Empty where nothing was.
	Translations []Translation

	TLS    []TLS   // records of TLS read in the streams of both ends, in the order of time
	Found  []Found // what came of searching the streams of both ends, in the order of time
	Tracks []Track // what middleboxes' connection trackers did about it, in the order of time
}

// A Translation is a rewriting of a connection's addresses at a node (NAT),
// as its opener's segments had them on arrival and on leaving.
type Translation struct {
	Node          string
	Before, After probes.Flow // Local is the side of the opener
}

// A TLS is a record of TLS in the stream of one end of a connection.
type TLS struct {
	Event       uint64 // Seq of the event
	Time        probes.Mono
	From        *Endpoint // who sent it
	Segment     *Segment  // in which it ended; nil if that is not known
	*probes.TLS           // the event's own: not to be altered
}

// A Found is what came of searching the stream of one end of a connection.
type Found struct {
	Event         uint64 // Seq of the event
	Time          probes.Mono
	From          *Endpoint  // whose stream was searched: who sent it
	Node          string     // where it was read: at From, or where a middlebox passed it on, perhaps changed
	Segments      []*Segment // that bear the first find, as far as they are known
	*probes.Found            // the event's own: not to be altered
}

// A Track is a change of a connection tracker's entry of a connection.
type Track struct {
	Event         uint64 // Seq of the event
	Time          probes.Mono
	Node          string    // the middlebox
	Original      *Endpoint // whose side began it, as the tracker has it
	*probes.Track           // the event's own: not to be altered
}

// Ends returns both endpoints, opener first.
func (c *Connection) Ends() [2]*Endpoint { return [2]*Endpoint{c.Opener, c.Acceptor} }

// An Endpoint is one side of one incarnation of a connection.
type Endpoint struct {
	Ordinal  int // from 1
	Node     string
	Sock     probes.SocketID // zero where only the wire saw it
	Flow     probes.Flow     // Local is this side
	Workload string          // from the calls; "" if not ours

	// History is the path of states that the endpoint took, as all observers
	// together show it: repeats collapsed, an opener's begins with CLOSED, an
	// acceptor's with SYN-RECEIVED. Visits begun after the window have
	// Teardown set and are not judged.
	History []Visit
	// Views is the path as each observer class alone shows it.
	Views map[probes.Class]View

	Told // what the kernel told of it beside its states
}

// A Visit is an endpoint's stay in one state.
type Visit struct {
	State     probes.State
	From      probes.Mono // when it was entered, by the best witness
	Until     probes.Mono // when it was left; 0 if never
	Teardown  bool        // entered after the window
	Witnesses []Witness   // best grade first; one for each source
}

// Seen reports whether an observer of the class witnessed the visit.
func (v Visit) Seen(class probes.Class) bool {
	for _, w := range v.Witnesses {
		if w.Source.Class() == class {
			return true
		}
	}
	return false
}

// A Witness is one source's observation of a visit, with its event. The
// model's witness names the segment or the call that drove it there, with
// Source wire or calls and grade inferred.
type Witness struct {
	Source probes.Source
	Grade  probes.Grade
	Event  uint64 // Seq of the event
	Time   probes.Mono
	// Filled, of the model, is the event by which a FIN counted that had come
	// out of order, Event: what had been missing before it came. It is 0
	// elsewhere.
	Filled uint64
}

// A View is one observer class's own path.
type View struct {
	Visits []Visit
	// Whole says that the class recorded every state that its kind of
	// observer can see, with nothing lost: then a state that is missing was
	// not there. A sampler's view is never whole.
	Whole bool
	Why   string // why not: English, technical
	// Blind are states that the class could not see at this endpoint, however
	// whole its record: that it does not show them says nothing.
	Blind []probes.State
}

// Sees reports whether the class must have seen a visit to a state, had there
// been one.
func (v View) Sees(s probes.State) bool { return v.Whole && !slices.Contains(v.Blind, s) }

// A Listener is a socket in LISTEN: a subject of its own.
type Listener struct {
	Node      string
	Sock      probes.SocketID
	Flow      probes.Flow
	Workload  string
	Step      int // that made it; 0 for a server's
	Witnesses []Witness
	Ended     []Witness // of its end within the window
}

// A Segment is one TCP segment, matched hop by hop over all taps that saw it.
type Segment struct {
	Frame          int         // ordinal among all segments of the run, from 1
	Connection     *Connection // nil for strays
	From, To       string      // nodes; To is "" if no tap saw it arrive and no node has the address
	Opener         bool        // sent by the connection's opener
	Taps           []Tap       // in the order of travel; the first is the sender's where it was tapped
	Retransmission bool        // its sequence space had been sent before
	Copies         int         // how many taps saw more than one copy (duplicated on the way)
	Teardown       bool        // sent after the window
	Forged         bool        // a RST that From sent in the name of the sender, as a firewall does that rejects
	Undelivered    bool        // it arrived at the receiver's tap, but its TCP never acted on it: see NotDelivered
	Injected       bool        // a gate made it: no tap saw it leave, and From is the end in whose name it came
	Corrupted      bool        // it arrived with a checksum that does not fit, and so went no farther
	Acts           []Act       // what gates did to it, in the order of time
	Repeats        int         // how many repetitions came while a gate held it, and went no farther
	probes.Segment             // as the first tap saw it

	lag uint32 // see Acks
}

// Acks returns Ack in the numbers of who sent what it acknowledges. They are
// others than those of the sender of the segment where a middlebox changed
// the length of what was sent, as one does that rewrites FTP's PORT.
func (s *Segment) Acks() uint32 { return s.Ack + s.lag }

// Sent returns when the segment was first seen.
func (s *Segment) Sent() probes.Mono { return s.Taps[0].Time }

// Arrived returns when the receiver's tap saw it, 0 if it never did.
func (s *Segment) Arrived() probes.Mono {
	last := s.Taps[len(s.Taps)-1]
	if last.Node == s.To && last.Dir == probes.In {
		return last.Time
	}
	return 0
}

// Stopped reports whether the segment was seen to come to a node that is not
// its receiver, and not to leave it: it was dropped there, or rejected; or
// whether a gate dropped it, refused it, merged it into one that it held, or
// holds it still.
func (s *Segment) Stopped() bool {
	if s.Arrived() != 0 {
		return false
	}
	if s.atGate() {
		return true
	}
	if len(s.Taps) < 2 {
		return false
	}
	last := s.Taps[len(s.Taps)-1]
	return last.Dir == probes.In && last.Node != s.To
}

// atGate reports whether a gate has the segment, or had it last.
func (s *Segment) atGate() bool {
	at := false
	for _, a := range s.Acts {
		switch a.Do {
		case probes.Held:
			at = true
		case probes.Released:
			at = false
		case probes.Dropped, probes.Refused, probes.Merged:
			return true
		}
	}
	return at
}

// A Tap is one sighting of a segment.
type Tap struct {
	Event   uint64 // Seq of the event
	Node    string
	Link    string
	Dir     probes.Direction
	Time    probes.Mono
	Capture uint64 // number in the capture file
}

// A Step is a step as it ran.
type Step struct {
	probes.Step
	Node         string      // where it was taken, "" if at none
	Start, End   probes.Mono // End is 0 if it never ended
	Begun, Ended uint64      // Seq of the events
}

// Duration returns how long the step took.
func (s *Step) Duration() time.Duration { return s.End.Sub(s.Start) }

// A Loss is a hole in the record.
type Loss struct {
	Event  uint64
	Source probes.Source
	Node   string // "" if it may be any
	probes.Loss
}

// A Starved is a moment at which the machine kept the run waiting.
type Starved struct {
	Event uint64 // Seq of the event
	Time  probes.Mono
	Node  string      // whose heartbeat was late; "" for the run itself
	Late  probes.Mono // by how much; 0 if the record does not say
}

// A Conflict is a contradiction between observers that no rule explains.
// What it touches cannot pass.
type Conflict struct {
	Endpoint *Endpoint
	Events   []uint64
	Text     string // English, technical
}

// A Note is a legitimate disagreement, named (kernel.md section 5).
type Note struct {
	Endpoint *Endpoint
	Name     NoteName
	Events   []uint64
}

// A NoteName names a kind of legitimate disagreement.
type NoteName string

// The legitimate disagreements that this version recognises; more may come.
const (
	HandOver       NoteName = "hand-over"       // the full socket is CLOSED, a mini-socket with its cookie lives on
	DeadSocket     NoteName = "dead-socket"     // a CLOSED socket is still listed beside its TIME-WAIT: its descriptor is open
	NotSampled     NoteName = "not-sampled"     // a sampler missed states between two looks
	RequestSocket  NoteName = "request-socket"  // the listener stays in LISTEN; SYN-RECEIVED is a request socket
	ThirdACK       NoteName = "third-ack"       // the opener is ESTABLISHED, the acceptor not yet
	FINQueued      NoteName = "fin-queued"      // FIN-WAIT-1 or LAST-ACK before the FIN is on the wire
	NoteTwo        NoteName = "note-2"          // FIN-WAIT-1 to TIME-WAIT through FIN-WAIT-2, figure 5 note 2
	ResetNoTarget  NoteName = "reset-no-target" // a RST that no full socket received
	OrphanFinWait2 NoteName = "orphan-finwait2" // FIN-WAIT-2 lives on in a mini-socket
	NotDelivered   NoteName = "not-delivered"   // arrived at the tap, dropped before TCP: by a firewall, or as a queue was full
	ResetByData    NoteName = "reset-by-data"   // the kernel ended the socket as if a RST had come: data came after shutdown
	FastOpen       NoteName = "fast-open"       // the child was there before the third segment: RFC 7413
	SYNCookie      NoteName = "syn-cookie"      // a child without a request socket: the SYN+ACK's number was all that was kept of the SYN
	QueueOverflow  NoteName = "queue-overflow"  // a SYN came and was neither answered nor refused: the listener's queue was full
	ResetIgnored   NoteName = "reset-ignored"   // a RST came in TIME-WAIT and ended nothing: tcp_rfc1337
	NotKept        NoteName = "not-kept"        // no TIME-WAIT, as there were too many: tcp_max_tw_buckets
	Offloaded      NoteName = "offloaded"       // the capture shows what the interface was to cut or sum yet
	Middlebox      NoteName = "middlebox"       // a connection tracker has a state of its own of a connection
)
