package run

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Runs that begin in the same second get directories of their own.
func TestCreateIsUnique(t *testing.T) {
	parent := t.TempDir()
	var mu sync.Mutex
	seen := map[string]bool{}
	var making sync.WaitGroup
	for range 8 {
		making.Go(func() {
			for range 10 {
				d, err := Create(parent, "ftp-close", Base, noon)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[d.Path] {
					t.Errorf("%s was made twice", d.Path)
				}
				seen[d.Path] = true
				mu.Unlock()
			}
		})
	}
	making.Wait()
	if !seen[filepath.Join(parent, "ftp-close-20260301T120000-1")] || !seen[filepath.Join(parent, "ftp-close-20260301T120000-80")] {
		t.Errorf("numbers are not from 1 to 80: %v", seen)
	}
	d, err := Create(parent, "ftp-close", "eager", noon)
	if err != nil || filepath.Base(d.Path) != "ftp-close-eager-20260301T120000-1" {
		t.Errorf("a variant's directory: %v, %v", d, err)
	}
}

// What sudo says of the caller counts for root only, and only where it can be
// understood.
func TestCreateOwner(t *testing.T) {
	me, mine := os.Geteuid(), os.Getegid()
	tests := []struct {
		name, uid, gid   string
		wantUID, wantGID int
	}{
		{"none", "", "", me, mine},
		{"through sudo", "4711", "4712", 4711, 4712},
		{"without a group", "4711", "", 4711, mine},
		{"a group that is no number", "4711", "x", 4711, mine},
		{"a name", "alice", "4712", me, mine},
		{"negative", "-5", "4712", me, mine},
		{"trailing text", "4711x", "4712", me, mine},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("SUDO_UID", tt.uid)
			t.Setenv("SUDO_GID", tt.gid)
			if me != 0 {
				tt.wantUID, tt.wantGID = me, mine
			}
			there := t.TempDir()
			parent := filepath.Join(there, "new", "runs")
			d, err := Create(parent, "x", Base, noon)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Write("note", []byte("n")); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{filepath.Dir(parent), parent, d.Path, filepath.Join(d.Path, "note")} {
				owned(t, path, tt.wantUID, tt.wantGID)
			}
			owned(t, there, me, mine) // it was there before
		})
	}
}

func owned(t *testing.T, path string, uid, gid int) {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		t.Fatal(err)
	}
	if int(s.Uid) != uid || int(s.Gid) != gid {
		t.Errorf("%s belongs to %d:%d, want %d:%d", path, s.Uid, s.Gid, uid, gid)
	}
}

func TestCreateFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, parent := range []string{file, filepath.Join(file, "runs"), filepath.Join(file, "a", "b")} {
		_, err := Create(parent, "x", Base, noon)
		if want := "make run directory: " + file + " is no directory"; text(err) != want {
			t.Errorf("%s: %v, want %s", parent, err, want)
		}
	}
}

// No file of a run is ever written over.
func TestFilesAreNew(t *testing.T) {
	d, err := Create(t.TempDir(), "x", Base, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteJSON("a.json", map[string]int{"n": 1}); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a.json", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written over: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(d.Path, "a.json")); err != nil || string(got) != "{\n  \"n\": 1\n}\n" {
		t.Errorf("content %q, %v", got, err)
	}
	if err := d.WriteJSON("b.json", func() {}); text(err) != "encode b.json: json: unsupported type: func()" {
		t.Errorf("encoded: %v", err)
	}
	log, err := d.Log("client")
	if err != nil || filepath.Base(log.Name()) != "client.log" {
		t.Fatalf("log %v, %v", log, err)
	}
	log.Close()
}
