package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"netlab/scenarios/words"
)

// load reads the one YAML document of a file. Whatever is wrong with the text
// is reported; the result is then nil, or what could be read.
func load(data []byte, r *report) *node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if p, ok := measure(data); !ok {
		r.add(p)
		return nil
	}
	y, err := readDocument(data)
	if err != nil {
		r.add(explain(err, data))
		return nil
	}
	if y == nil || len(y.Content) == 0 {
		r.add(Problem{Pos: Pos{Line: 1, Column: 1}, Message: words.M(words.FileEmpty)})
		return nil
	}
	l := planter{report: r}
	root := l.plant(y.Content[0], nil, 0)
	if l.over {
		return nil
	}
	return root
}

// measure looks at the text before a YAML parser does: its size, its
// characters, and how many keys and values it can have. The parser needs up
// to two microseconds for each.
func measure(data []byte) (Problem, bool) {
	wrong := func(at Pos, id words.ID, args ...any) (Problem, bool) {
		return Problem{Pos: at, Message: words.M(id, args...)}, false
	}
	if len(data) > maxBytes {
		return wrong(Pos{}, words.FileTooBig, maxBytes)
	}
	at := Pos{Line: 1, Column: 1}
	marks := 0
	for i := 0; i < len(data); {
		c, size := rune(data[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRune(data[i:])
		}
		if c == utf8.RuneError && size == 1 {
			return wrong(at, words.FileNotUTF8)
		}
		if forbidden(c) {
			return wrong(at, words.FileControl, fmt.Sprintf("U+%04X", c))
		}
		i += size
		if isMark(c, data[i:]) {
			if marks++; marks > maxMarks {
				return wrong(at, words.FileTooDense, maxMarks)
			}
		}
		if c == '\n' {
			at.Line++
			at.Column = 0
		}
		at.Column++
	}
	return Problem{}, true
}

// forbidden reports whether YAML or we refuse a character wherever it stands.
func forbidden(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f && c < 0xa0 && c != 0x85 || c == 0xfffe || c == 0xffff
}

// isMark reports whether a character can end one key or value and begin
// another.
func isMark(c rune, rest []byte) bool {
	switch c {
	case '\n', ',', '[', '{', '?':
		return true
	case ':', '-':
		return len(rest) == 0 || strings.IndexByte(" \t\r\n,[]{}\"'", rest[0]) >= 0
	}
	return false
}

// errPanic is what the YAML library fell over.
var errPanic = errors.New("the YAML parser fell over this text")

// errSecond is a second document, at a line.
type errSecond struct{ line, column int }

func (e errSecond) Error() string { return "second document" }

// readDocument returns the document node, or nil if there is none. The
// library's panics, should it have any, do not leave it.
func readDocument(data []byte) (doc *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			doc, err = nil, errPanic
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(data),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, err
	}
	var first, second yaml.Node
	switch err := loader.Load(&first); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
		return &first, nil
	case err != nil:
		return nil, err
	}
	return nil, errSecond{second.Line, second.Column}
}

// explain turns an error of the YAML library into a problem.
func explain(err error, data []byte) Problem {
	p := Problem{Pos: Pos{Line: 1, Column: 1}}
	if second := (errSecond{}); errors.As(err, &second) {
		p.Pos.Line, p.Pos.Column = second.line, second.column
		p.Message = words.M(words.FileManyDocs)
		return p
	}
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		p.Message = words.M(words.FileYAML, strings.TrimPrefix(err.Error(), "yaml: "))
		return p
	}
	if mark := le.Mark; mark.Line > 0 {
		p.Pos.Line, p.Pos.Column = mark.Line, mark.Column
	}
	at := charAt(data, p.Pos)
	anchor, noAnchor := strings.CutPrefix(le.Message, "unknown anchor '")
	switch {
	case strings.HasPrefix(le.Message, "exceeded max depth"):
		p.Message = words.M(words.FileTooDeep, maxDepth)
	case noAnchor:
		p.Message = words.M(words.FileAnchor, quote(strings.TrimSuffix(anchor, "' referenced")))
	case at == '\t':
		p.Message = words.M(words.FileTab)
	case le.Message == "found character that cannot start any token" && at != 0:
		p.Message = words.M(words.FileQuoteIt, quote(string(at)))
	case le.ContextMsg != "" && le.ContextMark.Line > 0:
		p.Message = words.M(words.FileYAMLIn, le.Message, le.ContextMsg, le.ContextMark.Line, le.ContextMark.Column)
	default:
		p.Message = words.M(words.FileYAML, le.Message)
	}
	return p
}

// charAt returns the character at a place, 0 if there is none.
func charAt(data []byte, at Pos) rune {
	for line := 1; line < at.Line; line++ {
		_, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			return 0
		}
		data = rest
	}
	data, _, _ = bytes.Cut(data, []byte("\n"))
	for i, c := range []rune(string(data)) {
		if i == at.Column-1 {
			return c
		}
	}
	return 0
}
