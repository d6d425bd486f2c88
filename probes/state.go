package probes

import "fmt"

// A State is a connection state of RFC 9293, section 3.3.2, spelled as the
// RFC spells it. The zero State means "not known".
type State uint8

// The states of RFC 9293, figure 5.
const (
	Unknown State = iota
	Closed
	Listen
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
)

var stateNames = [...]string{
	Unknown: "", Closed: "CLOSED", Listen: "LISTEN", SynSent: "SYN-SENT",
	SynReceived: "SYN-RECEIVED", Established: "ESTABLISHED",
	FinWait1: "FIN-WAIT-1", FinWait2: "FIN-WAIT-2", CloseWait: "CLOSE-WAIT",
	Closing: "CLOSING", LastAck: "LAST-ACK", TimeWait: "TIME-WAIT",
}

// States lists every state of RFC 9293 in the order of its section 3.3.2.
func States() []State {
	return []State{Listen, SynSent, SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait, Closed}
}

// String returns the RFC's name, or "" for Unknown.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// ParseState returns the state with the RFC's name, for example "FIN-WAIT-1".
func ParseState(name string) (State, error) {
	for s, n := range stateNames {
		if n == name && n != "" {
			return State(s), nil
		}
	}
	return Unknown, fmt.Errorf("%q is not a state of RFC 9293", name)
}

// MarshalText writes the RFC's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the RFC's name; the empty text is Unknown.
func (s *State) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*s = Unknown
		return nil
	}
	v, err := ParseState(string(b))
	if err == nil {
		*s = v
	}
	return err
}

// linuxStates maps include/net/tcp_states.h. 12 (NEW_SYN_RECV) is the request
// socket; 13 (BOUND_INACTIVE) is shown by inet_diag only and is no connection.
var linuxStates = [...]State{
	1: Established, 2: SynSent, 3: SynReceived, 4: FinWait1, 5: FinWait2,
	6: TimeWait, 7: Closed, 8: CloseWait, 9: LastAck, 10: Listen, 11: Closing,
	12: SynReceived, 13: Closed,
}

// StateFromLinux converts a state number of the kernel
// (include/net/tcp_states.h); Unknown if it is none.
func StateFromLinux(n uint32) State {
	if n < uint32(len(linuxStates)) {
		return linuxStates[n]
	}
	return Unknown
}
