package ftp

import (
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/afero"
)

// A rootFs shows a directory and nothing outside it, read-only. os.Root
// refuses ".." and symbolic links that lead out, which afero's BasePathFs does
// not.
type rootFs struct{ root *os.Root }

var _ afero.Fs = rootFs{}

// inside turns a path of the server into one of the root.
func inside(name string) string {
	if name = strings.TrimLeft(name, "/"); name != "" {
		return name
	}
	return "."
}

func (r rootFs) Open(name string) (afero.File, error) {
	f, err := r.root.Open(inside(name))
	if err != nil {
		return nil, err // not f: a nil *os.File is not a nil afero.File
	}
	return f, nil
}

func (r rootFs) OpenFile(name string, flag int, _ os.FileMode) (afero.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, readOnly("open", name)
	}
	return r.Open(name)
}

func (r rootFs) Stat(name string) (os.FileInfo, error) { return r.root.Stat(inside(name)) }

// Name is the file system's, for logs.
func (r rootFs) Name() string { return "rootFs" }

func readOnly(op, name string) error {
	return &os.PathError{Op: op, Path: name, Err: syscall.EROFS}
}

func (r rootFs) Create(name string) (afero.File, error)    { return nil, readOnly("create", name) }
func (r rootFs) Mkdir(name string, _ os.FileMode) error    { return readOnly("mkdir", name) }
func (r rootFs) MkdirAll(name string, _ os.FileMode) error { return readOnly("mkdir", name) }
func (r rootFs) Remove(name string) error                  { return readOnly("remove", name) }
func (r rootFs) RemoveAll(name string) error               { return readOnly("remove", name) }
func (r rootFs) Rename(name, _ string) error               { return readOnly("rename", name) }
func (r rootFs) Chmod(name string, _ os.FileMode) error    { return readOnly("chmod", name) }
func (r rootFs) Chown(name string, _, _ int) error         { return readOnly("chown", name) }
func (r rootFs) Chtimes(name string, _, _ time.Time) error { return readOnly("chtimes", name) }
