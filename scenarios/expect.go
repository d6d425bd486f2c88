package scenarios

import (
	"slices"

	"netlab/probes"
)

// Expect is what must be seen. An absent expectation is not judged.
type Expect struct {
	Connections     []ConnectionExpect `key:"connections" doc:"Expectations on connections, by name."`
	Steps           []StepExpect       `key:"steps" doc:"Expectations on the results of steps, by name."`
	ConnectionCount []CountExpect      `key:"connection_count" doc:"How many connections a server had, by its name."`
	Counters        []NodeCounters     `key:"counters" doc:"How much counters of a node grew, as /proc/net/netstat and /proc/net/snmp name them (ListenOverflows), by node."`
	Order           []Moment           `key:"order" doc:"Moments that must follow one another in this order."`
	Durations       []DurationExpect   `key:"durations" doc:"Bounds on the time between two moments, by a name of your choice."`
	Carried         []Stack            `key:"carried" doc:"Protocols that were seen one directly in the next, in at least one frame, as [Ethernet, IPv4, TCP, HTTP]; the first may be anywhere in the frame."`
	NotCarried      []Stack            `key:"not_carried" doc:"Protocols that were seen so in no frame."`
	Ratios          []RatioExpect      `key:"ratios" doc:"Bounds on how many times as long one thing took as another, by a name of your choice."`
}

// ConnectionExpect is what is expected of one connection.
type ConnectionExpect struct {
	At              Pos
	Name            string         `ref:"connection"`
	Ends            []EndExpect    `key:"ends" doc:"Expectations on its ends, by node (or opener, acceptor)."`
	Opening         *Pattern       `key:"opening" doc:"Segments from the first SYN until both ends are ESTABLISHED."`
	Closing         *Pattern       `key:"closing" doc:"Segments from the first FIN or RST on."`
	FirstFIN        *Who           `key:"first_fin" doc:"The end whose FIN was sent first; 'A | B' for either."`
	TimeWait        *Who           `key:"time_wait" doc:"The end that keeps TIME-WAIT; both, nobody."`
	Resets          *Count         `key:"resets" doc:"Number of RST segments."`
	ResetReasons    *[]ResetReason `key:"reset_reasons" doc:"Why RST segments were sent, as the sending kernel has it, in the order of sending, as [server TCP_ABORT_ON_CLOSE]."`
	Retransmissions *Count         `key:"retransmissions" doc:"Number of segments sent again."`
	Visible         []string       `key:"visible" text:"any" doc:"Texts that whoever reads along can read in what either end sent."`
	Hidden          []string       `key:"hidden" text:"any" doc:"Texts that cannot be read there."`
	TLS             *TLSVersion    `key:"tls" doc:"Version of TLS that the ends agreed on, as the handshake shows it."`
	Alerts          *[]Alert       `key:"alerts" doc:"TLS alerts beside close_notify, in the order of sending, as [client bad_certificate]; [] for none."`
	CloseNotify     *Who           `key:"close_notify" doc:"The ends that sent close_notify before their FIN: one, both, nobody."`
}

