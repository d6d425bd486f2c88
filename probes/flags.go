package probes

import (
	"fmt"
	"strings"
)

// Flags are the control bits of a TCP header, RFC 9293 section 3.1.
type Flags uint16

// The control bits.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// flagOrder is the order in which reports print the bits.
var flagOrder = []struct {
	bit  Flags
	name string
}{{SYN, "SYN"}, {FIN, "FIN"}, {RST, "RST"}, {PSH, "PSH"}, {URG, "URG"}, {ECE, "ECE"}, {CWR, "CWR"}, {ACK, "ACK"}}

// String joins the names with "+", for example "SYN+ACK".
func (f Flags) String() string {
	var names []string
	for _, x := range flagOrder {
		if f&x.bit != 0 {
			names = append(names, x.name)
		}
	}
	return strings.Join(names, "+")
}

// Has reports whether all bits of g are set in f.
func (f Flags) Has(g Flags) bool { return f&g == g }

// ParseFlags reads what String writes.
func ParseFlags(text string) (Flags, error) {
	var f Flags
	if text == "" {
		return 0, nil
	}
next:
	for name := range strings.SplitSeq(text, "+") {
		for _, x := range flagOrder {
			if x.name == name {
				f |= x.bit
				continue next
			}
		}
		return 0, fmt.Errorf("%q is not a control bit of TCP", name)
	}
	return f, nil
}

// MarshalText writes the names.
func (f Flags) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the names.
func (f *Flags) UnmarshalText(b []byte) error {
	v, err := ParseFlags(string(b))
	if err == nil {
		*f = v
	}
	return err
}
