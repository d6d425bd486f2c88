package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"netlab/lab/check"
)

// The elements of a JUnit report, as the schema of Jenkins' xUnit plugin has
// them (junit-10.xsd).
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []junitSuite `xml:"testsuite"`
	}
	junitCounts struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Properties *junitProperties `xml:"properties"`
		Cases      []junitCase      `xml:"testcase"`
		Out        *junitText       `xml:"system-out"`
	}
	junitProperties struct {
		List []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string       `xml:"name,attr"`
		Class   string       `xml:"classname,attr"`
		Time    string       `xml:"time,attr"`
		Skipped *junitResult `xml:"skipped"`
		Error   *junitResult `xml:"error"`
		Failure *junitResult `xml:"failure"`
	}
	junitResult struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
	junitText struct {
		Text string `xml:",cdata"`
	}
)

// JUnit writes a suite as JUnit XML: a testsuite for each entry, a testcase
// for each expectation. What failed is a failure; what broke is an error; what
// is inconclusive is skipped where that is only warned of, else an error.
// Names are the same in every run. Expectations take no time of their own:
// each is given an equal part of its entry's.
func JUnit(w io.Writer, s *Suite) error {
	doc := junitSuites{Name: "netlab", junitCounts: junitCounts{Time: seconds(s.Elapsed)}}
	for i := range s.Entries {
		one := junitOf(&s.Entries[i], s)
		doc.Tests += one.Tests
		doc.Failures += one.Failures
		doc.Errors += one.Errors
		doc.Skipped += one.Skipped
		doc.Suites = append(doc.Suites, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return nil
}

// inXML makes a clean text one that XML can hold: its few characters that XML
// has no place for (XML 1.0, section 2.2) are written as escapes.
func inXML(s string) string {
	return strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(strings.ToValidUTF8(s, "\ufffd"))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func junitOf(e *Entry, s *Suite) junitSuite {
	name := inXML(clean(e.Name))
	one := junitSuite{Name: name, junitCounts: junitCounts{Time: seconds(e.Elapsed)}}
	properties := []junitProperty{{"scenario", inXML(clean(e.Scenario.Name))}, {"variant", inXML(clean(e.Variant))}}
	if e.File != "" {
		properties = append(properties, junitProperty{"file", inXML(clean(e.File))})
	}
	if n := len(e.Takes); n > 1 {
		properties = append(properties, junitProperty{"runs", fmt.Sprint(n)})
	}
	if n := e.Retries(); n > 0 {
		properties = append(properties, junitProperty{"retries", fmt.Sprint(n)})
		one.Out = &junitText{inXML(retriesText(e))}
	}
	one.Properties = &junitProperties{properties}
	cases := e.Cases()
	for _, c := range cases {
		x := junitCase{Name: inXML(c.Name), Class: "netlab." + strings.ReplaceAll(name, "/", "."), Time: seconds(e.Elapsed / time.Duration(len(cases)))}
		result := &junitResult{Message: inXML(c.Message), Type: string(c.Outcome), Text: inXML(strings.Join(c.Detail, "\n"))}
		one.Tests++
		switch {
		case c.Outcome == check.Pass:
		case c.Outcome == check.Fail:
			x.Failure = result
			one.Failures++
		case c.Outcome == check.Inconclusive && s.Warn:
			x.Skipped = result
			one.Skipped++
		default:
			x.Error = result
			one.Errors++
		}
		one.Cases = append(one.Cases, x)
	}
	return one
}

// retriesText says what was taken again, and why.
func retriesText(e *Entry) string {
	var lines []string
	for i := range e.Takes {
		for k, a := range e.Takes[i].Attempts {
			line := fmt.Sprintf("run %d, attempt %d: %s", i+1, k+1, a.Outcome)
			if a.Why != "" {
				line += ": " + clean(a.Why)
			}
			if a.RunDir != "" {
				line += " (" + clean(a.RunDir) + ")"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
