package plan

import "netlab/scenarios"

// Rings are made of memory that the kernel clears first, some fifty
// microseconds for a MiB: a lab that moves little gets small ones.
const (
	smallRing = 16 << 20
	largeRing = 96 << 20
	bulk      = 8 << 20 // bytes that a scenario moves, from which on rings are large
)

// ring returns how much memory the capture of one node may take. Files of a
// served directory may be of any size; what programs bring is not known, and
// taken to be little.
func ring(sc *scenarios.Scenario) int {
	var moved, largest int64
	for i := range sc.Servers {
		s := &sc.Servers[i]
		if s.FTP != nil && s.FTP.Dir != "" {
			return largeRing
		}
		for _, size := range offered(s) {
			if s.FTP != nil {
				moved += size
			}
			largest = max(largest, size)
		}
	}
	for i := range sc.Steps {
		s := &sc.Steps[i]
		moved += sent(s)
		if s.HTTPGet != nil || s.HTTPPost != nil || s.Exec != nil {
			moved += largest // it may ask for that
		}
	}
	if moved >= bulk {
		return largeRing
	}
	return smallRing
}

// offered lists the sizes of what can be fetched from a server.
func offered(s *scenarios.Server) []int64 {
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
			list = append(list, int64(f.Size))
		}
	}
	return list
}

// sent returns how many bytes a step sends, at least.
func sent(s *scenarios.Step) int64 {
	switch {
	case s.FTPStore != nil:
		return int64(s.FTPStore.Size)
	case s.FTPAppend != nil:
		return int64(s.FTPAppend.Size)
	case s.HTTPPost != nil:
		return int64(s.HTTPPost.Size) + int64(len(s.HTTPPost.Body))
	case s.TCPSend != nil:
		return 2 * (int64(s.TCPSend.Size) + int64(len(s.TCPSend.Content))) // an echo sends it back
	case s.UDPSend != nil:
		return 2 * (int64(s.UDPSend.Size) + int64(len(s.UDPSend.Content)))
	case s.SMTPSend != nil:
		return int64(len(s.SMTPSend.Body))
	}
	return 0
}
