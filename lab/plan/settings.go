package plan

import (
	"fmt"
	"strings"
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
	for i := range sc.Links {
		list = append(list, linkSettings(&sc.Links[i])...)
	}
	for _, s := range sc.Servers {
		if f := s.FTP; f != nil {
			list = append(list, ftpServerSettings(s.Name, f)...)
		}
		list = append(list, serverSettings(s)...)
	}
	for i := range sc.Steps {
		list = append(list, ftpStepSettings(&sc.Steps[i])...)
		list = append(list, stepSettings(&sc.Steps[i])...)
	}
	return named(unique(list))
}

// linkSettings lists what a link, and its ends, have that others have not.
// That a link is a gate is not among it: it changes no TCP behaviour, and what
// is done there are steps.
func linkSettings(l *scenarios.Link) []Setting {
	var list []Setting
	add := func(name, value string) {
		if value != "" {
			list = append(list, Setting{Name: l.Name + name, Value: value})
		}
	}
	// ends notes once what both ends have alike.
	ends := func(key, a, b string) {
		if a == b {
			add("."+key, a)
			return
		}
		add("."+l.Ends[0].Name+"."+key, a)
		add("."+l.Ends[1].Name+"."+key, b)
	}
	a, b := &l.Ends[0], &l.Ends[1]
	if l.MTU != 1500 {
		add(".mtu", fmt.Sprint(l.MTU))
	}
	ends("acks", acksText(a.Acks), acksText(b.Acks))
	ends("rto_min", timeText(a.RTOMin), timeText(b.RTOMin))
	worse := l.Impairments()
	ends("impair", impairText(worse[0]), impairText(worse[1]))
	return list
}

func acksText(a scenarios.Acks) string {
	if a == scenarios.ImmediateAcks {
		return string(a)
	}
	return ""
}

func timeText(d scenarios.Duration) string {
	if d.Duration == 0 {
		return ""
	}
	return d.String()
}

func impairText(i *scenarios.Impair) string {
	if i == nil {
		return ""
	}
	return i.String()
}

// ftpStepSettings compares with what the client library does by itself: it
// asks for extended passive mode and closes at once, without reading 221. The
// session stands in front of the name; named leaves it off where it says
// nothing.
func ftpStepSettings(s *scenarios.Step) []Setting {
	var list []Setting
	add := func(name, value string) { list = append(list, Setting{Name: s.Session() + ":" + name, Value: value}) }
	if q := s.FTPQuit; q != nil && q.Close.Style != scenarios.CloseAtOnce {
		add("ftp.quit.close", closeText(q.Close))
	}
	c := s.FTPConnect
	if c == nil {
		return list
	}
	if c.Mode != scenarios.ExtendedPassive {
		add("ftp.connect.mode", string(c.Mode))
	}
	if c.TLS != scenarios.NoTLS {
		add("ftp.connect.tls", string(c.TLS))
	}
	if c.TrustPASV {
		add("ftp.connect.trust_pasv_address", "on")
	}
	if c.DataClose.Style != scenarios.CloseAtOnce {
		add("ftp.connect.data_close", closeText(c.DataClose))
	}
	return list
}

// named takes the session off the names of settings that all sessions share,
// and leaves it, as control.ftp.quit.close, where they differ.
func named(list []Setting) []Setting {
	values := map[string]string{}
	differ := map[string]bool{}
	for _, s := range list {
		if _, name, ok := strings.Cut(s.Name, ":"); ok {
			if v, seen := values[name]; seen && v != s.Value {
				differ[name] = true
			}
			values[name] = s.Value
		}
	}
	for i, s := range list {
		if session, name, ok := strings.Cut(s.Name, ":"); ok {
			list[i].Name = name
			if differ[name] && session != "" {
				list[i].Name = session + "." + name
			}
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
	if f.PassivePorts.Low != 0 {
		list = append(list, Setting{name + ".passive_ports", fmt.Sprintf("%d-%d", f.PassivePorts.Low, f.PassivePorts.High)})
	}
	if f.Active != scenarios.ActivePort20 {
		list = append(list, Setting{name + ".active", string(f.Active)})
	}
	if f.TLS != scenarios.NoTLS {
		list = append(list, Setting{name + ".tls", string(f.TLS)})
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
