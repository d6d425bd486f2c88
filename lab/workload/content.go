package workload

import (
	"errors"
	"io"
)

// Generated returns size bytes that are made while they are read: lines
// of 16 bytes, each the hexadecimal offset at which it stands. So any part of
// it can be recognised in a capture, and it takes no memory.
func Generated(size int64) io.ReadSeeker { return &generated{size: size} }

type generated struct{ offset, size int64 }

const generatedLine = 16

// Read makes the next bytes.
func (g *generated) Read(p []byte) (int, error) {
	if g.offset >= g.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), g.size-g.offset)]
	for n := 0; n < len(p); {
		line := generatedAt(g.offset + int64(n))
		n += copy(p[n:], line[(g.offset+int64(n))%generatedLine:])
	}
	g.offset += int64(len(p))
	return len(p), nil
}

// generatedAt returns the line that holds the byte at offset.
func generatedAt(offset int64) [generatedLine]byte {
	const digits = "0123456789abcdef"
	var line [generatedLine]byte
	v := offset - offset%generatedLine
	for i := generatedLine - 2; i >= 0; i-- {
		line[i] = digits[v&0xf]
		v >>= 4
	}
	line[generatedLine-1] = '\n'
	return line
}

var errSeek = errors.New("seek before the beginning")

// Seek moves to an offset; past the end is allowed, and reads EOF there.
func (g *generated) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += g.offset
	case io.SeekEnd:
		offset += g.size
	}
	if offset < 0 {
		return g.offset, errSeek
	}
	g.offset = offset
	return offset, nil
}
