package link

import (
	"context"
	"errors"
	"slices"

	"netlab/lab/netns"
	"netlab/lab/plan"
	"netlab/scenarios"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Down takes a link of a lab that was built down, at both ends. Nothing passes
// any more; the routes by it are gone, and the IPv6 addresses. To take down
// what is down is no error.
func Down(ctx context.Context, p *plan.Plan, link string, ns func(name string) *netns.NS) error {
	return change(ctx, p, link, ns, func(b *builder, s *space, port *port) error {
		request := ifinfo(port.end.Index, 0)
		request.Change = unix.IFF_UP
		s.conn.add(port.about("set down", port.end.Interface), unix.RTM_NEWLINK, 0, request)
		return nil
	})
}

// Up brings a link up again that Down has taken down, with its addresses and
// with the routes of the plan that lead over it. Like [Build] it returns when
// the link carries frames, and its IPv6 addresses are usable.
func Up(ctx context.Context, p *plan.Plan, link string, ns func(name string) *netns.NS) error {
	return change(ctx, p, link, ns, func(b *builder, s *space, port *port) error {
		if !s.isNode() {
			s.conn.add(port.about("set up", port.end.Interface), unix.RTM_NEWLINK, 0, ifinfo(port.end.Index, unix.IFF_UP))
			return nil
		}
		s.configureEnd(port)
		for _, r := range s.routes {
			if r.Interface == port.end.Interface {
				s.conn.add(s.about("add route", routeText(r)), unix.RTM_NEWROUTE, create, newRoute(port.end.Index, r)...)
			}
		}
		// What was not lost is there.
		for i := range s.conn.reqs {
			if a := &s.conn.reqs[i].about; a.tolerate == 0 {
				a.tolerate = unix.EEXIST
			}
		}
		return nil
	}, (*builder).ready)
}

// change does something at both ends of a link, and what is to follow.
func change(ctx context.Context, p *plan.Plan, link string, ns func(string) *netns.NS,
	do func(*builder, *space, *port) error, then ...func(*builder, context.Context) error) error {
	b, err := newBuilder(p, ns)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.narrow(link); err != nil {
		return err
	}
	for _, s := range b.spaces {
		if err := s.enter(); err != nil {
			return err
		}
		for _, port := range s.ports {
			if err := do(b, s, port); err != nil {
				return err
			}
		}
		if err := s.conn.flush(ctx, b.buf); err != nil {
			return err
		}
	}
	for _, fn := range then {
		if err := fn(b, ctx); err != nil {
			return err
		}
	}
	return nil
}

// narrow leaves the builder with one link, its ends and their spaces.
func (b *builder) narrow(link string) error {
	b.wires = slices.DeleteFunc(b.wires, func(w [2]*port) bool { return w[0].link.Name != link })
	if len(b.wires) == 0 {
		return about{link: link, verb: "find it in the plan"}.err(errors.New("there is none of that name"), "")
	}
	b.spaces = nil
	for _, wire := range b.wires {
		for _, port := range wire {
			if !slices.Contains(b.spaces, port.space) {
				port.space.ports = nil
				b.spaces = append(b.spaces, port.space)
			}
			port.space.ports = append(port.space.ports, port)
		}
	}
	return nil
}

// enter opens the space's socket.
func (s *space) enter() error {
	return s.ns.Do(func() error {
		c, err := dial()
		if err != nil {
			return s.about("enter network namespace", nil).err(err, "")
		}
		s.conn = c
		return nil
	})
}

// Set writes a setting of a node that has its links.
func Set(ns *netns.NS, node string, ctl plan.Sysctl) error {
	return ns.Do(func() error {
		if err := write(ctl); err != nil {
			return (&space{name: node}).about("set", ctl.Path+" = "+ctl.Value).err(err, "")
		}
		return nil
	})
}

// SetRoute puts r in place of a node's route to the same network; how is a
// refusal for one that leads nowhere, or that is only taken away, else "".
// Programs of the node itself are told of refusals: sending by a blackhole
// fails with EINVAL, by an unreachable route with EHOSTUNREACH.
func SetRoute(ctx context.Context, p *plan.Plan, ns *netns.NS, node string, r plan.Route, how scenarios.Refusal) error {
	s := &space{name: node, ns: ns}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.conn.close() // nothing is waiting in it that anyone wants
	index, connected := 0, false
	for _, l := range p.Links {
		for _, e := range l.Ends {
			if e.Node != node {
				continue
			}
			if e.Interface == r.Interface {
				index = e.Index
			}
			for _, a := range e.Addresses {
				connected = connected || a.Masked() == r.To
			}
		}
	}
	verb, a := "replace route", routeText(r)
	if how != "" {
		verb, a = "make route", string(how)+" "+a
	}
	if how == scenarios.NoRoute {
		verb, a = "delete route", routeText(r)
	}
	s.addRoute(s.about(verb, a), index, r, how, connected)
	err := s.conn.flush(ctx, make([]byte, 64<<10))
	if errors.Is(err, unix.ESRCH) {
		return s.about(verb, a).err(errors.New("there is none"), "")
	}
	return err
}

// addRoute adds the request that changes a route.
func (s *space) addRoute(a about, index int, r plan.Route, how scenarios.Refusal, connected bool) {
	data := newRoute(index, r)
	m := data[0].(*nl.RtMsg)
	m.Table = unix.RT_TABLE_MAIN
	switch how {
	case scenarios.NoRoute:
		m.Protocol, m.Scope = unix.RTPROT_UNSPEC, unix.RT_SCOPE_NOWHERE // any
		s.conn.add(a, unix.RTM_DELROUTE, 0, data...)
		return
	case scenarios.Blackhole:
		m.Type, m.Scope = unix.RTN_BLACKHOLE, unix.RT_SCOPE_UNIVERSE
	case scenarios.Unreachable:
		m.Type, m.Scope = unix.RTN_UNREACHABLE, unix.RT_SCOPE_UNIVERSE
	default:
		m.Type = unix.RTN_UNICAST
	}
	// A route of IPv6 takes the place of one with the same metric only.
	if connected && r.To.Addr().Is6() {
		data = append(data, attr32(unix.RTA_PRIORITY, ip6PriorityKernel))
	}
	s.conn.add(a, unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, data...)
}
