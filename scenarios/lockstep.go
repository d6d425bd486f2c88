package scenarios

import (
	"slices"

	"netlab/scenarios/words"
)

// lockstepBytes is the most that a scenario may move for netlab to choose
// lockstep by itself. Every segment then waits until the observers have
// looked, for some milliseconds: these are seventy full ones.
const lockstepBytes = 100_000

// lockstepLinks is how many links a lab may have for the same: a segment waits
// at every gate on its way.
const lockstepLinks = 8

// AllowsLockstep reports whether netlab may choose lockstep by itself
// (observe: auto): whether all that the scenario claims stays true where
// every frame waits for the observers. If not, the message is the reason, a
// clause such as "it expects durations".
func (s *Scenario) AllowsLockstep() (bool, words.Message) {
	if s.Exclusive {
		return false, words.M(words.LockstepExclusive)
	}
	if len(s.Expect.Durations) > 0 {
		return false, words.M(words.LockstepDurations)
	}
	if n := len(s.Links); n > lockstepLinks {
		return false, words.M(words.LockstepLinks, n, lockstepLinks)
	}
	for i := range s.Links {
		if l := &s.Links[i]; l.Impairments() != [2]*Impair{} {
			return false, words.M(words.LockstepImpair, l.Name)
		}
	}
	for i := range s.Steps {
		if d := s.Steps[i].GateDelay; d != nil {
			return false, words.M(words.LockstepDelay, d.Link)
		}
	}
	if moved, known := s.Moves(); !known {
		return false, words.M(words.LockstepUnknown)
	} else if moved > lockstepBytes {
		return false, words.M(words.LockstepBulk, moved, lockstepBytes)
	}
	return s.closesAlike()
}

// closesAlike reports whether connections whose closing is expected have as
// many segments in lockstep as without. An end that may acknowledge later
// sends FIN with the ACK where its program closes in time (RFC 1122 section
// 4.2.3.2), and whether it does is just what waiting changes.
func (s *Scenario) closesAlike() (bool, words.Message) {
	i := slices.IndexFunc(s.Expect.Connections, func(x ConnectionExpect) bool { return x.Closing != nil })
	if i < 0 {
		return true, words.Message{}
	}
	speaks := s.speakers()
	for j := range s.Links {
		for _, e := range s.Links[j].Ends {
			if speaks[e.Name] && e.Acks != ImmediateAcks {
				return false, words.M(words.LockstepClosing, s.Expect.Connections[i].Name, s.Links[j].Name, e.Name)
			}
		}
	}
	return true, words.Message{}
}

// speakers returns the nodes that can be an end of a connection: something
// runs there. The others, routers, acknowledge nothing.
func (s *Scenario) speakers() map[string]bool {
	list := map[string]bool{}
	for i := range s.Servers {
		list[s.Servers[i].Node] = true
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.OfNetwork() {
			continue
		}
		for _, node := range []string{step.Node(), step.text("Peer")} {
			if node != "" {
				list[node] = true
			}
		}
	}
	return list
}

// Moves returns how many bytes of content the scenario's steps move, at
// least. It is not known where a directory is served, whose files may be of
// any size; what programs of the host bring is not known either, and is taken
// to be little.
func (s *Scenario) Moves() (bytes int64, known bool) {
	var largest int64
	for i := range s.Servers {
		v := &s.Servers[i]
		if v.FTP != nil && v.FTP.Dir != "" {
			return 0, false
		}
		for _, size := range v.offers() {
			if v.FTP != nil {
				bytes += size
			}
			largest = max(largest, size)
		}
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		bytes += step.sends()
		if step.HTTPGet != nil || step.HTTPPost != nil || step.HTTPSend != nil || step.Exec != nil {
			bytes += largest // it may ask for that
		}
	}
	return bytes, true
}

// offers lists the sizes of what can be fetched from a server.
func (s *Server) offers() []int64 {
	var list []int64
	web := s.HTTP
	if s.HTTPS != nil {
		web = &s.HTTPS.HTTPServer
	}
	if web != nil {
		for _, r := range web.Routes {
			list = append(list, int64(r.Size)+int64(len(r.Body)))
		}
	}
	if s.FTP != nil {
		for _, f := range s.FTP.Files {
			list = append(list, int64(f.Size)+int64(len(f.Content)))
		}
	}
	return list
}

// sends returns how many bytes a step sends, at least. Plain servers may send
// as much back.
func (s *Step) sends() int64 {
	switch {
	case s.FTPStore != nil:
		return int64(s.FTPStore.Size) + int64(len(s.FTPStore.Content))
	case s.FTPAppend != nil:
		return int64(s.FTPAppend.Size) + int64(len(s.FTPAppend.Content))
	case s.HTTPPost != nil:
		return int64(s.HTTPPost.Size) + int64(len(s.HTTPPost.Body))
	case s.HTTPSend != nil:
		return int64(s.HTTPSend.Size) + int64(len(s.HTTPSend.Body))
	case s.TCPSend != nil:
		return 2 * (int64(s.TCPSend.Size) + int64(len(s.TCPSend.Content)))
	case s.UDPSend != nil:
		return 2 * int64(max(s.UDPSend.Times, 1)) * (int64(s.UDPSend.Size) + int64(len(s.UDPSend.Content)))
	case s.SMTPSend != nil:
		return int64(len(s.SMTPSend.Body))
	}
	return 0
}
