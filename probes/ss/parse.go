package ss

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"netlab/probes"
)

// An Entry is one socket in the text of ss(8). What the text leaves out is
// zero.
type Entry struct {
	State       probes.State
	RecvQ       uint32         // bytes not read; of a listener, connections not accepted
	SendQ       uint32         // bytes not acknowledged; of a listener, its backlog
	Local, Peer netip.AddrPort // IPv4-mapped addresses are unmapped; "*:*" is zero
	Device      string         // interface that the socket is bound to, or an address's zone
	Timer       string         // on, keepalive, timewait, persist, unknown; "" if none runs
	Expires     time.Duration  // until the timer fires, as coarse as it was printed
	Retransmits int
	UID         uint32
	Inode       uint32
	Cookie      uint64 // sk:, in hexadecimal
	V6Only      bool   // an IPv6 listener that takes no IPv4
	Full        bool   // a directions mark, "<->", was there: only full sockets have one
}

// Object says what the kernel keeps for the socket.
func (e Entry) Object() probes.Object {
	switch {
	case e.State == probes.Listen:
		return probes.ListenerObject
	case e.Timer == "timewait": // with FIN-WAIT-2, too: an orphan
		return probes.MiniObject
	case e.State == probes.SynReceived && e.Inode == 0 && !e.Full:
		return probes.RequestObject
	}
	return probes.FullObject
}

// maxLine bounds the text of one socket.
const maxLine = 64 << 10

// Parse reads the output of "ss -t", with or without -H, -O, -n, -a, -e, -o
// and -p. Numeric ports are a must. Tokens that it does not know are passed
// over; a state or an address that it does not know is an error with the
// line.
func Parse(r io.Reader) ([]Entry, error) {
	var lines []parsed
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxLine)
	number := 0
	for scan.Scan() {
		number++
		line := scan.Text()
		words := strings.Fields(line)
		if len(words) == 0 || isHeader(words) {
			continue
		}
		if indented(line) {
			// Without -O the tokens may go on in a line of their own.
			if len(lines) > 0 {
				if err := lines[len(lines)-1].tokens(line); err != nil {
					return nil, lineError(number, line, err)
				}
			}
			continue
		}
		l, err := parseLine(line)
		if err != nil {
			return nil, lineError(number, line, err)
		}
		lines = append(lines, l)
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("text of ss, line %d: %w", number+1, err)
	}
	entries := make([]Entry, len(lines))
	for i, l := range lines {
		entries[i] = l.finish()
	}
	return entries, nil
}

func lineError(number int, line string, err error) error {
	const most = 120
	if len(line) > most {
		line = line[:most] + "..."
	}
	return fmt.Errorf("text of ss, line %d, %q: %w", number, line, err)
}

// indented reports whether a line goes on from the one before.
func indented(line string) bool { return line[0] == ' ' || line[0] == '\t' }

// isHeader recognises the heading, which -H leaves out: "State Recv-Q ..."
// or, with a column for the protocol, "Netid State ...".
func isHeader(words []string) bool {
	return words[0] == "State" || words[0] == "Netid"
}

// A parsed is an Entry in the making.
type parsed struct {
	Entry
	seen map[string]bool // the keys that were met; each counts once
}

// parseLine reads the columns, then the tokens behind them.
func parseLine(line string) (parsed, error) {
	p := parsed{seen: make(map[string]bool)}
	word, rest := cut(line)
	if word == "tcp" { // the Netid column, shown where more families are asked for
		word, rest = cut(rest)
	}
	var err error
	if p.State, err = parseState(word); err != nil {
		return parsed{}, err
	}
	for _, queue := range []*uint32{&p.RecvQ, &p.SendQ} {
		word, rest = cut(rest)
		if *queue, err = number32(word); err != nil {
			return parsed{}, fmt.Errorf("length of a queue: %w", err)
		}
	}
	for _, side := range []*netip.AddrPort{&p.Local, &p.Peer} {
		word, rest = cut(rest)
		addr, device, err := parseAddr(word)
		if err != nil {
			return parsed{}, err
		}
		*side = addr
		if p.Device == "" {
			p.Device = device
		}
	}
	return p, p.tokens(rest)
}

func number32(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of 32 bits", text)
	}
	return uint32(n), nil
}

// cut returns the first word of s and what follows it.
func cut(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// parseState reads a state as ss spells it (misc/ss.c, sock_state_print).
func parseState(word string) (probes.State, error) {
	switch word {
	case "ESTAB":
		return probes.Established, nil
	case "SYN-RECV":
		return probes.SynReceived, nil
	case "UNCONN", "CLOSE", "CLOSED":
		return probes.Closed, nil
	case "SYN-SENT", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING":
		return probes.ParseState(word)
	}
	return probes.Unknown, fmt.Errorf("%q is not a state of ss", word)
}

// parseAddr reads "127.0.0.1:80", "127.0.0.1%lo:80", "[::1]:80",
// "[fe80::1]%eth0:80", and as older versions wrote them "*:80", ":::80",
// "::1:80" and "fe80::1%eth0:80". The last colon parts the port, "*" if 0.
// An address "*" is returned as the zero Addr with its port; see finish.
func parseAddr(word string) (addr netip.AddrPort, device string, err error) {
	i := strings.LastIndexByte(word, ':')
	if i < 0 {
		return netip.AddrPort{}, "", fmt.Errorf("%q is not an address and a port", word)
	}
	host, port := word[:i], uint64(0)
	if text := word[i+1:]; text != "*" {
		if port, err = strconv.ParseUint(text, 10, 16); err != nil {
			return netip.AddrPort{}, "", fmt.Errorf("%q of %q is not a port number", text, word)
		}
	}
	host, device, _ = strings.Cut(host, "%")
	device = strings.TrimSuffix(device, "]")
	if inside, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inside, "]")
	}
	var a netip.Addr
	if host != "*" {
		if a, err = netip.ParseAddr(host); err != nil {
			return netip.AddrPort{}, "", fmt.Errorf("%q of %q is not an address", host, word)
		}
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(port)), device, nil
}

// finish settles what only the whole line tells. "*" is any IPv4 address to
// old versions, which print ":::80" for IPv6, and :: of a socket that takes
// IPv4 as well to later ones, which with -e print v6only for it. An
// unspecified address with port 0 says nothing.
func (p parsed) finish() Entry {
	wild := netip.IPv4Unspecified()
	if p.seen["v6only"] {
		wild = netip.IPv6Unspecified()
	}
	for _, side := range []*netip.AddrPort{&p.Local, &p.Peer} {
		a := side.Addr()
		switch {
		case side.Port() == 0 && (!a.IsValid() || a.IsUnspecified()):
			*side = netip.AddrPort{}
		case !a.IsValid():
			*side = netip.AddrPortFrom(wild, side.Port())
		}
	}
	return p.Entry
}
