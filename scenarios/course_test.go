package scenarios

import (
	"slices"
	"strings"
	"testing"

	"netlab/scenarios/words"
)

// Every scenario that stands alone belongs to one topic, and what the course
// names is there.
func TestCourse(t *testing.T) {
	course, err := TheCourse()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, topic := range course.Topics {
		if topic.Title.EN == "" || topic.Title.ZH == "" {
			t.Errorf("topic %s: it needs a title in both languages", topic.Name)
		}
		if slices.Contains(Set("."), topic.Name) || slices.Contains(Sets(), topic.Name) {
			t.Errorf("topic %s: a scenario or set bears its name", topic.Name)
		}
		for _, name := range topic.Scenarios {
			if other, ok := listed[name]; ok {
				t.Errorf("topic %s: %s is in %s, too", topic.Name, name, other)
			}
			listed[name] = topic.Name
		}
		for _, s := range topic.Sentences {
			checkSentence(t, s, topic)
		}
	}
	for _, name := range Set(".") {
		if listed[name] == "" {
			t.Errorf("%s belongs to no topic", name)
		}
	}
	for name, topic := range listed {
		if !slices.Contains(Gallery(), name) {
			t.Errorf("topic %s: there is no scenario %s", topic, name)
		}
	}
}

// checkSentence sees to it that a sentence has been put to the test.
func checkSentence(t *testing.T, s Sentence, topic Topic) {
	t.Helper()
	if s.Text.EN == "" || s.Text.ZH == "" {
		t.Errorf("%s: it needs its text in both languages", s.Name)
	}
	for _, name := range append([]string{s.Scenario}, s.See...) {
		if _, err := Load(name); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	if !slices.Contains(topic.Scenarios, s.Scenario) {
		t.Errorf("%s: %s is not in topic %s", s.Name, s.Scenario, topic.Name)
	}
	data, err := Load(s.Scenario)
	if err != nil {
		return // said
	}
	sc, err := Parse(s.Scenario+".yaml", data)
	if err != nil {
		t.Errorf("%s: %v", s.Name, err)
		return
	}
	if sc.Finding == NoFinding {
		t.Errorf("%s: %s has no finding", s.Name, s.Scenario)
	}
}

// Every scenario of the course says what it tests and what was found, in both
// languages, and has a mutation that shows that it could fail.
func TestCourseIsComplete(t *testing.T) {
	course, err := TheCourse()
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range course.Topics {
		for _, name := range topic.Scenarios {
			data, err := Load(name)
			if err != nil {
				continue // TestCourse says so
			}
			sc, err := Parse(name+".yaml", data)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for what, text := range map[string]Text{"title": sc.Title, "claim": sc.Claim, "reason": sc.Reason} {
				if text.EN == "" || text.ZH == "" {
					t.Errorf("%s: its %s is not there in both languages", name, what)
				}
			}
			if sc.Finding == NoFinding || len(sc.References) == 0 || len(sc.Mutations) == 0 {
				t.Errorf("%s: finding %q, %d references, %d mutations", name, sc.Finding, len(sc.References), len(sc.Mutations))
			}
			for _, m := range sc.Mutations {
				if m.Note.EN == "" || m.Note.ZH == "" {
					t.Errorf("%s: the note of mutation %s is not there in both languages", name, m.Name)
				}
			}
			for _, v := range sc.Variants {
				if v.Note.EN == "" || v.Note.ZH == "" {
					t.Errorf("%s: the note of variant %s is not there in both languages", name, v.Name)
				}
			}
		}
	}
}

// The Chinese of the gallery uses the words of the glossary, and no others for
// the same things.
func TestGlossary(t *testing.T) {
	for _, name := range Gallery() {
		data, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, term := range words.Glossary() {
			for _, other := range term.Not {
				if strings.Contains(string(data), other) {
					t.Errorf("%s: %s is called %s here, not %s", name, term.EN, term.ZH, other)
				}
			}
		}
	}
}

func TestCourseIsStrict(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "topics: {a: {title: {en: x}, scenarios: [], sentence: {}}}", `topics.a.sentence: unknown key`},
		{"no scenario", "topics: {a: {title: {en: x}, scenarios: [], sentences: {a-1: {text: {en: x}}}}}", `missing key "scenario"`},
		{"no topics", "{}", `missing key "topics"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseCourse("c.yaml", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
