package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"netlab/scenarios/words"
)

// This file checks gates and impairments: what is done to frames on a link.

// checkGateStep looks at a step of a gate.
func (c *checker) checkGateStep(s *Step) {
	if r := s.GateRule(); r != nil {
		c.checkGateOff(s, r.Link)
		c.checkFrames(&r.FrameMatch, r.Link)
		c.exclude("nth", "times", &r.Nth, &r.Times)
	}
	switch {
	case s.GateHold != nil:
		c.checkFramesSaid(s.GateHold.Until, s.GateHold.Link)
		c.checkReleasable(s)
	case s.GateInject != nil:
		c.checkInject(s)
	case s.GateAwait != nil:
		c.checkAwait(s.GateAwait)
	case s.GateRelease != nil:
		c.checkRelease(s.GateRelease)
	case s.GateDiscard != nil:
		x := s.GateDiscard
		c.exclude("frames", "only", &x.Frames, x.Only)
		c.checkFramesSaid(x.Only, c.linkOfRule(x.Rule))
	case s.GateClear != nil:
		c.checkClear(s)
	}
}

// checkReleasable sees to it that something can let go what a step holds.
func (c *checker) checkReleasable(s *Step) {
	x := s.GateHold
	if c.given(&x.As) || c.given(x.Until) {
		return
	}
	if last, ok := c.cleared[x.Link]; !ok || last < s.Index {
		c.wrong(bad(words.HoldsForEver), x)
	}
}

// checkGateOff sees to it that no step acts on the frames of a link that is
// said to be no gate.
func (c *checker) checkGateOff(s *Step, link string) {
	i, ok := c.links.index[link]
	if !ok {
		return // reported
	}
	if l := &c.s.Links[i]; c.given(&l.Gate) && !bool(l.Gate) {
		c.wrong(bad(words.GateOff, quote(link), fmt.Sprintf("steps[%d]", s.Index-1), s.Verb), &l.Gate)
	}
}

// linkOfRule returns the link of a rule, "" if there is no such rule.
func (c *checker) linkOfRule(name string) string {
	if i, ok := c.rules.index[name]; ok {
		return c.s.Steps[i].GateRule().Link
	}
	return ""
}

// checkFramesSaid looks at a match that a key of its own leads to.
func (c *checker) checkFramesSaid(m *FrameMatch, link string) {
	if m == nil {
		return
	}
	if c.isMapping(m) {
		c.wrong(bad(words.FramesAny), m)
	}
	c.checkFrames(m, link)
}

// checkFrames looks at which frames on a link are meant.
func (c *checker) checkFrames(m *FrameMatch, link string) {
	c.hasEnd(link, m.From, &m.From)
	c.checkFlags(&m.Flags, &m.Unset)
	ofTCP := m.Protocol == "" || m.Protocol == TCPFrame
	if !ofTCP {
		for _, ptr := range []any{&m.Flags, &m.Unset, m.Seq, m.Ack} {
			if c.given(ptr) {
				c.wrong(bad(words.OnlyWith, "protocol: tcp"), ptr)
			}
		}
	}
	if !ofTCP && m.Protocol != UDPFrame {
		for _, ptr := range []any{&m.Ports, &m.FromPort, m.Payload, &m.Content} {
			if c.given(ptr) {
				c.wrong(bad(words.OnlyWith, "protocol: tcp | udp"), ptr)
			}
		}
	}
	if ofTCP && m.Ack != nil && slices.Contains(m.Unset, "ACK") {
		c.wrong(bad(words.ContradictsFlag, "ack", "ACK"), m.Ack)
	}
	if c.given(&m.Content) && m.Content == "" {
		c.wrong(bad(words.ValueEmptyText), &m.Content)
	}
	c.checkMost(m.Seq, maxSeq)
	c.checkMost(m.Ack, maxSeq)
	c.checkMost(m.Payload, maxPacket)
}

// What fits into the fields of headers: numbers of a sequence (RFC 9293
// section 3.1), the length of a packet (RFC 791 section 3.1).
const (
	maxSeq    = 1<<32 - 1
	maxPacket = 1<<16 - 1
)

// checkMost sees to it that a number can be reached at all.
func (c *checker) checkMost(n *Count, most int64) {
	if n == nil {
		return
	}
	if largest := max(n.Min, n.Max); largest > most {
		c.wrong(bad(words.ValueOutOfBounds, strconv.FormatInt(largest, 10), "0", strconv.FormatInt(most, 10)), n)
	}
}

// checkFlags looks at control bits that are to be set, and not. Of lists that
// are longer than there are bits only that is said.
func (c *checker) checkFlags(set, unset *[]TCPFlag) {
	most := len(TCPFlag("").words())
	for _, list := range []*[]TCPFlag{set, unset} {
		if n := len(*list); n > most {
			c.wrong(bad(words.ValueTooMany, most, n), list)
			return
		}
	}
	for i, f := range *unset {
		if slices.Contains(*set, f) {
			c.wrong(bad(words.FlagBothWays, string(f)), &(*unset)[i])
		}
	}
	c.checkTwice(words.ListedTwice, asPointers(*set))
	c.checkTwice(words.ListedTwice, asPointers(*unset))
}

// hasEnd sees to it that a link has an end of this name.
func (c *checker) hasEnd(link, end string, ptr any) {
	i, ok := c.links.index[link]
	if !ok || end == "" || !c.nodes.has(end) && !c.switches.has(end) {
		return // reported
	}
	ends := c.s.Links[i].Ends
	if c.broken[&c.s.Links[i].Ends] || len(ends) != 2 || ends[0].Name == "" || ends[0].Name == end || ends[1].Name == end {
		return
	}
	c.wrong(bad(words.NoEndOfLink, quote(link), quote(end)).instead([]string{ends[0].Name, ends[1].Name}, ""), ptr)
}