// SearchTexts returns the texts that expectations want to be visible or
// hidden, each once: what the wire is to be searched for.
func (s *Scenario) SearchTexts() []string {
	var list []string
	for i := range s.Expect.Connections {
		x := &s.Expect.Connections[i]
		for _, text := range slices.Concat(x.Visible, x.Hidden) {
			if !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	return list
}

// An Alert is a TLS alert and who sent it: "END DESCRIPTION", with the
// description of RFC 8446 section 6.
type Alert struct {
	End         string // node, or opener or acceptor
	Description string // bad_certificate
}

// EndExpect is what is expected of one end.
type EndExpect struct {
	At      Pos
	Name    string       // node, or opener or acceptor
	States  []StateName  `key:"states" doc:"The states that the end went through, exactly, up to the end of the window."`
	Objects []ObjectName `key:"objects" doc:"What the kernel kept for the end, in order: request (SYN received, no socket yet), full, mini (after the full socket)."`
}

// A StateName is a state of RFC 9293.
type StateName struct{ probes.State }

// StepExpect is what is expected of a step's result.
type StepExpect struct {
	At    Pos
	Name  string  `ref:"step"`
	Reply *Count  `key:"reply" doc:"Reply code, as 226 or {at_least: 400, at_most: 499}."`
	Error *YesNo  `key:"fails" doc:"Whether the step failed."`
	Bytes *Count  `key:"bytes" doc:"Bytes that it moved."`
	Text  *string `key:"text" doc:"Words that the reply contains."`

	Status   *Count      `key:"status" doc:"HTTP status code."`
	Exit     *Count      `key:"exit" doc:"Exit status of a program; 128 and the signal's number where one ended it."`
	Content  *string     `key:"content" text:"any" doc:"Text in what came: the body of a response, a file or listing, the output of a program, what was received or answered."`
	Lacks    *string     `key:"lacks" text:"any" doc:"Text that is not in what came."`
	Why      *string     `key:"error" doc:"Words in the error with which the step failed."`
	Headers  []Header    `key:"headers" doc:"Header fields of the response, by name: a text that the value contains."`
	Cookies  *[]string   `key:"cookies" doc:"Names of the cookies that the request sent, all of them, in any order."`
	Protocol *string     `key:"protocol" doc:"Protocol of the response, as HTTP/1.1."`
	TLS      *TLSVersion `key:"tls" doc:"Version of TLS."`
	Rows     *Count      `key:"rows" doc:"Rows that a statement of SQL returned, or changed."`
	Interim  *[]int64    `key:"interim" doc:"Status codes of the interim responses (1xx) before the final one, in order; [] for none."`
	Requests *[]string   `key:"requests" doc:"The requests that were made, with those that redirects led to: [POST /old, GET /new]."`
}

// CountExpect is how many connections a server is to have had.
type CountExpect struct {
	At    Pos
	Name  string `ref:"server"`
	Count Count
}

// A Count is a number, or {at_least: n, at_most: m}. Max is -1 if unbounded.
type Count struct {
	Min int64
	Max int64
}

// Who names ends of a connection: one of them, or both, or nobody; several
// alternatives separated by " | ".
type Who struct{ Any []string }

// The words of Who, beside names of nodes.
const (
	Both   = "both"
	Nobody = "nobody"
)

// The words for the ends of a connection that need no node's name.
const (
	Opener   = "opener"   // sent the first SYN
	Acceptor = "acceptor" // the other
)

// A Pattern is a sequence of first transmissions, as seen at the sender's
// end: a list of elements, or a list of such lists as alternatives.
type Pattern struct{ Alternatives []Sequence }

// A Sequence is one way that segments may follow one another.
type Sequence []Element

// An Element is one segment; "A | B" gives alternatives.
type Element []SegmentPattern

// A SegmentPattern is "END WORD", for example "client FIN+ACK".
type SegmentPattern struct {
	End  string // node, or opener or acceptor
	Word SegmentWord
}

// A SegmentWord is what a segment is, in the course of opening and closing.
type SegmentWord string

// The words. FIN is the FIN of a side; FIN+ACK is the FIN that is the first
// to acknowledge the peer's FIN. ACK bears nothing else. DATA bears payload;
// with FIN it is written DATA+FIN or DATA+FIN+ACK.
const (
	WordSYN        SegmentWord = "SYN"
	WordSYNACK     SegmentWord = "SYN+ACK"
	WordACK        SegmentWord = "ACK"
	WordDATA       SegmentWord = "DATA"
	WordFIN        SegmentWord = "FIN"
	WordFINACK     SegmentWord = "FIN+ACK"
	WordDATAFIN    SegmentWord = "DATA+FIN"
	WordDATAFINACK SegmentWord = "DATA+FIN+ACK"
	WordRST        SegmentWord = "RST"
)

// The words of TLS that moments know beside those: close_notify, and any
// other alert. They are no segments of a pattern.
const (
	WordCloseNotify SegmentWord = "close_notify"
	WordAlert       SegmentWord = "alert"
)

// A Moment is a point in the run that can be ordered and timed:
//
//	STEP started | STEP ended             a step, by name
//	CONNECTION opened | closed            its first SYN; its last segment of closing
//	CONNECTION END WORD                   the first such segment that the end sent
//	CONNECTION END close_notify | alert   the first such alert of TLS that it sent
//	CONNECTION END STATE                  the end enters a state of RFC 9293
//
// A segment's moment is when it leaves that end.
type Moment struct {
	At    Pos
	Text  string // as written
	Name  string `key:"-"` // of the step or connection
	End   string // "" for started, ended, opened, closed, matched
	Point string // started, ended, opened, closed, matched; else ""
	Word  SegmentWord
	State probes.State
}

// DurationExpect bounds the time between two moments.
type DurationExpect struct {
	At      Pos
	Name    string
	From    Moment    `key:"from,required" doc:"Where the time begins."`
	To      Moment    `key:"to,required" doc:"Where it ends."`
	AtLeast *Duration `key:"at_least" doc:"Lower bound."`
	AtMost  *Duration `key:"at_most" doc:"Upper bound."`
}

// A Stack is a part of the protocols of a frame, the outer first.
type Stack []ProtocolName

// A ProtocolName is a protocol, or what it carries.
type ProtocolName string

func (ProtocolName) words() []string {
	list := make([]string, 0, 32)
	for _, p := range probes.Protocols() {
		list = append(list, string(p))
	}
	return list
}
