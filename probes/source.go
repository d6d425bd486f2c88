package probes

import "fmt"

// A Source names who observed an event.
type Source string

// The sources. Lab is netlab itself: steps, marks, what it lost.
const (
	BPF      Source = "bpf"      // kernel events through eBPF tracepoints
	SockDiag Source = "sockdiag" // inet_diag over netlink
	SS       Source = "ss"       // the text of ss(8)
	Wire     Source = "wire"     // packet capture on the link ends
	Calls    Source = "calls"    // socket calls of our own workloads
	Lab      Source = "lab"      // the run itself

	// Conntrack is the connection tracker of routers: what a middlebox
	// believes of a connection. It is no witness of what the ends did.
	Conntrack Source = "conntrack"

	// Gate is what gates did to frames: an actor, and no witness of what the
	// ends did.
	Gate Source = "gate"

	// Content is the search of the capture for texts and records of TLS. What
	// it finds are events of Wire; only that it could not search is its own.
	Content Source = "content"
)

// A Class groups the sources that look at the same thing. Agreement inside a
// class proves nothing; agreement between classes does.
type Class byte

// The observer classes.
const (
	KernelEvents Class = 'K' // bpf
	KernelState  Class = 'D' // sockdiag and ss, which read the same source
	Model        Class = 'M' // RFC 9293, run on the wire and the calls
)

// Class returns the observer class of s, 0 for Lab and Conntrack, which
// witness no end of a connection.
func (s Source) Class() Class {
	switch s {
	case BPF:
		return KernelEvents
	case SockDiag, SS:
		return KernelState
	case Wire, Calls:
		return Model
	}
	return 0
}

// String returns the class's letter.
func (c Class) String() string {
	if c == 0 {
		return ""
	}
	return string(rune(c))
}

// A Grade says how an observation was come by; it is printed with it.
type Grade uint8

// The grades, best first.
const (
	Ungraded     Grade = iota
	Recorded           // the kernel or the wire reported it when it happened
	RecordedMini       // likewise, from a mini-socket (request, TIME-WAIT)
	Sampled            // seen by looking now and then; what was between is not known
	Inferred           // follows from other observations
)

var gradeNames = [...]string{"", "recorded", "recorded (mini-socket)", "sampled", "inferred"}

// String returns the grade's name as reports print it.
func (g Grade) String() string {
	if int(g) < len(gradeNames) {
		return gradeNames[g]
	}
	return fmt.Sprintf("Grade(%d)", uint8(g))
}

// MarshalText writes the name.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads the name.
func (g *Grade) UnmarshalText(b []byte) error {
	for i, n := range gradeNames {
		if n == string(b) {
			*g = Grade(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a grade", b)
}