// checkAwait sees to it that a rule can match so often.
func (c *checker) checkAwait(x *GateAwait) {
	i, ok := c.rules.index[x.Rule]
	if !ok {
		return // reported
	}
	rule := c.s.Steps[i].GateRule()
	most, by := rule.Times, "times"
	if rule.Nth > 0 {
		most, by = 1, "nth"
	}
	if most > 0 && x.Times > most {
		c.wrong(bad(words.AwaitTooOften, quote(x.Rule), most, by, x.Times), &x.Times, x)
	}
}

func (c *checker) checkRelease(x *GateRelease) {
	c.exclude("frames", "until", &x.Frames, x.Until)
	c.exclude("frames", "only", &x.Frames, x.Only)
	c.exclude("until", "only", x.Until, x.Only)
	for _, other := range []struct {
		key string
		ptr any
	}{{"frames", &x.Frames}, {"until", x.Until}, {"only", x.Only}} {
		c.exclude(other.key, "keep", other.ptr, &x.Keep)
	}
	link := c.linkOfRule(x.Rule)
	c.checkFramesSaid(x.Until, link)
	c.checkFramesSaid(x.Only, link)
}

// checkClear sees to it that a step says what it clears, and that there is
// something.
func (c *checker) checkClear(s *Step) {
	x := s.GateClear
	c.exclude("link", "rule", &x.Link, &x.Rule)
	if !c.given(&x.Link) && !c.given(&x.Rule) {
		c.wrong(bad(words.OneOfKeys, "link", "rule"), x)
	}
	if c.links.has(x.Link) && !c.ruled[x.Link] {
		c.wrong(bad(words.ClearsNothing, quote(x.Link)), &x.Link)
	}
}

// checkInject looks at a segment that a gate makes.
func (c *checker) checkInject(s *Step) {
	x := s.GateInject
	c.checkGateOff(s, x.Link)
	c.hasEnd(x.Link, x.From, &x.From)
	c.checkFlags(&x.Flags, new([]TCPFlag))
	from, to := c.given(&x.FromPort), c.given(&x.Port)
	switch named := c.given(&x.Connection); {
	case named:
		c.exclude("connection", "from_port", &x.Connection, &x.FromPort)
		c.exclude("connection", "port", &x.Connection, &x.Port)
		c.exclude("connection", "family", &x.Connection, &x.Family)
		if at, ok := c.openedAt(x.Connection); ok && at >= s.Index-1 {
			c.wrong(bad(words.ConnectionLater, quote(x.Connection), at), &x.Connection)
		}
	case !from && !to:
		c.wrong(bad(words.OneOfKeys, "connection", "from_port with port"), x)
	case !from:
		c.wrong(bad(words.ValueMissingKey, quote("from_port")), x)
	case !to:
		c.wrong(bad(words.ValueMissingKey, quote("port")), x)
	default:
		c.checkFamily(x.Family, &x.Family, x)
	}
	if x.Ack != nil && len(x.Flags) > 0 && !slices.Contains(x.Flags, "ACK") {
		c.wrong(bad(words.OnlyWith, "ACK in flags"), x.Ack)
	}
	c.checkFits(x)
}

// openedAt returns the index of the step that opens a connection, where that
// is known.
func (c *checker) openedAt(connection string) (int, bool) {
	if i, ok := c.steps.index[connection]; ok {
		return i, true
	}
	if i, ok := c.connections.index[connection]; ok {
		at, ok := c.steps.index[c.s.Connections[i].Step]
		return at, ok
	}
	return 0, false
}

// The headers of a segment without options, in bytes, over IPv4 and IPv6.
const (
	headers4 = 20 + 20
	headers6 = 40 + 20
)

// checkFits sees to it that a made segment fits into its link.
func (c *checker) checkFits(x *GateInject) {
	i, ok := c.links.index[x.Link]
	if !ok {
		return // reported
	}
	headers := headers4
	if x.Family == IPv6 {
		headers = headers6
	}
	if mtu := c.s.Links[i].MTU; len(x.Content)+headers > mtu {
		c.wrong(bad(words.SegmentTooBig, len(x.Content), mtu, quote(x.Link)), &x.Content)
	}
}

// checkImpairs looks at what a link, or its ends, make worse.
func (c *checker) checkImpairs(l *Link) {
	c.checkImpair(l.Impair)
	for i := range l.Ends {
		x := l.Ends[i].Impair
		c.checkImpair(x)
		if x != nil && l.Impair != nil {
			c.wrong(bad(words.ImpairTwice, quote(l.Name), c.line(l.Impair)), x)
		}
	}
}

func (c *checker) checkImpair(x *Impair) {
	if x == nil {
		return
	}
	if c.isMapping(x) {
		c.wrong(bad(words.ImpairNothing).instead(c.shapes.of(reflect.TypeFor[Impair]()).keys(), ""), x)
	}
	c.only("delay", &x.Jitter, &x.Delay)
	c.only("delay", &x.Reorder, &x.Delay)
	if c.given(&x.Delay) && x.Jitter.Duration > x.Delay.Duration {
		c.wrong(bad(words.JitterTooLong, x.Jitter.String(), x.Delay.String()), &x.Jitter)
	}
	if c.given(&x.Queue) && !c.given(&x.Delay) && !c.given(&x.Rate) {
		c.wrong(bad(words.OnlyWith, "delay | rate"), &x.Queue)
	}
}
