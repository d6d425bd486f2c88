package probes

import "time"

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
	Root     bool          `json:"root"` // ran as root of the first user namespace
	Nodes    []NodeInfo    `json:"nodes"`
	Probes   []ProbeStatus `json:"probes"`
}

// A NodeInfo says which network namespace a node had.
type NodeInfo struct {
	Name   string `json:"name"`
	Cookie uint64 `json:"netns"`
}

// A ProbeStatus says whether a probe was there and, if not, why.
type ProbeStatus struct {
	Source Source `json:"source"`
	Grade  Grade  `json:"grade,omitzero"`   // of what it records
	Reason string `json:"reason,omitempty"` // why it is missing
	Remedy string `json:"remedy,omitempty"`
}

// Missing reports whether the probe was not there.
func (p ProbeStatus) Missing() bool { return p.Reason != "" }
