package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// gallery holds the scenarios that come with netlab: single ones, and sets of
// them, which are directories.
//
//go:embed *.yaml rfc9293/*.yaml rfc9293-long/*.yaml
var gallery embed.FS

// extension is that of scenario files.
const extension = ".yaml"

// Gallery lists the names of the scenarios that come with netlab: sorted, first
// those that stand alone, then those of the sets, each behind the name of its
// set: rfc9293/listen-to-closed. What follows the slash is the name that the
// scenario itself bears.
func Gallery() []string {
	names := Set(".")
	for _, set := range Sets() {
		names = append(names, Set(set)...)
	}
	return names
}

// Sets lists the sets of scenarios in the gallery, sorted.
func Sets() []string {
	var sets []string
	entries, _ := fs.ReadDir(gallery, ".") // cannot fail: it is part of the program
	for _, e := range entries {
		if e.IsDir() {
			sets = append(sets, e.Name())
		}
	}
	return sets
}

// Set lists the names of the scenarios of a set, sorted; those that stand
// alone for ".". There are none if there is no such set. A slash may follow its
// name.
func Set(name string) []string {
	set := strings.TrimSuffix(name, "/") + "/"
	switch {
	case name == ".":
		set = ""
	case !slices.Contains(Sets(), set[:len(set)-1]):
		return nil
	}
	var names []string
	files, _ := fs.Glob(gallery, set+"*"+extension) // the pattern is right
	for _, f := range files {
		if f != courseFile {
			names = append(names, strings.TrimSuffix(f, extension))
		}
	}
	slices.Sort(names) // "a.yaml" comes after "a-b.yaml"
	return names
}

// Load returns the file of a scenario of the gallery. The error for a name
// that is not in it is an [fs.ErrNotExist].
func Load(name string) ([]byte, error) {
	if !isFile(name) || name+extension == courseFile {
		return nil, fmt.Errorf("load scenario %s: %w", quote(name), fs.ErrNotExist)
	}
	data, err := gallery.ReadFile(name + extension)
	if err != nil {
		return nil, fmt.Errorf("load scenario %s: %w", quote(name), err)
	}
	return data, nil
}
