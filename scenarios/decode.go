package scenarios

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"netlab/scenarios/words"
)

// nodeParser is implemented by types with a form of their own. It reports
// what is wrong.
type nodeParser interface {
	parseNode(d *decoder, n *node, p *path)
}

// textParser is implemented by types that are written as one text.
type textParser interface {
	parseText(s string) *fault
}

// enum is implemented by types that are one of a few words.
type enum interface {
	words() []string
}

// A fault is what is wrong with a value, before its place is known.
type fault struct {
	message words.Message
	allowed []string
	near    string // what the author wrote, to find the nearest of allowed
	meant   string // what the author surely meant, if that is known
}

func bad(id words.ID, args ...any) *fault { return &fault{message: words.M(id, args...)} }

// instead says what could have been written.
func (f *fault) instead(allowed []string, near string) *fault {
	f.allowed, f.near = allowed, near
	return f
}

// A place is where a value stands.
type place struct {
	node *node
	path *path
}

// A ref is a name that must exist somewhere else in the file.
type ref struct {
	to    string // the tag "ref"
	name  string
	place place
	step  int // index of the step it stands in, else -1
}

// decoder fills a Scenario from a tree, guided by the types' tags.
type decoder struct {
	report  *report
	variant string        // "" for the scenario itself
	shapes  shapes        // shared by the decoders of one file
	places  map[any]place // of the values, by pointer
	refs    []ref
	broken  map[any]bool // lists and mappings that were not understood, by pointer
	step    int          // being decoded, else -1
	lost    []string     // names of steps that could not be understood
}

func newDecoder(r *report, sh shapes, variant string) *decoder {
	return &decoder{report: r, variant: variant, shapes: sh, places: map[any]place{}, broken: map[any]bool{}, step: -1}
}

// fail reports a fault.
func (d *decoder) fail(n *node, p *path, f *fault) {
	problem := Problem{
		Pos: Pos{Line: n.line, Column: n.column}, Path: p.String(), Message: f.message,
		Allowed: f.allowed, DidYouMean: f.meant, near: f.near,
	}
	if n.patch != "" {
		problem.Path = strings.TrimSuffix(n.patch+"."+problem.Path, ".")
	} else {
		problem.Variant = d.variant
	}
	d.report.add(problem)
}

// wrong reports a fault of the value behind the first of the pointers that
// was written in the file; the others are what it is part of.
func (d *decoder) wrong(f *fault, pointers ...any) {
	for _, ptr := range pointers {
		if at, ok := d.places[ptr]; ok {
			d.fail(at.node, at.path, f)
			return
		}
	}
	d.fail(&node{line: 1, column: 1}, nil, f)
}

// given reports whether the value behind a pointer was written in the file.
func (d *decoder) given(ptr any) bool {
	at, ok := d.places[ptr]
	return ok && at.node.line > 0
}

// line returns the line of the value behind a pointer.
func (d *decoder) line(ptr any) int {
	if at, ok := d.places[ptr]; ok {
		return at.node.line
	}
	return 0
}

func (d *decoder) pos(n *node) Pos { return Pos{File: d.report.file, Line: n.line, Column: n.column} }

// wrongKind reports that a value has another shape than it must have.
func (d *decoder) wrongKind(n *node, p *path, want words.ID, allowed ...string) {
	if n.null {
		d.fail(n, p, bad(words.ValueEmpty).instead(allowed, ""))
		return
	}
	d.fail(n, p, bad(words.ValueWrongKind, n.what(), words.M(want)).instead(allowed, ""))
}

