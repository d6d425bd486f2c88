package probes

import (
	"net/netip"
	"slices"
	"time"
)

// Format is the version of the event file that this netlab writes.
const Format = 1

// A Header is the first line of events.jsonl: what is needed to read the rest.
type Header struct {
	Format   int           `json:"netlab_events"` // see Format; a newer one is refused
	Version  string        `json:"version"`       // of netlab
	Kernel   string        `json:"kernel"`        // release, as uname(2) gives it
	BootID   string        `json:"boot_id"`       // CLOCK_MONOTONIC counts from this boot
	Started  time.Time     `json:"started"`       // wall time
	Scenario string        `json:"scenario"`
	File     string        `json:"file"`    // the scenario's file, as verdicts point to it
	Variant  string        `json:"variant"` // "base" or the variant's name
	Seed     uint64        `json:"seed"`
	Root     bool          `json:"root"`              // ran as root of the first user namespace
	Observe  Observe       `json:"observe,omitempty"` // "" in records that are older than it, and where nothing waited
	Netem    []string      `json:"netem,omitempty"`   // links that the kernel impaired: its dice are not those of Seed
	Nodes    []NodeInfo    `json:"nodes"`
	Probes   []ProbeStatus `json:"probes"`
	Services []Service     `json:"services,omitempty"`
	Programs []Program     `json:"programs,omitempty"`
}

// An Observe says what waited for the observers.
type Observe string

// In lockstep every frame, and every close by a workload of ours, waited until
// sockdiag and ss had looked.
const (
	Lockstep       Observe = "lockstep"        // as the scenario says
	LockstepChosen Observe = "lockstep-chosen" // by netlab itself, as there are no kernel events
)

// A Service is where a server of the scenario listens on TCP: programs that
// are not ours record no calls.
type Service struct {
	Server string `json:"server"`
	Node   string `json:"node"`
	Port   int    `json:"port"`
}

// A Program is a program of the host that the scenario runs.
type Program struct {
	Name    string `json:"name"`              // as the scenario calls it
	Path    string `json:"path"`              // where it was found
	Package string `json:"package,omitempty"` // and its version, as "vsftpd 3.0.3-13+b2"; "" where no package has it
	Version string `json:"version,omitempty"` // the first line of what it says of itself, where it has no package
}

// A NodeInfo says which network namespace and which addresses a node had.
type NodeInfo struct {
	Name      string       `json:"name"`
	Cookie    uint64       `json:"netns"`
	Addresses []netip.Addr `json:"addresses,omitempty"` // that no other node has
}

// A ProbeStatus says whether a probe was there and, if not, why.
type ProbeStatus struct {
	Source   Source   `json:"source"`
	Grade    Grade    `json:"grade,omitzero"`   // of what it records
	Reason   string   `json:"reason,omitempty"` // why it is missing
	Remedy   string   `json:"remedy,omitempty"`
	Kinds    []Kind   `json:"kinds,omitempty"`    // what it records beside KindState (bpf) or KindSample (sockdiag); none in records that are older than these kinds
	Counters []string `json:"counters,omitempty"` // of sockdiag: the counters that this kernel has; one that did not move has no event
	Lacks    []Lack   `json:"lacks,omitempty"`    // what a probe that is there cannot record here
}

// A Lack is a kind of event that a probe cannot record here.
type Lack struct {
	Kind   Kind   `json:"kind"`
	Reason string `json:"reason"`
	Remedy string `json:"remedy,omitempty"`
}

// Records reports whether a probe that is there records a kind of event.
func (p ProbeStatus) Records(k Kind) bool {
	return !p.Missing() && slices.Contains(p.Kinds, k)
}

// Missing reports whether the probe was not there.
func (p ProbeStatus) Missing() bool { return p.Reason != "" }
