package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"netlab/scenarios"
	"netlab/scenarios/words"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The commands that the README gives are targets of the Makefile.
func TestReadmeMake(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):.*## `).FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, m[1])
	}
	used := regexp.MustCompile("(?m)(?:^ *|`)make ([a-z]+)").FindAllStringSubmatch(readme(t), -1)
	if len(used) < 5 {
		t.Errorf("the README names only %d targets", len(used))
	}
	for _, m := range used {
		if !slices.Contains(targets, m[1]) {
			t.Errorf("the README says make %s; the Makefile explains %v", m[1], targets)
		}
	}
	_, first, _ := strings.Cut(readme(t), "```sh\n")
	first, _, _ = strings.Cut(first, "```")
	if first != "make run\nmake test\n" {
		t.Errorf("the README's two commands are %q", first)
	}
}

// The commands and flags that the README shows exist.
func TestReadmeCommands(t *testing.T) {
	understood := false
	root := (&env{lang: words.English}).root(&understood)
	lines := regexp.MustCompile("(?m)(?:^ {4}(?:\\$ )?|`)netlab ([^`,\n]+)").FindAllStringSubmatch(readme(t), -1)
	if len(lines) < 8 {
		t.Errorf("the README shows only %d commands", len(lines))
	}
	for _, m := range lines {
		args := strings.Fields(m[1])
		if args[0] == "help" {
			args = args[1:]
		}
		command, _, err := root.Find(args)
		if err != nil || command == root {
			t.Errorf("netlab %s: no such command (%v)", m[1], err)
			continue
		}
		for _, word := range args {
			if flag, ok := strings.CutPrefix(word, "--"); ok && command.Flag(flag) == nil {
				t.Errorf("netlab %s: no flag --%s", m[1], flag)
			}
		}
	}
}

// The exit codes of the README are those of the command, and its help says
// the same.
func TestReadmeExitCodes(t *testing.T) {
	text := strings.Join(strings.Fields(readme(t)), " ")
	help := strings.Join(strings.Fields(words.M(words.HelpNetlabLong).In(words.English)), " ")
	for _, c := range []struct {
		code int
		what string
	}{
		{exitPass, "every verdict is pass"},
		{exitFail, "a verdict failed"},
		{exitUsage, "wrong usage or a wrong scenario"},
		{exitInconclusive, "inconclusive"},
		{exitError, "an error of netlab's own"},
		{exitInterrupted, "interrupted"},
	} {
		want := fmt.Sprintf("%d %s", c.code, c.what)
		for name, text := range map[string]string{"README": text, "help": help} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
	// The first that applies of 1, 4, 3, 0.
	order := []int{exitFail, exitError, exitInconclusive, exitPass}
	for i, a := range order {
		for _, b := range order[i:] {
			if worse(a, b) != a || worse(b, a) != a {
				t.Errorf("worse(%d, %d) = %d, %d the other way round; want %d", a, b, worse(a, b), worse(b, a), a)
			}
		}
	}
}

// The scenario that the README shows runs, and passes.
func TestReadmeScenario(t *testing.T) {
	requireLab(t)
	s := newSandbox(t)
	blocks := scenarios.YAMLBlocks(readme(t))
	if len(blocks) == 0 {
		t.Fatal("the README has no scenario")
	}
	for i, block := range blocks {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("readme%d.yaml", i))
		if err := os.WriteFile(path, []byte(block), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := s.command("netlab", "run", path).CombinedOutput()
		if code := exitCodeOf(t, err); code != exitPass {
			t.Errorf("exit code %d, want %d\n%s", code, exitPass, out)
		}
	}
}

// The README's table of the course is the course's own.
func TestReadmeCourse(t *testing.T) {
	const begin, end = "<!-- the course: made by make golden -->\n", "<!-- end of the course -->\n"
	before, rest, found := strings.Cut(readme(t), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("the README has no place for the table of the course")
	}
	want := before + begin + courseTable(t) + end + after
	if want == readme(t) {
		return
	}
	if !*update {
		t.Error("the README's table is not that of scenarios/sentences.yaml: make golden writes it anew")
		return
	}
	if err := os.WriteFile("../../README.md", []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// courseTable writes the table: sentence, finding, scenario.
func courseTable(t *testing.T) string {
	t.Helper()
	course, err := scenarios.TheCourse()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| | sentence | finding | scenario |\n|---|---|---|---|\n")
	for _, topic := range course.Topics {
		fmt.Fprintf(&b, "| **%s** | **%s** / **%s** | | |\n", topic.Name, topic.Title.EN, topic.Title.ZH)
		for _, s := range topic.Sentences {
			sc, err := (&env{}).load(s.Scenario)
			if err != nil {
				t.Fatal(err)
			}
			all := "`" + strings.Join(append([]string{s.Scenario}, s.See...), "`, `") + "`"
			fmt.Fprintf(&b, "| %s | %s<br>%s | %s | %s |\n", s.Name, s.Text.EN, s.Text.ZH, sc.Finding, all)
		}
	}
	return b.String()
}
