package scenarios

import (
	"reflect"
	"strconv"

	"netlab/scenarios/words"
)

// Version is the version of the language that this package reads.
const Version = 1

// Parse reads a scenario file. name is how errors call the file. The error,
// if any, is an [*Errors] with everything that is wrong, the variants
// included, and the scenario is then nil.
//
// Parse looks at nothing but data: whether a directory that a server is to
// serve exists, and lies within the scenario's own, is for the run to see.
func Parse(name string, data []byte) (*Scenario, error) {
	r := &report{file: name}
	s := parse(r, data)
	if err := r.err(); err != nil {
		return nil, err
	}
	return s, nil
}

func parse(r *report, data []byte) *Scenario {
	root := load(data, r)
	if root == nil || !knownVersion(root, r) {
		return nil
	}
	markPatches(root)
	d := newDecoder(r, shapes{}, "")
	s := d.scenario(root)
	d.parsePatched(root, s)
	return s
}

// scenario fills a scenario from its tree and checks it.
func (d *decoder) scenario(root *node) *Scenario {
	s := &Scenario{}
	d.value(reflect.ValueOf(s).Elem(), root, nil, nil)
	if root.kind == mapping {
		d.check(s)
	}
	return s
}

// knownVersion reports a file that is of another version of the language;
// nothing else can be said of it then.
func knownVersion(root *node, r *report) bool {
	n := root.get("netlab")
	if n == nil || n.kind != scalar || !isNumber(n.text) {
		return true // reported with the rest
	}
	v, err := strconv.ParseInt(n.text, 10, 64)
	if err == nil && v == Version {
		return true
	}
	id := words.FileNewer
	if err == nil && v < Version {
		id = words.FileNoVersion
	}
	r.add(Problem{
		Pos: Pos{Line: n.line, Column: n.column}, Path: "netlab",
		Message: words.M(id, short(n.text), Version), Allowed: []string{strconv.Itoa(Version)},
	})
	return false
}
