package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path"
	"strings"
	"sync"

	"netlab/lab/netns"
	"netlab/lab/plan"

	"golang.org/x/sys/unix"
)

// A builder holds what one Build needs while it works.
type builder struct {
	plan   *plan.Plan
	spaces []*space // in the plan's order: nodes, then switches
	wires  [][2]*port
	buf    []byte // what the kernel answers; only one goroutine talks to it
}

// A space is the namespace of a node, a switch or a gate.
type space struct {
	name     string
	ns       *netns.NS
	conn     *conn
	sysctls  []plan.Sysctl
	routes   []plan.Route
	isSwitch bool // or a gate that is a bridge with netem
	isGate   bool // that carries frames itself: two ports, and nothing between them
	stp      bool // of a switch: it speaks IEEE 802.1D
	bridge   int  // ifindex of the bridge; 0 where there is none
	ports    []*port
	waiting  waiting
}

// A port is an end of a link, in its space.
type port struct {
	link  *plan.Link
	end   *plan.End
	space *space
	mac   net.HardwareAddr
	first bool // it is the end that the message which makes the pair is about
}

// bornUp returns the flags that the port has from the beginning. The second
// end of a pair cannot be made up. Nor are the interfaces of nodes: they would
// at once make themselves addresses.
func (p *port) bornUp() uint32 {
	if p.first && !p.space.isNode() {
		return unix.IFF_UP
	}
	return 0
}

// about describes something that is done to the port.
func (p *port) about(verb string, object any) about {
	return about{link: p.link.Name, end: p.end.Node, verb: verb, object: object}
}

// about describes something that is done to the whole node or switch.
func (s *space) about(verb string, object any) about {
	return about{end: s.name, verb: verb, object: object}
}

// isNode reports whether it is the namespace of a host.
func (s *space) isNode() bool { return !s.isSwitch && !s.isGate }

// noIPv6 keeps the devices of a switch or gate from speaking IPv6 themselves. The
// kernel may have been built or started without it.
func noIPv6() []plan.Sysctl {
	return []plan.Sysctl{{Path: "net/ipv6/conf/default/disable_ipv6", Value: "1", Optional: true}}
}

// newBuilder resolves the names of the plan.
func newBuilder(p *plan.Plan, ns func(string) *netns.NS) (*builder, error) {
	b := &builder{plan: p, buf: make([]byte, 64<<10)}
	byName := map[string]*space{}
	add := func(s *space) error {
		if s.ns = ns(s.name); s.ns == nil {
			return s.about("find network namespace", nil).err(errors.New("there is none of that name"), "")
		}
		b.spaces = append(b.spaces, s)
		byName[s.name] = s
		return nil
	}
	for _, n := range p.Nodes {
		if err := add(&space{name: n.Name, sysctls: n.Sysctls, routes: n.Routes}); err != nil {
			return nil, err
		}
	}
	for _, sw := range p.Switches {
		if err := add(&space{name: sw.Name, sysctls: noIPv6(), isSwitch: true, stp: sw.STP}); err != nil {
			return nil, err
		}
	}
	for _, l := range p.Links {
		if l.Gate == nil {
			continue
		}
		if err := add(&space{name: l.Gate.Name, sysctls: noIPv6(), isSwitch: l.Gate.Netem, isGate: !l.Gate.Netem}); err != nil {
			return nil, err
		}
	}
	for i := range p.Links {
		if err := b.addLink(&p.Links[i], byName); err != nil {
			return nil, err
		}
	}
	for _, s := range b.spaces {
		s.chooseBridge()
	}
	return b, nil
}

// addLink resolves the ends of a link: of one veth pair, or of two with a gate
// between them.
func (b *builder) addLink(l *plan.Link, byName map[string]*space) error {
	if l.Gate == nil {
		return b.addPair(l, byName, &l.Ends[0], &l.Ends[1])
	}
	for i, at := range l.Gate.Ports {
		inner := &plan.End{Node: l.Gate.Name, Switch: true, Interface: at.Interface, Index: at.Index, MAC: at.MAC}
		if err := b.addPair(l, byName, &l.Ends[i], inner); err != nil {
			return err
		}
	}
	return nil
}

