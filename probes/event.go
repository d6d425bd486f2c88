package probes

import (
	"net/netip"
	"time"
)

// Mono is a reading of CLOCK_MONOTONIC in nanoseconds: the one clock of a
// run. Wall time appears only at the edges (report header, capture file).
type Mono int64

// Sub returns m-n as a duration.
func (m Mono) Sub(n Mono) time.Duration { return time.Duration(m - n) }

// A SocketID names one socket for the whole of its life, from the child
// socket through TIME-WAIT: the kernel's cookies of its network namespace and
// of itself. Addresses of sockets, inode numbers and pids are reused; these
// are not. Zero cookies mean "not known".
type SocketID struct {
	NetNS  uint64 `json:"netns,omitempty"`  // SO_NETNS_COOKIE
	Cookie uint64 `json:"cookie,omitempty"` // SO_COOKIE
}

// A Flow is the pair of addresses of a socket, as its own side sees them.
// IPv4-mapped IPv6 addresses are unmapped ([netip.Addr.Unmap]). Either half
// may be the zero AddrPort, or have port 0, where the kernel had not chosen
// it yet or had forgotten it.
type Flow struct {
	Local  netip.AddrPort `json:"local,omitzero"`
	Remote netip.AddrPort `json:"remote,omitzero"`
}

// Reverse returns the flow as the other side sees it.
func (f Flow) Reverse() Flow { return Flow{Local: f.Remote, Remote: f.Local} }

// Complete reports whether both addresses and ports are known.
func (f Flow) Complete() bool {
	return f.Local.IsValid() && f.Remote.IsValid() && f.Local.Port() != 0 && f.Remote.Port() != 0
}

// A Kind says which fields of an Event carry the observation.
type Kind string

// The kinds of event.
const (
	KindState   Kind = "state"   // a transition Old -> New of one socket
	KindSample  Kind = "sample"  // a socket was found in state New; see Sample
	KindSegment Kind = "segment" // a TCP segment passed a link end; see Segment
	KindCall    Kind = "call"    // a workload called the socket interface; see Call
	KindStep    Kind = "step"    // a step of the scenario began or ended; see Step
	KindMark    Kind = "mark"    // the run reached a point; see Mark
	KindLoss    Kind = "loss"    // records are missing; see Loss
	KindClock   Kind = "clock"   // the clocks were compared; see Clock
	KindTLS     Kind = "tls"     // a TLS record was read in a stream; see TLS
	KindFound   Kind = "found"   // streams were searched for a text; see Found
	KindStack   Kind = "stack"   // protocols that were seen one in another; see Stack
	KindTrack   Kind = "track"   // a middlebox changed its entry of a connection; see Track
	KindEdit    Kind = "edit"    // how often a proxy changed what it passed on; see Edit
	KindGate    Kind = "gate"    // a gate did something to a frame; see Act
	KindLife    Kind = "life"    // a mini-socket was born, changed or went; see Life
	KindReset   Kind = "reset"   // the kernel sent a RST, or ended a socket as if it had received one; see Reset
	KindResent  Kind = "resent"  // the kernel sent a segment again; see Resent
	KindFault   Kind = "fault"   // a socket was given an error; see Fault
	KindDrop    Kind = "drop"    // TCP threw a segment away; see Drop
	KindTally   Kind = "tally"   // a full socket was destroyed; see Tally
	KindCounter Kind = "counter" // a counter of a node moved; see Counter
)

// An Event is one observation by one probe, as recorded.
type Event struct {
	Seq    uint64   `json:"e"` // ordinal in the run, from 1; given by the recorder, not by the probe
	Time   Mono     `json:"t"` // when it happened
	Source Source   `json:"src"`
	Kind   Kind     `json:"kind"`
	Grade  Grade    `json:"grade,omitzero"`
	Node   string   `json:"node,omitempty"` // the scenario's name of the node
	Sock   SocketID `json:"sock,omitzero"`
	Flow   Flow     `json:"flow,omitzero"` // seen from Node; for segments, too: Local is Node's side or, on a switch or router, the sender
	Old    State    `json:"old,omitzero"`
	New    State    `json:"new,omitzero"`

	Owner   *Owner   `json:"owner,omitempty"`
	Sample  *Sample  `json:"sample,omitempty"`
	Segment *Segment `json:"segment,omitempty"`
	Call    *Call    `json:"call,omitempty"`
	Step    *Step    `json:"step,omitempty"`
	Loss    *Loss    `json:"loss,omitempty"`
	Clock   *Clock   `json:"clock,omitempty"`
	TLS     *TLS     `json:"tls,omitempty"`
	Found   *Found   `json:"found,omitempty"`
	Stack   *Stack   `json:"stack,omitempty"`
	Track   *Track   `json:"track,omitempty"`
	Edit    *Edit    `json:"edit,omitempty"`
	Gate    *Act     `json:"gate,omitempty"`
	Life    *Life    `json:"life,omitempty"`
	Reset   *Reset   `json:"reset,omitempty"`
	Resent  *Resent  `json:"resent,omitempty"`
	Fault   *Fault   `json:"fault,omitempty"`
	Drop    *Drop    `json:"drop,omitempty"`
	Tally   *Tally   `json:"tally,omitempty"`
	Counter *Counter `json:"counter,omitempty"`
	Mark    Mark     `json:"mark,omitempty"`
	Late    Mono     `json:"late,omitempty"` // of Starved: by how much a heartbeat came late
}

