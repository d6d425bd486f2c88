package content

import (
	"bytes"
	"slices"
)

// maxFrames is how many frames are named as bearing a text.
const maxFrames = 64

// A finder looks for texts in a stream, across the borders of segments.
type finder struct {
	texts   [][]byte
	scratch *[]byte // room for the past and what is new; shared, nothing stays in it
	keep    int     // one less than the longest text: so much of the past is needed
	past    []byte  // the last bytes of the stream, at most keep
	marks   []mark  // where frames begin that past reaches into
	hits    []hit
}

// A mark says which frame bears the stream from an offset on.
type mark struct {
	offset int64
	frame  uint64
}

// A hit is what was found of one text.
type hit struct {
	count  int
	from   int64 // where the next one may begin: they do not overlap
	offset int64 // of the first
	frames []uint64
	at     moment // of the frame in which the first ended
}

func newFinder(texts [][]byte, scratch *[]byte) *finder {
	f := &finder{texts: texts, scratch: scratch, hits: make([]hit, len(texts))}
	for _, t := range texts {
		f.keep = max(f.keep, len(t)-1)
	}
	return f
}

// gap forgets the past: no text lies across a hole.
func (f *finder) gap() { f.past, f.marks = f.past[:0], f.marks[:0] }

// add searches what comes at an offset: next, or anywhere after a gap.
func (f *finder) add(offset int64, data []byte, at moment) {
	if len(f.texts) == 0 {
		return
	}
	start := offset - int64(len(f.past))
	all := append(append((*f.scratch)[:0], f.past...), data...)
	*f.scratch = all
	f.marks = append(f.marks, mark{offset, at.frame})
	for i, t := range f.texts {
		f.search(&f.hits[i], t, all, start, at)
	}
	old := max(len(all)-f.keep, 0)
	f.past = append(f.past[:0], all[old:]...)
	start += int64(old)
	drop := 0
	for drop+1 < len(f.marks) && f.marks[drop+1].offset <= start {
		drop++
	}
	f.marks = slices.Delete(f.marks, 0, drop)
}

// search counts a text in what there is, from offset start of the stream on.
// All that lay in the past alone was counted before.
func (f *finder) search(h *hit, text, all []byte, start int64, at moment) {
	for {
		from := max(h.from-start, 0)
		if from > int64(len(all)) {
			return
		}
		i := bytes.Index(all[from:], text)
		if i < 0 {
			return
		}
		first := start + from + int64(i)
		h.from = first + int64(len(text))
		if h.count++; h.count == 1 {
			h.offset, h.at = first, at
			h.frames = f.bearing(first, h.from)
		}
	}
}

// bearing returns the frames that bear the stream between two offsets.
func (f *finder) bearing(from, to int64) []uint64 {
	var frames []uint64
	for i, m := range f.marks {
		reaches := i+1 == len(f.marks) || f.marks[i+1].offset > from
		if reaches && m.offset < to && len(frames) < maxFrames {
			frames = append(frames, m.frame)
		}
	}
	return frames
}
