package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"netlab/lab/check"
	"netlab/lab/check/checktest"
	"netlab/scenarios"
	"netlab/scenarios/words"

	"github.com/google/go-cmp/cmp"
)

// takeOf makes a take of a run.
func takeOf(run Run, elapsed time.Duration) Take {
	run.Elapsed = elapsed
	return Take{Run: run, Outcome: run.Judgement.Outcome}
}

// makeSuite makes a suite with an entry of every kind.
func makeSuite() *Suite {
	entry := func(name string, takes ...Take) Entry {
		e := Entry{Name: name, File: "dir/" + name + ".yaml", Scenario: checktest.FTPScenario(), Variant: "base", Takes: takes}
		for _, t := range takes {
			e.Elapsed += t.Elapsed
		}
		return e
	}
	root := checktest.Options{Root: true}
	pass, fail := makeRun(root, four), makeRun(root, three)
	open := makeRun(checktest.Options{}, four)
	broken := Take{Outcome: check.Error, Problem: "limits.run: the run exceeded 60s\n  fix: raise limits.run in the scenario"}
	broken.RunDir, broken.Elapsed = "netlab-runs/broken-20260801T150421-1", time.Minute
	retried := takeOf(pass, 50*time.Millisecond)
	retried.Attempts = []Attempt{{Outcome: check.Inconclusive, Why: "control.first_fin: 3 records were lost", RunDir: "netlab-runs/again-20260801T150421-1", Elapsed: time.Second}}
	silent := makeRun(root, four)
	silent.Judgement = &check.Judgement{Outcome: check.Pass}
	problem := words.M(words.CheckNotDrained)
	cut := makeRun(root, four)
	cut.Judgement = &check.Judgement{Outcome: check.Inconclusive, Problem: &problem}
	s := &Suite{
		Entries: []Entry{
			entry("ftp-close", takeOf(pass, 41*time.Millisecond)),
			entry("ftp-close/default_acks", takeOf(fail, 52*time.Millisecond)),
			entry("user", takeOf(open, 39*time.Millisecond)),
			entry("broken", broken),
			entry("again", retried),
			entry("many", takeOf(pass, 30*time.Millisecond), takeOf(fail, 31*time.Millisecond), takeOf(pass, 32*time.Millisecond)),
			entry("silent", takeOf(silent, 20*time.Millisecond)),
			entry("cut", takeOf(cut, 20*time.Millisecond)),
			entry("later"),
		},
		AtATime: 2, Elapsed: 61 * time.Second, Exit: 130, Runs: "netlab-runs/", Interrupted: true,
	}
	s.Entries[1].Variant = "default_acks"
	s.Entries[6].Exclusive = true
	return s
}

func TestTextOfSuite(t *testing.T) {
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		var b bytes.Buffer
		if err := TextSuite(&b, makeSuite(), Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		golden(t, "suite_"+string(lang)+".txt", b.Bytes())
	}
}

