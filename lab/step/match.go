package step

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"netlab/lab/gate"
	"netlab/probes"
	"netlab/scenarios"
	"netlab/scenarios/words"
)

// A Match says which frames are meant, written as
//
//	[NODE[:PORT]] [WORD] [/TEXT/]
//
// with at least one of the three: "client FIN", "DATA", "server:21 /221 /".
// What is not said may be anything. The zero Match matches every frame.
type Match struct {
	Node string // that sent it; the end of the link, or of the connection
	Port int    // of either end; 0 for any
	Word Word   // "" for any
	Text string // in the payload
}

// A Word is what a frame is, as patterns of scenarios have it for segments.
type Word string

// The words, in the order of their listing. Unlike in a pattern, and in lists,
// which tell every segment by the one word that says most, FIN here is every
// FIN, and DATA everything with payload.
const (
	AnyFrame Word = "ANY"
	SYN      Word = "SYN"     // without ACK
	SYNACK   Word = "SYN+ACK" //
	ACK      Word = "ACK"     // that and nothing else
	DATA     Word = "DATA"
	FIN      Word = "FIN"
	FINACK   Word = "FIN+ACK" // the first that acknowledges the peer's FIN
	DATAFIN  Word = "DATA+FIN"
	RST      Word = "RST"
	TCP      Word = "TCP"
	UDP      Word = "UDP"
	ICMP     Word = "ICMP"
	ARP      Word = "ARP"
	ND       Word = "ND"
)

// Words lists the words.
func Words() []Word {
	return []Word{AnyFrame, SYN, SYNACK, ACK, DATA, FIN, FINACK, DATAFIN, RST, TCP, UDP, ICMP, ARP, ND}
}

// ParseMatch reads a Match. Words may be in lower case; a node that is called
// like a word is understood as one if a word follows it. The error is an
// [*words.Error].
func ParseMatch(text string) (Match, error) {
	tokens, err := split(text)
	if err != nil {
		return Match{}, err
	}
	return parseMatch(tokens)
}

func parseMatch(tokens []token) (m Match, err error) {
	if n := len(tokens); n > 0 && tokens[n-1].quoted {
		m.Text = tokens[n-1].text
		if tokens = tokens[:n-1]; m.Text == "" {
			return m, words.Err(words.StepEmptyText)
		}
	}
	if n := len(tokens); n > 0 {
		if w := Word(strings.ToUpper(tokens[n-1].text)); !tokens[n-1].quoted && slices.Contains(Words(), w) {
			m.Word, tokens = w, tokens[:n-1]
		}
	}
	if len(tokens) > 0 && !tokens[0].quoted {
		if m.Node, m.Port, err = parseNode(tokens[0].text); err != nil {
			return m, err
		}
		tokens = tokens[1:]
	}
	if len(tokens) > 0 {
		return m, words.Err(words.StepBadWord, tokens[0].String(), listWords())
	}
	if m == (Match{}) {
		return m, words.Err(words.StepNoMatch)
	}
	if m.Word == AnyFrame {
		m.Word = ""
	}
	return m, nil
}

// parseNode reads NODE or NODE:PORT. Nodes have names as scenarios give them.
func parseNode(text string) (node string, port int, err error) {
	node, number, withPort := strings.Cut(text, ":")
	odd := func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_') }
	if node == "" || strings.ContainsFunc(node, odd) {
		return "", 0, words.Err(words.StepBadWord, text, listWords())
	}
	if withPort {
		if port, err = strconv.Atoi(number); err != nil || port < 1 || port > 65535 {
			return "", 0, words.Err(words.StepBadPort, number)
		}
	}
	return node, port, nil
}

func listWords() string {
	var list []string
	for _, w := range Words() {
		list = append(list, string(w))
	}
	return strings.Join(list, ", ")
}

// String writes the Match as it is read.
func (m Match) String() string {
	var parts []string
	switch {
	case m.Port != 0:
		parts = append(parts, fmt.Sprintf("%s:%d", m.Node, m.Port))
	case m.Node != "":
		parts = append(parts, m.Node)
	}
	switch {
	case m.Word != "":
		parts = append(parts, string(m.Word))
	case m.Text == "" || m.Node != "" && slices.Contains(Words(), Word(strings.ToUpper(m.Node))):
		parts = append(parts, string(AnyFrame))
	}
	if m.Text != "" {
		parts = append(parts, token{text: m.Text, quoted: true}.String())
	}
	return strings.Join(parts, " ")
}

// matches reports whether a frame that waits is meant.
func (m Match) matches(v *View, f gate.Frame) bool {
	p, sender := v.find(f)
	if m.Node != "" && m.Node != f.From && m.Node != p.sides[sender].node {
		return false
	}
	if m.Port != 0 && m.Port != int(f.Flow.Local.Port()) && m.Port != int(f.Flow.Remote.Port()) {
		return false
	}
	if m.Text != "" && !bytes.Contains(payloadOf(f.Data), []byte(m.Text)) {
		return false
	}
	return m.Word.is(v, f)
}

func (w Word) is(v *View, f gate.Frame) bool {
	switch w {
	case "", AnyFrame:
		return true
	case UDP, ICMP, ARP, ND:
		kind, _, _ := strings.Cut(f.What, " ")
		return f.Segment == nil && strings.HasPrefix(strings.ToUpper(kind), string(w))
	}
	s := f.Segment
	if s == nil {
		return false
	}
	fin := s.Flags.Has(probes.FIN)
	switch w {
	case SYN:
		return s.Flags&(probes.SYN|probes.ACK) == probes.SYN
	case SYNACK:
		return s.Flags.Has(probes.SYN | probes.ACK)
	case ACK:
		return s.Flags&(probes.SYN|probes.ACK|probes.FIN|probes.RST) == probes.ACK && s.Len == 0
	case DATA:
		return s.Len > 0
	case FIN:
		return fin
	case FINACK:
		word := v.called(f).word
		return word == scenarios.WordFINACK || word == scenarios.WordDATAFINACK
	case DATAFIN:
		return fin && s.Len > 0
	case RST:
		return s.Flags.Has(probes.RST)
	}
	return true // TCP
}