// addPair resolves the ends of a veth pair. The switch comes first, if there
// is one: only the first end of a pair can be given a master when it is made.
func (b *builder) addPair(l *plan.Link, byName map[string]*space, ends ...*plan.End) error {
	var wire [2]*port
	for i, end := range ends {
		p := &port{link: l, end: end}
		if p.space = byName[end.Node]; p.space == nil || p.space.isNode() == end.Switch {
			return p.about("find it among nodes and switches", nil).err(errors.New("there is none of that name"), "")
		}
		mac, err := net.ParseMAC(p.end.MAC)
		if err != nil || len(mac) != 6 {
			return p.about("use MAC address", p.end.MAC).err(errors.New("it is not six bytes in hexadecimal"), "")
		}
		p.mac = mac
		p.space.ports = append(p.space.ports, p)
		wire[i] = p
	}
	if wire[1].end.Switch && !wire[0].end.Switch {
		wire[0], wire[1] = wire[1], wire[0]
	}
	wire[0].first = true
	b.wires = append(b.wires, wire)
	return nil
}

// chooseBridge takes an ifindex that no port of the switch has.
func (s *space) chooseBridge() {
	if !s.isSwitch {
		return
	}
	s.bridge = 2 // 1 is lo
	for _, p := range s.ports {
		s.bridge = max(s.bridge, p.end.Index+1)
	}
}

func (b *builder) close() {
	for _, s := range b.spaces {
		if s.conn != nil {
			_ = s.conn.close() // nothing is waiting in it that anyone wants
		}
	}
}

// openers is how many namespaces are entered at a time. Settings take no lock
// that all namespaces share, two hands get them done faster; more do not.
const openers = 2

// open enters every namespace once: writes its settings, which interfaces made
// later inherit, and opens its socket.
func (b *builder) open(ctx context.Context) error {
	work := make(chan *space)
	errs := make([]error, openers)
	var workers sync.WaitGroup
	for i := range openers {
		workers.Go(func() {
			for s := range work {
				if errs[i] == nil {
					errs[i] = s.open(ctx)
				}
			}
		})
	}
	for _, s := range b.spaces {
		work <- s
	}
	close(work)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *space) open(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return s.about("enter network namespace", nil).err(err, "")
	}
	return s.ns.Do(func() error {
		for _, ctl := range s.sysctls {
			if err := write(ctl); err != nil {
				return s.about("set", ctl.Path+" = "+ctl.Value).err(err, "")
			}
		}
		c, err := dial()
		if err != nil {
			return s.about("enter network namespace", nil).err(err, "")
		}
		s.conn = c
		return nil
	})
}

