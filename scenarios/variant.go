package scenarios

import (
	"slices"

	"netlab/scenarios/words"
)

// maxVariants bounds the variants of a scenario.
const maxVariants = 100

// fixedKeys lists what a patch cannot change.
func fixedKeys() []string { return []string{"netlab", "name", "variants"} }

// parseNode lists what the patch changes. Whether the changed scenario is
// right is seen when it is decoded as a whole.
func (x *Patch) parseNode(d *decoder, n *node, p *path) {
	if n.kind != mapping {
		d.wrongKind(n, p, words.KindMapping)
		return
	}
	for _, e := range n.pairs {
		if isWord(e.key.text, fixedKeys()) {
			d.fail(e.key, (*path)(nil).child(e.key.text), bad(words.ValueFixed, quote(e.key.text)))
		}
	}
	x.list(n, nil)
}

func (x *Patch) list(n *node, p *path) {
	if n.kind == mapping && len(n.pairs) > 0 {
		for _, e := range n.pairs {
			x.list(e.value, p.child(e.key.text))
		}
		return
	}
	*x = append(*x, p.String())
}

// markPatches tells everything in a patch whose patch it is in, for messages
// to point there.
func markPatches(root *node) {
	variants := root.get("variants")
	if variants == nil {
		return
	}
	for _, v := range variants.pairs {
		if patch := v.value.get("patch"); patch != nil && patch.kind == mapping {
			patch.each(func(n *node) {
				if n != patch {
					n.patch = v.key.text
				}
			})
		}
	}
}

// parseVariants decodes the scenario once more for each variant, with its
// patch applied. It returns false if that is too much.
func (d *decoder) parseVariants(root *node, s *Scenario) bool {
	if len(s.Variants) == 0 {
		return true
	}
	variants := root.get("variants")
	values := 0
	root.each(func(*node) { values++ })
	fail := func(m words.Message) bool {
		d.report.add(Problem{Pos: Pos{Line: variants.line, Column: variants.column}, Path: "variants", Message: m})
		return false
	}
	switch {
	case len(s.Variants) > maxVariants:
		return fail(words.M(words.ValueTooMany, maxVariants, len(s.Variants)))
	case values*(1+len(s.Variants)) > maxWork:
		return fail(words.M(words.FileTooPatched, maxWork))
	}
	base := *root
	base.pairs = slices.DeleteFunc(slices.Clone(root.pairs), func(e pair) bool { return e.key.text == "variants" })
	for i := range s.Variants {
		v := &s.Variants[i]
		written := variants.pairs[i].value
		patch := written.get("patch")
		if patch == nil || patch.kind != mapping {
			continue // reported
		}
		m := merger{newDecoder(d.report, d.shapes, v.Name)}
		merged := m.merge(&base, withoutFixed(patch), nil)
		if v.Runs != 0 {
			merged.set("runs", written.get("runs"))
		}
		if v.Tally != nil {
			merged.set("tally", written.get("tally"))
		}
		v.Scenario = m.scenario(merged)
		v.Runs, v.Tally = v.Scenario.Runs, v.Scenario.Tally
	}
	return true
}

// set gives a key of a mapping another value.
func (n *node) set(key string, value *node) {
	for i := range n.pairs {
		if n.pairs[i].key.text == key {
			n.pairs[i].value = value
			return
		}
	}
	n.pairs = append(n.pairs, pair{&node{text: key, line: value.line, column: value.column}, value})
}

// withoutFixed leaves out what has been reported already.
func withoutFixed(patch *node) *node {
	rest := *patch
	rest.pairs = slices.DeleteFunc(slices.Clone(patch.pairs), func(e pair) bool { return isWord(e.key.text, fixedKeys()) })
	return &rest
}

// merger applies patches.
type merger struct{ *decoder }

// merge is JSON Merge Patch, RFC 7396, section 2, but for one thing: null
// must find something to remove. What is new keeps its place in the patch.
func (m merger) merge(target, patch *node, p *path) *node {
	if patch.kind != mapping {
		return patch
	}
	merged := &node{kind: mapping, line: patch.line, column: patch.column, patch: patch.patch}
	index := map[string]int{}
	if target != nil && target.kind == mapping {
		*merged = *target
		merged.pairs = slices.Clone(target.pairs)
		for i, e := range merged.pairs {
			index[e.key.text] = i
		}
	}
	for _, e := range patch.pairs {
		at := p.child(e.key.text)
		i, found := index[e.key.text]
		switch {
		case !found && e.value.null:
			m.fail(e.value, at, bad(words.ValueNothingLeft))
		case !found:
			merged.pairs = append(merged.pairs, pair{e.key, m.merge(nil, e.value, at)})
		case e.value.null:
			merged.pairs[i].value = nil
			merged.removed = append(merged.removed, e)
		default:
			merged.pairs[i].value = m.merge(merged.pairs[i].value, e.value, at)
		}
	}
	merged.pairs = slices.DeleteFunc(merged.pairs, func(e pair) bool { return e.value == nil })
	return merged
}

// checkName keeps clear of the words that stand for the scenario itself and
// for all its variants.
func (v *Variant) checkName(name string) *fault {
	if name == "base" || name == "all" {
		return bad(words.NameReserved, quote(name))
	}
	return checkName(name, maxName)
}
