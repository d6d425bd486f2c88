package plan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"netlab/scenarios"
)

// randomLab writes a lab as the text of a scenario: hosts, routers and
// switches joined at random, some ends with addresses of the file, which may
// lie within the automatic pools.
func randomLab(r *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "netlab: 1\nname: random\naddressing: {ipv4: %s, ipv6: %s}\nnodes:\n",
		pick(r, "10.77.0.0/16", "10.77.0.0/16", "10.0.0.0/8", "10.77.0.0/20", "10.77.3.16/28", "none"),
		pick(r, "fd77::/48", "fd77::/48", "'fd77::/62'", "'fd77::40/122'", "none"))
	nodes, switches := 2+r.IntN(7), r.IntN(3)
	for i := range nodes {
		fmt.Fprintf(&b, "  n%d: {forwards: %v}\n", i, r.IntN(3) == 0)
	}
	b.WriteString("switches: {")
	for i := range switches {
		fmt.Fprintf(&b, "s%d: {}, ", i)
	}
	b.WriteString("}\nlinks:\n")
	explicit := []string{"10.77.%d.%d/24", "10.77.%d.%d/24", "10.77.%d.%d/29", "10.77.%d.%d/22"}
	if strings.Contains(b.String(), "ipv4: none") {
		explicit = []string{"fd77:0:0:%x::%x/64", "fd77:0:0:%x::%x/64", "fd77:0:0:%x::%x/62"}
	}
	if strings.Contains(b.String(), "ipv4: none, ipv6: none") {
		explicit = nil
	}
	for i := range 1 + r.IntN(12) {
		// A node, and another node or a switch behind them in the order.
		a := r.IntN(nodes)
		z := (a + 1 + r.IntN(nodes+switches-1)) % (nodes + switches)
		other := fmt.Sprintf("n%d", z)
		if z >= nodes {
			other = fmt.Sprintf("s%d", z-nodes)
		}
		own := ""
		if len(explicit) > 0 && r.IntN(4) == 0 {
			own = fmt.Sprintf("addresses: ["+pick(r, explicit...)+"]", i, 1+r.IntN(6))
		}
		fmt.Fprintf(&b, "  l%d: {ends: {n%d: {%s}, %s: {}}}\n", i, a, own, other)
	}
	return b.String()
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// sound checks what holds of every plan, whatever the scenario.
func sound(t *testing.T, text string) {
	t.Helper()
	sc, err := scenarios.Parse("random.yaml", []byte(text))
	if err != nil {
		return // the language refuses it: there is no such scenario
	}
	p, err := New(sc)
	if err != nil {
		if !strings.HasPrefix(err.Error(), "addressing: ") {
			t.Errorf("%v\n%s", err, text)
		}
		return
	}
	again, err := New(sc)
	if err != nil || encoded(t, p) != encoded(t, again) {
		t.Errorf("planned anew it is another plan: %v", err)
	}
	soundEnds(t, p)
	soundDomains(t, p)
	soundRoutes(t, p)
	if t.Failed() {
		t.Logf("scenario:\n%s", text)
	}
}

// soundEnds: no two ends share an address, a name within a node, an index, or
// a MAC.
func soundEnds(t *testing.T, p *Plan) {
	t.Helper()
	seen := map[string]bool{}
	once := func(what string) {
		if seen[what] {
			t.Errorf("there are two of %s", what)
		}
		seen[what] = true
	}
	for _, l := range p.Links {
		for _, e := range l.Ends {
			once(e.MAC)
			once(e.Node + " " + e.Interface)
			once(fmt.Sprint(e.Node, " ifindex ", e.Index))
			for _, a := range e.Addresses {
				once(a.Addr().String())
				if e.automatic && a.Bits() < a.Addr().BitLen()-1 {
					if a.Addr() == a.Masked().Addr() {
						t.Errorf("%s is the address of a network", a)
					}
					if a.Addr().Is4() && !a.Contains(a.Addr().Next()) {
						t.Errorf("%s is a broadcast address", a)
					}
				}
			}
			if e.Switch && len(e.Addresses) > 0 {
				t.Errorf("switch %s has addresses", e.Node)
			}
		}
	}
}

// soundDomains: of each family, the ends with automatic addresses on one
// Ethernet share a network, also with an end that has addresses of the file;
// and what comes from a pool overlaps with nothing else.
func soundDomains(t *testing.T, p *Plan) {
	t.Helper()
	domains := p.domains()
	for _, d := range domains {
		common := map[bool]netip.Prefix{} // by whether it is IPv4
		written := map[bool]bool{}
		for _, e := range d.ends {
			for _, a := range e.Addresses {
				is4 := a.Addr().Is4()
				if !e.automatic {
					written[is4] = true
					continue
				}
				if n, ok := common[is4]; ok && n != a.Masked() {
					t.Errorf("%s and %s are on one Ethernet", n, a)
				}
				common[is4] = a.Masked()
			}
		}
		for is4, n := range common {
			shared := false
			for _, other := range domains {
				for _, e := range other.ends {
					for _, a := range e.Addresses {
						shared = shared || other == d && !e.automatic && n == a.Masked()
						// The file's networks are its author's to keep apart.
						if other != d && !written[is4] && n.Overlaps(a.Masked()) {
							t.Errorf("%s of %s overlaps with another link's %s", a, e.Node, n)
						}
					}
				}
			}
			if shared != written[is4] {
				t.Errorf("%s has no address of the file, though the link has some", n)
			}
		}
	}
}

