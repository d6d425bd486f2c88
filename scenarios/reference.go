package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"netlab/probes"
)

// Reference describes every key of the language in plain text, 80 columns
// wide, made from the same types as the parser.
func Reference() string {
	r := &referrer{shapes: shapes{}, seen: map[reflect.Type]string{}}
	fmt.Fprintf(&r.out, "The scenario language, version %d\n\n", Version)
	r.paragraph("", "A scenario is one YAML file. Keys in capitals stand for names of your choice: "+
		"up to "+strconv.Itoa(maxName)+" of a-z 0-9 - _, the first a letter or digit. A key is written in quotes where YAML would take it for a number or a boolean; "+
		"a value that is text needs none. Unknown keys, tags and merge keys (<<) are errors; aliases stand for whole values.")
	r.section("scenario", reflect.TypeFor[Scenario]())
	r.values()
	return r.out.String()
}

// width is that of the reference, in columns.
const width = 80

// referrer writes the reference.
type referrer struct {
	shapes shapes
	seen   map[reflect.Type]string // where a type was described
	out    strings.Builder
}

// paragraph writes text in lines that begin with indent.
func (r *referrer) paragraph(indent, text string) {
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width && line != indent {
			r.out.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	r.out.WriteString(line + "\n")
}

// section describes a struct type once, and then the types below it.
func (r *referrer) section(at string, t reflect.Type) {
	if first, ok := r.seen[t]; ok {
		if first != at {
			r.out.WriteString("\n" + at + "\n")
			r.paragraph("  ", "the keys of "+first)
		}
		return
	}
	r.seen[t] = at
	sh := r.shapes.of(t)
	if len(sh.fields) > 0 {
		r.out.WriteString("\n" + at + "\n")
	}
	if sh.union {
		r.steps(sh)
		return
	}
	fields, _ := r.untold(t, sh.fields)
	r.mapping("  ", t, sh.fields)
	var done []reflect.Type
	for i := range fields {
		f := &fields[i]
		if !slices.Contains(done, f.typ) {
			done = append(done, f.typ)
			r.below(at, together(fields[i:], f.typ), f.typ)
		}
	}
}

// together returns the keys of one mapping that have the same keys below
// them: accept|drop|reject.
func together(fields []field, t reflect.Type) string {
	var keys []string
	for _, f := range fields {
		if f.typ == t {
			keys = append(keys, f.key)
		}
	}
	return strings.Join(keys, "|")
}

// mapping lists the keys of a type. Those that it has from another type are
// not told again.
func (r *referrer) mapping(indent string, t reflect.Type, fields []field) {
	fields, told := r.untold(t, fields)
	r.keys(indent, fields)
	for _, at := range told {
		r.paragraph(indent, "and the keys of "+at)
	}
}

// untold leaves out the keys of inlined types that were described already,
// and lists where they were.
func (r *referrer) untold(t reflect.Type, fields []field) (rest []field, told []string) {
	rest = slices.Clone(fields)
	var leave func(t reflect.Type, index []int)
	leave = func(t reflect.Type, index []int) {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Tag.Get("key") != ",inline" {
				continue
			}
			within := append(slices.Clone(index), i)
			at, ok := r.seen[f.Type]
			if !ok {
				leave(f.Type, within)
				continue
			}
			before := len(rest)
			rest = slices.DeleteFunc(rest, func(f field) bool {
				return len(f.index) > len(within) && slices.Equal(f.index[:len(within)], within)
			})
			if len(rest) < before {
				told = append(told, at)
			}
		}
	}
	leave(t, nil)
	return rest, told
}

