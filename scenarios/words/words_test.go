package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var verb = regexp.MustCompile(`%(\[\d+\])?[a-zA-Z]`)

// Both languages of a message must use the same arguments, by number, and no
// id may stand in two parts.
func TestCatalogueIsComplete(t *testing.T) {
	seen := map[ID]bool{}
	for _, part := range catalogue() {
		for id, e := range part {
			if seen[id] {
				t.Errorf("%s stands twice", id)
			}
			seen[id] = true
			if e.en == "" || e.zh == "" {
				t.Errorf("%s: a language is missing", id)
			}
			en, zh := verb.FindAllString(e.en, -1), verb.FindAllString(e.zh, -1)
			slices.Sort(en)
			slices.Sort(zh)
			if !slices.Equal(slices.Compact(slices.Clone(en)), slices.Compact(slices.Clone(zh))) {
				t.Errorf("%s: English uses %v, Chinese %v", id, en, zh)
			}
			for _, v := range en {
				if v[1] != '[' {
					t.Errorf("%s: argument %s is not numbered", id, v)
				}
			}
		}
	}
}

func TestParseLang(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Lang
		ok   bool
	}{{"en", English, true}, {"zh_CN.UTF-8", Chinese, true}, {"zh-Hant", Chinese, true}, {"C.UTF-8", English, true}, {"fr", English, false}} {
		if got, ok := ParseLang(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("ParseLang(%q) = %q, %v; want %q, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

// What netlab says in Chinese uses the words of the glossary, too.
func TestGlossary(t *testing.T) {
	for _, part := range catalogue() {
		for id, text := range part {
			for _, term := range Glossary() {
				for _, other := range term.Not {
					if strings.Contains(text.zh, other) {
						t.Errorf("%s: %s is called %s here, not %s: %q", id, term.EN, term.ZH, other, text.zh)
					}
				}
			}
		}
	}
}
