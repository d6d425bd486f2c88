package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"netlab/scenarios"
)

// lockstepRTOMin is the least time before a segment is sent again where the
// lab is looked at in lockstep and an end says nothing else: looking takes
// milliseconds for every frame, on a busy machine tens of them, and 200 ms
// (TCP_RTO_MIN) are soon over.
const lockstepRTOMin = time.Second

// firstGateIndex is the ifindex of a gate's first port.
const firstGateIndex = 2

// gates puts a gate into every link that needs one: where a step acts on its
// frames, where it is impaired, and everywhere in lockstep.
func (p *Plan) gates(sc *scenarios.Scenario) {
	p.Lockstep = sc.Observe == scenarios.ObserveLockstep
	for i := range sc.Links {
		l := &sc.Links[i]
		impair := l.Impairments()
		needed := p.Lockstep || sc.Gated(l.Name)
		if !needed && impair == [2]*scenarios.Impair{} {
			continue
		}
		g := &Gate{Name: GateName(l.Name), Impair: impair, Needed: needed}
		for side := range g.Ports {
			g.Ports[side] = GatePort{
				Interface: fmt.Sprintf("port%d", side), Index: firstGateIndex + side,
				// As the ends' addresses, with numbers that those never have.
				MAC: fmt.Sprintf("02:4e:4c:%02x:%02x:%02x", i>>8&0xff, i&0xff, 0x11+side),
			}
		}
		p.Links[i].Gate = g
	}
}

// GateName returns the name of the namespace of a link's gate, which no node
// and no switch can have.
func GateName(link string) string { return "gate:" + link }

// timers gives the ends their least time before a segment is sent again. A
// node that has such an end sends no tail loss probes either, unless it says
// otherwise: they are not bound by it.
func (p *Plan) timers(sc *scenarios.Scenario) {
	bound := map[string]bool{}
	for i, l := range sc.Links {
		for j, e := range l.Ends {
			end := &p.Links[i].Ends[j]
			end.RTOMin = e.RTOMin.Duration
			if end.RTOMin == 0 && p.Lockstep && !end.Switch {
				end.RTOMin = lockstepRTOMin
			}
			bound[e.Name] = bound[e.Name] || end.RTOMin > 0
		}
	}
	for i := range p.Nodes {
		n := &p.Nodes[i]
		own := slices.ContainsFunc(n.Sysctls, func(s Sysctl) bool { return s.Path == noProbes.Path })
		if bound[n.Name] && !own {
			n.Sysctls = append(n.Sysctls, noProbes)
		}
	}
}

// noProbes switches tail loss probes off (RFC 8985 section 7).
var noProbes = Sysctl{Path: "net/ipv4/tcp_early_retrans", Value: "0"}

// Gates returns how many links are carried by gates.
func (p *Plan) Gates() int {
	n := 0
	for _, l := range p.Links {
		if l.Gate != nil && !l.Gate.Netem {
			n++
		}
	}
	return n
}

// LinkOf returns the link of a name, nil if there is none.
func (p *Plan) LinkOf(name string) *Link {
	for i := range p.Links {
		if p.Links[i].Name == name {
			return &p.Links[i]
		}
	}
	return nil
}

// lockstepSettings lists what lockstep sets that the scenario does not say.
func (p *Plan) lockstepSettings(sc *scenarios.Scenario) []Setting {
	if !p.Lockstep {
		return nil
	}
	list := []Setting{{"observe", "lockstep"}}
	for i, l := range sc.Links {
		for j, e := range l.Ends {
			if e.RTOMin.Duration == 0 && !p.Links[i].Ends[j].Switch {
				return append(list, Setting{"rto_min", lockstepRTOMin.String()})
			}
		}
	}
	return list
}

// text says what a gate does: ", gate", ", impaired".
func (g *Gate) text() string {
	switch {
	case g == nil:
		return ""
	case g.Needed:
		return ", gate"
	}
	return ", impaired: by netem, or by a gate where the kernel has none"
}

// observed says how a scenario's lab is looked at.
func observed(sc *scenarios.Scenario) string {
	allowed, why := sc.AllowsLockstep()
	switch {
	case sc.Observe == scenarios.ObserveLockstep:
		return "lockstep: every frame waits until sockdiag and ss have looked"
	case sc.Observe == scenarios.ObserveFree:
		return "free: nothing waits for the observers"
	case allowed:
		return "auto: in lockstep where there are no kernel events"
	}
	return "auto: free, as " + why.String()
}

// timersText writes what is set of an end or a route: " quickack rto_min 1s".
func timersText(quickAck bool, rtoMin time.Duration) string {
	var b strings.Builder
	if quickAck {
		b.WriteString(" quickack")
	}
	if rtoMin > 0 {
		fmt.Fprintf(&b, " rto_min %v", rtoMin)
	}
	return b.String()
}