// An Owner is the process that acted on a socket. It is given only where the
// process held the socket's lock: elsewhere the kernel names whoever ran.
type Owner struct {
	PID  int    `json:"pid"` // in the initial pid namespace
	Comm string `json:"comm"`
}

// An Object is what the kernel keeps for a connection.
type Object string

// The kernel's objects. Only a full socket ever passes through the state
// tracepoint; the mini-sockets do not.
const (
	ListenerObject Object = "listener"
	RequestObject  Object = "request" // SYN received, no socket yet (request_sock)
	FullObject     Object = "full"
	MiniObject     Object = "mini" // inet_timewait_sock: TIME-WAIT, or orphaned FIN-WAIT-2
)

// A Sample is what a look at the kernel's table said of one socket, beside
// its state in Event.New.
type Sample struct {
	Object  Object `json:"object"`
	Since   Mono   `json:"since,omitempty"`   // the look before, which did not show this; 0 if there was none
	Gone    bool   `json:"gone,omitempty"`    // the socket is listed no more; New is the state it had last
	Single  bool   `json:"single,omitempty"`  // a look at this socket alone: it tells nothing of any other
	Timer   string `json:"timer,omitempty"`   // on, keepalive, timewait, persist, as ss(8) names them
	Expires int    `json:"expires,omitempty"` // milliseconds until the timer fires
	RQueue  uint32 `json:"rqueue,omitempty"`  // bytes not read; of a listener, connections not accepted
	WQueue  uint32 `json:"wqueue,omitempty"`  // bytes not acknowledged; of a listener, its backlog
	Inode   uint32 `json:"inode,omitempty"`   // 0: no process holds the socket
}

// A Direction is where a segment went, seen from the node of the tap.
type Direction string

// The directions at a tap.
const (
	Out Direction = "out"
	In  Direction = "in"
)

// A Segment is one TCP segment as one tap saw it.
type Segment struct {
	Link    string    `json:"link"`    // the scenario's name of the link
	Dir     Direction `json:"dir"`     // from or to the event's node
	Capture uint64    `json:"capture"` // its number in the capture file, from 1
	Seq     uint32    `json:"seq"`
	Ack     uint32    `json:"ack,omitempty"`
	Flags   Flags     `json:"flags"`
	Window  uint16    `json:"window"`
	Len     int       `json:"len,omitempty"`     // bytes of payload
	IPID    uint16    `json:"ipid,omitempty"`    // IPv4 identification; 0 for IPv6
	TSVal   uint32    `json:"tsval,omitempty"`   // timestamps option, RFC 7323
	TSEcr   uint32    `json:"tsecr,omitempty"`   //
	MSS     uint16    `json:"mss,omitempty"`     // maximum segment size option of a SYN
	WScale  uint8     `json:"wscale,omitempty"`  // window scale option of a SYN, plus 1; 0 if absent
	BadSum  bool      `json:"badsum,omitempty"`  // the checksum did not match
	Text    string    `json:"text,omitempty"`    // the payload's first line, at most 40 printable ASCII characters
	Snapped bool      `json:"snapped,omitempty"` // the capture does not hold the whole frame
}

// A Call is one call of the socket interface by a workload of ours. The
// event's Time is the entry into the call.
type Call struct {
	Name     string `json:"name"`               // bind, listen, connect, accept, send, receive, shutdown, close; linger of SO_LINGER, option of any other socket option; of TLS: handshake, close_notify, alert
	Protocol string `json:"protocol,omitempty"` // udp; empty for TCP
	Workload string `json:"workload,omitempty"`
	Step     int    `json:"step,omitempty"`  // ordinal of the step that it belongs to, from 1; 0 for servers
	Args     string `json:"args,omitempty"`  // for example "write" of a shutdown, "backlog 1" of a listen, "MSG_PEEK" of a receive, "0" of a linger, "TCP_NODELAY on" of an option; "sent" or "received" of close_notify, "sent bad_certificate" of an alert
	Bytes    int    `json:"bytes,omitempty"` // sent or received
	Errno    string `json:"errno,omitempty"` // by name, for example ECONNRESET; "EOF" for the end of input
	End      Mono   `json:"end"`             // return from the call
}

