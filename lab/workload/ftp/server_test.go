package ftp

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlab/lab/netns/netnstest"
	"netlab/lab/workload"

	"github.com/google/go-cmp/cmp"
)

// served makes a directory with a file, a directory, and links out of it.
func served(t *testing.T) (dir string) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "served")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub"), 0o755),
		os.WriteFile(filepath.Join(dir, "real.txt"), []byte("real\n"), 0o644),
		os.WriteFile(filepath.Join(parent, "secret"), []byte("secret\n"), 0o644),
		os.Symlink("../secret", filepath.Join(dir, "link")),
		os.Symlink("/etc", filepath.Join(dir, "etc")),
		os.Symlink("real.txt", filepath.Join(dir, "inside")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestServedDirectories(t *testing.T) {
	for _, mode := range []DirMode{"", ReadOnly, CopyOnWrite} {
		t.Run(string(mode), func(t *testing.T) {
			dir := served(t)
			b := start(t, "127.0.0.1", ServerSpec{Dir: dir, DirMode: mode, Files: map[string]File{"extra": {Content: "extra\n"}}})
			s := b.connect(t, Options{})
			ctx := t.Context()
			for path, content := range map[string]string{"real.txt": "real\n", "extra": "extra\n", "inside": "real\n"} {
				if got, err := s.Retrieve(ctx, path); err != nil || got.SHA256 != sum([]byte(content)) {
					t.Errorf("retrieve %s: %+v, %v", path, got, err)
				}
			}
			for _, path := range []string{"link", "etc/passwd", "../secret", "sub/../../secret", "/../secret"} {
				if got, err := s.Retrieve(ctx, path); got.Reply != 550 || got.Bytes != 0 || err == nil {
					t.Errorf("retrieve %s: %+v, %v; want 550", path, got, err)
				}
			}
			writable := mode == CopyOnWrite
			for name, do := range map[string]func() (Result, error){
				"store":     func() (Result, error) { return s.Store(ctx, "new", text("new\n")) },
				"overwrite": func() (Result, error) { return s.Store(ctx, "real.txt", text("changed\n")) },
				"append":    func() (Result, error) { return s.Append(ctx, "inside", text("more\n")) },
				"make dir":  func() (Result, error) { return s.MakeDir(ctx, "made") },
			} {
				got, err := do()
				if writable && err != nil || !writable && got.Reply != 550 {
					t.Errorf("%s: %+v, %v", name, got, err)
				}
			}
			if writable {
				if got, err := s.Retrieve(ctx, "real.txt"); err != nil || got.SHA256 != sum([]byte("changed\n")) {
					t.Errorf("retrieve what was changed: %+v, %v", got, err)
				}
			}
			got, err := os.ReadFile(filepath.Join(dir, "real.txt"))
			if err != nil || string(got) != "real\n" {
				t.Errorf("the real file is %q now, %v", got, err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 5 {
				t.Errorf("the real directory has %d entries now, %v", len(entries), err)
			}
		})
	}
}

func TestBigGeneratedFile(t *testing.T) {
	const size = 20 << 20
	b := start(t, "127.0.0.1", ServerSpec{Files: map[string]File{"big": {Size: size}}})
	s := b.connect(t, Options{})
	want, err := io.ReadAll(workload.Generated(size))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Retrieve(t.Context(), "big")
	if err != nil || got.Bytes != size || got.SHA256 != sum(want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Rename(t.Context(), "big", "huge"); err != nil {
		t.Errorf("rename: %+v, %v", got, err)
	}
	if got, err := s.Size(t.Context(), "huge"); err != nil || got.Text != "20971520" {
		t.Errorf("size after rename: %+v, %v", got, err)
	}
	if _, err := s.Store(t.Context(), "huge", text("x")); err != nil {
		t.Error(err)
	}
	if got, err := s.Size(t.Context(), "huge"); err != nil || got.Text != "1" {
		t.Errorf("size after store: %+v, %v", got, err)
	}
}

func TestActiveModesOfTheServer(t *testing.T) {
	b := start(t, "127.0.0.1", ServerSpec{Active: ActiveOff, Files: map[string]File{"f": {Content: "x"}}})
	s := b.connect(t, Options{Mode: Active})
	if got, err := s.Retrieve(t.Context(), "f"); got.Reply != 421 || err == nil {
		t.Errorf("active mode off: %+v, %v; want 421", got, err)
	}

	probe, err := net.Listen("tcp", "127.0.0.1:20")
	netnstest.Require(t, "root", err)
	probe.Close()
	b = start(t, "127.0.0.1", ServerSpec{Active: ActivePort20, Files: map[string]File{"f": {Content: "x"}}})
	s = b.connect(t, Options{Mode: ExtendedActive})
	if got, err := s.Retrieve(t.Context(), "f"); err != nil || got.Bytes != 1 {
		t.Errorf("from port 20: %+v, %v", got, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Call.Workload == "ftp" && e.Call.Name == "accept" && e.Flow.Remote.Port() != 20 {
			t.Errorf("data connection came from %s, want port 20", e.Flow.Remote)
		}
	}
}

func TestUntrustedCertificates(t *testing.T) {
	for _, mode := range []TLSMode{TLSExplicit, TLSImplicit} {
		b := start(t, "127.0.0.1", ServerSpec{TLS: mode})
		for name, opts := range map[string]Options{
			"no root":    {TLS: mode},
			"wrong name": {TLS: mode, RootsPEM: b.roots, ServerName: "other.lab.test"},
		} {
			if _, _, err := Connect(t.Context(), newCaller(), b.addr, opts); err == nil || !strings.Contains(err.Error(), "x509") {
				t.Errorf("%s, %s: %v, want an error of x509", mode, name, err)
			}
		}
		s, _, err := Connect(t.Context(), newCaller(), b.addr, Options{TLS: mode, Insecure: true})
		if err != nil {
			t.Errorf("%s, insecure: %v", mode, err)
			continue
		}
		if got, err := s.Quit(t.Context(), workload.Close{Style: workload.AfterPeer}); err != nil || got.Reply != 221 {
			t.Errorf("%s, quit: %+v, %v; want 221", mode, got, err)
		}
	}
	b := start(t, "127.0.0.1", ServerSpec{})
	if _, got, err := Connect(t.Context(), newCaller(), b.addr, Options{TLS: TLSExplicit}); got.Reply != 550 || err == nil {
		t.Errorf("AUTH where there is no TLS: %+v, %v; want 550", got, err)
	}
}

func TestSpecInJSON(t *testing.T) {
	const doc = `{"port":2121,"users":{"a":"b"},"files":{"big":{"size":1000},"f":"text"},"passive_ports":"40000-40009",` +
		`"idle_timeout":"2s","peer_check":false,"close":{"after_peer":{"delay":"60ms"}},"data_close":"half_then_drain"}`
	off := false
	want := ServerSpec{
		Port: 2121, Users: map[string]string{"a": "b"}, Files: map[string]File{"big": {Size: 1000}, "f": {Content: "text"}},
		PassivePorts: PortRange{40000, 40009}, IdleTimeout: workload.Duration(2 * time.Second), PeerCheck: &off,
		Close: workload.Close{Style: workload.AfterPeer, Delay: 60 * time.Millisecond}, DataClose: workload.Close{Style: workload.HalfThenDrain},
	}
	var got ServerSpec
	if err := json.Unmarshal([]byte(doc), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	back, err := json.Marshal(got)
	if err != nil || string(back) != doc {
		t.Errorf("written again: %s, %v", back, err)
	}
	if back, err := json.Marshal(ServerSpec{}); err != nil || string(back) != "{}" {
		t.Errorf("the zero spec is written %s, %v", back, err)
	}
	for _, bad := range []string{`{"passive_ports":"9-1"}`, `{"passive_ports":"x"}`, `{"files":{"f":{"siez":1}}}`, `{"files":{"f":{"size":-1}}}`, `{"close":"later"}`} {
		if err := json.Unmarshal([]byte(bad), new(ServerSpec)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestBadSpecsAndOptions(t *testing.T) {
	bad := ServerSpec{
		Port: -1, TLS: "ssl", DirMode: "rw", Active: "on", IdleTimeout: -1, Banner: "a\rb",
		Files: map[string]File{"../f": {}}, Close: workload.Close{Style: "later"},
	}
	_, err := Start(t.Context(), bad, ServerOptions{Calls: newCaller()})
	for _, want := range []string{"port -1", `tls "ssl"`, `dir_mode "rw"`, "dir_mode needs", `active "on"`, "idle_timeout", `"../f"`, "banner", `"later"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %s", err, want)
		}
	}
	_, _, err = Connect(t.Context(), newCaller(), "127.0.0.1:1", Options{Mode: Active, Client: Library, TLS: "ssl", Timeout: -1})
	for _, want := range []string{"needs client raw", `tls "ssl"`, "timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %s", err, want)
		}
	}
	b := start(t, "127.0.0.1", ServerSpec{})
	_, err = Start(t.Context(), ServerSpec{}, ServerOptions{Calls: newCaller(), Listen: b.addr})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port that is taken: %v", err)
	}
	if _, err := Start(t.Context(), ServerSpec{Dir: filepath.Join(t.TempDir(), "none")}, ServerOptions{Calls: newCaller()}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
