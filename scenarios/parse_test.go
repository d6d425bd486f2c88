package scenarios

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestWrong parses every file of testdata/wrong.txtar and compares what is
// said of it. NAME.yaml is the file, NAME.txt the errors.
func TestWrong(t *testing.T) {
	const golden = "testdata/wrong.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	var files []txtar.File
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".yaml")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, err := Parse("a.yaml", f.Data)
			if err == nil || s != nil {
				t.Fatalf("Parse gave %v, %v; want an error and nothing else", s, err)
			}
			got := err.Error() + "\n"
			if diff := cmp.Diff(want[name+".txt"], got); diff != "" && !*update {
				t.Errorf("errors differ (-want +got):\n%s", diff)
			}
			files = append(files, f, txtar.File{Name: name + ".txt", Data: []byte(got)})
		})
	}
	if *update && !t.Failed() {
		archive.Files = files
		if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
