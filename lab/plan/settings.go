package plan

import (
	"time"

	"netlab/scenarios"
)

// settings lists what a scenario sets otherwise than the system or a library
// would have it. The automatic set-up of the lab (no duplicate address
// detection, offloads off) is not among it: it changes no TCP behaviour.
func settings(sc *scenarios.Scenario) []Setting {
	var list []Setting
	add := func(name, value string) { list = append(list, Setting{Name: name, Value: value}) }
	for _, n := range sc.Nodes {
		for _, s := range n.Sysctls {
			add(n.Name+"."+s.Name, s.Value)
		}
	}
	for _, l := range sc.Links {
		switch a, b := l.Ends[0], l.Ends[1]; {
		case a.Acks == b.Acks && a.Acks == scenarios.ImmediateAcks:
			add(l.Name+".acks", string(a.Acks))
		case a.Acks == scenarios.ImmediateAcks:
			add(l.Name+"."+a.Name+".acks", string(a.Acks))
		case b.Acks == scenarios.ImmediateAcks:
			add(l.Name+"."+b.Name+".acks", string(b.Acks))
		}
	}
	for _, s := range sc.Servers {
		if f := s.FTP; f != nil {
			list = append(list, ftpServerSettings(s.Name, f)...)
		}
	}
	for _, s := range sc.Steps {
		// The client library's own Quit closes at once, without reading 221.
		if s.FTPQuit != nil && s.FTPQuit.Close.Style != scenarios.CloseAtOnce {
			add("ftp.quit.close", closeText(s.FTPQuit.Close))
		}
		if s.FTPConnect != nil && s.FTPConnect.DataClose.Style != scenarios.CloseAtOnce {
			add("ftp.connect.data_close", closeText(s.FTPConnect.DataClose))
		}
	}
	return unique(list)
}

// ftpServerSettings compares with the library's defaults.
func ftpServerSettings(name string, f *scenarios.FTPServer) []Setting {
	var list []Setting
	if f.Close.Style != scenarios.CloseAtOnce {
		list = append(list, Setting{name + ".close", closeText(f.Close)})
	}
	if f.DataClose.Style != scenarios.CloseAtOnce {
		list = append(list, Setting{name + ".data_close", closeText(f.DataClose)})
	}
	if f.IdleTimeout.Duration != 900*time.Second {
		list = append(list, Setting{name + ".idle_timeout", f.IdleTimeout.String()})
	}
	if !f.PeerCheck {
		list = append(list, Setting{name + ".peer_check", "off"})
	}
	return list
}

func closeText(c scenarios.Close) string {
	if c.Delay.Duration > 0 {
		return string(c.Style) + "+" + c.Delay.String()
	}
	return string(c.Style)
}

// unique drops repetitions, keeping the order.
func unique(list []Setting) []Setting {
	seen := map[Setting]bool{}
	out := list[:0]
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
