package filter

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"netlab/lab/plan"
	"netlab/scenarios"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A builder collects the messages of one transaction.
type builder struct {
	conn  *nftables.Conn
	table *nftables.Table
	own   map[string]*nftables.Chain // by name
}

func newBuilder(c *nftables.Conn, table *nftables.Table) *builder {
	b := &builder{conn: c, table: table, own: map[string]*nftables.Chain{}}
	for _, p := range paths() {
		for _, name := range []string{p.chain, stepsPrefix + p.chain} {
			b.own[name] = &nftables.Chain{Name: name, Table: table}
		}
	}
	return b
}

// loopback is the interface of what a node sends to itself.
const loopback = "lo"

// chains makes the table and its chains, with what stands before all rules.
func (b *builder) chains() {
	b.conn.AddTable(b.table)
	for _, p := range paths() {
		b.conn.AddChain(b.own[stepsPrefix+p.chain])
		c := b.own[p.chain]
		c.Hooknum, c.Priority, c.Type = p.hook, nftables.ChainPriorityFilter, nftables.ChainTypeFilter
		b.conn.AddChain(c)
		accept := &expr.Verdict{Kind: expr.VerdictAccept}
		switch p.name {
		case scenarios.PathIn:
			b.rule(c, iface(expr.MetaKeyIIFNAME, loopback), accept)
			b.rule(c, neighbourDiscovery(), accept)
		case scenarios.PathOut:
			b.rule(c, iface(expr.MetaKeyOIFNAME, loopback), accept)
			b.rule(c, neighbourDiscovery(), accept)
		}
		b.conn.AddRule(&nftables.Rule{Table: b.table, Chain: c,
			Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: stepsPrefix + p.chain}}})
	}
}

// rule appends a rule that counts.
func (b *builder) rule(c *nftables.Chain, what []expr.Any, do expr.Any) {
	b.conn.AddRule(&nftables.Rule{Table: b.table, Chain: c, Exprs: append(what, &expr.Counter{}, do)})
}

// append puts a rule behind the others of its chains.
func (b *builder) append(r plan.Rule) error {
	list, err := matches(r)
	if err != nil {
		return fmt.Errorf("rule %q: %w", r, err)
	}
	for _, m := range list {
		b.rule(b.own[m.chain], b.express(m), verdict(m))
	}
	return nil
}

// insert puts a rule of a step before all others.
func (b *builder) insert(r plan.Rule) error {
	list, err := matches(r)
	if err != nil {
		return fmt.Errorf("rule %q: %w", r, err)
	}
	for i := len(list) - 1; i >= 0; i-- {
		m := list[i]
		b.conn.InsertRule(&nftables.Rule{Table: b.table, Chain: b.own[stepsPrefix+m.chain],
			Exprs: append(b.express(m), &expr.Counter{}, verdict(m))})
	}
	return nil
}

// translate makes the node a router that hides what is behind it.
func (b *builder) translate(n *plan.NAT) {
	forward := b.own["forward"]
	known := uint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED)
	b.rule(forward, append(iface(expr.MetaKeyIIFNAME, n.Interface), state(known)...), &expr.Verdict{Kind: expr.VerdictAccept})
	b.rule(forward, iface(expr.MetaKeyIIFNAME, n.Interface), &expr.Verdict{Kind: expr.VerdictDrop})
	// What the tracker takes for no part of any connection is not translated.
	b.rule(forward, append(iface(expr.MetaKeyOIFNAME, n.Interface), state(expr.CtStateBitINVALID)...), &expr.Verdict{Kind: expr.VerdictDrop})
	out := b.conn.AddChain(&nftables.Chain{
		Name: "postrouting", Table: b.table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	b.rule(out, iface(expr.MetaKeyOIFNAME, n.Interface), &expr.Masq{})
	if n.FTPHelper {
		b.helper()
	}
}

// helper gives FTP control connections to the kernel's helper. The object is
// of family inet, so that it helps EPRT over IPv6, too.
func (b *builder) helper() {
	const name = "ftp"
	b.conn.AddObj(&nftables.NamedObj{
		Table: b.table, Name: name, Type: nftables.ObjTypeCtHelper,
		Obj: &expr.CtHelper{Name: "ftp", L3Proto: unix.NFPROTO_INET, L4Proto: unix.IPPROTO_TCP},
	})
	// Behind the tracker, which has made the connection's entry by then.
	in := b.conn.AddChain(&nftables.Chain{
		Name: "prerouting", Table: b.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityFilter,
	})
	const ftp = 21
	what := append(protocol(unix.IPPROTO_TCP), ports(destination, scenarios.PortRange{Low: ftp, High: ftp})...)
	b.rule(in, what, &expr.Objref{Type: int(nftables.ObjTypeCtHelper), Name: name})
}

// express writes a match as expressions. Each that compares ends the rule for
// packets that are different.
func (b *builder) express(m match) []expr.Any {
	var list []expr.Any
	if m.family != 0 {
		list = append(list, load(expr.MetaKeyNFPROTO), equal([]byte{m.family}))
	}
	if m.in != "" {
		list = append(list, iface(expr.MetaKeyIIFNAME, m.in)...)
	}
	if m.out != "" {
		list = append(list, iface(expr.MetaKeyOIFNAME, m.out)...)
	}
	list = append(list, b.addresses(m.family, true, m.from)...)
	list = append(list, b.addresses(m.family, false, m.to)...)
	if m.protocol != 0 {
		list = append(list, protocol(m.protocol)...)
	}
	list = append(list, ports(source, m.fromPorts)...)
	list = append(list, ports(destination, m.ports)...)
	if care := m.set | m.unset; care != 0 {
		const offset = 13 // of the control bits in the header, RFC 9293 section 3.1
		list = append(list, transport(offset, 1),
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{byte(care)}, Xor: []byte{0}},
			equal([]byte{byte(m.set)}))
	}
	return list
}

