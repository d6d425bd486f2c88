package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"path"
	"strings"

	"netlab/scenarios"
)

// WriteJSON writes the plan for programs.
func (p *Plan) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(p)
}

// WriteText writes the plan for people, one line for each thing to build.
func (p *Plan) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "plan of %s\n", p.Scenario)
	for _, n := range p.Nodes {
		role := "namespace"
		if n.Process {
			role = "namespace and agent"
		}
		if n.Forwards {
			role += ", forwards"
		}
		fmt.Fprintf(&b, "node    %-12s %s\n", n.Name, role)
		for _, s := range n.Sysctls {
			fmt.Fprintf(&b, "          sysctl %s=%s\n", s.Path, s.Value)
		}
		for _, r := range n.Routes {
			fmt.Fprintf(&b, "          route  %s via %s dev %s%s\n", r.To, r.Via, r.Interface, timersText(r.QuickAck, r.RTOMin))
		}
		b.WriteString(middleboxText(n))
	}
	for _, s := range p.Switches {
		stp := ""
		if s.STP {
			stp = ", STP"
		}
		fmt.Fprintf(&b, "switch  %-12s bridge br0%s\n", s.Name, stp)
	}
	for _, l := range p.Links {
		fmt.Fprintf(&b, "link    %-12s mtu %d%s\n", l.Name, l.MTU, l.Gate.text())
		for _, e := range l.Ends {
			fmt.Fprintf(&b, "          end    %s %s ifindex %d %s%s%s\n",
				e.Node, e.Interface, e.Index, e.MAC, prefixes(e.Addresses), timersText(e.QuickAck, e.RTOMin))
		}
	}
	for _, s := range p.Servers {
		fmt.Fprintf(&b, "server  %-12s on %s, %s\n", s.Name, s.Node, serverText(s))
	}
	for _, s := range p.Settings {
		fmt.Fprintf(&b, "set     %s=%s\n", s.Name, s.Value)
	}
	fmt.Fprintf(&b, "observe %s\n", p.Observe)
	fmt.Fprintf(&b, "capture %d MiB in all, rings of %d MiB\n", p.Memory>>20, p.Ring>>20)
	_, err := w.Write(b.Bytes())
	return err
}

// serverText says what a server is, and where it listens: "ftp port 21",
// "dns port 53 of udp and tcp", "exec vsftpd".
func serverText(s scenarios.Server) string {
	what := s.Kind()
	if s.Exec != nil {
		what += " " + path.Base(s.Exec.Command[0])
	}
	port := s.Port()
	switch {
	case port == 0:
		return what
	case s.DNS != nil:
		return fmt.Sprintf("%s port %d of udp and tcp", what, port)
	}
	return fmt.Sprintf("%s port %d", what, port)
}

func prefixes(list []netip.Prefix) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString(" " + p.String())
	}
	return b.String()
}
