package timeline

import (
	"slices"
	"strings"

	"netlab/probes"
)

// ftpVerbs is how the verbs of steps of FTP begin.
const ftpVerbs = "ftp."

// A session is a control connection of FTP (RFC 959), whose server has data
// connections at ports that no header names.
type session struct {
	*incarnation
	until probes.Mono // its last segment
}

// sessions returns the FTP sessions of the record with servers that are known.
func (b *builder) sessions() []session {
	var list []session
	for _, inc := range b.all {
		if n := len(inc.conn.Segments); inc.conn.Server != "" && n > 0 && b.isSession(inc) {
			list = append(list, session{inc, inc.conn.Segments[n-1].Sent()})
		}
	}
	return list
}

// isSession reports whether a connection is known to be a session of FTP: by
// the step that opened it, or by what its client said in clear text. AUTH TLS
// is FTP's alone (RFC 4217 section 4), as are the commands about ports.
func (b *builder) isSession(inc *incarnation) bool {
	if b.takenBy(inc.conn, ftpVerbs) {
		return b.takenBy(inc.conn, ftpVerbs+"connect") // others open data connections
	}
	return slices.ContainsFunc(inc.conn.Segments, func(s *Segment) bool {
		return s.Opener && slices.ContainsFunc([]string{"PASV", "EPSV", "PORT ", "EPRT ", "AUTH TLS", "AUTH SSL"}, func(word string) bool {
			return strings.HasPrefix(strings.ToUpper(s.Text), word)
		})
	})
}

// takenBy reports whether the step of a connection has such a verb.
func (b *builder) takenBy(c *Connection, verb string) bool {
	return slices.ContainsFunc(b.t.Steps, func(s *Step) bool { return s.Index == c.Step && strings.HasPrefix(s.Verb, verb) })
}

// nameBySession names the server of what neither calls nor a known port
// explain: FTP's data connections, as of two programs, or of a library that
// dials where its calls cannot be watched. It is that of the only session that
// can have had the connection; where several can, none is named.
func (b *builder) nameBySession() {
	sessions := b.sessions()
	for _, inc := range b.all {
		if inc.conn.Server != "" {
			continue
		}
		var names []string
		for _, s := range sessions {
			if b.has(s, inc) {
				names = append(names, s.conn.Server)
			}
		}
		slices.Sort(names)
		if names = slices.Compact(names); len(names) == 1 {
			inc.conn.Server = names[0]
		}
	}
}

// has reports whether a session may have had a connection: it was under way
// between the same nodes, and the same workload, or the program of the same
// step, was its client. One that the server's end refused it had not.
func (b *builder) has(s session, inc *incarnation) bool {
	if inc.start < s.start || inc.start > s.until {
		return false
	}
	client, server := s.lanes[0], s.lanes[1]
	for i, l := range inc.lanes {
		near := inc.lanes[1-i]
		if near.Node == client.Node && l.Node == server.Node && near.Workload == client.Workload && l.Workload == "" && !l.refused() {
			return inc.conn.Step != 0 && inc.conn.Step == s.conn.Step || b.takenBy(inc.conn, ftpVerbs) && b.takenBy(s.conn, ftpVerbs)
		}
	}
	return false
}
