package scenarios

import (
	"reflect"
	"slices"
	"strings"
)

// A shape is what the language knows about one of its struct types, read from
// the type's tags. Parser, schema and reference all go by it.
type shape struct {
	fields []field // inlined ones last
	at     int     // field of type Pos, or -1
	name   int     // field Name without a key: the type is an entry of a mapping; or -1
	refers string  // what the name refers to, if it is not a new one
	value  int     // the only other field, if none has a key and the type has no form of its own: the entry's value; or -1
	kept   string  // what characters may be in that value: see field.text
	union  bool    // exactly one of the fields must be given, by its key as the verb
}

// A field is one key of a struct type.
type field struct {
	index    []int
	typ      reflect.Type
	key      string
	doc      string
	def      string // default, as it would be written
	required bool
	kind     bool   // one of several keys of which exactly one is given
	refers   string // what the value refers to
	min, max string // bounds, as they would be written
	text     string // what characters may be in a string: textLine, textProse or textAny
}

// The tag "text" of a string.
const (
	textLine  = ""      // one line
	textProse = "prose" // several
	textAny   = "any"   // any bytes
)

// shapes keeps what was found out about types during one parse.
type shapes map[reflect.Type]*shape

// of returns the shape of a struct type.
func (s shapes) of(t reflect.Type) *shape {
	if sh, ok := s[t]; ok {
		return sh
	}
	sh := &shape{at: -1, name: -1, value: -1}
	s[t] = sh
	var inlined []field
	var untagged []int
	for i := range t.NumField() {
		f := t.Field(i)
		tag, keyed := f.Tag.Lookup("key")
		switch {
		case tag == "-":
		case keyed && tag == ",inline":
			for _, in := range s.of(f.Type).fields {
				in.index = slices.Concat([]int{i}, in.index)
				inlined = append(inlined, in)
			}
		case keyed:
			sh.fields = append(sh.fields, newField(i, f, tag))
		case f.Name == "At":
			sh.at = i
		case f.Name == "Name":
			sh.name, sh.refers = i, f.Tag.Get("ref")
		case f.Name == "Verb":
			sh.union = true
		case f.IsExported():
			untagged = append(untagged, i)
		}
	}
	sh.fields = append(sh.fields, inlined...)
	_, form := reflect.New(t).Interface().(nodeParser)
	if sh.name >= 0 && len(sh.fields) == 0 && len(untagged) == 1 && !form {
		sh.value = untagged[0]
		sh.kept = t.Field(sh.value).Tag.Get("text")
	}
	return sh
}

func newField(i int, f reflect.StructField, tag string) field {
	key, options, _ := strings.Cut(tag, ",")
	return field{
		index: []int{i}, typ: f.Type, key: key,
		doc: f.Tag.Get("doc"), def: f.Tag.Get("default"),
		required: options == "required", kind: options == "kind",
		refers: f.Tag.Get("ref"), min: f.Tag.Get("min"), max: f.Tag.Get("max"),
		text: f.Tag.Get("text"),
	}
}

// keys lists the keys, own ones first.
func (sh *shape) keys() []string {
	list := make([]string, len(sh.fields))
	for i, f := range sh.fields {
		list[i] = f.key
	}
	return list
}

// kinds lists the keys of which exactly one must be given.
func (sh *shape) kinds() []string {
	var list []string
	for _, f := range sh.fields {
		if f.kind {
			list = append(list, f.key)
		}
	}
	return list
}

// optional reports whether the mapping may be empty, or left out.
func (sh *shape) optional() bool {
	return !sh.union && len(sh.kinds()) == 0 && !slices.ContainsFunc(sh.fields, func(f field) bool { return f.required })
}

// entries reports whether a slice type is written as a mapping from names to
// values, and gives the shape of its elements.
func (s shapes) entries(t reflect.Type) (*shape, bool) {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Struct {
		return nil, false
	}
	sh := s.of(t.Elem())
	return sh, sh.name >= 0
}
