package scenarios

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"netlab/probes"
	"netlab/scenarios/words"
)

// Lengths of texts, in characters.
const (
	maxName  = 32
	maxTitle = 64 // the scenario's own name
	maxLine  = 1024
	maxProse = 8192
)

// checkText looks at the characters of a string.
func checkText(s, rule string) *fault {
	most := maxLine
	switch rule {
	case textAny:
		return nil
	case textProse:
		most = maxProse
	}
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return bad(words.ValueTooLong, most)
	}
	for _, c := range s {
		switch {
		case c == '\n' && rule == textProse, c == '\t':
		case c == '\n' || c == '\r':
			return bad(words.ValueLineBreak)
		case unicode.IsControl(c), isOverride(c):
			return bad(words.ValueControl, fmt.Sprintf("U+%04X", c))
		}
	}
	return nil
}

// isOverride reports whether a character turns the direction of those that
// follow, so that what is read is not what is written.
func isOverride(c rune) bool {
	return c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x2028 || c == 0x2029
}

// isNumber reports whether s is a whole number in the only way to write one:
// no sign but minus, no leading zeros, no underscores.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// short cuts a number that is too long to print.
func short(s string) string {
	const most = 24
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// A bound is the least or largest amount, and how it is written.
type bound struct {
	amount int64
	text   string
}

// boundsOf returns what a number, duration or size must lie between.
func boundsOf(t reflect.Type, f *field) (lo, hi bound) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	lo, hi = bound{0, "0"}, bound{1 << 31, "2147483648"}
	switch t {
	case reflect.TypeFor[int64]():
		hi = bound{1e15, "1000000000000000"}
	case reflect.TypeFor[Duration]():
		lo, hi = bound{0, "0s"}, bound{int64(24 * time.Hour), "24h"}
	case reflect.TypeFor[Size]():
		lo, hi = bound{0, "0"}, bound{1e12, "1TB"}
	case reflect.TypeFor[Percent]():
		lo, hi = bound{0, "0%"}, bound{millionths, "100%"}
	case reflect.TypeFor[Rate]():
		lo, hi = bound{1e3, "1kbit"}, bound{1e11, "100Gbit"}
	}
	if f == nil {
		return lo, hi
	}
	if f.min != "" {
		lo = bound{mustAmount(t, f.min), f.min}
	}
	if f.max != "" {
		hi = bound{mustAmount(t, f.max), f.max}
	}
	return lo, hi
}

