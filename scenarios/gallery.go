package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// gallery holds the scenarios that come with netlab.
//
//go:embed *.yaml
var gallery embed.FS

// extension is that of scenario files.
const extension = ".yaml"

// Gallery lists the names of the scenarios that come with netlab, sorted.
func Gallery() []string {
	files, err := fs.Glob(gallery, "*"+extension)
	if err != nil {
		return nil // the pattern is right
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f, extension)
	}
	return names
}

// Load returns the file of a scenario of the gallery. The error for a name
// that is not in it is an [fs.ErrNotExist].
func Load(name string) ([]byte, error) {
	if !isFile(name) || strings.Contains(name, "/") {
		return nil, fmt.Errorf("load scenario %s: %w", quote(name), fs.ErrNotExist)
	}
	data, err := gallery.ReadFile(name + extension)
	if err != nil {
		return nil, fmt.Errorf("load scenario %s: %w", quote(name), err)
	}
	return data, nil
}
