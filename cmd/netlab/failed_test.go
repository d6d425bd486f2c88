package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netlab/lab/run"
	"netlab/lab/suite"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/google/go-cmp/cmp"
)

// A server that cannot start is named, with its node, the last line of its log
// and where that is.
func TestServerThatCannotStart(t *testing.T) {
	requireLab(t)
	sc, err := scenarios.Parse("clash.yaml", []byte(`netlab: 1
name: clash
nodes: {client: {}, server: {}}
links: {wire: [client, server]}
servers:
  first: {node: server, ftp: {anonymous: true}}
  second: {node: server, ftp: {anonymous: true, port: 2121}}
steps:
  - ftp.connect: {node: client, to: first, as: control}
`))
	if err != nil {
		t.Fatal(err)
	}
	// The parser refuses a file in which two servers have one port.
	sc.Servers[1].FTP.Port = sc.Servers[0].FTP.ListenPort()
	var stdout, stderr bytes.Buffer
	e := &env{stdout: &stdout, stderr: &stderr, lang: words.English, width: 80}
	out := t.TempDir()
	jobs := []suite.Job{{File: "clash.yaml", Times: 1, Config: run.Config{Scenario: sc, Variant: run.Base, Dir: out, Out: out}}}
	suite.Name(jobs)
	err = e.runJobs(context.Background(), jobs, runFlags{out: out, repeat: 1, atATime: 1, without: []string{"bpf"}})
	if code := exitCode(err); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	dirs, _ := filepath.Glob(filepath.Join(out, "*"))
	if len(dirs) != 1 {
		t.Fatalf("run directories %q", dirs)
	}
	want := `server "second" (node server): port 21 is taken by server "first": ftp server: listen tcp :21: bind: address already in use
  last line: time=... level=INFO msg=Listening... server=first address=[::]:21
  log: DIR/server.log
  run directory: DIR (exit 4)`
	got := strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(stderr.String()), "netlab: "), dirs[0], "DIR")
	if before, after, ok := strings.Cut(got, "time="); ok {
		_, after, _ = strings.Cut(after, " ")
		got = before + "time=... " + after
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if stdout.Len() > 0 {
		t.Errorf("stdout %q", &stdout)
	}
}

func TestLastLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"blank", "\n \n", ""},
		{"one", "one", "one"},
		{"several", "one\ntwo\n\n", "two"},
		{"windows", "one\r\ntwo\r\n", "two"},
		{"control characters", "one\n\x1b]0;mine\x07\x1b[2J\u202etwo", "?]0;mine??[2J?two"},
		{"not UTF-8", "one\n\xff\xfetwo", "\uFFFD\uFFFDtwo"},
		{"long", strings.Repeat("x", 500), strings.Repeat("x", 400) + "..."},
		{"long log", strings.Repeat("line\n", 100_000) + "end", "end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := lastLine(path); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if got := lastLine(filepath.Join(t.TempDir(), "nosuch")); got != "" {
		t.Errorf("%q of no file", got)
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		want words.Lang
	}{
		{"nothing said", nil, nil, words.English},
		{"locale", nil, map[string]string{"LANG": "zh_CN.UTF-8"}, words.Chinese},
		{"messages before LANG", nil, map[string]string{"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, words.English},
		{"all before messages", nil, map[string]string{"LC_ALL": "C", "LC_MESSAGES": "zh_TW"}, words.English},
		{"another locale", nil, map[string]string{"LANG": "de_DE.UTF-8"}, words.English},
		{"flag before locale", []string{"run", "--lang", "en"}, map[string]string{"LANG": "zh_CN.UTF-8"}, words.English},
		{"flag in one word", []string{"--lang=zh", "list"}, nil, words.Chinese},
		{"flag that is refused later", []string{"--lang=fr"}, map[string]string{"LANG": "zh_CN"}, words.Chinese},
		{"flag without value", []string{"--lang"}, nil, words.English},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := language(c.args, func(name string) string { return c.env[name] }); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