// write writes a setting of the calling thread's namespace. Only those below
// net belong to a network namespace; others are the whole machine's.
func write(ctl plan.Sysctl) error {
	if path.Clean(ctl.Path) != ctl.Path || !strings.HasPrefix(ctl.Path, "net/") {
		return errors.New("it is not the path of a setting below net")
	}
	fd, err := unix.Open("/proc/sys/"+ctl.Path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		if ctl.Optional && errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	_, err = unix.Write(fd, []byte(ctl.Value))
	return errors.Join(err, unix.Close(fd))
}

// switches makes the bridges.
func (b *builder) switches(ctx context.Context) error {
	for _, s := range b.spaces {
		if !s.isSwitch {
			continue
		}
		s.conn.add(s.about("make bridge", Bridge), unix.RTM_NEWLINK, create, newBridge(s.bridge, s.stp)...)
		if err := s.conn.flush(ctx, b.buf); err != nil {
			return err
		}
	}
	return nil
}

// power sets the bridges up. Their ports are ready by then: the kernel makes
// them forward before it answers (br_stp_enable_bridge in net/bridge/br_stp_if.c).
func (b *builder) power(ctx context.Context) error {
	for _, s := range b.spaces {
		if !s.isSwitch {
			continue
		}
		s.conn.add(s.about("set up", Bridge), unix.RTM_NEWLINK, 0, ifinfo(s.bridge, unix.IFF_UP))
		if err := s.conn.flush(ctx, b.buf); err != nil {
			return err
		}
	}
	return nil
}

// links makes the veth pairs. Any socket will do to ask for them, as both
// namespaces are named; one gives the largest batches.
func (b *builder) links(ctx context.Context) error {
	if len(b.wires) == 0 {
		return nil
	}
	asker := b.wires[0][0].space.conn
	for _, w := range b.wires {
		what := fmt.Sprintf("%s in %q and %s in %q", w[0].end.Interface, w[0].end.Node, w[1].end.Interface, w[1].end.Node)
		a := about{link: w[0].link.Name, verb: "make veth pair", object: what}
		asker.add(a, unix.RTM_NEWLINK, create, newVeth(w[0].link.MTU, w[0], w[1])...)
	}
	return asker.flush(ctx, b.buf)
}

// configure does everything else, one batch for each namespace.
func (b *builder) configure(ctx context.Context) error {
	for _, s := range b.spaces {
		if err := s.configure(); err != nil {
			return err
		}
		if err := s.conn.flush(ctx, b.buf); err != nil {
			return err
		}
	}
	return nil
}

func (s *space) configure() error {
	if !s.isNode() {
		for _, p := range s.ports {
			s.configurePort(p)
		}
		return nil
	}
	s.conn.add(s.about("set lo up", nil), unix.RTM_NEWLINK, 0, ifinfo(loopback, unix.IFF_UP))
	for _, p := range s.ports {
		if err := noOffload(s.conn.fd, p.end.Interface); err != nil {
			return p.about("switch offloads off", nil).err(err, "")
		}
		s.configureEnd(p)
	}
	index := map[string]int{"": 0}
	for _, p := range s.ports {
		index[p.end.Interface] = p.end.Index
	}
	for _, r := range s.routes {
		a := s.about("add route", routeText(r))
		i, ok := index[r.Interface]
		if !ok {
			return a.err(errors.New("there is no interface of that name"), "")
		}
		s.conn.add(a, unix.RTM_NEWROUTE, create, newRoute(i, r)...)
	}
	return nil
}

// configurePort does for the port of a switch or gate what could not be done
// when it was made: that is, if it was the second end of its pair.
func (s *space) configurePort(p *port) {
	switch {
	case p.first:
	case s.isGate:
		s.conn.add(p.about("set up", p.end.Interface), unix.RTM_NEWLINK, 0, ifinfo(p.end.Index, unix.IFF_UP))
	default:
		s.conn.add(p.about("make it a port of", Bridge), unix.RTM_NEWLINK, 0,
			ifinfo(p.end.Index, unix.IFF_UP), attr32(unix.IFLA_MASTER, uint32(s.bridge)))
	}
}

// configureEnd gives the interface of a node its addresses.
func (s *space) configureEnd(p *port) {
	i := p.end.Index
	addresses := p.addresses()
	forbid := p.about("forbid automatic IPv6 addresses", nil)
	forbid.tolerate = unix.EAFNOSUPPORT // without IPv6, or with an MTU too small for it, there are none
	s.conn.add(forbid, unix.RTM_NEWLINK, 0, noLinkLocal(i)...)
	s.conn.add(p.about("set up", p.end.Interface), unix.RTM_NEWLINK, 0, ifinfo(i, unix.IFF_UP))
	own := p.end.QuickAck || p.end.RTOMin > 0
	for _, a := range addresses {
		s.conn.add(p.about("add address", a), unix.RTM_NEWADDR, create, newAddress(i, a, own)...)
		if own && !a.IsSingleIP() {
			connected := p.about("add route", a.Masked())
			connected.tolerate = unix.EEXIST // that of another address of the end
			s.conn.add(connected, unix.RTM_NEWROUTE, beside, connectedRoute(p.end, a)...)
		}
	}
}

// addresses returns the addresses of the end, link-local ones first.
func (p *port) addresses() []netip.Prefix {
	var has6, hasLocal bool
	for _, a := range p.end.Addresses {
		has6 = has6 || a.Addr().Is6()
		hasLocal = hasLocal || a.Addr().Is6() && a.Addr().IsLinkLocalUnicast()
	}
	if !has6 || hasLocal {
		return p.end.Addresses
	}
	return append([]netip.Prefix{linkLocal(p.mac)}, p.end.Addresses...)
}

func routeText(r plan.Route) string {
	text := r.To.String()
	if r.Via.IsValid() {
		text += " via " + r.Via.String()
	}
	if r.Interface != "" {
		text += " dev " + r.Interface
	}
	return text
}