// mustAmount reads a bound from a tag. A test reads every tag.
func mustAmount(t reflect.Type, s string) int64 {
	v := reflect.New(t)
	if x, ok := v.Interface().(textParser); ok {
		x.parseText(s)
		n, _ := amount(v.Elem())
		return n
	}
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// amount returns the number that bounds apply to.
func amount(v reflect.Value) (int64, bool) {
	if d, ok := v.Interface().(Duration); ok {
		return int64(d.Duration), true
	}
	if v.CanInt() {
		return v.Int(), true
	}
	return 0, false
}

// parseText reads 60ms, 1.5s, 2m.
func (d *Duration) parseText(s string) *fault {
	if isNumber(s) {
		return bad(words.ValueNoUnit, short(s)).instead([]string{short(s) + "s", short(s) + "ms"}, "")
	}
	v, err := time.ParseDuration(s)
	if err != nil || strings.ContainsAny(s, "+-") || strings.HasPrefix(s, ".") {
		return bad(words.ValueNotDuration, quote(s))
	}
	d.Duration = v
	return nil
}

// sizeUnit returns what a unit of a number of bytes stands for, 0 if it is
// none.
func sizeUnit(s string) int64 {
	switch s {
	case "", "B":
		return 1
	case "kB":
		return 1e3
	case "MB":
		return 1e6
	case "GB":
		return 1e9
	case "TB":
		return 1e12
	case "KiB":
		return 1 << 10
	case "MiB":
		return 1 << 20
	case "GiB":
		return 1 << 30
	}
	return 0
}

// parseText reads 6, 64kB, 100MiB.
func (z *Size) parseText(s string) *fault {
	digits := strings.TrimRight(s, "BkKMGTi")
	unit := sizeUnit(s[len(digits):])
	if unit == 0 || !isNumber(digits) || digits[0] == '-' {
		return bad(words.ValueNotSize, quote(s))
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	const most = 1 << 60
	if err != nil || n > most/unit {
		n, unit = most, 1 // out of every bound
	}
	*z = Size(n * unit)
	return nil
}

// parseText reads 10.0.0.1/24.
func (x *Prefix) parseText(s string) *fault {
	v, err := netip.ParsePrefix(s)
	if err != nil {
		if _, err := netip.ParseAddr(s); err == nil {
			return bad(words.ValueNoLength, quote(s))
		}
		return bad(words.ValueNotAddress, quote(s))
	}
	if !isHost(v) {
		return bad(words.ValueNotHost, v.String())
	}
	x.Prefix = v
	return nil
}

// isHost reports whether an address can be given to an interface: it is
// neither the network nor its broadcast address, nor of a special kind.
func isHost(v netip.Prefix) bool {
	a := v.Addr()
	if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.Is4In6() || v.Bits() == 0 {
		return false
	}
	if a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return false
	}
	if a.BitLen()-v.Bits() < 2 {
		return true // RFC 3021, RFC 6164: both are hosts
	}
	return a != v.Masked().Addr() && (a.Is6() || !isBroadcast(v))
}

// isBroadcast reports whether the host bits of an IPv4 address are all set.
func isBroadcast(v netip.Prefix) bool {
	b := v.Addr().As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	host := uint32(1)<<(32-v.Bits()) - 1
	return n&host == host
}

// none is the pool of a lab without a family.
const none = "none"

// parseText reads 10.77.0.0/16 or none. Which family it must be is checked
// where the pool stands.
func (x *Pool) parseText(s string) *fault {
	if s == none {
		x.Prefix = netip.Prefix{}
		return nil
	}
	v, err := netip.ParsePrefix(s)
	a := v.Addr()
	switch {
	case err != nil || a.Is4In6() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || v.Bits() == 0 || a.BitLen()-v.Bits() < 2:
		return bad(words.ValueNotNetwork, quote(s), "10.77.0.0/16")
	case v != v.Masked():
		return bad(words.ValueHostBits, s, v.Masked().String())
	}
	x.Prefix = v
	return nil
}

// maxPort is the largest port of TCP.
const maxPort = 65535

// parseText reads 2122-2141, or one port.
func (r *PortRange) parseText(s string) *fault {
	low, high, two := strings.Cut(s, "-")
	if !two {
		high = low
	}
	var err1, err2 error
	r.Low, err1 = strconv.Atoi(low)
	r.High, err2 = strconv.Atoi(high)
	if !isNumber(low) || !isNumber(high) || err1 != nil || err2 != nil ||
		r.Low < 1 || r.High < r.Low || r.High > maxPort {
		return bad(words.ValueNotPorts, quote(s))
	}
	return nil
}

// parseText reads on or off, or what YAML takes for a boolean.
func (b *YesNo) parseText(s string) *fault {
	switch s {
	case "on", "true", "yes":
		*b = true
	case "off", "false", "no":
		*b = false
	default:
		return bad(words.ValueNotOnOff, quote(s)).instead([]string{"on", "off"}, s)
	}
	return nil
}

// parseText reads FIN-WAIT-1.
func (s *StateName) parseText(text string) *fault {
	v, err := probes.ParseState(text)
	if err != nil {
		return bad(words.ValueUnknownWord, quote(text)).instead(stateNames(), text)
	}
	s.State = v
	return nil
}

func stateNames() []string {
	var list []string
	for _, s := range probes.States() {
		list = append(list, s.String())
	}
	return list
}

// The words of the types that are one of a few. None of them is a boolean of
// YAML, in any version.

func (Finding) words() []string {
	return []string{string(Confirmed), string(Partly), string(Refuted), string(OpenClaim)}
}

func (Acks) words() []string    { return []string{string(DefaultAcks), string(ImmediateAcks)} }
func (Family) words() []string  { return []string{string(IPv4), string(IPv6)} }
func (DirMode) words() []string { return []string{string(ReadOnly), string(CopyOnWrite)} }

func (FTPMode) words() []string {
	return []string{string(Passive), string(ExtendedPassive), string(Active), string(ExtendedActive)}
}

func (TLSMode) words() []string {
	return []string{string(NoTLS), string(ExplicitTLS), string(ImplicitTLS)}
}

func (ActiveMode) words() []string {
	return []string{string(ActivePort20), string(ActiveAny), string(ActiveOff)}
}

func (CloseStyle) words() []string {
	return []string{string(CloseAtOnce), string(CloseAfterReply), string(CloseAfterPeer), string(CloseHalfThenDrain), string(CloseReset)}
}

// segmentWords lists what a segment can be in a pattern.
func segmentWords() []string {
	return []string{
		string(WordSYN), string(WordSYNACK), string(WordACK), string(WordDATA), string(WordFIN),
		string(WordFINACK), string(WordDATAFIN), string(WordDATAFINACK), string(WordRST),
	}
}

// momentWords lists what can follow the end in a moment, beside states.
func momentWords() []string {
	return append(segmentWords(), string(WordCloseNotify), string(WordAlert))
}

// points lists the moments of steps and connections that need no end.
func points() []string { return []string{"started", "ended", "opened", "closed", "matched"} }

// isWord reports whether s is one of a list.
func isWord(s string, list []string) bool { return slices.Contains(list, s) }
func (HTTPVersion) words() []string       { return []string{string(HTTP10), string(HTTP11), string(HTTP2)} }
func (TLSVersion) words() []string {
	return []string{string(TLS10), string(TLS11), string(TLS12), string(TLS13)}
}
func (Certificate) words() []string {
	return []string{string(GoodCertificate), string(ExpiredCertificate), string(WrongNameCertificate), string(SelfSignedCertificate), string(RevokedCertificate)}
}
func (Trust) words() []string {
	return []string{string(TrustLab), string(TrustNobody), string(TrustAny)}
}
func (Scheme) words() []string { return []string{string(HTTP), string(HTTPS)} }
func (SameSite) words() []string {
	return []string{string(SameSiteStrict), string(SameSiteLax), string(SameSiteNone)}
}
func (Behave) words() []string {
	return []string{string(Echo), string(Sink), string(Silent), string(Script)}
}
func (DNSType) words() []string {
	return []string{"A", "AAAA", "CNAME", "MX", "TXT", "NS", "PTR", "SRV"}
}
func (ProxyWay) words() []string { return []string{string(ProxyRequest), string(ProxyAnswer)} }
func (Signal) words() []string {
	return []string{string(SIGTERM), string(SIGINT), string(SIGQUIT), string(SIGHUP), string(SIGKILL)}
}
func (Feature) words() []string { return Features() }
func (PacketPath) words() []string {
	return []string{string(PathAny), string(PathIn), string(PathOut), string(PathForward)}
}
func (Protocol) words() []string { return []string{string(TCP), string(UDP), string(ICMP)} }
func (TCPFlag) words() []string {
	return []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}
}
func (RejectWith) words() []string {
	return []string{string(RejectReset), string(RejectPort), string(RejectHost), string(RejectProhibited)}
}
func (Refusal) words() []string {
	return []string{string(Blackhole), string(Unreachable), string(NoRoute)}
}
func (FrameProtocol) words() []string {
	return []string{string(AnyFrame), string(TCPFrame), string(UDPFrame), string(ICMPFrame), string(ARPFrame), string(NDFrame)}
}
func (Checksum) words() []string { return []string{string(KeepChecksum), string(FixChecksum)} }
func (Half) words() []string {
	return []string{string(HalfWrite), string(HalfRead), string(HalfBoth)}
}
func (OpenCall) words() []string { return []string{string(CallConnect), string(CallListen)} }
func (Observe) words() []string {
	return []string{string(ObserveAuto), string(ObserveFree), string(ObserveLockstep)}
}
