package proxy

import (
	"bytes"
	"strings"
	"testing"
)

// edited feeds a stream in pieces of n bytes, and what is held back at the end.
func edited(flip, cut *Place, stream []byte, n int) (string, bool) {
	e := &editor{flip: newPlace(flip), cut: newPlace(cut)}
	var all []byte
	out, end := e.edit(nil)
	for !end && len(stream) > 0 {
		piece := stream[:min(n, len(stream))]
		stream = stream[len(piece):]
		all = append(all, out...)
		out, end = e.edit(piece)
	}
	all = append(all, out...)
	if !end {
		out, end = e.flush()
		all = append(all, out...)
	}
	return string(all), end
}

func TestEdit(t *testing.T) {
	tests := []struct {
		name      string
		flip, cut *Place
		in, want  string
		end       bool
	}{
		{name: "nothing to do", in: "hello", want: "hello"},
		{name: "flip the first byte", flip: &Place{}, in: "hello", want: "iello"},
		{name: "flip one further on", flip: &Place{After: 4}, in: "hello", want: "helln"},
		{name: "flip behind the end", flip: &Place{After: 5}, in: "hello", want: "hello"},
		{name: "flip a text", flip: &Place{Text: "hello"}, in: "say hello to hello", want: "say iello to hello"},
		{name: "flip in a text", flip: &Place{Text: "hello", After: 3}, in: "say hello", want: "say helmo"},
		{name: "flip behind a text", flip: &Place{Text: "hello", After: 6}, in: "say hello to", want: "say hello uo"},
		{name: "flip no such text", flip: &Place{Text: "hullo"}, in: "say hello", want: "say hello"},
		{name: "a text that begins again", flip: &Place{Text: "aab"}, in: "aaaab", want: "aa`ab"},
		{name: "a text with a false start", flip: &Place{Text: "abcabd"}, in: "abcabcabd", want: "abc`bcabd"},
		{name: "half a text at the end", flip: &Place{Text: "hello"}, in: "say hel", want: "say hel"},
		{name: "cut at once", cut: &Place{}, in: "hello", want: "", end: true},
		{name: "cut", cut: &Place{After: 3}, in: "hello", want: "hel", end: true},
		{name: "cut at the end", cut: &Place{After: 5}, in: "hello", want: "hello", end: true},
		{name: "cut behind the end", cut: &Place{After: 6}, in: "hello", want: "hello"},
		{name: "cut before a text", cut: &Place{Text: "to"}, in: "hello to me", want: "hello ", end: true},
		{name: "cut behind a text", cut: &Place{Text: "to", After: 2}, in: "hello to me", want: "hello to", end: true},
		{name: "flip and cut", flip: &Place{After: 1}, cut: &Place{After: 2}, in: "hello", want: "hd", end: true},
		{name: "flip behind the cut", flip: &Place{After: 2}, cut: &Place{After: 2}, in: "hello", want: "he", end: true},
		{name: "flip in a text that the cut is made by", flip: &Place{Text: "llo", After: 1}, cut: &Place{Text: "llo", After: 2}, in: "hello", want: "helm", end: true},
		{name: "not only text", flip: &Place{Text: "\x00\xff", After: 1}, in: "\x16\x03\x00\xff\x00", want: "\x16\x03\x00\xfe\x00"},
	}
	for _, tt := range tests {
		for n := 1; n <= len(tt.in); n++ {
			got, end := edited(tt.flip, tt.cut, []byte(tt.in), n)
			if got != tt.want || end != tt.end {
				t.Errorf("%s, in pieces of %d: %q, end %t; want %q, %t", tt.name, n, got, end, tt.want, tt.end)
			}
		}
	}
}

// However a stream is cut into pieces, the same comes out as of the whole.
func FuzzEdit(f *testing.F) {
	f.Add([]byte("abcabcabd"), "abcabd", uint8(1), "cab", uint8(5), uint8(2))
	f.Add([]byte("hello"), "", uint8(2), "x", uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, flipText string, flipAfter uint8, cutText string, cutAfter uint8, n uint8) {
		flip, cut := &Place{Text: flipText, After: int64(flipAfter)}, &Place{Text: cutText, After: int64(cutAfter)}
		want, wantCut := in, false
		if i := bytes.Index(in, []byte(cutText)); i >= 0 && i+int(cutAfter) <= len(in) {
			want, wantCut = in[:i+int(cutAfter)], true
		}
		want = bytes.Clone(want)
		if i := strings.Index(string(in), flipText); i >= 0 && i+int(flipAfter) < len(want) {
			want[i+int(flipAfter)] ^= 1
		}
		got, gotCut := edited(flip, cut, in, int(n)+1)
		if got != string(want) || gotCut != wantCut {
			t.Errorf("flip %+v, cut %+v, pieces of %d: %q gave %q, %t; want %q, %t", *flip, *cut, int(n)+1, in, got, gotCut, want, wantCut)
		}
	})
}
