package scenarios

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestYAMLBlocks(t *testing.T) {
	text := "# Title\n\n```yaml\nnetlab: 1\n```\n\n```sh\nmake\n```\n\n    ```yaml\n    a: b\n    ```\n```yaml\nopen\n"
	want := []string{"\n\n\nnetlab: 1\n", strings.Repeat("\n", 11) + "    a: b\n"}
	if diff := cmp.Diff(want, YAMLBlocks(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDocumentationBlocksParse parses every YAML block of the Markdown files
// of the repository. A block that begins with a comment "# part" is not a
// whole scenario and is left out.
func TestDocumentationBlocksParse(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, block := range YAMLBlocks(string(text)) {
			if strings.HasPrefix(strings.TrimLeft(block, "\n"), "# part") {
				continue
			}
			if _, err := Parse(path, []byte(block)); err != nil {
				t.Errorf("%v\nin:\n%s", err, block)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
