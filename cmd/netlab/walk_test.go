package main

import (
	"io/fs"
	"path"
	"strings"
)

// walk calls fn for every file below root whose name matches, leaving out dot
// directories and what is built.
func walk(root fs.FS, pattern string, fn func(name, text string)) error {
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || base == "bin" || base == "netlab-runs" || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if ok, _ := path.Match(pattern, base); !ok {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err == nil {
			fn(name, string(text))
		}
		return err
	})
}