// value fills v, which must be addressable.
func (d *decoder) value(v reflect.Value, n *node, p *path, f *field) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		d.value(v.Elem(), n, p, f)
		return
	}
	ptr := v.Addr().Interface()
	if f == nil || f.def == "" || n.line > 0 {
		d.places[ptr] = place{n, p}
	}
	switch x := ptr.(type) {
	case nodeParser:
		x.parseNode(d, n, p)
		return
	case textParser:
		if d.scalar(n, p) {
			if flaw := x.parseText(n.text); flaw != nil {
				d.fail(n, p, flaw)
				return
			}
			d.bounds(v, n, p, f)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(v, n, p)
	case reflect.Slice:
		d.slice(v, n, p, f)
	case reflect.String:
		d.text(v, n, p, f)
	case reflect.Bool:
		var b YesNo
		if d.scalar(n, p) {
			if flaw := b.parseText(n.text); flaw != nil {
				d.fail(n, p, flaw)
			}
		}
		v.SetBool(bool(b))
	default:
		d.number(v, n, p, f)
	}
}

// slice fills a slice, from a list or from a mapping with names.
func (d *decoder) slice(v reflect.Value, n *node, p *path, f *field) {
	if sh, ok := d.shapes.entries(v.Type()); ok {
		if n.kind != mapping {
			d.broken[v.Addr().Interface()] = true
			d.wrongKind(n, p, words.KindMapping)
			return
		}
		if f != nil && f.required && len(n.pairs) == 0 {
			d.fail(n, p, bad(words.ValueTooFew, 1, 0))
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.pairs), len(n.pairs)))
		for i, e := range n.pairs {
			d.entry(v.Index(i), sh, e, p.child(e.key.text))
		}
		return
	}
	if n.kind != sequence {
		d.broken[v.Addr().Interface()] = true
		d.wrongList(n, p, v.Type().Elem().Kind() == reflect.String)
		return
	}
	if f != nil && f.required && len(n.items) == 0 {
		d.fail(n, p, bad(words.ValueTooFew, 1, 0))
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	var each *field
	if f != nil {
		each = &field{text: f.text}
	}
	for i, e := range n.items {
		d.value(v.Index(i), e, p.item(i), each)
	}
}

// wrongList reports that a value is no list; one word where a list of words is
// wanted was meant to be a list of one.
func (d *decoder) wrongList(n *node, p *path, ofWords bool) {
	if !ofWords || n.kind != scalar || n.null || !isPlain(n.text) {
		d.wrongKind(n, p, words.KindList)
		return
	}
	flaw := bad(words.ValueWrongKind, n.what(), words.M(words.KindList))
	flaw.meant = "[" + n.text + "]"
	d.fail(n, p, flaw)
}

// isPlain reports whether a word can stand in a list of YAML as it is.
func isPlain(s string) bool {
	const others = "+-._/"
	return s != "" && len(s) <= maxNameInPath && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune(others, c)
	})
}

// namer is implemented by entries whose names are not those of the language.
type namer interface {
	checkName(name string) *fault
}

// entry fills one entry of a mapping with names.
func (d *decoder) entry(v reflect.Value, sh *shape, e pair, p *path) {
	name := v.Field(sh.name)
	name.SetString(e.key.text)
	d.places[name.Addr().Interface()] = place{e.key, p}
	if sh.at >= 0 {
		v.Field(sh.at).Set(reflect.ValueOf(d.pos(e.key)))
	}
	switch x, ok := v.Addr().Interface().(namer); {
	case sh.refers != "":
		d.refer(sh.refers, e.key.text, e.key, p)
	case ok:
		if flaw := x.checkName(e.key.text); flaw != nil {
			d.fail(e.key, p, flaw)
		}
	default:
		if flaw := checkName(e.key.text, maxName); flaw != nil {
			d.fail(e.key, p, flaw)
		}
	}
	if sh.value >= 0 {
		d.places[v.Addr().Interface()] = place{e.key, p}
		d.value(v.Field(sh.value), e.value, p, &field{text: sh.kept})
		return
	}
	d.value(v, e.value, p, nil)
}

