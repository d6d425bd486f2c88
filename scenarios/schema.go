package scenarios

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"netlab/probes"
)

// Schema returns the JSON Schema (2020-12) of scenario files, made from the
// same types as the parser, for editors to check and complete. It accepts
// whatever Parse accepts; what names refer to, and how values fit together,
// only Parse knows.
func Schema() ([]byte, error) {
	g := &schemer{shapes: shapes{}, defs: object{}}
	root := g.reference(reflect.TypeFor[Scenario]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "urn:netlab:scenario:" + strconv.Itoa(Version)
	root["title"] = "netlab scenario, version " + strconv.Itoa(Version)
	g.defs["text"] = object{
		"description": "Text. What YAML takes for a number or a boolean is text here too.",
		"type":        list("string", "number", "boolean"),
	}
	root["$defs"] = g.defs
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(out, '\n'), nil
}

// object is a piece of JSON.
type object map[string]any

func list(items ...any) []any { return items }

// text is the schema of any scalar.
func text() object { return object{"$ref": "#/$defs/text"} }

// pattern is the schema of a text of some form.
func pattern(p string) object { return object{"type": "string", "pattern": p} }

// either is the schema of what has several forms.
func either(forms ...object) object { return object{"anyOf": forms} }

// schemer makes schemas of types. Struct types are defined once.
type schemer struct {
	shapes shapes
	defs   object
}

// formed is implemented by types with forms of their own.
type formed interface {
	schema(g *schemer) object
}

// of returns the schema of a value.
func (g *schemer) of(t reflect.Type, f *field) object {
	if t.Kind() == reflect.Pointer {
		return g.of(t.Elem(), f)
	}
	v := reflect.New(t)
	if x, ok := v.Interface().(formed); ok {
		return x.schema(g)
	}
	if e, ok := v.Elem().Interface().(enum); ok {
		return object{"enum": scalars(e.words())}
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.reference(t)
	case reflect.Slice:
		return g.slice(t, f)
	case reflect.String:
		return text()
	case reflect.Bool:
		return new(YesNo).schema(g)
	case reflect.Uint64:
		most, _ := unsignedBound(t, f)
		return object{"type": "integer", "minimum": 0, "maximum": most}
	}
	lo, hi := boundsOf(t, f)
	return object{"type": "integer", "minimum": lo.amount, "maximum": hi.amount}
}

// scalars lists words as JSON may have them: an editor takes 1.0 for a number.
func scalars(words []string) []any {
	var list []any
	for _, w := range words {
		list = append(list, w)
		if n, err := strconv.ParseFloat(w, 64); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// slice returns the schema of a list, or of a mapping with names.
func (g *schemer) slice(t reflect.Type, f *field) object {
	needed := f != nil && f.required
	sh, ok := g.shapes.entries(t)
	if !ok {
		s := object{"type": "array", "items": g.of(t.Elem(), nil)}
		if needed {
			s["minItems"] = 1
		}
		return s
	}
	value := object(nil)
	if sh.value >= 0 {
		value = g.of(t.Elem().Field(sh.value).Type, nil)
	} else {
		value = g.of(t.Elem(), nil)
	}
	s := object{"type": "object", "additionalProperties": value}
	if _, own := reflect.New(t.Elem()).Interface().(namer); !own && sh.refers == "" {
		s["propertyNames"] = object{"pattern": namePattern(maxName)}
	}
	if needed {
		s["minProperties"] = 1
	}
	return s
}

func namePattern(most int) string { return fmt.Sprintf("^[a-z0-9][a-z0-9_-]{0,%d}$", most-1) }

// reference defines a struct type and returns a reference to it.
func (g *schemer) reference(t reflect.Type) object {
	name := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
	if _, ok := g.defs[name]; !ok {
		g.defs[name] = object{} // the type may contain itself
		g.defs[name] = g.structure(t)
	}
	return object{"$ref": "#/$defs/" + name}
}

// structure returns the schema of a mapping with known keys.
func (g *schemer) structure(t reflect.Type) object {
	sh := g.shapes.of(t)
	properties := object{}
	var required []string
	for i := range sh.fields {
		f := &sh.fields[i]
		p := g.of(f.typ, f)
		p["description"] = f.doc
		if f.def != "" {
			p["default"] = written(f)
		}
		properties[f.key] = p
		if f.required {
			required = append(required, f.key)
		}
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if sh.optional() {
		s["type"] = list("object", "null")
	}
	if required != nil {
		s["required"] = required
	}
	if sh.union {
		s["minProperties"], s["maxProperties"] = 1, 1
	}
	if kinds := sh.kinds(); kinds != nil {
		var one []object
		for _, k := range kinds {
			one = append(one, object{"required": list(k)})
		}
		s["oneOf"] = one
	}
	if t == reflect.TypeFor[Scenario]() {
		properties["netlab"].(object)["const"] = Version
		properties["name"].(object)["pattern"] = namePattern(maxTitle)
	}
	return s
}

// written returns a default as JSON has it.
func written(f *field) any {
	if n, err := strconv.ParseInt(f.def, 10, 64); err == nil {
		return n
	}
	return f.def
}

// The schemas of types with forms of their own.

const durationPattern = `^([0-9]+(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h))+$`

func (*Duration) schema(*schemer) object { return pattern(durationPattern) }
func (*Prefix) schema(*schemer) object   { return pattern(`^[0-9a-fA-F.:]+/[0-9]+$`) }
func (*Pool) schema(*schemer) object     { return pattern(`^([0-9a-fA-F.:]+/[0-9]+|none)$`) }
func (*Patch) schema(*schemer) object    { return object{"type": "object"} }
func (*StateName) schema(*schemer) object {
	return object{"enum": stateNames()}
}

func (*Size) schema(*schemer) object {
	return either(object{"type": "integer", "minimum": 0}, pattern(`^[0-9]+([kMGT]?B|[KMG]iB)?$`))
}

func (*Percent) schema(*schemer) object { return pattern(`^[0-9]+(\.[0-9]{1,4})?%$`) }
func (*Rate) schema(*schemer) object    { return pattern(`^[0-9]+[kMG]?bit$`) }

func (*PortRange) schema(*schemer) object {
	return either(object{"type": "integer", "minimum": 1, "maximum": maxPort}, pattern(`^[0-9]+(-[0-9]+)?$`))
}

func (*YesNo) schema(*schemer) object {
	return either(object{"type": "boolean"}, object{"enum": list("on", "off", "yes", "no", "true", "false")})
}

func (*Text) schema(g *schemer) object {
	s := g.structure(reflect.TypeFor[Text]())
	s["type"], s["minProperties"] = "object", 1
	return either(text(), s)
}

func (*Sleep) schema(g *schemer) object {
	return either(new(Duration).schema(g), g.structure(reflect.TypeFor[Sleep]()))
}

func (*Link) schema(g *schemer) object {
	short := object{"type": "array", "items": text(), "minItems": 2, "maxItems": 2}
	return either(short, g.reference(reflect.TypeFor[Link]()))
}

func (*Close) schema(g *schemer) object {
	options := object{}
	for _, style := range CloseStyle("").words() {
		options[style] = g.reference(reflect.TypeFor[closeOptions]())
	}
	long := object{
		"type": "object", "properties": options, "additionalProperties": false,
		"minProperties": 1, "maxProperties": 1,
	}
	return either(object{"enum": CloseStyle("").words()}, long)
}

func (*Count) schema(g *schemer) object {
	long := g.structure(reflect.TypeFor[countBounds]())
	long["type"], long["minProperties"] = "object", 1
	return either(object{"type": "integer", "minimum": 0}, long)
}

func (*FTPFile) schema(g *schemer) object {
	return either(text(), g.structure(reflect.TypeFor[fileForm]()))
}

func (*Route) schema(g *schemer) object {
	return either(text(), g.reference(reflect.TypeFor[Route]()))
}

func (*Cookie) schema(g *schemer) object {
	return either(text(), g.reference(reflect.TypeFor[Cookie]()))
}

func (*Record) schema(*schemer) object {
	values := either(text(), object{"type": "array", "items": text(), "minItems": 1})
	types := object{}
	for _, kind := range DNSType("").words() {
		types[kind] = values
	}
	long := object{"type": "object", "properties": types, "additionalProperties": false, "minProperties": 1}
	return either(values, long)
}

func (*Alert) schema(*schemer) object {
	return pattern(`^\s*\S+\s+(` + strings.Join(probes.AlertNames(), "|") + `)\s*$`)
}

func (*Network) schema(*schemer) object { return pattern(`^[0-9a-fA-F.:]+/[0-9]+$`) }
func (*Address) schema(*schemer) object { return pattern(`^[0-9a-fA-F.:]+$`) }

func (*Who) schema(*schemer) object { return text() }

// segmentPattern matches what Element reads.
func segmentPattern() string {
	words := strings.ReplaceAll(strings.Join(segmentWords(), "|"), "+", `\+`)
	one := `\s*\S+\s+(` + words + `)\s*`
	return `^` + one + `(\|` + one + `)*$`
}

func (*Element) schema(*schemer) object { return pattern(segmentPattern()) }

func (*Sequence) schema(g *schemer) object {
	return object{"type": "array", "items": new(Element).schema(g), "minItems": 1}
}

func (*Pattern) schema(g *schemer) object {
	sequence := new(Sequence).schema(g)
	return either(sequence, object{"type": "array", "items": sequence, "minItems": 1})
}

func (*Moment) schema(*schemer) object { return pattern(`^\s*\S+\s+\S+(\s+\S+)?\s*$`) }
