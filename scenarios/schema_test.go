package scenarios

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func compileSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	text, err := Schema()
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.json", doc); err != nil {
		tb.Fatal(err)
	}
	s, err := c.Compile("scenario.json")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// asJSON turns YAML into what an editor gives to a schema. It fails where
// the text is no YAML that JSON can hold.
func asJSON(text []byte) (any, error) {
	var doc any
	if err := yaml.Load(text, &doc); err != nil {
		return nil, err
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(out))
}

// TestSchemaAccepts validates the gallery, and files in every short form.
func TestSchemaAccepts(t *testing.T) {
	s := compileSchema(t)
	files := archive(t, "testdata/right.txtar", ".yaml")
	for _, name := range Gallery() {
		data, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	for name, text := range files {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(name, text); err != nil {
				t.Error(err)
			}
			doc, err := asJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(doc); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSchemaRejects sees to it that what is wrong in structure is wrong for
// the schema too.
func TestSchemaRejects(t *testing.T) {
	s := compileSchema(t)
	for name, text := range archive(t, "testdata/wrong.txtar", ".yaml") {
		if !strings.HasPrefix(name, "structure/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			doc, err := asJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			if s.Validate(doc) == nil {
				t.Error("the schema accepts this")
			}
		})
	}
}

// FuzzSchema sees to it that the schema accepts whatever the parser accepts.
func FuzzSchema(f *testing.F) {
	s := compileSchema(f)
	for _, name := range Gallery() {
		data, err := Load(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, data := range archive(f, "testdata/right.txtar", ".yaml") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Parse("fuzz.yaml", data); err != nil {
			return
		}
		doc, err := asJSON(data)
		if err != nil {
			t.Skip("JSON cannot hold it")
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%v\n%s", err, data)
		}
	})
}
