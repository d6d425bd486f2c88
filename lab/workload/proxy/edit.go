package proxy

// A place is a position in a stream: so many bytes after its beginning, or
// after the beginning of the first occurrence of a text. It is fed the stream.
type place struct {
	text  []byte
	after int64
	next  []int // of text: how long a prefix is also a suffix of the first i bytes (Knuth, Morris, Pratt)
	seen  int64 // bytes fed
	match int   // how many bytes of text the last ones fed could be
	at    int64 // the position; -1 as long as the text has not come
}

func newPlace(p *Place) *place {
	if p == nil {
		return nil
	}
	l := &place{text: []byte(p.Text), after: p.After, at: -1}
	if len(l.text) == 0 {
		l.at = p.After
		return l
	}
	l.next = make([]int, len(l.text)+1)
	for i := 1; i < len(l.text); i++ {
		l.next[i+1] = l.extend(l.next[i], l.text[i])
	}
	return l
}

// extend returns how much of the text is matched with one byte more.
func (l *place) extend(matched int, b byte) int {
	for matched > 0 && l.text[matched] != b {
		matched = l.next[matched]
	}
	if l.text[matched] == b {
		matched++
	}
	return matched
}

// feed takes the next bytes of the stream.
func (l *place) feed(p []byte) {
	for _, b := range p {
		l.seen++
		if l.at >= 0 {
			continue
		}
		if l.match = l.extend(l.match, b); l.match == len(l.text) {
			l.at = l.seen - int64(len(l.text)) + l.after
		}
	}
}

// safe returns up to where the stream certainly lies before the place, or the
// place is known.
func (l *place) safe() int64 {
	if l == nil || l.at >= 0 {
		return int64(1)<<62 - 1
	}
	return l.seen - int64(l.match) + l.after
}

// forget gives up on a text of which the beginning has come.
func (l *place) forget() {
	if l != nil && l.at < 0 {
		l.match = 0
	}
}

// An editor does to one direction of a connection what the proxy is to do. It
// holds back what could be the beginning of a text that it looks for.
type editor struct {
	flip, cut *place
	held      []byte
	passed    int64 // bytes that were handed on: the offset of held
	flipped   bool
	counted   bool // that it is flipped
}

// edit takes what came and returns what is to be passed on, and whether that is
// all: the cut has been reached. The result is valid until the next call.
func (e *editor) edit(p []byte) (out []byte, cut bool) {
	for _, l := range []*place{e.flip, e.cut} {
		if l != nil {
			l.feed(p)
		}
	}
	e.held = append(e.held, p...)
	return e.release(min(e.flip.safe(), e.cut.safe()))
}

// flush returns what was held back: no more will come, or not soon.
func (e *editor) flush() (out []byte, cut bool) {
	e.flip.forget()
	e.cut.forget()
	return e.release(min(e.flip.safe(), e.cut.safe()))
}

// release hands on what lies before limit.
func (e *editor) release(limit int64) (out []byte, cut bool) {
	end := min(limit, e.passed+int64(len(e.held)))
	if e.cut != nil && e.cut.at >= 0 && e.cut.at <= end {
		end, cut = max(e.cut.at, e.passed), true
	}
	if e.flip != nil && !e.flipped && e.flip.at >= e.passed && e.flip.at < end {
		e.held[e.flip.at-e.passed] ^= 1
		e.flipped = true
	}
	n := end - e.passed
	out = append([]byte(nil), e.held[:n]...)
	e.held = append(e.held[:0], e.held[n:]...)
	e.passed = end
	return out, cut
}
