package scenarios

import (
	"reflect"
	"slices"
	"strings"
)

// This file writes the part of the reference that is about steps.

// What many steps share is described once, behind them, under these titles.
const (
	framesSection  = "frames"
	optionsSection = "socket options"
)

// steps describes the verbs. What many of them have is said once.
func (r *referrer) steps(sh *shape) {
	r.paragraph("  ", "Each step is a mapping with one key, its verb.")
	r.seen[reflect.TypeFor[FrameMatch]()] = framesSection
	r.seen[reflect.TypeFor[SocketOptions]()] = optionsSection
	for i := range sh.fields {
		r.verb(&sh.fields[i])
	}
	r.out.WriteString("\n  every step but sleep and settle\n")
	r.keys("    ", r.shapes.of(reflect.TypeFor[Common]()).fields)
	r.out.WriteString("\n  steps with background\n")
	r.keys("    ", r.shapes.of(reflect.TypeFor[Background]()).fields)
	r.apart(framesSection, reflect.TypeFor[FrameMatch]())
	r.apart(optionsSection, reflect.TypeFor[SocketOptions]())
}

// verb describes one verb, with the keys that it does not share with others.
func (r *referrer) verb(f *field) {
	t := f.typ.Elem()
	shared := r.shared(t)
	own := slices.DeleteFunc(slices.Clone(r.shapes.of(t).fields), func(f field) bool { return isWord(f.key, shared) })
	head := "\n  " + f.key
	if len(shared) > 0 {
		head += " (and " + strings.Join(shared, ", ") + ")"
	}
	r.out.WriteString(head + "\n")
	r.paragraph("      ", f.doc)
	if short, ok := formOf(t); ok {
		r.paragraph("      ", "In short form: "+short+".")
	}
	if at, ok := r.seen[t]; ok && len(own) > 3 {
		r.paragraph("    ", "the keys of "+at)
		return
	}
	r.mapping("    ", t, own)
	if _, ok := r.seen[t]; !ok {
		r.seen[t] = f.key
	}
}

// shared lists the keys of a step that are told apart from the verbs: those
// of nearly all, and background.
func (r *referrer) shared(t reflect.Type) []string {
	var list []string
	if _, ok := t.FieldByName("Common"); ok {
		list = r.shapes.of(reflect.TypeFor[Common]()).keys()
	}
	// A field that merely has the name, as that of exec, has a meaning of its own.
	if b, ok := t.FieldByName("Background"); ok && b.Type == reflect.TypeFor[Background]() {
		list = append(list, r.shapes.of(b.Type).keys()...)
	}
	return list
}

// apart describes a type under a title of its own.
func (r *referrer) apart(title string, t reflect.Type) {
	delete(r.seen, t)
	r.section(title, t)
}
