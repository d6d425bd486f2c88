package scenarios

import (
	"strconv"

	"go.yaml.in/yaml/v4"

	"netlab/scenarios/words"
)

// Limits of a file. They hold the worst time to refuse one well below 100 ms.
const (
	maxBytes  = 1 << 19 // of the file
	maxMarks  = 40_000  // keys and values, counted before parsing
	maxDepth  = 32      // levels
	maxValues = 50_000  // with aliases written out
	maxWork   = 100_000 // values, times the scenario and its variants
)

// kind is the shape of a node.
type kind uint8

const (
	scalar kind = iota
	mapping
	sequence
)

// message names the kind to people.
func (k kind) message() words.Message {
	switch k {
	case mapping:
		return words.M(words.KindMapping)
	case sequence:
		return words.M(words.KindList)
	}
	return words.M(words.KindText)
}

// A node is a value of the file, with its place. Aliases are written out:
// each has a copy of its own, at the place of what it stands for.
type node struct {
	kind   kind
	null   bool   // nothing, null or ~, not in quotes
	quoted bool   // or a block of text
	text   string // of a scalar, whatever YAML takes it for
	line   int
	column int // in characters
	pairs  []pair
	items  []*node
	patch  string // the variant whose patch it comes from, if any
	// removed holds what a patch took out of the mapping.
	removed []pair
}

// A pair is an entry of a mapping.
type pair struct{ key, value *node }

// what names the node's kind to people.
func (n *node) what() words.Message {
	if n.null {
		return words.M(words.KindNothing)
	}
	return n.kind.message()
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, p := range n.pairs {
		if p.key.text == key {
			return p.value
		}
	}
	return nil
}

// each calls fn for the node and everything below it.
func (n *node) each(fn func(*node)) {
	fn(n)
	for _, p := range n.pairs {
		p.key.each(fn)
		p.value.each(fn)
	}
	for _, i := range n.items {
		i.each(fn)
	}
}

// A path leads from the root to a value. The nil path is the root.
type path struct {
	up    *path
	key   string
	index int // of a list, if key is ""
}

func (p *path) child(key string) *path { return &path{up: p, key: key} }
func (p *path) item(i int) *path       { return &path{up: p, index: i} }

// String returns the path as people read it: steps[3].ftp.quit.close.
func (p *path) String() string {
	if p == nil {
		return ""
	}
	up := p.up.String()
	switch {
	case p.key == "":
		return up + "[" + strconv.Itoa(p.index) + "]"
	case up == "":
		return plainKey(p.key)
	}
	return up + "." + plainKey(p.key)
}

// plainKey quotes keys that could be misread or play tricks on a terminal.
func plainKey(key string) string {
	for _, c := range []byte(key) {
		if !letterOrDigit(c) && c != '-' && c != '_' && c != '.' && c != '/' {
			return quote(key)
		}
	}
	if len(key) > maxNameInPath {
		return quote(key)
	}
	return key
}

const maxNameInPath = 64

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// planter turns what the YAML library gives into nodes.
type planter struct {
	report *report
	count  int
	over   bool // too much: nothing more is planted
}

// plant copies y. It reports what YAML has and the language has not.
func (l *planter) plant(y *yaml.Node, p *path, depth int) *node {
	n := &node{line: y.Line, column: y.Column}
	l.count++
	if l.over {
		return n
	}
	if l.count > maxValues || depth > 2*maxDepth {
		// Only aliases get here: the text itself has been measured. One that
		// contains itself is deep, a bomb of them is large.
		l.over = true
		l.fail(n, nil, words.M(words.FileTooMuch, maxValues))
		return n
	}
	if y.Style&yaml.TaggedStyle != 0 {
		l.fail(n, p, words.M(words.FileTag, quote(y.Tag)))
	}
	switch y.Kind {
	case yaml.AliasNode:
		return l.plant(y.Alias, p, depth+1)
	case yaml.MappingNode:
		n.kind = mapping
		l.plantPairs(n, y.Content, p, depth)
	case yaml.SequenceNode:
		n.kind = sequence
		n.items = make([]*node, len(y.Content))
		for i, c := range y.Content {
			n.items[i] = l.plant(c, p.item(i), depth+1)
		}
	default:
		n.text = y.Value
		n.quoted = quoted(y)
		n.null = y.Tag == "!!null" && !n.quoted
	}
	return n
}

func quoted(y *yaml.Node) bool {
	const plain = yaml.TaggedStyle | yaml.FlowStyle
	return y.Style&^plain != 0
}

// plantPairs fills a mapping. Keys that cannot be are reported and left out.
func (l *planter) plantPairs(n *node, content []*yaml.Node, p *path, depth int) {
	n.pairs = make([]pair, 0, len(content)/2)
	first := make(map[string]int, len(content)/2)
	for i := 0; i+1 < len(content); i += 2 {
		k := content[i]
		for k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		key := &node{line: content[i].Line, column: content[i].Column, text: k.Value}
		l.count++
		switch {
		case k.Tag == "!!merge":
			l.fail(key, p, words.M(words.FileMergeKey))
			continue
		case k.Kind != yaml.ScalarNode || k.Tag != "!!str" && !quoted(k):
			l.fail(key, p, words.M(words.FileKeyKind))
			continue
		case k.Style&yaml.TaggedStyle != 0:
			l.fail(key, p.child(key.text), words.M(words.FileTag, quote(k.Tag)))
		}
		at := p.child(key.text)
		if line, dup := first[key.text]; dup {
			l.fail(key, at, words.M(words.FileDuplicateKey, line))
			continue
		}
		first[key.text] = key.line
		n.pairs = append(n.pairs, pair{key, l.plant(content[i+1], at, depth+1)})
	}
}

func (l *planter) fail(n *node, p *path, m words.Message) {
	l.report.add(Problem{Pos: Pos{Line: n.line, Column: n.column}, Path: p.String(), Message: m})
}
