package layers

import (
	"bytes"
	"encoding/binary"
	"strings"

	"netlab/probes"

	"golang.org/x/net/dns/dnsmessage"
)

// datagram tells what a datagram carries.
func datagram(from, to uint16, payload []byte) []probes.Layer {
	if len(payload) == 0 {
		return nil
	}
	one := func(name probes.Protocol, text string) []probes.Layer {
		return []probes.Layer{{Name: name, Bytes: len(payload), Text: text}}
	}
	if from == 53 || to == 53 {
		if text, ok := dnsText(payload); ok {
			return one(probes.DNSProtocol, text)
		}
	}
	if text, ok := dhcpText(payload); ok {
		return one(probes.DHCPProtocol, text)
	}
	if text, ok := rpcText(payload); ok {
		return one(probes.RPCProtocol, text)
	}
	return content(payload)
}

// recognise tells what a segment carries by its beginning, nil if that has no
// mark.
func recognise(b []byte) []probes.Layer {
	one := func(name probes.Protocol, text string) []probes.Layer {
		return []probes.Layer{{Name: name, Bytes: len(b), Text: text}}
	}
	switch {
	case len(b) >= 5 && b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2] <= 4: // RFC 8446, section 5.1
		return one(probes.TLSProtocol, map[byte]string{20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}[b[0]])
	case bytes.HasPrefix(b, []byte("SSH-2.0-")): // RFC 4253, section 4.2
		return one(probes.SSHProtocol, line(b))
	case isHTTP(b):
		head, body, whole := bytes.Cut(b, []byte("\r\n\r\n"))
		if !whole || len(body) == 0 {
			return one(probes.HTTPProtocol, line(b))
		}
		return append([]probes.Layer{{Name: probes.HTTPProtocol, Bytes: len(head) + 4, Text: line(b)}}, content(body)...)
	}
	// RFC 5531, section 11: the mark of the last fragment, and its length.
	if len(b) > 4 && b[0]&0x80 != 0 {
		if text, ok := rpcText(b[4:]); ok {
			return one(probes.RPCProtocol, text)
		}
	}
	if c := content(b); c[0].Name == probes.JPEGProtocol || c[0].Name == probes.MPEGProtocol {
		return c
	}
	return nil
}

// isHTTP reports whether b begins with a request line or a status line.
func isHTTP(b []byte) bool {
	first, _, _ := bytes.Cut(b[:min(len(b), 4096)], []byte("\r\n"))
	if bytes.HasPrefix(first, []byte("HTTP/1.")) {
		return true
	}
	return bytes.HasSuffix(first, []byte(" HTTP/1.1")) || bytes.HasSuffix(first, []byte(" HTTP/1.0"))
}

// content tells of what nobody has named by its first bytes: pictures and films
// have magic numbers (ISO/IEC 10918-1, annex B; ISO/IEC 13818-1, section 2).
func content(b []byte) []probes.Layer {
	name, text := probes.DataProtocol, ""
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xd8, 0xff}):
		name = probes.JPEGProtocol
	case bytes.HasPrefix(b, []byte{0, 0, 1, 0xba}), bytes.HasPrefix(b, []byte{0, 0, 1, 0xb3}):
		name = probes.MPEGProtocol
	case isText(b):
		name, text = probes.TextProtocol, line(b)
	}
	return []probes.Layer{{Name: name, Bytes: len(b), Text: text}}
}

// isText reports whether b is ASCII that can be read.
func isText(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\r' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// dnsText reads a message of the DNS: its question.
func dnsText(b []byte) (string, bool) {
	var p dnsmessage.Parser
	head, err := p.Start(b)
	if err != nil {
		return "", false
	}
	q, err := p.Question()
	if err != nil {
		return "", false
	}
	text := strings.TrimPrefix(q.Type.String(), "Type") + " " + q.Name.String()
	if head.Response {
		text += " (answer)"
	}
	return line([]byte(text)), true
}

// dhcpText reads a message of DHCP: RFC 2131, section 2; its magic cookie,
// section 3; its type is option 53, RFC 2132, section 9.6.
func dhcpText(b []byte) (string, bool) {
	const fixed = 236
	if len(b) < fixed+4 || b[0] < 1 || b[0] > 2 || !bytes.Equal(b[fixed:fixed+4], []byte{99, 130, 83, 99}) {
		return "", false
	}
	types := map[byte]string{1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE", 8: "INFORM"}
	for options := b[fixed+4:]; len(options) >= 2 && options[0] != 255; {
		if options[0] == 0 {
			options = options[1:]
			continue
		}
		n := int(options[1])
		if len(options) < 2+n {
			break
		}
		if options[0] == 53 && n == 1 {
			return types[options[2]], true
		}
		options = options[2+n:]
	}
	return "", true
}

// rpcText reads a message of ONC RPC: RFC 5531, section 9.
func rpcText(b []byte) (string, bool) {
	if len(b) < 12 {
		return "", false
	}
	switch word := func(i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }; {
	case word(1) == 0 && word(2) == 2 && len(b) >= 40: // a call, version 2
		names := map[uint32]string{100000: "call to rpcbind"}
		return names[word(3)], true
	case word(1) == 1 && word(2) <= 1 && len(b) >= 24: // a reply
		return "reply", word(2) == 1 || word(5) <= 5
	}
	return "", false
}
