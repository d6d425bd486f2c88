package scenarios

import (
	"reflect"
	"slices"
)

// courseFile holds the course; it is no scenario.
const courseFile = "sentences.yaml"

// A Course is what is taught: sentences by topic, each with the scenario of
// the gallery that puts it to the test.
type Course struct {
	Topics []Topic `key:"topics,required" doc:"What is taught, by topic."`
}

// A Topic is a chapter of the course.
type Topic struct {
	At        Pos
	Name      string
	Title     Text       `key:"title,required" doc:"What it is about."`
	Sentences []Sentence `key:"sentences" doc:"The sentences that are taught."`
	Scenarios []string   `key:"scenarios,required" doc:"All scenarios of the topic, in the order of reading."`
}

// A Sentence is one that is taught, word for word in Chinese; in English it
// is a translation.
type Sentence struct {
	At       Pos
	Name     string
	Text     Text     `key:"text,required" doc:"The sentence."`
	Scenario string   `key:"scenario,required" doc:"The scenario that settles it: its finding is that of the sentence."`
	See      []string `key:"see" doc:"Scenarios that show more of it."`
}

// TheCourse returns the course that comes with netlab.
func TheCourse() (*Course, error) {
	data, err := gallery.ReadFile(courseFile)
	if err != nil {
		return nil, err // cannot be: it is part of the program
	}
	return parseCourse(courseFile, data)
}

// parseCourse reads a course as strictly as a scenario is read. The error is
// an [*Errors].
func parseCourse(name string, data []byte) (*Course, error) {
	r := &report{file: name}
	c := &Course{}
	if root := load(data, r); root != nil {
		newDecoder(r, shapes{}, "").value(reflect.ValueOf(c).Elem(), root, nil, nil)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Topic returns the topic of a name, nil if there is none.
func (c *Course) Topic(name string) *Topic {
	i := slices.IndexFunc(c.Topics, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Topics[i]
}

// SentencesOf returns the sentences that a scenario says something about,
// those first that it settles.
func (c *Course) SentencesOf(scenario string) []Sentence {
	var settled, seen []Sentence
	for _, t := range c.Topics {
		for _, s := range t.Sentences {
			switch {
			case s.Scenario == scenario:
				settled = append(settled, s)
			case slices.Contains(s.See, scenario):
				seen = append(seen, s)
			}
		}
	}
	return append(settled, seen...)
}
