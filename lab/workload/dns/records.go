package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	dnslib "github.com/miekg/dns"
)

// A Record is what is known of a name: values of one type.
type Record struct {
	Name   string   // with or without the final dot
	Type   string   // A, AAAA, CNAME, MX, TXT, NS, PTR, SRV; "" for addresses of either family, and hosts
	Values []string // as in a zone file; names in them are absolute, with or without the final dot
}

// records is what a server answers from: by canonical name, by type. It is not
// changed after it was made.
type records struct {
	sets  map[string]map[uint16][]dnslib.RR
	inner map[string]bool // names that have none themselves, but names below them
}

// newRecords reads records. hosts gives addresses to names that stand as values
// without a type.
func newRecords(list []Record, ttl time.Duration, hosts map[string][]netip.Addr) (*records, error) {
	r := &records{sets: map[string]map[uint16][]dnslib.RR{}, inner: map[string]bool{}}
	for _, record := range list {
		if err := r.add(record, uint32(ttl/time.Second), hosts); err != nil {
			return nil, fmt.Errorf("record %q: %w", record.Name, err)
		}
	}
	for name, sets := range r.sets {
		if len(sets) > 1 && sets[dnslib.TypeCNAME] != nil || len(sets[dnslib.TypeCNAME]) > 1 {
			return nil, fmt.Errorf("record %q: beside a CNAME there can be nothing else", name)
		}
		for off, end := dnslib.NextLabel(name, 0); !end; off, end = dnslib.NextLabel(name, off) {
			if parent := name[off:]; r.sets[parent] == nil {
				r.inner[parent] = true
			}
		}
	}
	return r, nil
}

func (r *records) add(record Record, ttl uint32, hosts map[string][]netip.Addr) error {
	if _, ok := dnslib.IsDomainName(record.Name); !ok || record.Name == "" {
		return errors.New("that is no domain name")
	}
	name := dnslib.CanonicalName(record.Name)
	for _, value := range record.Values {
		typed := [][2]string{{record.Type, value}}
		if record.Type == "" {
			var err error
			if typed, err = addresses(value, hosts); err != nil {
				return err
			}
		}
		for _, t := range typed {
			rr, err := parseRR(name, ttl, t[0], t[1])
			if err != nil {
				return err
			}
			sets := r.sets[name]
			if sets == nil {
				sets = map[uint16][]dnslib.RR{}
				r.sets[name] = sets
			}
			sets[rr.Header().Rrtype] = append(sets[rr.Header().Rrtype], rr)
		}
	}
	return nil
}

// addresses returns an address, or those of a host, each with its type.
func addresses(value string, hosts map[string][]netip.Addr) ([][2]string, error) {
	found := hosts[value]
	if addr, err := netip.ParseAddr(value); err == nil {
		found = []netip.Addr{addr}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%q is neither an address nor a host that has one", value)
	}
	var list [][2]string
	for _, addr := range found {
		kind := "AAAA"
		if addr.Is4() {
			kind = "A"
		}
		list = append(list, [2]string{kind, addr.String()})
	}
	return list, nil
}

// types are those that records may have, and questions of Lookup.
func types() []string { return []string{"A", "AAAA", "CNAME", "MX", "TXT", "NS", "PTR", "SRV"} }

// typeOf returns the number of a type.
func typeOf(name string) (uint16, error) {
	if !slices.Contains(types(), name) {
		return 0, fmt.Errorf("type %q is none of %s", name, strings.Join(types(), ", "))
	}
	return dnslib.StringToType[name], nil
}

// parseRR reads one value as a zone file would have it.
func parseRR(name string, ttl uint32, kind, value string) (dnslib.RR, error) {
	if _, err := typeOf(kind); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return nil, fmt.Errorf("%s %q holds a control character", kind, value)
	}
	if kind == "TXT" && !strings.HasPrefix(value, `"`) {
		value = quoteTXT(value)
	}
	rr, err := dnslib.NewRR(name + " " + strconv.FormatUint(uint64(ttl), 10) + " IN " + kind + " " + value)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", kind, value, err)
	}
	if rr == nil || rr.Header().Rrtype != dnslib.StringToType[kind] {
		return nil, fmt.Errorf("%s %q is no value", kind, value)
	}
	return rr, nil
}

// quoteTXT makes strings of at most 255 bytes of a text (RFC 1035, section
// 3.3.14).
func quoteTXT(text string) string {
	var parts []string
	for len(text) > 255 {
		parts = append(parts, text[:255])
		text = text[255:]
	}
	parts = append(parts, text)
	for i, p := range parts {
		parts[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p) + `"`
	}
	return strings.Join(parts, " ")
}

// maxChain bounds how many CNAMEs are followed.
const maxChain = 16

// find answers a question as far as the records go. next is the name where
// they end with a CNAME to a name that they do not have; known says that they
// have the name that was asked for.
func (r *records) find(name string, kind uint16) (answer []dnslib.RR, next string, known bool) {
	for range maxChain {
		sets := r.sets[name]
		if sets == nil {
			if r.inner[name] {
				return answer, "", true
			}
			return answer, name, len(answer) > 0
		}
		if kind == dnslib.TypeANY {
			for _, set := range sets {
				answer = append(answer, set...)
			}
			return answer, "", true
		}
		if set := sets[kind]; set != nil || sets[dnslib.TypeCNAME] == nil {
			return append(answer, set...), "", true
		}
		alias := sets[dnslib.TypeCNAME][0]
		answer = append(answer, alias)
		name = dnslib.CanonicalName(alias.(*dnslib.CNAME).Target)
	}
	return answer, "", true
}
