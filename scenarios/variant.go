package scenarios

import (
	"slices"

	"netlab/scenarios/words"
)

// maxVariants bounds the variants of a scenario, and its mutations.
const maxVariants = 100

// patchedKeys lists the sections whose entries have patches.
func patchedKeys() []string { return []string{"variants", "mutations"} }

// fixedKeys lists what a patch cannot change.
func fixedKeys() []string { return append(patchedKeys(), "netlab", "name") }

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
	for _, key := range patchedKeys() {
		section := root.get(key)
		if section == nil {
			continue
		}
		for _, v := range section.pairs {
			if patch := v.value.get("patch"); patch != nil && patch.kind == mapping {
				prefix := (*path)(nil).child(key).child(v.key.text).child("patch").String()
				patch.each(func(n *node) {
					if n != patch {
						n.patch = prefix
					}
				})
			}
		}
	}
}

// parsePatched decodes the scenario once more for each variant and mutation,
// with its patch applied. It does not if that is too much.
func (d *decoder) parsePatched(root *node, s *Scenario) {
	count := len(s.Variants) + len(s.Mutations)
	if count == 0 {
		return
	}
	values := 0
	root.each(func(*node) { values++ })
	for _, key := range patchedKeys() {
		section := root.get(key)
		fail := func(m words.Message) {
			d.report.add(Problem{Pos: Pos{Line: section.line, Column: section.column}, Path: key, Message: m})
		}
		switch {
		case section == nil:
		case len(section.pairs) > maxVariants:
			fail(words.M(words.ValueTooMany, maxVariants, len(section.pairs)))
			return
		case values*(1+count) > maxWork:
			fail(words.M(words.FileTooPatched, maxWork))
			return
		}
	}
	base := *root
	base.pairs = slices.DeleteFunc(slices.Clone(root.pairs), func(e pair) bool { return isWord(e.key.text, patchedKeys()) })
	d.parseVariants(root, &base, s)
	d.parseMutations(root, &base, s)
}

func (d *decoder) parseVariants(root, base *node, s *Scenario) {
	for i := range s.Variants {
		v := &s.Variants[i]
		written := root.get("variants").pairs[i].value
		v.Scenario = d.patched(base, written, v.Name, func(merged *node) {
			if v.Runs != 0 {
				merged.set("runs", written.get("runs"))
			}
			if v.Tally != nil {
				merged.set("tally", written.get("tally"))
			}
		})
		if v.Scenario != nil {
			v.Runs, v.Tally = v.Scenario.Runs, v.Scenario.Tally
		}
	}
}

func (d *decoder) parseMutations(root, base *node, s *Scenario) {
	for i := range s.Mutations {
		m := &s.Mutations[i]
		m.Scenario = d.patched(base, root.get("mutations").pairs[i].value, m.Name, func(*node) {})
		if m.Scenario != nil {
			m.Scenario.MustFail = m.Fails
		}
	}
}

// patched decodes the scenario with the patch of an entry applied; nil if the
// patch is none, which has been reported.
func (d *decoder) patched(base, written *node, name string, also func(merged *node)) *Scenario {
	patch := written.get("patch")
	if patch == nil || patch.kind != mapping {
		return nil
	}
	m := merger{newDecoder(d.report, d.shapes, name)}
	merged := m.merge(base, withoutFixed(patch), nil)
	also(merged)
	return m.scenario(merged)
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

// checkName is that of variants: both are run by their names.
func (m *Mutation) checkName(name string) *fault { return (*Variant)(nil).checkName(name) }
