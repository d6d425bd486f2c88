// Package check judges: a timeline and what a scenario expects of it give
// verdicts. It is pure. Each expectation is judged by a function of its own
// that gathers evidence first and decides last; absence of evidence is never
// a pass.
package check

import (
	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// An Outcome is what a verdict says.
type Outcome string

// The outcomes, best first.
const (
	Pass         Outcome = "pass"
	Inconclusive Outcome = "inconclusive"
	Fail         Outcome = "fail"
	Error        Outcome = "error"
)

// A Verdict is the judgement on one expectation, with its evidence.
type Verdict struct {
	Name      string         `json:"name"` // control.client.states
	Kind      Kind           `json:"kind"`
	Outcome   Outcome        `json:"outcome"`
	Want      string         `json:"want"`
	Got       string         `json:"got"`
	Reason    *words.Message `json:"reason,omitempty"` // why it is not pass, or what limits the pass
	Remedy    *words.Message `json:"remedy,omitempty"` // what would settle it
	SeenBy    []Seen         `json:"seen_by,omitempty"`
	Moments   []Passed       `json:"moments,omitempty"` // of an order: when each was, as they are wanted
	Evidence  Evidence       `json:"evidence"`
	Reference string         `json:"reference,omitempty"` // RFC and section
	At        scenarios.Pos  `json:"at"`
}

// Seen counts what one source contributed to a verdict.
type Seen struct {
	Source probes.Source `json:"source"`
	Class  string        `json:"class"`
	Grade  probes.Grade  `json:"grade"`
	Count  int           `json:"count"` // of the Of things that the expectation names
	Of     int           `json:"of"`
	Event  uint64        `json:"event,omitempty"` // its event, where there is one that says it all
}

// Passed is a moment that was, and when.
type Passed struct {
	Moment string      `json:"moment"`
	At     probes.Mono `json:"t"`
}

// A Kind is a kind of expectation.
type Kind string

// The kinds. StepKind is implied by every step: that it goes well or, with
// expect_error, that it fails; EditKind by every proxy that is to change what
// passes: that it did; GateKind by every rule of a gate: that it matched.
const (
	OpeningKind         Kind = "opening"
	ClosingKind         Kind = "closing"
	StatesKind          Kind = "states"
	ObjectsKind         Kind = "objects"
	FirstFINKind        Kind = "first_fin"
	TimeWaitKind        Kind = "time_wait"
	ResetsKind          Kind = "resets"
	RetransmissionsKind Kind = "retransmissions"
	ResetReasonsKind    Kind = "reset_reasons"
	VisibleKind         Kind = "visible"
	HiddenKind          Kind = "hidden"
	TLSKind             Kind = "tls" // of a connection, and of a step
	AlertsKind          Kind = "alerts"
	CloseNotifyKind     Kind = "close_notify"
	ReplyKind           Kind = "reply"
	FailsKind           Kind = "fails"
	BytesKind           Kind = "bytes"
	TextKind            Kind = "text"
	StatusKind          Kind = "status"
	ExitKind            Kind = "exit"
	ContentKind         Kind = "content"
	LacksKind           Kind = "lacks"
	ErrorKind           Kind = "error"
	HeadersKind         Kind = "headers"
	CookiesKind         Kind = "cookies"
	ProtocolKind        Kind = "protocol"
	RowsKind            Kind = "rows"
	InterimKind         Kind = "interim"
	RequestsKind        Kind = "requests"
	CountKind           Kind = "connection_count"
	CounterKind         Kind = "counter"
	OrderKind           Kind = "order"
	DurationKind        Kind = "duration"
	RatioKind           Kind = "ratio"
	CarriedKind         Kind = "carried"
	NotCarriedKind      Kind = "not_carried"
	StepKind            Kind = "step"
	EditKind            Kind = "edit"
	GateKind            Kind = "gate"
	MutationKind        Kind = "mutation"
)

// Evidence points into the record.
type Evidence struct {
	Events []uint64 `json:"events,omitempty"` // ordinals in events.jsonl
	Frames []int    `json:"frames,omitempty"` // ordinals of segments
}

// A Judgement is all that is judged of one run.
type Judgement struct {
	Outcome  Outcome        `json:"outcome"` // the worst
	Verdicts []Verdict      `json:"verdicts"`
	Tally    []Observation  `json:"tally,omitempty"`
	Problem  *words.Message `json:"problem,omitempty"` // why the whole run is error or inconclusive
}

// An Observation is a value that is only counted over many runs.
type Observation struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Worst returns the worse of two outcomes: error, fail, inconclusive, pass.
func Worst(a, b Outcome) Outcome {
	rank := map[Outcome]int{Pass: 0, Inconclusive: 1, Fail: 2, Error: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}
