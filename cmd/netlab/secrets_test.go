package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"netlab/lab/netns/netnstest"
	"netlab/lab/run"
)

// The secrets that are kept open the capture to whoever has the run directory;
// --no-secrets keeps it closed. Keys of certificates are never kept.
func TestSecrets(t *testing.T) {
	requireLab(t)
	for _, kept := range []bool{true, false} {
		s := newSandbox(t)
		args := []string{"run", "https-close"}
		if !kept {
			args = append(args, "--no-secrets")
		}
		// Whether all can be judged here is not what this is about.
		if out, err := s.command("netlab", args...).CombinedOutput(); err != nil && exitCodeOf(t, err) != exitInconclusive {
			t.Fatalf("%v\n%s", err, out)
		}
		dirs := s.runs(t)
		if len(dirs) != 1 {
			t.Fatalf("%d run directories", len(dirs))
		}
		secrets := filepath.Join(dirs[0], run.SecretsFile)
		text, err := os.ReadFile(secrets)
		if kept != (err == nil) || kept && !bytes.Contains(text, []byte("SERVER_TRAFFIC_SECRET_0 ")) {
			t.Errorf("kept %v: %v, %d bytes", kept, err, len(text))
		}
		wantNoKeys(t, dirs[0])
		if kept {
			readWithSecrets(t, filepath.Join(dirs[0], run.CaptureFile), secrets)
		}
	}
}

// wantNoKeys checks that there is a certificate and no private key.
func wantNoKeys(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("PRIVATE KEY")) {
			t.Errorf("%s has a private key", filepath.Base(path))
		}
		if filepath.Base(path) == run.AuthorityFile && !bytes.HasPrefix(text, []byte("-----BEGIN CERTIFICATE-----")) {
			t.Errorf("%s: %.40q", run.AuthorityFile, text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// readWithSecrets has Wireshark read the capture, without and with them.
func readWithSecrets(t *testing.T, capture, secrets string) {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	netnstest.Require(t, "programs", err)
	for keys, want := range map[string]int{"": 0, secrets: 1} {
		// Wireshark can also write that it is no good to be root.
		out, err := exec.Command(tshark, "-r", capture, "-o", "tls.keylog_file:"+keys,
			"-Y", "http.request", "-T", "fields", "-e", "http.host", "-E", "occurrence=f").Output()
		if err != nil {
			t.Fatal(err)
		}
		// Both ends are captured: the same request is seen twice.
		if got := strings.Count(string(out), "www.lab.test\n"); got < want || got > 2*want {
			t.Errorf("with secrets %v: %q", keys != "", out)
		}
	}
}