// structure fills a struct from a mapping.
func (d *decoder) structure(v reflect.Value, n *node, p *path) {
	sh := d.shapes.of(v.Type())
	if sh.at >= 0 && sh.name < 0 {
		v.Field(sh.at).Set(reflect.ValueOf(d.pos(n)))
	}
	switch {
	case sh.union:
		d.union(v, sh, n, p)
		return
	case n.null && sh.optional(): // "client:" is "client: {}"
	case n.kind != mapping:
		d.wrongKind(n, p, words.KindMapping, sh.keys()...)
		return
	}
	given := make([]bool, len(sh.fields))
	for _, e := range n.pairs {
		i := slices.IndexFunc(sh.fields, func(f field) bool { return f.key == e.key.text })
		at := p.child(e.key.text)
		if i < 0 {
			d.fail(e.key, at, bad(words.ValueUnknownKey).instead(sh.keys(), e.key.text))
			continue
		}
		given[i] = true
		d.value(v.FieldByIndex(sh.fields[i].index), e.value, at, &sh.fields[i])
	}
	d.absent(v, sh, given, n, p)
	d.oneKind(sh, given, n, p)
}

// absent gives the keys that the file leaves out their defaults, and
// complains about those that it must not leave out.
func (d *decoder) absent(v reflect.Value, sh *shape, given []bool, n *node, p *path) {
	for i := range sh.fields {
		f := &sh.fields[i]
		if given[i] {
			continue
		}
		switch {
		case f.required && misspelt(f.key, n, sh):
		case f.required:
			at, where := n, p
			for _, r := range n.removed {
				if r.key.text == f.key {
					at, where = r.value, p.child(f.key)
				}
			}
			d.fail(at, where, bad(words.ValueMissingKey, quote(f.key)))
		case f.def != "":
			d.value(v.FieldByIndex(f.index), &node{text: f.def}, p, f)
		case f.typ.Kind() == reflect.Struct:
			// Defaults within.
			field := v.FieldByIndex(f.index)
			if _, own := field.Addr().Interface().(nodeParser); !own && !isText(field) {
				d.structure(field, &node{kind: mapping}, p.child(f.key))
			}
		}
	}
}

// misspelt reports whether a key that seems to be missing is there in another
// spelling, which is reported as unknown.
func misspelt(key string, n *node, sh *shape) bool {
	keys := sh.keys()
	for _, e := range n.pairs[:min(len(n.pairs), len(keys))] {
		if !isWord(e.key.text, keys) && nearest(e.key.text, keys) == key {
			return true
		}
	}
	return false
}

func isText(v reflect.Value) bool {
	_, ok := v.Addr().Interface().(textParser)
	return ok
}

// oneKind sees to it that exactly one of the kinds is given.
func (d *decoder) oneKind(sh *shape, given []bool, n *node, p *path) {
	kinds := sh.kinds()
	if len(kinds) == 0 {
		return
	}
	first := ""
	for i, f := range sh.fields {
		switch {
		case !f.kind || !given[i]:
		case first == "":
			first = f.key
		default:
			d.fail(n, p.child(f.key), bad(words.ValueManyKinds, quote(first)))
		}
	}
	if first == "" && !slices.ContainsFunc(n.pairs, func(e pair) bool { return !slices.Contains(sh.keys(), e.key.text) }) {
		d.fail(n, p, bad(words.ValueNoKind).instead(kinds, ""))
	}
}

// union fills a struct of which one field is given, the step.
func (d *decoder) union(v reflect.Value, sh *shape, n *node, p *path) {
	if n.kind != mapping {
		d.wrongKind(n, p, words.KindMapping)
		return
	}
	if len(n.pairs) != 1 {
		d.fail(n, p, bad(words.ValueNotStep, len(n.pairs)))
		return
	}
	e := n.pairs[0]
	d.step = cmp.Or(p, &path{}).index
	defer func() { d.step = -1 }()
	v.FieldByName("Index").SetInt(int64(d.step + 1))
	v.FieldByName("Verb").SetString(e.key.text)
	at := p.child(e.key.text)
	for i, f := range sh.fields {
		if f.key == e.key.text {
			d.value(v.FieldByIndex(f.index), e.value, at, &sh.fields[i])
			return
		}
	}
	if as := e.value.get("as"); as != nil {
		d.lost = append(d.lost, as.text)
	}
	d.fail(e.key, at, bad(words.ValueUnknownKey).instead(familyFirst(sh.keys(), e.key.text), e.key.text))
}
