package ftp

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"sync"
	"syscall"

	"netlab/lab/workload"

	ftpserver "github.com/fclairamb/ftpserverlib"
	"github.com/spf13/afero"
)

// files is what all clients of a server see. Beyond afero.Fs it has generated
// files, which stand in the file system as empty ones, and keeps directories
// and files apart, as the commands do.
type files struct {
	afero.Fs
	root *os.Root // nil if nothing real is served

	mu        sync.Mutex
	generated map[string]int64 // size by clean path
}

// newFiles builds the files of a server.
func newFiles(spec ServerSpec) (*files, error) {
	f := &files{Fs: afero.NewMemMapFs(), generated: map[string]int64{}}
	for name, file := range spec.Files {
		name = path.Clean("/" + name)
		if err := afero.WriteFile(f.Fs, name, []byte(file.Content), 0o644); err != nil {
			return nil, fmt.Errorf("file %s: %w", name, err)
		}
		if file.Size > 0 {
			f.generated[name] = file.Size
		}
	}
	if spec.Dir == "" {
		return f, nil
	}
	root, err := os.OpenRoot(spec.Dir)
	if err != nil {
		return nil, fmt.Errorf("serve directory: %w", err)
	}
	f.root = root
	f.Fs = afero.NewCopyOnWriteFs(rootFs{root}, f.Fs)
	if spec.DirMode != CopyOnWrite {
		f.Fs = afero.NewReadOnlyFs(f.Fs)
	}
	return f, nil
}

// close gives up the served directory.
func (f *files) close() error {
	if f.root == nil {
		return nil
	}
	return f.root.Close()
}

// sized is the information on a generated file.
type sized struct {
	os.FileInfo
	size int64
}

// Size returns the generated size.
func (s sized) Size() int64 { return s.size }

// see adds the size of a generated file to what the file system says of it.
func (f *files) see(name string, info os.FileInfo) os.FileInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size, ok := f.generated[path.Clean(name)]; ok {
		return sized{info, size}
	}
	return info
}

// Stat describes a file.
func (f *files) Stat(name string) (os.FileInfo, error) {
	info, err := f.Fs.Stat(name)
	if err != nil {
		return nil, err
	}
	return f.see(name, info), nil
}

// ReadDir lists a directory; it is an extension that the library looks for.
func (f *files) ReadDir(name string) ([]os.FileInfo, error) {
	infos, err := afero.ReadDir(f.Fs, name)
	for i, info := range infos {
		infos[i] = f.see(path.Join(name, info.Name()), info)
	}
	return infos, err
}

// open opens a file for a transfer.
func (f *files) open(name string, flags int) (ftpserver.FileTransfer, error) {
	info, err := f.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case flags&os.O_CREATE != 0:
		// MemMapFs would make the missing directories.
		dir, err := f.Stat(path.Dir(name))
		if err != nil {
			return nil, err
		}
		if !dir.IsDir() {
			return nil, &os.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
		}
	}
	if flags&(os.O_WRONLY|os.O_RDWR) == 0 {
		if s, ok := info.(sized); ok {
			return generatedFile{workload.Generated(s.size)}, nil
		}
	}
	file, err := f.OpenFile(name, flags, 0o644)
	if err != nil {
		return nil, err // not file: a nil file in an interface is not nil
	}
	if flags&(os.O_WRONLY|os.O_RDWR) != 0 {
		f.forget(name)
	}
	return file, nil
}

// forget makes a generated file an ordinary one.
func (f *files) forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.generated, path.Clean(name))
}

// Remove removes a file, not a directory: it is DELE.
func (f *files) Remove(name string) error {
	info, err := f.Fs.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return &os.PathError{Op: "remove", Path: name, Err: syscall.EISDIR}
	}
	if err := f.Fs.Remove(name); err != nil {
		return err
	}
	f.forget(name)
	return nil
}

// RemoveDir removes an empty directory; it is RMD, and an extension that the
// library looks for.
func (f *files) RemoveDir(name string) error {
	info, err := f.Fs.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &os.PathError{Op: "remove", Path: name, Err: syscall.ENOTDIR}
	}
	infos, err := afero.ReadDir(f.Fs, name)
	if err != nil {
		return err
	}
	if len(infos) > 0 {
		return &os.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	return f.Fs.Remove(name)
}

// Mkdir makes a directory; MemMapFs would make its parents, too.
func (f *files) Mkdir(name string, mode os.FileMode) error {
	if _, err := f.Fs.Stat(path.Dir(name)); err != nil {
		return err
	}
	if _, err := f.Fs.Stat(name); err == nil {
		return &os.PathError{Op: "mkdir", Path: name, Err: syscall.EEXIST}
	}
	return f.Fs.Mkdir(name, mode)
}

// Rename renames a file or a directory, with the generated files in it.
func (f *files) Rename(from, to string) error {
	if err := f.Fs.Rename(from, to); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	from, to = path.Clean(from), path.Clean(to)
	delete(f.generated, to)
	for name, size := range maps.Clone(f.generated) {
		if name == from || len(name) > len(from) && name[:len(from)] == from && name[len(from)] == '/' {
			delete(f.generated, name)
			f.generated[to+name[len(from):]] = size
		}
	}
	return nil
}

// A generatedFile is a generated file as the library wants one.
type generatedFile struct{ io.ReadSeeker }

// Write is refused: such files are opened for reading only.
func (generatedFile) Write([]byte) (int, error) { return 0, os.ErrPermission }

// Close has nothing to give up.
func (generatedFile) Close() error { return nil }