// A Step is the beginning or the end of a step of the scenario.
type Step struct {
	Index  int    `json:"index"` // from 1
	Verb   string `json:"verb"`  // ftp.retrieve
	Name   string `json:"name,omitempty"`
	Ended  bool   `json:"ended,omitempty"`
	Reply  int    `json:"reply,omitempty"` // the protocol's reply code, where it has one
	Text   string `json:"text,omitempty"`  // the reply's text
	Error  string `json:"error,omitempty"` // why the step failed
	Left   bool   `json:"left,omitempty"`  // netlab ended it: no wait step waited for it, or its wait gave up
	Bytes  int64  `json:"bytes,omitempty"` // moved by the step
	SHA256 string `json:"sha256,omitempty"`

	Status   int                 `json:"status,omitempty"`   // HTTP status code
	Exit     *int                `json:"exit,omitempty"`     // of a program: its exit status, or 128 and the number of the signal that ended it
	Content  string              `json:"content,omitempty"`  // what came: a body, output, an answer; at most MaxContent bytes, valid UTF-8
	Cut      bool                `json:"cut,omitempty"`      // Content is only the beginning
	Headers  map[string][]string `json:"headers,omitempty"`  // of an HTTP response, by canonical name
	Sent     []string            `json:"sent,omitempty"`     // cookies that an HTTP request sent: name=value
	Protocol string              `json:"protocol,omitempty"` // of an HTTP response: HTTP/1.1
	Secure   string              `json:"secure,omitempty"`   // version of TLS, as 1.3
	Rows     *int64              `json:"rows,omitempty"`     // that a statement of SQL returned, or changed
	Interim  []int               `json:"interim,omitempty"`  // status codes of HTTP's responses before the final one
	Requests []string            `json:"requests,omitempty"` // HTTP requests that were sent, with those that redirects led to: GET /page
	Reused   bool                `json:"reused,omitempty"`   // an HTTP request went over a connection that was there already
}

// MaxContent bounds Step.Content, in bytes.
const MaxContent = 64 << 10

// A TLS is one record of TLS, or one handshake message or alert where it
// could be read, as found in the captured stream of the event's Flow (whose
// Local side sent it). RFC 8446 section 5.1, RFC 5246 section 6.2.
type TLS struct {
	Record  string   `json:"record"`            // handshake, alert, change_cipher_spec, application_data
	Version string   `json:"version,omitempty"` // of a server_hello: what was agreed on (1.2, 1.3); else of the record
	Message string   `json:"message,omitempty"` // of a handshake that could be read: client_hello, server_hello, certificate...
	Alert   string   `json:"alert,omitempty"`   // of an alert that could be read: bad_certificate
	Fatal   bool     `json:"fatal,omitempty"`   // its level
	Sealed  bool     `json:"sealed,omitempty"`  // encrypted: what is in it cannot be read
	Len     int      `json:"len"`               // bytes of the record's body
	Names   []string `json:"names,omitempty"`   // server name of a client_hello; host names of a certificate
	ALPN    []string `json:"alpn,omitempty"`    // of a client_hello or server_hello
	Cipher  string   `json:"cipher,omitempty"`  // of a server_hello
	Capture uint64   `json:"capture"`           // the frame in which it ended, by its number in the capture file
}

// A Found is what came of searching what one side of the event's Flow (Local)
// sent for a text. Without a text it says that the stream was read, whether
// there is anything to look for or not.
type Found struct {
	Text    string   `json:"text"`
	Count   int      `json:"count"`             // how often it is there
	Offset  int64    `json:"offset,omitempty"`  // of the first, in the stream, from 0
	Capture []uint64 `json:"capture,omitempty"` // frames that bear the first, by their numbers in the capture file
	Holes   bool     `json:"holes,omitempty"`   // parts of the stream were not captured; without a text also: its TLS could not be followed to the end
}

// A Stack is how frames of the capture were made up: one event for each way,
// at the time of its first frame; and one without layers, which says that the
// capture was read to its end, and how many frames there were.
type Stack struct {
	Layers  []Layer `json:"layers,omitempty"`  // of the first such frame, the outermost first
	Count   uint64  `json:"count"`             // frames
	Capture uint64  `json:"capture,omitempty"` // the first, by its number in the capture file
}

// A Layer is a protocol in a frame.
type Layer struct {
	Name  Protocol `json:"name"`
	Bytes int      `json:"bytes"`          // of its header; of what is innermost, all
	Text  string   `json:"text,omitempty"` // what it says, in short
}

