package run

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A scenario reaches directories below its own, and nothing else.
func TestOpenBelow(t *testing.T) {
	outside, base := t.TempDir(), t.TempDir()
	at := func(name string) string { return filepath.Join(base, name) }
	for _, err := range []error{
		os.MkdirAll(at("pub/deep"), 0o755),
		os.WriteFile(at("file"), nil, 0o644),
		os.Symlink("pub", at("link")),
		os.Symlink(outside, at("escape")),
		os.Symlink("../"+filepath.Base(outside), at("up")),
		os.Symlink("nowhere", at("dangling")),
		os.Symlink("circle", at("circle")),
		unix.Mkfifo(at("pipe"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, want string }{
		{"pub", ""}, {"pub/deep", ""}, {".", ""}, {"link/deep", ""}, {"pub/../pub", ""}, {"pub/", ""},
		{"..", "path escapes from parent"},
		{"../" + filepath.Base(outside), "path escapes from parent"},
		{"pub/../..", "path escapes from parent"},
		{"escape", "path escapes from parent"},
		{"up", "path escapes from parent"},
		{"/", "path escapes from parent"},
		{outside, "path escapes from parent"},
		{"none", "no such file or directory"},
		{"dangling", "no such file or directory"},
		{"circle", "too many levels of symbolic links"},
		{"file", "it is no directory"},
		{"file/deep", "it is no directory"},
		{"pipe", "it is no directory"}, // without waiting for a writer
	}
	for _, tt := range tests {
		f, err := openBelow(base, tt.name)
		if got := text(err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if err != nil {
			continue
		}
		if _, err := f.ReadDir(-1); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		f.Close()
	}
	if _, err := openBelow(at("gone"), "pub"); err == nil {
		t.Error("a scenario's directory that is not there was opened")
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
