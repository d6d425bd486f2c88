package scenarios

import (
	"net/netip"
	"reflect"
	"strconv"
	"strings"

	"netlab/probes"
	"netlab/scenarios/words"
)

// This file holds the forms of HTTP, TLS, DNS and of addresses.

// parseNode reads the body, or the mapping.
func (r *Route) parseNode(d *decoder, n *node, p *path) {
	if n.kind == scalar && !n.null {
		d.value(reflect.ValueOf(&r.Body).Elem(), n, p, &field{text: textAny})
		return
	}
	d.structure(reflect.ValueOf(r).Elem(), n, p)
}

// parseNode reads the value, or the mapping.
func (c *Cookie) parseNode(d *decoder, n *node, p *path) {
	if n.kind == scalar && !n.null {
		d.value(reflect.ValueOf(&c.Value).Elem(), n, p, nil)
		return
	}
	d.structure(reflect.ValueOf(c).Elem(), n, p)
}

// parseNode reads an address or the name of a node, a list of them, or a
// mapping from types to values.
func (r *Record) parseNode(d *decoder, n *node, p *path) {
	if n.kind != mapping {
		r.Values = []RecordValues{recordValues(d, "", n, p)}
		return
	}
	if len(n.pairs) == 0 {
		d.fail(n, p, bad(words.ValueTooFew, 1, 0))
	}
	types := DNSType("").words()
	for _, e := range n.pairs {
		at := p.child(e.key.text)
		if !isWord(e.key.text, types) {
			d.fail(e.key, at, bad(words.ValueUnknownWord, quote(e.key.text)).instead(types, e.key.text))
			continue
		}
		r.Values = append(r.Values, recordValues(d, e.key.text, e.value, at))
	}
}

// recordValues reads one value, or a list.
func recordValues(d *decoder, kind string, n *node, p *path) RecordValues {
	list, at := []*node{n}, func(int) *path { return p }
	if n.kind == sequence {
		list, at = n.items, p.item
		if len(list) == 0 {
			d.fail(n, p, bad(words.ValueTooFew, 1, 0))
		}
	}
	values := RecordValues{Type: kind, Values: make([]string, len(list))}
	for i, one := range list {
		d.value(reflect.ValueOf(&values.Values[i]).Elem(), one, at(i), &field{required: true})
	}
	return values
}

// exampleAlert is shown to whom an alert will not succeed.
const exampleAlert = "client bad_certificate"

// parseText reads "client bad_certificate".
func (a *Alert) parseText(s string) *fault {
	parts := strings.Fields(s)
	if len(parts) != 2 || checkText(s, textLine) != nil {
		return bad(words.ValueNotAlert, quote(s), strconv.Quote(exampleAlert))
	}
	a.End, a.Description = parts[0], parts[1]
	if !isWord(a.Description, probes.AlertNames()) {
		return bad(words.ValueUnknownWord, quote(a.Description)).instead(probes.AlertNames(), a.Description)
	}
	return nil
}

// parseText reads 10.77.1.0/24, 0.0.0.0/0, ::/0.
func (x *Network) parseText(s string) *fault {
	v, err := netip.ParsePrefix(s)
	switch {
	case err != nil || v.Addr().Is4In6():
		return bad(words.ValueNotRouteTo, quote(s), "10.77.1.0/24", "0.0.0.0/0")
	case v != v.Masked():
		return bad(words.ValueHostBits, s, v.Masked().String())
	}
	x.Prefix = v
	return nil
}

// parseText reads 10.77.1.1.
func (x *Address) parseText(s string) *fault {
	v, err := netip.ParseAddr(s)
	if err != nil || v.Zone() != "" || v.Is4In6() {
		return bad(words.ValueNotPlainAddr, quote(s), "10.77.1.1", "fd77::1")
	}
	x.Addr = v
	return nil
}
