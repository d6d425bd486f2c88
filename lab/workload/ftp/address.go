package ftp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var errNoAddress = errors.New("reply holds no address")

// parsePassive finds the address in the text of a 227 reply, RFC 959 section
// 4.1.2. Servers do not agree on the parentheses, so the first run of six
// numbers counts, as RFC 1123 section 4.1.2.6 asks for.
func parsePassive(text string) (netip.AddrPort, error) {
	start := strings.IndexAny(text, "0123456789")
	if start < 0 {
		return netip.AddrPort{}, fmt.Errorf("227 %.60q: %w", text, errNoAddress)
	}
	end := start
	for end < len(text) && (isDigit(text[end]) || text[end] == ',') {
		end++
	}
	parts := strings.Split(text[start:end], ",")
	if len(parts) != 6 {
		return netip.AddrPort{}, fmt.Errorf("227 %.60q: %w of six numbers", text, errNoAddress)
	}
	var b [6]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("227 %.60q: %q is not a number from 0 to 255", text, part)
		}
		b[i] = byte(n)
	}
	port := uint16(b[4])<<8 | uint16(b[5])
	if port == 0 {
		return netip.AddrPort{}, fmt.Errorf("227 %.60q: port 0", text)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), port), nil
}

// parseExtended finds the port in the text of a 229 reply, RFC 2428 section 3:
// "(<d><d><d><port><d>)" with any one delimiter <d>.
func parseExtended(text string) (uint16, error) {
	_, inner, found := strings.Cut(text, "(")
	if !found {
		return 0, fmt.Errorf("229 %.60q: no parenthesis", text)
	}
	inner, _, found = strings.Cut(inner, ")")
	if !found || len(inner) < 5 {
		return 0, fmt.Errorf("229 %.60q: no port in parentheses", text)
	}
	d := inner[0]
	if d < 33 || d > 126 || isDigit(d) || inner[1] != d || inner[2] != d || inner[len(inner)-1] != d {
		return 0, fmt.Errorf("229 %.60q: delimiters are not as in (|||port|)", text)
	}
	port, err := strconv.ParseUint(inner[3:len(inner)-1], 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("229 %.60q: %q is not a port", text, inner[3:len(inner)-1])
	}
	return uint16(port), nil
}

// portCommand writes PORT (RFC 959), which knows IPv4 only.
func portCommand(a netip.AddrPort) (string, error) {
	if !a.Addr().Is4() {
		return "", fmt.Errorf("PORT cannot say %s: it knows IPv4 only; extended_active can", a)
	}
	ip := a.Addr().As4()
	return fmt.Sprintf("PORT %d,%d,%d,%d,%d,%d", ip[0], ip[1], ip[2], ip[3], a.Port()>>8, a.Port()&0xff), nil
}

// eprtCommand writes EPRT, RFC 2428 section 2.
func eprtCommand(a netip.AddrPort) string {
	family := 1
	if a.Addr().Is6() {
		family = 2
	}
	return fmt.Sprintf("EPRT |%d|%s|%d|", family, a.Addr().WithZone(""), a.Port())
}