// A Track is an entry of a connection tracker. The event's Flow is that of
// the original direction.
type Track struct {
	Change string `json:"change"`           // new, update, destroy
	Reply  Flow   `json:"reply"`            // as answers come: Local is where they are sent from
	State  string `json:"state,omitempty"`  // of TCP, in the tracker's words: SYN_SENT, ESTABLISHED, TIME_WAIT...
	Status string `json:"status,omitempty"` // flags: seen_reply, assured, snat, dnat, expected
	Helper string `json:"helper,omitempty"` // ftp
	ID     uint32 `json:"id,omitempty"`
}

// An Edit says how often a proxy has made a change in what it passes on, at
// its end or that of the run. Never says that the run did not try what it was
// to try.
type Edit struct {
	Server string `json:"server"` // the proxy
	Change string `json:"change"` // flip or cut
	Made   int    `json:"made"`   // in so many connections
}

// An Act is what a gate did to a frame. The event's Node is the end of the
// link that the frame came from, its Flow is the sender's, and its Segment,
// if the frame is one of TCP, is the segment as it came, or was made.
// Frames that merely pass, or are delayed by an impairment, are not told. Its
// Time is that before the frame goes on, where it does.
type Act struct {
	Do     Deed   `json:"do"`
	Link   string `json:"link"`
	To     string `json:"to,omitempty"`     // the other end
	Frame  uint64 `json:"frame,omitempty"`  // the gate's own number of the frame, from 1 in the order of coming; of Merged, that of the frame that is held
	Rule   string `json:"rule,omitempty"`   // what says so: the name of a step, or steps[3]; ByImpair, ByLockstep, ByHand
	Copies int    `json:"copies,omitempty"` // of Merged, Released, Dropped: repetitions that came while it was held; of Duplicated: how many follow it
	Waited Mono   `json:"waited,omitempty"` // of Released and of Dropped: for how long it was held
	What   string `json:"what,omitempty"`   // what a frame is that is no TCP segment, as "ARP"; of Refused: why; of Corrupted: what became of its checksum, keep or fix; of Matched, where it never did: what came that it would have matched, but for something
	Times  uint64 `json:"times,omitempty"`  // of Matched: how often by then
	Frames uint64 `json:"frames,omitempty"` // of Passed: how many, from Node
	Bytes  uint64 `json:"bytes,omitempty"`  // likewise
}

// A Deed is what a gate can do to a frame.
type Deed string

// The deeds.
const (
	Held       Deed = "held"       // it waits at the gate
	Released   Deed = "released"   // it was held, and goes on
	Dropped    Deed = "dropped"    // it will never go on
	Merged     Deed = "merged"     // a repetition of a segment that is held; it is dropped
	Duplicated Deed = "duplicated" // copies follow it
	Delayed    Deed = "delayed"    // it goes on later
	Reordered  Deed = "reordered"  // it goes on after others that came later
	Corrupted  Deed = "corrupted"  // a bit of it was changed; Segment is as it came
	Injected   Deed = "injected"   // nobody sent it: the gate made it
	Refused    Deed = "refused"    // it cannot go on, as What says
	Matched    Deed = "matched"    // at the end of the window, and of the gate: how often a rule matched; with a frame: the first time that a rule matched that only watches
	Passed     Deed = "passed"     // at the end: how much went on from Node to To; no frame
)

// What can take the place of a step in Act.Rule. No step has such a name.
const (
	ByImpair   = "(impair)"
	ByLockstep = "(lockstep)"
	ByHand     = "(hand)"
)

// A Loss says that records are missing: what depends on them cannot be judged.
type Loss struct {
	What  string `json:"what"`         // for example "ring buffer full"
	Count uint64 `json:"count"`        // 1 where nobody knows how many
	Of    Kind   `json:"of,omitempty"` // the only kind of event that is missing; "" if it may be any
}

// A Clock relates CLOCK_REALTIME to CLOCK_MONOTONIC at the event's time.
type Clock struct {
	Offset int64 `json:"offset"`         // CLOCK_REALTIME - CLOCK_MONOTONIC, nanoseconds
	Width  int64 `json:"width"`          // uncertainty of Offset
	Step   bool  `json:"step,omitempty"` // the wall clock was set since the reading before
}

// A Mark is a point that a run reached.
type Mark string

// The marks. What is judged lies between WindowOpen and WindowClose.
const (
	WindowOpen  Mark = "window-open"  // the first step is about to start
	WindowClose Mark = "window-close" // settle has ended; what follows is teardown
	Looked      Mark = "looked"       // from here on sockdiag listed every socket of every node: what it did not list was not there. That of Lab is the last in the window
	Complete    Mark = "complete"     // every probe was drained; the record has no tail missing
	Starved     Mark = "starved"      // the machine kept the run waiting
)
