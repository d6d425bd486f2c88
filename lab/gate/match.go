package gate

import (
	"bytes"
	"fmt"
	"strings"

	"netlab/probes"
	"netlab/scenarios"
)

// A matcher is a FrameMatch made ready.
type matcher struct {
	from            int // end, or anyEnd
	kinds           kind
	ports, sources  scenarios.PortRange
	set, unset      probes.Flags
	seq, ack, bytes *scenarios.Count
	content         []byte
	nth             uint64

	seen uint64 // frames for which all but nth was true
}

// anyEnd is in the place of the number of an end.
const anyEnd = -1

// newMatcher reads a FrameMatch for a link with these ends.
func newMatcher(m *scenarios.FrameMatch, ends [2]string) (*matcher, error) {
	r := &matcher{
		from: anyEnd, ports: m.Ports, sources: m.FromPort, seq: m.Seq, ack: m.Ack, bytes: m.Payload,
		content: []byte(m.Content), nth: uint64(max(m.Nth, 0)),
	}
	var err error
	if m.From != "" {
		if r.from, err = endOf(m.From, ends); err != nil {
			return nil, err
		}
	}
	if r.set, err = flags(m.Flags); err != nil {
		return nil, err
	}
	if r.unset, err = flags(m.Unset); err != nil {
		return nil, err
	}
	r.kinds, err = r.allowed(m.Protocol)
	return r, err
}

// endOf returns the number of the end with that name.
func endOf(name string, ends [2]string) (int, error) {
	for i, e := range ends {
		if e == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s is no end of the link: they are %s and %s", name, ends[0], ends[1])
}

func flags(list []scenarios.TCPFlag) (probes.Flags, error) {
	var all probes.Flags
	for _, f := range list {
		bit, err := probes.ParseFlags(string(f))
		if err != nil {
			return 0, err
		}
		all |= bit
	}
	return all, nil
}

// allowed returns the kinds that a protocol stands for, given what else is
// said.
func (m *matcher) allowed(p scenarios.FrameProtocol) (kind, error) {
	ofTCP := m.set != 0 || m.unset != 0 || m.seq != nil || m.ack != nil
	ofPorts := m.ports != (scenarios.PortRange{}) || m.sources != (scenarios.PortRange{}) || m.bytes != nil || len(m.content) > 0
	kinds, ok := map[scenarios.FrameProtocol]kind{
		"":                  kindTCP | kindUDP | kindICMP | kindOther,
		scenarios.AnyFrame:  kindTCP | kindUDP | kindICMP | kindOther | kindARP | kindND,
		scenarios.TCPFrame:  kindTCP,
		scenarios.UDPFrame:  kindUDP,
		scenarios.ICMPFrame: kindICMP,
		scenarios.ARPFrame:  kindARP,
		scenarios.NDFrame:   kindND,
	}[p]
	if !ok {
		return 0, fmt.Errorf("%q is no protocol of frames", p)
	}
	if ofPorts {
		kinds &= kindTCP | kindUDP
	}
	if ofTCP {
		kinds &= kindTCP
	}
	if kinds == 0 {
		return 0, fmt.Errorf("no frame of %s has what is asked of it: that is of tcp%s", p, map[bool]string{false: " or udp"}[ofTCP])
	}
	return kinds, nil
}

// matches reports whether all that is said but nth is true of f.
func (m *matcher) matches(f *frame) bool {
	h := &f.header
	if m.kinds&h.kind == 0 || m.from != anyEnd && m.from != f.end {
		return false
	}
	if !within(m.ports, h.Flow.Remote.Port()) || !within(m.sources, h.Flow.Local.Port()) {
		return false
	}
	if h.kind == kindTCP && !m.matchesTCP(f) {
		return false
	}
	if h.fragment && (m.bytes != nil || len(m.content) > 0) {
		return false
	}
	return counts(m.bytes, int64(h.Segment.Len)) && (len(m.content) == 0 || bytes.Contains(h.payload(f.data), m.content))
}

// matchesTCP looks at what only TCP has. Numbers that cannot be told, as no
// SYN was seen, match nothing.
func (m *matcher) matchesTCP(f *frame) bool {
	s := &f.header.Segment
	switch {
	case !s.Flags.Has(m.set) || s.Flags&m.unset != 0:
		return false
	case m.seq != nil && (!f.seqKnown || !counts(m.seq, int64(f.seq))):
		return false
	case m.ack != nil && (!f.ackKnown || !counts(m.ack, int64(f.ack))):
		return false
	}
	return true
}

// takes reports whether f matches, nth included: the n-th that matches else.
// From the n-th on all match where further says so.
func (m *matcher) takes(f *frame, further bool) bool {
	if !m.matches(f) {
		return false
	}
	m.seen++
	return m.nth == 0 || m.seen == m.nth || further && m.seen > m.nth
}

// within reports whether a port is in a range; every one is in none.
func within(r scenarios.PortRange, port uint16) bool {
	return r == (scenarios.PortRange{}) || int(port) >= r.Low && int(port) <= r.High
}

// counts reports whether n is as said; every one is if nothing is said.
func counts(c *scenarios.Count, n int64) bool {
	return c == nil || n >= c.Min && (c.Max < 0 || n <= c.Max)
}

// words says a segment in words: "FIN seq=84 ACK=354".
func (f *frame) words() string {
	h := &f.header
	if h.kind != kindTCP {
		return h.what()
	}
	s := &h.Segment
	var words []string
	if rest := s.Flags &^ probes.ACK; rest != 0 {
		words = append(words, rest.String())
	}
	words = append(words, fmt.Sprintf("seq=%d", f.seq))
	if s.Flags.Has(probes.ACK) {
		words = append(words, fmt.Sprintf("ACK=%d", f.ack))
	}
	if s.Len > 0 {
		words = append(words, fmt.Sprintf("len=%d", s.Len))
	}
	return strings.Join(words, " ")
}