// below describes the type of a key's value, if it has keys of its own.
func (r *referrer) below(at, key string, t reflect.Type) {
	if at == "scenario" {
		at = key
	} else {
		at += "." + key
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if sh, ok := r.shapes.entries(t); ok {
		at += "." + placeholder(t.Elem())
		t = t.Elem()
		if sh.value >= 0 {
			t = t.Field(sh.value).Type
			if _, ok := r.shapes.entries(t); !ok {
				return
			}
			r.below(at, "", t)
			return
		}
	} else if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if _, form := formOf(t); t.Kind() == reflect.Struct && !form {
		r.section(at, t)
	}
}

// keys lists the keys of a mapping.
func (r *referrer) keys(indent string, fields []field) {
	for i := range fields {
		f := &fields[i]
		line := indent + f.key + ": " + r.form(f.typ, f)
		if f.required {
			line += ", required"
		}
		if f.def != "" {
			line += "; default " + f.def
		}
		r.paragraph(indent, strings.TrimSpace(line))
		r.paragraph(indent+"    ", f.doc)
	}
}

// placeholder stands for a name in a path.
func placeholder(entry reflect.Type) string {
	switch entry {
	case reflect.TypeFor[End](), reflect.TypeFor[EndExpect](), reflect.TypeFor[EndState]():
		return "END"
	case reflect.TypeFor[FTPFile](), reflect.TypeFor[ExecFile](), reflect.TypeFor[Route]():
		return "PATH"
	case reflect.TypeFor[Header]():
		return "FIELD"
	case reflect.TypeFor[Cookie]():
		return "COOKIE"
	case reflect.TypeFor[Variable]():
		return "VARIABLE"
	case reflect.TypeFor[Record]():
		return "DOMAIN"
	case reflect.TypeFor[FTPUser]():
		return "USER"
	case reflect.TypeFor[Sysctl]():
		return "SYSCTL"
	case reflect.TypeFor[CountExpect]():
		return "SERVER"
	case reflect.TypeFor[NodeCounters]():
		return "NODE"
	case reflect.TypeFor[CounterExpect]():
		return "COUNTER"
	case reflect.TypeFor[ConnectionExpect](), reflect.TypeFor[Until]():
		return "CONNECTION"
	case reflect.TypeFor[StepExpect]():
		return "STEP"
	}
	return "NAME"
}

// form says in a few words how a value is written.
func (r *referrer) form(t reflect.Type, f *field) string {
	if t.Kind() == reflect.Pointer {
		return r.form(t.Elem(), f)
	}
	if name, ok := formOf(t); ok {
		return name + r.bounds(t, f)
	}
	if e, ok := reflect.New(t).Elem().Interface().(enum); ok {
		return strings.Join(e.words(), " | ")
	}
	switch t {
	case reflect.TypeFor[Route]():
		return "body or mapping"
	case reflect.TypeFor[Cookie]():
		return "value or mapping"
	case reflect.TypeFor[Link]():
		return "[END, END] or mapping"
	case reflect.TypeFor[FrameMatch]():
		return "mapping, the keys of " + framesSection
	}
	switch t.Kind() {
	case reflect.Struct:
		return "mapping"
	case reflect.Slice:
		if sh, ok := r.shapes.entries(t); ok {
			value := t.Elem()
			if sh.value >= 0 {
				value = value.Field(sh.value).Type
			}
			return "{" + placeholder(t.Elem()) + ": " + r.form(value, nil) + ", ...}"
		}
		return "[" + r.form(t.Elem(), nil) + ", ...]"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "on | off"
	}
	return "number" + r.bounds(t, f)
}

// bounds says what a number must lie between, where a key narrows it.
func (r *referrer) bounds(t reflect.Type, f *field) string {
	if f == nil || f.min == "" && f.max == "" {
		return ""
	}
	lo, hi := boundsOf(t, f)
	return " " + lo.text + " to " + hi.text
}

// formOf names the form of types that are written in a way of their own, and
// reports whether t is one.
func formOf(t reflect.Type) (string, bool) {
	switch t {
	case reflect.TypeFor[Duration]():
		return "duration", true
	case reflect.TypeFor[Size]():
		return "size", true
	case reflect.TypeFor[Percent]():
		return "share", true
	case reflect.TypeFor[Rate]():
		return "rate", true
	case reflect.TypeFor[Prefix]():
		return "address", true
	case reflect.TypeFor[Pool]():
		return "network", true
	case reflect.TypeFor[PortRange]():
		return "ports", true
	case reflect.TypeFor[YesNo]():
		return "on | off", true
	case reflect.TypeFor[StateName]():
		return "state", true
	case reflect.TypeFor[Who]():
		return "ends", true
	case reflect.TypeFor[Pattern]():
		return "pattern", true
	case reflect.TypeFor[Moment]():
		return "moment", true
	case reflect.TypeFor[Text]():
		return "words for people", true
	case reflect.TypeFor[Count]():
		return "count", true
	case reflect.TypeFor[Close]():
		return "close", true
	case reflect.TypeFor[FTPFile]():
		return "content", true
	case reflect.TypeFor[Patch]():
		return "patch", true
	case reflect.TypeFor[Sleep]():
		return "duration", true
	case reflect.TypeFor[Alert]():
		return "alert", true
	case reflect.TypeFor[ResetReason]():
		return "reset reason", true
	case reflect.TypeFor[Network]():
		return "network", true
	case reflect.TypeFor[Address]():
		return "bare address", true
	case reflect.TypeFor[Record]():
		return "records", true
	}
	return "", false
}

// values describes the forms.
func (r *referrer) values() {
	r.out.WriteString("\nvalues\n")
	styles := strings.Join(CloseStyle("").words(), " | ")
	for _, v := range []struct{ name, about string }{
		{"number", "Whole, without quotes, signs, leading zeros."},
		{"duration", "60ms, 1.5s, 2m, 1h30m; up to 24h."},
		{"size", "Bytes: 6, 64kB, 100MB, 1GB (powers of 1000), 64KiB, 100MiB, 1GiB (powers of 1024)."},
		{"share", "1%, 0.5%, 12.5%; from 0% to 100%, with 4 decimals at most."},
		{"rate", "Bits in a second: 500kbit, 10Mbit, 1Gbit (powers of 1000); from 1kbit to 100Gbit."},
		{"address", "With prefix length: 10.0.0.1/24, fd00::1/64."},
		{"bare address", "Without prefix length: 10.0.0.1, fd00::1."},
		{"network", "10.77.0.0/16, fd77::/48; for addressing also none."},
		{"ports", "One port, or a range: 2122-2141."},
		{"on | off", "Also yes, no, true, false."},
		{"words for people", "One text, or one for each language: {en: ..., zh: ...}."},
		{"content", "Text, or {size: 100MB}: so many generated bytes."},
		{"close", styles + "; or with a delay, {after_peer: {delay: 60ms}}."},
		{"records", "An address, the name of a node (all its addresses), a list of these; or a mapping from type to value or list, as in a zone file: " +
			"{A: 10.0.0.1, MX: 10 mail.lab.test, TXT: [a, b]}. Types: " + strings.Join(DNSType("").words(), " ") + "."},
		{"count", "A number, or {at_least: n, at_most: m}, one of them or both."},
		{"state", strings.Join(stateNames(), " ")},
		{"ends", "A node, opener (who sent the first SYN), acceptor, nobody; for time_wait and close_notify also both. 'A | B' for either."},
		{"pattern", "A list of segments, or a list of such lists as alternatives. A segment is an end and a word: client FIN. 'A | B' for either. " +
			"Words: " + strings.Join(segmentWords(), " ") + ". FIN+ACK is the FIN that first acknowledges the peer's FIN. " +
			"First transmissions only, as seen at the sender's end; pure ACKs count after the first FIN, and so does the one that completes an opening."},
		{"moment", "STEP started, STEP ended, RULE matched (the first frame that a rule of a gate matched), CONNECTION opened, CONNECTION closed, CONNECTION END WORD (the first such segment), CONNECTION END STATE, CONNECTION END close_notify or alert (the first of TLS that the end sent). A segment's moment is when it leaves that end, whatever a gate does to it then."},
		{"reset reason", "Who sent it, and why: " + exampleReason + ". Reasons are those of the kernel (include/net/rstreason.h), without SK_RST_REASON_."},
		{"alert", "An end and what it told: client bad_certificate. Descriptions: " + strings.Join(probes.AlertNames(), " ") + "."},
		{"patch", "A mapping like the scenario itself, with what differs. null removes a key, which must be there. netlab, name, variants and mutations cannot be changed."},
	} {
		r.out.WriteString("  " + v.name + "\n")
		r.paragraph("      ", v.about)
	}
}
