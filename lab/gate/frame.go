package gate

import "netlab/probes"

// A Frame is a frame that waits at a gate, as others see it.
type Frame struct {
	ID      uint64          `json:"id"`   // the gate's own number, from 1 in the order of coming
	Link    string          `json:"link"` // the gate's
	From    string          `json:"from"` // the end that it came from
	To      string          `json:"to"`   // the other
	Rule    string          `json:"rule"` // what holds it: see probes.Act
	Copies  int             `json:"copies,omitempty"`
	Since   probes.Mono     `json:"since"`             // when it came
	Flow    probes.Flow     `json:"flow,omitzero"`     // the sender's; zero unless TCP or UDP
	Segment *probes.Segment `json:"segment,omitempty"` // nil unless TCP
	What    string          `json:"what"`              // in words: "FIN seq=84 ACK=354", "ARP"
	Seq     uint32          `json:"seq"`               // of Segment, from 0 for the SYN; as it is where that was not seen
	Ack     uint32          `json:"ack"`               // likewise
	Data    []byte          `json:"data,omitempty"`    // the whole frame, from the Ethernet header on
}