func TestTextOfSmallSuites(t *testing.T) {
	full := makeSuite()
	for _, c := range []struct {
		name string
		edit func(*Suite)
		want string
	}{
		{"all pass", func(s *Suite) { s.Entries = slices.Clone(s.Entries[:1]); s.Exit = 0 },
			"  ok  ftp-close              8 of 8                                       41 ms\n\nPASS  1 of 1 scenarios.\nrun directories  netlab-runs/    2 at a time    61.0 s    exit 0\n"},
		{"empty", func(s *Suite) { s.Entries, s.Exit, s.Shard, s.Runs, s.AtATime = nil, 0, "3/3", "", 1 },
			"\nno scenario is in shard 3/3.\nshard 3/3    61.0 s    exit 0\n"},
		{"a warning is not enough", func(s *Suite) { s.Entries = slices.Clone(s.Entries[7:8]); s.Exit, s.Warn, s.Runs = 3, true, "" },
			"  ??  cut                    no verdict                                   20 ms\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := *full
			c.edit(&s)
			var b bytes.Buffer
			if err := TextSuite(&b, &s, Options{}); err != nil {
				t.Fatal(err)
			}
			if c.name == "a warning is not enough" {
				if !strings.HasPrefix(b.String(), c.want) || !strings.Contains(b.String(), "a warning is not enough (exit 3)") {
					t.Errorf("%s", &b)
				}
				return
			}
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONOfSuite(t *testing.T) {
	var b bytes.Buffer
	if err := JSONSuite(&b, makeSuite()); err != nil {
		t.Fatal(err)
	}
	golden(t, "suite.json", b.Bytes())
}

func TestJUnit(t *testing.T) {
	for _, warn := range []bool{false, true} {
		s := makeSuite()
		s.Warn = warn
		var b bytes.Buffer
		if err := JUnit(&b, s); err != nil {
			t.Fatal(err)
		}
		wantJUnit(t, b.Bytes())
		name := "suite_fail.xml"
		if warn {
			name = "suite_warn.xml"
		}
		golden(t, name, b.Bytes())
	}
}

// Names, classes and results are the same whatever ports and times a run has;
// time is said in the attribute of that name alone.
func TestJUnitIsStable(t *testing.T) {
	write := func(elapsed time.Duration) string {
		s := makeSuite()
		s.Elapsed = elapsed
		for i := range s.Entries {
			s.Entries[i].Elapsed = elapsed
		}
		var b bytes.Buffer
		if err := JUnit(&b, s); err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(` time="[0-9.]+"`).ReplaceAllString(b.String(), "")
	}
	if diff := cmp.Diff(write(time.Second), write(time.Hour)); diff != "" {
		t.Errorf("time is said elsewhere:\n%s", diff)
	}
}

// Whatever a name, a problem or a verdict holds, the report is XML, and bears
// nothing that acts on a terminal.
func TestJUnitOfHostileText(t *testing.T) {
	hostile := "a\x00b\x1b[2J<x>&\"' ]]> \ufffe\uffff\xff\u202e\r\n\u2028</testcase>"
	s := makeSuite()
	s.Entries = s.Entries[:4]
	for i := range s.Entries {
		e := &s.Entries[i]
		e.Name, e.File, e.Variant = hostile+fmt.Sprint(i), hostile, hostile
		e.Scenario = &scenarios.Scenario{Name: hostile, Title: scenarios.Text{EN: hostile}}
		for k := range e.Takes {
			take := &e.Takes[k]
			take.RunDir, take.Problem = hostile, hostile
			take.Attempts = []Attempt{{Outcome: check.Error, Why: hostile, RunDir: hostile}}
			if take.Judgement == nil {
				continue
			}
			reason := words.M(words.Verbatim, hostile)
			for n := range take.Judgement.Verdicts {
				v := &take.Judgement.Verdicts[n]
				v.Name, v.Want, v.Got, v.Reason, v.Remedy, v.At.File = hostile, hostile, hostile, &reason, &reason, hostile
				v.Outcome = []check.Outcome{check.Fail, check.Inconclusive, check.Error}[n%3]
			}
		}
	}
	var b bytes.Buffer
	if err := JUnit(&b, s); err != nil {
		t.Fatal(err)
	}
	wantJUnit(t, b.Bytes())
	b.Reset()
	if err := TextSuite(&b, s, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if r != '\n' && harmful(r) {
			t.Errorf("the text has %q", r)
		}
	}
}

// An element of the schema: what it may bear, and hold in this order.
type element struct {
	required, optional []string // attributes
	children           []string // those in one string, with | between, at most one of them
	many               []string // of these, that may come more than once
	text               bool
}

// junitSchema is that of Jenkins' xUnit plugin (junit-10.xsd), as far as it
// goes, and stricter: what is optional there and written here is required.
func junitSchema() map[string]element {
	counts := []string{"tests", "failures", "errors", "skipped", "time", "name"}
	result := element{required: []string{"message", "type"}, text: true}
	return map[string]element{
		"testsuites": {required: counts, children: []string{"testsuite"}, many: []string{"testsuite"}},
		"testsuite":  {required: counts, children: []string{"properties", "testcase", "system-out", "system-err"}, many: []string{"testcase"}},
		"properties": {children: []string{"property"}, many: []string{"property"}},
		"property":   {required: []string{"name", "value"}},
		"testcase":   {required: []string{"name", "classname", "time"}, children: []string{"skipped|error|failure", "system-out", "system-err"}},
		"skipped":    result, "error": result, "failure": result,
		"system-out": {text: true}, "system-err": {text: true},
	}
}

// An xmlNode is an element as it was read.
type xmlNode struct {
	name     string
	attr     map[string]string
	text     string
	children []*xmlNode
}

// readXML reads strictly: one root, nothing undeclared, only characters that
// XML has.
func readXML(t *testing.T, text []byte) *xmlNode {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = true
	top := &xmlNode{}
	open := []*xmlNode{top}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no XML: %v\n%s", err, text)
		}
		at := open[len(open)-1]
		switch x := token.(type) {
		case xml.StartElement:
			n := &xmlNode{name: x.Name.Local, attr: map[string]string{}}
			for _, a := range x.Attr {
				if _, twice := n.attr[a.Name.Local]; twice {
					t.Errorf("%s has %s twice", n.name, a.Name.Local)
				}
				n.attr[a.Name.Local] = a.Value
			}
			at.children = append(at.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			at.text += string(x)
		}
	}
	if len(top.children) != 1 {
		t.Fatalf("%d roots", len(top.children))
	}
	return top.children[0]
}

// wantJUnit checks a report against the schema, and that its counts are right
// and its names unique.
func wantJUnit(t *testing.T, text []byte) {
	t.Helper()
	if !bytes.HasPrefix(text, []byte(xml.Header)) {
		t.Error("no XML declaration")
	}
	root := readXML(t, text)
	if root.name != "testsuites" {
		t.Fatalf("root %s", root.name)
	}
	wantElement(t, root)
	sums, names := map[string]int{}, map[string]bool{}
	for _, s := range root.children {
		if names[s.attr["name"]] {
			t.Errorf("two test suites %q", s.attr["name"])
		}
		names[s.attr["name"]] = true
		for k, v := range wantSuite(t, s) {
			sums[k] += v
		}
	}
	wantCounts(t, root, sums)
}

func wantSuite(t *testing.T, s *xmlNode) map[string]int {
	t.Helper()
	sums, names := map[string]int{}, map[string]bool{}
	for _, c := range s.children {
		if c.name != "testcase" {
			continue
		}
		if names[c.attr["name"]] {
			t.Errorf("two cases %q in %q", c.attr["name"], s.attr["name"])
		}
		names[c.attr["name"]] = true
		sums["tests"]++
		for _, result := range c.children {
			sums[map[string]string{"failure": "failures", "error": "errors", "skipped": "skipped"}[result.name]]++
		}
	}
	if sums["tests"] == 0 {
		t.Errorf("suite %q has no case", s.attr["name"])
	}
	wantCounts(t, s, sums)
	return sums
}

func wantCounts(t *testing.T, n *xmlNode, sums map[string]int) {
	t.Helper()
	for _, k := range []string{"tests", "failures", "errors", "skipped"} {
		if got := n.attr[k]; got != strconv.Itoa(sums[k]) {
			t.Errorf("%s %q: %s=%s, want %d", n.name, n.attr["name"], k, got, sums[k])
		}
	}
}

// wantElement checks an element and what is in it.
func wantElement(t *testing.T, n *xmlNode) {
	t.Helper()
	e, ok := junitSchema()[n.name]
	if !ok {
		t.Fatalf("the schema has no element %s", n.name)
	}
	for _, a := range e.required {
		if _, ok := n.attr[a]; !ok {
			t.Errorf("%s without %s", n.name, a)
		}
	}
	for a, value := range n.attr {
		if !slices.Contains(e.required, a) && !slices.Contains(e.optional, a) {
			t.Errorf("%s with %s", n.name, a)
		}
		if strings.ContainsFunc(value, harmful) {
			t.Errorf("%s of %s is %q", a, n.name, value)
		}
		if a == "time" && !regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`).MatchString(value) {
			t.Errorf("time %q of %s", value, n.name)
		}
	}
	if !e.text && strings.TrimSpace(n.text) != "" {
		t.Errorf("%s holds text %q", n.name, n.text)
	}
	if strings.ContainsFunc(strings.ReplaceAll(n.text, "\n", ""), harmful) {
		t.Errorf("%s holds %q", n.name, n.text)
	}
	place := 0
	for i, c := range n.children {
		for place < len(e.children) && !slices.Contains(strings.Split(e.children[place], "|"), c.name) {
			place++
		}
		if place == len(e.children) {
			t.Errorf("%s in %s, or not in its place", c.name, n.name)
			break
		}
		if i > 0 && !slices.Contains(e.many, c.name) && slices.Contains(strings.Split(e.children[place], "|"), n.children[i-1].name) {
			t.Errorf("%s holds %s after %s", n.name, c.name, n.children[i-1].name)
		}
		wantElement(t, c)
	}
}
