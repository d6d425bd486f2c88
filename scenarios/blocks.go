package scenarios

import "strings"

// YAMLBlocks returns the code blocks of a Markdown text that are fenced as
// yaml, so that documentation can be tested. Lines keep their numbers: each
// block begins with as many empty lines as stand above it.
func YAMLBlocks(markdown string) []string {
	var blocks []string
	var block []string
	fence := ""
	for i, line := range strings.Split(markdown, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(trimmed, "```"):
			fence = trimmed
			block = make([]string, i+1)
		case fence != "" && trimmed == "```":
			if fence == "```yaml" {
				blocks = append(blocks, strings.Join(block, "\n")+"\n")
			}
			fence = ""
		case fence != "":
			block = append(block, line)
		}
	}
	return blocks
}
