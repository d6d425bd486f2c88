package lab_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What the caller of the command has left open is not handed on to programs:
// by a directory's descriptor they could write to the host's files.
func TestNothingIsInherited(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0) // without O_CLOEXEC
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	_, step, _, _ := upPrograms(t, "")
	if got := step(sh("for d in /proc/self/fd/*; do (cd $d && touch it) 2>/dev/null; done; true")); got.Error != "" {
		t.Fatal(got.Error, got.Content)
	}
	if _, err := os.Stat(filepath.Join(dir, "it")); err == nil {
		t.Error("a program has written to the host by an inherited descriptor")
	}
}
