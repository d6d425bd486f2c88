package calls

import (
	"fmt"
	"slices"
	"testing"
)

// follow passes a stream in pieces of a size and returns what was seen.
func follow(stream []byte, piece int) []string {
	var seen []string
	r := recordReader{ended: func(kind byte, length int, plain []byte) {
		seen = append(seen, fmt.Sprintf("%d %d %x", kind, length, plain))
	}}
	for chunk := range slices.Chunk(stream, piece) {
		r.pass(chunk)
	}
	return seen
}

// However a stream of records is cut up, the same is seen in it; and whatever
// a peer sends, it is only bytes.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{22, 3, 1, 0, 3, 1, 2, 3, 21, 3, 3, 0, 2, 2, 42, 23, 3, 3, 0, 0, 21, 3, 3, 0, 1, 9}, uint8(2))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), uint8(7))
	f.Add([]byte{21, 3, 3, 0, 19, 1}, uint8(0))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		whole, cut := follow(stream, len(stream)+1), follow(stream, int(piece)+1)
		if !slices.Equal(whole, cut) {
			t.Errorf("whole %v, in pieces of %d %v", whole, int(piece)+1, cut)
		}
	})
}

func TestRecords(t *testing.T) {
	got := follow([]byte{22, 3, 1, 0, 3, 1, 2, 3, 21, 3, 3, 0, 2, 2, 42, 21, 3, 3, 0, 3, 9, 9, 9, 23, 3, 3, 0, 0, 23}, 1)
	want := []string{"22 3 ", "21 2 022a", "21 3 ", "23 0 "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