// addresses compares an address with one, or with a set of them.
func (b *builder) addresses(family byte, isSource bool, list []netip.Addr) []expr.Any {
	if len(list) == 0 {
		return nil
	}
	// Places of the addresses in the headers, RFC 791 and RFC 8200.
	length, offset, kind := uint32(4), uint32(16), nftables.TypeIPAddr
	if isSource {
		offset = 12
	}
	if family == unix.NFPROTO_IPV6 {
		length, offset, kind = 16, 24, nftables.TypeIP6Addr
		if isSource {
			offset = 8
		}
	}
	from := &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
	list = sorted(list)
	if len(list) == 1 {
		return []expr.Any{from, equal(list[0].AsSlice())}
	}
	set := &nftables.Set{Table: b.table, Anonymous: true, Constant: true, KeyType: kind}
	var elements []nftables.SetElement
	for _, a := range list {
		elements = append(elements, nftables.SetElement{Key: a.AsSlice()})
	}
	// An error here is kept by the connection, and returned by its Flush.
	_ = b.conn.AddSet(set, elements)
	return []expr.Any{from, &expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID}}
}

// verdict is what becomes of packets that match.
func verdict(m match) expr.Any {
	switch {
	case m.do == plan.Accept:
		return &expr.Verdict{Kind: expr.VerdictAccept}
	case m.do == plan.Drop:
		return &expr.Verdict{Kind: expr.VerdictDrop}
	case m.with == scenarios.RejectReset:
		return &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}
	}
	// ICMP of either family, by the kernel's own common codes.
	code := map[scenarios.RejectWith]uint8{
		scenarios.RejectPort:       unix.NFT_REJECT_ICMPX_PORT_UNREACH,
		scenarios.RejectHost:       unix.NFT_REJECT_ICMPX_HOST_UNREACH,
		scenarios.RejectProhibited: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
	}[m.with]
	return &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: code}
}

// Offsets of the ports in the headers of TCP and UDP.
const (
	source      = 0
	destination = 2
)

func ports(offset uint32, r scenarios.PortRange) []expr.Any {
	if r.Low == 0 {
		return nil
	}
	low, high := binary.BigEndian.AppendUint16(nil, uint16(r.Low)), binary.BigEndian.AppendUint16(nil, uint16(r.High))
	if one(r) {
		return []expr.Any{transport(offset, 2), equal(low)}
	}
	return []expr.Any{transport(offset, 2),
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: low}, &expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: high}}
}

// neighbourDiscovery matches RFC 4861's messages: types 133 to 137.
func neighbourDiscovery() []expr.Any {
	return append(protocol(unix.IPPROTO_ICMPV6), transport(0, 1),
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: []byte{133}}, &expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: []byte{137}})
}

func protocol(number byte) []expr.Any {
	return []expr.Any{load(expr.MetaKeyL4PROTO), equal([]byte{number})}
}

// iface compares the whole name, as the kernel keeps it.
func iface(key expr.MetaKey, name string) []expr.Any {
	whole := make([]byte, unix.IFNAMSIZ)
	copy(whole, name)
	return []expr.Any{load(key), equal(whole)}
}

// state matches connections in any of the tracker's states.
func state(bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binary.NativeEndian.AppendUint32(nil, bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func load(key expr.MetaKey) expr.Any { return &expr.Meta{Key: key, Register: 1} }

func equal(data []byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data} }

func transport(offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: length}
}