// soundRoutes: every gateway is on-link and forwards; no node has two routes
// to one network, or one to a network that it is on.
func soundRoutes(t *testing.T, p *Plan) {
	t.Helper()
	forwards, owner, own := map[string]bool{}, map[netip.Addr]string{}, map[string]*End{}
	for _, n := range p.Nodes {
		forwards[n.Name] = n.Forwards
	}
	for i := range p.Links {
		for j := range p.Links[i].Ends {
			e := &p.Links[i].Ends[j]
			own[e.Node+" "+e.Interface] = e
			for _, a := range e.Addresses {
				owner[a.Addr()] = e.Node
			}
		}
	}
	for _, n := range p.Nodes {
		seen := map[netip.Prefix]bool{}
		for _, r := range n.Routes {
			if seen[r.To] {
				t.Errorf("%s has two routes to %s", n.Name, r.To)
			}
			seen[r.To] = true
			e := own[n.Name+" "+r.Interface]
			if e == nil {
				t.Errorf("%s has no %s for its route to %s", n.Name, r.Interface, r.To)
				continue
			}
			if !onLink(e, r.Via) {
				t.Errorf("%s: the gateway %s to %s is not on-link", n.Name, r.Via, r.To)
			}
			if via := owner[r.Via]; !forwards[via] || via == n.Name {
				t.Errorf("%s: the gateway %s to %s is %q, no other router", n.Name, r.Via, r.To, via)
			}
			for _, a := range e.Addresses {
				if a.Masked() == r.To {
					t.Errorf("%s is on %s, and has a route to it", n.Name, r.To)
				}
			}
		}
	}
}

func TestRandomLabs(t *testing.T) {
	planned := 0
	for seed := range uint64(1500) {
		text := randomLab(rand.New(rand.NewPCG(seed, 1)))
		if sc, err := scenarios.Parse("random.yaml", []byte(text)); err != nil {
			t.Fatalf("seed %d: the language refuses it: %v\n%s", seed, err, text)
		} else if _, err := New(sc); err == nil {
			planned++
		}
		sound(t, text)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if planned < 500 {
		t.Errorf("only %d of 1500 labs could be planned", planned)
	}
}

// Every packet between two nodes of one connected lab arrives: the routes of
// all nodes on the way lead there, without turning in a circle.
func TestRoutesLeadThere(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		// A tree of routers, with one host at each.
		n := 1 + r.IntN(8)
		nodes, links := "", ""
		for i := range n {
			nodes += fmt.Sprintf("  r%d: {forwards: true}\n  h%d: {}\n", i, i)
			links += fmt.Sprintf("  a%d: [r%d, h%d]\n", i, i, i)
			if i > 0 {
				links += fmt.Sprintf("  b%d: [r%d, r%d]\n", i, i, r.IntN(i))
			}
		}
		for i := range r.IntN(3) { // and some ways round
			if n > 1 {
				a := r.IntN(n)
				links += fmt.Sprintf("  c%d: [r%d, r%d]\n", i, a, (a+1+r.IntN(n-1))%n)
			}
		}
		p := made(t, "nodes:\n"+nodes+"links:\n"+links)
		for from := range n {
			for _, to := range p.AddressesOf(fmt.Sprintf("h%d", r.IntN(n))) {
				follow(t, p, fmt.Sprintf("h%d", from), to)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, nodes+links)
		}
	}
}

// follow walks from a node to an address, as the kernel would route it.
func follow(t *testing.T, p *Plan, from string, to netip.Addr) {
	t.Helper()
	owner, onNets := map[netip.Addr]string{}, map[string][]netip.Prefix{}
	for _, l := range p.Links {
		for _, e := range l.Ends {
			for _, a := range e.Addresses {
				owner[a.Addr()] = e.Node
				onNets[e.Node] = append(onNets[e.Node], a.Masked())
			}
		}
	}
	routes := map[string][]Route{}
	for _, n := range p.Nodes {
		routes[n.Name] = n.Routes
	}
	at, way := from, []string{from}
next:
	for range len(p.Nodes) {
		if owner[to] == at {
			return
		}
		for _, n := range onNets[at] {
			if n.Contains(to) {
				return
			}
		}
		best := -1
		var via netip.Addr
		for _, r := range routes[at] {
			if r.To.Contains(to) && r.To.Bits() > best {
				best, via = r.To.Bits(), r.Via
			}
		}
		if best < 0 {
			break next
		}
		at = owner[via]
		way = append(way, at)
	}
	t.Errorf("from %s to %s (%s): %s and no further", from, to, owner[to], strings.Join(way, ", "))
}

func FuzzNew(f *testing.F) {
	for seed := range uint64(20) {
		f.Add([]byte(randomLab(rand.New(rand.NewPCG(seed, 3)))))
	}
	f.Fuzz(func(t *testing.T, text []byte) { sound(t, string(text)) })
}
