package bpf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"netlab/lab/netns/netnstest"
)

// compiler is the one that the committed object was made with: another makes
// another, as good but not the same to the byte.
const compiler = "clang version 14."

func haveCompiler() error {
	out, err := exec.Command("clang", "--version").Output()
	if err != nil {
		return err
	}
	if !bytes.Contains(out, []byte(compiler)) {
		line, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("have %s, want %s", line, compiler)
	}
	if _, err = exec.LookPath("llvm-strip"); err != nil {
		return err
	}
	// An ordinary user may lack the module cache that builds the tool.
	if out, err := exec.Command("go", "tool", "-n", "bpf2go").CombinedOutput(); err != nil {
		return fmt.Errorf("go tool bpf2go: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func TestObjectsAreOfThisSource(t *testing.T) {
	netnstest.Require(t, "clang", haveCompiler())
	args, err := generateLine("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// go tool bpf2go, then where to, then the rest as go generate has it.
	args = append([]string{"tool", "bpf2go", "-output-dir", dir}, args[3:]...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for _, name := range []string{"tcp_bpfel.o", "tcp_bpfel.go"} {
		fresh, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fresh, committed) {
			t.Errorf("%s is not of this source (%d bytes, a fresh one has %d): run go generate ./probes/bpf", name, len(committed), len(fresh))
		}
	}
}

// generateLine returns the words of the go:generate line of a file.
func generateLine(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "//go:generate go tool bpf2go "); ok {
			return append([]string{"go", "tool", "bpf2go"}, strings.Fields(rest)...), nil
		}
	}
	return nil, errors.New(file + " has no go:generate line for bpf2go")
}

// The object is committed: it may not carry where it was made.
func TestObjectNamesNoPlace(t *testing.T) {
	object, err := os.ReadFile("tcp_bpfel.o")
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(object, []byte(wd)) {
		t.Errorf("object contains %s", wd)
	}
}
